#include "tune/tune.h"

#include "infer/choose.h"

/* Of a layer, where they are replicated: what commands have by default. */
enum { N_HOT = 4 };

static plmr_llm_setup setup_of(const plmr_tune_task *task, const plmr_phase_setup *point)
{
    plmr_llm_setup setup = task->setup;
    setup.allow_memory = setup.allow_routes = true;
    setup.experts.place = point->experts;
    setup.experts.n_hot = N_HOT;
    setup.phase[task->decode] = *point;
    setup.phase[task->decode].wide = task->wide;
    setup.phase[!task->decode].rows = 0;
    setup.phase[!task->decode].wide = task->wide;
    if (!task->decode)
        setup.n_tokens = setup.n_prompt;
    return setup;
}

/* What else there is to choose for the point's region, by the aim; for a batch in any case. */
static plmr_status choose(const plmr_tune_task *task, plmr_llm_setup *setup, plmr_candidate *chosen)
{
    const plmr_aim *aim = setup->aim;
    *chosen = (plmr_candidate){0};
    if (!aim && (setup->n_batch <= 1 || setup->phase[task->decode].layers))
        return PLMR_OK;
    return plmr_choose_phase(task->device, task->shape, aim ? aim : &plmr_aim_throughput, true, task->decode, setup,
                             chosen);
}

/* The prompt, and all that decode wants elsewhere; or the first logits, and all tokens. */
static plmr_status run(const plmr_tune_task *task, plmr_timing *timing, plmr_phase_cost *cost, double *aside_cycles)
{
    plmr_phase_cost part;
    if (!task->decode) {
        PLMR_TRY(plmr_timing_prefill(timing, cost));
        PLMR_TRY(plmr_timing_relayout(timing, &part));
        *aside_cycles = part.t_cycles;
        plmr_phase_cost_add(cost, &part);
        return PLMR_OK;
    }
    PLMR_TRY(plmr_timing_output(timing, cost));
    *aside_cycles = cost->t_cycles;
    for (int64_t i = task->setup.n_prompt; i < task->setup.n_tokens; i++) {
        const plmr_phase_cost *token;
        PLMR_TRY(plmr_timing_token(timing, i, &token));
        plmr_phase_cost_add(cost, token);
    }
    return PLMR_OK;
}

static enum plmr_tune_lack lack_of(const plmr_tune_task *task, const plmr_tune_result *r)
{
    if ((double)r->placement.sram_bytes > task->device->sram)
        return PLMR_TUNE_LACKS_SRAM;
    if (task->decode && r->placement.capacity < r->n_tokens)
        return PLMR_TUNE_LACKS_CACHE;
    bool is_more = task->setup.n_wafers && r->n_wafers > task->setup.n_wafers;
    return is_more ? PLMR_TUNE_LACKS_WAFERS : PLMR_TUNE_LACKS_NOTHING;
}

plmr_status plmr_tune_evaluate(const plmr_tune_task *task, const plmr_phase_setup *point, plmr_tune_result *result)
{
    plmr_timing *timing;
    plmr_llm_setup setup = setup_of(task, point);
    plmr_candidate chosen;
    PLMR_TRY(choose(task, &setup, &chosen));
    PLMR_TRY(plmr_timing_create(task->ranks, task->device, task->shape, &setup, &timing));
    const plmr_placement *p = plmr_timing_placement(timing, task->decode);
    *result = (plmr_tune_result){
        .point = *point,
        .placement = *p,
        .n_tokens = setup.n_tokens,
        .replicas = chosen.n_wafers ? chosen.replicas : 1,
    };
    result->n_wafers = (int64_t)plmr_wafers_for(result->replicas, p->n_regions, p->n_stages) * p->wide;
    result->lack = lack_of(task, result);
    plmr_status status = run(task, timing, &result->cost, &result->aside_cycles);
    result->over_routes = result->cost.routes_max > task->device->routes;
    result->wafers_matter = !setup.n_wafers;
    result->loss = setup.aim && chosen.n_wafers ? ((const plmr_aim *)setup.aim)->loss(&chosen) : 0;
    plmr_timing_destroy(timing);
    return status;
}

plmr_status plmr_tune_try(const plmr_tune_task *task, const plmr_phase_setup *point, plmr_tune_result *result,
                          plmr_status *refusal)
{
    plmr_status status = plmr_tune_evaluate(task, point, result);
    bool refused = status && plmr_error_code(status) == PLMR_ERROR_INPUT;
    *refusal = refused ? status : PLMR_OK;
    return refused ? PLMR_OK : status;
}

/* Of those that do not fit, the nearest to it: from there neighbours lead to what does. */
static int64_t excess(const plmr_tune_result *r)
{
    return r->lack ? r->placement.sram_bytes : 0;
}

bool plmr_tune_is_better(const plmr_tune_result *a, const plmr_tune_result *b)
{
    if (excess(a) != excess(b))
        return excess(a) < excess(b);
    if (a->over_routes != b->over_routes)
        return b->over_routes;
    if (a->n_wafers != b->n_wafers && a->wafers_matter)
        return a->n_wafers < b->n_wafers;
    return a->loss != b->loss ? a->loss < b->loss : a->cost.t_cycles < b->cost.t_cycles;
}
