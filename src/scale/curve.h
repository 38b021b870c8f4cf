/* curve.h - strong or weak scaling: runs of the same problem on different numbers of ranks. All functions are local.
 *
 * Of the runs on one number of ranks the one of median wall time stands for all. Efficiency is work over wall time and
 * rank, over the same on the fewest ranks: with the same work (strong) that is the time there over the time here,
 * corrected by the ranks; with the same work a rank (weak) it is the time there over the time here. The speed-up is
 * efficiency times ranks.
 */
#pragma once

#include <stdio.h>

#include "report/jsonl.h"
#include "scale/run.h"

typedef struct plmr_curve {
    bool weak;
    plmr_scale_run *runs;
    int n;
} plmr_curve;

void plmr_curve_free(plmr_curve *curve);

/* Adds the runs of records: lines of JSON. `from` is what errors call the text. Sets *n_added. */
plmr_status plmr_curve_add(plmr_curve *curve, const char *text, const char *from, int *n_added);

/* Sorts the runs by problem and ranks, and checks that those of the same problem have the same answer. */
plmr_status plmr_curve_finish(plmr_curve *curve);

/* Prints a table for each problem; writes a line of JSON for each point. After plmr_curve_finish. */
void plmr_curve_print(FILE *out, const plmr_curve *curve);
plmr_status plmr_curve_write(plmr_draft *jsonl, const plmr_curve *curve);
