#include "time/clock.h"
#include "time/trace.h"
#include "time/traffic.h"
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

static plmr_status route_multicast(plmr_tensor *tensor, int n_routes)
{
    const plmr_ring *ring = tensor->depth_ring;
    if (tensor->routed)
        return PLMR_OK;
    tensor->routed = true;
    int *profile = plmr_take_zeroed((size_t)ring->n, sizeof *profile),
        granted = n_routes < ring->n ? n_routes : ring->n;
    for (int core = 0; core < ring->n; core++)
        profile[core] = granted;
    plmr_status status = plmr_region_route(tensor->region, tensor->name, ring->axis, profile, granted);
    free(profile);
    return status;
}

struct fan {
    int from, n_routes;
    double words;
    bool all; /* every core sends to every other */
};

static double arrival(const plmr_device *device, enum plmr_axis axis, const struct fan *fan, int to, int n)
{
    int far = fan->all ? (to > n - 1 - to ? 0 : n - 1) : fan->from;
    plmr_way way = plmr_way_between(device, axis, far, to);
    double software = plmr_way_stage(device) * relays(far, to, fan->n_routes);
    return plmr_device_quantise((way.hops ? way.flight : 0) + software + way.word * fan->words);
}

/* Longest path of the fan, for the ledger. */
static void note_path(plmr_region *region, const struct fan *fan, enum plmr_axis axis)
{
    int n = region->extent[axis], last = n - 1;
    int far = fan->all || fan->from < n - 1 - fan->from ? last : 0, from = fan->all ? 0 : fan->from;
    plmr_region_path(region, axis, abs(far - from), relays(from, far, fan->n_routes));
}

static void send_fan(plmr_region *region, enum plmr_axis axis, const struct fan *fan)
{
    int n = region->extent[axis], count = region->count[axis];
    double *after = plmr_take_zeroed((size_t)count, sizeof *after);
    for (int i = 0; i < count; i++)
        after[i] = arrival(region->device, axis, fan, region->first[axis] + i, n);
    plmr_clock_multicast(region->clock, axis, after);
    free(after);
    double busy = region->device->shift_launch + region->device->shift_wavelet * fan->words;
    plmr_region_move(region, PLMR_MOVE_MULTICAST, busy);
    note_path(region, fan, axis);
    plmr_region_pace(region);
}

void plmr_multicast_time(plmr_region *region, enum plmr_axis axis, int from, int n_routes, int64_t wavelets)
{
    plmr_traffic_multicast(region, axis, from, wavelets);
    struct fan fan = {from, n_routes, (double)wavelets, false};
    send_fan(region, axis, &fan);
}

plmr_status plmr_multicast_begin(plmr_tensor *tensor, int slot, int n_routes)
{
    const plmr_ring *ring = tensor->depth_ring;
    PLMR_TRY(route_multicast(tensor, n_routes));
    tensor->next_turn = slot;
    plmr_trace_verb(tensor->region, "multicast", tensor->name);
    plmr_multicast_time(tensor->region, ring->axis, plmr_ring_core(ring, slot / ring->slots), n_routes,
                        plmr_tensor_wavelets(tensor));
    return PLMR_OK;
}

void plmr_multicast_end(plmr_tensor *tensor)
{
    plmr_clock_join(tensor->region->clock, tensor->depth_ring->axis);
    tensor->turn = tensor->next_turn;
}

plmr_status plmr_gather_begin(plmr_tensor *tensor, int n_routes)
{
    int64_t each = plmr_tensor_wavelets(tensor) * tensor->depth_ring->slots;
    PLMR_TRY(route_multicast(tensor, n_routes));
    enum plmr_axis axis = tensor->depth_ring->axis;
    plmr_trace_verb(tensor->region, "gather", tensor->name);
    plmr_traffic_gather(tensor->region, axis, each);
    double others = (double)(each * (tensor->depth_ring->n - 1));
    struct fan fan = {0, n_routes, others, true};
    send_fan(tensor->region, axis, &fan);
    return PLMR_OK;
}

void plmr_gather_end(plmr_tensor *tensor)
{
    plmr_clock_join(tensor->region->clock, tensor->depth_ring->axis);
}

void plmr_select(plmr_tensor *tensor, int slot)
{
    tensor->turn = slot;
}
