/* Exchanges with ring neighbours: shifts and alignments of operands. */
#include "time/busy.h"
#include "time/clock.h"
#include "verbs/verbs.h"

#include <stdlib.h>

void plmr_flow_ring_legs(const plmr_ring *ring, bool relayed, plmr_leg_visit visit, void *context)
{
    for (int core = 0; core < ring->n; core++) {
        int to = plmr_ring_before(ring, core);
        int hops = plmr_way_round(ring->region->device, ring->axis, ring->n, core, to).hops;
        visit(context, &(plmr_flow_leg){
                           .src = core, .dst = to, .stages = relayed ? hops - 1 : 0, .wraps = hops != abs(to - core)});
    }
}

static void legs(const plmr_flow *flow, plmr_leg_visit visit, void *context)
{
    plmr_flow_ring_legs(flow->ring, false, visit, context);
}

static void advance(const plmr_flow *flow, int64_t words)
{
    plmr_region *region = flow->region;
    plmr_clock_exchange(region->clock, flow->ring, plmr_way_stream(region->device, words),
                        plmr_way_stream_more(region->device, flow->axis, words), 0);
    plmr_region_move(region, PLMR_MOVE_SHIFT, plmr_flow_launch(flow, words));
}

/* Send and receive at every core; transit where other cores' messages pass straight through. */
static int routes(const plmr_flow *flow, int *cores)
{
    for (int core = 0; core < flow->ring->n; core++)
        cores[core] = flow->n_directions * (2 + (core > 0 && core < flow->ring->n - 1));
    return 3 * flow->n_directions;
}

static const plmr_flow_kind exchange = {.legs = legs, .clock = advance, .routes = routes};

plmr_flow plmr_flow_exchange(const plmr_ring *ring, const char *verb, const char *of)
{
    return (plmr_flow){.kind = &exchange,
                       .region = ring->region,
                       .axis = ring->axis,
                       .verb = verb,
                       .of = of,
                       .turns = 1,
                       .n_links = (uint64_t)ring->total_hops,
                       .hops = ring->longest,
                       .ring = ring,
                       .n_directions = 1};
}

plmr_status plmr_shift_begin(plmr_tensor *tensor)
{
    PLMR_TRY(
        plmr_flow_keep(&tensor->flow, plmr_flow_exchange(tensor->depth_ring, "shift", tensor->name), tensor->name));
    plmr_flow_begin(tensor->flow, plmr_tensor_wavelets(tensor));
    return PLMR_OK;
}

void plmr_shift_end(plmr_tensor *tensor)
{
    plmr_flow_end(tensor->flow);
    tensor->turn++;
}

plmr_status plmr_align(plmr_tensor *tensor)
{
    plmr_flow flow = plmr_flow_exchange(tensor->depth_ring, "align", tensor->name);
    flow.n_directions = 2;
    PLMR_TRY(plmr_flow_route(&flow, tensor->name));
    for (int round = 0; round < tensor->n_slots / 2; round++)
        plmr_flow_run(&flow, plmr_tensor_wavelets(tensor));
    return plmr_tensor_align(tensor);
}
