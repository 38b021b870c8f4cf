#include "verbs/part.h"

#include <stdlib.h>
#include <string.h>

#include "base/given.h"
#include "base/larger.h"
#include "base/memory.h"
#include "ranks/redistribute.h"
#include "region/profile.h"
#include "time/clock.h"
#include "time/trace.h"
#include "verbs/points.h"
#include "verbs/tiles_inside.h"

/* ---- between the blocks of the whole and of a part ---- */

enum { MOST_BYTES = 16 << 20 }; /* of messages under way */

/* One side of a move: the part's cores, as the part or the whole deals them to ranks. */
struct side {
    const plmr_region *part, *region;
    bool is_source;
    char *base;
    size_t bytes;
};

/* Where the grid of ranks is cut up, so that several have the same cores, the first of them send. */
static int64_t list_cores(const struct side *side, enum plmr_axis axis, int place, int32_t *elements)
{
    const plmr_region *part = side->part, *region = side->region;
    int n = region->extent[axis], n_places = plmr_ranks_extent(region->ranks, axis), first, count;
    int at = region == part ? 0 : part->at[axis];
    if (side->is_source && place >= n_places)
        return 0;
    plmr_ranks_share(n, n_places, place % n_places, &first, &count);
    for (int i = 0; i < count && elements; i++) {
        int core = first + i - at;
        elements[i] = core >= 0 && core < part->extent[axis] ? core : -1;
    }
    return count;
}

static int64_t list_rows(const void *side, int place, int32_t *elements)
{
    return list_cores(side, PLMR_Y, place, elements);
}

static int64_t list_cols(const void *side, int place, int32_t *elements)
{
    return list_cores(side, PLMR_X, place, elements);
}

static void *at_core(const void *context, int64_t row, int64_t col)
{
    const struct side *side = context;
    return side->base + (size_t)(row * side->region->count[PLMR_X] + col) * side->bytes;
}

static plmr_spread_matrix matrix_of(const struct side *side)
{
    const int *extent = side->part->extent;
    return (plmr_spread_matrix){{PLMR_Y, extent[PLMR_Y], list_rows, side},
                                {PLMR_X, extent[PLMR_X], list_cols, side},
                                at_core,
                                side->region->count[PLMR_X],
                                side};
}

static void move(struct side from, struct side to)
{
    plmr_spread_matrix before = matrix_of(&from), after = matrix_of(&to);
    plmr_redistribute(from.part->whole->ranks, &before, &after, from.bytes, MOST_BYTES);
}

void plmr_part_give(const plmr_region *part, const void *whole, void *own, size_t bytes)
{
    move((struct side){part, part->whole, true, (char *)whole, bytes}, (struct side){part, part, false, own, bytes});
}

void plmr_part_bring(const plmr_region *part, const void *own, void *whole, size_t bytes)
{
    move((struct side){part, part, true, (char *)own, bytes}, (struct side){part, part->whole, false, whole, bytes});
}

/* ---- whose clocks they are ---- */

static double *take_clocks(const plmr_region *region)
{
    return plmr_take((size_t)region->count[PLMR_X] * (size_t)region->count[PLMR_Y] * sizeof(double));
}

/* A core's cycles are limited, whoever has it compute. */
static void count_before(plmr_region *part)
{
    double more = part->whole->ledger.compute_cycles - part->ledger.compute_cycles;
    part->computed_before += more;
    part->ledger.compute_cycles += more;
    part->told.compute_cycles += more;
}

static plmr_status give_clocks(plmr_region *whole, const char *verb)
{
    PLMR_TRY(plmr_tiles_check_ended(whole, verb));
    plmr_region_close_paths(whole);
    double *all = take_clocks(whole);
    plmr_clock_read(whole->clock, all);
    for (plmr_region *part = whole->parts; part; part = part->next_part) {
        double *own = take_clocks(part);
        plmr_part_give(part, all, own, sizeof *own);
        plmr_clock_write(part->clock, own);
        count_before(part);
        free(own);
    }
    free(all);
    whole->is_parted = true;
    return PLMR_OK;
}

/* The whole is charged what its parts have been since it last was. */
static void charge(plmr_region *whole)
{
    plmr_ledger *all = &whole->ledger, most = {0};
    whole->is_uneven = true;
    double most_busy = 0;
    for (plmr_region *part = whole->parts; part; part = part->next_part) {
        plmr_region_close_paths(part);
        const plmr_ledger *now = &part->ledger, *told = &part->told;
        double compute_cycles = now->compute_cycles - told->compute_cycles;
        double busiest = compute_cycles - (now->beside_cycles - told->beside_cycles);
        most.compute_cycles = plmr_larger(compute_cycles, most.compute_cycles);
        most_busy = plmr_larger(busiest, most_busy);
        most.hops = plmr_larger(most.hops, now->hops - told->hops);
        most.stages = plmr_larger(most.stages, now->stages - told->stages);
        most.steps = plmr_larger(most.steps, now->steps - told->steps);
        all->routes_program += now->routes_program - told->routes_program;
        all->wavelet_hops += now->wavelet_hops - told->wavelet_hops;
        all->border_hops += now->border_hops - told->border_hops;
        all->multiply_adds += now->multiply_adds - told->multiply_adds;
        all->violates_memory = all->violates_memory || now->violates_memory;
        all->violates_routes = all->violates_routes || now->violates_routes;
        all->parts |= now->parts;
        part->told = *now;
        if (part->complaint)
            plmr_region_complain(
                whole, plmr_error_make(plmr_error_code(part->complaint), "%s", plmr_error_text(part->complaint)));
    }
    all->compute_cycles += most.compute_cycles;
    all->beside_cycles += most.compute_cycles - most_busy;
    all->hops += most.hops;
    all->stages += most.stages;
    all->steps += most.steps;
}

static plmr_status take_clocks_back(plmr_region *whole, const char *verb)
{
    for (plmr_region *part = whole->parts; part; part = part->next_part)
        PLMR_TRY(plmr_tiles_check_ended(part, verb));
    double *all = take_clocks(whole);
    plmr_clock_read(whole->clock, all);
    for (plmr_region *part = whole->parts; part; part = part->next_part) {
        double *own = take_clocks(part);
        plmr_clock_read(part->clock, own);
        plmr_part_bring(part, own, all, sizeof *own);
        free(own);
    }
    plmr_trace_verb(whole, "parts", NULL);
    plmr_clock_write(whole->clock, all);
    free(all);
    charge(whole);
    whole->is_parted = false;
    return PLMR_OK;
}

/* The next verb is this region's. */
static plmr_status turn(plmr_region *region, const char *verb)
{
    if (region->whole)
        return region->whole->is_parted ? PLMR_OK : give_clocks(region->whole, verb);
    return region->is_parted ? take_clocks_back(region, verb) : PLMR_OK;
}

/* ---- making ---- */

static bool overlap(const plmr_region *part, const plmr_rectangle *c)
{
    return c->col < part->at[PLMR_X] + part->extent[PLMR_X] && c->col + c->cols > part->at[PLMR_X] &&
           c->row < part->at[PLMR_Y] + part->extent[PLMR_Y] && c->row + c->rows > part->at[PLMR_Y];
}

static plmr_status check(const plmr_region *whole, const char *name, const plmr_rectangle *c)
{
    int rows = whole->extent[PLMR_Y], cols = whole->extent[PLMR_X];
    PLMR_CHECK(!whole->whole, PLMR_ERROR_INPUT, "%s: a part has no parts: make it of the region that %s is of", name,
               whole->name);
    PLMR_CHECK(c->row >= 0 && c->col >= 0 && c->rows >= 1 && c->cols >= 1 && c->row <= rows - c->rows &&
                   c->col <= cols - c->cols,
               PLMR_ERROR_INPUT, "%s: %dx%d cores from (%d,%d) on are not all in the region of %dx%d", name, c->rows,
               c->cols, c->row, c->col, rows, cols);
    for (const plmr_region *part = whole->parts; part; part = part->next_part)
        PLMR_CHECK(!overlap(part, c), PLMR_ERROR_INPUT,
                   "%s: %dx%d cores from (%d,%d) on overlap with the part %s, %dx%d from (%d,%d) on: end that first",
                   name, c->rows, c->cols, c->row, c->col, part->name, part->extent[PLMR_Y], part->extent[PLMR_X],
                   part->at[PLMR_Y], part->at[PLMR_X]);
    return PLMR_OK;
}

static plmr_device *place_device(const plmr_device *device, const plmr_rectangle *c)
{
    plmr_device *own = plmr_take(sizeof *own);
    *own = *device;
    own->first[PLMR_X] = c->col;
    own->first[PLMR_Y] = c->row;
    return own;
}

static void fill(plmr_region *part)
{
    for (int axis = 0; axis < 2; axis++) {
        int n = part->extent[axis];
        plmr_ranks_share(n, plmr_ranks_extent(part->ranks, axis), plmr_ranks_place(part->ranks, axis),
                         &part->first[axis], &part->count[axis]);
        part->ledger.routes[axis] = plmr_take_zeroed((size_t)n, sizeof(int));
    }
    if (part->whole->defects)
        part->defects = plmr_defects_cut(part->whole->defects, part->at, part->extent);
    if (part->options.profile)
        part->profile = plmr_profile_of_part(part->whole->profile, part->name, part->at, part->extent);
}

plmr_status plmr_part_create(plmr_region *whole, const char *name, const plmr_rectangle *cores, plmr_region **out)
{
    PLMR_TRY(plmr_region_check(whole, __func__));
    PLMR_GIVEN(name);
    PLMR_GIVEN(cores);
    PLMR_GIVEN(out);
    PLMR_TRY(check(whole, name, cores));
    plmr_region *part = plmr_take_zeroed(1, sizeof *part);
    plmr_device *device = place_device(whole->device, cores);
    *part = (plmr_region){.ranks = plmr_ranks_cut(whole->ranks, cores->rows, cores->cols),
                          .device = device,
                          .own_device = device,
                          .options = whole->options,
                          .extent = {[PLMR_X] = cores->cols, [PLMR_Y] = cores->rows},
                          .at = {[PLMR_X] = cores->col, [PLMR_Y] = cores->row},
                          .whole = whole,
                          .name = plmr_take_copy(name),
                          .next_part = whole->parts,
                          .turn = turn};
    part->options.pace = 0;
    part->options.on_step = NULL;
    fill(part);
    whole->parts = part;
    whole->turn = turn;
    plmr_status status = plmr_agree(plmr_clock_create(part, &part->clock));
    if (!status)
        status = plmr_region_check(part, __func__);
    part->marked_cycles = status ? 0 : plmr_clock_max(part->clock);
    if (status)
        plmr_region_destroy(part);
    else
        *out = part;
    return status;
}

static void forget(plmr_region *part)
{
    plmr_region **at = &part->whole->parts;
    while (*at != part)
        at = &(*at)->next_part;
    *at = part->next_part;
    part->whole->turn = part->whole->parts ? turn : NULL;
}

void plmr_part_leave(plmr_region *part)
{
    plmr_region *whole = part->whole;
    plmr_points_destroy_all(part);
    plmr_status status = whole->is_parted ? take_clocks_back(whole, "plmr_region_destroy") : PLMR_OK;
    if (status)
        plmr_region_complain(whole, status);
    charge(whole);
    plmr_tiles_destroy_all(part);
    int row, col, routes = plmr_region_most_routes(part, &row, &col);
    whole->routes_of_parts = plmr_larger(routes, whole->routes_of_parts);
    forget(part);
}

void plmr_part_destroy_all(plmr_region *whole)
{
    whole->is_parted = false;
    while (whole->parts)
        plmr_region_destroy(whole->parts);
}

plmr_status plmr_part_check_ended(const plmr_region *whole)
{
    for (const plmr_region *part = whole->parts; part; part = part->next_part)
        PLMR_TRY(plmr_points_check_ended(part));
    return PLMR_OK;
}

/* ---- tiles ---- */

plmr_tiles plmr_part_lift(const plmr_tiles *tiles)
{
    plmr_tiles lifted = *tiles;
    lifted.region = tiles->region->whole;
    lifted.values = plmr_take(plmr_tiles_local(&lifted) * sizeof *lifted.values);
    plmr_part_bring(tiles->region, tiles->values, lifted.values, (size_t)tiles->n_values * sizeof *lifted.values);
    return lifted;
}

void plmr_part_lower(const plmr_tiles *lifted, const plmr_tiles *tiles)
{
    plmr_part_give(tiles->region, lifted->values, tiles->values, (size_t)tiles->n_values * sizeof *tiles->values);
}

plmr_status plmr_tiles_copy(const plmr_tiles *from, plmr_tiles *to)
{
    PLMR_TRY(plmr_tiles_check(from, __func__));
    PLMR_TRY(plmr_tiles_check(to, __func__));
    const plmr_region *a = from->region, *b = to->region;
    PLMR_CHECK(a == b || a->whole == b || b->whole == a, PLMR_ERROR_INPUT,
               "%s: %s and %s are of regions of which neither is a part of the other", __func__, from->name, to->name);
    PLMR_CHECK(from->n_values == to->n_values && from->dtype == to->dtype, PLMR_ERROR_INPUT,
               "%s and %s have tiles of different size", from->name, to->name);
    size_t bytes = (size_t)from->n_values * sizeof *from->values;
    if (!a->options.values || from == to)
        return PLMR_OK;
    plmr_tiles_round(from);
    if (a == b)
        memcpy(to->values, from->values, plmr_tiles_local(from) * sizeof *from->values);
    else if (b->whole)
        plmr_part_give(b, from->values, to->values, bytes);
    else
        plmr_part_bring(a, from->values, to->values, bytes);
    return PLMR_OK;
}
