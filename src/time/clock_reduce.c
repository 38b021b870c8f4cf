/* Clocks of reductions: streams of vectors from core to core, along legs or by chains to a root. */
#include "time/clock_internal.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* ---- legs ---- */

/* What is carried out. */
struct legs {
    enum plmr_axis axis;
    const plmr_leg *legs;
    int n;
    plmr_leg_stream stream;
    double *cycles; /* of each leg's stream; NULL: all alike */
};

/* A leg over a border is slower than others, and so are those that its words go on by. */
static double *find_cycles(const plmr_region *region, const struct legs *legs)
{
    int n = region->extent[legs->axis];
    double *cycles = plmr_take((size_t)legs->n * sizeof *cycles + 1), *pace = plmr_take((size_t)n * sizeof *pace);
    double slow = legs->stream.cycles + legs->stream.over;
    for (int core = 0; core < n; core++)
        pace[core] = legs->stream.cycles;
    for (int i = 0; i < legs->n; i++) {
        plmr_leg leg = legs->legs[i];
        bool over = plmr_way_borders(region->device, legs->axis, leg.src, leg.dst) > 0;
        cycles[i] = over ? slow : pace[leg.src];
        pace[leg.dst] = legs->stream.forward < 0 ? legs->stream.cycles : cycles[i];
    }
    free(pace);
    return cycles;
}

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
static void tell(plmr_clock *clock, enum plmr_axis axis, const struct strip *strip, int core, bool receives,
                 double flight, double stream, double forward)
{
    int at = core - clock->region->first[axis];
    const double *free = strip->free + (size_t)at * strip->stride;
    struct leg_end end = {axis, strip->first, strip->width, at, free, flight, stream, forward};
    (receives ? clock->watch->received : clock->watch->sent)(clock, &end);
}

static void carry_leg(plmr_clock *clock, const struct legs *legs, struct strip *strip, int i)
{
    const plmr_region *region = clock->region;
    enum plmr_axis axis = legs->axis;
    plmr_leg leg = legs->legs[i];
    double stream = legs->cycles ? legs->cycles[i] : legs->stream.cycles;
    double forward = legs->stream.forward < 0 ? stream : legs->stream.forward;
    int parts = plmr_ranks_extent(region->ranks, axis), me = plmr_ranks_place(region->ranks, axis),
        n = region->extent[axis];
    int src_place = plmr_ranks_owner(n, parts, leg.src), dst_place = plmr_ranks_owner(n, parts, leg.dst);
    if (src_place != me && dst_place != me)
        return;
    double flight = plmr_region_way(region, axis, leg.src, leg.dst).flight;
    size_t src = (size_t)(leg.src - region->first[axis]) * strip->stride;
    size_t dst = (size_t)(leg.dst - region->first[axis]) * strip->stride;
    const double *head = src_place == me ? strip->head + src : NULL;
    if (src_place != dst_place)
        cross_ranks(clock, axis, strip, leg.src, src_place, dst_place, head);
    if (dst_place == me)
        clock->loops->leg(strip->width, head ? head : strip->incoming, flight, stream, forward, strip->free + dst,
                          strip->head + dst);
    for (int line = 0; head && line < strip->width; line++)
        strip->free[src + (size_t)line] = plmr_latest(strip->free[src + (size_t)line], head[line] + stream);
    if (clock->watch && dst_place == me)
        tell(clock, axis, strip, leg.dst, true, flight, stream, forward);
    if (clock->watch && head)
        tell(clock, axis, strip, leg.src, false, flight, stream, forward);
}

static void carry_legs(plmr_clock *clock, const struct legs *legs, struct strip *strip)
{
    strip->sent = clock->sent;
    for (int place = 0; place < plmr_ranks_extent(clock->region->ranks, legs->axis); place++)
        strip->sent[place] = -1;
    for (int i = 0; i < legs->n; i++)
        carry_leg(clock, legs, strip, i);
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

void plmr_clock_reduce(plmr_clock *clock, enum plmr_axis axis, const plmr_leg *all, int n_legs, plmr_leg_stream stream)
{
    plmr_clock_settle(clock);
    plmr_clock_forget_pattern(clock);
    if (clock->watch)
        clock->watch->phase(clock);
    const struct clocks *f = clock->in_lines ? &clock->line[axis] : &clock->all;
    struct legs legs = {axis, all, n_legs, stream, NULL};
    if (stream.over > 0)
        legs.cycles = find_cycles(clock->region, &legs);
    (axis == PLMR_Y ? reduce_columns : reduce_rows)(clock, f, &legs);
    free(legs.cycles);
}

/* ---- chains to a root of each row's own ---- */

/* A row's vectors, and how much slower they are once they have crossed a border. */
struct vectors {
    double stream, over;
};

/* When the first word that the neighbour on one side sends at `head` has come to the core in local column c. */
static double first_comes(const plmr_region *region, int c, int side, double head)
{
    int col = region->first[PLMR_X] + c;
    return head + plmr_region_way(region, PLMR_X, col + side, col).flight;
}

/* What core `col` of a chain from one end of a row (step: 1 from the low one) sends takes so long; `on`: it sends to the
 * next one, else it takes in. */
static double stream_at(const plmr_region *region, struct vectors v, int col, int step, bool on)
{
    int end = step > 0 ? 0 : region->extent[PLMR_X] - 1;
    return v.over > 0 && plmr_way_borders(region->device, PLMR_X, end, on ? col + step : col) > 0 ? v.stream + v.over
                                                                                                  : v.stream;
}

/* One side of all rows' chains: by local column, what its core sends takes, and what a first word takes to it. */
struct side {
    int step;
    double *stream, *flight;
};

static void measure_side(const plmr_clock *clock, struct vectors v, struct side *side)
{
    const plmr_region *region = clock->region;
    int first = region->first[PLMR_X], n = clock->all.cols, last = region->extent[PLMR_X] - 1;
    side->stream = clock->by_before;
    side->flight = clock->by_after;
    for (int c = 0; c < n; c++) {
        bool has_next = first + c + side->step >= 0 && first + c + side->step <= last;
        bool has_before = first + c - side->step >= 0 && first + c - side->step <= last;
        side->stream[c] = stream_at(region, v, first + c, side->step, has_next);
        side->flight[c] = has_before ? first_comes(region, c, -side->step, 0) : 0;
    }
}

/* Of a row: the local column up to but not including which its chain has cores here, in the chain's direction. */
static int chain_end(const plmr_clock *clock, int root)
{
    int here = root - clock->region->first[PLMR_X];
    return here < 0 ? -1 : here > clock->all.cols ? clock->all.cols : here;
}

/* Rows in the order of their roots, so that chains that are taken together end near each other. */
static void sort_rows(plmr_clock *clock, const int *root, int *row)
{
    int n_rows = clock->all.rows, n = clock->region->extent[PLMR_X];
    int *at = plmr_take_zeroed((size_t)n + 1, sizeof *at);
    for (int r = 0; r < n_rows; r++)
        at[root[r] + 1]++;
    for (int c = 0; c < n; c++)
        at[c + 1] += at[c];
    for (int r = 0; r < n_rows; r++)
        row[at[root[r]]++] = r;
    free(at);
}

/* One row's chain in columns from `from` up to but not including `until`. first_word: when the core before sends its
 * first word, or -1 at the end of the row; returns the same of the last core here. */
static double chain_row(const plmr_clock *clock, const struct side *side, double *t, int from, int until,
                        double first_word)
{
    double stage = plmr_way_forward(clock->region->device);
    for (int c = from; c != until; c += side->step) {
        if (first_word >= 0)
            t[c] = plmr_latest(t[c], first_word + side->flight[c]) + stage;
        first_word = t[c];
        t[c] += side->stream[c];
    }
    return first_word;
}

/* The chains of some rows, side by side as far as all of them go: a core waits for the one before it, so a row alone
 * would be a chain of additions that wait for each other. */
static void chain_rows(plmr_clock *clock, const struct side *side, const int *root, const int *row, int n,
                       double *first_word)
{
    double *t[PLMR_CHAINS], word[PLMR_CHAINS];
    int step = side->step, from = step > 0 ? 0 : clock->all.cols - 1, until[PLMR_CHAINS], common = INT_MAX;
    for (int i = 0; i < n; i++) {
        int length = (chain_end(clock, root[row[i]]) - from) * step;
        t[i] = clock->all.t + (size_t)row[i] * (size_t)clock->all.cols;
        until[i] = from + (length > 0 ? length : 0) * step;
        common = length < common ? length : common;
        word[i] = length > 0 ? chain_row(clock, side, t[i], from, from + step, first_word[row[i]]) : first_word[row[i]];
    }
    int together = n == PLMR_CHAINS && common > 1 ? common - 1 : 0;
    clock->loops->chains(together, step, plmr_way_forward(clock->region->device), side->stream + from + step,
                         side->flight + from + step, t, from + step, word);
    for (int i = 0; i < n; i++) {
        int at = from + (together + 1) * step;
        first_word[row[i]] = (until[i] - at) * step > 0 ? chain_row(clock, side, t[i], at, until[i], word[i]) : word[i];
    }
}

/* One side of all rows, from the ranks before to those behind. */
static void chain_side(plmr_clock *clock, const int *root, const int *row, int step, struct vectors v,
                       double *first_word)
{
    const plmr_region *region = clock->region;
    int place = plmr_ranks_place(region->ranks, PLMR_X), last = plmr_ranks_extent(region->ranks, PLMR_X) - 1;
    int n_rows = clock->all.rows;
    size_t n_bytes = (size_t)n_rows * sizeof(double);
    struct side side = {.step = step};
    measure_side(clock, v, &side);
    for (int r = 0; r < n_rows; r++)
        first_word[r] = -1;
    if (place - step >= 0 && place - step <= last)
        plmr_exchange_receive(clock->messages, PLMR_X, place - step, first_word, n_bytes);
    plmr_exchange_wait(clock->messages);
    for (int r = 0; r < n_rows; r += PLMR_CHAINS)
        chain_rows(clock, &side, root, row + r, n_rows - r < PLMR_CHAINS ? n_rows - r : PLMR_CHAINS, first_word);
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

void plmr_clock_converge(plmr_clock *clock, const int *root, double stream, double over)
{
    struct vectors v = {stream, over};
    const plmr_region *region = clock->region;
    double *low = clock->latest[PLMR_X], *high = clock->ghost[PLMR_X];
    plmr_clock_settle(clock);
    plmr_clock_forget_pattern(clock);
    plmr_clock_spread(clock);
    if (clock->watch)
        clock->watch->phase(clock);
    int *row = plmr_take((size_t)clock->all.rows * sizeof *row);
    sort_rows(clock, root, row);
    chain_side(clock, root, row, 1, v, low);
    chain_side(clock, root, row, -1, v, high);
    free(row);
    if (clock->watch)
        clock->watch->chains(clock, root, stream, over);
    for (int r = 0; r < clock->all.rows; r++) {
        int here = root[r] - region->first[PLMR_X];
        if (here < 0 || here >= clock->all.cols)
            continue;
        take_side(clock, r, here, -1, low[r], stream_at(region, v, root[r], 1, false));
        take_side(clock, r, here, 1, high[r], stream_at(region, v, root[r], -1, false));
    }
}
