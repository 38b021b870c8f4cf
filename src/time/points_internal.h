/* points_internal.h - packets on their way: what points.c, points_lines.c and points_held.c share. */
#pragma once

#include "time/clock_internal.h"
#include "time/points.h"

typedef struct plmr_packet {
    double t;     /* when the core starts it; then when its first word comes to the router that it has got to */
    double w;     /* cycles in which its words follow each other: until the last has come there, and one word more */
    uint64_t key; /* sender, then its place among the sender's */
    int32_t words;
    uint16_t x, y, to_x, to_y;
} plmr_packet;

typedef struct plmr_delivery {
    double t; /* the last word is there */
    plmr_core_place core;
} plmr_delivery;

/* What a settling works on. A region that stands for one line has no ranks. */
typedef struct plmr_settling {
    const plmr_region *region;
    double hop, ramp, turn, link, border_hop;
    double launch[2], next[2]; /* until the first message of a core; cut; and from one to the next; to another core */
    double *due;               /* of this block, row by row: when all of a core's is there; -INFINITY: nothing */
    plmr_delivery *out;
    int64_t n_out, room;
} plmr_settling;

/* The last word of what core (x, y) gets is there, whoever owns it. */
void plmr_settling_deliver(plmr_settling *s, int x, int y, double t);

/* The cores begin at `begin`, by core of this block; afterwards `due` says when each has sent and got its own. Collective
 * over the region's ranks. */
void plmr_settle(const plmr_region *region, const double *begin, const plmr_messages *messages, double *due);

/* Where lines are alike, still, all cores of one wait for theirs; else returns false, and nothing has been done.
 * Collective. */
bool plmr_points_wait_alike(plmr_clock *clock, const plmr_arrivals *arrivals);

/* Settle the packets that this rank's cores send, sorted by key, and deliver them; they take ownership. Collective. */
void plmr_settle_lines(plmr_settling *s, plmr_packet *packets, int64_t n);
void plmr_settle_held(plmr_settling *s, plmr_packet *packets, int64_t n);

/* Which goes first, of those that join at once. */
static inline bool plmr_packet_before(const plmr_packet *a, const plmr_packet *b)
{
    return a->t < b->t || (a->t == b->t && a->key < b->key);
}
