#include "fabric/region.h"
#include "fabric/clock.h"
#include "fabric/profile.h"
#include "fabric/tiles_routes.h"
#include "fabric/trace.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/given.h"
#include "base/hint.h"
#include "base/machine.h"
#include "base/memory.h"
#include "base/wall.h"

plmr_status plmr_region_check(const plmr_region *region, const char *verb)
{
    PLMR_CHECK(region, PLMR_ERROR_INPUT, "%s: the region is NULL, and must be given", verb);
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

bool plmr_region_has_values(const plmr_region *region)
{
    return region && region->options.values;
}

static plmr_status check_size(const plmr_device *device, int rows, int cols)
{
    PLMR_CHECK(rows >= 1 && cols >= 1, PLMR_ERROR_INPUT, "a region needs at least 1x1 cores, not %dx%d", rows, cols);
    PLMR_CHECK(rows <= device->rows && cols <= device->cols, PLMR_ERROR_INPUT,
               "%dx%d cores do not fit on %s, which has %.0fx%.0f: choose %s", rows, cols, device->name, device->rows,
               device->cols,
               plmr_hint("a smaller --cores or a larger --device", "a smaller region or a larger device"));
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
    plmr_gemm_scratch_destroy(region->scratch);
    plmr_trace_destroy(region->trace);
    plmr_clock_destroy(region->clock);
    plmr_profile_destroy(region->profile);
    plmr_tiles_routes_destroy(region->tiles_routes);
    plmr_error_free(region->complaint);
    for (int axis = 0; axis < 2; axis++) {
        free(region->ledger.routes[axis]);
        plmr_ring_free(region->late_ring[axis]);
        free(region->base_routes[axis]);
        free(region->span_routes[axis]);
    }
    free(region);
}

plmr_status plmr_region_charge(plmr_region *region, const char *what, int64_t n_bytes)
{
    PLMR_TRY(plmr_region_check(region, __func__));
    PLMR_GIVEN(what);
    plmr_ledger *ledger = &region->ledger;
    int64_t limit = (int64_t)region->device->sram;
    PLMR_CHECK(n_bytes >= 0 && ledger->sram_bytes <= INT64_MAX - n_bytes, PLMR_ERROR_INPUT,
               "%s cannot take %lld bytes of SRAM: give 0 or more, and less than 2^63 in all", what,
               (long long)n_bytes);
    int64_t need = ledger->sram_bytes + n_bytes;
    PLMR_CHECK(need <= limit || region->options.allow_memory, PLMR_ERROR_LIMIT,
               "core (0,0) needs %lld bytes of SRAM with %s, but %s has %lld: choose %s", (long long)need, what,
               region->device->name, (long long)limit,
               plmr_hint("a larger --cores, or --allow M", "more cores with less each, or allow_memory"));
    ledger->violates_memory = ledger->violates_memory || need > limit;
    ledger->sram_bytes = need;
    bool is_peak = need > ledger->sram_peak_bytes;
    if (is_peak)
        ledger->sram_peak_bytes = need;
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

plmr_status plmr_region_scratch(plmr_region *region, plmr_gemm_scratch **scratch)
{
    if (!region->scratch) {
        size_t l2_bytes, l3_bytes;
        plmr_machine_caches(plmr_ranks_here(region->ranks), &l2_bytes, &l3_bytes);
        PLMR_TRY(plmr_gemm_scratch_create(l2_bytes, l3_bytes, &region->scratch));
    }
    *scratch = region->scratch;
    return PLMR_OK;
}

static int most(const int *values, int n, int *at)
{
    *at = 0;
    for (int i = 1; i < n; i++)
        if (values[i] > values[*at])
            *at = i;
    return values[*at];
}

static int most_routes(const plmr_region *region, int *row, int *col)
{
    return most(region->ledger.routes[PLMR_X], region->extent[PLMR_X], col) +
           most(region->ledger.routes[PLMR_Y], region->extent[PLMR_Y], row);
}

plmr_status plmr_region_route(plmr_region *region, const char *what, enum plmr_axis axis, const int *profile,
                              int n_program)
{
    plmr_ledger *ledger = &region->ledger;
    int row, col, limit = (int)region->device->routes;
    for (int i = 0; i < region->extent[axis]; i++)
        ledger->routes[axis][i] += profile[i];
    int need = most_routes(region, &row, &col);
    bool fits = need <= limit || region->options.allow_routes;
    for (int i = 0; i < region->extent[axis] && !fits; i++)
        ledger->routes[axis][i] -= profile[i];
    PLMR_CHECK(fits, PLMR_ERROR_LIMIT, "core (%d,%d) needs %d routes with %s, but a router of %s holds %d: choose %s",
               row, col, need, what, region->device->name, limit,
               plmr_hint("another --alg, or --allow R", "verbs that need fewer, or allow_routes"));
    ledger->routes_program += n_program;
    ledger->violates_routes = ledger->violates_routes || need > limit;
    if (region->profile)
        plmr_profile_route(region->profile, what, axis, profile, n_program, region->in_span);
    return PLMR_OK;
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
    return (int)region->device->routes - most_routes(region, &row, &col);
}

int plmr_region_multicast_routes(const plmr_region *region)
{
    int cols = region->extent[PLMR_X], rows = region->extent[PLMR_Y], left = plmr_region_routes_left(region);
    if (region->options.allow_routes || left >= rows + cols)
        return rows > cols ? rows : cols;
    return left < 2 ? 1 : left / 2;
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
    if (region->ledger.path[axis].open)
        plmr_region_close_paths(region);
    region->ledger.path[axis].open = true;
    region->ledger.path[axis].hops = hops;
    region->ledger.path[axis].stages = stages;
}

/* Up to here doubles hold every 1/64 cycle. */
static const double most_cycles = 0x1p47;

plmr_status plmr_region_busy(plmr_region *region, double t_cycles)
{
    PLMR_TRY(plmr_region_check(region, __func__));
    PLMR_CHECK(t_cycles >= 0 && t_cycles + region->ledger.compute_cycles <= most_cycles, PLMR_ERROR_INPUT,
               "a core cannot compute for %g cycles after %g: give 0 or more, and at most 2^47 in all", t_cycles,
               region->ledger.compute_cycles);
    plmr_region_compute(region, "compute", t_cycles);
    return PLMR_OK;
}

void plmr_region_compute(plmr_region *region, const char *what, double t_cycles)
{
    double cycles = plmr_device_quantise(t_cycles);
    plmr_trace_verb(region, what, NULL);
    plmr_clock_busy(region->clock, cycles);
    region->ledger.compute_cycles += cycles;
    region->ledger.steps++;
    if (region->profile)
        region->profile->compute_cycles += cycles;
    if (region->options.on_step && !region->options.values)
        region->options.on_step(region->options.on_step_context, region->ledger.steps);
}

void plmr_region_multiply(plmr_region *region, double t_cycles, int64_t n_macs)
{
    region->ledger.multiply_adds += (double)n_macs * region->extent[PLMR_X] * region->extent[PLMR_Y];
    if (region->profile)
        region->profile->multiply_adds += (double)n_macs;
    plmr_region_compute(region, "multiply", t_cycles);
}

void plmr_region_move(plmr_region *region, enum plmr_move move, double t_cycles)
{
    double cycles = plmr_device_quantise(t_cycles);
    if (region->profile)
        region->profile->moving_cycles[move] += cycles;
    plmr_clock_launch(region->clock, cycles);
}

static void sleep_until_s(double wall_s)
{
    struct timespec when = {(time_t)wall_s, (long)((wall_s - (double)(time_t)wall_s) * 1e9)};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, NULL) == EINTR)
        ;
}

void plmr_region_pace(plmr_region *region)
{
    if (region->options.pace <= 0)
        return;
    double virtual_s = plmr_clock_block_max(region->clock) / region->device->clock;
    if (region->wall_start_s == 0)
        region->wall_start_s = plmr_wall_s() - region->options.pace * virtual_s;
    sleep_until_s(region->wall_start_s + region->options.pace * virtual_s);
}

plmr_status plmr_region_cost(plmr_region *region, plmr_cost *cost)
{
    PLMR_TRY(plmr_region_check(region, __func__));
    PLMR_GIVEN(cost);
    const plmr_ledger *ledger = &region->ledger;
    int row, col;
    plmr_region_close_paths(region);
    *cost = (plmr_cost){
        .t_cycles = plmr_clock_max(region->clock),
        .compute_cycles = ledger->compute_cycles,
        .hops_critical = ledger->hops,
        .stages_critical = ledger->stages,
        .steps = ledger->steps,
        .routes_max = most_routes(region, &row, &col),
        .routes_program = ledger->routes_program,
        .sram_peak_bytes = ledger->sram_peak_bytes,
        .wavelet_hops = ledger->wavelet_hops,
        .multiply_adds = ledger->multiply_adds,
        .violates_memory = ledger->violates_memory,
        .violates_routes = ledger->violates_routes,
    };
    plmr_region_pace(region);
    return PLMR_OK;
}
