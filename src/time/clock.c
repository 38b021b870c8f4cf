#include "time/clock_internal.h"

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
    clock->by_before = line_buffer(2 * (size_t)(rows > cols ? rows : cols));
    clock->by_after = clock->by_before + (rows > cols ? rows : cols);
    clock->sent = plmr_take_zeroed((size_t)plmr_rank_count(), sizeof *clock->sent);
    clock->messages = plmr_exchange_create(region->ranks, "clocks of neighbours");
    for (int axis = 0; axis < 2; axis++) {
        size_t along = (size_t)region->count[axis], across = (size_t)region->count[!axis];
        clock->ghost[axis] = line_buffer(PLMR_RING_GHOSTS * across);
        clock->outgoing[axis] = line_buffer(PLMR_RING_GHOSTS * across);
        clock->latest[axis] = line_buffer(across);
        clock->after[axis] = line_buffer(along);
    }
    PLMR_CHECK(clock->all.t && clock->all.next && clock->line[0].next && clock->line[1].next && clock->line[0].t &&
                   clock->line[1].t,
               PLMR_ERROR_SYSTEM, "out of memory for %d x %d clocks", rows, cols);
    plmr_clock_reset(clock);
    return PLMR_OK;
}

void plmr_clock_forget_arrivals(plmr_clock *clock)
{
    for (int axis = 0; axis < 2; axis++)
        plmr_ring_destroy((plmr_ring *)clock->arrival[axis].ring);
    memset(clock->arrival, 0, sizeof clock->arrival);
}

void plmr_clock_destroy(plmr_clock *clock)
{
    if (!clock)
        return;
    plmr_clock_forget_arrivals(clock);
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
    plmr_slab_destroy(clock->spare);
    free(clock);
}

void plmr_clock_busy(plmr_clock *clock, double t_cycles, bool sends)
{
    if (clock->arrival[PLMR_X].joined || clock->arrival[PLMR_Y].joined)
        plmr_clock_settle(clock);
    if (clock->watch)
        clock->watch->busy(clock, sends, t_cycles);
    clock->lag += t_cycles;
}

static bool is_under_way(const plmr_clock *clock)
{
    return clock->arrival[PLMR_X].kind != NOTHING || clock->arrival[PLMR_Y].kind != NOTHING;
}

void plmr_clock_busy_each(plmr_clock *clock, const double *t_cycles)
{
    size_t n = count_clocks(&clock->all);
    if (clock->arrival[PLMR_X].joined || clock->arrival[PLMR_Y].joined)
        plmr_clock_settle(clock);
    plmr_clock_forget_pattern(clock);
    plmr_clock_spread(clock);
    double *done = plmr_take(n * sizeof *done), lag = clock->lag;
    for (size_t core = 0; core < n; core++)
        done[core] = clock->all.t[core] + lag + t_cycles[core];
    bool waits = is_under_way(clock);
    plmr_clock_settle(clock);
    plmr_clock_forget_pattern(clock);
    for (size_t core = 0; core < n; core++)
        clock->all.t[core] = waits ? plmr_latest(clock->all.t[core], done[core]) : done[core] - lag;
    free(done);
    if (clock->watch)
        clock->watch->busy_each(clock);
}

void plmr_clock_join(plmr_clock *clock, enum plmr_axis axis)
{
    clock->arrival[axis].joined = clock->arrival[axis].kind != NOTHING;
}

bool plmr_clock_is_under_way(const plmr_clock *clock, enum plmr_axis axis)
{
    return clock->arrival[axis].kind != NOTHING && !clock->arrival[axis].joined;
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
    arrival.label = clock->watch ? clock->watch->verb(clock) : 0;
    clock->arrival[axis] = arrival;
}

void plmr_clock_exchange(plmr_clock *clock, const plmr_ring *ring, double transit, double over, double relay)
{
    struct arrival arrival = {.kind = EXCHANGE, .ring = ring, .transit = transit, .over = over, .relay = relay};
    begin(clock, ring->axis, arrival);
}

void plmr_clock_stream(plmr_clock *clock, const plmr_ring *ring, double stream, double over)
{
    struct arrival arrival = {.kind = STREAM, .ring = ring, .send = stream, .transit = stream, .over = over};
    begin(clock, ring->axis, arrival);
}

void plmr_clock_multicast(plmr_clock *clock, enum plmr_axis axis, const double *arrival)
{
    begin(clock, axis, (struct arrival){.kind = MULTICAST});
    memcpy(clock->after[axis], arrival, (size_t)clock->region->count[axis] * sizeof *arrival);
    clock->after_pitch = axis == PLMR_X ? 0 : clock->after_pitch;
}

double *plmr_clock_multicast_by_row(plmr_clock *clock)
{
    begin(clock, PLMR_X, (struct arrival){.kind = MULTICAST});
    if (!clock->after_pitch)
        clock->after[PLMR_X] = plmr_take_more(clock->after[PLMR_X], count_clocks(&clock->all) * sizeof(double));
    clock->after_pitch = (size_t)clock->all.cols;
    return clock->after[PLMR_X];
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
    plmr_clock_forget_arrivals(clock);
    clock->origin = clock->lag = 0;
    plmr_clock_forget_pattern(clock);
}

/* ---- clocks that others keep for a while ---- */

void plmr_clock_read(plmr_clock *clock, double *t)
{
    plmr_clock_settle(clock);
    for (int r = 0; r < clock->all.rows; r++)
        for (int c = 0; c < clock->all.cols; c++)
            *t++ = plmr_clock_at(clock, r, c);
}

/* Clocks that are all equal are kept as lines again. */
void plmr_clock_write(plmr_clock *clock, const double *t)
{
    double span[2] = {-DBL_MAX, -DBL_MAX};
    for (size_t core = 0; core < count_clocks(&clock->all); core++) {
        span[0] = plmr_latest(span[0], t[core]);
        span[1] = plmr_latest(span[1], -t[core]);
    }
    plmr_ranks_max(clock->region->ranks, span, 2);
    plmr_clock_reset(clock);
    if (span[0] == -span[1]) {
        clock->lag = span[0];
    } else {
        memcpy(clock->all.t, t, count_clocks(&clock->all) * sizeof *t);
        clock->in_lines = false;
    }
    if (clock->watch)
        clock->watch->busy_each(clock);
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
