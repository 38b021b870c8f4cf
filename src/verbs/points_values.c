/* Values of messages: between ranks, every rank's in one piece. */
#include "verbs/points.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "ranks/deal.h"
#include "verbs/part.h"
#include "verbs/tiles_inside.h"

/* Where the values of a message that comes are, and go. */
struct plmr_landing {
    int64_t place;    /* in the pieces, one after the other */
    int32_t receiver; /* core of this block */
    int32_t first_to, n_values;
};

/* A message of each line, as one of its ends has it. */
struct plmr_ends {
    int32_t core, first, n_values; /* core: place in the block's line */
    int32_t rank;                  /* that has the other end */
};

static int64_t total(const int64_t *n, int n_ranks)
{
    int64_t sum = 0;
    for (int rank = 0; rank < n_ranks; rank++)
        sum += n[rank];
    return sum;
}

/* ---- alike in all lines: every rank knows all messages ---- */

/* The place in the grid's axis whose ranks own core i of a line. */
static int place_along(const plmr_points *points, plmr_core_place at)
{
    const plmr_region *region = points->region;
    return plmr_ranks_owner(region->extent[points->axis], plmr_ranks_extent(region->ranks, points->axis),
                            points->axis == PLMR_X ? at.x : at.y);
}

/* The rank at that place of this rank's line of the grid. */
static int rank_along(const plmr_points *points, int place)
{
    const plmr_ranks *ranks = points->region->ranks;
    int across = plmr_ranks_place(ranks, points->axis == PLMR_X ? PLMR_Y : PLMR_X);
    return points->axis == PLMR_X ? across * plmr_ranks_extent(ranks, PLMR_X) + place
                                  : place * plmr_ranks_extent(ranks, PLMR_X) + across;
}

/* The ends of all messages that lie on this rank, those that follow each other in a tile as one; and how many values go to,
 * or come from, each rank. */
static struct plmr_ends *list_ends(const plmr_points *points, bool out, const int32_t *first, int64_t *n_values,
                                   int64_t *n)
{
    const plmr_messages *m = &points->messages;
    const plmr_region *region = points->region;
    int me = plmr_ranks_place(region->ranks, points->axis), n_lines = region->count[!points->axis];
    struct plmr_ends *ends = plmr_take((size_t)m->n * sizeof *ends + 1);
    *n = 0;
    for (int64_t i = 0; i < m->n; i++) {
        plmr_core_place mine = out ? m->from[i] : m->to[i];
        if (place_along(points, mine) != me)
            continue;
        int core = (points->axis == PLMR_X ? mine.x : mine.y) - region->first[points->axis];
        int rank = rank_along(points, place_along(points, out ? m->to[i] : m->from[i]));
        struct plmr_ends *last = *n ? &ends[*n - 1] : NULL;
        if (last && last->rank == rank && last->core == core && last->first + last->n_values == first[i])
            last->n_values += points->n_values[i];
        else
            ends[(*n)++] = (struct plmr_ends){core, first[i], points->n_values[i], rank};
        n_values[rank] += (int64_t)points->n_values[i] * n_lines;
    }
    return ends;
}

static void plan_alike(plmr_points *points, const int32_t *first_to)
{
    plmr_points_values *v = &points->values;
    size_t n_ranks = (size_t)plmr_deal_count(points->region->ranks);
    v->n_out = plmr_take_zeroed(2 * n_ranks, sizeof *v->n_out);
    v->n_in = v->n_out + n_ranks;
    v->from = list_ends(points, true, points->first_from, v->n_out, &v->n_from);
    v->to = list_ends(points, false, first_to, v->n_in, &v->n_to);
}

static void copy_values(float *to, const float *from, int32_t n)
{
    if (n == 1)
        *to = *from;
    else
        memcpy(to, from, (size_t)n * sizeof *to);
}

/* Copies between the pieces of all ranks, line by line, and tiles: what this rank's cores send, or what they get. */
static void copy_alike(const plmr_points *points, const plmr_tiles *tiles, float *pieces, bool out)
{
    const plmr_points_values *v = &points->values;
    const struct plmr_ends *ends = out ? v->from : v->to;
    const int *count = points->region->count;
    const int64_t *n_of_rank = out ? v->n_out : v->n_in, n = out ? v->n_from : v->n_to;
    int64_t along = points->axis == PLMR_X ? 1 : count[PLMR_X], across = points->axis == PLMR_X ? count[PLMR_X] : 1;
    int n_ranks = plmr_deal_count(points->region->ranks);
    float **next = plmr_take((size_t)n_ranks * sizeof *next);
    for (int rank = 0; rank < n_ranks; pieces += n_of_rank[rank++])
        next[rank] = pieces;
    for (int64_t line = 0; line < count[!points->axis]; line++)
        for (int64_t i = 0; i < n; i++) {
            float *tile = tiles->values + (line * across + ends[i].core * along) * tiles->n_values + ends[i].first;
            float **piece = &next[ends[i].rank];
            copy_values(out ? *piece : tile, out ? tile : *piece, ends[i].n_values);
            *piece += ends[i].n_values;
        }
    free(next);
}

/* ---- lists of each rank's own ---- */

/* Which of two comes first to a core: the sender's place, then the order in which it came. */
struct in_order {
    plmr_core_place from;
    int64_t i;
};

static int compare(const void *a, const void *b)
{
    const struct in_order *p = a, *q = b;
    int rows = p->from.y - q->from.y, cols = p->from.x - q->from.x;
    return rows ? rows : cols ? cols : (p->i > q->i) - (p->i < q->i);
}

/* The messages by core, as they come; where those of each core begin. */
static struct in_order *sort_by_core(const plmr_points *points, const struct plmr_came *came, int64_t n, int64_t *next)
{
    const int32_t *receiver = points->messages.receiver;
    struct in_order *all = plmr_take((size_t)n * sizeof *all + 1);
    int64_t sum = 0, n_cores = (int64_t)points->region->count[PLMR_X] * points->region->count[PLMR_Y];
    for (int64_t i = 0; i < n; i++)
        next[receiver[i]]++;
    for (int64_t core = 0; core < n_cores; core++) {
        int64_t count = next[core];
        next[core] = sum;
        sum += count;
    }
    for (int64_t i = 0; i < n; i++)
        all[next[receiver[i]]++] = (struct in_order){came[i].from, i};
    return all;
}

/* By receiver, there by sender, so that of what comes into the same place the last sender's stays. */
static struct in_order *put_in_order(const plmr_points *points, const struct plmr_came *came, int64_t n)
{
    int64_t n_cores = (int64_t)points->region->count[PLMR_X] * points->region->count[PLMR_Y], first = 0;
    int64_t *end = plmr_take_zeroed((size_t)n_cores + 1, sizeof *end);
    struct in_order *all = sort_by_core(points, came, n, end);
    for (int64_t core = 0; core < n_cores; core++) {
        bool sorted = true;
        for (int64_t i = first + 1; i < end[core] && sorted; i++)
            sorted = compare(&all[i - 1], &all[i]) < 0;
        if (!sorted)
            qsort(all + first, (size_t)(end[core] - first), sizeof *all, compare);
        first = end[core];
    }
    free(end);
    return all;
}

/* How many go to each rank, and come. */
static void count_values(plmr_points_values *v, const plmr_points *points, const struct plmr_came *came)
{
    const plmr_messages *m = &points->messages;
    const int32_t *n_values = points->n_values;
    int n_ranks = plmr_deal_count(points->region->ranks);
    v->n_out = plmr_take_zeroed(2 * (size_t)n_ranks, sizeof *v->n_out);
    v->n_in = v->n_out + n_ranks;
    for (int rank = 0; rank < n_ranks && m->n_out; rank++) {
        for (int64_t i = 0; i < m->n_out[rank]; i++)
            v->n_out[rank] += *n_values++;
        for (int64_t i = 0; i < m->n_in[rank]; i++)
            v->n_in[rank] += came++->n_values;
    }
}

/* Values in every message that goes, if all are alike, so that there is nothing to be looked up. */
static int find_each_sent(const plmr_points *points)
{
    int64_t n = points->messages.n;
    int each = n > 0 ? points->n_values[0] : 0;
    for (int64_t i = 0; i < n && each > 0; i++)
        each = points->first_from[i] == 0 && points->n_values[i] == each ? each : 0;
    return each;
}

/* The same of those that come, of which no two go to one core. */
static int find_each_got(const plmr_points *points, const struct plmr_came *came, int64_t n)
{
    const int32_t *receiver = points->messages.receiver;
    bool *gets = plmr_take_zeroed((size_t)points->region->count[PLMR_X] * (size_t)points->region->count[PLMR_Y] + 1, 1);
    int each = n > 0 ? came[0].n_values : 0;
    for (int64_t i = 0; i < n && each > 0; i++) {
        each = came[i].first_to == 0 && came[i].n_values == each && !gets[receiver[i]] ? each : 0;
        gets[receiver[i]] = true;
    }
    free(gets);
    return each;
}

static void list_landings(plmr_points *points, const struct plmr_came *came, int64_t n)
{
    plmr_points_values *v = &points->values;
    int64_t *place = plmr_take((size_t)(n + 1) * sizeof *place);
    place[0] = 0;
    for (int64_t i = 0; i < n; i++)
        place[i + 1] = place[i] + came[i].n_values;
    struct in_order *all = put_in_order(points, came, n);
    v->n_landings = n;
    v->landings = plmr_take((size_t)n * sizeof *v->landings + 1);
    for (int64_t j = 0; j < n; j++) {
        int64_t i = all[j].i;
        v->landings[j] =
            (struct plmr_landing){place[i], points->messages.receiver[i], came[i].first_to, came[i].n_values};
    }
    free(all);
    free(place);
}

static void plan_lists(plmr_points *points, const struct plmr_came *came, int64_t n)
{
    plmr_points_values *v = &points->values;
    int64_t n_in = 0, n_ranks = plmr_deal_count(points->region->ranks);
    count_values(v, points, came);
    for (int64_t i = 0; i < n; i++)
        n_in += came[i].n_values;
    v->in = plmr_take((size_t)n_in * sizeof *v->in + 1);
    if (n_ranks > 1)
        v->dealing = plmr_dealing_create(points->region->ranks, v->n_out, v->n_in, sizeof *v->in);
    v->n_each = find_each_got(points, came, n);
    if (!v->n_each)
        list_landings(points, came, n);
    points->n_each = find_each_sent(points);
    if (points->n_each) {
        free(points->first_from);
        free(points->n_values);
        points->first_from = points->n_values = NULL;
    }
}

void plmr_points_values_plan(plmr_points *points, const struct plmr_came *came, int64_t n, const int32_t *first_to)
{
    if (points->alike)
        plan_alike(points, first_to);
    else
        plan_lists(points, came, n);
}

/* Messages [first, end) of those that go, from tiles to a piece. */
static void pack(const plmr_points *points, const plmr_tiles *from, int64_t first, int64_t end, float *piece)
{
    const int32_t *sender = points->messages.sender;
    size_t tile = (size_t)from->n_values;
    int n = points->n_each;
    for (int64_t i = first; i < end && n; i++, piece += n)
        copy_values(piece, from->values + (size_t)sender[i] * tile, n);
    for (int64_t i = first; i < end && !n; i++) {
        copy_values(piece, from->values + (size_t)sender[i] * tile + points->first_from[i], points->n_values[i]);
        piece += points->n_values[i];
    }
}

/* What stays on this rank is put after all that comes. */
static void begin_lists(plmr_points *points, const plmr_tiles *from)
{
    plmr_points_values *v = &points->values;
    int64_t n_away = points->messages.n_away;
    if (v->dealing) {
        pack(points, from, 0, n_away, plmr_dealing_out(v->dealing));
        plmr_dealing_begin(v->dealing);
    }
    pack(points, from, n_away, points->messages.n, v->in + total(v->n_in, plmr_deal_count(points->region->ranks)));
}

/* A piece, a message after the other, each to its core. */
static void land_each(const plmr_tiles *to, const int32_t *receiver, int64_t n, const float *piece, int n_each)
{
    for (int64_t i = 0; i < n; i++)
        copy_values(to->values + (size_t)receiver[i] * (size_t)to->n_values, piece + i * n_each, n_each);
}

static void land_listed(const plmr_points_values *v, const plmr_tiles *to)
{
    for (int64_t i = 0; i < v->n_landings; i++) {
        const struct plmr_landing *l = &v->landings[i];
        copy_values(to->values + (size_t)l->receiver * (size_t)to->n_values + l->first_to, v->in + l->place,
                    l->n_values);
    }
}

static void end_lists(plmr_points *points, const plmr_tiles *to)
{
    plmr_points_values *v = &points->values;
    const plmr_messages *m = &points->messages;
    const int32_t *receiver = m->receiver;
    float *in = v->in;
    if (v->dealing)
        plmr_dealing_end(v->dealing);
    for (int rank = 0; v->dealing && rank < plmr_deal_count(points->region->ranks); rank++) {
        const float *piece = plmr_dealing_in(v->dealing, rank);
        if (v->n_each)
            land_each(to, receiver, m->n_in[rank], piece, v->n_each);
        else
            memcpy(in, piece, (size_t)v->n_in[rank] * sizeof *in);
        receiver += m->n_in[rank];
        in += v->n_in[rank];
    }
    if (v->n_each)
        land_each(to, receiver, m->n - m->n_away, in, v->n_each);
    else
        land_listed(v, to);
}

/* On one rank what is sent is what comes. */
static void begin_alike(plmr_points *points, const plmr_tiles *from)
{
    plmr_points_values *v = &points->values;
    plmr_ranks *ranks = points->region->ranks;
    int n_ranks = plmr_deal_count(ranks);
    if (!v->in) {
        v->in = plmr_take((size_t)total(v->n_in, n_ranks) * sizeof *v->in + 1);
        v->out = n_ranks > 1 ? plmr_take((size_t)total(v->n_out, n_ranks) * sizeof *v->out + 1) : NULL;
    }
    copy_alike(points, from, v->out ? v->out : v->in, true);
    if (v->out)
        v->messages = plmr_deal_begin(ranks, v->out, v->n_out, v->in, v->n_in, sizeof *v->out);
}

void plmr_points_values_begin(plmr_points *points, const plmr_tiles *from)
{
    bool is_part = from->region != points->region;
    plmr_tiles tiles = is_part ? plmr_part_lift(from) : *from;
    (points->alike ? begin_alike : begin_lists)(points, &tiles);
    if (is_part)
        free(tiles.values);
}

void plmr_points_values_end(plmr_points *points, plmr_tiles *to)
{
    plmr_points_values *v = &points->values;
    bool is_part = to->region != points->region;
    if (v->messages)
        plmr_deal_end(v->messages);
    v->messages = NULL;
    plmr_tiles tiles = is_part ? plmr_part_lift(to) : *to;
    if (points->alike)
        copy_alike(points, &tiles, v->in, false);
    else
        end_lists(points, &tiles);
    if (is_part) {
        plmr_part_lower(&tiles, to);
        free(tiles.values);
    }
}

void plmr_points_values_free(plmr_points_values *v)
{
    if (v->messages)
        plmr_deal_end(v->messages);
    plmr_dealing_destroy(v->dealing);
    free(v->out);
    free(v->in);
    free(v->landings);
    free(v->from);
    free(v->to);
    free(v->n_out);
}
