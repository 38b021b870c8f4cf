#include "report/progress.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/format.h"
#include "base/wall.h"
#include "ranks/launcher.h"
#include "report/color.h"

static const double first_line_s = 2, redraw_s = 0.25;

static bool parent_on_terminal(int descriptor)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%ld/fd/%d", (long)getppid(), descriptor);
    int opened = open(path, O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    bool terminal = opened >= 0 && isatty(opened);
    if (opened >= 0)
        close(opened);
    return terminal;
}

/* mpirun gives its processes a terminal of its own for standard output and a pipe for standard error, and copies what
 * comes to where its own go. */
bool plmr_on_terminal(FILE *out)
{
    return plmr_launched_as().rank >= 0 ? parent_on_terminal(fileno(out)) : isatty(fileno(out)) == 1;
}

void plmr_progress_begin(plmr_progress *progress, const char *label, int64_t n_steps, bool enabled)
{
    double start_s = plmr_wall_s();
    *progress = (plmr_progress){
        .label = label, .n_steps = n_steps, .enabled = enabled, .start_s = start_s, .next_s = start_s + first_line_s};
}

int plmr_progress_format(char *text, int size, const char *label, int64_t done, int64_t n_steps, double elapsed_s)
{
    double share = n_steps > 0 ? (double)done / (double)n_steps : 1;
    char left[40] = "";
    if (share > 0) /* before that, who knows */
        snprintf(left, sizeof left, ", %.0f s left", elapsed_s / share - elapsed_s);
    return snprintf(text, (size_t)size, "%s: step %s of %s, %.0f %%%s", label, plmr_format_count(done).s,
                    plmr_format_count(n_steps).s, 100 * share, left);
}

void plmr_progress_step(void *context, int64_t steps_done)
{
    plmr_progress *progress = context;
    double now = progress->enabled ? plmr_wall_s() : 0;
    if (!progress->enabled || now < progress->next_s)
        return;
    char line[160];
    plmr_progress_format(line, sizeof line, progress->label, steps_done, progress->n_steps, now - progress->start_s);
    fprintf(stderr, "\r\033[K%s%s%s", plmr_color(stderr, PLMR_BLUE), line, plmr_color(stderr, PLMR_PLAIN));
    fflush(stderr);
    progress->shown = true;
    progress->next_s = now + redraw_s;
}

void plmr_progress_end(plmr_progress *progress)
{
    if (!progress->shown)
        return;
    fputs("\r\033[K", stderr);
    fflush(stderr);
    progress->shown = false;
}
