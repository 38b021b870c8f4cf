#include "fabric/clock_internal.h"

#include <float.h>
#include <stdlib.h>
#include <string.h>

static double *line_buffer(size_t n)
{
    return calloc(n ? n : 1, sizeof(double));
}

/* Touched here, so that no run pays for the system's finding of memory. */
static double *clock_array(size_t n)
{
    double *clocks = plmr_slab_create(n * sizeof *clocks);
    if (clocks)
        memset(clocks, 0, n * sizeof *clocks);
    return clocks;
}

plmr_status plmr_clock_create(plmr_region *region, plmr_clock **out)
{
    plmr_clock *clock = calloc(1, sizeof *clock);
    PLMR_CHECK(clock, PLMR_ERROR_SYSTEM, "out of memory");
    *out = clock;
    int rows = region->count[PLMR_Y], cols = region->count[PLMR_X];
    *clock = (plmr_clock){.region = region, .loops = plmr_clock_rows_chosen(), .rows = rows, .cols = cols};
    clock->t = clock_array((size_t)rows * (size_t)cols);
    clock->next = clock_array((size_t)rows * (size_t)cols);
    clock->outgoing = line_buffer(2 * PLMR_RING_GHOSTS * (size_t)rows);
    clock->scratch = line_buffer(2 * STRIP_ROWS * (size_t)cols);
    clock->sent = calloc((size_t)plmr_ranks(), sizeof *clock->sent);
    for (int axis = 0; axis < 2; axis++) {
        size_t along = (size_t)region->count[axis], across = (size_t)region->count[!axis];
        clock->ghost[axis] = line_buffer(PLMR_RING_GHOSTS * across);
        clock->latest[axis] = line_buffer(across);
        clock->after[axis] = line_buffer(along);
        PLMR_CHECK(clock->ghost[axis] && clock->latest[axis] && clock->after[axis], PLMR_ERROR_SYSTEM, "out of memory");
    }
    PLMR_CHECK(clock->t && clock->next && clock->outgoing && clock->scratch && clock->sent, PLMR_ERROR_SYSTEM,
               "out of memory for %d x %d clocks", rows, cols);
    return plmr_exchange_create(region->mesh, &clock->messages);
}

void plmr_clock_destroy(plmr_clock *clock)
{
    if (!clock)
        return;
    plmr_exchange_destroy(clock->messages);
    for (int axis = 0; axis < 2; axis++) {
        free(clock->ghost[axis]);
        free(clock->latest[axis]);
        free(clock->after[axis]);
    }
    free(clock->scratch);
    free(clock->sent);
    free(clock->outgoing);
    plmr_slab_destroy(clock->next);
    plmr_slab_destroy(clock->t);
    free(clock);
}

plmr_status plmr_clock_busy(plmr_clock *clock, double t_cycles)
{
    if (clock->arrival[PLMR_X].joined || clock->arrival[PLMR_Y].joined)
        PLMR_TRY(plmr_clock_settle(clock));
    clock->lag += t_cycles;
    return PLMR_OK;
}

void plmr_clock_join(plmr_clock *clock, enum plmr_axis axis)
{
    clock->arrival[axis].joined = clock->arrival[axis].kind != NOTHING;
}

/* A new verb waits for what its cores have joined, and for the last verb along its axis. */
static plmr_status begin(plmr_clock *clock, enum plmr_axis axis, struct arrival arrival)
{
    if (clock->arrival[axis].kind != NOTHING || clock->arrival[!axis].joined)
        PLMR_TRY(plmr_clock_settle(clock));
    arrival.begin = clock->lag;
    clock->arrival[axis] = arrival;
    return PLMR_OK;
}

plmr_status plmr_clock_exchange(plmr_clock *clock, const plmr_ring *ring, double transit, double hop)
{
    return begin(clock, ring->axis, (struct arrival){.kind = EXCHANGE, .ring = ring, .transit = transit, .hop = hop});
}

plmr_status plmr_clock_stream(plmr_clock *clock, const plmr_ring *ring, double send, double transit)
{
    double hop = clock->region->device->hop;
    return begin(clock, ring->axis,
                 (struct arrival){.kind = STREAM, .ring = ring, .send = send, .transit = transit, .hop = hop});
}

plmr_status plmr_clock_multicast(plmr_clock *clock, enum plmr_axis axis, const double *arrival)
{
    PLMR_TRY(begin(clock, axis, (struct arrival){.kind = MULTICAST}));
    memcpy(clock->after[axis], arrival, (size_t)clock->region->count[axis] * sizeof *arrival);
    return PLMR_OK;
}

/* ---- clocks of neighbours on other ranks ---- */

static void pack_column(const plmr_clock *clock, int col, double *out)
{
    for (int r = 0; r < clock->rows; r++)
        out[r] = clock->t[(size_t)r * (size_t)clock->cols + (size_t)col];
}

static plmr_status post_ghosts(plmr_clock *clock, const plmr_ring *ring)
{
    enum plmr_axis axis = ring->axis;
    size_t length = (size_t)(axis == PLMR_Y ? clock->cols : clock->rows), n_bytes = length * sizeof(double);
    for (int g = 0; g < ring->n_ghosts; g++)
        PLMR_TRY(plmr_exchange_receive(clock->messages, axis, ring->ghosts[g].place,
                                       clock->ghost[axis] + (size_t)g * length, n_bytes));
    for (int w = 0; w < ring->n_wanted; w++) {
        int local = ring->wanted[w].core - clock->region->first[axis];
        double *line = axis == PLMR_Y ? clock->t + (size_t)local * length : clock->outgoing + (size_t)w * length;
        if (axis == PLMR_X)
            pack_column(clock, local, line);
        PLMR_TRY(plmr_exchange_send(clock->messages, axis, ring->wanted[w].place, line, n_bytes));
    }
    return PLMR_OK;
}

/* ---- multicasts wait for the latest core of their line ---- */

static void find_latest(plmr_clock *clock)
{
    bool x = clock->arrival[PLMR_X].kind == MULTICAST, y = clock->arrival[PLMR_Y].kind == MULTICAST;
    if (!x && !y)
        return;
    memcpy(clock->latest[PLMR_Y], clock->t, (size_t)clock->cols * sizeof(double));
    for (int r = 0; r < clock->rows; r++)
        clock->latest[PLMR_X][r] =
            clock->loops->most(clock->cols, clock->t + (size_t)r * (size_t)clock->cols, clock->latest[PLMR_Y]);
    if (x)
        plmr_mesh_line_max(clock->region->mesh, PLMR_X, clock->latest[PLMR_X], clock->rows);
    if (y)
        plmr_mesh_line_max(clock->region->mesh, PLMR_Y, clock->latest[PLMR_Y], clock->cols);
}

/* ---- one settling pass ---- */

/* What a row needs to know of its y neighbours: two rows of clocks and the cycles after them. */
struct y_terms {
    double own;
    const double *up, *down;
    double up_lat, down_lat;
};

static const double *y_line(const plmr_clock *clock, int index)
{
    return index >= 0 ? clock->t + (size_t)index * (size_t)clock->cols
                      : clock->ghost[PLMR_Y] + (size_t)~index * (size_t)clock->cols;
}

static struct y_terms terms_of_row(const plmr_clock *clock, int r)
{
    const struct arrival *a = &clock->arrival[PLMR_Y];
    const double *t = y_line(clock, r);
    double own = clock->lag;
    struct y_terms terms = {own, t, t, own, own};
    if (a->kind == EXCHANGE) {
        terms.up_lat = a->begin + a->transit + a->hop * a->ring->hops_before[r];
        terms.down_lat = a->begin + a->transit + a->hop * a->ring->hops_after[r];
        terms.up = y_line(clock, a->ring->before[r]);
        terms.own = plmr_latest(own, plmr_latest(terms.up_lat, terms.down_lat));
    } else if (a->kind == STREAM) {
        terms.down_lat = a->begin + a->transit + a->hop * a->ring->hops_after[r];
        terms.own = plmr_latest(own, a->begin + a->send);
        terms.up_lat = terms.own;
    } else if (a->kind == MULTICAST) {
        terms.up = clock->latest[PLMR_Y];
        terms.up_lat = a->begin + clock->after[PLMR_Y][r];
    }
    if (a->kind == EXCHANGE || a->kind == STREAM)
        terms.down = y_line(clock, a->ring->after[r]);
    return terms;
}

static double x_clock(const plmr_clock *clock, int r, int index)
{
    return index >= 0 ? clock->t[(size_t)r * (size_t)clock->cols + (size_t)index]
                      : clock->ghost[PLMR_X][(size_t)~index * (size_t)clock->rows + (size_t)r];
}

/* The x neighbours' part of core (r, c) where the ring turns or leaves the block, and of streams. */
static double x_term(const plmr_clock *clock, const struct arrival *a, int r, int c)
{
    double t = x_clock(clock, r, c);
    double after = x_clock(clock, r, a->ring->after[c]), before = x_clock(clock, r, a->ring->before[c]);
    double after_lat = a->begin + a->transit + a->hop * a->ring->hops_after[c];
    double before_lat = a->begin + a->transit + a->hop * a->ring->hops_before[c];
    if (a->kind == STREAM)
        return plmr_latest(t + a->begin + a->send, after + after_lat);
    return plmr_latest(plmr_latest(t, after) + after_lat, plmr_latest(t, before) + before_lat);
}

static void settle_core(plmr_clock *clock, const struct y_terms *y, int r, int c)
{
    double t = x_clock(clock, r, c);
    double from_y = plmr_latest(plmr_latest(t + y->own, y->up[c] + y->up_lat), y->down[c] + y->down_lat);
    clock->next[(size_t)r * (size_t)clock->cols + (size_t)c] =
        plmr_latest(from_y, x_term(clock, &clock->arrival[PLMR_X], r, c));
}

static void settle_row(plmr_clock *clock, int r)
{
    const struct arrival *x = &clock->arrival[PLMR_X];
    struct y_terms y = terms_of_row(clock, r);
    size_t at = (size_t)r * (size_t)clock->cols;
    const double *t = clock->t + at;
    double *next = clock->next + at;
    if (x->kind == MULTICAST) {
        clock->loops->multicast(clock->cols, y.own, clock->latest[PLMR_X][r] + x->begin, clock->after[PLMR_X], t, y.up,
                                y.up_lat, y.down, y.down_lat, next);
        return;
    }
    int edge = x->kind == NOTHING ? 0 : x->kind == STREAM || clock->cols < 4 ? clock->cols : x->ring->reach;
    double x_lat = x->kind == EXCHANGE ? x->begin + x->transit + x->hop * x->ring->reach : y.own;
    if (2 * edge < clock->cols || edge == 0)
        clock->loops->exchange(clock->cols, edge, plmr_latest(y.own, x_lat), x_lat, t, y.up, y.up_lat, y.down,
                               y.down_lat, next);
    for (int c = 0; c < clock->cols && edge; c = c + 1 == edge && 2 * edge < clock->cols ? clock->cols - edge : c + 1)
        settle_core(clock, &y, r, c);
}

static bool has_ghosts(const struct arrival *a)
{
    return (a->kind == EXCHANGE || a->kind == STREAM) && a->ring->n_ghosts > 0;
}

/* Does row r wait for clocks of other ranks? Where the x ring leaves the block, every row does. */
static bool waits(const plmr_clock *clock, int r)
{
    const struct arrival *y = &clock->arrival[PLMR_Y];
    return has_ghosts(&clock->arrival[PLMR_X]) || (has_ghosts(y) && (y->ring->before[r] < 0 || y->ring->after[r] < 0));
}

/* Rows that need nothing from other ranks are done while the messages travel. */
static plmr_status pass(plmr_clock *clock)
{
    for (int axis = 0; axis < 2; axis++)
        if (clock->arrival[axis].kind == EXCHANGE || clock->arrival[axis].kind == STREAM)
            PLMR_TRY(post_ghosts(clock, clock->arrival[axis].ring));
    find_latest(clock);
    for (int r = 0; r < clock->rows; r++)
        if (!waits(clock, r))
            settle_row(clock, r);
    plmr_exchange_wait(clock->messages);
    for (int r = 0; r < clock->rows; r++)
        if (waits(clock, r))
            settle_row(clock, r);
    return PLMR_OK;
}

/* ---- steady states ---- */

static bool same_arrival(const struct arrival *a, const struct arrival *b)
{
    return a->kind == b->kind && a->ring == b->ring && a->begin == b->begin && a->send == b->send &&
           a->transit == b->transit && a->hop == b->hop;
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

static void look_for_steady_state(plmr_clock *clock)
{
    int n = clock->n_same;
    if (clock->region->options.every_step || n < STEADY_AFTER || (n & (n - 1)))
        return;
    double span[2] = {-DBL_MAX, -DBL_MAX}, least = DBL_MAX;
    for (int r = 0; r < clock->rows; r++) {
        size_t at = (size_t)r * (size_t)clock->cols;
        clock->loops->advance(clock->cols, clock->t + at, clock->next + at, &least, &span[0]);
    }
    span[1] = -least;
    plmr_mesh_max(clock->region->mesh, span, 2);
    clock->advance = span[0] == -span[1] ? span[0] : 0;
}

plmr_status plmr_clock_settle(plmr_clock *clock)
{
    if (clock->arrival[PLMR_X].kind == NOTHING && clock->arrival[PLMR_Y].kind == NOTHING)
        return PLMR_OK;
    struct pattern now = {clock->lag, {clock->arrival[0], clock->arrival[1]}};
    if (clock->n_same && !repeats(clock, &now))
        plmr_clock_forget_pattern(clock);
    if (clock->advance > 0) {
        clock->origin += clock->advance;
    } else {
        PLMR_TRY(pass(clock));
        clock->n_same++;
        clock->last = now;
        look_for_steady_state(clock);
        double *t = clock->t;
        clock->t = clock->next;
        clock->next = t;
    }
    clock->lag = 0;
    memset(clock->arrival, 0, sizeof clock->arrival);
    return PLMR_OK;
}

/* ---- comparing clocks of two moments ---- */

plmr_status plmr_clock_mark(plmr_clock *clock, double **mark)
{
    size_t n = (size_t)clock->rows * (size_t)clock->cols;
    PLMR_TRY(plmr_clock_settle(clock));
    *mark = malloc(n * sizeof **mark);
    PLMR_CHECK(*mark, PLMR_ERROR_SYSTEM, "out of memory for %d x %d clocks", clock->rows, clock->cols);
    for (size_t i = 0; i < n; i++)
        (*mark)[i] = clock->t[i] + clock->origin + clock->lag;
    return PLMR_OK;
}

plmr_status plmr_clock_since(plmr_clock *clock, const double *mark, double *advance)
{
    PLMR_TRY(plmr_clock_settle(clock));
    double span[2] = {-DBL_MAX, -DBL_MAX}, common = clock->origin + clock->lag;
    for (size_t i = 0; i < (size_t)clock->rows * (size_t)clock->cols; i++) {
        double by = clock->t[i] + common - mark[i];
        span[0] = plmr_latest(span[0], by);
        span[1] = plmr_latest(span[1], -by);
    }
    plmr_mesh_max(clock->region->mesh, span, 2);
    *advance = span[0] == -span[1] ? span[0] : -1;
    return PLMR_OK;
}

void plmr_clock_reset(plmr_clock *clock)
{
    memset(clock->t, 0, (size_t)clock->rows * (size_t)clock->cols * sizeof *clock->t);
    memset(clock->arrival, 0, sizeof clock->arrival);
    clock->origin = clock->lag = 0;
    plmr_clock_forget_pattern(clock);
}

void plmr_clock_add(plmr_clock *clock, double t_cycles)
{
    clock->lag += t_cycles;
}

/* ---- reading ---- */

double plmr_clock_block_max(const plmr_clock *clock)
{
    double latest = 0;
    for (size_t i = 0; i < (size_t)clock->rows * (size_t)clock->cols; i++)
        latest = plmr_latest(latest, clock->t[i]);
    return latest + clock->origin + clock->lag;
}

plmr_status plmr_clock_max(plmr_clock *clock, double *t_cycles)
{
    PLMR_TRY(plmr_clock_settle(clock));
    *t_cycles = plmr_clock_block_max(clock);
    plmr_mesh_max(clock->region->mesh, t_cycles, 1);
    return PLMR_OK;
}

double plmr_clock_at(const plmr_clock *clock, int row, int col)
{
    return x_clock(clock, row, col) + clock->origin + clock->lag;
}

void plmr_clock_set(plmr_clock *clock, int row, int col, double t_cycles)
{
    plmr_clock_forget_pattern(clock);
    clock->t[(size_t)row * (size_t)clock->cols + (size_t)col] = t_cycles - clock->origin - clock->lag;
}
