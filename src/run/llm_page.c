/* The page of --report for a run of a language model.
 *
 * Beside what html.h and map.h say, a map has "placement": {"stages", "regions", "layers", "first_layer",
 * "layers_per_stage", "output_apart", "layer_bytes", "cache_bytes" (of a layer, in the fullest row of cores),
 * "working_bytes", "output_bytes", "tokens"}, from which follow the tiles of every stage. "timeline" is
 * {"works": names, "layers": of the model, "phases": [{"name": "prefill" | "relayout" | "decode", "first": tokens in
 * the cache before, "spans": [[tokens, cycles, [cycles by work], [of these, in layers]], ...]}]}.
 */
#include "report/map.h"
#include "run/llm.h"

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

plmr_status plmr_llm_keep_map(plmr_llm_run *run, enum plmr_llm_phase phase)
{
    json_t *map;
    const plmr_llm_totals *t = &run->totals;
    if (!run->options->report || (phase == PLMR_DECODE && t->n_made == 0))
        return PLMR_OK;
    const plmr_placement *p = phase == PLMR_DECODE ? run->decode : run->prefill;
    plmr_region *region = plmr_timing_region(run->timing, phase);
    PLMR_TRY(plmr_map_collect(region, plmr_phase_name(phase), run->shape->dtype, &map));
    if (plmr_rank() > 0)
        return PLMR_OK;
    json_object_set_new(map, "sram", json_integer((json_int_t)p->sram_bytes));
    json_object_set_new(
        map, "placement",
        placement(run, p, run->setup.n_layers, run->setup.n_prompt + (phase == PLMR_DECODE ? t->n_made : 0)));
    json_array_append_new(run->maps, map);
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

static json_t *phases_of(const plmr_llm_run *run)
{
    const plmr_llm_totals *t = &run->totals;
    json_t *phases = json_array(), *tokens = json_array();
    if (run->prefill)
        add_phase(phases, "prefill", 0, json_pack("[o]", span(run->setup.n_prompt, &t->prefill)));
    if (t->handover.t_cycles > 0)
        add_phase(phases, "relayout", run->setup.n_prompt, json_pack("[o]", span(0, &t->handover)));
    for (int i = 0; i < t->spans->n; i++)
        json_array_append_new(tokens, span(t->spans->spans[i].n_tokens, &t->spans->spans[i].cost));
    if (t->spans->n)
        add_phase(phases, "decode", run->setup.n_prompt, tokens);
    else
        json_decref(tokens);
    return phases;
}

static json_t *timeline(const plmr_llm_run *run)
{
    json_t *names = json_array();
    for (int i = 0; i < PLMR_N_WORKS; i++)
        json_array_append_new(names, json_string(plmr_work_name((enum plmr_work)i)));
    return json_pack("{s:o, s:i, s:o}", "works", names, "layers", run->shape->n_layers, "phases", phases_of(run));
}

void plmr_llm_add_page(plmr_llm_run *run, json_t *record)
{
    json_t *maps = run->maps;
    run->maps = NULL;
    plmr_html_add_record(&run->session.html, record, &run->session.device, maps, timeline(run));
}
