/* Whose messages are whose: told between ranks once, when a flow is made. */
#include "verbs/points.h"

#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "ranks/deal.h"

static int32_t place_of(const plmr_region *region, plmr_core_place core)
{
    return (core.y - region->first[PLMR_Y]) * region->count[PLMR_X] + core.x - region->first[PLMR_X];
}

static struct plmr_came *describe(const plmr_points *points, const int32_t *first_to)
{
    const plmr_messages *m = &points->messages;
    struct plmr_came *sent = plmr_take((size_t)m->n * sizeof *sent + 1);
    for (int64_t i = 0; i < m->n; i++)
        sent[i] = (struct plmr_came){m->from[i], m->to[i], m->words[i], first_to[i], points->n_values[i]};
    return sent;
}

/* The rank that gets each message; this one is after all others. Counts what goes where. */
static int32_t *find_ranks(const plmr_region *region, plmr_messages *m)
{
    int n_ranks = plmr_deal_count(region->ranks), me = plmr_deal_me(region->ranks);
    int32_t *to = plmr_take((size_t)m->n * sizeof *to + 1), *owners = plmr_region_owners(region);
    for (int64_t i = 0; i < m->n; i++) {
        int32_t rank = owners[m->to[i].x] + owners[region->extent[PLMR_X] + m->to[i].y];
        m->n_out[rank] += rank != me;
        m->n_away += rank != me;
        to[i] = rank == me ? n_ranks : rank;
    }
    free(owners);
    return to;
}

/* Messages that come, those of this rank last; takes the descriptions of those that go. */
static struct plmr_came *trade(plmr_ranks *ranks, plmr_messages *m, struct plmr_came *sent, int64_t *n)
{
    int64_t n_here = m->n - m->n_away;
    plmr_deal_count_in(ranks, m->n_out, m->n_in);
    for (int rank = 0; rank < plmr_deal_count(ranks); rank++)
        m->n_come += m->n_in[rank];
    struct plmr_came *came = plmr_take((size_t)(m->n_come + n_here) * sizeof *came + 1);
    plmr_deal_end(plmr_deal_begin(ranks, sent, m->n_out, came, m->n_in, sizeof *came));
    for (int64_t i = 0; i < n_here; i++)
        came[m->n_come + i] = sent[m->n_away + i];
    *n = m->n_come + n_here;
    free(sent);
    return came;
}

/* Words that each core of the block gets. */
static int64_t *count_words(const plmr_region *region, const struct plmr_came *came, int64_t n)
{
    size_t n_cores = (size_t)region->count[PLMR_X] * (size_t)region->count[PLMR_Y];
    int64_t *words = plmr_take_zeroed(n_cores + 1, sizeof *words);
    for (int64_t i = 0; i < n; i++)
        words[place_of(region, came[i].to)] += came[i].words;
    return words;
}

static void note_ends(const plmr_region *region, plmr_messages *m, const struct plmr_came *came, int64_t n)
{
    m->sender = plmr_take((size_t)m->n * sizeof *m->sender + 1);
    m->receiver = plmr_take((size_t)n * sizeof *m->receiver + 1);
    for (int64_t i = 0; i < m->n; i++)
        m->sender[i] = place_of(region, m->from[i]);
    for (int64_t i = 0; i < n; i++)
        m->receiver[i] = place_of(region, came[i].to);
}

/* What is known by message, in the order in which they go. */
static void put_in_order(plmr_points *points, const int32_t *to, int n_ranks)
{
    plmr_messages *m = &points->messages;
    m->sender = plmr_deal_sort(m->sender, sizeof *m->sender, m->n, to, n_ranks + 1);
    points->first_from = plmr_deal_sort(points->first_from, sizeof *points->first_from, m->n, to, n_ranks + 1);
    points->n_values = plmr_deal_sort(points->n_values, sizeof *points->n_values, m->n, to, n_ranks + 1);
    if (!m->delay)
        return;
    m->delay = plmr_deal_sort(m->delay, sizeof *m->delay, m->n, to, n_ranks + 1);
    m->dealing = plmr_dealing_create(points->region->ranks, m->n_out, m->n_in, sizeof *m->delay);
}

/* All ranks' clocks have the same lag, so what is the same on each is not enough. */
static double agree_on_busy(plmr_ranks *ranks, double mine)
{
    double ends[2] = {isnan(mine) ? INFINITY : mine, isnan(mine) ? INFINITY : -mine};
    plmr_ranks_max(ranks, ends, 2);
    return ends[0] == -ends[1] ? ends[0] : NAN;
}

void plmr_points_plan(plmr_points *points, const plmr_region *of, const int32_t *first_to)
{
    plmr_messages *m = &points->messages;
    struct plmr_came *came = describe(points, first_to);
    int n_ranks = of->ranks ? plmr_deal_count(of->ranks) : 1;
    int64_t n = m->n;
    int32_t *to = NULL;
    if (n_ranks > 1) {
        m->n_out = plmr_take_zeroed(2 * (size_t)n_ranks, sizeof *m->n_out);
        m->n_in = m->n_out + n_ranks;
        to = find_ranks(of, m);
        came = trade(of->ranks, m, plmr_deal_sort(came, sizeof *came, m->n, to, n_ranks + 1), &n);
    }
    int64_t *words = count_words(of, came, n);
    plmr_points_measure(of, m, words);
    if (n_ranks > 1)
        m->common_busy = agree_on_busy(of->ranks, m->common_busy);
    note_ends(of, m, came, n);
    if (n_ranks > 1)
        put_in_order(points, to, n_ranks);
    if (points->region->options.values)
        plmr_points_values_plan(points, came, n, first_to);
    free(words);
    free(to);
    free(came);
}
