#include "tune/tune.h"

static plmr_timing_options options_of(const plmr_tune_task *task, const plmr_tune_point *p)
{
    plmr_timing_options o = {
        .n_layers = task->shape->n_layers,
        .n_batch = 1,
        .n_prompt = task->n_prompt,
        .n_tokens = task->n_prompt + (task->decode ? task->n_decode : 0),
        .balanced = task->balanced,
        .cache_dtype = task->cache_dtype,
    };
    if (task->decode) {
        o.decode_rows = p->rows;
        o.decode_cols = p->cols;
        o.decode_tree = p->tree;
        o.decode_layers = p->layers;
        o.unfused = p->unfused;
    } else {
        o.prefill_side = p->rows;
        o.prefill_tree = p->tree;
        o.prefill_layers = p->layers;
    }
    return o;
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
    for (int64_t i = 0; i < task->n_decode; i++) {
        const plmr_phase_cost *token;
        PLMR_TRY(plmr_timing_token(timing, task->n_prompt + i, &token));
        plmr_phase_cost_add(cost, token);
    }
    return PLMR_OK;
}

plmr_status plmr_tune_evaluate(const plmr_tune_task *task, const plmr_tune_point *point, plmr_tune_result *result)
{
    plmr_timing *timing;
    plmr_timing_options options = options_of(task, point);
    PLMR_TRY(plmr_timing_create(task->ranks, task->device, task->shape, &options, true, true, &timing));
    const plmr_placement *p = plmr_timing_placement(timing, task->decode);
    *result = (plmr_tune_result){
        .point = *point,
        .placement = *p,
        .n_tokens = options.n_tokens,
        .n_wafers = plmr_ceil_div(p->n_stages, p->n_regions),
        .over_memory = (double)p->sram_bytes > task->device->sram || (task->decode && p->capacity < options.n_tokens),
    };
    plmr_status status = run(task, timing, &result->cost, &result->aside_cycles);
    result->over_routes = result->cost.routes_max > task->device->routes;
    plmr_timing_destroy(timing);
    return status;
}

/* Of those that do not fit, the nearest to it: from there neighbours lead to what does. */
static int64_t excess(const plmr_tune_result *r)
{
    return r->over_memory ? r->placement.sram_bytes : 0;
}

bool plmr_tune_is_better(const plmr_tune_result *a, const plmr_tune_result *b)
{
    if (excess(a) != excess(b))
        return excess(a) < excess(b);
    if (a->over_routes != b->over_routes)
        return b->over_routes;
    return a->n_wafers != b->n_wafers ? a->n_wafers < b->n_wafers : a->cost.t_cycles < b->cost.t_cycles;
}
