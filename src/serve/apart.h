/* apart.h - prompts read by some replicas for others, which make the tokens: the cache's way from the one to the other.
 *
 * From wafer to wafer a cache takes the link, one after the other. On a wafer a core sends what it has of the cache to the core
 * at the same place of the region that has the same layers, over the fabric, first along x, then along y. Replicas lie
 * one behind the other on a line of regions that winds from row to row; with four regions a row and chains of two,
 *
 *     a0 a1 b0 b1          from a to b: two regions to the right, 2 over the border in the middle
 *     d1 d0 c1 c0          from a to c: a0 goes three to the right and one down, a1 one and one
 *
 * so many regions' words go over the fullest border, and all cores of a line share its link there. A core with W words on
 * regions of SxS cores, h regions away at most, n over the fullest border, is busy for
 *
 *     shift_launch + shift_wavelet W + link W S n    cycles, and the last word is there    2 ramp + hop S h    later.
 *
 * Messages over routers take as long, or up to two fifths longer where they turn (tests/serve).
 *
 * A replica sends one cache after the other, beside its passes; caches of different replicas do not meet each other.
 */
#pragma once

#include "serve/serve.h"

/* A cache's way on a wafer: regions over the longest, streams over the fullest border, regions over all. */
typedef struct plmr_serve_way {
    int far, fullest, all;
} plmr_serve_way;

/* From replica `from` to replica `to`, of which so many lie on a wafer with down x across regions, each a chain of
 * n_stages, of which the last n_without have no cache. Local. */
plmr_serve_way plmr_serve_way_of(int down, int across, int n_stages, int n_without, int from, int to);

/* Of so many words of a core on regions of side x side cores: how long a core is busy with them, and how much later the last
 * one is there. Local. */
double plmr_serve_way_busy(const plmr_device *device, const plmr_serve_way *way, int side, int64_t words);
double plmr_serve_way_flight(const plmr_device *device, const plmr_serve_way *way, int side);

/* Requests that are not done with their first token, and when their caches are there: their numbers in an order of which
 * each replica that makes tokens takes every so manieth; returns how many. Adds what went to the sums. Local. */
int64_t plmr_serve_hand_over(const plmr_serve_place *place, const plmr_serve_plan *plan, plmr_request *requests,
                             int64_t n, int32_t *order, plmr_machine_sums *sums);
