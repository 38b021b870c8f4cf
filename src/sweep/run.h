/* run.h - runs the points of an experiment, each once, and keeps their records in a folder (see journal.h). */
#pragma once

#include "sweep/experiment.h"

/* Runs a point's command, which writes its record to the file. An error of input or limits is the point's result, one
 * of the system or of a file ends the sweep. Collective. */
typedef plmr_status plmr_sweep_runner(const plmr_sweep_point *point, const char *record_file);

/* Runs the points that are not done (`again`: all of them), and says on standard output what has become of them. `name`
 * and `text` are the experiment's, alike on all ranks. Collective. */
plmr_status plmr_sweep_all(const plmr_experiment *experiment, const char *name, const char *text, const char *folder,
                           bool again, plmr_sweep_runner *run);
