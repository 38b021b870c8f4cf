#include "cli/llm_report.h"

#include <stdlib.h>

#include "report/map.h"

static plmr_status open_on_root(const char *path, plmr_llm_report *report)
{
    PLMR_TRY(plmr_html_open("--report", path, &report->html));
    report->maps = json_array();
    report->spans = calloc(1, sizeof *report->spans);
    PLMR_CHECK(report->maps && report->spans, PLMR_ERROR_SYSTEM, "out of memory for the report");
    report->spans->n_least = 1;
    return PLMR_OK;
}

plmr_status plmr_llm_report_open(const char *path, plmr_llm_summary *summary, plmr_llm_report *report)
{
    *report = (plmr_llm_report){.is_wanted = path != NULL};
    if (!path)
        return PLMR_OK;
    plmr_status status = plmr_agree(plmr_rank() == 0 ? open_on_root(path, report) : PLMR_OK);
    if (status)
        plmr_llm_report_close(report);
    summary->spans = report->spans;
    return status;
}

void plmr_llm_report_close(plmr_llm_report *report)
{
    plmr_html_discard(&report->html);
    json_decref(report->maps);
    free(report->spans);
    *report = (plmr_llm_report){0};
}

/* ---- maps ---- */

static json_t *placement(const plmr_llm_run *run, const plmr_placement *p, int n_layers, int64_t n_tokens)
{
    return json_pack("{s:i, s:i, s:i, s:i, s:i, s:b, s:I, s:I, s:I, s:I, s:I}", "stages", p->n_stages, "regions",
                     p->n_regions, "layers", n_layers, "first_layer", run->setup.first_layer, "layers_per_stage",
                     p->layers_per_stage, "output_apart", p->output_apart, "layer_bytes", (json_int_t)p->layer_bytes,
                     "cache_bytes", (json_int_t)(p->token_bytes * p->row_tokens), "working_bytes",
                     (json_int_t)p->working_bytes, "output_bytes", (json_int_t)p->output_bytes, "tokens",
                     (json_int_t)n_tokens);
}

plmr_status plmr_llm_report_phase(plmr_llm_report *report, const plmr_llm_run *run, const plmr_timing *timing,
                                  const plmr_llm_summary *s, bool decode)
{
    json_t *map;
    if (!report->is_wanted || (decode && s->n_made == 0))
        return PLMR_OK;
    const plmr_placement *p = plmr_timing_placement(timing, decode);
    PLMR_TRY(
        plmr_map_collect(plmr_timing_region(timing, decode), decode ? "decode" : "prefill", run->shape->dtype, &map));
    if (plmr_rank() > 0)
        return PLMR_OK;
    json_object_set_new(map, "sram", json_integer((json_int_t)p->sram_bytes));
    json_object_set_new(map, "placement",
                        placement(run, p, run->setup.n_layers, run->setup.n_prompt + (decode ? s->n_made : 0)));
    json_array_append_new(report->maps, map);
    return PLMR_OK;
}

/* ---- the timeline ---- */

static json_t *works(const double *cycles)
{
    json_t *array = json_array();
    for (int i = 0; i < PLMR_N_WORKS; i++)
        json_array_append_new(array, json_real(cycles[i]));
    return array;
}

static json_t *span(int64_t n_tokens, const plmr_phase_cost *cost)
{
    return json_pack("[I, f, o, o]", (json_int_t)n_tokens, cost->t_cycles, works(cost->work), works(cost->in_layers));
}

static void add_phase(json_t *phases, const char *name, int64_t first, json_t *spans)
{
    json_array_append_new(phases,
                          json_pack("{s:s, s:I, s:o}", "name", name, "first", (json_int_t)first, "spans", spans));
}

static json_t *phases_of(const plmr_llm_run *run, const plmr_llm_summary *s)
{
    json_t *phases = json_array(), *tokens = json_array();
    if (s->prefill)
        add_phase(phases, "prefill", 0, json_pack("[o]", span(run->setup.n_prompt, &s->prefill_cost)));
    if (s->handover.t_cycles > 0)
        add_phase(phases, "relayout", run->setup.n_prompt, json_pack("[o]", span(0, &s->handover)));
    for (int i = 0; i < s->spans->n; i++)
        json_array_append_new(tokens, span(s->spans->spans[i].n_tokens, &s->spans->spans[i].cost));
    if (s->spans->n)
        add_phase(phases, "decode", run->setup.n_prompt, tokens);
    else
        json_decref(tokens);
    return phases;
}

static json_t *timeline(const plmr_llm_run *run, const plmr_llm_summary *s)
{
    json_t *names = json_array();
    for (int i = 0; i < PLMR_N_WORKS; i++)
        json_array_append_new(names, json_string(plmr_work_name((enum plmr_work)i)));
    return json_pack("{s:o, s:i, s:o}", "works", names, "layers", run->shape->n_layers, "phases", phases_of(run, s));
}

plmr_status plmr_llm_report_write(plmr_llm_report *report, const plmr_llm_run *run, const plmr_llm_summary *s,
                                  const char *line)
{
    if (!report->is_wanted)
        return PLMR_OK;
    json_t *maps = report->maps;
    report->maps = NULL;
    PLMR_TRY(plmr_html_add_record(&report->html, line, &run->device, maps, timeline(run, s)));
    return plmr_html_commit(&report->html);
}
