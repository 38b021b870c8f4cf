#include "time/clock.h"
#include "time/trace.h"
#include "time/traffic.h"
#include "verbs/verbs.h"

static plmr_status route_shift(plmr_tensor *tensor)
{
    if (tensor->routed)
        return PLMR_OK;
    tensor->routed = true;
    return plmr_ring_route(tensor->depth_ring, tensor->name, 1);
}

void plmr_exchange_time(plmr_region *region, const plmr_ring *ring, int64_t wavelets)
{
    const plmr_device *device = region->device;
    plmr_clock_exchange(region->clock, ring, plmr_way_stream(device, wavelets), 0);
    plmr_region_move(region, PLMR_MOVE_SHIFT, device->shift_launch + device->shift_wavelet * (double)wavelets);
    plmr_region_path(region, ring->axis, ring->longest, 0);
    plmr_traffic_ring(region, ring, wavelets, 1);
    plmr_region_pace(region);
}

plmr_status plmr_shift_begin(plmr_tensor *tensor)
{
    PLMR_TRY(route_shift(tensor));
    plmr_trace_verb(tensor->region, "shift", tensor->name);
    plmr_exchange_time(tensor->region, tensor->depth_ring, plmr_tensor_wavelets(tensor));
    return PLMR_OK;
}

void plmr_shift_end(plmr_tensor *tensor)
{
    plmr_clock_join(tensor->region->clock, tensor->depth_ring->axis);
    tensor->turn++;
}

plmr_status plmr_align(plmr_tensor *tensor)
{
    PLMR_TRY(plmr_ring_route(tensor->depth_ring, tensor->name, 2));
    plmr_trace_verb(tensor->region, "align", tensor->name);
    for (int round = 0; round < tensor->n_slots / 2; round++) {
        plmr_exchange_time(tensor->region, tensor->depth_ring, plmr_tensor_wavelets(tensor));
        plmr_clock_join(tensor->region->clock, tensor->depth_ring->axis);
    }
    return plmr_tensor_align(tensor);
}
