/* view.h - what is shown of an experiment: the columns of its CSV file, and its plots.
 *
 * Both name *quantities*: "run", an option that some run has, or a field of records. Of a point, an option that is
 * varied comes first, then the record's field, then an option that is fixed.
 *
 * "columns": an array of quantities, each once.
 * "plots": an array of objects with "title", "x", "y" (quantities), "x_label", "y_label", and if wanted
 *   "where"       an object: quantities and the value that a point must have there to be shown
 *   "series"      an array of quantities: points that agree in them are one line
 *   "log_x", "log_y", "relative"  truth values; relative: y over its value at the line's least x
 * scripts/plot_sweep.py draws them.
 */
#pragma once

#include <stdio.h>

#include "base/json_reader.h"
#include "sweep/experiment.h"

/* Checks the experiment's columns and plots; its runs have been read. */
plmr_status plmr_view_check(plmr_reader *reader, const plmr_experiment *experiment);

/* The table as CSV, for the caller to free: a line of titles, then one for each point's line of records.jsonl. */
char *plmr_view_csv(const plmr_experiment *experiment, char *const *lines);
