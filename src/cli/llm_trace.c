#include "cli/llm_trace.h"

#include "report/table.h"

plmr_status plmr_llm_trace_open(const plmr_trace_options *options, const plmr_llm_run *run, const char *command,
                                plmr_timing *timing, plmr_llm_trace *trace)
{
    plmr_region *prefill = plmr_timing_region(timing, false), *decode = plmr_timing_region(timing, true);
    int n_regions = (prefill != NULL) + (decode != NULL);
    *trace = (plmr_llm_trace){.options = options};
    trace->about = (plmr_trace_about){.command = command,
                                      .device = run->device.name,
                                      .model = run->shape->name,
                                      .clock = run->device.clock,
                                      .ranks = plmr_rank_count(),
                                      .provenance = plmr_provenance_now()};
    PLMR_TRY(plmr_agree(plmr_trace_options_attach(options, prefill, n_regions)));
    PLMR_TRY(plmr_agree(plmr_trace_options_attach(options, decode, n_regions)));
    return plmr_agree(plmr_rank() == 0 ? plmr_trace_file_open(options->path, &trace->about, &trace->file) : PLMR_OK);
}

static plmr_status write_regions(plmr_llm_trace *trace, plmr_timing *timing)
{
    PLMR_TRY(plmr_trace_file_add(&trace->file, plmr_timing_region(timing, false), "prefill"));
    PLMR_TRY(plmr_trace_file_add(&trace->file, plmr_timing_region(timing, true), "decode"));
    return plmr_agree(plmr_trace_file_commit(&trace->file));
}

plmr_status plmr_llm_trace_close(plmr_llm_trace *trace, plmr_timing *timing, plmr_status status, FILE *out)
{
    char text[1000];
    if (!status)
        status = write_regions(trace, timing);
    if (!status && trace->options->path && plmr_rank() == 0) {
        plmr_trace_file_describe(&trace->file, text, sizeof text);
        plmr_table_fact(out, "trace", "%s", text);
        plmr_trace_warn(&trace->file);
    }
    plmr_trace_file_discard(&trace->file);
    return status;
}
