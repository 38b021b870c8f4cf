/* Tiles of a line: one for all, and the sum of all. */
#include <stdlib.h>
#include <string.h>

#include "base/given.h"
#include "base/memory.h"
#include "time/clock.h"
#include "verbs/tiles_inside.h"
#include "verbs/tiles_routes.h"
#include "verbs/verbs.h"

/* The tiles of this block as vectors: for each core along the axis, the tiles of all lines. Back: from one such row. */
static void copy_vectors(const plmr_tiles *tiles, enum plmr_axis axis, float *vectors, bool out)
{
    const int *first = tiles->region->first, *count = tiles->region->count;
    size_t size = (size_t)tiles->n_values;
    for (int i = 0; i < count[axis]; i++)
        for (int line = 0; line < count[!axis]; line++) {
            int row = first[PLMR_Y] + (axis == PLMR_X ? line : i), col = first[PLMR_X] + (axis == PLMR_X ? i : line);
            float *tile = plmr_tiles_of(tiles, tiles->values, row, col);
            float *vector = vectors + ((out ? (size_t)i * (size_t)count[!axis] : 0) + (size_t)line) * size;
            memcpy(out ? vector : tile, out ? tile : vector, size * sizeof(float));
        }
}

/* Into `to`, floats of tiles of the same size. */
static void multicast_values(const plmr_tiles *tiles, float *to, enum plmr_axis axis, int from)
{
    const plmr_region *region = tiles->region;
    int owner = plmr_ranks_owner(region->extent[axis], plmr_ranks_extent(region->ranks, axis), from);
    size_t line = (size_t)region->count[!axis] * (size_t)tiles->n_values;
    float *vectors = plmr_take(plmr_tiles_local(tiles) * sizeof *vectors);
    plmr_tiles target = *tiles;
    target.values = to;
    copy_vectors(tiles, axis, vectors, true);
    float *sent = owner == plmr_ranks_place(region->ranks, axis) ? vectors + (size_t)(from - region->first[axis]) * line
                                                                 : vectors;
    plmr_ranks_line_broadcast(region->ranks, axis, owner, sent, line * sizeof(float));
    copy_vectors(&target, axis, sent, false);
    free(vectors);
}

/* `own`: tiles that are their own target, and need a buffer; NULL: they do not. */
static plmr_status start_multicast(const plmr_tiles *tiles, plmr_tiles *own, enum plmr_axis axis, int from,
                                   const char *verb)
{
    PLMR_TRY(plmr_axis_check(axis, verb));
    int n = tiles->region->extent[axis], n_routes;
    PLMR_CHECK(from >= 0 && from < n, PLMR_ERROR_INPUT, "%s: core %d is not among the %d of a line", tiles->name, from,
               n);
    PLMR_TRY(plmr_tiles_check_axis(tiles->region, axis, verb));
    PLMR_TRY(plmr_tiles_route_multicast(tiles->region, axis, from, tiles->name, &n_routes));
    if (own)
        PLMR_TRY(plmr_tiles_take_buffer(own));
    plmr_tiles_round(tiles);
    plmr_flow flow = plmr_flow_multicast(tiles->region, axis, from, n_routes, tiles->name);
    plmr_flow_begin(&flow, plmr_tiles_wavelets(tiles));
    return PLMR_OK;
}

plmr_status plmr_tiles_multicast(plmr_tiles *tiles, enum plmr_axis axis, int from)
{
    PLMR_TRY(plmr_tiles_check(tiles, __func__));
    PLMR_TRY(start_multicast(tiles, NULL, axis, from, __func__));
    plmr_flow_join(tiles->region, axis);
    if (tiles->region->options.values)
        multicast_values(tiles, tiles->values, axis, from);
    return PLMR_OK;
}

plmr_status plmr_tiles_multicast_begin(const plmr_tiles *from, plmr_tiles *to, enum plmr_axis axis, int core)
{
    PLMR_TRY(plmr_tiles_check_alike(from, to, __func__));
    PLMR_TRY(plmr_tiles_check_target(to, __func__));
    PLMR_TRY(start_multicast(from, from == to ? to : NULL, axis, core, __func__));
    float *arriving = plmr_tiles_arrive(to, axis);
    if (arriving)
        multicast_values(from, arriving, axis, core);
    return PLMR_OK;
}

plmr_status plmr_tiles_senders(plmr_region *region, enum plmr_axis axis, int n_senders)
{
    PLMR_TRY(plmr_region_check(region, __func__));
    PLMR_TRY(plmr_axis_check(axis, __func__));
    PLMR_CHECK(n_senders >= 0 && n_senders <= region->extent[axis], PLMR_ERROR_INPUT,
               "%s: a line has %d cores, of which %d cannot send", __func__, region->extent[axis], n_senders);
    *plmr_tiles_planned(region, axis) = n_senders;
    return PLMR_OK;
}

/* The tiles of core i of all lines, on the rank that owns them, from one row of vectors. */
static void put_vector(plmr_tiles *tiles, enum plmr_axis axis, int i, const float *vector)
{
    const int *first = tiles->region->first, *count = tiles->region->count;
    for (int line = 0; line < count[!axis] && i >= first[axis] && i < first[axis] + count[axis]; line++) {
        int row = axis == PLMR_X ? first[PLMR_Y] + line : i, col = axis == PLMR_X ? i : first[PLMR_X] + line;
        memcpy(plmr_tiles_of(tiles, tiles->values, row, col), vector + (size_t)line * (size_t)tiles->n_values,
               (size_t)tiles->n_values * sizeof(float));
    }
}

static void sum_values(plmr_tiles *tiles, enum plmr_axis axis, const plmr_reduce_plan *plan)
{
    int64_t lines = tiles->region->count[!axis];
    float *vectors = plmr_take(plmr_tiles_local(tiles) * sizeof *vectors);
    float *sum = plmr_take((size_t)(lines * tiles->n_values) * sizeof *sum);
    copy_vectors(tiles, axis, vectors, true);
    plmr_allreduce_values(tiles->region, axis, plan, tiles->dtype == PLMR_F16 ? PLMR_F16 : PLMR_F32, tiles->n_values,
                          lines, vectors, sum);
    if (plan->options.to_root)
        put_vector(tiles, axis, plan->options.root, sum);
    else
        copy_vectors(tiles, axis, sum, false);
    free(sum);
    free(vectors);
}

/* Its routes, too. */
static plmr_status find_plan(const plmr_tiles *tiles, enum plmr_axis axis, const char *name,
                             const plmr_reduce_options *options, const plmr_reduce_plan **plan)
{
    const plmr_reduce_algorithm *algorithm = plmr_reduce_find(name);
    PLMR_CHECK(algorithm, PLMR_ERROR_INPUT, "there is no allreduce '%s': choose one that 'plmr list' names, such as %s",
               name, plmr_reduce_at(0)->name);
    PLMR_TRY(plmr_tiles_check_axis(tiles->region, axis, name));
    return plmr_tiles_route_sum(tiles->region, axis, algorithm, options, tiles->name, plan);
}

/* Elements travel as `travel`. */
static plmr_status add_up(plmr_tiles *tiles, enum plmr_axis axis, const char *name, enum plmr_dtype travel,
                          const plmr_reduce_options *options)
{
    const plmr_reduce_plan *plan;
    PLMR_TRY(find_plan(tiles, axis, name, options, &plan));
    plmr_tiles_round(tiles);
    plmr_allreduce_time(tiles->region, axis, plan, tiles->n_values, plmr_dtype_bytes(travel));
    if (tiles->region->options.values)
        sum_values(tiles, axis, plan);
    plmr_tiles_round(tiles);
    return PLMR_OK;
}

plmr_status plmr_tiles_allreduce_as(plmr_tiles *tiles, enum plmr_axis axis, const char *name, enum plmr_dtype travel)
{
    PLMR_TRY(plmr_tiles_check(tiles, __func__));
    PLMR_TRY(plmr_axis_check(axis, __func__));
    PLMR_GIVEN(name);
    PLMR_CHECK(travel == PLMR_F32 || travel == PLMR_F16 || travel == PLMR_BF16, PLMR_ERROR_INPUT,
               "%s: there is no element type %d: give PLMR_F32, PLMR_F16 or PLMR_BF16", tiles->name, (int)travel);
    return add_up(tiles, axis, name, travel, &(plmr_reduce_options){.n_levels = 2});
}

plmr_status plmr_tiles_allreduce(plmr_tiles *tiles, enum plmr_axis axis, const char *name)
{
    return plmr_tiles_allreduce_as(tiles, axis, name, tiles ? tiles->dtype : PLMR_F32);
}

/* Those of both axes, or none. */
static plmr_status find_plans(const plmr_tiles *tiles, const char *name)
{
    const plmr_reduce_options options = {.n_levels = 2};
    const plmr_reduce_plan *plan;
    plmr_routed_before before = plmr_region_routes_begin(tiles->region);
    plmr_status status = find_plan(tiles, PLMR_X, name, &options, &plan);
    bool is_new = tiles->region->ledger.routes_program > before.routes_program;
    if (!status)
        status = find_plan(tiles, PLMR_Y, name, &options, &plan);
    if (status && is_new)
        plmr_tiles_forget_sum(tiles->region);
    return plmr_region_routes_end(tiles->region, &before, status);
}

/* What is refused along one axis is refused before anything has moved along the other. */
plmr_status plmr_tiles_sum(plmr_tiles *tiles, const char *name)
{
    PLMR_TRY(plmr_tiles_check(tiles, __func__));
    PLMR_GIVEN(name);
    PLMR_TRY(find_plans(tiles, name));
    PLMR_TRY(plmr_tiles_allreduce(tiles, PLMR_X, name));
    return plmr_tiles_allreduce(tiles, PLMR_Y, name);
}

plmr_status plmr_tiles_reduce(plmr_tiles *tiles, enum plmr_axis axis, int root, const char *name, int n_groups)
{
    PLMR_TRY(plmr_tiles_check(tiles, __func__));
    PLMR_TRY(plmr_axis_check(axis, __func__));
    PLMR_GIVEN(name);
    int n = tiles->region->extent[axis];
    PLMR_CHECK(n_groups >= 0 && n_groups <= n, PLMR_ERROR_INPUT, "%s: %d groups cannot be made of %d cores",
               tiles->name, n_groups, n);
    plmr_reduce_options options = {
        .n_levels = 2, .n_groups = {n_groups}, .n_group_levels = n_groups > 0, .to_root = true, .root = root};
    return add_up(tiles, axis, name, tiles->dtype, &options);
}
