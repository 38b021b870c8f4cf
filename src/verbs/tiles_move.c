/* Tiles that move along an axis: shifts and alignments. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "ranks/redistribute.h"
#include "time/clock.h"
#include "verbs/tiles_inside.h"
#include "verbs/tiles_routes.h"
#include "verbs/verbs.h"

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
    return axis == PLMR_X ? plmr_tiles_of(cores->tiles, cores->values, line, core)
                          : plmr_tiles_of(cores->tiles, cores->values, core, line);
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
    if (!from->region->options.values)
        return;
    float *copy = NULL;
    if (from == to) {
        copy = plmr_take(plmr_tiles_local(from) * sizeof *copy);
        memcpy(copy, from->values, plmr_tiles_local(from) * sizeof *copy);
    }
    trade(from, copy ? copy : from->values, to->values, m);
    free(copy);
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

static plmr_status check_shift(const plmr_tiles *from, plmr_tiles *to, plmr_ring *ring, int step, const char *verb)
{
    PLMR_TRY(plmr_tiles_check_alike(from, to, verb));
    PLMR_TRY(check_ring(from, ring, verb));
    PLMR_CHECK(step == 1 || step == -1, PLMR_ERROR_INPUT, "a shift goes 1 or -1 along its ring, not %d", step);
    PLMR_TRY(plmr_tiles_check_axis(from->region, ring->axis, verb));
    return plmr_tiles_check_target(to, verb);
}

/* Routes outlive tiles: those that come along the ring later have them, too. */
static plmr_status route_once(bool *routed, const plmr_flow *flow, const plmr_tiles *tiles)
{
    if (!*routed)
        PLMR_TRY(plmr_flow_route(flow, tiles->name));
    *routed = true;
    return PLMR_OK;
}

static plmr_status start_shift(const plmr_tiles *from, plmr_tiles *to, plmr_ring *ring, int step)
{
    plmr_flow flow = plmr_flow_exchange(ring, "shift", from->name);
    PLMR_TRY(route_once(&ring->routed[step > 0], &flow, from));
    if (from == to)
        PLMR_TRY(plmr_tiles_take_buffer(to));
    plmr_tiles_round(from);
    plmr_flow_begin(&flow, plmr_tiles_wavelets(from));
    return PLMR_OK;
}

plmr_status plmr_tiles_shift(const plmr_tiles *from, plmr_tiles *to, plmr_ring *ring, int step)
{
    PLMR_TRY(check_shift(from, to, ring, step, __func__));
    PLMR_TRY(start_shift(from, to, ring, step));
    plmr_flow_join(from->region, ring->axis);
    move_tiles(from, to, &(struct movement){ring, step, NULL});
    return PLMR_OK;
}

plmr_status plmr_tiles_shift_begin(const plmr_tiles *from, plmr_tiles *to, plmr_ring *ring, int step)
{
    PLMR_TRY(check_shift(from, to, ring, step, __func__));
    PLMR_TRY(start_shift(from, to, ring, step));
    float *arriving = plmr_tiles_arrive(to, ring->axis);
    if (arriving)
        trade(from, from->values, arriving, &(struct movement){ring, step, NULL});
    return PLMR_OK;
}

plmr_status plmr_tiles_end(plmr_tiles *to)
{
    PLMR_TRY(plmr_tiles_check(to, __func__));
    PLMR_CHECK(to->under_way, PLMR_ERROR_INPUT, "%s: nothing is on its way to %s: begin a verb first", __func__,
               to->name);
    plmr_flow_join(to->region, to->axis);
    if (to->region->options.values)
        memcpy(to->values, to->arriving, plmr_tiles_local(to) * sizeof *to->values);
    *plmr_tiles_under_way(to->region, to->axis) = NULL;
    to->under_way = false;
    return PLMR_OK;
}

plmr_status plmr_tiles_align(plmr_tiles *tiles, plmr_ring *ring, const plmr_ring *across, int step)
{
    PLMR_TRY(plmr_tiles_check(tiles, __func__));
    PLMR_TRY(check_ring(tiles, ring, __func__));
    PLMR_TRY(check_ring(tiles, across, __func__));
    PLMR_CHECK(ring->kind != PLMR_LINE, PLMR_ERROR_INPUT, "%s cannot be rotated on a line, which is open: give a ring",
               tiles->name);
    PLMR_CHECK(step == 1 || step == -1, PLMR_ERROR_INPUT, "an alignment goes by 1 or -1 per line, not %d", step);
    PLMR_CHECK(ring->axis != across->axis, PLMR_ERROR_INPUT, "%s is aligned along one axis by its place on the other",
               tiles->name);
    PLMR_TRY(plmr_tiles_check_axis(tiles->region, ring->axis, __func__));
    plmr_flow flow = plmr_flow_exchange(ring, "align", tiles->name);
    flow.n_directions = 2;
    PLMR_TRY(route_once(&ring->routed[2], &flow, tiles));
    PLMR_TRY(plmr_tiles_take_buffer(tiles));
    plmr_tiles_round(tiles);
    int farthest = across->n - 1 < ring->n / 2 ? across->n - 1 : ring->n / 2;
    for (int round = 0; round < farthest; round++)
        plmr_flow_run(&flow, plmr_tiles_wavelets(tiles));
    struct movement movement = {ring, step, across};
    move_tiles(tiles, tiles, &movement);
    return PLMR_OK;
}
