#include "serve/apart.h"

#include <math.h>
#include <stdlib.h>

#include "base/larger.h"
#include "base/memory.h"
#include "device/way.h"

/* ---- the way ---- */

struct cell {
    int x, y;
};

/* Words of regions that go over borders, by border and direction: to the next column of regions, or row. */
struct borders {
    int down, across, n_stages, *n;
};

static struct cell cell_of(const struct borders *b, int replica, int stage)
{
    int i = replica * b->n_stages + stage, y = i / b->across, x = i % b->across;
    return (struct cell){y % 2 ? b->across - 1 - x : x, y};
}

/* Goes over all borders between two places of a row, or of a column (by `step`); returns the fullest. */
static int go(const struct borders *b, int first, int step, int direction, int from, int to)
{
    int most = 0;
    for (int i = plmr_smaller(from, to); i < plmr_larger(from, to); i++) {
        int n = ++b->n[(first + i * step) * 4 + direction + (to < from)];
        most = plmr_larger(n, most);
    }
    return most;
}

plmr_serve_way plmr_serve_way_of(int down, int across, int n_stages, int n_without, int from, int to)
{
    struct borders b = {down, across, n_stages, plmr_take_zeroed((size_t)down * (size_t)across * 4, sizeof(int))};
    plmr_serve_way way = {0, 0, 0};
    for (int stage = 0; stage < n_stages - n_without; stage++) {
        struct cell f = cell_of(&b, from, stage), t = cell_of(&b, to, stage);
        int along_x = go(&b, f.y * across, 1, 0, f.x, t.x), along_y = go(&b, t.x, across, 2, f.y, t.y);
        int far = abs(t.x - f.x) + abs(t.y - f.y), most = plmr_larger(along_x, along_y);
        way.far = plmr_larger(far, way.far);
        way.fullest = plmr_larger(most, way.fullest);
        way.all += far;
    }
    free(b.n);
    return way;
}

double plmr_serve_way_busy(const plmr_device *d, const plmr_serve_way *way, int side, int64_t words)
{
    return plmr_device_quantise(d->shift_launch + (double)words * (d->shift_wavelet + d->link * side * way->fullest));
}

double plmr_serve_way_flight(const plmr_device *d, const plmr_serve_way *way, int side)
{
    return plmr_way_of(d, way->far * side).flight;
}

/* ---- handing over ---- */

struct done {
    double t;
    int32_t request;
    int to; /* which of those that make tokens; 0: not said yet */
};

static int compare(const void *a, const void *b)
{
    const struct done *x = a, *y = b;
    if (x->to != y->to)
        return x->to - y->to;
    return x->t != y->t ? (x->t > y->t ? 1 : -1) : (x->request > y->request) - (x->request < y->request);
}

struct hand {
    const plmr_serve_place *place;
    const plmr_serve_plan *plan;
    plmr_machine_sums *sums;
    int per_wafer;    /* replicas, or per wafers that share experts; 1 also where one takes several */
    double *free_at;  /* cycles: links, by wafer that reads prompts, */
    double *own_free; /* and fabrics, by replica */
};

static bool shares_wafer(const struct hand *h, int from, int to)
{
    return h->place->wafers == 1 && from / h->per_wafer == to / h->per_wafer;
}

/* Over the link. Returns when it is there. */
static double send_away(const struct hand *h, const plmr_request *r, int from)
{
    const plmr_wafer_link *link = &h->plan->link;
    double bytes = h->plan->token_bytes * r->n_prompt, *free_at = &h->free_at[from / h->per_wafer];
    *free_at = fmax(*free_at, r->t_first) + bytes / link->bytes_s * h->plan->clock;
    h->sums->link_bytes += bytes;
    return *free_at + link->latency_s * h->plan->clock;
}

/* Over the wafer's fabric. The draft has a region behind the model's, and reads for itself. */
static double send_here(const struct hand *h, const plmr_request *r, int from, int to)
{
    const plmr_serve_costs *c = &h->place->costs;
    const plmr_device *d = h->plan->device;
    int side = c->rows;
    int apart = plmr_timing_placement(c->timing, PLMR_DECODE)->output_apart, beside = h->place->draft.timing != NULL;
    plmr_tiling tiling = plmr_timing_tiling(c->timing, PLMR_DECODE);
    plmr_serve_way way = plmr_serve_way_of(tiling.down, tiling.across, c->n_stages + beside, apart + beside,
                                           from % h->per_wafer, to % h->per_wafer);
    int64_t words = plmr_device_wavelets(d, plmr_timing_cache_bytes(c->timing, r->n_prompt));
    h->own_free[from] = fmax(h->own_free[from], r->t_first) + plmr_serve_way_busy(d, &way, side, words);
    h->sums->wavelet_hops += (double)words * way.all * pow(side, 3);
    return h->own_free[from] + plmr_serve_way_flight(d, &way, side);
}

/* By when the first token was made. Where ways are alike, whoever makes tokens takes the next one that has come; else it is
 * said before it goes. Returns how many go. */
static int64_t send_all(const struct hand *h, plmr_request *requests, int64_t n, struct done *done)
{
    int n_prompt = h->plan->n_prompt, n_to = h->place->n_replicas - n_prompt;
    bool alike = h->place->wafers > 1 || n_prompt % h->per_wafer == 0;
    int64_t n_left = 0;
    for (int64_t i = 0; i < n; i++) {
        plmr_request *r = &requests[done[i].request];
        int from = done[i].request % n_prompt, to = (int)(n_left % n_to);
        if (r->n_output == 1)
            continue;
        r->t_here = shares_wafer(h, from, n_prompt + to) ? send_here(h, r, from, n_prompt + to) : send_away(h, r, from);
        h->sums->t_ways += r->t_here - r->t_first;
        h->sums->n_ways++;
        done[n_left++] = (struct done){r->t_here, done[i].request, alike ? 0 : to};
    }
    return n_left;
}

/* Each replica's in the order in which they come; `done` has them replica by replica, or not said whose. */
static void put_in_order(const struct done *done, int64_t n, int n_to, int32_t *order)
{
    for (int64_t i = 0, k = 0; i < n; i++, k++) {
        k = i > 0 && done[i].to != done[i - 1].to ? 0 : k;
        order[done[n - 1].to ? k * n_to + done[i].to : i] = done[i].request;
    }
}

int64_t plmr_serve_hand_over(const plmr_serve_place *place, const plmr_serve_plan *plan, plmr_request *requests,
                             int64_t n, int32_t *order, plmr_machine_sums *sums)
{
    struct hand h = {place, plan, sums, place->wafers > place->costs.wide ? 1 : place->on_wafer, NULL, NULL};
    struct done *done = plmr_take((size_t)n * sizeof *done);
    h.free_at = plmr_take_zeroed(2 * (size_t)plan->n_prompt, sizeof *h.free_at);
    h.own_free = h.free_at + plan->n_prompt;
    for (int64_t i = 0; i < n; i++)
        done[i] = (struct done){requests[i].t_first, (int32_t)i, 0};
    qsort(done, (size_t)n, sizeof *done, compare);
    int64_t n_left = send_all(&h, requests, n, done);
    qsort(done, (size_t)n_left, sizeof *done, compare);
    if (n_left)
        put_in_order(done, n_left, place->n_replicas - plan->n_prompt, order);
    free(h.free_at);
    free(done);
    return n_left;
}
