/* llm_report.h - the page of --report for a run of a language model.
 *
 * Beside what html.h and map.h say, a map has "placement": {"stages", "regions", "layers", "first_layer",
 * "layers_per_stage", "output_apart", "layer_bytes", "cache_bytes" (of a layer, in the fullest row of cores),
 * "working_bytes", "output_bytes", "tokens"}, from which follow the tiles of every stage. "timeline" is
 * {"works": names, "layers": of the model, "phases": [{"name": "prefill" | "relayout" | "decode", "first": tokens in
 * the cache before, "spans": [[tokens, cycles, [cycles by work], [of these, in layers]], ...]}]}.
 */
#ifndef PLMR_LLM_REPORT_H
#define PLMR_LLM_REPORT_H

#include <jansson.h>

#include "cli/llm_summary.h"
#include "report/html.h"

typedef struct plmr_llm_report {
    bool is_wanted; /* alike on all ranks; what follows is rank 0's */
    plmr_html html;
    json_t *maps;
    plmr_llm_spans *spans;
} plmr_llm_report;

/* Opens the file; NULL: no report, and what follows does nothing. From here on the summary keeps its tokens' costs.
 * Collective. */
plmr_status plmr_llm_report_open(const char *path, plmr_llm_summary *summary, plmr_llm_report *report);

/* Removes what has not been written. */
void plmr_llm_report_close(plmr_llm_report *report);

/* Takes the map of the region on which a phase has just ended. Collective. */
plmr_status plmr_llm_report_phase(plmr_llm_report *report, const plmr_llm_run *run, const plmr_timing *timing,
                                  const plmr_llm_summary *summary, bool decode);

/* Writes the page: rank 0's. The line is the run's record. */
plmr_status plmr_llm_report_write(plmr_llm_report *report, const plmr_llm_run *run, const plmr_llm_summary *summary,
                                  const char *line);

#endif
