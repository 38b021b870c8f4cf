#include "serve/record.h"

#include <math.h>

#include "base/format.h"
#include "report/table.h"
#include "serve/timeline.h"

static int64_t capacity(const plmr_serve_costs *c)
{
    return c->row_room * c->rows;
}

static double power(const plmr_llm_run *run, const plmr_serve_place *place)
{
    return run->session.device.power * place->used_wafers;
}

static bool has_slo(const plmr_serve_about *about)
{
    return about->slo.ttft > 0 || about->slo.tpot > 0;
}

static void set_run(const plmr_llm_run *run, const plmr_serve_about *about, plmr_serve_record *r)
{
    const plmr_session *session = &run->session;
    r->command = session->command;
    r->model = run->shape->name;
    r->device = session->device.name;
    r->version = PLMR_VERSION;
    r->host = session->provenance.host;
    r->date = session->provenance.date;
    r->ranks = plmr_rank_count();
    r->mode = "timing";
    r->violates = "";
    r->policy = about->policy->name;
    r->placed_for = about->aim;
    r->trace = about->trace;
    r->seed = about->trace ? -1 : about->seed;
    r->slo_ttft_s = about->slo.ttft > 0 ? about->slo.ttft : NAN;
    r->slo_tpot_s = about->slo.tpot > 0 ? about->slo.tpot : NAN;
    r->sram_limit_bytes = (int64_t)session->device.sram;
}

/* Cores that no replica lies on. */
static int64_t count_unused(const plmr_llm_run *run, const plmr_serve_place *place)
{
    int64_t taken = (int64_t)place->regions * place->n_wafers - plmr_serve_place_unused(place);
    return plmr_defects_cores(&run->session.device) * place->n_wafers - taken * place->costs.rows * place->costs.rows;
}

static void set_place(const plmr_llm_run *run, const plmr_serve_place *place, const plmr_serve_about *about,
                      plmr_serve_record *r)
{
    const plmr_serve_costs *c = &place->costs;
    const plmr_placement *p = plmr_timing_placement(c->timing, PLMR_DECODE);
    r->wafers = place->n_wafers;
    r->rows = p->rows;
    r->cols = p->cols;
    r->stages = p->n_stages;
    r->regions = (int64_t)place->regions * place->wafers;
    r->regions_unused = plmr_serve_place_unused(place);
    r->cores_unused = count_unused(run, place);
    r->layers_per_stage = p->layers_per_stage;
    r->replicas = place->n_replicas;
    r->replicas_prompt = about->n_prompt ? about->n_prompt : -1;
    r->wafers_replica = place->wafers;
    r->expert_wafers = run->shape->n_experts ? c->wide : -1;
    r->batch = c->n_batch;
    r->chunk = c->chunk;
    r->costs_found = c->n_found;
    r->kv_capacity_tokens = capacity(c);
    r->sram_peak_bytes = p->sram_bytes;
    r->outside = !p->n_slices ? NULL : p->cache_outside ? "weights and cache" : "weights";
}

static void set_times(const plmr_serve_outcome *o, plmr_serve_record *r)
{
#define QUANTILES(name)                                                                                                \
    (r->name##_mean_s = o->name.mean, r->name##_p50_s = o->name.p50, r->name##_p90_s = o->name.p90,                    \
     r->name##_p99_s = o->name.p99)
    QUANTILES(ttft);
    QUANTILES(tpot);
    QUANTILES(e2e);
#undef QUANTILES
}

static void set_outcome(const plmr_llm_run *run, const plmr_serve_place *place, const plmr_serve_outcome *o,
                        plmr_serve_record *r)
{
    plmr_energy energy = plmr_device_energy(&run->session.device, run->shape->dtype, o->sums.multiply_adds,
                                            o->sums.wavelet_hops, o->sums.t_end * place->used_wafers);
    r->requests = r->completed = o->n_requests;
    r->rate = o->rate;
    r->throughput_tok_s = o->n_tokens / o->t_all_s;
    r->utilisation = o->utilisation;
    r->kv_peak_tokens = o->sums.kv_peak_tokens;
    r->energy_j = run->session.device.power > 0 ? power(run, place) * o->t_all_s : NAN;
    r->virtual_s = o->t_all_s;
    r->prompt_tokens = o->n_prompt_tokens;
    r->output_tokens = o->n_tokens;
    r->steps = o->sums.n_steps;
    r->chunks = o->sums.n_chunks;
    r->waiting_peak = o->sums.most_waiting;
    PLMR_RECORD_ENERGY(r, energy);
}

/* What only some runs have. */
static void set_more(const plmr_serve_about *about, const plmr_serve_outcome *o, plmr_serve_record *r)
{
    r->preempted = about->preempts ? o->sums.n_preempted : -1;
    r->again_tokens = about->preempts ? o->sums.n_again : -1;
    r->shared_tokens = about->shares ? o->sums.n_shared : -1;
    r->accepted = o->sums.n_guessed ? (double)o->sums.n_right / (double)o->sums.n_guessed : NAN;
    r->urgent = o->n_urgent ? o->n_urgent : -1;
    r->urgent_e2e_p50_s = o->urgent_e2e.p50;
    r->urgent_e2e_p99_s = o->urgent_e2e.p99;
    r->rate_limit = !about->finds_rate ? NULL : o->meets_all ? "none tried" : "slo";
    r->cache_way_s = o->way_s;
    r->link_bytes_s = about->link.bytes_s > 0 ? about->link.bytes_s : NAN;
    r->link_bytes = about->link.bytes_s > 0 ? o->sums.link_bytes : NAN;
    r->energy_link_j = r->link_bytes * about->link.byte_j;
}

json_t *plmr_serve_record_json(plmr_llm_run *run, const plmr_serve_about *about, const plmr_serve_place *place,
                               const plmr_serve_outcome *outcome)
{
    plmr_serve_record r = {0};
    set_run(run, about, &r);
    set_place(run, place, about, &r);
    set_times(outcome, &r);
    set_outcome(run, place, outcome, &r);
    PLMR_RECORD_STANDING(&r, plmr_llm_standing(run, place->costs.timing));
    set_more(about, outcome, &r);
    r.goodput_req_s = has_slo(about) ? (double)outcome->n_good / outcome->t_all_s : NAN;
    return plmr_record_json(plmr_serve_record_fields, &r);
}

/* ---- for people ---- */

/* Between the wafers of a replica. */
static void print_way(FILE *out, const plmr_wafer_link *link, int n_wafers)
{
    if (link->bytes_s > 0)
        plmr_table_fact(out, "note", "these take %d wafers: between them the way has %s, and %s", n_wafers,
                        plmr_format_quantity(link->bytes_s, "B/s").s, plmr_format_quantity(link->latency_s, "s").s);
    else
        plmr_table_fact(out, "note",
                        "these take %d wafers: between them, too, the way is charged as on one wafer; "
                        "--link device has the device's",
                        n_wafers);
}

static void print_place(FILE *out, const plmr_llm_run *run, const plmr_serve_about *about,
                        const plmr_serve_place *place, const plmr_serve_outcome *o)
{
    const plmr_serve_costs *c = &place->costs;
    const plmr_placement *p = plmr_timing_placement(c->timing, PLMR_DECODE);
    int64_t unused = plmr_serve_place_unused(place);
    char times[48] = "";
    if (place->n_replicas > 1)
        snprintf(times, sizeof times, "; %d times over, requests in turn", place->n_replicas);
    plmr_table_fact(out, "placed", "%dx%d cores a region, %d %s in each: %d %s%s%s%s", p->rows, p->cols,
                    p->layers_per_stage, p->layers_per_stage == 1 ? "layer" : "layers", p->n_stages,
                    p->n_stages == 1 ? "region" : "regions", p->n_stages == 1 ? "" : ", one behind the other",
                    p->output_apart ? " (the last for the output)" : "", times);
    plmr_table_fact(out, "unused", "%s of %s regions of %d %s, %s cores", plmr_format_count(unused).s,
                    plmr_format_count((int64_t)place->regions * place->n_wafers).s, place->n_wafers,
                    place->n_wafers == 1 ? "wafer" : "wafers", plmr_format_count(count_unused(run, place)).s);
    if (p->n_slices)
        plmr_table_fact(out, "outside", "%s do not fit, and come in for every pass, %s of them from the host",
                        p->cache_outside ? "weights and cache" : "weights",
                        plmr_format_percent(plmr_timing_outside(c->timing, PLMR_DECODE)->host_share).s);
    if (c->wide > 1)
        plmr_table_fact(out, "experts",
                        "on %d wafers, each with all regions, some of the experts of every layer, and some requests",
                        c->wide);
    if (place->wafers > 1)
        print_way(out, &about->link, place->wafers);
    if (about->n_prompt)
        plmr_table_fact(out, "apart", "%d of the %d read prompts, the others make tokens: caches are there %s later",
                        about->n_prompt, place->n_replicas, plmr_format_quantity(o->way_s, "s").s);
    plmr_table_fact(out, "passes", "tokens of up to %s, or up to %s of a prompt",
                    plmr_format_counted(c->n_batch, "request").s, plmr_format_counted(c->chunk, "token").s);
}

static void print_quantiles(FILE *out, const char *label, const plmr_serve_quantiles *q)
{
    plmr_table_fact(out, label, "mean %s, half within %s, 90 %% within %s, 99 %% within %s",
                    plmr_format_quantity(q->mean, "s").s, plmr_format_quantity(q->p50, "s").s,
                    plmr_format_quantity(q->p90, "s").s, plmr_format_quantity(q->p99, "s").s);
}

static void print_more(FILE *out, const plmr_serve_about *about, const plmr_serve_outcome *o)
{
    if (o->n_urgent)
        plmr_table_fact(out, "urgent", "%s of the highest priority: done, half within %s, 99 %% within %s",
                        plmr_format_count(o->n_urgent).s, plmr_format_quantity(o->urgent_e2e.p50, "s").s,
                        plmr_format_quantity(o->urgent_e2e.p99, "s").s);
    if (about->shares)
        plmr_table_fact(out, "shared", "%s of %s tokens of prompts had been read for others",
                        plmr_format_count(o->sums.n_shared).s, plmr_format_count((int64_t)o->n_prompt_tokens).s);
    if (about->preempts)
        plmr_table_fact(out, "preempted", "%s: tokens read again, %s",
                        plmr_format_counted(o->sums.n_preempted, "time").s, plmr_format_count(o->sums.n_again).s);
    if (about->draft)
        plmr_table_fact(out, "draft", "%s, on a region of its own, guesses %s ahead: %s of %s were right", about->draft,
                        plmr_format_counted(about->ahead, "token").s, plmr_format_count(o->sums.n_right).s,
                        plmr_format_count(o->sums.n_guessed).s);
}

static void print_good(FILE *out, const plmr_serve_outcome *o)
{
    if (o->meets_all)
        plmr_table_fact(out, "note",
                        "the SLO is met at every rate that was tried: ask for a stricter one, or for more "
                        "requests");
    plmr_table_fact(out, "SLO", "met by %s of requests: %s requests/s",
                    plmr_format_percent((double)o->n_good / (double)o->n_requests).s,
                    plmr_format_rate((double)o->n_good / o->t_all_s).s);
}

static void print_requests(FILE *out, const plmr_serve_outcome *o)
{
    char come[64] = "at the start", waited[64] = "none";
    if (isfinite(o->rate))
        snprintf(come, sizeof come, "at %s a second", plmr_format_rate(o->rate).s);
    if (o->sums.most_waiting > 0)
        snprintf(waited, sizeof waited, "at most %s", plmr_format_count(o->sums.most_waiting).s);
    plmr_table_fact(out, "requests", "%s %s: %s of prompts, %s made; %s waited", plmr_format_count(o->n_requests).s,
                    come, plmr_format_counted((int64_t)o->n_prompt_tokens, "token").s,
                    plmr_format_count((int64_t)o->n_tokens).s, waited);
}

void plmr_serve_print(FILE *out, const plmr_llm_run *run, const plmr_serve_about *about, const plmr_serve_place *place,
                      const plmr_serve_outcome *o)
{
    double joules = power(run, place) * o->t_all_s;
    plmr_table_fact(out, "model", "%s: %s parameters, %d layers", run->shape->name,
                    plmr_format_quantity((double)run->shape->n_parameters, "").s, run->shape->n_layers);
    plmr_table_fact(out, "device", "%s: %s", run->session.device.name, run->session.device.title);
    print_place(out, run, about, place, o);
    plmr_table_fact(out, "policy", "%s: %s", about->policy->name, about->policy->summary);
    print_requests(out, o);
    print_quantiles(out, "TTFT", &o->ttft);
    print_quantiles(out, "TPOT", &o->tpot);
    print_quantiles(out, "e2e", &o->e2e);
    plmr_table_fact(out, "speed", "%s tokens/s of all requests in %s; regions work %s of the time",
                    plmr_format_cycles(round(o->n_tokens / o->t_all_s)).s, plmr_format_quantity(o->t_all_s, "s").s,
                    plmr_format_percent(o->utilisation).s);
    plmr_table_standing(out, &run->session.standing);
    if (has_slo(about))
        print_good(out, o);
    plmr_table_fact(out, "KV cache", "at most %s tokens%s, room for %s", plmr_format_count(o->sums.kv_peak_tokens).s,
                    place->n_replicas > 1 ? " of a replica" : "", plmr_format_count(capacity(&place->costs)).s);
    print_more(out, about, o);
    if (joules > 0)
        plmr_table_fact(out, "energy", "%s by the power of the system, %s a token made",
                        plmr_format_quantity(joules, "J").s, plmr_format_quantity(joules / o->n_tokens, "J").s);
    plmr_table_fact(out, "simulated", "%s passes, of which %s were timed",
                    plmr_format_count(o->sums.n_steps + o->sums.n_chunks).s, plmr_format_count(place->costs.n_found).s);
}

/* ---- the page ---- */

void plmr_serve_add_page(plmr_llm_run *run, json_t *record, const plmr_serve_plan *plan, const plmr_serve_place *place,
                         const plmr_serve_outcome *o, const plmr_request *requests)
{
    if (!plan->timeline)
        return;
    json_t *serving = plmr_timeline_json(plan->timeline, requests, o->n_requests, o->sums.t_end, plan->clock,
                                         place->n_replicas, plan->n_prompt, capacity(&place->costs));
    json_object_set(serving, "tried", plan->tried);
    plmr_html_add_record(&run->session.html, record, &run->session.device, NULL, serving);
}

/* ---- texts ---- */

static json_t *ids_json(const int32_t *ids, int n)
{
    json_t *array = json_array();
    for (int i = 0; i < n; i++)
        json_array_append_new(array, json_integer(ids[i]));
    return array;
}

void plmr_serve_texts_put(json_t *record, const plmr_serve_texts *texts)
{
    json_t *all = texts ? json_array() : NULL;
    for (int64_t i = 0; texts && i < texts->n; i++) {
        const plmr_serve_text *t = &texts->texts[i];
        json_t *one = json_object();
        json_object_set_new(one, "prompt", ids_json(t->prompt, t->n_prompt));
        json_object_set_new(one, "ids", ids_json(t->ids, t->n_ids));
        json_object_set_new(one, "text", texts->tokenizer ? json_string(t->text) : json_null());
        json_array_append_new(all, one);
    }
    if (!texts)
        return;
    json_object_set_new(record, "mode", json_string("compute"));
    json_object_set_new(record, "texts", all);
}

void plmr_serve_print_texts(FILE *out, const plmr_serve_texts *texts)
{
    for (int64_t i = 0; i < texts->n; i++) {
        const plmr_serve_text *t = &texts->texts[i];
        fprintf(out, "[%lld] %s", (long long)i, texts->tokenizer ? t->text : "");
        for (int k = 0; k < t->n_ids && !texts->tokenizer; k++)
            fprintf(out, "%s%d", k ? "," : "", t->ids[k]);
        fputc('\n', out);
    }
}
