#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/format.h"
#include "base/hash.h"
#include "base/larger.h"
#include "infer/choose.h"
#include "infer/step.h"
#include "run/llm.h"

static double per(double count, double seconds)
{
    return seconds > 0 ? count / seconds : NAN;
}

static void set_prefill(const plmr_llm_run *run, plmr_llm_record *r)
{
    const plmr_llm_totals *t = &run->totals;
    double clock = run->session.device.clock;
    if (!run->prefill)
        return;
    r->prompt_tokens = run->setup.n_prompt;
    r->prefill_rows = run->prefill->rows;
    r->prefill_cols = run->prefill->cols;
    r->prefill_stages = run->prefill->n_stages;
    r->prefill_replicas = plmr_llm_replicas(run, PLMR_PREFILL);
    r->prefill_tree_k = run->prefill->n_levels;
    r->prefill_cycles = t->prefill.t_cycles;
    r->relayout_cycles = t->handover.t_cycles;
    r->ttft_s = (t->prefill.t_cycles + t->handover.t_cycles) / clock;
    r->tpr_prefill = per((double)run->setup.n_prompt, t->prefill.t_cycles / clock);
    r->wall_prefill_tok_s = per((double)run->setup.n_prompt, t->prefill_s);
    r->sram_peak_bytes = run->prefill->sram_bytes;
}

static void set_decode(plmr_llm_run *run, plmr_llm_record *r)
{
    const plmr_llm_totals *t = &run->totals;
    const plmr_placement *p = run->decode;
    if (!p)
        return;
    for (int axis = 0; axis < 2; axis++) /* of each level but the last */
        plmr_format_list(p->groups[axis], p->n_levels - 1, run->groups[axis], sizeof run->groups[axis]);
    r->output_tokens = t->n_made;
    r->decode_rows = p->rows;
    r->decode_cols = p->cols;
    r->stages = p->n_stages;
    r->regions = p->n_regions;
    r->replicas = plmr_llm_replicas(run, PLMR_DECODE);
    r->wafers = plmr_llm_phase_wafers(run, PLMR_DECODE);
    r->layers_per_stage = p->layers_per_stage;
    r->tree_k = p->n_levels;
    r->groups_y = run->groups[PLMR_Y];
    r->groups_x = run->groups[PLMR_X];
    r->fused = run->setup.phase[PLMR_DECODE].unfused ? "no" : "yes";
    r->kv_capacity_tokens = p->capacity;
    r->sram_peak_bytes = plmr_larger(p->sram_bytes, r->sram_peak_bytes);
    if (t->n_made == 0)
        return;
    r->decode_cycles_first = t->first_cycles;
    r->decode_cycles_last = t->last_cycles;
    r->tpot_s = t->decode.t_cycles / (double)t->n_made / run->session.device.clock;
    r->tpr_decode = 1 / r->tpot_s;
    r->wall_decode_tok_s = per((double)(t->n_made * run->setup.n_batch), t->decode_s);
}

/* Tokens of a request. */
static double made(const plmr_llm_run *run)
{
    return (double)(run->n_text ? run->n_text : run->totals.n_made);
}

static void set_totals(const plmr_llm_run *run, plmr_llm_record *r)
{
    const plmr_llm_totals *t = &run->totals;
    const plmr_device *device = &run->session.device;
    double unused, *works[PLMR_N_WORKS] = {&r->cycles_projection, &r->cycles_attention, &r->cycles_elements,
                                           &r->cycles_allreduce,  &r->cycles_shift,     &r->cycles_relayout,
                                           &r->cycles_experts,    &r->cycles_stages,    &unused};
    plmr_phase_cost all = plmr_llm_totals_sum(t);
    plmr_energy energy =
        plmr_device_energy(device, run->shape->dtype, all.multiply_adds, all.wavelet_hops, all.t_cycles);
    energy.fabric_j += device->border_energy * 1e-12 * all.border_hops;
    double virtual_s = all.t_cycles / device->clock;
    for (int i = 0; i < PLMR_N_WORKS; i++)
        *works[i] = all.work[i];
    r->expert_link_words = run->shape->n_experts ? all.hottest.link : NAN;
    r->expert_core_share = run->shape->n_experts ? all.hottest.core : NAN;
    if (!run->shape->n_experts)
        r->cycles_experts = NAN;
    else if (run->prefill)
        plmr_expert_load_sum(&run->setup.load, run->shape, run->setup.n_prompt, &r->expert_tokens_max,
                             &r->expert_tokens_dropped);
    r->routes_max = all.routes_max;
    r->energy_j = device->power > 0 ? device->power * virtual_s : NAN;
    PLMR_RECORD_ENERGY(r, energy);
    if (run->prefill && made(run) > 0)
        r->tpr_e2e = made(run) / virtual_s;
    r->wall_s = t->load_s + t->prefill_s + t->relayout_s + t->decode_s;
    r->wall_load_s = t->load_s;
    r->wall_relayout_s = t->relayout_s;
    r->violates = plmr_violations(r->sram_peak_bytes > r->sram_limit_bytes, r->routes_max > (int64_t)device->routes);
}

/* Of what there is, the rest. */
static void set_rest(const plmr_llm_run *run, plmr_llm_record *r)
{
    const plmr_device *device = &run->session.device;
    const plmr_placement *p = plmr_llm_region(run);
    double n_batch = run->setup.n_batch;
    if (!p)
        return;
    int64_t used = plmr_llm_regions_used(run), wafers = plmr_llm_phase_wafers(run, p == run->decode);
    double n_tokens = made(run) > 0 ? made(run) : (double)run->setup.n_prompt;
    r->prefill_tok_s = n_batch * r->tpr_prefill;
    r->decode_tok_s = n_batch * r->tpr_decode;
    r->tok_j = plmr_tokens_per_joule(device, n_batch * n_tokens, plmr_llm_wafers(run),
                                     plmr_llm_totals_sum(&run->totals).t_cycles);
    r->sram_left_bytes = r->sram_peak_bytes < r->sram_limit_bytes ? r->sram_limit_bytes - r->sram_peak_bytes : 0;
    r->placed_for = run->setup.aim ? plmr_name_of(run->setup.aim) : "";
    wafers = plmr_larger(wafers, run->setup.n_wafers);
    r->regions_unused = wafers * p->n_regions - used;
    r->cores_unused = wafers * plmr_defects_cores(device) - used * p->rows * p->cols;
}

int64_t plmr_llm_regions_used(const plmr_llm_run *run)
{
    const plmr_placement *p = plmr_llm_region(run);
    return p ? (int64_t)p->n_stages * plmr_llm_replicas(run, p == run->decode) * p->wide : 0;
}

int plmr_llm_replicas(const plmr_llm_run *run, enum plmr_llm_phase phase)
{
    int replicas = run->setup.phase[phase].replicas;
    return replicas > 1 ? replicas : 1;
}

int64_t plmr_llm_phase_wafers(const plmr_llm_run *run, enum plmr_llm_phase phase)
{
    const plmr_placement *p = phase == PLMR_DECODE ? run->decode : run->prefill;
    return p ? (int64_t)plmr_wafers_for(plmr_llm_replicas(run, phase), p->n_regions, p->n_stages) * p->wide : 0;
}

int64_t plmr_llm_wafers(const plmr_llm_run *run)
{
    return plmr_wafers_for_both(plmr_llm_phase_wafers(run, PLMR_PREFILL), plmr_llm_phase_wafers(run, PLMR_DECODE));
}

/* Only where something comes in; else nothing is known of it. */
static void set_outside(const plmr_llm_run *run, plmr_llm_record *r)
{
    const plmr_placement *p = plmr_llm_region(run);
    const plmr_llm_totals *t = &run->totals;
    plmr_phase_cost all = plmr_llm_totals_sum(t);
    const plmr_phase_cost *steady = t->n_made ? &t->decode : &t->prefill;
    if (!p || !p->n_slices)
        return;
    const plmr_outside *outside = plmr_timing_outside(run->timing, run->decode != NULL);
    r->outside_bytes = all.outside_bytes;
    r->outside_cycles = all.outside_cycles;
    r->cycles_outside = all.work[PLMR_WORK_OUTSIDE];
    r->outside_host_share = outside->host_share;
    r->outside = p->cache_outside ? "weights and cache" : "weights";
    r->bound = steady->outside_cycles > steady->t_cycles - steady->work[PLMR_WORK_OUTSIDE] ? "outside" : "cores";
    r->energy_outside_j = all.outside_bytes * outside->byte_joules;
}

const plmr_placement *plmr_llm_region(const plmr_llm_run *run)
{
    return run->decode ? run->decode : run->prefill;
}

static void set_link(const plmr_llm_run *run, plmr_llm_record *r)
{
    const plmr_wafer_link *link = &run->setup.link;
    if (link->bytes_s == 0)
        return;
    r->link_bytes_s = link->bytes_s;
    r->link_bytes = plmr_llm_totals_sum(&run->totals).link_bytes;
    r->energy_link_j = r->link_bytes * link->byte_j;
}

static void set_host(plmr_llm_run *run, plmr_llm_record *r)
{
    const plmr_placement *region = plmr_llm_region(run);
    const plmr_session *session = &run->session;
    if (session->usage.wall_s > 0)
        r->on_host = plmr_host_record_of(&session->usage);
    if (!session->topology.ranks)
        return;
    run->placement = region ? plmr_ranks_text(&session->topology, region->rows, region->cols) : NULL;
    r->on_host.placement = run->placement;
    r->on_host.hosts = plmr_ranks_hosts(&session->topology);
}

const plmr_standing *plmr_llm_standing(plmr_llm_run *run, const plmr_timing *timing)
{
    unsigned parts = 0;
    for (int decode = 0; decode < 2 && timing; decode++) {
        const plmr_region *region = plmr_timing_region(timing, decode);
        parts |= region ? region->ledger.parts : 0;
    }
    plmr_session *s = &run->session;
    plmr_standing_of(&s->device, &s->evidence, parts, run->shape->dtype, &s->standing);
    return &run->session.standing;
}

plmr_llm_record plmr_llm_record_of(plmr_llm_run *run)
{
    plmr_llm_record r = plmr_llm_record_none();
    snprintf(run->layers, sizeof run->layers, "%d..%d", run->setup.first_layer,
             run->setup.first_layer + run->setup.n_layers - 1);
    r.command = run->session.command;
    r.model = run->shape->name;
    r.device = run->session.device.name;
    r.ranks = plmr_rank_count();
    r.kv = run->setup.concat ? "concat" : "shift";
    r.sram_limit_bytes = (int64_t)run->session.device.sram;
    r.version = PLMR_VERSION;
    r.host = run->session.provenance.host;
    r.date = run->session.provenance.date;
    r.as_published = run->setup.as_published ? "yes" : "no";
    r.plan = run->setup.plan->name;
    r.batch = run->setup.n_batch;
    r.layers = run->layers;
    r.layers_model = run->shape->n_layers;
    r.dtype = plmr_dtype_name(run->shape->dtype);
    r.kv_dtype = plmr_llm_cache_name(&run->setup);
    plmr_expert_setup prefill = plmr_llm_experts(&run->setup, PLMR_PREFILL);
    plmr_expert_setup decode = plmr_llm_experts(&run->setup, PLMR_DECODE);
    r.experts = run->shape->n_experts ? plmr_expert_place_name(&decode) : "";
    r.prefill_experts = run->shape->n_experts ? plmr_expert_place_name(&prefill) : "";
    r.weights = run->shape->packed ? plmr_packed_name(run->shape->packed) : r.dtype;
    r.kernel = plmr_kernel_name();
    set_prefill(run, &r);
    set_decode(run, &r);
    r.token_macs_layers = plmr_model_layer_needs(run->shape).macs * run->setup.n_layers;
    r.token_macs_output = (int64_t)run->shape->n_vocab * run->shape->dim;
    set_totals(run, &r);
    set_rest(run, &r);
    set_outside(run, &r);
    set_link(run, &r);
    set_host(run, &r);
    PLMR_RECORD_STANDING(&r, plmr_llm_standing(run, run->timing));
    return r;
}

plmr_record_hash plmr_llm_checksum(const float *hidden, size_t n)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, &hidden[i], sizeof bits);
        sum += plmr_checksum_element(i, bits);
    }
    return (plmr_record_hash){true, sum};
}

plmr_status plmr_llm_put(plmr_llm_run *run, const plmr_llm_record *record)
{
    json_t *object = plmr_record_json(plmr_llm_record_fields, record);
    if (run->logprobs)
        json_object_set(object, "logprobs", run->logprobs);
    plmr_session_sign(&run->session, object);
    if (run->maps)
        plmr_llm_add_page(run, object);
    return plmr_json_put(&run->session.jsonl, PLMR_RECORD_FLAGS, object);
}
