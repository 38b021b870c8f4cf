/* Packets that share links, where what does not fit into a router's buffer holds the links behind it, or where links form
 * one-way rings: link by link in the order of time, all of the region on every rank. For devices of some hundred cores.
 *
 * A packet's head takes one link after the other, in the order in which heads ask for it. Its tail has gone over link i
 *
 *     max(g(i) + w,  g(i + m) - way(i, i + m) + w - m buffer link   for all m with m buffer < words)
 *
 * cycles after 0, g being when the head took a link and `way` what the head needs from one to the other if nothing
 * stops it: a head that has to wait stops the words that buffers between have no room for. Where others' words leave a
 * packet no room in the buffer, it holds the link until they have gone on. A round of a ring cannot
 * come to a halt: packets that have passed its seam go by a virtual channel of their own. */
#include "time/points_internal.h"

#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "ranks/deal.h"

enum port { UP_X, DOWN_X, UP_Y, DOWN_Y, INTO, OUT_OF, N_PORTS };
enum { RELEASE, STRAIGHT, JOIN }; /* what comes first of what happens at once */

/* Something that happens to a packet: it lets link i of its way go; or it asks for its next link. */
struct event {
    double t;
    int kind, packet, i;
    uint64_t key;
};

/* A packet's way: links, and when its head took them. */
struct way {
    int n, taken, released;
    int32_t *link;
    double *t;
    int next;         /* in the queue for a link; -1: none */
    bool is_crowded;  /* it holds the link that its head took last until others have made room at its end */
    bool is_straight; /* while it waits: it goes straight on */
};

struct held {
    plmr_settling *s;
    plmr_packet *packets;
    struct way *ways;
    int n_routers[2]; /* along each axis */
    bool rings;
    struct event *events; /* a heap */
    int64_t n_events, room;
    struct link {
        int holder, first, last; /* packets; -1: none */
        int n_straight;          /* that have gone straight on since one joined */
        int n_words;             /* in the buffer at its end, of packets whose tail has not gone on */
    } * links;
};

/* ---- events ---- */

static bool is_before(const struct event *a, const struct event *b)
{
    if (a->t != b->t)
        return a->t < b->t;
    return a->kind != b->kind ? a->kind < b->kind : a->key != b->key ? a->key < b->key : a->i < b->i;
}

static void post(struct held *h, double t, int kind, int packet, int i)
{
    if (h->n_events == h->room) {
        h->room = 2 * h->room + 1024;
        h->events = plmr_take_more(h->events, (size_t)h->room * sizeof *h->events);
    }
    struct event one = {t, kind, packet, i, h->packets[packet].key};
    int64_t at = h->n_events++;
    for (; at > 0 && is_before(&one, &h->events[(at - 1) / 2]); at = (at - 1) / 2)
        h->events[at] = h->events[(at - 1) / 2];
    h->events[at] = one;
}

static struct event take_first(struct held *h)
{
    struct event first = h->events[0], last = h->events[--h->n_events];
    int64_t at = 0, child;
    for (; (child = 2 * at + 1) < h->n_events; at = child) {
        if (child + 1 < h->n_events && is_before(&h->events[child + 1], &h->events[child]))
            child++;
        if (!is_before(&h->events[child], &last))
            break;
        h->events[at] = h->events[child];
    }
    h->events[at] = last;
    return first;
}

/* ---- ways ---- */

static int32_t link_of(const struct held *h, int x, int y, enum port port, bool past_seam)
{
    return ((y * h->n_routers[PLMR_X] + x) * N_PORTS + (int)port) * 2 + past_seam;
}

/* Along an axis, from router to router; returns how many links. */
static int go_along(const struct held *h, enum plmr_axis axis, int at[2], int to, int32_t *link)
{
    int n = 0, size = h->n_routers[axis];
    bool past_seam = false, up = h->rings || to > at[axis];
    while (at[axis] != to) {
        enum port port = axis == PLMR_X ? (up ? UP_X : DOWN_X) : (up ? UP_Y : DOWN_Y);
        past_seam = past_seam || (up && at[axis] == size - 1 && h->s->region->device->buffer > 0);
        link[n++] = link_of(h, at[PLMR_X], at[PLMR_Y], port, past_seam);
        at[axis] = (at[axis] + (up ? 1 : size - 1)) % size;
    }
    return n;
}

static void find_way(const struct held *h, const plmr_packet *p, struct way *way)
{
    int most = h->n_routers[PLMR_X] + h->n_routers[PLMR_Y] + 2, at[2] = {[PLMR_X] = p->x, [PLMR_Y] = p->y};
    way->link = plmr_take((size_t)most * sizeof *way->link);
    way->t = plmr_take((size_t)most * sizeof *way->t);
    way->link[way->n++] = link_of(h, p->x, p->y, INTO, false);
    way->n += go_along(h, PLMR_X, at, p->to_x, way->link + way->n);
    way->n += go_along(h, PLMR_Y, at, p->to_y, way->link + way->n);
    way->link[way->n++] = link_of(h, p->to_x, p->to_y, OUT_OF, false);
}

static bool turns(const struct way *way, int i)
{
    enum port before = (enum port)(way->link[i - 1] / 2 % N_PORTS), port = (enum port)(way->link[i] / 2 % N_PORTS);
    return before <= DOWN_X && (port == UP_Y || port == DOWN_Y);
}

/* From taking link i of a way to asking for the next one. */
static double step_after(const struct held *h, const struct way *way, int i)
{
    return (i == 0 ? h->s->ramp : h->s->hop) + (turns(way, i + 1) ? h->s->turn : 0);
}

/* ---- links ---- */

/* When the tail has gone over link j of its way; known once the head has got far enough. */
static double tail_gone(const struct held *h, const plmr_packet *p, const struct way *way, int j)
{
    double buffer = h->s->region->device->buffer, gone = way->t[j] + p->w, flight = 0;
    for (int m = 1; buffer > 0 && m * buffer < p->words && j + m < way->n; m++) {
        flight += step_after(h, way, j + m - 1);
        double room = plmr_device_quantise(m * buffer * h->s->link);
        gone = plmr_latest(gone, way->t[j + m] - flight + p->w - room);
    }
    return gone;
}

/* Links behind the head that hold the tail, at most. */
static int reach_of(const struct held *h, const plmr_packet *p)
{
    double buffer = h->s->region->device->buffer;
    return buffer > 0 ? (int)((p->words - 1) / buffer) : 0;
}

/* Links that a packet does not need any more, from t on. */
static void release_behind(struct held *h, int packet, double t)
{
    const plmr_packet *p = &h->packets[packet];
    struct way *way = &h->ways[packet];
    int last = way->taken - 1 - way->is_crowded;
    bool there = way->taken == way->n;
    while (way->released < way->taken && (there || way->released + reach_of(h, p) <= last)) {
        double gone = tail_gone(h, p, way, way->released);
        post(h, plmr_latest(gone, t), RELEASE, packet, way->released++);
    }
}

static bool fits(const struct held *h, const struct link *link, int n_more)
{
    double buffer = h->s->region->device->buffer;
    return buffer <= 0 || link->n_words == 0 || link->n_words + n_more <= buffer;
}

static void take_link(struct held *h, int packet, double t)
{
    struct way *way = &h->ways[packet];
    int i = way->taken++;
    way->t[i] = t;
    struct link *link = &h->links[way->link[i]];
    link->holder = packet;
    link->n_straight = way->is_straight ? link->n_straight + 1 : 0;
    if (i + 1 < way->n) {
        way->is_crowded = !fits(h, link, h->packets[packet].words);
        link->n_words += h->packets[packet].words;
        post(h, t + step_after(h, way, i), i > 0 && i + 2 < way->n && !turns(way, i + 1) ? STRAIGHT : JOIN, packet,
             i + 1);
    }
    release_behind(h, packet, t);
}

/* A packet's tail has gone on from the end of a link, whose holder may have waited for the room. */
static void make_room(struct held *h, struct link *link, int n_words, double t)
{
    int holder = link->holder;
    link->n_words -= n_words;
    if (holder < 0 || !h->ways[holder].is_crowded || &h->links[h->ways[holder].link[h->ways[holder].taken - 1]] != link)
        return;
    link->n_words -= h->packets[holder].words;
    h->ways[holder].is_crowded = !fits(h, link, h->packets[holder].words);
    link->n_words += h->packets[holder].words;
    release_behind(h, holder, t);
}

static void ask(struct held *h, const struct event *e)
{
    struct link *link = &h->links[h->ways[e->packet].link[e->i]];
    h->ways[e->packet].is_straight = e->kind == STRAIGHT;
    if (link->holder < 0) {
        take_link(h, e->packet, e->t);
        return;
    }
    h->ways[e->packet].next = -1;
    if (link->first < 0)
        link->first = e->packet;
    else
        h->ways[link->last].next = e->packet;
    link->last = e->packet;
}

/* The one that waits after which comes the first that goes straight on, if such ones go first now; -1: at the head. */
static int before_next(const struct held *h, const struct link *link)
{
    int before = -1;
    if (link->n_straight >= h->s->region->device->straight)
        return -1;
    for (int packet = link->first; packet >= 0; packet = h->ways[packet].next) {
        if (h->ways[packet].is_straight)
            return before;
        before = packet;
    }
    return -1;
}

static void let_go(struct held *h, const struct event *e)
{
    struct way *way = &h->ways[e->packet];
    struct link *link = &h->links[way->link[e->i]];
    link->holder = -1;
    if (e->i > 0)
        make_room(h, &h->links[way->link[e->i - 1]], h->packets[e->packet].words, e->t);
    if (link->first < 0)
        return;
    int before = before_next(h, link), next = before < 0 ? link->first : h->ways[before].next;
    if (before < 0)
        link->first = h->ways[next].next;
    else
        h->ways[before].next = h->ways[next].next;
    if (link->last == next)
        link->last = before;
    take_link(h, next, e->t);
}

/* ---- all of them ---- */

/* The other way round, with no words: until the sender knows. */
static double acknowledged(const struct held *h, const plmr_packet *p, double t)
{
    const plmr_device *device = h->s->region->device;
    int hops = plmr_way_links(device, PLMR_X, p->to_x, p->x) + plmr_way_links(device, PLMR_Y, p->to_y, p->y);
    return t + 2 * h->s->ramp + h->s->hop * hops;
}

static bool is_mine(const plmr_region *region, int x, int y)
{
    return x >= region->first[PLMR_X] && x < region->first[PLMR_X] + region->count[PLMR_X] &&
           y >= region->first[PLMR_Y] && y < region->first[PLMR_Y] + region->count[PLMR_Y];
}

/* Every rank has settled all; each keeps what is of its own cores. */
static void deliver(struct held *h, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        const plmr_packet *p = &h->packets[i];
        const struct way *way = &h->ways[i];
        double t = way->t[way->n - 1] + p->w + h->s->ramp;
        if (is_mine(h->s->region, p->to_x, p->to_y))
            plmr_settling_deliver(h->s, p->to_x, p->to_y, t);
        if (is_mine(h->s->region, p->x, p->y))
            plmr_settling_deliver(h->s, p->x, p->y, h->rings ? acknowledged(h, p, t) : way->t[0] + p->w);
    }
}

static int compare_keys(const void *a, const void *b)
{
    const plmr_packet *p = a, *q = b;
    return p->key < q->key ? -1 : p->key > q->key;
}

void plmr_settle_held(plmr_settling *s, plmr_packet *packets, int64_t n)
{
    const plmr_device *device = s->region->device;
    if (s->region->ranks)
        packets = plmr_deal_to_all(s->region->ranks, packets, sizeof *packets, n, &n);
    qsort(packets, (size_t)n, sizeof *packets, compare_keys);
    struct held h = {.s = s, .packets = packets, .rings = device->ring_cols > 0};
    h.n_routers[PLMR_X] = h.rings ? (int)device->ring_cols : s->region->extent[PLMR_X];
    h.n_routers[PLMR_Y] = h.rings ? (int)device->ring_rows : s->region->extent[PLMR_Y];
    size_t n_links = (size_t)h.n_routers[PLMR_X] * (size_t)h.n_routers[PLMR_Y] * N_PORTS * 2;
    h.links = plmr_take(n_links * sizeof *h.links);
    for (size_t i = 0; i < n_links; i++)
        h.links[i] = (struct link){-1, -1, -1, 0, 0};
    h.ways = plmr_take_zeroed((size_t)n + 1, sizeof *h.ways);
    for (int64_t i = 0; i < n; i++) {
        find_way(&h, &packets[i], &h.ways[i]);
        post(&h, packets[i].t, JOIN, (int)i, 0);
    }
    while (h.n_events > 0) {
        struct event e = take_first(&h);
        (e.kind == RELEASE ? let_go : ask)(&h, &e);
    }
    deliver(&h, n);
    for (int64_t i = 0; i < n; i++) {
        free(h.ways[i].link);
        free(h.ways[i].t);
    }
    free(h.ways);
    free(h.links);
    free(h.events);
    free(packets);
}
