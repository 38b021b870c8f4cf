#include "infer/blocks.h"

#include "base/memory.h"

static const plmr_region_options any = {.allow_memory = true, .allow_routes = true};

static plmr_status join_columns(plmr_blocks *b, const plmr_grid *home, const plmr_device *device)
{
    PLMR_TRY(plmr_region_create(home->ranks, device, home->rows, home->cols, &any, &b->region));
    int *owner = plmr_take((size_t)home->cols * sizeof *owner);
    for (int col = 0; col < home->cols; col++)
        owner[col] = plmr_region_owner(b->grid->region, PLMR_X, col % b->cut.cols);
    plmr_region_deal(b->region, PLMR_X, owner);
    b->tree = plmr_tree_create(b->region, PLMR_X, home->plan_x);
    b->tree->depth++; /* a column adds up blocks */
    return PLMR_OK;
}

plmr_status plmr_blocks_create(const plmr_grid *home, const plmr_device *device, const plmr_model_shape *shape,
                               const plmr_expert_setup *setup, enum plmr_llm_phase phase, plmr_blocks *b)
{
    plmr_reduce_options chain = {.n_levels = 1}; /* as in virtual time */
    bool is_prefill = phase == PLMR_PREFILL;
    if (!shape->n_experts || plmr_expert_spread_of(setup) != PLMR_EXPERTS_IN_BLOCKS)
        return PLMR_OK;
    b->cut = plmr_expert_blocks_of(shape, plmr_expert_parts(setup, shape), home->rows, home->cols, is_prefill);
    PLMR_TRY(plmr_grid_create(home->ranks, device, shape, b->cut.rows, b->cut.cols, &chain, &any,
                              is_prefill ? PLMR_FOR_PROMPT : PLMR_FOR_TOKENS, &b->grid));
    return is_prefill ? PLMR_OK : plmr_agree(join_columns(b, home, device));
}

void plmr_blocks_free(plmr_blocks *b)
{
    plmr_tree_destroy(b->tree);
    plmr_region_destroy(b->region);
    plmr_grid_destroy(b->grid);
}

int plmr_blocks_chunk(const plmr_blocks *b, int col, int part)
{
    return col / b->cut.cols == part % b->cut.across ? plmr_ring_position(b->grid->x, col % b->cut.cols) : -1;
}
