#include "plmr/tiles.h"

#include <stdlib.h>
#include <string.h>

#include "base/given.h"
#include "base/memory.h"
#include "ranks/redistribute.h"
#include "time/clock.h"
#include "verbs/tiles_inside.h"
#include "verbs/tiles_routes.h"
#include "verbs/verbs.h"

static bool has_values(const plmr_tiles *tiles)
{
    return tiles->region->options.values;
}

static size_t local_values(const plmr_tiles *tiles)
{
    const int *count = tiles->region->count;
    return (size_t)count[PLMR_X] * (size_t)count[PLMR_Y] * (size_t)tiles->n_values;
}

static int64_t core_bytes(const plmr_tiles *tiles)
{
    return (int64_t)tiles->n_values * (int64_t)sizeof(float);
}

plmr_status plmr_tiles_create(plmr_region *region, const char *name, int n_values, plmr_tiles **out)
{
    PLMR_TRY(plmr_region_check(region, __func__));
    PLMR_GIVEN(name);
    PLMR_GIVEN(out);
    PLMR_CHECK(n_values >= 1, PLMR_ERROR_INPUT, "%s: a tile needs at least one value, not %d", name, n_values);
    PLMR_TRY(plmr_region_charge(region, name, (int64_t)n_values * (int64_t)sizeof(float)));
    plmr_tiles *tiles = plmr_take_zeroed(1, sizeof *tiles);
    *tiles = (plmr_tiles){.region = region, .name = plmr_take_copy(name), .n_values = n_values};
    tiles->values = calloc(has_values(tiles) ? local_values(tiles) : (size_t)n_values, sizeof(float));
    plmr_status status = plmr_agree(
        tiles->values ? PLMR_OK : plmr_error_make(PLMR_ERROR_SYSTEM, "out of memory for %s: use more ranks", name));
    if (status)
        plmr_tiles_destroy(tiles);
    else
        *out = tiles;
    return status;
}

void plmr_tiles_destroy(plmr_tiles *tiles)
{
    if (!tiles)
        return;
    plmr_region_release(tiles->region, core_bytes(tiles));
    free(tiles->values);
    free(tiles->name);
    free(tiles);
}

static float *tile_of(const plmr_tiles *tiles, float *values, int row, int col)
{
    const plmr_region *region = tiles->region;
    size_t r = (size_t)(row - region->first[PLMR_Y]), c = (size_t)(col - region->first[PLMR_X]);
    return values + (r * (size_t)region->count[PLMR_X] + c) * (size_t)tiles->n_values;
}

/* Without values the complaint ends the program, at the latest with its costs; the tile lets it come so far. */
float *plmr_tiles_at(const plmr_tiles *tiles, int row, int col)
{
    if (!tiles)
        return NULL;
    const int *first = tiles->region->first, *count = tiles->region->count;
    bool here = row >= first[PLMR_Y] && row - first[PLMR_Y] < count[PLMR_Y] && col >= first[PLMR_X] &&
                col - first[PLMR_X] < count[PLMR_X];
    if (has_values(tiles))
        return here ? tile_of(tiles, tiles->values, row, col) : NULL;
    plmr_region_complain(tiles->region,
                         plmr_error_make(PLMR_ERROR_INPUT,
                                         "%s has no values in a run for time alone: use them in the work of "
                                         "plmr_compute, or ask plmr_region_has_values first",
                                         tiles->name));
    return here ? tiles->values : NULL;
}

void *plmr_tiles_block(const plmr_tiles *tiles)
{
    return tiles && has_values(tiles) ? tiles->values : NULL;
}

plmr_status plmr_compute(plmr_region *region, double t_cycles, void (*work)(void *context, int row, int col),
                         void *context)
{
    PLMR_TRY(plmr_region_busy(region, t_cycles));
    for (int r = 0; r < region->count[PLMR_Y] && region->options.values && work; r++)
        for (int c = 0; c < region->count[PLMR_X]; c++)
            work(context, region->first[PLMR_Y] + r, region->first[PLMR_X] + c);
    return PLMR_OK;
}

/* ---- moving along an axis ---- */

/* Where the tile that core `core` of a line receives comes from; -1 if nothing comes. */
struct movement {
    const plmr_ring *ring;
    int step;
    const plmr_ring *across; /* of an alignment; else NULL */
};

static int source_of(const struct movement *m, int line, int core)
{
    const plmr_ring *ring = m->ring;
    int by = m->across ? -m->step * plmr_ring_position(m->across, line) : -m->step;
    if (ring->kind == PLMR_LINE) /* never of an alignment */
        return core + by < ring->n ? core + by : -1;
    return plmr_ring_core(ring, ((plmr_ring_position(ring, core) + by) % ring->n + ring->n) % ring->n);
}

/* Cores of this rank's lines are numbered line by line. */
enum { MOST_BYTES = 16 << 20 }; /* of messages under way */

struct cores {
    const plmr_tiles *tiles;
    const struct movement *movement;
    bool moved; /* which cores' tiles they get, else their own */
    float *values;
};

static int64_t list_cores(const void *context, int place, int32_t *elements)
{
    const struct cores *cores = context;
    const plmr_region *region = cores->tiles->region;
    enum plmr_axis axis = cores->movement->ring->axis;
    int first, count, n = region->extent[axis], first_line = region->first[!axis], lines = region->count[!axis];
    plmr_ranks_share(n, plmr_ranks_extent(region->ranks, axis), place, &first, &count);
    for (int line = 0; line < lines && elements; line++)
        for (int core = first; core < first + count; core++) {
            int from = cores->moved ? source_of(cores->movement, first_line + line, core) : core;
            *elements++ = from < 0 ? -1 : line * n + from;
        }
    return (int64_t)lines * count;
}

static void *at_core(const void *context, int64_t number, int64_t col)
{
    const struct cores *cores = context;
    const plmr_region *region = cores->tiles->region;
    enum plmr_axis axis = cores->movement->ring->axis;
    int line = region->first[!axis] + (int)(number / region->count[axis]);
    int core = region->first[axis] + (int)(number % region->count[axis]);
    (void)col;
    return axis == PLMR_X ? tile_of(cores->tiles, cores->values, line, core)
                          : tile_of(cores->tiles, cores->values, core, line);
}

static void trade(const plmr_tiles *from, float *values, float *to, const struct movement *m)
{
    const plmr_region *region = from->region;
    enum plmr_axis axis = m->ring->axis;
    int64_t n = (int64_t)region->extent[axis] * region->count[!axis];
    struct cores before = {from, m, false, values}, after = {from, m, true, to};
    plmr_dealt one = {.axis = PLMR_WHOLE, .n = 1};
    plmr_spread_matrix was = {{(int)axis, n, list_cores, &before}, one, at_core, 1, &before};
    plmr_spread_matrix is = {{(int)axis, n, list_cores, &after}, one, at_core, 1, &after};
    plmr_redistribute(region->ranks, &was, &is, (size_t)from->n_values * sizeof(float), MOST_BYTES);
}

/* Tiles that are their own target are sent from a copy: where they lie, they lie until they are destroyed. */
static void move_tiles(const plmr_tiles *from, plmr_tiles *to, const struct movement *m)
{
    if (!has_values(from))
        return;
    float *copy = NULL;
    if (from->values == to->values) {
        copy = plmr_take(local_values(from) * sizeof *copy);
        memcpy(copy, from->values, local_values(from) * sizeof *copy);
    }
    trade(from, copy ? copy : from->values, to->values, m);
    free(copy);
}

static int64_t wavelets_of(const plmr_tiles *tiles)
{
    return plmr_device_wavelets(tiles->region->device, core_bytes(tiles));
}

static plmr_status check_tiles(const plmr_tiles *tiles, const char *verb)
{
    PLMR_CHECK(tiles, PLMR_ERROR_INPUT, "%s: the tiles are NULL, and must be given", verb);
    return plmr_region_check(tiles->region, verb);
}

static plmr_status check_ring(const plmr_tiles *tiles, const plmr_ring *ring, const char *verb)
{
    PLMR_CHECK(ring, PLMR_ERROR_INPUT, "%s: the ring is NULL, and must be given", verb);
    PLMR_CHECK(ring->region == tiles->region, PLMR_ERROR_INPUT, "%s: %s and the ring are of different regions", verb,
               tiles->name);
    PLMR_CHECK(ring->slots == 1, PLMR_ERROR_INPUT, "%s: a core has one tile of %s, but %d slots on the ring", verb,
               tiles->name, ring->slots);
    return PLMR_OK;
}

plmr_status plmr_tiles_shift(const plmr_tiles *from, plmr_tiles *to, plmr_ring *ring, int step)
{
    PLMR_TRY(check_tiles(from, __func__));
    PLMR_TRY(check_tiles(to, __func__));
    PLMR_TRY(check_ring(from, ring, __func__));
    PLMR_CHECK(from->region == to->region, PLMR_ERROR_INPUT, "%s: %s and %s are of different regions", __func__,
               from->name, to->name);
    PLMR_CHECK(from->n_values == to->n_values, PLMR_ERROR_INPUT, "%s and %s have tiles of different size", from->name,
               to->name);
    PLMR_CHECK(step == 1 || step == -1, PLMR_ERROR_INPUT, "a shift goes 1 or -1 along its ring, not %d", step);
    plmr_flow flow = plmr_flow_exchange(ring, "shift", from->name);
    PLMR_TRY(plmr_flow_keep(&ring->flow[step > 0], flow, from->name));
    plmr_flow_run(&flow, wavelets_of(from));
    struct movement movement = {ring, step, NULL};
    move_tiles(from, to, &movement);
    return PLMR_OK;
}

plmr_status plmr_tiles_align(plmr_tiles *tiles, plmr_ring *ring, const plmr_ring *across, int step)
{
    PLMR_TRY(check_tiles(tiles, __func__));
    PLMR_TRY(check_ring(tiles, ring, __func__));
    PLMR_TRY(check_ring(tiles, across, __func__));
    PLMR_CHECK(ring->kind != PLMR_LINE, PLMR_ERROR_INPUT, "%s cannot be rotated on a line, which is open: give a ring",
               tiles->name);
    PLMR_CHECK(step == 1 || step == -1, PLMR_ERROR_INPUT, "an alignment goes by 1 or -1 per line, not %d", step);
    PLMR_CHECK(ring->axis != across->axis, PLMR_ERROR_INPUT, "%s is aligned along one axis by its place on the other",
               tiles->name);
    plmr_flow flow = plmr_flow_exchange(ring, "align", tiles->name);
    flow.n_directions = 2;
    PLMR_TRY(plmr_flow_keep(&ring->flow[2], flow, tiles->name));
    int farthest = across->n - 1 < ring->n / 2 ? across->n - 1 : ring->n / 2;
    for (int round = 0; round < farthest; round++)
        plmr_flow_run(&flow, wavelets_of(tiles));
    struct movement movement = {ring, step, across};
    move_tiles(tiles, tiles, &movement);
    return PLMR_OK;
}

/* ---- one to all, all to all ---- */

/* The tiles of this block as vectors: for each core along the axis, the tiles of all lines. Back: from one such row. */
static void copy_vectors(const plmr_tiles *tiles, enum plmr_axis axis, float *vectors, bool out)
{
    const int *first = tiles->region->first, *count = tiles->region->count;
    size_t size = (size_t)tiles->n_values;
    for (int i = 0; i < count[axis]; i++)
        for (int line = 0; line < count[!axis]; line++) {
            int row = first[PLMR_Y] + (axis == PLMR_X ? line : i), col = first[PLMR_X] + (axis == PLMR_X ? i : line);
            float *tile = tile_of(tiles, tiles->values, row, col);
            float *vector = vectors + ((out ? (size_t)i * (size_t)count[!axis] : 0) + (size_t)line) * size;
            memcpy(out ? vector : tile, out ? tile : vector, size * sizeof(float));
        }
}

static void multicast_values(plmr_tiles *tiles, enum plmr_axis axis, int from)
{
    const plmr_region *region = tiles->region;
    int owner = plmr_ranks_owner(region->extent[axis], plmr_ranks_extent(region->ranks, axis), from);
    size_t line = (size_t)region->count[!axis] * (size_t)tiles->n_values;
    float *vectors = plmr_take(local_values(tiles) * sizeof *vectors);
    copy_vectors(tiles, axis, vectors, true);
    float *sent = owner == plmr_ranks_place(region->ranks, axis) ? vectors + (size_t)(from - region->first[axis]) * line
                                                                 : vectors;
    plmr_ranks_line_broadcast(region->ranks, axis, owner, sent, line * sizeof(float));
    copy_vectors(tiles, axis, sent, false);
    free(vectors);
}

plmr_status plmr_tiles_multicast(plmr_tiles *tiles, enum plmr_axis axis, int from)
{
    PLMR_TRY(check_tiles(tiles, __func__));
    PLMR_TRY(plmr_axis_check(axis, __func__));
    int n = tiles->region->extent[axis], n_routes;
    PLMR_CHECK(from >= 0 && from < n, PLMR_ERROR_INPUT, "%s: core %d is not among the %d of a line", tiles->name, from,
               n);
    PLMR_TRY(plmr_tiles_route_multicast(tiles->region, axis, from, tiles->name, &n_routes));
    plmr_flow flow = plmr_flow_multicast(tiles->region, axis, from, n_routes, tiles->name);
    plmr_flow_run(&flow, wavelets_of(tiles));
    if (has_values(tiles))
        multicast_values(tiles, axis, from);
    return PLMR_OK;
}

/* The tiles of core i of all lines, on the rank that owns them, from one row of vectors. */
static void put_vector(plmr_tiles *tiles, enum plmr_axis axis, int i, const float *vector)
{
    const int *first = tiles->region->first, *count = tiles->region->count;
    for (int line = 0; line < count[!axis] && i >= first[axis] && i < first[axis] + count[axis]; line++) {
        int row = axis == PLMR_X ? first[PLMR_Y] + line : i, col = axis == PLMR_X ? i : first[PLMR_X] + line;
        memcpy(tile_of(tiles, tiles->values, row, col), vector + (size_t)line * (size_t)tiles->n_values,
               (size_t)tiles->n_values * sizeof(float));
    }
}

static void sum_values(plmr_tiles *tiles, enum plmr_axis axis, const plmr_reduce_plan *plan)
{
    int64_t lines = tiles->region->count[!axis];
    float *vectors = plmr_take(local_values(tiles) * sizeof *vectors);
    float *sum = plmr_take((size_t)(lines * tiles->n_values) * sizeof *sum);
    copy_vectors(tiles, axis, vectors, true);
    plmr_allreduce_values(tiles->region, axis, plan, PLMR_F32, tiles->n_values, lines, vectors, sum);
    if (plan->options.to_root)
        put_vector(tiles, axis, plan->options.root, sum);
    else
        copy_vectors(tiles, axis, sum, false);
    free(sum);
    free(vectors);
}

static plmr_status add_up(plmr_tiles *tiles, enum plmr_axis axis, const char *name, const plmr_reduce_options *options)
{
    const plmr_reduce_algorithm *algorithm = plmr_reduce_find(name);
    const plmr_reduce_plan *plan;
    PLMR_CHECK(algorithm, PLMR_ERROR_INPUT, "there is no allreduce '%s': choose one that 'plmr list' names, such as %s",
               name, plmr_reduce_at(0)->name);
    PLMR_TRY(plmr_tiles_route_sum(tiles->region, axis, algorithm, options, tiles->name, &plan));
    plmr_allreduce_time(tiles->region, axis, plan, tiles->n_values, sizeof(float));
    if (has_values(tiles))
        sum_values(tiles, axis, plan);
    return PLMR_OK;
}

plmr_status plmr_tiles_allreduce(plmr_tiles *tiles, enum plmr_axis axis, const char *name)
{
    PLMR_TRY(check_tiles(tiles, __func__));
    PLMR_TRY(plmr_axis_check(axis, __func__));
    PLMR_GIVEN(name);
    return add_up(tiles, axis, name, &(plmr_reduce_options){.n_levels = 2});
}

plmr_status plmr_tiles_reduce(plmr_tiles *tiles, enum plmr_axis axis, int root, const char *name, int n_groups)
{
    PLMR_TRY(check_tiles(tiles, __func__));
    PLMR_TRY(plmr_axis_check(axis, __func__));
    PLMR_GIVEN(name);
    int n = tiles->region->extent[axis];
    PLMR_CHECK(n_groups >= 0 && n_groups <= n, PLMR_ERROR_INPUT, "%s: %d groups cannot be made of %d cores",
               tiles->name, n_groups, n);
    plmr_reduce_options options = {
        .n_levels = 2, .n_groups = {n_groups}, .n_group_levels = n_groups > 0, .to_root = true, .root = root};
    return add_up(tiles, axis, name, &options);
}
