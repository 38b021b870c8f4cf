/* clock_internal.h - the inside of the clocks, for the files that advance them: clock.c and clock_reduce.c. */
#pragma once

#include "time/clock.h"
#include "time/clock_rows.h"

enum arrival_kind { NOTHING, EXCHANGE, STREAM, MULTICAST };

/* Lines of a reduction are taken in strips: a strip of columns as they lie, a strip of rows turned into columns. */
enum { STRIP_COLS = 256, STRIP_ROWS = 16 };

/* Something under way along one axis; `begin` is the clocks' common offset when it began. */
struct arrival {
    enum arrival_kind kind;
    bool joined;
    const plmr_ring *ring;
    enum plmr_ring_kind ring_kind; /* which tells rings along one axis apart, when the ring itself is gone */
    double begin, send, transit, over, relay;
    int label; /* of the verb, for who watches */
};

/* What one settling pass does: the same pattern twice does the same. A pass is a map F on clocks with F(t + c) =
 * F(t) + c, so once one has added the same to every clock, so does every further one of the same pattern: of 500 steps
 * of a ring the clocks of 64 are worked out, and if the 64th has added 35 cycles everywhere, the other 436 are one
 * addition each, to `origin`. */
struct pattern {
    double lag;
    struct arrival arrival[2];
};

/* Clocks of rows x cols cores, and room for what they will be. */
struct clocks {
    int rows, cols;
    double *t, *next;
};

/* Where every verb has been the same for all rows, or for all columns, a core's clock is the sum of one of its row and
 * one of its column, exactly, and the clocks are kept as these two lines. Verbs along one axis change one of the lines
 * and stay so. On 2 x 3 cores, after a chain along x that took 5 cycles a core, and one along y that took 8:
 *
 *     line[X].t   0  5 10         clocks    0  5 10
 *     line[Y].t   0  8                      8 13 18
 *
 * Exchanges with the next core on open lines, latency 20 along x: line[X] becomes 25 30 30, by a pass over 3 clocks
 * instead of 6; or latency 30 along y: line[Y] becomes 38 38. Both at once: columns gain 25 25 20 and rows 38 30,
 * neither alike, so all clocks are spread from the lines and passed over as such. Had line[Y] been 0 0, rows would gain
 * 30 both: for line[X] that is work of 30 cycles beside the exchange along x, so it becomes 30 35 40, and line[Y]
 * stays. */
/* What a leg of a reduction has made of a core's clocks: in lines [first, first + n) across the axis, the core at local
 * coordinate `at` is free at free[line - first]; where clocks are kept as lines, free[0] stands for all of them.
 * `flight` is what a first word takes. */
struct leg_end {
    enum plmr_axis axis;
    int first, n, at;
    const double *free;
    double flight, stream, forward;
};

/* Who follows the clocks is told of what advances them, when it has. */
struct clock_watch {
    int (*verb)(const plmr_clock *clock); /* the verb that begins something, by a number of the watch's own */
    void (*busy)(plmr_clock *clock, bool sends, double t_cycles);
    void (*busy_each)(plmr_clock *clock);                           /* each its own cycles, up to its clock */
    void (*pass)(plmr_clock *clock, const struct clocks *advanced); /* `next` and `t` are about to change places */
    void (*steady)(plmr_clock *clock);                              /* a pass was skipped */
    void (*phase)(plmr_clock *clock);                               /* a phase of a reduction begins */
    void (*received)(plmr_clock *clock, const struct leg_end *end);
    void (*sent)(plmr_clock *clock, const struct leg_end *end);
    void (*chains)(plmr_clock *clock, const int *root, double stream,
                   double over); /* those to all rows' roots, but for these */
    /* A row's root has taken one side, that of its neighbour at -1 or 1. */
    void (*root)(plmr_clock *clock, int row, int col, int side, double stream);
    /* Messages from any core to any core: each core of the block has been busy so long; has waited for what is its own. */
    void (*points_sent)(plmr_clock *clock, const double *busy);
    void (*points_received)(plmr_clock *clock, int label);
};

struct plmr_clock {
    plmr_region *region;
    const struct clock_watch *watch; /* NULL: nobody */
    const plmr_clock_rows *loops;
    bool in_lines;         /* a core's clock is line[X].t[col] + line[Y].t[row] + origin + lag; else all.t + ... */
    struct clocks all;     /* of the block */
    struct clocks line[2]; /* by axis: 1 x cols, rows x 1 */
    double origin, lag;    /* common to all cores */
    struct arrival arrival[2];
    double *ghost[2];             /* by axis: PLMR_RING_GHOSTS lines of clocks that other ranks own */
    double *outgoing[2];          /* by axis: lines on their way to those who want them */
    int *sent;                    /* reductions: see struct strip */
    double *scratch;              /* two strips of rows turned into columns */
    double *latest[2];            /* multicast: latest clock of each line along the axis */
    double *after[2];             /* multicast: cycles after that, by local coordinate along the axis */
    size_t after_pitch;           /* along x: from row to row of them; 0: alike in all rows */
    double *by_before, *by_after; /* latencies of what comes along a row, at its ends; before: of what streams send */
    plmr_exchange *messages;
    double *spare; /* of all cores, from the last flow of messages to the next; NULL: there is none */
    struct pattern last;
    int n_same;     /* passes of the pattern `last` since anything else happened */
    double advance; /* in a steady state: what one more pass of `last` adds to every clock; else 0 */
};

/* From the common offset to the delivery of what comes by a way. */
static inline double plmr_latency(const struct arrival *a, plmr_way way)
{
    double latency = a->begin + a->transit + way.flight + a->relay * (way.hops - 1);
    return way.borders ? latency + a->over * (a->relay > 0 ? way.borders : 1) : latency;
}

/* And to the end of what a core sends by a way as a stream. */
static inline double plmr_sent(const struct arrival *a, plmr_way way)
{
    return a->begin + a->send + (way.borders ? a->over : 0);
}

/* One settling pass, clock_pass.c: fills f->next with what clocks f->t are once all that is under way in `now` has
 * come. The rows of f lie along the axis: f is all clocks of this block, along x; or one row, a line along either axis,
 * across which nothing is under way. */
void plmr_clock_pass(plmr_clock *clock, const struct clocks *f, enum plmr_axis along, const struct pattern *now);

/* From here on every core's clock is kept; clock_lines.c. */
void plmr_clock_spread(plmr_clock *clock);

/* Nothing is under way any more. */
void plmr_clock_forget_arrivals(plmr_clock *clock);

static inline double plmr_latest(double a, double b)
{
    return a > b ? a : b;
}

/* After anything but one more pass of the same pattern. */
static inline void plmr_clock_forget_pattern(plmr_clock *clock)
{
    clock->n_same = 0;
    clock->advance = 0;
}
