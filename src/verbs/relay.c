/* Messages that software passes on from core to core, for programs that plan no routes beyond the next core. */
#include "time/busy.h"
#include "time/clock.h"
#include "time/points.h"
#include "verbs/verbs.h"

#include "base/memory.h"

enum { ROUTES = 4 }; /* both ways, in and out */

/* ---- exchanges ---- */

static void legs(const plmr_flow *flow, plmr_leg_visit visit, void *context)
{
    plmr_flow_ring_legs(flow->ring, true, visit, context);
}

static void advance(const plmr_flow *flow, int64_t words)
{
    plmr_region *region = flow->region;
    const plmr_device *device = region->device;
    region->ledger.parts |= PLMR_PART_RELAY;
    double hop = plmr_way_of(device, 2).flight - plmr_way_of(device, 1).flight; /* is in the way already */
    plmr_clock_exchange(region->clock, flow->ring, plmr_way_stream(device, words),
                        plmr_way_stream_more(device, flow->axis, words),
                        plmr_device_quantise(plmr_relay_cycles(device, words)) - hop);
    plmr_region_move(region, PLMR_MOVE_SHIFT, plmr_flow_launch(flow, words));
}

static const plmr_flow_kind relayed = {.legs = legs, .clock = advance};

plmr_flow plmr_flow_relayed(const plmr_ring *ring)
{
    plmr_flow flow = plmr_flow_exchange(ring, "exchange", "by relays");
    flow.kind = &relayed;
    flow.n_alike = ROUTES;
    flow.stages = ring->longest - 1;
    return flow;
}

/* ---- fetching ---- */

static void fetch_advance(const plmr_flow *flow, int64_t words)
{
    double each = plmr_relay_cycles(flow->region->device, words) + flow->forward;
    flow->region->ledger.parts |= PLMR_PART_RELAY;
    plmr_region_move(flow->region, PLMR_MOVE_SHIFT, (double)flow->hops * each);
}

/* Spreads words evenly over the links of an axis; what is left of the division goes to the first. */
static void spread(plmr_profile *profile, enum plmr_axis axis, uint64_t words)
{
    uint64_t n = (uint64_t)profile->extent[axis] - 1;
    for (uint64_t i = 0; i < 2 * n; i++)
        profile->links[axis][i % 2][i / 2] += words / (2 * n) + (i < words % (2 * n));
}

static void fetch_links(const plmr_flow *flow, uint64_t words, double stream, plmr_profile *profile)
{
    uint64_t cols = (uint64_t)profile->extent[PLMR_X], rows = (uint64_t)profile->extent[PLMR_Y];
    uint64_t all = words * flow->n_links, along_x = all / (cols + rows) * cols;
    (void)stream;
    along_x = cols < 2 ? 0 : rows < 2 ? all : along_x;
    if (along_x)
        spread(profile, PLMR_X, along_x);
    if (all > along_x && rows > 1)
        spread(profile, PLMR_Y, all - along_x);
}

static const plmr_flow_kind fetch = {.clock = fetch_advance, .links = fetch_links};

plmr_flow plmr_flow_fetch(plmr_region *region, double software)
{
    int hops = (region->extent[PLMR_X] + region->extent[PLMR_Y]) / 3;
    return (plmr_flow){.kind = &fetch,
                       .region = region,
                       .axis = PLMR_X,
                       .n_alike = ROUTES,
                       .verb = "fetch",
                       .turns = 1,
                       .n_links = (uint64_t)hops * (uint64_t)region->extent[PLMR_X], /* of a row's cores together */
                       .hops = hops,
                       .stages = hops,
                       .forward = software};
}

plmr_status plmr_relay_route(plmr_region *region)
{
    plmr_flow flow = plmr_flow_fetch(region, 0);
    PLMR_TRY(plmr_flow_route(&flow, "the relays"));
    flow.axis = PLMR_Y;
    return plmr_flow_route(&flow, "the relays");
}
