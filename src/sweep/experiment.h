/* experiment.h - a file that says what a sweep varies, and what is shown of it.
 *
 * The file is one JSON object:
 *   "title", "question"   one line each
 *   "runs"                an object; each member, a run, has a "command", "options" that are fixed (optional) and
 *                         options to "vary"
 *   "columns"             an array: what the CSV file shows (see view.h)
 *   "plots"               an array of plots, for scripts/plot_sweep.py (see view.h)
 *
 * An option is a name without dashes, or "device.KEY" for a number of the device; its value a number, a text, or for an
 * option that takes no value true or false. What to vary is an array of values, or {"from", "to", "step"} or {"from",
 * "to", "factor"}, both ends included.
 *
 * A run has one point for each combination of its values, the last option varying fastest. A point is one command line.
 * Everything here is local.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/option.h"
#include "plmr/status.h"

/* What a command takes; the caller's. */
typedef struct plmr_sweep_command {
    const char *name;
    const plmr_option *options;
} plmr_sweep_command;

/* An option that is varied. */
typedef struct plmr_sweep_axis {
    const char *option;
    json_t *values; /* an array, not empty */
} plmr_sweep_axis;

typedef struct plmr_sweep_run {
    const char *name;
    const plmr_sweep_command *command;
    json_t *fixed; /* an object; NULL: there are none */
    plmr_sweep_axis *axes;
    int n_axes;
    int64_t first, n_points; /* of the experiment's points */
} plmr_sweep_run;

typedef struct plmr_experiment {
    const char *title, *question;
    plmr_sweep_run *runs;
    int n_runs;
    int64_t n_points;
    json_t *root;
} plmr_experiment;

enum { PLMR_SWEEP_MOST_POINTS = 100000, PLMR_SWEEP_LONGEST = 1000 /* bytes of a text */ };

/* Reads an experiment; `file` names the text in errors, and the commands must outlive it. What is wrong in it is an
 * error: unknown keys, commands, options, columns; options that are fixed and varied; no values; equal points; a run
 * whose points would run several algorithms. Whether the commands take the values shows when they run. */
plmr_status plmr_experiment_parse(const char *text, const char *file, const plmr_sweep_command *commands,
                                  int n_commands, plmr_experiment **experiment);
void plmr_experiment_destroy(plmr_experiment *experiment);

/* A point: its command line, argv[0] the command's name and argv[argc] NULL, the device in it, and what is varied. */
typedef struct plmr_sweep_point {
    const plmr_sweep_run *run;
    int argc;
    char **argv;
    char *device;
    json_t *values; /* an object: option to value */
} plmr_sweep_point;

/* Makes point i of [0, n_points). */
void plmr_sweep_point_make(const plmr_experiment *experiment, int64_t i, plmr_sweep_point *point);
void plmr_sweep_point_clear(plmr_sweep_point *point);

/* A hash of its command line. */
uint64_t plmr_sweep_point_hash(const plmr_sweep_point *point);

/* A hash of what decides a point's result: its command line, this program's version, the device's numbers; of a device that
 * there is not, its name alone. Reads the device's file, and fails where that cannot be read. */
plmr_status plmr_sweep_point_key(const plmr_sweep_point *point, uint64_t *key);

/* Hashes in order, each with its point, for the caller to free. */
typedef struct plmr_numbered {
    uint64_t hash;
    int64_t point;
} plmr_numbered;
plmr_numbered *plmr_sweep_sorted(const uint64_t *hashes, int64_t n);
int plmr_numbered_compare(const void *a, const void *b);
