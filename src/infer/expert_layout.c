/* Where phases have their experts: parts, and the region that stands for a block. */
#include "infer/timing_internal.h"

#include <stdlib.h>

#include "base/larger.h"
#include "base/memory.h"

/* A block's allreduces are beside those of whole columns. */
static plmr_status route_blocks(const plmr_expert_layout *layout, const plmr_grid *grid)
{
    plmr_region *block = layout->grid->region;
    int n_rows = layout->blocks.down * layout->blocks.rows;
    PLMR_TRY(plmr_reduce_route(block, PLMR_Y, layout->grid->plan_y, "the blocks' allreduces along y"));
    int *cores = plmr_take_zeroed((size_t)grid->rows, sizeof *cores);
    for (int i = 0; i < n_rows; i++)
        cores[i] = block->ledger.routes[PLMR_Y][i % layout->blocks.rows];
    plmr_status status =
        plmr_region_route(grid->region, "the blocks' allreduces along y", PLMR_Y, cores, block->ledger.routes_program);
    free(cores);
    return status;
}

static plmr_status lay_blocks(const plmr_timing *t, enum plmr_llm_phase phase, plmr_expert_layout *layout)
{
    const plmr_grid *g = phase == PLMR_DECODE ? t->decode : t->prefill;
    const plmr_expert_blocks *b = &layout->blocks;
    plmr_region_options any = {
        .allow_memory = true, .allow_routes = true, .every_step = t->setup.every_step, .profile = t->setup.profile};
    plmr_reduce_options tree = {.n_levels = 1};
    layout->blocks = plmr_expert_blocks_of(&t->shape, layout->n_parts, g->rows, g->cols, phase == PLMR_PREFILL);
    layout->n_parts = b->n;
    PLMR_TRY(
        plmr_grid_create(g->ranks, &t->even, &t->shape, b->rows, b->cols, &tree, &any, PLMR_FOR_TIME, &layout->grid));
    return phase == PLMR_PREFILL || t->setup.plan->allreduce ? PLMR_OK : route_blocks(layout, g);
}

/* Of regions those that hold layers: of prefill as many as a wafer has, and of weights that may come in, of which all layers
 * go through one. */
void plmr_timing_share_experts(plmr_timing *t, enum plmr_llm_phase phase)
{
    plmr_expert_layout *layout = &t->experts[phase];
    const plmr_tiling *tiling = &t->between[phase].tiling;
    int n = plmr_expert_regions(&layout->setup, &t->shape), most = tiling->down * tiling->across;
    if (!t->shape.n_experts || n == 1)
        return;
    n = plmr_smaller(n, t->setup.n_layers);
    n = phase == PLMR_PREFILL || t->setup.streams ? plmr_smaller(n, most) : n;
    layout->n_parts = t->kept == PLMR_KEEP_ALL ? n : 1;
    layout->way = plmr_between_worst(&t->between[phase], layout->n_parts);
}

plmr_status plmr_timing_place_experts(plmr_timing *t, enum plmr_llm_phase phase)
{
    plmr_expert_layout *layout = &t->experts[phase];
    layout->setup = plmr_llm_experts(&t->setup, phase);
    if (!t->shape.n_experts)
        return PLMR_OK;
    layout->n_parts = plmr_expert_parts(&layout->setup, &t->shape);
    plmr_timing_share_experts(t, phase);
    return plmr_expert_spread_of(&layout->setup) == PLMR_EXPERTS_IN_BLOCKS ? lay_blocks(t, phase, layout) : PLMR_OK;
}
