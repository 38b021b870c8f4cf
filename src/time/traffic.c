/* Wavelets on links. What the ledger counts follows from lengths alone; the profile is told of every link that is
 * crossed, and a test compares the two. */
#include "time/traffic.h"

#include "region/profile.h"

#include <stdlib.h>

static uint64_t lines_along(const plmr_region *region, enum plmr_axis axis)
{
    return (uint64_t)region->extent[!axis];
}

/* Links crossed on the straight way between two cores of a line. */
static void cross(plmr_profile *profile, enum plmr_axis axis, int from, int to, uint64_t wavelets)
{
    for (int i = from; i < to; i++)
        profile->links[axis][PLMR_LINK_UP][i] += wavelets;
    for (int i = to; i < from; i++)
        profile->links[axis][PLMR_LINK_DOWN][i] += wavelets;
}

/* The same round a torus, over the link that closes it. */
static void cross_round(plmr_profile *profile, enum plmr_axis axis, int from, int to, uint64_t wavelets)
{
    int last = profile->extent[axis] - 1;
    bool up = from > to;
    cross(profile, axis, from, up ? last : 0, wavelets);
    profile->links[axis][up ? PLMR_LINK_UP : PLMR_LINK_DOWN][last] += wavelets;
    cross(profile, axis, up ? 0 : last, to, wavelets);
}

void plmr_traffic_ring(plmr_region *region, const plmr_ring *ring, int64_t wavelets, int64_t times)
{
    uint64_t all = (uint64_t)wavelets * (uint64_t)times * lines_along(region, ring->axis);
    region->ledger.wavelet_hops += all * (uint64_t)ring->total_hops;
    if (!region->profile)
        return;
    for (int core = 0; core < ring->n; core++) {
        int to = plmr_ring_before(ring, core);
        bool wraps = plmr_way_wraps(region->device, ring->axis, ring->n, core, to);
        (wraps ? cross_round : cross)(region->profile, ring->axis, core, to, all);
    }
}

void plmr_traffic_multicast(plmr_region *region, enum plmr_axis axis, int from, int64_t wavelets)
{
    uint64_t all = (uint64_t)wavelets * lines_along(region, axis);
    int last = region->extent[axis] - 1;
    region->ledger.wavelet_hops += all * (uint64_t)last;
    if (!region->profile)
        return;
    cross(region->profile, axis, from, 0, all);
    cross(region->profile, axis, from, last, all);
}

void plmr_traffic_gather(plmr_region *region, enum plmr_axis axis, int64_t wavelets)
{
    uint64_t all = (uint64_t)wavelets * lines_along(region, axis), n = (uint64_t)region->extent[axis];
    region->ledger.wavelet_hops += all * n * (n - 1);
    for (uint64_t i = 0; i + 1 < n && region->profile; i++) {
        region->profile->links[axis][PLMR_LINK_UP][i] += all * (i + 1);
        region->profile->links[axis][PLMR_LINK_DOWN][i] += all * (n - 1 - i);
    }
}

/* Spreads wavelets evenly over the links of an axis; what is left of the division goes to the first. */
static void spread(plmr_profile *profile, enum plmr_axis axis, uint64_t wavelets)
{
    uint64_t n = (uint64_t)profile->extent[axis] - 1;
    for (uint64_t i = 0; i < 2 * n; i++)
        profile->links[axis][i % 2][i / 2] += wavelets / (2 * n) + (i < wavelets % (2 * n));
}

void plmr_traffic_anywhere(plmr_region *region, int hops, int64_t wavelets)
{
    uint64_t cols = (uint64_t)region->extent[PLMR_X], rows = (uint64_t)region->extent[PLMR_Y];
    uint64_t all = (uint64_t)wavelets * (uint64_t)hops * cols * rows, along_x = all / (cols + rows) * cols;
    region->ledger.wavelet_hops += all;
    if (!region->profile || (cols < 2 && rows < 2))
        return;
    along_x = rows < 2 ? all : cols < 2 ? 0 : along_x;
    if (along_x)
        spread(region->profile, PLMR_X, along_x);
    if (all > along_x)
        spread(region->profile, PLMR_Y, all - along_x);
}

/* ---- reductions ---- */

void plmr_traffic_to_and_fro(plmr_region *region, enum plmr_axis axis, int64_t wavelets)
{
    uint64_t lines = lines_along(region, axis), all = (uint64_t)wavelets * lines;
    double stream = plmr_way_stream(region->device, wavelets) * (double)lines;
    int last = region->extent[axis] - 1;
    region->ledger.wavelet_hops += 2 * all * (uint64_t)last;
    if (!region->profile)
        return;
    cross(region->profile, axis, 0, last, all);
    cross(region->profile, axis, last, 0, all);
    for (int i = 0; i <= last; i++)
        region->profile->adding_cycles[axis][i] += stream * ((i > 0) + (i < last));
}

struct crossing {
    plmr_profile *profile;
    enum plmr_axis axis;
    uint64_t wavelets;
};

static void cross_path(void *context, int from, int to)
{
    const struct crossing *crossing = context;
    cross(crossing->profile, crossing->axis, from, to, crossing->wavelets);
}

void plmr_traffic_plan(plmr_region *region, enum plmr_axis axis, const plmr_reduce_plan *plan, int first, int end,
                       int64_t wavelets)
{
    uint64_t lines = lines_along(region, axis), all = (uint64_t)wavelets * lines;
    region->ledger.wavelet_hops += all * plmr_plan_links(plan, first, end);
    if (!region->profile)
        return;
    struct crossing crossing = {region->profile, axis, all};
    double stream = plmr_way_stream(region->device, wavelets);
    plmr_plan_paths(plan, first, end, cross_path, &crossing);
    for (int p = first; p < end; p++)
        for (int i = 0; i < plan->phases[p].n_legs; i++)
            region->profile->adding_cycles[axis][plan->phases[p].legs[i].dst] += stream * (double)lines;
}

/* Link i leads up to the roots behind it and down to those before it. A core passes one stream on; a root takes one
 * from each side. */
void plmr_traffic_chains(plmr_region *region, int n_roots, int64_t wavelets)
{
    uint64_t n = (uint64_t)region->extent[PLMR_X], each = (uint64_t)wavelets * (uint64_t)n_roots;
    double stream = plmr_way_stream(region->device, wavelets) * n_roots;
    region->ledger.wavelet_hops += each * n * (n - 1);
    for (uint64_t i = 0; i < n && region->profile; i++) {
        bool is_end = i == 0 || i == n - 1;
        if (i + 1 < n) {
            region->profile->links[PLMR_X][PLMR_LINK_UP][i] += each * (n - 1 - i);
            region->profile->links[PLMR_X][PLMR_LINK_DOWN][i] += each * (i + 1);
        }
        region->profile->adding_cycles[PLMR_X][i] += stream * (double)(is_end ? n : n + 1);
    }
}
