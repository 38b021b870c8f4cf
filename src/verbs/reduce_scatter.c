/* Chunks are added up round the ring, as in reduce_ring.c; then every core multicasts the one that it has whole. */
#include "verbs/reduce.h"

#include "base/hint.h"
#include "time/clock.h"

/* Each axis may use half of a router; the ring takes three routes of it, and a word of 64 bits holds the rest. */
enum { RING_ROUTES = 3, MOST_ROUTES = 60 };

static int multicast_routes(const plmr_device *device, int n)
{
    int most = n < MOST_ROUTES ? n : MOST_ROUTES, left = (int)(device->routes / 2) - RING_ROUTES;
    return left > most ? most : left < 1 ? 1 : left;
}

static plmr_flow gather_of(const plmr_flow *flow)
{
    int n_routes = multicast_routes(flow->region->device, flow->plan->n);
    return plmr_flow_gather(flow->region, flow->axis, n_routes, flow->of);
}

/* Visits the same legs as those of a phase. */
struct phase {
    plmr_leg_visit visit;
    void *context;
    int phase;
};

static void visit_in_phase(void *context, const plmr_flow_leg *leg)
{
    const struct phase *p = context;
    plmr_flow_leg in_phase = *leg;
    in_phase.phase = p->phase;
    p->visit(p->context, &in_phase);
}

/* Phase by phase round the ring, the last is the gathering's. */
static void legs(const plmr_flow *flow, plmr_leg_visit visit, void *context)
{
    struct phase p = {visit, context, 0};
    plmr_flow gather = gather_of(flow);
    plmr_ring *ring = plmr_ring_make(flow->region, flow->axis, PLMR_INTERLEAVED, 1);
    for (; p.phase < ring->n - 1; p.phase++)
        plmr_flow_ring_legs(ring, false, visit_in_phase, &p);
    gather.kind->legs(&gather, visit_in_phase, &p);
    plmr_ring_destroy(ring);
}

static void advance(const plmr_flow *flow, int64_t words)
{
    plmr_flow gather = gather_of(flow);
    plmr_flow_lap(flow, words);
    gather.kind->clock(&gather, words);
    plmr_flow_end(flow);
    plmr_clock_settle(flow->region->clock);
}

static const plmr_flow_kind scatter_gather = {.legs = legs, .clock = advance, .routes = plmr_flow_plan_routes};

static plmr_status plan_scatter(plmr_reduce_plan *plan)
{
    int n = plan->n, n_routes = multicast_routes(plan->device, n);
    PLMR_TRY(plmr_reduce_plan_ring(plan, &scatter_gather, 1));
    plan->turns = 1;
    plan->hops += n - 1; /* from end to end */
    plan->stages = n - 1 + (n - 1) / n_routes;
    for (int core = 0; core < n; core++)
        plan->routes[core] |= ((UINT64_C(1) << n_routes) - 1) << RING_ROUTES;
    return PLMR_OK;
}

const plmr_reduce_algorithm plmr_reduce_scatter = {
    .name = "scatter",
    .summary = "chunks stream round the interleaved ring once and are gathered by multicasts: O(N) routes or relays",
    .plan = plan_scatter,
};
