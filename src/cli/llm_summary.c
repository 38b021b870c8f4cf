#include "cli/llm_summary.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/format.h"
#include "base/wall.h"
#include "ranks/ranks.h"
#include "report/table.h"

/* ---- checks ---- */

plmr_status plmr_llm_check_cores(const plmr_llm_options *o)
{
    const plmr_phase_setup *prefill = &o->setup.phase[PLMR_PREFILL];
    int side = prefill->rows < prefill->cols ? prefill->rows : prefill->cols;
    PLMR_CHECK(prefill->rows == prefill->cols, PLMR_ERROR_INPUT,
               "--prefill-cores: %dx%d is not square, as the rings of a prefill must be: try %dx%d", prefill->rows,
               prefill->cols, side, side);
    return PLMR_OK;
}

plmr_status plmr_llm_check_context(const plmr_llm_run *run, int64_t n_tokens)
{
    PLMR_CHECK(n_tokens <= run->shape->n_context, PLMR_ERROR_INPUT,
               "the prompt has %lld tokens, but %s was made for %d at most: shorten it", (long long)n_tokens,
               run->shape->name, run->shape->n_context);
    return PLMR_OK;
}

plmr_status plmr_llm_check_wafer(const plmr_llm_run *run, const plmr_llm_summary *s)
{
    const plmr_placement *both[] = {s->prefill, s->decode};
    for (int i = 0; i < 2; i++)
        PLMR_CHECK(both[i]->n_stages <= both[i]->n_regions || run->setup.allow_memory, PLMR_ERROR_LIMIT,
                   "%s needs %d regions of %dx%d cores for %s, and %s has room for %d: choose larger --%s-cores, or "
                   "--allow M",
                   run->shape->name, both[i]->n_stages, both[i]->rows, both[i]->cols, i ? "decode" : "prefill",
                   run->device.name, both[i]->n_regions, i ? "decode" : "prefill");
    return PLMR_OK;
}

/* ---- virtual time ---- */

static void halve(plmr_llm_spans *s)
{
    for (int i = 0; i < s->n / 2; i++) {
        s->spans[i] = s->spans[2 * i];
        s->spans[i].n_tokens += s->spans[2 * i + 1].n_tokens;
        plmr_phase_cost_add(&s->spans[i].cost, &s->spans[2 * i + 1].cost);
    }
    s->n /= 2;
    s->n_least *= 2;
}

static void add_to_spans(plmr_llm_spans *s, const plmr_phase_cost *token)
{
    plmr_llm_span *last = s->n ? &s->spans[s->n - 1] : NULL;
    bool alike = last && last->cost.t_cycles == token->t_cycles * (double)last->n_tokens;
    if (!last || (last->n_tokens >= s->n_least && !alike)) {
        if (s->n == PLMR_LLM_SPANS)
            halve(s);
        s->spans[s->n++] = (plmr_llm_span){1, *token};
        return;
    }
    last->n_tokens++;
    plmr_phase_cost_add(&last->cost, token);
}

plmr_status plmr_llm_add_tokens(const plmr_llm_run *run, plmr_llm_summary *s, plmr_timing *timing, int64_t n_before,
                                int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        const plmr_phase_cost *token;
        PLMR_TRY(plmr_timing_fits(timing, n_before + i + !run->setup.as_published));
        PLMR_TRY(plmr_timing_token(timing, n_before + i, &token));
        plmr_phase_cost_add(&s->decode_cost, token);
        if (s->spans)
            add_to_spans(s->spans, token);
        s->first_cycles = s->n_made ? s->first_cycles : token->t_cycles;
        s->last_cycles = token->t_cycles;
        s->n_made++;
    }
    return PLMR_OK;
}

/* ---- wall time ---- */

void plmr_llm_measure_begin(const plmr_llm_run *run, plmr_llm_summary *s)
{
    plmr_barrier();
    s->before = plmr_ranks_profile_now(run->ranks);
    s->before_s = plmr_wall_s();
}

void plmr_llm_measure_end(const plmr_llm_run *run, plmr_llm_summary *s)
{
    plmr_ranks_usage_since(run->ranks, &s->before, plmr_wall_s() - s->before_s, &s->usage);
}

/* ---- the record ---- */

static const char *violations(const plmr_llm_run *run, const plmr_llm_record *r)
{
    bool memory = r->sram_peak_bytes > r->sram_limit_bytes, routes = r->routes_max > (int64_t)run->device.routes;
    return memory && routes ? "M,R" : memory ? "M" : routes ? "R" : "";
}

static double per(double count, double seconds)
{
    return seconds > 0 ? count / seconds : NAN;
}

static void set_prefill(const plmr_llm_run *run, const plmr_llm_summary *s, plmr_llm_record *r)
{
    if (!s->prefill)
        return;
    r->prompt_tokens = run->setup.n_prompt;
    r->prefill_rows = s->prefill->rows;
    r->prefill_cols = s->prefill->cols;
    r->prefill_stages = s->prefill->n_stages;
    r->prefill_tree_k = s->prefill->n_levels;
    r->prefill_cycles = s->prefill_cost.t_cycles;
    r->relayout_cycles = s->handover.t_cycles;
    r->ttft_s = (s->prefill_cost.t_cycles + s->handover.t_cycles) / run->device.clock;
    r->tpr_prefill = per((double)run->setup.n_prompt, s->prefill_cost.t_cycles / run->device.clock);
    r->wall_prefill_tok_s = per((double)run->setup.n_prompt, s->prefill_s);
    r->sram_peak_bytes = s->prefill->sram_bytes;
}

/* "40,5": groups of each level but the last. */
static void list_groups(const plmr_placement *p, enum plmr_axis axis, char text[96])
{
    size_t used = 0;
    text[0] = '\0';
    for (int level = 0; level + 1 < p->n_levels; level++)
        used += (size_t)snprintf(text + used, 96 - used, "%s%d", level ? "," : "", p->groups[axis][level]);
}

static void set_decode(const plmr_llm_run *run, const plmr_llm_summary *s, plmr_llm_texts *texts, plmr_llm_record *r)
{
    if (!s->decode)
        return;
    list_groups(s->decode, PLMR_Y, texts->groups[PLMR_Y]);
    list_groups(s->decode, PLMR_X, texts->groups[PLMR_X]);
    r->output_tokens = s->n_made;
    r->decode_rows = s->decode->rows;
    r->decode_cols = s->decode->cols;
    r->stages = s->decode->n_stages;
    r->regions = s->decode->n_regions;
    r->wafers = s->decode->n_regions ? plmr_ceil_div(s->decode->n_stages, s->decode->n_regions) : -1;
    r->layers_per_stage = s->decode->layers_per_stage;
    r->tree_k = s->decode->n_levels;
    r->groups_y = texts->groups[PLMR_Y];
    r->groups_x = texts->groups[PLMR_X];
    r->fused = run->setup.phase[PLMR_DECODE].unfused ? "no" : "yes";
    r->kv_capacity_tokens = s->decode->capacity;
    r->sram_peak_bytes = s->decode->sram_bytes > r->sram_peak_bytes ? s->decode->sram_bytes : r->sram_peak_bytes;
    if (s->n_made == 0)
        return;
    r->decode_cycles_first = s->first_cycles;
    r->decode_cycles_last = s->last_cycles;
    r->tpot_s = s->decode_cost.t_cycles / (double)s->n_made / run->device.clock;
    r->tpr_decode = 1 / r->tpot_s;
    r->wall_decode_tok_s = per((double)(s->n_made * run->setup.n_batch), s->decode_s);
}

/* Multiply-adds of a token with weights: of the layers that are run, and of the output. */
static void set_work(const plmr_llm_run *run, plmr_llm_record *r)
{
    const plmr_model_shape *shape = run->shape;
    int64_t heads = (int64_t)shape->n_heads + shape->n_kv_heads;
    int64_t layer = (2 * heads * shape->head_dim + 3 * (int64_t)shape->n_ffn) * shape->dim;
    r->token_macs_layers = layer * run->setup.n_layers;
    r->token_macs_output = (int64_t)shape->n_vocab * shape->dim;
}

static void set_works(const plmr_llm_summary *s, plmr_llm_record *r)
{
    double *works[PLMR_N_WORKS] = {&r->cycles_projection, &r->cycles_attention, &r->cycles_elements,
                                   &r->cycles_allreduce,  &r->cycles_shift,     &r->cycles_relayout,
                                   &r->cycles_stages};
    for (int i = 0; i < PLMR_N_WORKS; i++)
        *works[i] = s->prefill_cost.work[i] + s->handover.work[i] + s->decode_cost.work[i];
}

static plmr_energy estimate(const plmr_llm_run *run, const plmr_phase_cost *all)
{
    return plmr_device_energy(&run->device, run->shape->dtype, all->multiply_adds, all->wavelet_hops, all->t_cycles);
}

static void set_totals(const plmr_llm_run *run, const plmr_llm_summary *s, plmr_llm_record *r)
{
    plmr_phase_cost all = s->prefill_cost;
    plmr_phase_cost_add(&all, &s->handover);
    plmr_phase_cost_add(&all, &s->decode_cost);
    double virtual_s = all.t_cycles / run->device.clock;
    r->routes_max = all.routes_max;
    r->energy_j = run->device.power > 0 ? run->device.power * virtual_s : NAN;
    plmr_energy energy = estimate(run, &all);
    PLMR_RECORD_ENERGY(r, energy);
    if (s->prefill && s->n_made)
        r->tpr_e2e = (double)s->n_made / virtual_s;
    r->wall_s = s->load_s + s->prefill_s + s->relayout_s + s->decode_s;
    r->wall_load_s = s->load_s;
    r->wall_relayout_s = s->relayout_s;
    r->violates = violations(run, r);
}

/* The ranks share the columns of each region; those of decode are told of, where there is one. */
static const plmr_placement *shared_region(const plmr_llm_summary *s)
{
    return s->decode ? s->decode : s->prefill;
}

static void set_host(const plmr_llm_run *run, const plmr_llm_summary *s, plmr_llm_texts *texts, plmr_llm_record *r)
{
    const plmr_placement *region = shared_region(s);
    if (s->usage.wall_s > 0)
        r->on_host = plmr_host_record_of(&s->usage);
    if (!run->topology.ranks)
        return;
    texts->placement = region ? plmr_ranks_text(&run->topology, region->rows, region->cols) : NULL;
    r->on_host.placement = texts->placement;
    r->on_host.hosts = plmr_ranks_hosts(&run->topology);
}

void plmr_llm_texts_free(plmr_llm_texts *texts)
{
    free(texts->placement);
    texts->placement = NULL;
}

plmr_llm_record plmr_llm_record_of(const plmr_llm_run *run, const plmr_llm_summary *s, plmr_llm_texts *texts)
{
    plmr_llm_record r = plmr_llm_record_none();
    *texts = (plmr_llm_texts){.provenance = plmr_provenance_now()};
    snprintf(texts->layers, sizeof texts->layers, "%d..%d", run->setup.first_layer,
             run->setup.first_layer + run->setup.n_layers - 1);
    r.model = run->shape->name;
    r.device = run->device.name;
    r.ranks = plmr_rank_count();
    r.kv = run->setup.concat ? "concat" : "shift";
    r.sram_limit_bytes = (int64_t)run->device.sram;
    r.version = PLMR_VERSION;
    r.host = texts->provenance.host;
    r.date = texts->provenance.date;
    r.as_published = run->setup.as_published ? "yes" : "no";
    r.plan = run->setup.plan->name;
    r.batch = run->setup.n_batch;
    r.layers = texts->layers;
    r.layers_model = run->shape->n_layers;
    r.dtype = plmr_dtype_name(run->shape->dtype);
    r.kv_dtype = plmr_dtype_name(run->setup.cache_dtype);
    r.kernel = plmr_kernel_name();
    set_prefill(run, s, &r);
    set_decode(run, s, texts, &r);
    set_work(run, &r);
    set_works(s, &r);
    set_totals(run, s, &r);
    set_host(run, s, texts, &r);
    return r;
}

/* ---- for people ---- */

static void print_placement(FILE *out, const char *label, const plmr_placement *p)
{
    plmr_table_fact(out, label, "%dx%d cores a region, %d %s in each; %s %s needed%s, room for %s", p->rows, p->cols,
                    p->layers_per_stage, p->layers_per_stage == 1 ? "layer" : "layers",
                    plmr_format_count(p->n_stages).s, p->n_stages == 1 ? "region" : "regions",
                    p->output_apart ? " (the last for the output)" : "", plmr_format_count(p->n_regions).s);
    if (p->n_stages > p->n_regions)
        plmr_table_fact(out, "note", "that is %lld such devices: times are as if they were one; --layers places a part",
                        (long long)plmr_ceil_div(p->n_stages, p->n_regions));
}

static void print_works(FILE *out, const plmr_llm_summary *s)
{
    plmr_phase_cost all = s->prefill_cost;
    plmr_phase_cost_add(&all, &s->handover);
    plmr_phase_cost_add(&all, &s->decode_cost);
    char text[400] = "";
    size_t used = 0;
    for (int i = 0; i < PLMR_N_WORKS; i++)
        if (all.work[i] > 0)
            used +=
                (size_t)snprintf(text + used, sizeof text - used, "%s%s %s", used ? ", " : "",
                                 plmr_work_name((enum plmr_work)i), plmr_format_percent(all.work[i] / all.t_cycles).s);
    plmr_table_fact(out, "cycles", "%s: %s", plmr_format_cycles(all.t_cycles).s, text);
}

static void print_energy(FILE *out, const plmr_llm_record *r)
{
    if (isfinite(r->energy_j))
        plmr_table_fact(out, "energy", "%s by the power of the system", plmr_format_quantity(r->energy_j, "J").s);
    if (isfinite(r->energy_estimate_j))
        plmr_table_fact(out, "estimate", "%s from the bottom up: arithmetic %s, SRAM %s, links %s, idle %s",
                        plmr_format_quantity(r->energy_estimate_j, "J").s,
                        plmr_format_percent(r->energy_compute_j / r->energy_estimate_j).s,
                        plmr_format_percent(r->energy_sram_j / r->energy_estimate_j).s,
                        plmr_format_percent(r->energy_fabric_j / r->energy_estimate_j).s,
                        plmr_format_percent(r->energy_idle_j / r->energy_estimate_j).s);
}

static void print_memory(FILE *out, const plmr_llm_summary *s, const plmr_llm_record *r)
{
    plmr_table_fact(out, "SRAM", "%s of %s bytes of a core at peak%s", plmr_format_count(r->sram_peak_bytes).s,
                    plmr_format_count(r->sram_limit_bytes).s, strchr(r->violates, 'M') ? " !" : "");
    if (s->decode)
        plmr_table_fact(out, "KV cache", "%s, %s, room for %s tokens of each request", r->kv, r->kv_dtype,
                        plmr_format_count(s->decode->capacity).s);
    plmr_table_fact(out, "routes", "%lld at most in a core%s", (long long)r->routes_max,
                    strchr(r->violates, 'R') ? " !" : "");
}

static void print_heads(FILE *out, const plmr_llm_run *run, const plmr_placement *p)
{
    plmr_heads heads = plmr_heads_of(run->shape, p->cols);
    int used = (int)plmr_ceil_div(heads.n_kv, heads.n_per_core) * heads.span;
    char where[64];
    if (heads.n_per_core > 1)
        snprintf(where, sizeof where, "%d to a column of cores", heads.n_per_core);
    else
        snprintf(where, sizeof where, "%s%d %s of cores", heads.n_kv == 1 ? "on " : "each on ", heads.span,
                 heads.span == 1 ? "column" : "columns");
    plmr_table_fact(out, "heads", "%d key-value %s with %d query %s, %s; %d of %d columns used", heads.n_kv,
                    heads.n_kv == 1 ? "head" : "heads", heads.n_rep, heads.n_rep == 1 ? "head" : "heads", where, used,
                    p->cols);
}

/* A speed only of what was run. */
static void print_host(FILE *out, const plmr_llm_summary *s, const plmr_llm_record *r)
{
    char prefill[80] = "", decode[80] = "";
    if (s->prefill_s > 0)
        snprintf(prefill, sizeof prefill, ", prefill %s tokens/s", plmr_format_quantity(r->wall_prefill_tok_s, "").s);
    if (s->decode_s > 0)
        snprintf(decode, sizeof decode, ", decode %s tokens/s", plmr_format_quantity(r->wall_decode_tok_s, "").s);
    plmr_table_fact(out, "host", "%d %s, kernel %s: load %s%s%s", plmr_rank_count(),
                    plmr_rank_count() == 1 ? "rank" : "ranks", r->kernel, plmr_format_quantity(s->load_s, "s").s,
                    prefill, decode);
}

void plmr_llm_print(FILE *out, const plmr_llm_run *run, const plmr_llm_summary *s, const plmr_llm_record *r)
{
    plmr_table_fact(out, "model", "%s: %s parameters, %d layers, %s", run->shape->name,
                    plmr_format_quantity((double)run->shape->n_parameters, "").s, run->shape->n_layers, r->dtype);
    plmr_table_fact(out, "device", "%s: %s", run->device.name, run->device.title);
    if (run->setup.plan != &plmr_plan_waferllm)
        plmr_table_fact(out, "plan", "%s", run->setup.plan->summary);
    if (s->prefill)
        print_placement(out, "prefill", s->prefill);
    if (s->decode) {
        print_placement(out, "decode", s->decode);
        if (!run->setup.as_published)
            print_heads(out, run, s->decode);
    }
    print_memory(out, s, r);
    print_works(out, s);
    print_energy(out, r);
    if (s->prefill)
        plmr_table_fact(out, "TTFT", "%s after %s tokens of prompt: prefill at %s tokens/s",
                        plmr_format_quantity(r->ttft_s, "s").s, plmr_format_count(run->setup.n_prompt).s,
                        plmr_format_cycles(round(r->tpr_prefill)).s);
    if (s->n_made)
        plmr_table_fact(out, "TPOT", "%s: decode at %s tokens/s for each request%s%s%s",
                        plmr_format_quantity(r->tpot_s, "s").s, plmr_format_cycles(round(r->tpr_decode)).s,
                        s->prefill ? ", end to end " : "", s->prefill ? plmr_format_cycles(round(r->tpr_e2e)).s : "",
                        s->prefill ? " tokens/s" : "");
    if (s->prefill_s > 0 || s->decode_s > 0)
        print_host(out, s, r);
    if (shared_region(s))
        plmr_ranks_print(out, &run->topology, shared_region(s)->rows, shared_region(s)->cols);
}
