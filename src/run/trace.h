/* trace.h - what a user wants traced: which cores, how many events, in which file. */
#pragma once

#include "region/region.h"

typedef struct plmr_trace_options {
    const char *path;  /* NULL: no trace */
    const char *cores; /* "R,C;R,C;..." or "sample:N"; NULL: not given */
    int64_t n_events;  /* 0: not given */
} plmr_trace_options;

/* Cores or events without a file; a file where nothing runs. */
plmr_status plmr_trace_options_check(const plmr_trace_options *options, bool plan);

/* Traces the region, one of n_regions that share the events. Does nothing without a file, or a region. Fails if a core
 * lies outside. Local, alike on all ranks. */
plmr_status plmr_trace_options_attach(const plmr_trace_options *options, plmr_region *region, int n_regions);
