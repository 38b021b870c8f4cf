/* One settling pass: what all clocks of an array are after what is under way. */
#include "time/clock_internal.h"

#include <string.h>

/* ---- clocks of neighbours on other ranks ---- */

/* The clocks of a coordinate along rows of f, or across them. */
static void pack_line(const struct clocks *f, bool along, int local, double *out)
{
    size_t cols = (size_t)f->cols;
    if (!along) {
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
static void post_ghosts(plmr_clock *clock, const struct clocks *f, const plmr_ring *ring, bool along)
{
    enum plmr_axis axis = ring->axis;
    size_t length = (size_t)(along ? f->rows : f->cols), n_bytes = length * sizeof(double);
    for (int g = 0, n; g < ring->n_ghosts; g += n) {
        n = lines_together(ring->ghosts + g, ring->n_ghosts - g);
        plmr_exchange_receive(clock->messages, axis, ring->ghosts[g].place, clock->ghost[axis] + (size_t)g * length,
                              (size_t)n * n_bytes);
    }
    for (int w = 0, n; w < ring->n_wanted; w += n) {
        double *lines = clock->outgoing[axis] + (size_t)w * length;
        n = lines_together(ring->wanted + w, ring->n_wanted - w);
        for (int i = 0; i < n; i++)
            pack_line(f, along, ring->wanted[w + i].core - clock->region->first[axis], lines + (size_t)i * length);
        plmr_exchange_send(clock->messages, axis, ring->wanted[w].place, lines, (size_t)n * n_bytes);
    }
}

/* ---- multicasts wait for the latest core of their line ---- */

static void find_latest(plmr_clock *clock, const struct clocks *f, const struct pattern *now)
{
    bool x = now->arrival[PLMR_X].kind == MULTICAST, y = now->arrival[PLMR_Y].kind == MULTICAST;
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

/* ---- one pass ---- */

/* Cores [0, left) and [right, cols) of a row have other x neighbours than those between, who all have the same. Here x
 * is along the rows of f and y across them, whatever axes of the region that are. */
struct pass {
    plmr_clock *clock;
    const struct clocks *f;
    const double *x_ghost, *y_ghost;
    struct arrival x, y;
    double lag;
    int left, right;
    double inner; /* latency of exchanges along x between those, but for those whose way crosses a border: */
    int pitch;    /* from border to border along x; 0: there is none here */
};

static void measure(const struct pass *p, int from, int until)
{
    for (int c = from; c < until; c++) {
        plmr_way before = p->x.ring->way_before[c];
        p->clock->by_before[c] = p->x.kind == STREAM ? plmr_sent(&p->x, before) : plmr_latency(&p->x, before);
        p->clock->by_after[c] = plmr_latency(&p->x, p->x.ring->way_after[c]);
    }
}

/* Latencies of the ends are the same in all rows. */
static struct pass begin(plmr_clock *clock, const struct clocks *f, enum plmr_axis along, const struct pattern *now)
{
    struct pass p = {clock,
                     f,
                     clock->ghost[along],
                     clock->ghost[!along],
                     now->arrival[along],
                     now->arrival[!along],
                     now->lag,
                     0,
                     f->cols,
                     0,
                     0};
    bool all_differ = clock->region->defects != NULL;
    if (p.x.kind == STREAM || (p.x.kind == EXCHANGE && (all_differ || 2 * p.x.ring->reach >= f->cols)))
        p.right = 0;
    else if (p.x.kind == EXCHANGE) {
        p.left = p.x.ring->reach;
        p.right = f->cols - p.left;
        p.inner = plmr_latency(&p.x, p.x.ring->inner);
        p.pitch = plmr_way_pitch(clock->region->device, p.x.ring->axis);
    }
    measure(&p, 0, p.pitch > 0 ? f->cols : p.left);
    measure(&p, p.right, f->cols);
    return p;
}

/* What a row needs to know of its y neighbours: two rows of clocks and the cycles after them. */
struct y_terms {
    double own;
    const double *up, *down;
    double up_lat, down_lat;
};

static const double *y_line(const struct pass *p, int index)
{
    size_t cols = (size_t)p->f->cols;
    return index >= 0 ? p->f->t + (size_t)index * cols : p->y_ghost + (size_t)~index * cols;
}

static struct y_terms terms_of_row(const struct pass *p, int r)
{
    const struct arrival *a = &p->y;
    const double *t = y_line(p, r);
    double own = p->lag;
    struct y_terms terms = {own, t, t, own, own};
    if (a->kind == EXCHANGE) {
        terms.up_lat = plmr_latency(a, a->ring->way_before[r]);
        terms.down_lat = plmr_latency(a, a->ring->way_after[r]);
        terms.up = y_line(p, a->ring->before[r]);
        terms.own = plmr_latest(own, plmr_latest(terms.up_lat, terms.down_lat));
    } else if (a->kind == STREAM) {
        terms.down_lat = plmr_latency(a, a->ring->way_after[r]);
        terms.own = plmr_latest(own, plmr_sent(a, a->ring->way_before[r]));
        terms.up_lat = terms.own;
    } else if (a->kind == MULTICAST) {
        terms.up = p->clock->latest[PLMR_Y];
        terms.up_lat = a->begin + p->clock->after[PLMR_Y][r];
    }
    if (a->kind == EXCHANGE || a->kind == STREAM)
        terms.down = y_line(p, a->ring->after[r]);
    return terms;
}

static double x_clock(const struct pass *p, int r, int index)
{
    const struct clocks *f = p->f;
    return index >= 0 ? f->t[(size_t)r * (size_t)f->cols + (size_t)index]
                      : p->x_ghost[(size_t)~index * (size_t)f->rows + (size_t)r];
}

/* The x neighbours' part of core (r, c) where the ring turns or leaves the block, and of streams. */
static double x_term(const struct pass *p, double t, int r, int c)
{
    const plmr_clock *clock = p->clock;
    double after = x_clock(p, r, p->x.ring->after[c]), before = x_clock(p, r, p->x.ring->before[c]);
    if (p->x.kind == STREAM)
        return plmr_latest(t + clock->by_before[c], after + clock->by_after[c]);
    return plmr_latest(plmr_latest(t, after) + clock->by_after[c], plmr_latest(t, before) + clock->by_before[c]);
}

static void settle_cores(const struct pass *p, const struct y_terms *y, int r, int from, int until)
{
    double *next = p->f->next + (size_t)r * (size_t)p->f->cols;
    for (int c = from; c < until; c++) {
        double t = x_clock(p, r, c);
        double by_y = plmr_latest(plmr_latest(t + y->own, y->up[c] + y->up_lat), y->down[c] + y->down_lat);
        next[c] = plmr_latest(by_y, x_term(p, t, r, c));
    }
}

static void settle_middle(const struct pass *p, const struct y_terms *y, int r)
{
    const struct clocks *f = p->f;
    size_t at = (size_t)r * (size_t)f->cols;
    double x_lat = p->x.kind == EXCHANGE ? p->inner : y->own;
    if (p->x.kind == MULTICAST)
        p->clock->loops->multicast(f->cols, y->own, p->clock->latest[PLMR_X][r] + p->x.begin,
                                   p->clock->after[PLMR_X] + (size_t)r * p->clock->after_pitch, f->t + at, y->up,
                                   y->up_lat, y->down, y->down_lat, f->next + at);
    else if (p->right > p->left)
        p->clock->loops->exchange(f->cols, p->left, plmr_latest(y->own, x_lat), x_lat, f->t + at, y->up, y->up_lat,
                                  y->down, y->down_lat, f->next + at);
}

/* Those of the middle whose neighbour is beyond a border, anew. */
static void settle_borders(const struct pass *p, const struct y_terms *y, int r)
{
    const plmr_region *region = p->clock->region;
    enum plmr_axis axis = p->x.ring->axis;
    int first = region->device->first[axis] + region->first[axis], reach = p->x.ring->reach;
    for (int at = (first / p->pitch + 1) * p->pitch - first; at - reach < p->right; at += p->pitch) {
        int from = at - reach > p->left ? at - reach : p->left, until = at + reach < p->right ? at + reach : p->right;
        settle_cores(p, y, r, from, until);
    }
}

/* `middle`, `ends`: what of the row is to be done. */
static void settle_row(const struct pass *p, int r, bool middle, bool ends)
{
    struct y_terms y = terms_of_row(p, r);
    if (middle)
        settle_middle(p, &y, r);
    if (middle && p->pitch > 0)
        settle_borders(p, &y, r);
    if (ends && p->right < p->f->cols) {
        settle_cores(p, &y, r, 0, p->left);
        settle_cores(p, &y, r, p->right, p->f->cols);
    }
}

static bool has_ghosts(const struct arrival *a)
{
    return (a->kind == EXCHANGE || a->kind == STREAM) && a->ring->n_ghosts > 0;
}

/* Does row r have y neighbours on other ranks? */
static bool reaches_out(const struct pass *p, int r)
{
    return has_ghosts(&p->y) && (p->y.ring->before[r] < 0 || p->y.ring->after[r] < 0);
}

/* What needs nothing from other ranks is done while the messages travel. */
void plmr_clock_pass(plmr_clock *clock, const struct clocks *f, enum plmr_axis along, const struct pattern *now)
{
    struct pass p = begin(clock, f, along, now);
    bool ends_wait = has_ghosts(&p.x);
    for (int axis = 0; axis < 2; axis++)
        if (now->arrival[axis].kind == EXCHANGE || now->arrival[axis].kind == STREAM)
            post_ghosts(clock, f, now->arrival[axis].ring, axis == (int)along);
    find_latest(clock, f, now);
    for (int r = 0; r < f->rows; r++)
        if (!reaches_out(&p, r))
            settle_row(&p, r, true, !ends_wait);
    plmr_exchange_wait(clock->messages);
    for (int r = 0; r < f->rows && (ends_wait || has_ghosts(&p.y)); r++)
        if (ends_wait || reaches_out(&p, r))
            settle_row(&p, r, reaches_out(&p, r), true);
}
