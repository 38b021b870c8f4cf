#include "verbs/reduce.h"

#include <limits.h>

#include "base/hint.h"
#include "time/busy.h"
#include "time/clock.h"

static void legs(const plmr_flow *flow, plmr_leg_visit visit, void *context)
{
    plmr_ring *ring = plmr_ring_make(flow->region, flow->axis, PLMR_INTERLEAVED, 1);
    plmr_flow_ring_legs(ring, false, visit, context);
    plmr_ring_destroy(ring);
}

void plmr_flow_lap(const plmr_flow *flow, int64_t words)
{
    plmr_region *region = flow->region;
    plmr_ring *ring = plmr_ring_make(region, flow->axis, PLMR_INTERLEAVED, 1);
    double stream = plmr_way_stream(region->device, words);
    double over = plmr_way_stream_more(region->device, flow->axis, words);
    if (region->profile)
        region->profile->moving_cycles[PLMR_MOVE_REDUCE] += (ring->n - 1) * stream;
    plmr_region_move(region, PLMR_MOVE_REDUCE, flow->launch);
    for (int step = 0; step < ring->n - 1; step++) {
        plmr_clock_stream(region->clock, ring, stream, over);
        plmr_flow_end(flow);
    }
    plmr_ring_destroy(ring);
}

/* Once to add, once to spread the sums. */
static void advance(const plmr_flow *flow, int64_t words)
{
    plmr_flow_lap(flow, words);
    plmr_flow_lap(flow, words);
    plmr_clock_settle(flow->region->clock);
}

static const plmr_flow_kind round_ring = {.legs = legs, .clock = advance, .routes = plmr_flow_plan_routes};

static int hops_from(const plmr_reduce_plan *plan, int position)
{
    const plmr_ring ring = {.kind = PLMR_INTERLEAVED, .n = plan->n};
    int core = plmr_ring_core(&ring, position % plan->n), to = plmr_ring_before(&ring, core);
    return plmr_way_round(plan->device, plan->axis, plan->n, core, to).hops;
}

/* Each lap lacks a step: those that are left out follow each other, and are the shortest that do. */
static int64_t count_hops(const plmr_reduce_plan *plan, int laps)
{
    int64_t lap = 0;
    int least = INT_MAX;
    for (int i = 0; i < plan->n; i++) {
        int left_out = 0;
        for (int j = i; j < i + laps; j++)
            left_out += hops_from(plan, j);
        lap += hops_from(plan, i);
        least = left_out < least ? left_out : least;
    }
    return laps * lap - least;
}

plmr_status plmr_reduce_plan_ring(plmr_reduce_plan *plan, const plmr_flow_kind *kind, int laps)
{
    PLMR_CHECK(plan->n >= 3, PLMR_ERROR_INPUT, "a ring needs at least 3 cores, not %d: choose %s", plan->n,
               plmr_hint("a larger --cores", "a larger region, or another algorithm"));
    plan->ring = true;
    plan->kind = kind;
    plan->hops = count_hops(plan, laps);
    for (int core = 0; core < plan->n; core++)
        plan->routes[core] = core > 0 && core < plan->n - 1 ? 7 : 3;
    return PLMR_OK;
}

static plmr_status plan_ring(plmr_reduce_plan *plan)
{
    int n = plan->n;
    PLMR_TRY(plmr_reduce_plan_ring(plan, &round_ring, 2));
    plan->turns = 2 * (n - 1);
    plan->stages = 2 * (int64_t)(n - 1);
    return PLMR_OK;
}

const plmr_reduce_algorithm plmr_reduce_ring = {
    .name = "ring",
    .summary = "chunks stream round the interleaved ring twice: least traffic for long vectors",
    .plan = plan_ring,
};
