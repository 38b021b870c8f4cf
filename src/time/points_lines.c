/* Packets that share links, where words wait as many as come: rows are settled one by one, then columns. Ranks own rows,
 * then columns, of the whole region; where a rank's block has all columns, rows need no messages. */
#include "time/points_internal.h"

#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "ranks/deal.h"

/* ---- a line ---- */

struct line {
    enum plmr_axis axis;
    int n;
    const plmr_packet *joins; /* sorted by where they join; there, by who goes first */
    const int64_t *first;     /* those of core i: [first[i], first[i + 1]) */
    double hop, link;
    bool bordered; /* words may come slower than links are */
    int pitch;     /* from border to border along it; 0: there are none, */
    int before;    /* cores of the device before the line's; */
    double border_hop, border_word, border_more;
    plmr_packet *through[2]; /* room for all joins, twice */
    plmr_packet *out;        /* those that have got where they are going, along the axis */
    int64_t n_out;
};

static inline int goal(enum plmr_axis axis, const plmr_packet *p)
{
    return axis == PLMR_X ? p->to_x : p->to_y;
}

/* Those among joins that go the same way; `next` passes over the others. */
struct joining {
    const plmr_packet *next, *end;
};

static inline void find_next(struct joining *j, enum plmr_axis axis, int at, int step)
{
    while (j->next < j->end && (goal(axis, j->next) - at) * step <= 0)
        j->next++;
}

static inline bool is_border(const struct line *line, int at, int step)
{
    return line->pitch > 0 && (line->before + (step > 0 ? at + 1 : at)) % line->pitch == 0;
}

/* Sends a packet over a link of so many cycles a word, `more` than others take, as soon as it is free; returns when it is
 * again. Words that came slower than the link is are sent as they come. */
static inline double take_link(plmr_packet *p, double free_at, double hop, double word, double more)
{
    double go = plmr_latest(p->t, free_at), gone = go + plmr_device_quantise(word * p->words);
    gone = plmr_latest(gone, p->t + p->w + more);
    p->t = go + hop;
    p->w = gone - more - go;
    return gone;
}

/* The link from core `at` on: what came through, in the order in which it came, and what joins there. */
static inline int64_t settle_link(struct line *line, enum plmr_axis axis, int at, int step, int64_t n_through)
{
    const plmr_packet *come = line->through[0], *end = come + n_through;
    plmr_packet *gone = line->through[1];
    struct joining j = {line->joins + line->first[at], line->joins + line->first[at + 1]};
    double free_at = -INFINITY, hop = line->hop;
    bool over = is_border(line, at, step);
    find_next(&j, axis, at, step);
    for (;;) {
        while (come < end && goal(axis, come) == at)
            line->out[line->n_out++] = *come++;
        bool through = come < end && (j.next == j.end || come->t <= j.next->t);
        if (!through && j.next == j.end)
            break;
        plmr_packet p = through ? *come++ : *j.next++;
        if (!through)
            find_next(&j, axis, at, step);
        if (line->bordered) {
            free_at = over ? take_link(&p, free_at, line->border_hop, line->border_word, line->border_more)
                           : take_link(&p, free_at, hop, line->link, 0);
        } else {
            double go = plmr_latest(p.t, free_at);
            free_at = go + p.w;
            p.t = go + hop;
        }
        *gone++ = p;
    }
    return gone - line->through[1];
}

static inline void settle_direction(struct line *line, enum plmr_axis axis, int step)
{
    int64_t n = 0;
    for (int at = step > 0 ? 0 : line->n - 1; at >= 0 && at < line->n; at += step) {
        n = settle_link(line, axis, at, step, n);
        plmr_packet *swap = line->through[0];
        line->through[0] = line->through[1];
        line->through[1] = swap;
    }
}

/* Both directions, and those that are where they are going already. */
static void settle_line(struct line *line)
{
    line->n_out = 0;
    for (int at = 0; at < line->n; at++)
        for (int64_t i = line->first[at]; i < line->first[at + 1]; i++)
            if (goal(line->axis, &line->joins[i]) == at)
                line->out[line->n_out++] = line->joins[i];
    if (line->axis == PLMR_X) {
        settle_direction(line, PLMR_X, 1);
        settle_direction(line, PLMR_X, -1);
    } else {
        settle_direction(line, PLMR_Y, 1);
        settle_direction(line, PLMR_Y, -1);
    }
}

/* ---- in order ---- */

static int compare(const void *a, const void *b)
{
    const plmr_packet *p = a, *q = b;
    return plmr_packet_before(p, q) ? -1 : plmr_packet_before(q, p);
}

static void sort_packets(plmr_packet *p, int64_t n)
{
    if (n > 32) {
        qsort(p, (size_t)n, sizeof *p, compare);
        return;
    }
    for (int64_t i = 1; i < n; i++) {
        plmr_packet one = p[i];
        int64_t k = i;
        for (; k > 0 && plmr_packet_before(&one, &p[k - 1]); k--)
            p[k] = p[k - 1];
        p[k] = one;
    }
}

enum field { X, Y, TO_X, TO_Y };

static inline int field_of(const plmr_packet *p, enum field field)
{
    return field == X ? p->x : field == Y ? p->y : field == TO_X ? p->to_x : p->to_y;
}

/* Sorted by a field from 0 to n_values - 1, and else as they were; where those of each value begin in `first`. Frees
 * what it gets. */
static plmr_packet *sort_by(plmr_packet *packets, int64_t n, enum field field, int n_values, int64_t *first)
{
    plmr_packet *sorted = plmr_take((size_t)n * sizeof *sorted + 1);
    for (int value = 0; value <= n_values; value++)
        first[value] = 0;
    for (int64_t i = 0; i < n; i++)
        first[field_of(&packets[i], field)]++;
    int64_t sum = 0;
    for (int value = 0; value <= n_values; value++) {
        int64_t count = first[value];
        first[value] = sum;
        sum += count;
    }
    for (int64_t i = 0; i < n; i++)
        sorted[first[field_of(&packets[i], field)]++] = packets[i];
    for (int value = n_values; value > 0; value--)
        first[value] = first[value - 1];
    first[0] = 0;
    free(packets);
    return sorted;
}

/* Where the packets of each core begin that join a line, whose coordinate is `field`. */
static void find_firsts(const plmr_packet *packets, int64_t n, enum field field, int n_cores, int64_t *first)
{
    int64_t i = 0;
    for (int core = 0; core < n_cores; core++) {
        first[core] = i;
        while (i < n && field_of(&packets[i], field) == core)
            i++;
    }
    first[n_cores] = i;
    PLMR_ASSERT(i == n);
}

/* ---- rows, then columns ---- */

static int64_t longest(const int64_t *first, int n)
{
    int64_t most = 0;
    for (int i = 0; i < n; i++)
        most = first[i + 1] - first[i] > most ? first[i + 1] - first[i] : most;
    return most;
}

/* To the ranks that own the lines across the axis that they go along: `field` says which. */
static plmr_packet *deal_lines(const plmr_region *region, plmr_packet *packets, enum field field, int n_lines,
                               int64_t *n)
{
    int parts = region->ranks ? plmr_deal_count(region->ranks) : 1;
    if (parts == 1)
        return packets;
    int32_t *to = plmr_take((size_t)*n * sizeof *to + 1);
    for (int64_t i = 0; i < *n; i++)
        to[i] = plmr_ranks_owner(n_lines, parts, field_of(&packets[i], field));
    packets = plmr_deal(region->ranks, packets, sizeof *packets, *n, to, n);
    free(to);
    return packets;
}

/* Settles all lines along the axis, of `field`, that this rank owns; `done` gets the packets of each when it is. */
struct pass {
    enum plmr_axis axis;
    enum field line, at; /* which line, and where on it packets join */
    void (*done)(plmr_settling *s, struct line *line, int index, void *context);
    void *context;
};

static struct line make_line(const plmr_settling *s, enum plmr_axis axis, const int64_t *first, size_t room)
{
    const plmr_device *device = s->region->device;
    struct line line = {.axis = axis,
                        .n = s->region->extent[axis],
                        .first = first,
                        .hop = s->hop,
                        .link = s->link,
                        .bordered = device->border_cols > 0 || device->border_rows > 0,
                        .pitch = plmr_way_pitch(device, axis),
                        .before = device->first[axis],
                        .border_hop = s->border_hop,
                        .border_word = plmr_way_border_word(device, axis),
                        .through = {plmr_take(room), plmr_take(room)},
                        .out = plmr_take(room)};
    line.border_more = plmr_device_quantise(line.border_word - line.link);
    return line;
}

static void settle_pass(plmr_settling *s, const struct pass *pass, plmr_packet *packets, int64_t n)
{
    int n_lines = s->region->extent[!pass->axis], n_cores = s->region->extent[pass->axis];
    int64_t *first_line = plmr_take((size_t)(n_lines + 1) * sizeof *first_line);
    int64_t *first = plmr_take((size_t)(n_cores + 1) * sizeof *first);
    packets = sort_by(packets, n, pass->line, n_lines, first_line);
    struct line line = make_line(s, pass->axis, first, (size_t)longest(first_line, n_lines) * sizeof *packets + 1);
    for (int i = 0; i < n_lines; i++) {
        int64_t n_joins = first_line[i + 1] - first_line[i];
        plmr_packet *joins = packets + first_line[i];
        if (n_joins == 0)
            continue;
        line.joins = joins;
        find_firsts(joins, n_joins, pass->at, n_cores, first);
        for (int core = 0; core < n_cores && pass->axis == PLMR_Y; core++)
            sort_packets(joins + first[core], first[core + 1] - first[core]);
        settle_line(&line);
        pass->done(s, &line, i, pass->context);
    }
    free(line.out);
    free(line.through[1]);
    free(line.through[0]);
    free(packets);
    free(first);
    free(first_line);
}

struct turned {
    plmr_packet *packets;
    int64_t n;
};

/* What a row has brought to its column, if it goes on along that. */
static void turn_all(plmr_settling *s, struct line *row, int y, void *context)
{
    struct turned *turned = context;
    (void)y;
    for (int64_t i = 0; i < row->n_out; i++) {
        plmr_packet *p = &turned->packets[turned->n++];
        *p = row->out[i];
        p->t += p->x != p->to_x && p->y != p->to_y ? s->turn : 0;
    }
}

/* Up the ramps of a column's cores, one packet after the other. */
static void eject_all(plmr_settling *s, struct line *column, int x, void *context)
{
    int64_t *first = context;
    plmr_packet *copy = plmr_take((size_t)column->n_out * sizeof *copy + 1);
    for (int64_t i = 0; i < column->n_out; i++)
        copy[i] = column->out[i];
    plmr_packet *sorted = sort_by(copy, column->n_out, TO_Y, column->n, first);
    for (int y = 0; y < column->n; y++) {
        double free_at = -INFINITY;
        sort_packets(sorted + first[y], first[y + 1] - first[y]);
        for (int64_t i = first[y]; i < first[y + 1]; i++) {
            if (column->bordered)
                free_at = take_link(&sorted[i], free_at, 0, column->link, 0);
            else
                free_at = plmr_latest(sorted[i].t, free_at) + sorted[i].w;
            plmr_settling_deliver(s, x, y, free_at + s->ramp);
        }
    }
    free(sorted);
}

/* Down the ramp of each core, one after the other: a packet's time is then when it is at the router. */
static void inject(const plmr_settling *s, plmr_packet *packets, int64_t n)
{
    double free_at = -INFINITY;
    for (int64_t i = 0; i < n; i++) {
        bool same = i > 0 && packets[i].key >> 32 == packets[i - 1].key >> 32;
        double t = same ? plmr_latest(packets[i].t, free_at) : packets[i].t;
        free_at = t + packets[i].w;
        packets[i].t = t + s->ramp;
    }
}

/* A sender has sent when its last word is down its ramp. */
static void note_sent(plmr_settling *s, const plmr_packet *packets, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        plmr_settling_deliver(s, packets[i].x, packets[i].y, packets[i].t - s->ramp + packets[i].w);
}

void plmr_settle_lines(plmr_settling *s, plmr_packet *packets, int64_t n)
{
    const plmr_region *region = s->region;
    int rows = region->extent[PLMR_Y], cols = region->extent[PLMR_X];
    inject(s, packets, n);
    note_sent(s, packets, n);
    packets = deal_lines(region, packets, Y, rows, &n);
    struct turned turned = {plmr_take((size_t)n * sizeof *packets + 1), 0};
    settle_pass(s, &(struct pass){PLMR_X, Y, X, turn_all, &turned}, packets, n);
    turned.packets = deal_lines(region, turned.packets, TO_X, cols, &turned.n);
    int64_t *first = plmr_take((size_t)(rows + 1) * sizeof *first);
    settle_pass(s, &(struct pass){PLMR_Y, TO_X, Y, eject_all, first}, turned.packets, turned.n);
    free(first);
}
