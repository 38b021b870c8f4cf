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

plmr_settling plmr_settling_make(const plmr_region *region, double *due);

/* One core's messages [first, end). */
typedef struct plmr_sender {
    plmr_core_place at;
    int64_t first, end;
    double t; /* when it starts one; in the end, the last */
} plmr_sender;

/* The messages of the core that has message i and begins at t, started after launches. */
plmr_sender plmr_sender_find(const plmr_settling *s, const plmr_messages *messages, int64_t i, double t);

/* From starting message i of a sender to starting the next. */
double plmr_sender_next(const plmr_settling *s, const plmr_messages *messages, int64_t i);

/* The last word of what core (x, y) gets is there, whoever owns it. */
void plmr_settling_deliver(plmr_settling *s, int x, int y, double t);

/* The cores begin at t + common, t by core of this block; afterwards `due` says when each has sent and got its own, but for
 * what is dealt between ranks: plmr_settle_end waits for that. Collective over the region's ranks. */
void plmr_settle(const plmr_region *region, const double *t, double common, const plmr_messages *messages, double *due);

/* The same for messages that meet nobody. */
void plmr_settle_alone(const plmr_region *region, const double *t, double common, const plmr_messages *messages,
                       double *due);
void plmr_settle_end(const plmr_region *region, const plmr_messages *messages, double *due);

/* Where lines are alike, still, all cores of one wait for theirs; else returns false, and nothing has been done.
 * Collective. */
bool plmr_points_wait_alike(plmr_clock *clock, const plmr_arrivals *arrivals);

/* Settle the packets that this rank's cores send, sorted by key, and deliver them; they take ownership. Collective. */
void plmr_settle_lines(plmr_settling *s, plmr_packet *packets, int64_t n);
void plmr_settle_held(plmr_settling *s, plmr_packet *packets, int64_t n);

/* Where in the block a core lies, row by row. */
static inline size_t plmr_core_at(const plmr_region *region, int x, int y)
{
    return (size_t)(y - region->first[PLMR_Y]) * (size_t)region->count[PLMR_X] + (size_t)(x - region->first[PLMR_X]);
}

static inline size_t plmr_count_cores(const plmr_region *region)
{
    return (size_t)region->count[PLMR_X] * (size_t)region->count[PLMR_Y];
}

/* Receivers lie anywhere: each is asked for so many messages before it is needed. */
enum { PLMR_AHEAD = 24 };

/* Which goes first, of those that join at once. */
static inline bool plmr_packet_before(const plmr_packet *a, const plmr_packet *b)
{
    return a->t < b->t || (a->t == b->t && a->key < b->key);
}
