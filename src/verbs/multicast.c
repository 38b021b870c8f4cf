/* One core of a line to all others, and all to all. */
#include "time/busy.h"
#include "time/clock.h"
#include "verbs/verbs.h"

#include <stdlib.h>

#include "base/memory.h"

/* A router that grants n_routes to an axis lets as many neighbours have a multicast of their own; so a line is cut into
 * segments of that many cores, and the core at a segment's edge takes a multicast from the next segment and sends it
 * on. */
static int relays(int from, int to, int n_routes)
{
    return abs(to / n_routes - from / n_routes);
}

static int line_of(const plmr_flow *flow)
{
    return flow->region->extent[flow->axis];
}

void plmr_flow_fan_legs(const plmr_flow *flow, int from, plmr_leg_visit visit, void *context)
{
    for (int to = 0; to < line_of(flow); to++)
        if (to != from)
            visit(context,
                  &(plmr_flow_leg){.src = from, .dst = to, .stages = relays(from, to, flow->n_routes), .shares = true});
}

static void legs(const plmr_flow *flow, plmr_leg_visit visit, void *context)
{
    for (int from = 0; from < line_of(flow); from++)
        if (flow->from < 0 || flow->from == from)
            plmr_flow_fan_legs(flow, from, visit, context);
}

/* When the last word is there of those that follow the first one of core `from` in so many cycles. */
static double arrive(const plmr_flow *flow, int from, int to, double stream)
{
    double software = plmr_way_stage(flow->region->device) * relays(from, to, flow->n_routes);
    return plmr_device_quantise(plmr_region_way(flow->region, flow->axis, from, to).flight + software + stream);
}

double plmr_flow_arrival(const plmr_flow *flow, int from, int to, double words)
{
    const plmr_device *device = flow->region->device;
    if (from == to)
        return plmr_device_quantise(plmr_way_between(device, flow->axis, 0, line_of(flow) - 1).word * words);
    return arrive(flow, from, to, plmr_way_between(device, flow->axis, from, to).word * words);
}

/* Cores beyond the border that is nearest to `to` on the side of an end. */
static int count_beyond(const plmr_flow *flow, int end, int to)
{
    const plmr_device *device = flow->region->device;
    int pitch = plmr_way_pitch(device, flow->axis);
    if (pitch == 0)
        return 0;
    int die = to - (device->first[flow->axis] + to) % pitch, n = end < to ? die : line_of(flow) - (die + pitch);
    return n > 0 ? n : 0;
}

/* All others' words come in one after the other, and over a border those from beyond it; the last of a side is its end's. */
static double last_of_side(const plmr_flow *flow, int end, int to, double words)
{
    const plmr_device *device = flow->region->device;
    double all = device->link * words * (line_of(flow) - 1);
    double over = plmr_way_border_word(device, flow->axis) * words * count_beyond(flow, end, to);
    return end == to ? 0 : arrive(flow, end, to, all > over ? all : over);
}

/* Of all others' words the last come from one of the ends: from the farther, or over more relays or slower links. */
static double last_arrival(const plmr_flow *flow, int to, double words)
{
    double low = last_of_side(flow, 0, to, words), high = last_of_side(flow, line_of(flow) - 1, to, words);
    return low > high ? low : high;
}

static void advance(const plmr_flow *flow, int64_t words)
{
    plmr_region *region = flow->region;
    int count = region->count[flow->axis], first = region->first[flow->axis];
    bool all = flow->from < 0;
    double *after = plmr_take((size_t)count * sizeof *after), n = (double)words;
    for (int i = 0; i < count; i++)
        after[i] = all ? last_arrival(flow, first + i, n) : plmr_flow_arrival(flow, flow->from, first + i, n);
    plmr_clock_multicast(region->clock, flow->axis, after);
    free(after);
    plmr_region_move(region, PLMR_MOVE_MULTICAST, plmr_flow_launch(flow, all ? words * (line_of(flow) - 1) : words));
}

static const plmr_flow_kind multicast = {.legs = legs, .clock = advance};

plmr_flow plmr_flow_multicast(plmr_region *region, enum plmr_axis axis, int from, int n_routes, const char *of)
{
    int last = region->extent[axis] - 1, far = from < last - from ? last : 0;
    return (plmr_flow){.kind = &multicast,
                       .region = region,
                       .axis = axis,
                       .n_alike = n_routes <= last ? n_routes : last + 1,
                       .verb = "multicast",
                       .of = of,
                       .turns = 1,
                       .n_links = (uint64_t)last,
                       .hops = abs(far - from),
                       .stages = relays(from, far, n_routes),
                       .from = from,
                       .n_routes = n_routes};
}

plmr_flow plmr_flow_gather(plmr_region *region, enum plmr_axis axis, int n_routes, const char *of)
{
    plmr_flow flow = plmr_flow_multicast(region, axis, 0, n_routes, of);
    flow.from = -1;
    flow.verb = "gather";
    flow.n_links *= (uint64_t)region->extent[axis];
    return flow;
}

plmr_status plmr_multicast_begin(plmr_tensor *tensor, int slot, int n_routes)
{
    const plmr_ring *ring = tensor->depth_ring;
    int from = plmr_ring_core(ring, slot / ring->slots);
    plmr_flow flow = plmr_flow_multicast(ring->region, ring->axis, from, n_routes, tensor->name);
    PLMR_TRY(plmr_flow_keep(&tensor->flow, flow, tensor->name));
    *tensor->flow = flow;
    tensor->next_turn = slot;
    plmr_flow_begin(tensor->flow, plmr_tensor_wavelets(tensor));
    return PLMR_OK;
}

void plmr_multicast_end(plmr_tensor *tensor)
{
    plmr_flow_end(tensor->flow);
    tensor->turn = tensor->next_turn;
}

plmr_status plmr_gather_begin(plmr_tensor *tensor, int n_routes)
{
    const plmr_ring *ring = tensor->depth_ring;
    PLMR_TRY(plmr_flow_keep(&tensor->flow, plmr_flow_gather(ring->region, ring->axis, n_routes, tensor->name),
                            tensor->name));
    plmr_flow_begin(tensor->flow, plmr_tensor_wavelets(tensor) * ring->slots);
    return PLMR_OK;
}

void plmr_gather_end(plmr_tensor *tensor)
{
    plmr_flow_end(tensor->flow);
}

void plmr_select(plmr_tensor *tensor, int slot)
{
    tensor->turn = slot;
}
