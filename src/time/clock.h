/* clock.h - the time plane: one virtual clock per core of this rank's block.
 *
 * Clocks are doubles holding multiples of 1/64 cycle, so sums are exact and a program's verbs, which only add constants
 * and take maxima, commute with adding a constant to all clocks. Costs that are the same for all cores are kept as one
 * scalar; an exchange is applied in one pass when the next verb needs its outcome. Where a verb is the same for all
 * rows or columns, one of them stands for all (see clock_internal.h), but not with every_step.
 */
#pragma once

#include "region/plan.h"
#include "region/ring.h"

plmr_status plmr_clock_create(plmr_region *region, plmr_clock **clock);
void plmr_clock_destroy(plmr_clock *clock);

/* Every core is busy for t_cycles, after what it has joined and beside what is still under way; `sends`: with starting,
 * sending and joining messages. */
void plmr_clock_busy(plmr_clock *clock, double t_cycles, bool sends);

/* The same with cycles of each core's own, those of this block row by row. What is under way and has not been joined is
 * then applied, too, but does not hold up the work. */
void plmr_clock_busy_each(plmr_clock *clock, const double *t_cycles);

/* Every core begins an exchange with both its ring neighbours: one starts when both cores are ready, and is delivered
 * when its first word has flown the way between them and `transit` cycles have passed, `over` more where that crosses a
 * border; where software passes it on, `relay` more for every core on the way, and `over` for each border. A core's next exchange begins when both its own message and its neighbour's
 * are delivered. Applied at the latest by plmr_clock_settle; at most one exchange per axis may be under way. */
void plmr_clock_exchange(plmr_clock *clock, const plmr_ring *ring, double transit, double over, double relay);

/* From here on cores wait for what is under way along the axis. */
void plmr_clock_join(plmr_clock *clock, enum plmr_axis axis);

/* Whether a verb along the axis has begun that cores have not joined: reductions are done at once. */
bool plmr_clock_is_under_way(const plmr_clock *clock, enum plmr_axis axis);

/* One step of a stream round the ring, each core passing to the neighbour before it: a core is done when it has sent
 * for `stream` cycles, `over` more over a border, and when the neighbour's words have come, the first by the way between
 * them after the neighbour began, the last `stream` later, and `over` more over a border. */
void plmr_clock_stream(plmr_clock *clock, const plmr_ring *ring, double stream, double over);

/* A multicast along the axis from core `from`: starts when all cores of the line are ready; the core at coordinate i
 * has it arrival[i] cycles later (i local to the block). And along x from a core of each row's own: to be filled in,
 * when the cores of this block have it, row by row. */
void plmr_clock_multicast(plmr_clock *clock, enum plmr_axis axis, const double *arrival);
double *plmr_clock_multicast_by_row(plmr_clock *clock);

/* Carries out legs in order, along the axis, in all lines at once: see docs/MODEL.md, "streams". A leg's first word
 * reaches dst by the way between them after src began; dst takes it when it is free, is busy for `stream` cycles, and
 * may itself begin to send `forward` cycles after its last input began to arrive; PLMR_WHOLE_VECTOR: when all of it has.
 * Over a border a stream takes `over` cycles more, and so do those by which its words go on as they come. */
enum { PLMR_WHOLE_VECTOR = -1 };
typedef struct plmr_leg_stream {
    double cycles, over, forward;
} plmr_leg_stream;
void plmr_clock_reduce(plmr_clock *clock, enum plmr_axis axis, const plmr_leg *legs, int n_legs,
                       plmr_leg_stream stream);

/* Streams as above, by chains between neighbours from both ends of every row to its own root: root[r] is the column of
 * local row r's. The root takes the low side first. */
void plmr_clock_converge(plmr_clock *clock, const int *root, double stream, double over);

/* The clocks of this block as they are now; for the caller to free. And by how much every clock of the region has
 * advanced since, if it is known to be by the same; else -1. Both settle; the second is collective. */
typedef struct plmr_clock_mark {
    bool in_lines; /* see clock_internal.h */
    double common, *t;
} plmr_clock_mark;
plmr_clock_mark plmr_clock_mark_create(plmr_clock *clock);
double plmr_clock_mark_since(plmr_clock *clock, const plmr_clock_mark *mark);
void plmr_clock_mark_free(plmr_clock_mark *mark);

/* The clocks of all cores of the region, row by row, on rank 0, for the caller to free; NULL on others. Settles.
 * Collective. */
plmr_status plmr_clock_gather(plmr_clock *clock, double **all);

/* The clocks of this block, row by row, with all that is under way; and sets them. The second is collective. */
void plmr_clock_read(plmr_clock *clock, double *t);
void plmr_clock_write(plmr_clock *clock, const double *t);

/* Sets all clocks to 0, whatever is under way. */
void plmr_clock_reset(plmr_clock *clock);

/* Adds to all clocks; settled only. */
void plmr_clock_add(plmr_clock *clock, double t_cycles);

/* Applies what is under way. */
void plmr_clock_settle(plmr_clock *clock);

/* The latest clock of this block, without what is under way; and of the whole region, settled (collective). */
double plmr_clock_block_max(const plmr_clock *clock);
double plmr_clock_max(plmr_clock *clock);

/* The clock of a core of this block, for tests and pictures; settled only. row, col local. */
double plmr_clock_at(const plmr_clock *clock, int row, int col);
