/* progress.h - how far a long run has come: one line on the terminal, redrawn, and erased at the end.
 *
 * It appears after two seconds, and only where standard error ends at a terminal, also when mpirun carries it there.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

typedef struct plmr_progress {
    const char *label; /* the caller's: what is running */
    int64_t n_steps;
    bool enabled, shown;
    double start_s, next_s;
} plmr_progress;

/* Starts the clock of a run of n_steps steps. Not enabled: nothing is ever drawn. */
void plmr_progress_begin(plmr_progress *progress, const char *label, int64_t n_steps, bool enabled);

/* To be called after every step, as plmr_region_options.on_step is. Costs a look at the host's clock. */
void plmr_progress_step(void *progress, int64_t steps_done);

/* Erases the line. */
void plmr_progress_end(plmr_progress *progress);

/* Whether standard output or standard error of this process can be seen on a terminal. */
bool plmr_on_terminal(FILE *out);

/* The line for a run that has done so many steps in so many seconds; for tests. */
int plmr_progress_format(char *text, int size, const char *label, int64_t done, int64_t n_steps, double elapsed_s);
