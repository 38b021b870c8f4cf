#include "plmr/tiles.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/given.h"
#include "base/memory.h"
#include "kernel/kernel.h"
#include "verbs/points.h"
#include "verbs/tiles_inside.h"
#include "verbs/tiles_routes.h"

static bool has_values(const plmr_tiles *tiles)
{
    return tiles->region->options.values;
}

size_t plmr_tiles_local(const plmr_tiles *tiles)
{
    const int *count = tiles->region->count;
    return (size_t)count[PLMR_X] * (size_t)count[PLMR_Y] * (size_t)tiles->n_values;
}

int64_t plmr_tiles_core_bytes(const plmr_tiles *tiles)
{
    return (int64_t)tiles->n_values * (int64_t)plmr_dtype_bytes(tiles->dtype);
}

/* ---- half floats ---- */

void plmr_tiles_round(const plmr_tiles *tiles)
{
    enum { PIECE = 1024 };
    uint16_t stored[PIECE];
    size_t n = tiles->dtype != PLMR_F32 && has_values(tiles) ? plmr_tiles_local(tiles) : 0;
    for (size_t done = 0; done < n; done += PIECE) {
        int64_t piece = (int64_t)(n - done < PIECE ? n - done : PIECE);
        plmr_convert_from_float(tiles->dtype, piece, tiles->values + done, stored);
        plmr_convert_to_float(tiles->dtype, piece, stored, tiles->values + done);
    }
}

void plmr_tiles_round_all(const plmr_region *region)
{
    for (const plmr_tiles *t = region->tiles_routes ? *plmr_tiles_all((plmr_region *)region) : NULL; t; t = t->next)
        plmr_tiles_round(t);
}

static void remember(plmr_tiles *tiles)
{
    plmr_tiles **first = plmr_tiles_all(tiles->region);
    tiles->next = *first;
    *first = tiles;
}

static void forget(const plmr_tiles *tiles)
{
    plmr_tiles **at = plmr_tiles_all(tiles->region);
    while (*at != tiles)
        at = &(*at)->next;
    *at = tiles->next;
}

/* ---- making ---- */

static plmr_status make_values(plmr_tiles *t)
{
    double all = (double)t->region->extent[PLMR_X] * t->region->extent[PLMR_Y] * t->n_values * (double)sizeof(float);
    if (has_values(t))
        PLMR_TRY(plmr_ranks_ask_room(t->region->ranks, all, t->name));
    t->values = calloc(has_values(t) ? plmr_tiles_local(t) : (size_t)t->n_values, sizeof(float));
    return plmr_agree(t->values ? PLMR_OK
                                : plmr_error_make(PLMR_ERROR_SYSTEM, "out of memory for %s: use more ranks", t->name));
}

plmr_status plmr_tiles_make(plmr_region *region, const char *name, enum plmr_dtype dtype, int rows, int cols,
                            plmr_tiles **out)
{
    PLMR_TRY(plmr_region_check(region, __func__));
    PLMR_GIVEN(name);
    PLMR_GIVEN(out);
    PLMR_CHECK(rows >= 1 && cols >= 1 && rows <= INT_MAX / cols, PLMR_ERROR_INPUT,
               "%s: a tile needs at least one value, and less than 2^31, not %d x %d", name, rows, cols);
    PLMR_CHECK(dtype == PLMR_F32 || dtype == PLMR_F16 || dtype == PLMR_BF16, PLMR_ERROR_INPUT,
               "%s: there is no element type %d: give PLMR_F32, PLMR_F16 or PLMR_BF16", name, (int)dtype);
    int n_values = rows * cols;
    PLMR_TRY(plmr_region_charge(region, name, (int64_t)n_values * (int64_t)plmr_dtype_bytes(dtype)));
    plmr_tiles *tiles = plmr_take_zeroed(1, sizeof *tiles);
    *tiles = (plmr_tiles){.region = region,
                          .name = plmr_take_copy(name),
                          .dtype = dtype,
                          .rows = rows,
                          .cols = cols,
                          .n_values = n_values};
    remember(tiles);
    plmr_status status = make_values(tiles);
    if (status)
        plmr_tiles_destroy(tiles);
    else
        *out = tiles;
    return status;
}

plmr_status plmr_tiles_create(plmr_region *region, const char *name, int n_values, plmr_tiles **out)
{
    return plmr_tiles_make(region, name, PLMR_F32, 1, n_values, out);
}

void plmr_tiles_destroy(plmr_tiles *tiles)
{
    if (!tiles)
        return;
    plmr_region_release(tiles->region, plmr_tiles_core_bytes(tiles) * (1 + tiles->has_buffer));
    forget(tiles);
    plmr_points_give_up(tiles);
    if (tiles->under_way)
        *plmr_tiles_under_way(tiles->region, tiles->axis) = NULL;
    free(tiles->arriving);
    free(tiles->values);
    free(tiles->name);
    free(tiles);
}

void plmr_tiles_destroy_all(plmr_region *region)
{
    while (region->tiles_routes && *plmr_tiles_all(region))
        plmr_tiles_destroy(*plmr_tiles_all(region));
}

float *plmr_tiles_of(const plmr_tiles *tiles, float *values, int row, int col)
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
        return here ? plmr_tiles_of(tiles, tiles->values, row, col) : NULL;
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

void *plmr_tiles_give_block(plmr_tiles *tiles)
{
    void *block = plmr_tiles_block(tiles);
    if (block)
        tiles->values = NULL;
    plmr_tiles_destroy(tiles);
    return block;
}

plmr_status plmr_each(plmr_region *region, void (*work)(void *context, int row, int col), void *context)
{
    PLMR_TRY(plmr_region_check(region, __func__));
    for (int r = 0; r < region->count[PLMR_Y] && region->options.values && work; r++)
        for (int c = 0; c < region->count[PLMR_X]; c++)
            work(context, region->first[PLMR_Y] + r, region->first[PLMR_X] + c);
    plmr_tiles_round_all(region);
    return PLMR_OK;
}

plmr_status plmr_compute(plmr_region *region, double t_cycles, void (*work)(void *context, int row, int col),
                         void *context)
{
    PLMR_TRY(plmr_region_work(region, t_cycles, __func__));
    return plmr_each(region, work, context);
}

/* ---- for verbs ---- */

int64_t plmr_tiles_wavelets(const plmr_tiles *tiles)
{
    return plmr_device_wavelets(tiles->region->device, plmr_tiles_core_bytes(tiles));
}

plmr_status plmr_tiles_check(const plmr_tiles *tiles, const char *verb)
{
    PLMR_CHECK(tiles, PLMR_ERROR_INPUT, "%s: the tiles are NULL, and must be given", verb);
    return plmr_region_check(tiles->region, verb);
}

plmr_status plmr_tiles_check_alike(const plmr_tiles *from, const plmr_tiles *to, const char *verb)
{
    PLMR_TRY(plmr_tiles_check(from, verb));
    PLMR_TRY(plmr_tiles_check(to, verb));
    PLMR_CHECK(from->region == to->region, PLMR_ERROR_INPUT, "%s: %s and %s are of different regions", verb, from->name,
               to->name);
    PLMR_CHECK(from->n_values == to->n_values && from->dtype == to->dtype, PLMR_ERROR_INPUT,
               "%s and %s have tiles of different size", from->name, to->name);
    return PLMR_OK;
}

plmr_status plmr_tiles_check_axis(plmr_region *region, enum plmr_axis axis, const char *verb)
{
    const plmr_tiles *other = *plmr_tiles_under_way(region, axis);
    PLMR_CHECK(!other, PLMR_ERROR_INPUT, "%s: along %s tiles are on their way to %s: call plmr_tiles_end first", verb,
               axis == PLMR_X ? "x" : "y", other->name);
    return PLMR_OK;
}

plmr_status plmr_tiles_check_target(const plmr_tiles *to, const char *verb)
{
    PLMR_CHECK(!to->under_way, PLMR_ERROR_INPUT,
               "%s: tiles are on their way to %s along %s already: call plmr_tiles_end first", verb, to->name,
               to->axis == PLMR_X ? "x" : "y");
    return PLMR_OK;
}

plmr_status plmr_tiles_check_ended(plmr_region *region, const char *verb)
{
    for (int axis = 0; region->tiles_routes && axis < 2; axis++)
        PLMR_TRY(plmr_tiles_check_axis(region, axis, verb));
    return PLMR_OK;
}

plmr_status plmr_tiles_take_buffer(plmr_tiles *tiles)
{
    char what[80];
    if (tiles->has_buffer)
        return PLMR_OK;
    snprintf(what, sizeof what, "%.40s's buffer", tiles->name);
    PLMR_TRY(plmr_region_charge(tiles->region, what, plmr_tiles_core_bytes(tiles)));
    tiles->has_buffer = true;
    return PLMR_OK;
}

float *plmr_tiles_arrive(plmr_tiles *to, enum plmr_axis axis)
{
    to->under_way = true;
    to->axis = axis;
    *plmr_tiles_under_way(to->region, axis) = to;
    if (!has_values(to))
        return NULL;
    if (!to->arriving)
        to->arriving = plmr_take(plmr_tiles_local(to) * sizeof *to->arriving);
    memcpy(to->arriving, to->values, plmr_tiles_local(to) * sizeof *to->arriving);
    return to->arriving;
}
