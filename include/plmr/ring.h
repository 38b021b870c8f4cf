/* plmr/ring.h - a ring of all cores along one axis of a region.
 *
 * Natural: position i is core i; the message that closes the ring crosses all N - 1 hops back (one hop on a torus that
 * the region spans). Interleaved: even cores carry the ring one way, odd cores the other (0, 2, 4, ... 5, 3, 1), so
 * that no exchange is longer than two hops, for any N >= 3: the shortest possible ring on a line.
 *
 * Line: natural, but open: nothing passes from one end to the other (see plmr_tiles_shift).
 *
 * A ring may hold several slots per core (regions that are not square emulate the logical lcm(H, W) grid). Slots are
 * numbered along the ring; chunk i of a matrix dimension is dealt to slot i. The verbs of tiles, of which a core has
 * one, take rings of one slot per core alone.
 */
#ifndef PLMR_RING_H
#define PLMR_RING_H

#include "plmr/region.h"

#ifdef __cplusplus
extern "C" {
#endif

enum plmr_ring_kind { PLMR_NATURAL, PLMR_INTERLEAVED, PLMR_LINE };

typedef struct plmr_ring plmr_ring;

/* Makes a ring over the region's cores along the axis. Fails if the axis has fewer than 3 cores (a line needs 1). A
 * ring is destroyed before its region, at any time after its last verb. Local; routes are configured by the verbs that
 * use it. */
plmr_status plmr_ring_create(plmr_region *region, enum plmr_axis axis, enum plmr_ring_kind kind, int slots_per_core,
                             plmr_ring **ring);
void plmr_ring_destroy(plmr_ring *ring);

/* Slots on the whole ring. */
int plmr_ring_slots(const plmr_ring *ring);

/* Ring position of core `core`, and the core at ring position `position`; -1 if there is no such core or position. */
int plmr_ring_position(const plmr_ring *ring, int core);
int plmr_ring_core(const plmr_ring *ring, int position);

#ifdef __cplusplus
}
#endif
#endif
