/* llm_trace.h - the trace of a language model's run: its two regions in one file. */
#ifndef PLMR_LLM_TRACE_H
#define PLMR_LLM_TRACE_H

#include <stdio.h>

#include "cli/llm_run.h"
#include "cli/trace.h"

typedef struct plmr_llm_trace {
    const plmr_trace_options *options;
    plmr_trace_about about;
    plmr_trace_file file; /* rank 0 */
} plmr_llm_trace;

/* Traces the regions, before they are used, and opens the file; nothing without --trace. Collective. */
plmr_status plmr_llm_trace_open(const plmr_trace_options *options, const plmr_llm_run *run, const char *command,
                                plmr_timing *timing, plmr_llm_trace *trace);

/* With PLMR_OK writes the file, gives it its name and says so; else removes it. Returns the status, or what goes wrong
 * now. Collective; `out` is rank 0's. */
plmr_status plmr_llm_trace_close(plmr_llm_trace *trace, plmr_timing *timing, plmr_status status, FILE *out);

#endif
