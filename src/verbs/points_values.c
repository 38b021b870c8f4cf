/* Values of messages: between ranks, every rank's in one piece. */
#include "verbs/points.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "ranks/deal.h"
#include "verbs/part.h"
#include "verbs/tiles_inside.h"

/* What the receiver needs to know of a message. */
struct plmr_came {
    plmr_core_place from, to;
    int32_t first_to, n_values;
    int64_t place; /* where in the pieces, one after the other, its values are */
};

/* Which of two comes first into the same place: the sender's place, then the order in which it came. */
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

static void put_in_order(plmr_points_values *v)
{
    struct in_order *all = plmr_take((size_t)v->n_came * sizeof *all + 1);
    for (int64_t i = 0; i < v->n_came; i++)
        all[i] = (struct in_order){v->came[i].from, i};
    qsort(all, (size_t)v->n_came, sizeof *all, compare);
    v->order = plmr_take((size_t)v->n_came * sizeof *v->order + 1);
    for (int64_t i = 0; i < v->n_came; i++)
        v->order[i] = all[i].i;
    free(all);
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

static void plan_alike(plmr_points *points, const int32_t *first_to)
{
    const plmr_region *region = points->region;
    plmr_points_values *v = &points->values;
    size_t n_ranks = (size_t)plmr_deal_count(region->ranks);
    int me = plmr_ranks_place(region->ranks, points->axis), n_lines = region->count[!points->axis];
    v->n_out = plmr_take_zeroed(2 * n_ranks, sizeof *v->n_out);
    v->n_in = v->n_out + n_ranks;
    v->first_to = plmr_take((size_t)points->messages.n * sizeof *v->first_to + 1);
    for (int64_t i = 0; i < points->messages.n; i++) {
        int from = place_along(points, points->messages.from[i]), to = place_along(points, points->messages.to[i]);
        v->first_to[i] = first_to[i];
        if (from == me)
            v->n_out[rank_along(points, to)] += (int64_t)points->n_values[i] * n_lines;
        if (to == me)
            v->n_in[rank_along(points, from)] += (int64_t)points->n_values[i] * n_lines;
    }
}

/* Core `at` of line `line` of this rank's block. */
static plmr_core_place in_line(const plmr_points *points, plmr_core_place at, int line)
{
    uint16_t across = (uint16_t)(points->region->first[!points->axis] + line);
    return points->axis == PLMR_X ? (plmr_core_place){at.x, across} : (plmr_core_place){across, at.y};
}

static float *tile_of(const plmr_tiles *tiles, plmr_core_place core);

/* Copies between the pieces of all ranks, line by line, and tiles: what this rank's cores send, or what they get. */
static void copy_alike(const plmr_points *points, const plmr_tiles *tiles, float *pieces, const int64_t *n, bool out)
{
    const plmr_messages *messages = &points->messages;
    int n_ranks = plmr_deal_count(points->region->ranks), me = plmr_ranks_place(points->region->ranks, points->axis);
    float **next = plmr_take((size_t)n_ranks * sizeof *next);
    for (int rank = 0; rank < n_ranks; rank++) {
        next[rank] = pieces;
        pieces += n[rank];
    }
    for (int line = 0; line < points->region->count[!points->axis]; line++)
        for (int64_t i = 0; i < messages->n; i++) {
            plmr_core_place mine = out ? messages->from[i] : messages->to[i];
            if (place_along(points, mine) != me)
                continue;
            float **piece = &next[rank_along(points, place_along(points, out ? messages->to[i] : messages->from[i]))];
            float *tile = tile_of(tiles, in_line(points, mine, line)) +
                          (out ? points->first_from[i] : points->values.first_to[i]);
            size_t size = (size_t)points->n_values[i];
            memcpy(out ? *piece : tile, out ? tile : *piece, size * sizeof(float));
            *piece += size;
        }
    free(next);
}

/* ---- lists of each rank's own ---- */

void plmr_points_values_plan(plmr_points *points, const int32_t *first_to)
{
    if (points->alike) {
        plan_alike(points, first_to);
        return;
    }
    const plmr_region *region = points->region;
    const plmr_messages *messages = &points->messages;
    plmr_points_values *v = &points->values;
    size_t n_ranks = (size_t)plmr_deal_count(region->ranks);
    v->to_rank = plmr_take((size_t)messages->n * sizeof *v->to_rank + 1);
    v->n_out = plmr_take_zeroed(2 * n_ranks, sizeof *v->n_out);
    v->n_in = v->n_out + n_ranks;
    struct plmr_came *sent = plmr_take((size_t)messages->n * sizeof *sent + 1);
    for (int64_t i = 0; i < messages->n; i++) {
        v->to_rank[i] = plmr_points_owner(region, messages->to[i]);
        v->n_out[v->to_rank[i]] += points->n_values[i];
        sent[i] = (struct plmr_came){messages->from[i], messages->to[i], first_to[i], points->n_values[i], 0};
    }
    v->came = plmr_deal(region->ranks, sent, sizeof *sent, messages->n, v->to_rank, &v->n_came);
    int64_t place = 0;
    for (int64_t i = 0; i < v->n_came; i++) {
        v->came[i].place = place;
        place += v->came[i].n_values;
        v->n_in[plmr_points_owner(region, v->came[i].from)] += v->came[i].n_values;
    }
    put_in_order(v);
}

static float *tile_of(const plmr_tiles *tiles, plmr_core_place core)
{
    const plmr_region *region = tiles->region;
    int64_t row = core.y - region->first[PLMR_Y], col = core.x - region->first[PLMR_X];
    return tiles->values + (size_t)(row * region->count[PLMR_X] + col) * (size_t)tiles->n_values;
}

static int64_t total(const int64_t *n, int n_ranks)
{
    int64_t sum = 0;
    for (int rank = 0; rank < n_ranks; rank++)
        sum += n[rank];
    return sum;
}

/* The pieces for all ranks, one after the other. */
static float *pack(const plmr_points *points, const plmr_tiles *from)
{
    const plmr_points_values *v = &points->values;
    int n_ranks = plmr_deal_count(points->region->ranks);
    float *out = plmr_take((size_t)total(v->n_out, n_ranks) * sizeof *out + 1);
    if (points->alike) {
        copy_alike(points, from, out, v->n_out, true);
        return out;
    }
    float **next = plmr_take((size_t)n_ranks * sizeof *next), *piece = out;
    for (int rank = 0; rank < n_ranks; rank++) {
        next[rank] = piece;
        piece += v->n_out[rank];
    }
    for (int64_t i = 0; i < points->messages.n; i++) {
        size_t n = (size_t)points->n_values[i];
        memcpy(next[v->to_rank[i]], tile_of(from, points->messages.from[i]) + points->first_from[i], n * sizeof *out);
        next[v->to_rank[i]] += n;
    }
    free(next);
    return out;
}

void plmr_points_values_begin(plmr_points *points, const plmr_tiles *from)
{
    plmr_points_values *v = &points->values;
    plmr_ranks *ranks = points->region->ranks;
    int n_ranks = plmr_deal_count(ranks);
    bool is_part = from->region != points->region;
    plmr_tiles tiles = is_part ? plmr_part_lift(from) : *from;
    v->out = pack(points, &tiles);
    if (is_part)
        free(tiles.values);
    if (n_ranks == 1) { /* what is sent is what comes */
        v->in = v->out;
        v->out = NULL;
        return;
    }
    v->in = plmr_take((size_t)total(v->n_in, n_ranks) * sizeof *v->in + 1);
    v->messages = plmr_deal_begin(ranks, v->out, v->n_out, v->in, v->n_in, sizeof *v->out);
}

void plmr_points_values_end(plmr_points *points, plmr_tiles *to)
{
    plmr_points_values *v = &points->values;
    bool is_part = to->region != points->region;
    if (v->messages)
        plmr_deal_end(v->messages);
    plmr_tiles tiles = is_part ? plmr_part_lift(to) : *to;
    if (points->alike)
        copy_alike(points, &tiles, v->in, v->n_in, false);
    for (int64_t i = 0; i < v->n_came; i++) {
        const struct plmr_came *m = &v->came[v->order[i]];
        memcpy(tile_of(&tiles, m->to) + m->first_to, v->in + m->place, (size_t)m->n_values * sizeof(float));
    }
    if (is_part) {
        plmr_part_lower(&tiles, to);
        free(tiles.values);
    }
    free(v->out);
    free(v->in);
    v->messages = NULL;
    v->out = v->in = NULL;
}

void plmr_points_values_free(plmr_points_values *v)
{
    if (v->messages)
        plmr_deal_end(v->messages);
    free(v->out);
    free(v->in);
    free(v->order);
    free(v->first_to);
    free(v->came);
    free(v->n_out);
    free(v->to_rank);
}
