/* trace.h - the options of traces on the command line. */
#ifndef PLMR_CLI_TRACE_H
#define PLMR_CLI_TRACE_H

#include "cli/options.h"

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

#endif
