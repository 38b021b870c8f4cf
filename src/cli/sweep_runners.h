/* sweep_runners.h - the commands that sweeps run, and one point run by one of them. */
#ifndef PLMR_SWEEP_RUNNERS_H
#define PLMR_SWEEP_RUNNERS_H

#include "sweep/experiment.h"

enum { PLMR_SWEEP_RUNNERS = 4, PLMR_SWEEP_MOST_OPTIONS = 64 };

/* The commands and their options, as experiments are read with. */
typedef struct plmr_sweep_runners {
    plmr_sweep_command commands[PLMR_SWEEP_RUNNERS];
    plmr_sweep_option options[PLMR_SWEEP_RUNNERS][PLMR_SWEEP_MOST_OPTIONS];
} plmr_sweep_runners;

/* Fills in; the table must not be moved after that. Local. */
void plmr_sweep_runners_fill(plmr_sweep_runners *table);

/* Runs a point's command without printing; its record goes to a file, on rank 0. Unless the point says otherwise in
 * time alone, and memory may be exceeded. Where routes are, software relays; only if that is not enough they may be
 * exceeded too. Collective. */
plmr_status plmr_sweep_run_point(const plmr_sweep_point *point, const char *record_file);

#endif
