/* traffic.h - wavelets on links: adds to the ledger's wavelet_hops and, if there is a profile, to its links. */
#ifndef PLMR_TIME_TRAFFIC_H
#define PLMR_TIME_TRAFFIC_H

#include "region/plan.h"
#include "region/ring.h"

/* `times` exchanges by every core with the ring neighbour before it. */
void plmr_traffic_ring(plmr_region *region, const plmr_ring *ring, int64_t wavelets, int64_t times);

/* In every line core `from` sends to all others; every core sends to all others. */
void plmr_traffic_multicast(plmr_region *region, enum plmr_axis axis, int from, int64_t wavelets);
void plmr_traffic_gather(plmr_region *region, enum plmr_axis axis, int64_t wavelets);

/* Phases [first, end) of a plan, in every line, with the cycles that streams take at the cores that they reach. */
void plmr_traffic_plan(plmr_region *region, enum plmr_axis axis, const plmr_reduce_plan *plan, int first, int end,
                       int64_t wavelets);

/* In every line through all cores to the last, and back to the first. */
void plmr_traffic_to_and_fro(plmr_region *region, enum plmr_axis axis, int64_t wavelets);

/* Every core sends to somewhere so many hops away: over all links alike. */
void plmr_traffic_anywhere(plmr_region *region, int hops, int64_t wavelets);

/* Chains along x from both ends of rows to roots: n_roots of them at every column of cores. */
void plmr_traffic_chains(plmr_region *region, int n_roots, int64_t wavelets);

#endif
