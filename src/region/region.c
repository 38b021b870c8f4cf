#include "region/region.h"

#include <stdlib.h>
#include <string.h>

#include "base/given.h"
#include "base/hint.h"
#include "base/machine.h"
#include "base/memory.h"
#include "region/profile.h"

plmr_status plmr_region_check(plmr_region *region, const char *verb)
{
    PLMR_CHECK(region, PLMR_ERROR_INPUT, "%s: the region is NULL, and must be given", verb);
    if (region->turn)
        PLMR_TRY(region->turn(region, verb));
    return region->complaint
               ? plmr_error_make(plmr_error_code(region->complaint), "%s", plmr_error_text(region->complaint))
               : PLMR_OK;
}

plmr_status plmr_axis_check(enum plmr_axis axis, const char *verb)
{
    PLMR_CHECK(axis == PLMR_X || axis == PLMR_Y, PLMR_ERROR_INPUT, "%s: there is no axis %d: give PLMR_X or PLMR_Y",
               verb, (int)axis);
    return PLMR_OK;
}

void plmr_region_complain(plmr_region *region, plmr_status error)
{
    if (region->complaint)
        plmr_error_free(error);
    else
        region->complaint = error;
}

/* Bytes that cores hold beside a region's own: the whole's, or those of its part that holds most. */
static int64_t held_beside(const plmr_region *region)
{
    int64_t most = region->whole ? region->whole->ledger.sram_bytes : 0;
    for (const plmr_region *part = region->parts; part; part = part->next_part)
        most = part->ledger.sram_bytes > most ? part->ledger.sram_bytes : most;
    return most;
}

static void note_peak(plmr_ledger *ledger, int64_t n_bytes, int64_t limit)
{
    ledger->violates_memory = ledger->violates_memory || n_bytes > limit;
    if (n_bytes > ledger->sram_peak_bytes)
        ledger->sram_peak_bytes = n_bytes;
}

plmr_status plmr_region_charge(plmr_region *region, const char *what, int64_t n_bytes)
{
    PLMR_TRY(plmr_region_check(region, __func__));
    PLMR_GIVEN(what);
    plmr_ledger *ledger = &region->ledger;
    int64_t limit = (int64_t)region->device->sram, held = ledger->sram_bytes + held_beside(region);
    PLMR_CHECK(n_bytes >= 0 && held <= INT64_MAX - n_bytes, PLMR_ERROR_INPUT,
               "%s cannot take %lld bytes of SRAM: give 0 or more, and less than 2^63 in all", what,
               (long long)n_bytes);
    int64_t need = held + n_bytes;
    PLMR_CHECK(need <= limit || region->options.allow_memory, PLMR_ERROR_LIMIT,
               "core (0,0) needs %lld bytes of SRAM with %s, but %s has %lld: choose %s, or %s", (long long)need, what,
               region->device->name, (long long)limit, plmr_hint("a larger --cores", "more cores with less each"),
               plmr_hint("--allow M", "allow_memory"));
    ledger->sram_bytes += n_bytes;
    bool is_peak = need > ledger->sram_peak_bytes;
    note_peak(ledger, need, limit);
    if (region->whole)
        note_peak(&region->whole->ledger, need, limit);
    if (region->profile)
        plmr_profile_hold(region->profile, what, n_bytes, is_peak);
    return PLMR_OK;
}

void plmr_region_release(plmr_region *region, int64_t n_bytes)
{
    if (!region)
        return;
    if (n_bytes < 0 || n_bytes > region->ledger.sram_bytes) {
        plmr_region_complain(region, plmr_error_make(PLMR_ERROR_INPUT,
                                                     "%lld bytes of SRAM cannot be released: a core holds %lld",
                                                     (long long)n_bytes, (long long)region->ledger.sram_bytes));
        return;
    }
    region->ledger.sram_bytes -= n_bytes;
    if (region->profile)
        plmr_profile_release(region->profile, n_bytes);
}

/* At coordinates along an axis; of a part with the whole's there. */
static int most(const plmr_region *region, enum plmr_axis axis, int *at)
{
    const int *own = region->ledger.routes[axis];
    const int *beside = region->whole ? region->whole->ledger.routes[axis] + region->at[axis] : NULL;
    int most = -1;
    for (int i = 0; i < region->extent[axis]; i++) {
        int routes = own[i] + (beside ? beside[i] : 0);
        if (routes > most) {
            most = routes;
            *at = i;
        }
    }
    return most;
}

int plmr_region_most_routes(const plmr_region *region, int *row, int *col)
{
    int routes = most(region, PLMR_X, col) + most(region, PLMR_Y, row);
    for (const plmr_region *part = region->parts; part; part = part->next_part) {
        int part_row, part_col, of_part = plmr_region_most_routes(part, &part_row, &part_col);
        if (of_part > routes) {
            routes = of_part;
            *row = part->at[PLMR_Y] + part_row;
            *col = part->at[PLMR_X] + part_col;
        }
    }
    return routes;
}

plmr_status plmr_region_route(plmr_region *region, const char *what, enum plmr_axis axis, const int *cores,
                              int n_program)
{
    plmr_ledger *ledger = &region->ledger;
    int row, col, limit = (int)region->device->routes;
    for (int i = 0; i < region->extent[axis]; i++)
        ledger->routes[axis][i] += cores[i];
    int need = plmr_region_most_routes(region, &row, &col);
    bool fits = need <= limit || region->options.allow_routes;
    for (int i = 0; i < region->extent[axis] && !fits; i++)
        ledger->routes[axis][i] -= cores[i];
    PLMR_CHECK(fits, PLMR_ERROR_LIMIT,
               "core (%d,%d) needs %d routes with %s, but a router of %s holds %d: choose %s, or %s", row, col, need,
               what, region->device->name, limit, plmr_hint("another --alg", "verbs that need fewer"),
               plmr_hint("--allow R", "allow_routes"));
    ledger->routes_program += n_program;
    ledger->violates_routes = ledger->violates_routes || need > limit;
    if (region->profile)
        plmr_profile_route(region->profile, what, axis, cores, n_program, region->in_span);
    return PLMR_OK;
}

plmr_routed_before plmr_region_routes_begin(const plmr_region *region)
{
    const plmr_ledger *ledger = &region->ledger;
    plmr_routed_before before = {.routes_program = ledger->routes_program,
                                 .n_noted = region->profile ? region->profile->n_routed : 0,
                                 .violates = ledger->violates_routes};
    for (int axis = 0; axis < 2; axis++) {
        size_t n_bytes = (size_t)region->extent[axis] * sizeof(int);
        before.routes[axis] = plmr_take(n_bytes);
        memcpy(before.routes[axis], ledger->routes[axis], n_bytes);
    }
    return before;
}

static void restore_routes(plmr_region *region, const plmr_routed_before *before)
{
    plmr_ledger *ledger = &region->ledger;
    for (int axis = 0; axis < 2; axis++)
        memcpy(ledger->routes[axis], before->routes[axis], (size_t)region->extent[axis] * sizeof(int));
    ledger->routes_program = before->routes_program;
    ledger->violates_routes = before->violates;
    while (region->profile && region->profile->n_routed > before->n_noted)
        free(region->profile->routed[--region->profile->n_routed].cores);
}

plmr_status plmr_region_routes_end(plmr_region *region, plmr_routed_before *before, plmr_status status)
{
    if (status)
        restore_routes(region, before);
    free(before->routes[PLMR_X]);
    free(before->routes[PLMR_Y]);
    return status;
}

void plmr_region_span_begin(plmr_region *region)
{
    region->in_span = true;
    for (int axis = 0; axis < 2; axis++) {
        size_t n = (size_t)region->extent[axis];
        if (!region->span_routes[axis])
            region->span_routes[axis] = plmr_take_zeroed(n, sizeof(int));
        if (!region->base_routes[axis])
            region->base_routes[axis] = plmr_take_zeroed(n, sizeof(int));
        for (size_t i = 0; i < n; i++) {
            region->ledger.routes[axis][i] -= region->span_routes[axis][i];
            region->base_routes[axis][i] = region->ledger.routes[axis][i];
        }
    }
}

void plmr_region_span_end(plmr_region *region)
{
    region->in_span = false;
    for (int axis = 0; axis < 2; axis++)
        for (int i = 0; i < region->extent[axis]; i++) {
            int *span = &region->span_routes[axis][i], base = region->base_routes[axis][i];
            int used = region->ledger.routes[axis][i] - base;
            *span = used > *span ? used : *span;
            region->ledger.routes[axis][i] = base + *span;
        }
}

int plmr_region_routes_left(const plmr_region *region)
{
    int row, col;
    return (int)region->device->routes - plmr_region_most_routes(region, &row, &col);
}

int plmr_region_multicast_routes(const plmr_region *region)
{
    int cols = region->extent[PLMR_X], rows = region->extent[PLMR_Y], left = plmr_region_routes_left(region);
    if (region->options.allow_routes || left >= rows + cols)
        return rows > cols ? rows : cols;
    return left < 2 ? 1 : left / 2;
}

int32_t *plmr_region_owners(const plmr_region *region)
{
    int cols = region->extent[PLMR_X], rows = region->extent[PLMR_Y];
    int parts_x = plmr_ranks_extent(region->ranks, PLMR_X), parts_y = plmr_ranks_extent(region->ranks, PLMR_Y);
    int32_t *owners = plmr_take((size_t)(cols + rows) * sizeof *owners);
    for (int x = 0; x < cols; x++)
        owners[x] = plmr_ranks_owner(cols, parts_x, x);
    for (int y = 0; y < rows; y++)
        owners[cols + y] = plmr_ranks_owner(rows, parts_y, y) * parts_x;
    return owners;
}

void plmr_region_close_paths(plmr_region *region)
{
    plmr_ledger *ledger = &region->ledger;
    int longer = ledger->path[PLMR_Y].hops > ledger->path[PLMR_X].hops ? PLMR_Y : PLMR_X;
    ledger->hops += ledger->path[longer].hops;
    ledger->stages += ledger->path[longer].stages;
    memset(ledger->path, 0, sizeof ledger->path);
}

void plmr_region_path(plmr_region *region, enum plmr_axis axis, int64_t hops, int64_t stages)
{
    if (region->ledger.path[axis].open || region->ledger.path[!axis].ended)
        plmr_region_close_paths(region);
    region->ledger.path[axis].open = true;
    region->ledger.path[axis].hops = hops;
    region->ledger.path[axis].stages = stages;
}

void plmr_region_end_path(plmr_region *region, enum plmr_axis axis)
{
    region->ledger.path[axis].ended = region->ledger.path[axis].open;
}

plmr_gemm_scratch *plmr_region_scratch(plmr_region *region)
{
    if (!region->scratch) {
        size_t l2_bytes, l3_bytes;
        plmr_machine_caches(plmr_ranks_here(region->ranks), &l2_bytes, &l3_bytes);
        region->scratch = plmr_gemm_scratch_create(l2_bytes, l3_bytes);
    }
    return region->scratch;
}
