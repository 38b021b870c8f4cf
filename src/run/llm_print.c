/* What people read of a run: facts, and bars. */
#include <math.h>
#include <string.h>

#include "base/format.h"
#include "base/wall.h"
#include "report/bars.h"
#include "report/table.h"
#include "run/llm.h"

/* ---- facts ---- */

static void print_wafers(FILE *out, const plmr_wafer_link *link, const plmr_placement *p, int n)
{
    if (link->bytes_s > 0)
        plmr_table_fact(out, "note", "that is %d such devices: from one to the next the way has %s, and %s", n,
                        plmr_format_quantity(link->bytes_s, "B/s").s, plmr_format_quantity(link->latency_s, "s").s);
    else
        plmr_table_fact(out, "note", "that is %d such devices: times are as if they were one%s", n,
                        p->n_stages > p->n_regions ? "; --link device has the device's, --layers places a part" : "");
}

static void print_placement(FILE *out, const char *label, const plmr_llm_run *run, enum plmr_llm_phase phase)
{
    const plmr_placement *p = phase == PLMR_DECODE ? run->decode : run->prefill;
    int replicas = plmr_llm_replicas(run, phase);
    char times[32] = "";
    if (replicas > 1)
        snprintf(times, sizeof times, ", %d times over", replicas);
    plmr_table_fact(out, label, "%dx%d cores a region, %d %s in each; %s %s needed%s%s, room for %s", p->rows, p->cols,
                    p->layers_per_stage, p->layers_per_stage == 1 ? "layer" : "layers",
                    plmr_format_count(p->n_stages).s, p->n_stages == 1 ? "region" : "regions",
                    p->output_apart ? " (the last for the output)" : "", times, plmr_format_count(p->n_regions).s);
    int wafers = (int)plmr_llm_phase_wafers(run, phase);
    if (p->wide > 1)
        plmr_table_fact(out, "", "on each of %d wafers, which share the experts of every layer", p->wide);
    if (wafers > 1)
        print_wafers(out, &run->setup.link, p, wafers);
}

/* Where weights come in. */
static void print_outside(FILE *out, const plmr_llm_run *run, const plmr_llm_record *r)
{
    const plmr_placement *p = plmr_llm_region(run);
    char host[80] = "";
    if (!p || !p->n_slices)
        return;
    if (r->outside_host_share > 0)
        snprintf(host, sizeof host, ", %s of it from the host", plmr_format_percent(r->outside_host_share).s);
    plmr_table_fact(out, "outside", "%s do not fit, and come in: %s%s; a layer in %d %s, of which a core holds two",
                    r->outside, plmr_format_quantity(r->outside_bytes, "B").s, host, p->n_slices,
                    p->n_slices == 1 ? "piece" : "slices");
    plmr_table_fact(out, "bound", "%s: cores wait %s of the time",
                    strcmp(r->bound, "cores") == 0 ? "by what cores do" : "by what comes in",
                    plmr_format_percent(r->cycles_outside / plmr_llm_totals_sum(&run->totals).t_cycles).s);
}

static void print_works(FILE *out, const plmr_llm_run *run)
{
    plmr_phase_cost all = plmr_llm_totals_sum(&run->totals);
    char text[400] = "";
    size_t used = 0;
    for (int i = 0; i < PLMR_N_WORKS; i++)
        if (all.work[i] > 0)
            used +=
                (size_t)snprintf(text + used, sizeof text - used, "%s%s %s", used ? ", " : "",
                                 plmr_work_name((enum plmr_work)i), plmr_format_percent(all.work[i] / all.t_cycles).s);
    plmr_table_fact(out, "cycles", "%s: %s", plmr_format_cycles(all.t_cycles).s, text);
}

/* A record's energy is that of one device, however many there are. */
static void print_energy(FILE *out, const plmr_llm_run *run, const plmr_llm_record *r)
{
    int64_t wafers = plmr_llm_wafers(run);
    char whose[48] = "the system";
    if (wafers > 1)
        snprintf(whose, sizeof whose, "one of %lld devices", (long long)wafers);
    if (isfinite(r->energy_j))
        plmr_table_fact(out, "energy", "%s by the power of %s", plmr_format_quantity(r->energy_j, "J").s, whose);
    if (isfinite(r->energy_estimate_j))
        plmr_table_fact(out, "estimate", "%s from the bottom up: arithmetic %s, SRAM %s, links %s, idle %s",
                        plmr_format_quantity(r->energy_estimate_j, "J").s,
                        plmr_format_percent(r->energy_compute_j / r->energy_estimate_j).s,
                        plmr_format_percent(r->energy_sram_j / r->energy_estimate_j).s,
                        plmr_format_percent(r->energy_fabric_j / r->energy_estimate_j).s,
                        plmr_format_percent(r->energy_idle_j / r->energy_estimate_j).s);
}

static void print_memory(FILE *out, const plmr_llm_run *run, const plmr_llm_record *r)
{
    plmr_table_fact(out, "SRAM", "%s of %s bytes of a core at peak%s", plmr_format_count(r->sram_peak_bytes).s,
                    plmr_format_count(r->sram_limit_bytes).s, strchr(r->violates, 'M') ? " !" : "");
    if (run->decode)
        plmr_table_fact(out, "KV cache", "%s, %s, room for %s tokens of each request", r->kv, r->kv_dtype,
                        plmr_format_count(run->decode->capacity).s);
    plmr_table_fact(out, "routes", "%lld at most in a core%s", (long long)r->routes_max,
                    strchr(r->violates, 'R') ? " !" : "");
}

static void print_heads(FILE *out, const plmr_llm_run *run, const plmr_placement *p)
{
    plmr_heads heads = plmr_heads_of(run->shape, p->cols);
    int used = plmr_heads_columns(&heads);
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
static void print_host(FILE *out, const plmr_llm_run *run, const plmr_llm_record *r)
{
    char prefill[80] = "", decode[80] = "";
    if (run->totals.prefill_s > 0)
        snprintf(prefill, sizeof prefill, ", prefill %s tokens/s", plmr_format_quantity(r->wall_prefill_tok_s, "").s);
    if (run->totals.decode_s > 0)
        snprintf(decode, sizeof decode, ", decode %s tokens/s", plmr_format_quantity(r->wall_decode_tok_s, "").s);
    plmr_table_fact(out, "host", "%d %s, kernel %s: load %s%s%s", plmr_rank_count(),
                    plmr_rank_count() == 1 ? "rank" : "ranks", r->kernel,
                    plmr_format_quantity(run->totals.load_s, "s").s, prefill, decode);
}

/* Of all that has passed since the ranks found each other; prefill_s is one request's. */
static void print_wall(FILE *out, const plmr_llm_run *run)
{
    const plmr_llm_totals *t = &run->totals;
    double all_s = plmr_wall_s() - t->start_s, prefill_s = t->prefill_s * run->setup.n_batch;
    double rest_s = all_s - t->load_s - prefill_s - t->relayout_s - t->decode_s - t->time_s;
    char first[80] = "";
    if (t->first_s > 0)
        snprintf(first, sizeof first, "; first token after %s", plmr_format_quantity(t->first_s - t->start_s, "s").s);
    plmr_table_fact(out, "wall", "%s: load %s, prefill %s, relayout %s, decode %s, virtual time %s, rest %s%s",
                    plmr_format_quantity(all_s, "s").s, plmr_format_quantity(t->load_s, "s").s,
                    plmr_format_quantity(prefill_s, "s").s, plmr_format_quantity(t->relayout_s, "s").s,
                    plmr_format_quantity(t->decode_s, "s").s, plmr_format_quantity(t->time_s, "s").s,
                    plmr_format_quantity(rest_s, "s").s, first);
}

static void print_model(FILE *out, const plmr_llm_run *run, const plmr_llm_record *r)
{
    bool widens = run->shape->packed;
    plmr_table_fact(out, "model", "%s: %s parameters, %d layers, %s%s%s", run->shape->name,
                    plmr_format_quantity((double)run->shape->n_parameters, "").s, run->shape->n_layers,
                    widens ? r->weights : "", widens ? " widened to " : "", r->dtype);
}

/* All requests together, and what is left of the machine. */
static void print_machine(FILE *out, const plmr_llm_run *run, const plmr_llm_record *r)
{
    int64_t used = plmr_llm_regions_used(run);
    char batch[48], prefill[96] = "", decode[96] = "", energy[48] = "";
    snprintf(batch, sizeof batch, "%d %s", run->setup.n_batch, run->setup.n_batch == 1 ? "request" : "requests");
    if (isfinite(r->prefill_tok_s))
        snprintf(prefill, sizeof prefill, ", prefill at %s tokens/s", plmr_format_cycles(round(r->prefill_tok_s)).s);
    if (isfinite(r->decode_tok_s))
        snprintf(decode, sizeof decode, ", decode at %s tokens/s", plmr_format_cycles(round(r->decode_tok_s)).s);
    if (isfinite(r->tok_j))
        snprintf(energy, sizeof energy, ", %.3g tokens/J", r->tok_j);
    plmr_table_fact(out, "machine", "%s%s%s%s", batch, prefill, decode, energy);
    if (r->regions_unused >= 0)
        plmr_table_fact(out, "unused", "%s of %s regions, %s cores; %s bytes of SRAM in the core that needs most",
                        plmr_format_count(r->regions_unused).s, plmr_format_count(r->regions_unused + used).s,
                        plmr_format_count(r->cores_unused).s, plmr_format_count(r->sram_left_bytes).s);
}

static void print_experts(FILE *out, const plmr_llm_run *run, const plmr_llm_record *r)
{
    const char *places[] = {r->prefill_experts, r->experts};
    const plmr_placement *phases[] = {run->prefill, run->decode};
    plmr_table_fact(out, "experts", "%d of %d a token", run->shape->n_used, run->shape->n_experts);
    for (int i = 0; i < 2; i++)
        if (phases[i])
            plmr_table_fact(out, "", "in %s %s", plmr_phase_name(i), places[i]);
    if (run->prefill)
        plmr_table_fact(out, "", "of %s tokens of the prompt the busiest gets %s; %s dropped",
                        plmr_format_count(run->setup.n_prompt).s, plmr_format_count(r->expert_tokens_max).s,
                        plmr_format_count(r->expert_tokens_dropped).s);
    plmr_table_fact(out, "", "the core with most has %.2f times the mean core's; the fullest link %s words",
                    r->expert_core_share, plmr_format_count((int64_t)r->expert_link_words).s);
}

void plmr_llm_print(FILE *out, const plmr_llm_run *run, const plmr_llm_record *r)
{
    print_model(out, run, r);
    plmr_table_fact(out, "device", "%s: %s", run->session.device.name, run->session.device.title);
    if (run->setup.plan != &plmr_llm_plan_waferllm)
        plmr_table_fact(out, "plan", "%s", run->setup.plan->summary);
    if (run->prefill)
        print_placement(out, "prefill", run, PLMR_PREFILL);
    if (run->decode) {
        print_placement(out, "decode", run, PLMR_DECODE);
        if (!run->setup.as_published)
            print_heads(out, run, run->decode);
    }
    if (run->shape->n_experts)
        print_experts(out, run, r);
    print_memory(out, run, r);
    print_outside(out, run, r);
    print_works(out, run);
    print_energy(out, run, r);
    if (run->prefill)
        plmr_table_fact(out, "TTFT", "%s after %s of prompt: prefill at %s tokens/s",
                        plmr_format_quantity(r->ttft_s, "s").s, plmr_format_counted(run->setup.n_prompt, "token").s,
                        plmr_format_cycles(round(r->tpr_prefill)).s);
    if (run->totals.n_made)
        plmr_table_fact(out, "TPOT", "%s: decode at %s tokens/s for each request%s%s%s",
                        plmr_format_quantity(r->tpot_s, "s").s, plmr_format_cycles(round(r->tpr_decode)).s,
                        run->prefill ? ", end to end " : "",
                        run->prefill ? plmr_format_cycles(round(r->tpr_e2e)).s : "", run->prefill ? " tokens/s" : "");
    print_machine(out, run, r);
    plmr_table_standing(out, &run->session.standing);
    if (run->totals.prefill_s > 0 || run->totals.decode_s > 0) {
        print_host(out, run, r);
        print_wall(out, run);
    }
    if (plmr_llm_region(run))
        plmr_ranks_print(out, &run->session.topology, plmr_llm_region(run)->rows, plmr_llm_region(run)->cols);
}

/* ---- bars ---- */

/* Relayout counts as prefill's. */
static void draw_works(FILE *out, plmr_bars_style style, const plmr_llm_run *run)
{
    plmr_bar bars[PLMR_N_WORKS];
    char title[160];
    int n = 0;
    for (int i = 0; i < PLMR_N_WORKS; i++) {
        double before = run->totals.prefill.work[i] + run->totals.handover.work[i], decode = run->totals.decode.work[i];
        if (before + decode > 0)
            bars[n++] =
                (plmr_bar){plmr_work_name((enum plmr_work)i), before, decode, plmr_format_cycles(before + decode)};
    }
    snprintf(title, sizeof title, "cycles by kind of work: %s until the first token, %s decode",
             plmr_bars_mark(style, true), plmr_bars_mark(style, false));
    plmr_bars_print(out, style, title, bars, n);
}

static void draw_speeds(FILE *out, plmr_bars_style style, const plmr_llm_record *r)
{
    const char *labels[] = {"prefill", "decode", "end to end"};
    double speeds[] = {r->tpr_prefill, r->tpr_decode, r->tpr_e2e};
    plmr_bar bars[3];
    int n = 0;
    for (int i = 0; i < 3; i++)
        if (isfinite(speeds[i]))
            bars[n++] = (plmr_bar){labels[i], speeds[i], 0, plmr_format_cycles(round(speeds[i]))};
    plmr_bars_print(out, style, "tokens per second of one request", bars, n);
}

void plmr_llm_bars(FILE *out, const plmr_llm_run *run, const plmr_llm_record *record)
{
    plmr_bars_style style = plmr_bars_style_of(out);
    draw_works(out, style, run);
    draw_speeds(out, style, record);
}
