/* ring.h - the inside of a ring: who is whose neighbour, how far it is, and which slots are this rank's. */
#pragma once

#include "device/way.h"
#include "plmr/ring.h"
#include "region/region.h"

/* A ring as this rank sees it. */
enum { PLMR_RING_GHOSTS = 8 };

typedef struct plmr_ring_ghost {
    int core;  /* along the axis */
    int place; /* of the rank that owns it (receive) or wants it (send) */
} plmr_ring_ghost;

struct plmr_ring {
    int n_holders; /* see plmr_ring_hold */
    plmr_region *region;
    enum plmr_axis axis;
    enum plmr_ring_kind kind;
    int n, slots;       /* cores on the ring; slots per core */
    bool routed[3];     /* for tiles' shifts down and up it, and for alignments */
    int reach;          /* distance on the wafer between ring neighbours away from the ends: 1 or 2, */
    plmr_way inner;     /* and the way between them */
    int longest;        /* hops of the longest exchange */
    int64_t total_hops; /* of one exchange by every core of the ring */
    int n_runs;
    plmr_run runs[2]; /* slots of this rank's block, in local order */
    plmr_run (
        *of_place)[2]; /* the same of all places, where cores are dealt: see plmr_region_deal; NULL: they are not */
    /* For each core of the block, unless cores are dealt: its ring neighbours, as local index, or ~g for ghost g; and the ways from them. */
    int *before, *after;
    plmr_way *way_before, *way_after;
    int n_ghosts, n_wanted;
    /* Neighbours that other ranks own; cores of this block that are ghosts elsewhere. Those of one place are together,
     * in the same order on both sides. */
    plmr_ring_ghost ghosts[PLMR_RING_GHOSTS], wanted[2 * PLMR_RING_GHOSTS];
};

/* plmr_ring_create where there are cores enough. */
plmr_ring *plmr_ring_make(plmr_region *region, enum plmr_axis axis, enum plmr_ring_kind kind, int slots_per_core);

/* One more plmr_ring_destroy is needed until the ring is gone. The clocks hold a ring while an exchange round it is
 * under way, so that its maker need not wait for that. */
void plmr_ring_hold(const plmr_ring *ring);

/* Place on the rank grid of the owner of slot s. */
int plmr_ring_owner(const plmr_ring *ring, int slot);

/* The core before this one on the ring, itself at the end of a line. */
int plmr_ring_before(const plmr_ring *ring, int core);

/* Slots owned by this rank; the slot of number i of them, in local order; the number of one of them. */
int plmr_ring_local_slots(const plmr_ring *ring);
int plmr_ring_local_slot(const plmr_ring *ring, int i);
int plmr_ring_local_number(const plmr_ring *ring, int slot);

/* The runs of slots owned by the rank at `place`; returns their number (1 or 2). */
int plmr_ring_runs(const plmr_ring *ring, int place, plmr_run runs[2]);
