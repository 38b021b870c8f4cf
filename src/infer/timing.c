#include "infer/timing_internal.h"

#include <stdlib.h>

#include "base/memory.h"

/* One head of full size, as the published code has it. */
static void take_shape(plmr_timing *t, const plmr_model_shape *shape)
{
    t->shape = *shape;
    if (!t->setup.as_published)
        return;
    t->shape.n_heads = t->shape.n_kv_heads = 1;
    t->shape.head_dim = t->shape.rope_dim = shape->dim;
    t->shape.has_qkv_biases = false;
}

static plmr_status find_ways(plmr_timing *t)
{
    int *working = plmr_defects_working(t->device);
    plmr_status status = PLMR_OK;
    for (int i = 0; i < PLMR_N_PHASES && !status; i++)
        if (t->setup.phase[i].rows)
            status =
                plmr_between_find(t->device, working, t->setup.phase[i].rows, t->setup.phase[i].cols, &t->between[i]);
    free(working);
    return status;
}

static plmr_status fill_timing(plmr_timing *t, plmr_ranks *ranks)
{
    const plmr_phase_setup *prefill = &t->setup.phase[PLMR_PREFILL], *decode = &t->setup.phase[PLMR_DECODE];
    plmr_region_options any = {
        .allow_memory = true, .allow_routes = true, .every_step = t->setup.every_step, .profile = t->setup.profile};
    PLMR_TRY(find_ways(t));
    if (decode->rows) {
        PLMR_TRY(plmr_grid_create(ranks, t->device, &t->shape, decode->rows, decode->cols, &decode->tree, &any,
                                  PLMR_FOR_TIME, &t->decode));
        PLMR_TRY(plmr_cost_route(t->decode, t->setup.plan, PLMR_DECODE, t->setup.as_published));
        PLMR_TRY(plmr_timing_place_experts(t, PLMR_DECODE));
    }
    if (prefill->rows) {
        PLMR_TRY(plmr_grid_create(ranks, t->device, &t->shape, prefill->rows, prefill->cols, &prefill->tree, &any,
                                  PLMR_FOR_TIME, &t->prefill));
        PLMR_TRY(plmr_cost_route(t->prefill, t->setup.plan, PLMR_PREFILL, t->setup.as_published));
        PLMR_TRY(plmr_timing_place_experts(t, PLMR_PREFILL));
    }
    return plmr_timing_place(t);
}

plmr_status plmr_timing_create(plmr_ranks *ranks, const plmr_device *device, const plmr_model_shape *shape,
                               const plmr_llm_setup *setup, plmr_timing **out)
{
    plmr_timing *t = plmr_take_zeroed(1, sizeof *t);
    t->device = device;
    t->even = *device;
    t->even.slow_share = t->even.slow.n = 0;
    t->setup = *setup;
    plmr_llm_setup_complete(&t->setup, shape);
    take_shape(t, shape);
    plmr_status status = fill_timing(t, ranks);
    if (status)
        plmr_timing_destroy(t);
    else
        *out = t;
    return status;
}

void plmr_timing_destroy(plmr_timing *t)
{
    if (!t)
        return;
    plmr_grid_destroy(t->experts[PLMR_PREFILL].grid);
    plmr_grid_destroy(t->experts[PLMR_DECODE].grid);
    plmr_grid_destroy(t->prefill);
    plmr_grid_destroy(t->decode);
    free(t);
}

const plmr_llm_setup *plmr_timing_setup(const plmr_timing *t)
{
    return &t->setup;
}

const plmr_placement *plmr_timing_placement(const plmr_timing *t, enum plmr_llm_phase phase)
{
    return &t->placement[phase];
}

plmr_tiling plmr_timing_tiling(const plmr_timing *t, enum plmr_llm_phase phase)
{
    return t->between[phase].tiling;
}

const plmr_outside *plmr_timing_outside(const plmr_timing *t, enum plmr_llm_phase phase)
{
    return &t->outside[phase];
}

plmr_region *plmr_timing_region(const plmr_timing *t, enum plmr_llm_phase phase)
{
    const plmr_grid *grid = phase == PLMR_DECODE ? t->decode : t->prefill;
    return grid ? grid->region : NULL;
}
