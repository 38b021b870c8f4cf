#include "time/clock_internal.h"
#include "time/trace_internal.h"

#include <float.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

static double *line_buffer(size_t n)
{
    return plmr_take_zeroed(n, sizeof(double));
}

static struct clocks make_clocks(int rows, int cols)
{
    size_t n_bytes = (size_t)rows * (size_t)cols * sizeof(double);
    return (struct clocks){rows, cols, plmr_slab_create(n_bytes), plmr_slab_create(n_bytes)};
}

static void destroy_clocks(struct clocks *clocks)
{
    plmr_slab_destroy(clocks->next);
    plmr_slab_destroy(clocks->t);
}

static size_t count_clocks(const struct clocks *clocks)
{
    return (size_t)clocks->rows * (size_t)clocks->cols;
}

plmr_status plmr_clock_create(plmr_region *region, plmr_clock **out)
{
    plmr_clock *clock = plmr_take_zeroed(1, sizeof *clock);
    *out = clock;
    int rows = region->count[PLMR_Y], cols = region->count[PLMR_X];
    *clock = (plmr_clock){.region = region, .loops = plmr_clock_rows_chosen()};
    clock->all = make_clocks(rows, cols);
    clock->line[PLMR_X] = make_clocks(1, cols);
    clock->line[PLMR_Y] = make_clocks(rows, 1);
    clock->scratch = line_buffer(2 * STRIP_ROWS * (size_t)cols);
    clock->by_before = line_buffer(2 * (size_t)cols);
    clock->by_after = clock->by_before + cols;
    clock->sent = plmr_take_zeroed((size_t)plmr_rank_count(), sizeof *clock->sent);
    clock->messages = plmr_exchange_create(region->ranks);
    for (int axis = 0; axis < 2; axis++) {
        size_t along = (size_t)region->count[axis], across = (size_t)region->count[!axis];
        clock->ghost[axis] = line_buffer(PLMR_RING_GHOSTS * across);
        clock->outgoing[axis] = line_buffer(PLMR_RING_GHOSTS * across);
        clock->latest[axis] = line_buffer(across);
        clock->after[axis] = line_buffer(along);
        PLMR_CHECK(clock->line[axis].t && clock->line[axis].next, PLMR_ERROR_SYSTEM, "out of memory for %zu clocks",
                   along);
    }
    PLMR_CHECK(clock->all.t && clock->all.next, PLMR_ERROR_SYSTEM, "out of memory for %d x %d clocks", rows, cols);
    plmr_clock_reset(clock);
    return PLMR_OK;
}

static void forget_arrivals(plmr_clock *clock)
{
    for (int axis = 0; axis < 2; axis++)
        plmr_ring_destroy((plmr_ring *)clock->arrival[axis].ring);
    memset(clock->arrival, 0, sizeof clock->arrival);
}

void plmr_clock_destroy(plmr_clock *clock)
{
    if (!clock)
        return;
    forget_arrivals(clock);
    plmr_exchange_destroy(clock->messages);
    for (int axis = 0; axis < 2; axis++) {
        free(clock->ghost[axis]);
        free(clock->outgoing[axis]);
        free(clock->latest[axis]);
        free(clock->after[axis]);
        destroy_clocks(&clock->line[axis]);
    }
    free(clock->by_before);
    free(clock->scratch);
    free(clock->sent);
    destroy_clocks(&clock->all);
    free(clock);
}

void plmr_clock_spread(plmr_clock *clock)
{
    const double *along_x = clock->line[PLMR_X].t, *along_y = clock->line[PLMR_Y].t;
    for (int r = 0; r < clock->all.rows && clock->in_lines; r++)
        for (int c = 0; c < clock->all.cols; c++)
            clock->all.t[(size_t)r * (size_t)clock->all.cols + (size_t)c] = along_y[r] + along_x[c];
    clock->in_lines = false;
}

static void busy(plmr_clock *clock, double t_cycles, enum plmr_trace_kind kind)
{
    if (clock->arrival[PLMR_X].joined || clock->arrival[PLMR_Y].joined)
        plmr_clock_settle(clock);
    if (clock->region->trace)
        plmr_trace_busy(clock, kind, t_cycles);
    clock->lag += t_cycles;
}

void plmr_clock_busy(plmr_clock *clock, double t_cycles)
{
    busy(clock, t_cycles, PLMR_TRACE_COMPUTE);
}

void plmr_clock_launch(plmr_clock *clock, double t_cycles)
{
    busy(clock, t_cycles, PLMR_TRACE_SEND);
}

void plmr_clock_join(plmr_clock *clock, enum plmr_axis axis)
{
    clock->arrival[axis].joined = clock->arrival[axis].kind != NOTHING;
}

/* A new verb waits for what its cores have joined, and for the last verb along its axis. */
static void begin(plmr_clock *clock, enum plmr_axis axis, struct arrival arrival)
{
    if (clock->arrival[axis].kind != NOTHING || clock->arrival[!axis].joined)
        plmr_clock_settle(clock);
    if (arrival.ring)
        plmr_ring_hold(arrival.ring);
    arrival.begin = clock->lag;
    arrival.ring_kind = arrival.ring ? arrival.ring->kind : PLMR_NATURAL;
    arrival.label = clock->region->trace ? clock->region->trace->label : 0;
    clock->arrival[axis] = arrival;
}

void plmr_clock_exchange(plmr_clock *clock, const plmr_ring *ring, double transit, double relay)
{
    begin(clock, ring->axis, (struct arrival){.kind = EXCHANGE, .ring = ring, .transit = transit, .relay = relay});
}

void plmr_clock_stream(plmr_clock *clock, const plmr_ring *ring, double stream)
{
    begin(clock, ring->axis, (struct arrival){.kind = STREAM, .ring = ring, .send = stream, .transit = stream});
}

void plmr_clock_multicast(plmr_clock *clock, enum plmr_axis axis, const double *arrival)
{
    begin(clock, axis, (struct arrival){.kind = MULTICAST});
    memcpy(clock->after[axis], arrival, (size_t)clock->region->count[axis] * sizeof *arrival);
}

/* ---- clocks of neighbours on other ranks ---- */

static void pack_line(const struct clocks *f, enum plmr_axis axis, int local, double *out)
{
    size_t cols = (size_t)f->cols;
    if (axis == PLMR_Y) {
        memcpy(out, f->t + (size_t)local * cols, cols * sizeof *out);
        return;
    }
    for (int r = 0; r < f->rows; r++)
        out[r] = f->t[(size_t)r * cols + (size_t)local];
}

/* How many lines, from the first on, are at its place. */
static int lines_together(const plmr_ring_ghost *lines, int n)
{
    int together = 1;
    while (together < n && lines[together].place == lines[0].place)
        together++;
    return together;
}

/* All lines between two ranks make one message: with small blocks its cost is that of being a message. */
static void post_ghosts(plmr_clock *clock, const struct clocks *f, const plmr_ring *ring)
{
    enum plmr_axis axis = ring->axis;
    size_t length = (size_t)(axis == PLMR_Y ? f->cols : f->rows), n_bytes = length * sizeof(double);
    for (int g = 0, n; g < ring->n_ghosts; g += n) {
        n = lines_together(ring->ghosts + g, ring->n_ghosts - g);
        plmr_exchange_receive(clock->messages, axis, ring->ghosts[g].place, clock->ghost[axis] + (size_t)g * length,
                              (size_t)n * n_bytes);
    }
    for (int w = 0, n; w < ring->n_wanted; w += n) {
        double *lines = clock->outgoing[axis] + (size_t)w * length;
        n = lines_together(ring->wanted + w, ring->n_wanted - w);
        for (int i = 0; i < n; i++)
            pack_line(f, axis, ring->wanted[w + i].core - clock->region->first[axis], lines + (size_t)i * length);
        plmr_exchange_send(clock->messages, axis, ring->wanted[w].place, lines, (size_t)n * n_bytes);
    }
}

/* ---- multicasts wait for the latest core of their line ---- */

static void find_latest(plmr_clock *clock, const struct clocks *f)
{
    bool x = clock->arrival[PLMR_X].kind == MULTICAST, y = clock->arrival[PLMR_Y].kind == MULTICAST;
    if (!x && !y)
        return;
    memcpy(clock->latest[PLMR_Y], f->t, (size_t)f->cols * sizeof(double));
    for (int r = 0; r < f->rows; r++)
        clock->latest[PLMR_X][r] =
            clock->loops->most(f->cols, f->t + (size_t)r * (size_t)f->cols, clock->latest[PLMR_Y]);
    if (x)
        plmr_ranks_line_max(clock->region->ranks, PLMR_X, clock->latest[PLMR_X], f->rows);
    if (y)
        plmr_ranks_line_max(clock->region->ranks, PLMR_Y, clock->latest[PLMR_Y], f->cols);
}

/* ---- one settling pass ---- */

/* What a row needs to know of its y neighbours: two rows of clocks and the cycles after them. */
struct y_terms {
    double own;
    const double *up, *down;
    double up_lat, down_lat;
};

static const double *y_line(const plmr_clock *clock, const struct clocks *f, int index)
{
    return index >= 0 ? f->t + (size_t)index * (size_t)f->cols
                      : clock->ghost[PLMR_Y] + (size_t)~index * (size_t)f->cols;
}

static struct y_terms terms_of_row(const plmr_clock *clock, const struct clocks *f, int r)
{
    const struct arrival *a = &clock->arrival[PLMR_Y];
    const double *t = y_line(clock, f, r);
    double own = clock->lag;
    struct y_terms terms = {own, t, t, own, own};
    if (a->kind == EXCHANGE) {
        terms.up_lat = plmr_latency(a, a->ring->way_before[r]);
        terms.down_lat = plmr_latency(a, a->ring->way_after[r]);
        terms.up = y_line(clock, f, a->ring->before[r]);
        terms.own = plmr_latest(own, plmr_latest(terms.up_lat, terms.down_lat));
    } else if (a->kind == STREAM) {
        terms.down_lat = plmr_latency(a, a->ring->way_after[r]);
        terms.own = plmr_latest(own, a->begin + a->send);
        terms.up_lat = terms.own;
    } else if (a->kind == MULTICAST) {
        terms.up = clock->latest[PLMR_Y];
        terms.up_lat = a->begin + clock->after[PLMR_Y][r];
    }
    if (a->kind == EXCHANGE || a->kind == STREAM)
        terms.down = y_line(clock, f, a->ring->after[r]);
    return terms;
}

static double x_clock(const plmr_clock *clock, const struct clocks *f, int r, int index)
{
    return index >= 0 ? f->t[(size_t)r * (size_t)f->cols + (size_t)index]
                      : clock->ghost[PLMR_X][(size_t)~index * (size_t)f->rows + (size_t)r];
}

/* The x neighbours' part of core (r, c) where the ring turns or leaves the block, and of streams. */
static double x_term(const plmr_clock *clock, const struct clocks *f, const struct arrival *a, int r, int c)
{
    double t = x_clock(clock, f, r, c);
    double after = x_clock(clock, f, r, a->ring->after[c]), before = x_clock(clock, f, r, a->ring->before[c]);
    if (a->kind == STREAM)
        return plmr_latest(t + a->begin + a->send, after + clock->by_after[c]);
    return plmr_latest(plmr_latest(t, after) + clock->by_after[c], plmr_latest(t, before) + clock->by_before[c]);
}

static void settle_core(plmr_clock *clock, const struct clocks *f, const struct y_terms *y, int r, int c)
{
    double t = x_clock(clock, f, r, c);
    double from_y = plmr_latest(plmr_latest(t + y->own, y->up[c] + y->up_lat), y->down[c] + y->down_lat);
    f->next[(size_t)r * (size_t)f->cols + (size_t)c] =
        plmr_latest(from_y, x_term(clock, f, &clock->arrival[PLMR_X], r, c));
}

/* How many cores at either end of a row have other neighbours along x than those in the middle, who all have the same.
 */
static int ends_of_rows(const plmr_clock *clock, const struct clocks *f)
{
    const struct arrival *x = &clock->arrival[PLMR_X];
    if (x->kind == NOTHING || x->kind == MULTICAST)
        return 0;
    return x->kind == STREAM || 2 * x->ring->reach >= f->cols ? f->cols : x->ring->reach;
}

/* Of the left end, [0, left), and the right one, [right, cols). */
static void find_ends(const plmr_clock *clock, const struct clocks *f, int *left, int *right)
{
    int ends = ends_of_rows(clock, f);
    *left = ends < f->cols ? ends : 0;
    *right = f->cols - ends;
}

static void measure(plmr_clock *clock, const struct arrival *a, int from, int until)
{
    for (int c = from; c < until; c++) {
        clock->by_before[c] = plmr_latency(a, a->ring->way_before[c]);
        clock->by_after[c] = plmr_latency(a, a->ring->way_after[c]);
    }
}

/* Latencies of the ends are the same in all rows. */
static void measure_ends(plmr_clock *clock, const struct clocks *f)
{
    int left, right;
    find_ends(clock, f, &left, &right);
    measure(clock, &clock->arrival[PLMR_X], 0, left);
    measure(clock, &clock->arrival[PLMR_X], right, f->cols);
}

static void settle_middle(plmr_clock *clock, const struct clocks *f, int r)
{
    const struct arrival *x = &clock->arrival[PLMR_X];
    struct y_terms y = terms_of_row(clock, f, r);
    size_t at = (size_t)r * (size_t)f->cols;
    double x_lat = x->kind == EXCHANGE ? plmr_latency(x, x->ring->inner) : y.own;
    int ends = ends_of_rows(clock, f);
    if (x->kind == MULTICAST)
        clock->loops->multicast(f->cols, y.own, clock->latest[PLMR_X][r] + x->begin, clock->after[PLMR_X], f->t + at,
                                y.up, y.up_lat, y.down, y.down_lat, f->next + at);
    else if (ends < f->cols)
        clock->loops->exchange(f->cols, ends, plmr_latest(y.own, x_lat), x_lat, f->t + at, y.up, y.up_lat, y.down,
                               y.down_lat, f->next + at);
}

static void settle_ends(plmr_clock *clock, const struct clocks *f, int r)
{
    int left, right;
    find_ends(clock, f, &left, &right);
    if (right == f->cols)
        return;
    struct y_terms y = terms_of_row(clock, f, r);
    for (int c = 0; c < left; c++)
        settle_core(clock, f, &y, r, c);
    for (int c = right; c < f->cols; c++)
        settle_core(clock, f, &y, r, c);
}

static bool has_ghosts(const struct arrival *a)
{
    return (a->kind == EXCHANGE || a->kind == STREAM) && a->ring->n_ghosts > 0;
}

/* Does row r have y neighbours on other ranks? */
static bool reaches_out(const plmr_clock *clock, int r)
{
    const struct arrival *y = &clock->arrival[PLMR_Y];
    return has_ghosts(y) && (y->ring->before[r] < 0 || y->ring->after[r] < 0);
}

/* Fills f->next. What needs nothing from other ranks is done while the messages travel. */
static void pass(plmr_clock *clock, const struct clocks *f)
{
    bool ends_wait = has_ghosts(&clock->arrival[PLMR_X]);
    for (int axis = 0; axis < 2; axis++)
        if (clock->arrival[axis].kind == EXCHANGE || clock->arrival[axis].kind == STREAM)
            post_ghosts(clock, f, clock->arrival[axis].ring);
    find_latest(clock, f);
    measure_ends(clock, f);
    for (int r = 0; r < f->rows; r++)
        if (!reaches_out(clock, r)) {
            settle_middle(clock, f, r);
            if (!ends_wait)
                settle_ends(clock, f, r);
        }
    plmr_exchange_wait(clock->messages);
    for (int r = 0; r < f->rows; r++) {
        if (reaches_out(clock, r))
            settle_middle(clock, f, r);
        if (reaches_out(clock, r) || ends_wait)
            settle_ends(clock, f, r);
    }
}

/* By how much f->next is later than f->t in the whole region, if by the same everywhere; else -1. */
static double common_advance(const plmr_clock *clock, const struct clocks *f)
{
    double span[2] = {-DBL_MAX, -DBL_MAX}, least = DBL_MAX;
    for (int r = 0; r < f->rows; r++) {
        size_t at = (size_t)r * (size_t)f->cols;
        clock->loops->advance(f->cols, f->t + at, f->next + at, &least, &span[0]);
    }
    span[1] = -least;
    plmr_ranks_max(clock->region->ranks, span, 2);
    return span[0] == -span[1] ? span[0] : -1;
}

/* A pass over the line along one axis, as if there were nothing under way along the other. */
static void pass_line(plmr_clock *clock, enum plmr_axis axis, double lag)
{
    struct arrival other = clock->arrival[!axis];
    double before = clock->lag;
    clock->arrival[!axis] = (struct arrival){.kind = NOTHING};
    clock->lag = lag;
    pass(clock, &clock->line[axis]);
    clock->arrival[!axis] = other;
    clock->lag = before;
}

/* A pass that leaves the clocks in lines, and which line has advanced; NULL: there is none. What is under way along one
 * axis changes that line; and where it adds the same everywhere, it is for the other line nothing but so many cycles of
 * work. */
static struct clocks *pass_lines(plmr_clock *clock)
{
    if (clock->arrival[PLMR_X].kind == MULTICAST || clock->arrival[PLMR_Y].kind == MULTICAST)
        return NULL;
    for (int axis = 0; axis < 2; axis++) {
        double lag = clock->lag;
        if (clock->arrival[axis].kind == NOTHING)
            continue;
        if (clock->arrival[!axis].kind != NOTHING) {
            pass_line(clock, !axis, clock->lag);
            lag = common_advance(clock, &clock->line[!axis]);
        }
        if (lag < 0)
            continue;
        pass_line(clock, axis, lag);
        return &clock->line[axis];
    }
    return NULL;
}

/* A pass over whatever the clocks are kept as: what has advanced. */
static struct clocks *pass_any(plmr_clock *clock)
{
    struct clocks *advanced = clock->in_lines ? pass_lines(clock) : NULL;
    if (advanced)
        return advanced;
    plmr_clock_spread(clock);
    pass(clock, &clock->all);
    return &clock->all;
}

/* ---- steady states ---- */

static bool same_arrival(const struct arrival *a, const struct arrival *b)
{
    return a->kind == b->kind && a->ring_kind == b->ring_kind && a->begin == b->begin && a->send == b->send &&
           a->transit == b->transit && a->relay == b->relay;
}

static bool repeats(const plmr_clock *clock, const struct pattern *p)
{
    bool rings_only = p->arrival[PLMR_X].kind != MULTICAST && p->arrival[PLMR_Y].kind != MULTICAST;
    return rings_only && p->lag == clock->last.lag && same_arrival(&p->arrival[0], &clock->last.arrival[0]) &&
           same_arrival(&p->arrival[1], &clock->last.arrival[1]);
}

/* A pass is a map F on clocks with F(t + c) = F(t) + c. So once a pass has added the same to every clock, each further
 * pass of the same pattern adds just that again, exactly. Looking costs half a pass and a word with all ranks: it is
 * done after 64, 128, 256 ... equal passes. */
enum { STEADY_AFTER = 64 };

static void look_for_steady_state(plmr_clock *clock, const struct clocks *advanced)
{
    int n = clock->n_same;
    if (clock->region->options.every_step || n < STEADY_AFTER || (n & (n - 1)))
        return;
    double advance = common_advance(clock, advanced);
    clock->advance = advance > 0 ? advance : 0;
}

void plmr_clock_settle(plmr_clock *clock)
{
    if (clock->arrival[PLMR_X].kind == NOTHING && clock->arrival[PLMR_Y].kind == NOTHING)
        return;
    struct pattern now = {clock->lag, {clock->arrival[0], clock->arrival[1]}};
    if (clock->n_same && !repeats(clock, &now))
        plmr_clock_forget_pattern(clock);
    if (clock->advance > 0) {
        if (clock->region->trace)
            plmr_trace_steady(clock);
        clock->origin += clock->advance;
    } else {
        struct clocks *advanced = pass_any(clock);
        if (clock->region->trace)
            plmr_trace_pass(clock, advanced);
        clock->n_same++;
        clock->last = now;
        look_for_steady_state(clock, advanced);
        double *t = advanced->t;
        advanced->t = advanced->next;
        advanced->next = t;
    }
    clock->lag = 0;
    forget_arrivals(clock);
}

/* ---- comparing clocks of two moments ---- */

plmr_clock_mark plmr_clock_mark_create(plmr_clock *clock)
{
    plmr_clock_settle(clock);
    plmr_clock_mark mark = {.in_lines = clock->in_lines, .common = clock->origin + clock->lag};
    size_t n_x = count_clocks(clock->in_lines ? &clock->line[PLMR_X] : &clock->all);
    size_t n_y = clock->in_lines ? count_clocks(&clock->line[PLMR_Y]) : 0;
    mark.t = plmr_take((n_x + n_y) * sizeof *mark.t);
    memcpy(mark.t, clock->in_lines ? clock->line[PLMR_X].t : clock->all.t, n_x * sizeof *mark.t);
    memcpy(mark.t + n_x, clock->line[PLMR_Y].t, n_y * sizeof *mark.t);
    return mark;
}

/* Widens span by how much later clocks are than marked. */
static const double *widen(const struct clocks *f, const double *mark, double span[2])
{
    for (size_t i = 0; i < count_clocks(f); i++, mark++) {
        span[0] = plmr_latest(span[0], f->t[i] - *mark);
        span[1] = plmr_latest(span[1], *mark - f->t[i]);
    }
    return mark;
}

double plmr_clock_mark_since(plmr_clock *clock, const plmr_clock_mark *mark)
{
    plmr_clock_settle(clock);
    if (mark->in_lines != clock->in_lines)
        return -1;
    double span[2][2] = {{-DBL_MAX, -DBL_MAX}, {0, 0}};
    const double *rest = widen(clock->in_lines ? &clock->line[PLMR_X] : &clock->all, mark->t, span[0]);
    if (clock->in_lines) {
        span[1][0] = span[1][1] = -DBL_MAX;
        widen(&clock->line[PLMR_Y], rest, span[1]);
    }
    plmr_ranks_max(clock->region->ranks, span[0], 4);
    bool is_common = span[0][0] == -span[0][1] && span[1][0] == -span[1][1];
    return is_common ? span[0][0] + span[1][0] + clock->origin + clock->lag - mark->common : -1;
}

void plmr_clock_mark_free(plmr_clock_mark *mark)
{
    free(mark->t);
}

static void clear(struct clocks *f)
{
    memset(f->t, 0, count_clocks(f) * sizeof *f->t);
}

void plmr_clock_reset(plmr_clock *clock)
{
    clear(&clock->line[PLMR_X]);
    clear(&clock->line[PLMR_Y]);
    clock->in_lines = true;
    if (clock->region->options.every_step)
        plmr_clock_spread(clock);
    forget_arrivals(clock);
    clock->origin = clock->lag = 0;
    plmr_clock_forget_pattern(clock);
}

void plmr_clock_add(plmr_clock *clock, double t_cycles)
{
    clock->lag += t_cycles;
}

/* ---- reading ---- */

static double latest_of(const struct clocks *f)
{
    double latest = -DBL_MAX;
    for (size_t i = 0; i < count_clocks(f); i++)
        latest = plmr_latest(latest, f->t[i]);
    return latest;
}

double plmr_clock_block_max(const plmr_clock *clock)
{
    double latest =
        clock->in_lines ? latest_of(&clock->line[PLMR_X]) + latest_of(&clock->line[PLMR_Y]) : latest_of(&clock->all);
    return latest + clock->origin + clock->lag;
}

double plmr_clock_max(plmr_clock *clock)
{
    plmr_clock_settle(clock);
    double t_cycles = plmr_clock_block_max(clock);
    plmr_ranks_max(clock->region->ranks, &t_cycles, 1);
    return t_cycles;
}

double plmr_clock_at(const plmr_clock *clock, int row, int col)
{
    double t = clock->in_lines ? clock->line[PLMR_X].t[col] + clock->line[PLMR_Y].t[row]
                               : clock->all.t[(size_t)row * (size_t)clock->all.cols + (size_t)col];
    return t + clock->origin + clock->lag;
}

void plmr_clock_set(plmr_clock *clock, int row, int col, double t_cycles)
{
    plmr_clock_forget_pattern(clock);
    plmr_clock_spread(clock);
    clock->all.t[(size_t)row * (size_t)clock->all.cols + (size_t)col] = t_cycles - clock->origin - clock->lag;
}
