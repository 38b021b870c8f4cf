#include "region/region.h"

#include <math.h>
#include <stdlib.h>

#include "base/given.h"
#include "base/hint.h"
#include "base/larger.h"
#include "base/memory.h"
#include "device/check.h"
#include "region/profile.h"
#include "time/busy.h"
#include "time/clock.h"
#include "time/trace.h"
#include "verbs/part.h"
#include "verbs/points.h"
#include "verbs/record.h"
#include "verbs/tiles_inside.h"
#include "verbs/tiles_routes.h"

bool plmr_region_has_values(const plmr_region *region)
{
    return region && region->options.values;
}

int plmr_region_extent(const plmr_region *region, enum plmr_axis axis)
{
    return region && (axis == PLMR_X || axis == PLMR_Y) ? region->extent[axis] : 0;
}

void plmr_region_block(const plmr_region *region, int first[2], int count[2])
{
    for (int axis = 0; axis < 2; axis++) {
        first[axis] = region ? region->first[axis] : 0;
        count[axis] = region ? region->count[axis] : 0;
    }
}

static plmr_status check_size(const plmr_device *device, int rows, int cols)
{
    PLMR_CHECK(rows >= 1 && cols >= 1, PLMR_ERROR_INPUT, "a region needs at least 1x1 cores, not %dx%d", rows, cols);
    PLMR_CHECK(rows <= device->rows && cols <= device->cols, PLMR_ERROR_INPUT,
               "%dx%d cores do not fit on %s, which has %.0fx%.0f: choose %s or %s", rows, cols, device->name,
               device->rows, device->cols, plmr_hint("a smaller --cores", "a smaller region"),
               plmr_hint("a larger --device", "a larger device"));
    return PLMR_OK;
}

static plmr_status fill_region(plmr_region *region)
{
    for (int axis = 0; axis < 2; axis++) {
        int n = region->extent[axis], parts = plmr_ranks_extent(region->ranks, axis);
        PLMR_CHECK(parts <= n, PLMR_ERROR_INPUT, "%d ranks along %s are more than its %d cores: use fewer ranks", parts,
                   axis == PLMR_X ? "x" : "y", n);
        plmr_ranks_share(n, parts, plmr_ranks_place(region->ranks, axis), &region->first[axis], &region->count[axis]);
        region->ledger.routes[axis] = plmr_take_zeroed((size_t)n, sizeof(int));
    }
    PLMR_TRY(plmr_defects_create(region->device, region->extent[PLMR_Y], region->extent[PLMR_X], &region->defects));
    if (region->options.profile)
        region->profile = plmr_profile_create(region->extent);
    return plmr_clock_create(region, &region->clock);
}

plmr_status plmr_region_create(plmr_ranks *ranks, const plmr_device *device, int rows, int cols,
                               const plmr_region_options *options, plmr_region **out)
{
    PLMR_GIVEN(ranks);
    PLMR_GIVEN(device);
    PLMR_GIVEN(options);
    PLMR_GIVEN(out);
    PLMR_CHECK(options->pace >= 0 && isfinite(options->pace), PLMR_ERROR_INPUT,
               "a pace of %g wall seconds per virtual second cannot be kept: give 0 or more", options->pace);
    PLMR_TRY(plmr_device_check(device));
    PLMR_TRY(check_size(device, rows, cols));
    plmr_region *region = plmr_take_zeroed(1, sizeof *region);
    *region = (plmr_region){
        .ranks = ranks, .device = device, .options = *options, .extent = {[PLMR_X] = cols, [PLMR_Y] = rows}};
    plmr_status status = plmr_agree(fill_region(region));
    if (status)
        plmr_region_destroy(region);
    else
        *out = region;
    return status;
}

void plmr_region_destroy(plmr_region *region)
{
    if (!region)
        return;
    plmr_part_destroy_all(region);
    if (region->whole)
        plmr_part_leave(region);
    plmr_gemm_scratch_destroy(region->scratch);
    plmr_trace_destroy(region->trace);
    plmr_clock_destroy(region->clock);
    plmr_defects_destroy(region->defects);
    plmr_profile_destroy(region->whole ? NULL : region->profile);
    plmr_tiles_routes_destroy(region->tiles_routes);
    plmr_own_destroy(region->own);
    plmr_error_free(region->complaint);
    for (int axis = 0; axis < 2; axis++) {
        free(region->owner[axis]);
        free(region->ledger.routes[axis]);
        free(region->base_routes[axis]);
        free(region->span_routes[axis]);
    }
    if (region->whole && region->ranks != region->whole->ranks)
        plmr_ranks_destroy(region->ranks);
    free(region->by_core);
    free(region->own_device);
    free(region->name);
    free(region);
}

/* Up to here doubles hold every 1/64 cycle. */
static const double most_cycles = 0x1p47;

plmr_status plmr_region_work(plmr_region *region, double t_cycles, const char *verb)
{
    PLMR_TRY(plmr_region_check(region, verb));
    double slowest = region->defects && region->defects->slow ? region->defects->slowest : 1;
    PLMR_CHECK(t_cycles >= 0 && t_cycles * slowest + region->ledger.compute_cycles <= most_cycles, PLMR_ERROR_INPUT,
               "a core cannot compute for %g cycles after %g: give 0 or more, and at most 2^47 in all", t_cycles,
               region->ledger.compute_cycles);
    plmr_region_compute(region, "compute", t_cycles);
    return PLMR_OK;
}

plmr_status plmr_region_busy(plmr_region *region, double t_cycles)
{
    PLMR_TRY(plmr_region_work(region, t_cycles, __func__));
    plmr_tiles_round_all(region);
    return PLMR_OK;
}

plmr_status plmr_region_cost(plmr_region *region, plmr_cost *cost)
{
    PLMR_TRY(plmr_region_check(region, __func__));
    PLMR_GIVEN(cost);
    PLMR_TRY(plmr_points_check_ended(region));
    PLMR_TRY(plmr_tiles_check_ended(region, "the end"));
    PLMR_TRY(plmr_part_check_ended(region));
    const plmr_ledger *ledger = &region->ledger;
    int row, col, most = plmr_region_most_routes(region, &row, &col);
    PLMR_CHECK(ledger->wavelet_hops <= INT64_MAX, PLMR_ERROR_INPUT,
               "words times the links that they cross are more than 2^63: choose smaller sizes");
    plmr_region_close_paths(region);
    double t_cycles = plmr_clock_max(region->clock);
    double computed = ledger->compute_cycles - region->computed_before - ledger->beside_cycles;
    *cost = (plmr_cost){
        .t_cycles = t_cycles,
        .compute_cycles = region->is_uneven ? plmr_smaller(computed, t_cycles) : computed,
        .hops_critical = ledger->hops,
        .stages_critical = ledger->stages,
        .steps = ledger->steps,
        .routes_max = most > region->routes_of_parts ? most : region->routes_of_parts,
        .routes_program = ledger->routes_program,
        .sram_peak_bytes = ledger->sram_peak_bytes,
        .wavelet_hops = ledger->wavelet_hops,
        .border_hops = ledger->border_hops,
        .multiply_adds = ledger->multiply_adds,
        .violates_memory = ledger->violates_memory,
        .violates_routes = ledger->violates_routes,
    };
    plmr_region_pace(region);
    return PLMR_OK;
}
