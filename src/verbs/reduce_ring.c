#include "verbs/reduce.h"

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

plmr_status plmr_reduce_plan_ring(plmr_reduce_plan *plan, const plmr_flow_kind *kind)
{
    PLMR_CHECK(plan->n >= 3, PLMR_ERROR_INPUT, "a ring needs at least 3 cores, not %d: choose %s", plan->n,
               plmr_hint("a larger --cores", "a larger region, or another algorithm"));
    plan->ring = true;
    plan->kind = kind;
    for (int core = 0; core < plan->n; core++)
        plan->routes[core] = core > 0 && core < plan->n - 1 ? 7 : 3;
    return PLMR_OK;
}

static plmr_status plan_ring(plmr_reduce_plan *plan)
{
    int n = plan->n;
    PLMR_TRY(plmr_reduce_plan_ring(plan, &round_ring));
    plan->turns = 2 * (n - 1);
    plan->hops = 4 * (int64_t)n - 7 + (n == 3); /* two laps without their last steps, one of them next to the other */
    plan->stages = 2 * (int64_t)(n - 1);
    return PLMR_OK;
}

const plmr_reduce_algorithm plmr_reduce_ring = {
    .name = "ring",
    .summary = "chunks stream round the interleaved ring twice: least traffic for long vectors",
    .plan = plan_ring,
};
