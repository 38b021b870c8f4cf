/* Messages that software passes on from core to core, for programs that plan no routes beyond the next core. */
#include "time/clock.h"
#include "time/trace.h"
#include "time/traffic.h"
#include "verbs/verbs.h"

#include <stdlib.h>

#include "base/memory.h"

double plmr_relay_cycles(const plmr_device *device, int64_t wavelets)
{
    plmr_way way = plmr_way_of(device, 1);
    double words = (double)wavelets;
    return 2 * (device->shift_launch + device->shift_wavelet * words) + device->relay + way.flight + way.word * words;
}

plmr_status plmr_relay_route(plmr_region *region)
{
    plmr_status status = PLMR_OK;
    for (int axis = PLMR_X; axis <= PLMR_Y && !status; axis++) {
        int n = region->extent[axis], *profile = plmr_take((size_t)n * sizeof *profile);
        for (int core = 0; core < n; core++)
            profile[core] = 4; /* both ways, in and out */
        status = plmr_region_route(region, "the relays", (enum plmr_axis)axis, profile, 4);
        free(profile);
    }
    return status;
}

void plmr_relayed_exchange_time(plmr_region *region, const plmr_ring *ring, int64_t wavelets)
{
    const plmr_device *device = region->device;
    double each =
        plmr_device_quantise(plmr_relay_cycles(device, wavelets)); /* of which the last hop is part of a way */
    plmr_trace_verb(region, "exchange", "by relays");
    plmr_clock_exchange(region->clock, ring, plmr_way_stream(device, wavelets),
                        each - (plmr_way_of(device, 2).flight - plmr_way_of(device, 1).flight));
    double busy = device->shift_launch + device->shift_wavelet * (double)wavelets;
    plmr_region_move(region, PLMR_MOVE_SHIFT, busy);
    plmr_region_path(region, ring->axis, ring->longest, ring->longest - 1);
    plmr_traffic_ring(region, ring, wavelets, 1);
}

void plmr_fetch_time(plmr_region *region, int64_t wavelets, double software)
{
    plmr_trace_verb(region, "fetch", NULL);
    int hops = (region->extent[PLMR_X] + region->extent[PLMR_Y]) / 3;
    double busy = hops * (plmr_relay_cycles(region->device, wavelets) + software);
    plmr_region_move(region, PLMR_MOVE_SHIFT, busy);
    plmr_region_path(region, PLMR_X, hops, hops);
    plmr_traffic_anywhere(region, hops, wavelets);
}

void plmr_chain_allreduce_time(plmr_region *region, enum plmr_axis axis, int64_t wavelets, double software)
{
    int n = region->extent[axis];
    double stream = plmr_way_stream(region->device, wavelets);
    plmr_trace_verb(region, "allreduce", axis == PLMR_X ? "along x" : "along y");
    plmr_leg *legs = plmr_take((size_t)n * sizeof *legs);
    for (int back = 0; back < 2; back++) {
        for (int i = 0; i < n - 1; i++)
            legs[i] = back ? (plmr_leg){n - 1 - i, n - 2 - i} : (plmr_leg){i, i + 1};
        plmr_clock_reduce(region->clock, axis, legs, n - 1, stream, plmr_device_quantise(software));
    }
    free(legs);
    plmr_region_path(region, axis, 2 * (n - 1), 2 * (n - 1));
    plmr_traffic_to_and_fro(region, axis, wavelets);
}
