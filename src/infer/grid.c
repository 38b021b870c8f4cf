#include "infer/grid.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/hint.h"
#include "base/memory.h"

const plmr_deal *plmr_grid_deal(const plmr_grid *grid, enum plmr_dimension dimension, enum plmr_llm_phase phase)
{
    const plmr_deal *const deals[PLMR_N_DIMENSIONS] = {
        [PLMR_MODEL_DIM] = phase == PLMR_DECODE ? &grid->dim : &grid->dim_x,
        [PLMR_QUERIES] = &grid->queries,
        [PLMR_KEYS] = &grid->keys,
        [PLMR_FFN] = &grid->ffn,
        [PLMR_VOCAB] = &grid->vocab,
        [PLMR_EXPERT_FFN] = &grid->expert_ffn,
        [PLMR_SHARED_FFN] = &grid->shared_ffn,
        [PLMR_EXPERTS] = &grid->experts,
        [PLMR_ONE] = &grid->one,
    };
    return deals[dimension];
}

const plmr_ring *plmr_grid_ring(const plmr_grid *grid, enum plmr_dimension dimension, enum plmr_llm_phase phase)
{
    if (dimension == PLMR_EXPERTS || dimension == PLMR_ONE)
        return NULL;
    return phase == PLMR_DECODE && dimension == PLMR_MODEL_DIM ? grid->y : grid->x;
}

int64_t plmr_grid_chunk(const plmr_grid *grid, enum plmr_dimension dimension)
{
    const plmr_deal *deal = plmr_grid_deal(grid, dimension, PLMR_DECODE);
    return deal                      ? deal->size
           : dimension == PLMR_HEAD  ? grid->heads.n_dims
           : dimension == PLMR_HEADS ? (int64_t)grid->heads.n_per_core * grid->heads.n_rep
                                     : 1;
}

int64_t plmr_grid_groups(const plmr_grid *grid, enum plmr_dimension dimension)
{
    return plmr_deal_groups(plmr_grid_deal(grid, dimension, PLMR_DECODE), PLMR_PACKED_GROUP);
}

static void make_deals(plmr_grid *grid, const plmr_model_shape *shape)
{
    grid->heads = plmr_heads_of(shape, grid->cols);
    grid->dim = plmr_deal_plain(shape->dim, grid->rows);
    grid->dim_x = plmr_deal_plain(shape->dim, grid->cols);
    grid->ffn = plmr_deal_plain(shape->n_ffn, grid->cols);
    grid->vocab = plmr_deal_plain(shape->n_vocab, grid->cols);
    grid->expert_ffn = plmr_deal_plain(shape->n_expert_ffn, grid->cols);
    grid->shared_ffn = plmr_deal_plain(shape->n_shared_ffn, grid->cols);
    grid->experts = plmr_deal_plain(shape->n_experts, 1);
    grid->one = plmr_deal_plain(1, 1);
    plmr_deal_queries(&grid->heads, grid->cols, &grid->queries);
    plmr_deal_keys(&grid->heads, grid->cols, &grid->keys);
}

static plmr_status make_plan(const plmr_grid *grid, enum plmr_axis axis, int n, const plmr_reduce_options *tree,
                             plmr_reduce_plan **plan)
{
    return plmr_reduce_plan_create(plmr_reduce_find("ktree"), grid->region->device, axis, n, tree, plan);
}

/* Routes of two levels of a head's tree, for heads whose neighbours have others. */
enum { ROUTES_PER_PAIR = 6 };

/* The legs of one head's plan, carried over to the cores of every head of the row: its members are neighbours on the
 * ring. */
static plmr_status spread_phase(const plmr_grid *grid, const plmr_phase *phase, int level, plmr_reduce_plan *all)
{
    int span = grid->heads.span, n_groups = grid->keys.n_filled / span, route = level / 2 * ROUTES_PER_PAIR;
    plmr_reduce_plan_phase(all, phase->adds);
    for (int g = 0; g < n_groups; g++)
        for (int i = 0; i < phase->n_legs; i++)
            plmr_reduce_plan_leg(all, plmr_ring_core(grid->x, g * span + phase->legs[i].src),
                                 plmr_ring_core(grid->x, g * span + phase->legs[i].dst),
                                 route + (phase->adds ? i % 2 : 2) + (g % 2) * 3);
    return PLMR_OK;
}

static plmr_status make_heads_plan(plmr_grid *grid)
{
    plmr_reduce_plan *all = plmr_take_zeroed(1, sizeof *all);
    grid->plan_heads = all;
    all->n = grid->cols;
    all->routes = plmr_take_zeroed((size_t)all->n, sizeof *all->routes);
    int n_phases = grid->plan_head->n_phases, n_levels = n_phases / 2;
    for (int p = 0; p < n_phases; p++)
        PLMR_TRY(spread_phase(grid, &grid->plan_head->phases[p], p < n_levels ? p : n_phases - 1 - p, all));
    all->hops = 2 * grid->plan_head->hops;
    all->stages = grid->plan_head->stages;
    all->routes_program = (n_levels + 1) / 2 * ROUTES_PER_PAIR;
    plmr_reduce_plan_count(all);
    return PLMR_OK;
}

/* What a rank knows of its own chunks, all ranks of the line learn. */
static void share_order(plmr_ranks *ranks, enum plmr_axis axis, plmr_order *order)
{
    double *index = plmr_take((size_t)order->n_slots * sizeof *index);
    for (int i = 0; i < order->n_slots; i++)
        index[i] = order->index[i];
    plmr_ranks_line_max(ranks, axis, index, order->n_slots);
    for (int i = 0; i < order->n_slots; i++)
        order->index[i] = (int)index[i];
    free(index);
}

/* The chunks of a dimension in the order in which a tree's programs meet the cores that hold them. */
static void make_order(const plmr_tree *tree, const plmr_ring *ring, const plmr_deal *deal, plmr_order *order)
{
    int first = ring->region->first[ring->axis], n_ops = tree->first[tree->n_values], n = 0;
    order->n_slots = deal->n_slots;
    order->index = plmr_take((size_t)deal->n_slots * sizeof(int));
    memset(order->index, -1, (size_t)deal->n_slots * sizeof(int));
    for (int i = 0; i < n_ops; i++) {
        if (tree->ops[i].kind == PLMR_TREE_MERGE)
            continue;
        int chunk = plmr_ring_position(ring, first + tree->ops[i].core);
        if (chunk < deal->n_filled)
            order->index[chunk] = n++;
    }
    share_order(ring->region->ranks, ring->axis, order);
}

static plmr_status make_plans(plmr_grid *grid, const plmr_reduce_options *asked)
{
    plmr_reduce_options tree = *asked;
    tree.n_levels = tree.n_levels ? tree.n_levels : 2;
    PLMR_TRY(make_plan(grid, PLMR_X, grid->cols, &tree, &grid->plan_x));
    plmr_reduce_options alike = {.n_levels = tree.n_levels, .n_group_levels = tree.n_levels - 1};
    memcpy(alike.n_groups, grid->plan_x->groups, sizeof alike.n_groups);
    PLMR_TRY(make_plan(grid, PLMR_Y, grid->rows, grid->rows == grid->cols ? &alike : &tree, &grid->plan_y));
    if (grid->heads.span < grid->cols) /* what is asked for is for a whole line */
        tree.n_group_levels = 0;
    PLMR_TRY(make_plan(grid, PLMR_X, grid->heads.span, &tree, &grid->plan_head));
    return make_heads_plan(grid);
}

/* Blocks of cores with as many of the ring's first n_filled positions. */
static void deal_blocks(const plmr_grid *grid, enum plmr_axis axis, int n_filled)
{
    const plmr_ring ring = {.kind = PLMR_INTERLEAVED, .n = grid->region->extent[axis]};
    int parts = plmr_ranks_extent(grid->ranks, axis), *owner = plmr_take((size_t)ring.n * sizeof *owner);
    for (int core = 0, n = 0; core < ring.n; core++) {
        bool is_filled = plmr_ring_position(&ring, core) < n_filled;
        owner[core] = plmr_ranks_owner(n_filled, parts, is_filled || !n ? n : n - 1);
        n += is_filled;
    }
    plmr_region_deal(grid->region, axis, owner);
}

/* As many of the ring's first `near` positions, and of those up to `far`. */
static void deal_runs(const plmr_grid *grid, enum plmr_axis axis, int near, int far)
{
    const plmr_ring ring = {.kind = PLMR_INTERLEAVED, .n = grid->region->extent[axis]};
    int *owner = plmr_take((size_t)ring.n * sizeof *owner), *by_place = plmr_take((size_t)far * sizeof *by_place);
    plmr_deal_runs(near, far, plmr_ranks_extent(grid->ranks, axis), by_place);
    for (int i = 0; i < ring.n; i++)
        owner[plmr_ring_core(&ring, i)] = by_place[i < far ? i : far - 1];
    free(by_place);
    plmr_region_deal(grid->region, axis, owner);
}

/* The fewest positions that one of the layers' dimensions fills, and those of the one that has most elements. */
struct filling {
    int least, heaviest;
};

static struct filling filling_of(const plmr_grid *grid, const plmr_deal *dim)
{
    const plmr_deal *deals[] = {dim, &grid->queries, &grid->ffn, &grid->expert_ffn, &grid->shared_ffn}, *heaviest = dim;
    struct filling f = {INT_MAX, 0};
    for (size_t i = 0; i < sizeof deals / sizeof *deals; i++) {
        if (!deals[i]->n)
            continue;
        f.least = deals[i]->n_filled < f.least ? deals[i]->n_filled : f.least;
        heaviest = deals[i]->n > heaviest->n ? deals[i] : heaviest;
    }
    f.heaviest = heaviest->n_filled;
    return f;
}

/* Where there are positions enough for all ranks. Decode has what the model's dimension has along y, all else along x. */
static void deal_values(const plmr_grid *grid, enum plmr_axis axis, enum plmr_grid_use use)
{
    struct filling f = filling_of(grid, axis == PLMR_X ? &grid->dim_x : &grid->dim);
    int parts = plmr_ranks_extent(grid->ranks, axis);
    if (use == PLMR_FOR_TIME || parts == 1 || f.least < parts)
        return;
    if (use == PLMR_FOR_PROMPT)
        deal_runs(grid, axis, f.least, f.heaviest);
    else if (axis == PLMR_Y)
        deal_blocks(grid, axis, grid->dim.n_filled);
    else
        deal_blocks(grid, axis, use == PLMR_FOR_EXPERTS ? grid->expert_ffn.n_filled : f.heaviest);
}

static plmr_status fill_grid(plmr_grid *grid, const plmr_device *device, const plmr_model_shape *shape,
                             const plmr_reduce_options *tree, const plmr_region_options *options,
                             enum plmr_grid_use use)
{
    PLMR_CHECK(grid->rows >= 3 && grid->cols >= 3, PLMR_ERROR_INPUT,
               "a region of %dx%d cores is too small for a language model, which needs 3x3: choose %s", grid->rows,
               grid->cols,
               plmr_hint("larger --prefill-cores and --decode-cores, or a larger --device",
                         "larger regions, or a larger device"));
    PLMR_TRY(plmr_region_create(grid->ranks, device, grid->rows, grid->cols, options, &grid->region));
    make_deals(grid, shape);
    deal_values(grid, PLMR_X, use);
    deal_values(grid, PLMR_Y, use);
    PLMR_TRY(plmr_ring_create(grid->region, PLMR_X, PLMR_INTERLEAVED, 1, &grid->x));
    PLMR_TRY(plmr_ring_create(grid->region, PLMR_Y, PLMR_INTERLEAVED, 1, &grid->y));
    if (use == PLMR_FOR_TIME)
        PLMR_TRY(plmr_ring_create(grid->region, PLMR_Y, PLMR_LINE, 1, &grid->line_y));
    PLMR_TRY(make_plans(grid, tree));
    grid->tree_x = plmr_tree_create(grid->region, PLMR_X, grid->plan_x);
    grid->tree_y = plmr_tree_create(grid->region, PLMR_Y, grid->plan_y);
    make_order(grid->tree_y, grid->y, &grid->dim, &grid->order_y);
    make_order(grid->tree_x, grid->x, &grid->queries, &grid->order_queries);
    make_order(grid->tree_x, grid->x, &grid->ffn, &grid->order_ffn);
    make_order(grid->tree_x, grid->x, &grid->expert_ffn, &grid->order_expert_ffn);
    make_order(grid->tree_x, grid->x, &grid->shared_ffn, &grid->order_shared_ffn);
    grid->tree_head = plmr_tree_create_local(grid->plan_head);
    return PLMR_OK;
}

/* Ranks with other instruction sets have other tiles: of so many rows some are whole ones of any. */
static int agreed_strip_rows(plmr_ranks *ranks)
{
    enum { WHOLE_TILES_OF_ANY = 48 };
    double bounds[2] = {plmr_gemm_rows(), -plmr_gemm_rows()};
    plmr_ranks_max(ranks, bounds, 2);
    return bounds[0] == -bounds[1] ? plmr_gemm_rows() : WHOLE_TILES_OF_ANY;
}

plmr_status plmr_grid_create(plmr_ranks *ranks, const plmr_device *device, const plmr_model_shape *shape, int rows,
                             int cols, const plmr_reduce_options *tree, const plmr_region_options *options,
                             enum plmr_grid_use use, plmr_grid **out)
{
    plmr_grid *grid = plmr_take_zeroed(1, sizeof *grid);
    grid->ranks = use == PLMR_FOR_TIME ? plmr_ranks_cut(ranks, rows, cols) : ranks;
    grid->owns_ranks = grid->ranks != ranks;
    grid->rows = rows;
    grid->cols = cols;
    plmr_status status = plmr_agree(fill_grid(grid, device, shape, tree, options, use));
    if (status)
        plmr_grid_destroy(grid);
    else {
        grid->strip_rows = agreed_strip_rows(grid->ranks);
        *out = grid;
    }
    return status;
}

void plmr_grid_destroy(plmr_grid *grid)
{
    if (!grid)
        return;
    free(grid->order_shared_ffn.index);
    free(grid->order_expert_ffn.index);
    free(grid->order_ffn.index);
    free(grid->order_queries.index);
    free(grid->order_y.index);
    plmr_tree_destroy(grid->tree_head);
    plmr_tree_destroy(grid->tree_y);
    plmr_tree_destroy(grid->tree_x);
    plmr_reduce_plan_destroy(grid->plan_heads);
    plmr_reduce_plan_destroy(grid->plan_head);
    plmr_reduce_plan_destroy(grid->plan_y);
    plmr_reduce_plan_destroy(grid->plan_x);
    plmr_deal_free(&grid->keys);
    plmr_deal_free(&grid->queries);
    plmr_ring_destroy(grid->line_y);
    plmr_ring_destroy(grid->y);
    plmr_ring_destroy(grid->x);
    plmr_region_destroy(grid->region);
    if (grid->owns_ranks)
        plmr_ranks_destroy(grid->ranks);
    free(grid);
}
