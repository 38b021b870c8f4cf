/* Clocks of reductions: streams of vectors from core to core, along legs or by chains to a root. */
#include "time/clock_internal.h"

#include <stdlib.h>
#include <string.h>

/* ---- legs ---- */

/* What is carried out. */
struct legs {
    enum plmr_axis axis;
    const plmr_leg *legs;
    int n;
    double stream, forward;
};

/* A strip in which coordinate i along the axis has `width` clocks at free + i * stride and head + i * stride. */
struct strip {
    double *free, *head;
    size_t stride;
    int first, width; /* lines of the block */
    int *sent;        /* by place: the last core whose clocks crossed to it */
    int received;     /* and the last whose clocks came from another */
    double incoming[STRIP_COLS];
};

/* A fan's source is the same for many legs; its clocks cross to another rank once. */
static void cross_ranks(plmr_clock *clock, enum plmr_axis axis, struct strip *strip, int src, int src_place,
                        int dst_place, const double *head)
{
    size_t n_bytes = (size_t)strip->width * sizeof(double);
    if (head && strip->sent[dst_place] != src) {
        plmr_exchange_send(clock->messages, axis, dst_place, head, n_bytes);
        strip->sent[dst_place] = src;
    } else if (!head && strip->received != src) {
        plmr_exchange_receive(clock->messages, axis, src_place, strip->incoming, n_bytes);
        strip->received = src;
    }
    plmr_exchange_wait(clock->messages);
}

/* Tells of one end of a leg that this block takes part in. */
static void tell(plmr_clock *clock, const struct legs *legs, const struct strip *strip, int core, bool receives,
                 double flight)
{
    int at = core - clock->region->first[legs->axis];
    const double *free = strip->free + (size_t)at * strip->stride;
    struct leg_end end = {legs->axis, strip->first, strip->width, at, free, flight, legs->stream, legs->forward};
    (receives ? clock->watch->received : clock->watch->sent)(clock, &end);
}

static void carry_leg(plmr_clock *clock, const struct legs *legs, struct strip *strip, plmr_leg leg)
{
    const plmr_region *region = clock->region;
    enum plmr_axis axis = legs->axis;
    double stream = legs->stream;
    int parts = plmr_ranks_extent(region->ranks, axis), me = plmr_ranks_place(region->ranks, axis),
        n = region->extent[axis];
    int src_place = plmr_ranks_owner(n, parts, leg.src), dst_place = plmr_ranks_owner(n, parts, leg.dst);
    if (src_place != me && dst_place != me)
        return;
    double flight = plmr_way_between(region->device, axis, leg.src, leg.dst).flight;
    size_t src = (size_t)(leg.src - region->first[axis]) * strip->stride;
    size_t dst = (size_t)(leg.dst - region->first[axis]) * strip->stride;
    const double *head = src_place == me ? strip->head + src : NULL;
    if (src_place != dst_place)
        cross_ranks(clock, axis, strip, leg.src, src_place, dst_place, head);
    if (dst_place == me)
        clock->loops->leg(strip->width, head ? head : strip->incoming, flight, stream, legs->forward, strip->free + dst,
                          strip->head + dst);
    for (int i = 0; head && i < strip->width; i++)
        strip->free[src + (size_t)i] = plmr_latest(strip->free[src + (size_t)i], head[i] + stream);
    if (clock->watch && dst_place == me)
        tell(clock, legs, strip, leg.dst, true, flight);
    if (clock->watch && head)
        tell(clock, legs, strip, leg.src, false, flight);
}

static void carry_legs(plmr_clock *clock, const struct legs *legs, struct strip *strip)
{
    strip->sent = clock->sent;
    for (int place = 0; place < plmr_ranks_extent(clock->region->ranks, legs->axis); place++)
        strip->sent[place] = -1;
    for (int i = 0; i < legs->n; i++)
        carry_leg(clock, legs, strip, legs->legs[i]);
}

static void reduce_columns(plmr_clock *clock, const struct clocks *f, const struct legs *legs)
{
    memcpy(f->next, f->t, (size_t)f->rows * (size_t)f->cols * sizeof(double));
    for (int c = 0; c < f->cols; c += STRIP_COLS) {
        int width = f->cols - c < STRIP_COLS ? f->cols - c : STRIP_COLS;
        struct strip strip = {.free = f->t + c,
                              .head = f->next + c,
                              .stride = (size_t)f->cols,
                              .first = c,
                              .width = width,
                              .received = -1};
        carry_legs(clock, legs, &strip);
    }
}

static void turn(const double *from, size_t from_stride, double *to, size_t to_stride, int rows, int cols)
{
    for (int c = 0; c < cols; c++)
        for (int r = 0; r < rows; r++)
            to[(size_t)c * to_stride + (size_t)r] = from[(size_t)r * from_stride + (size_t)c];
}

static void reduce_rows(plmr_clock *clock, const struct clocks *f, const struct legs *legs)
{
    size_t cols = (size_t)f->cols;
    for (int r = 0; r < f->rows; r += STRIP_ROWS) {
        int width = f->rows - r < STRIP_ROWS ? f->rows - r : STRIP_ROWS;
        double *rows = f->t + (size_t)r * cols;
        struct strip strip = {.free = clock->scratch,
                              .head = clock->scratch + cols * STRIP_ROWS,
                              .stride = STRIP_ROWS,
                              .first = r,
                              .width = width,
                              .received = -1};
        turn(rows, cols, strip.free, STRIP_ROWS, width, f->cols);
        turn(rows, cols, strip.head, STRIP_ROWS, width, f->cols);
        carry_legs(clock, legs, &strip);
        turn(strip.free, STRIP_ROWS, rows, cols, f->cols, width);
    }
}

void plmr_clock_reduce(plmr_clock *clock, enum plmr_axis axis, const plmr_leg *legs, int n_legs, double stream,
                       double forward)
{
    plmr_clock_settle(clock);
    plmr_clock_forget_pattern(clock);
    if (clock->watch)
        clock->watch->phase(clock);
    const struct clocks *f = clock->in_lines ? &clock->line[axis] : &clock->all;
    (axis == PLMR_Y ? reduce_columns : reduce_rows)(clock, f, &(struct legs){axis, legs, n_legs, stream, forward});
}

/* ---- chains to a root of each row's own ---- */

/* When the first word that the neighbour on one side sends at `head` has come to the core in local column c. */
static double first_comes(const plmr_region *region, int c, int side, double head)
{
    int col = region->first[PLMR_X] + c;
    return head + plmr_way_between(region->device, PLMR_X, col + side, col).flight;
}

/* The part of one side of a row's chain in columns from `from` up to but not including `until`. first_word: when the
 * core before sends its first word, or -1 at the end of the row; returns the same of the last core here. */
static double chain_row(const plmr_region *region, double *t, int from, int until, int step, double stream,
                        double first_word)
{
    for (int c = from; c != until; c += step) {
        if (first_word >= 0)
            t[c] = plmr_latest(t[c], first_comes(region, c, -step, first_word)) + region->device->stage;
        first_word = t[c];
        t[c] += stream;
    }
    return first_word;
}

/* One side of all rows, from the ranks before to those behind. */
static void chain_side(plmr_clock *clock, const int *root, int step, double stream, double *first_word)
{
    const plmr_region *region = clock->region;
    int place = plmr_ranks_place(region->ranks, PLMR_X), last = plmr_ranks_extent(region->ranks, PLMR_X) - 1;
    size_t n_bytes = (size_t)clock->all.rows * sizeof(double);
    for (int r = 0; r < clock->all.rows; r++)
        first_word[r] = -1;
    if (place - step >= 0 && place - step <= last)
        plmr_exchange_receive(clock->messages, PLMR_X, place - step, first_word, n_bytes);
    plmr_exchange_wait(clock->messages);
    for (int r = 0; r < clock->all.rows; r++) {
        int here = root[r] - region->first[PLMR_X], from = step > 0 ? 0 : clock->all.cols - 1;
        int until = here < 0 ? -1 : here > clock->all.cols ? clock->all.cols : here;
        if ((until - from) * step > 0)
            first_word[r] = chain_row(region, clock->all.t + (size_t)r * (size_t)clock->all.cols, from, until, step,
                                      stream, first_word[r]);
    }
    if (place + step >= 0 && place + step <= last)
        plmr_exchange_send(clock->messages, PLMR_X, place + step, first_word, n_bytes);
    plmr_exchange_wait(clock->messages);
}

/* A row's root takes what has come by one side. */
static void take_side(plmr_clock *clock, int row, int root, int side, double first_word, double stream)
{
    double *t = clock->all.t + (size_t)row * (size_t)clock->all.cols + root;
    if (first_word < 0)
        return;
    *t = plmr_latest(*t, first_comes(clock->region, root, side, first_word)) + stream;
    if (clock->watch)
        clock->watch->root(clock, row, root, side, stream);
}

void plmr_clock_converge(plmr_clock *clock, const int *root, double stream)
{
    double *low = clock->latest[PLMR_X], *high = clock->ghost[PLMR_X];
    plmr_clock_settle(clock);
    plmr_clock_forget_pattern(clock);
    plmr_clock_spread(clock);
    if (clock->watch)
        clock->watch->phase(clock);
    chain_side(clock, root, 1, stream, low);
    chain_side(clock, root, -1, stream, high);
    if (clock->watch)
        clock->watch->chains(clock, root, stream);
    for (int r = 0; r < clock->all.rows; r++) {
        int here = root[r] - clock->region->first[PLMR_X];
        if (here < 0 || here >= clock->all.cols)
            continue;
        take_side(clock, r, here, -1, low[r], stream);
        take_side(clock, r, here, 1, high[r], stream);
    }
}
