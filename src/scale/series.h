/* series.h - runs commands of plmr on several numbers of ranks, one after the other. All functions are local. */
#pragma once

#include "base/option.h"
#include "scale/curve.h"

/* A command for strong scaling and one for weak scaling, in which {A} is A for each rank: a rank's part of work and
 * memory stays the same. */
typedef struct plmr_workload {
    const char *name, *strong, *weak;
} plmr_workload;
extern const plmr_registry plmr_workload_registry;

typedef struct plmr_series {
    const plmr_chosen *workloads;
    const char *const *own; /* instead of them: the words of a command, NULL at the end; NULL: not given */
    const int *counts;      /* of ranks */
    int n_counts;
    int64_t repeat;
    plmr_curve *curve;   /* to which the runs are added; it says which scaling */
    plmr_draft *records; /* of every single run; perhaps not open */
} plmr_series;

/* Runs all, in turn, so that what changes on the machine meanwhile meets all alike. */
plmr_status plmr_series_run(const plmr_series *series);
