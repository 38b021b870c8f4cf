#include "verbs/reduce.h"

#include "region/profile.h"
#include "time/busy.h"
#include "time/clock.h"
#include "time/trace.h"
#include "time/traffic.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

plmr_status plmr_reduce_route(plmr_region *region, enum plmr_axis axis, const plmr_reduce_plan *plan, const char *what)
{
    int *profile = plmr_take_zeroed((size_t)plan->n, sizeof *profile);
    for (int core = 0; core < plan->n; core++)
        profile[core] = __builtin_popcountll(plan->routes[core]);
    plmr_status status = plmr_region_route(region, what, axis, profile, plan->routes_program);
    free(profile);
    return status;
}

/* ---- time plane ---- */

static void launch(plmr_region *region)
{
    plmr_region_move(region, PLMR_MOVE_REDUCE, region->device->collective_launch);
}

static void time_phases(plmr_region *region, enum plmr_axis axis, const plmr_reduce_plan *plan, int64_t wavelets)
{
    double stream = plmr_way_stream(region->device, wavelets);
    plmr_traffic_plan(region, axis, plan, 0, plan->n_phases, wavelets);
    for (int p = 0; p < plan->n_phases; p++) {
        launch(region);
        const plmr_phase *phase = &plan->phases[p];
        double forward = phase->whole ? stream : region->device->stage;
        plmr_clock_reduce(region->clock, axis, phase->legs, phase->n_legs, stream, forward);
    }
}

/* Once round to add, once to spread the sums; each half is launched once and then runs by itself. */
static void time_ring(plmr_region *region, enum plmr_axis axis, int n, int64_t wavelets)
{
    plmr_ring *ring = plmr_ring_make(region, axis, PLMR_INTERLEAVED, 1);
    double stream = plmr_way_stream(region->device, wavelets);
    plmr_traffic_ring(region, ring, wavelets, 2 * (n - 1));
    if (region->profile)
        region->profile->moving_cycles[PLMR_MOVE_REDUCE] += 2 * (n - 1) * stream;
    for (int step = 0; step < 2 * (n - 1); step++) {
        if (step % (n - 1) == 0)
            launch(region);
        plmr_clock_stream(region->clock, ring, stream);
        plmr_clock_join(region->clock, axis);
    }
    plmr_clock_settle(region->clock);
    plmr_ring_destroy(ring);
}

void plmr_allreduce_time(plmr_region *region, enum plmr_axis axis, const plmr_reduce_plan *plan, int64_t n_elements,
                         size_t element_bytes)
{
    int64_t part = plan->ring ? plmr_ceil_div(n_elements, plan->n) : n_elements;
    int64_t wavelets = plmr_device_wavelets(region->device, part * (int64_t)element_bytes);
    plmr_trace_verb(region, "allreduce", axis == PLMR_X ? "along x" : "along y");
    plmr_region_path(region, axis, plan->hops, plan->stages);
    if (plan->ring)
        time_ring(region, axis, plan->n, wavelets);
    else
        time_phases(region, axis, plan, wavelets);
    plmr_region_pace(region);
}
