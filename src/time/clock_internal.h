/* clock_internal.h - the inside of the clocks, for the files that advance them: clock.c and clock_reduce.c. */
#ifndef PLMR_CLOCK_INTERNAL_H
#define PLMR_CLOCK_INTERNAL_H

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
    double begin, send, transit, relay;
    int label; /* of the verb, for a trace */
};

/* What one settling pass does: the same pattern twice does the same. */
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
 * and stay so. */
struct plmr_clock {
    plmr_region *region;
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
    double *by_before, *by_after; /* latencies of what comes along x, by column; of the ends of rows alone */
    plmr_exchange *messages;
    struct pattern last;
    int n_same;     /* passes of the pattern `last` since anything else happened */
    double advance; /* in a steady state: what one more pass of `last` adds to every clock; else 0 */
};

/* From the common offset to the delivery of what comes by a way. */
static inline double plmr_latency(const struct arrival *a, plmr_way way)
{
    return a->begin + a->transit + way.flight + a->relay * (way.hops - 1);
}

/* From here on every core's clock is kept. */
void plmr_clock_spread(plmr_clock *clock);

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

#endif
