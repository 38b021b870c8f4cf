/* trace.h - the options of traces: which cores, how many events, which file. */
#ifndef PLMR_CLI_TRACE_H
#define PLMR_CLI_TRACE_H

#include "cli/options.h"
#include "report/trace.h"

/* Three keys from `key` on, as entries of a command's table of options. */
enum { PLMR_TRACE_KEYS = 3 };
#define PLMR_TRACE_OPTIONS(key, group)                                                                                 \
    {                                                                                                                  \
        "trace", key, "FILE", 0, "Events of chosen cores in virtual time, for Perfetto; OTF2 if it ends in .otf2",     \
        group},                                                                                                        \
        {"trace-cores",                                                                                                \
         key + 1,                                                                                                      \
         "LIST",                                                                                                       \
         0,                                                                                                            \
         "Which: R,C;R,C;... or sample:N: corners, middle, diagonal (default sample:16)",                              \
         group},                                                                                                       \
    {                                                                                                                  \
        "trace-events", key + 2, "N", 0, "Events to keep at most (default 200000)", group                              \
    }

/* Sets what the option says; `which` is 0 for the first key. */
plmr_status plmr_trace_option_set(int which, const char *text, plmr_trace_options *options);

/* Cores or events without a file; a file where nothing runs. */
plmr_status plmr_trace_options_check(const plmr_trace_options *options, bool plan);

/* Traces the region, one of n_regions that share the events. Does nothing without --trace. Fails if a core lies
 * outside. Local, alike on all ranks. */
plmr_status plmr_trace_options_attach(const plmr_trace_options *options, plmr_region *region, int n_regions);

/* Says on standard error what was left out. On rank 0. */
void plmr_trace_warn(const plmr_trace_file *file);

#endif
