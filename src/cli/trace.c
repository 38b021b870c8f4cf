#include "cli/trace.h"

#include "base/parse.h"

enum { MOST_EVENTS = 20000000 };

const plmr_option plmr_trace_table[] = {
    {"trace", "FILE", PLMR_TITLE_OUTPUT,
     "Events of chosen cores in virtual time, for Perfetto; OTF2 if it ends in .otf2",
     PLMR_TEXT(plmr_trace_options, path)},
    {"trace-cores", "LIST", PLMR_TITLE_OUTPUT,
     "Which: R,C;R,C;... or sample:N: corners, middle, diagonal (default sample:16)",
     PLMR_TEXT(plmr_trace_options, cores)},
    {"trace-events", "N", PLMR_TITLE_OUTPUT, "Events to keep at most (default 200000)",
     PLMR_COUNT(plmr_trace_options, n_events, MOST_EVENTS)},
    {0},
};

plmr_status plmr_trace_option_set(int which, const char *text, plmr_trace_options *options)
{
    if (which == 2)
        return plmr_parse_count("--trace-events", text, MOST_EVENTS, &options->n_events);
    PLMR_CHECK(*text, PLMR_ERROR_INPUT,
               which ? "--trace-cores: cores are missing" : "--trace: the file's name is missing");
    *(which ? &options->cores : &options->path) = text;
    return PLMR_OK;
}
