#include "ranks/mapping.h"

#include <math.h>
#include <stdint.h>

#include "plmr/types.h"

static bool same(const plmr_neighbourhood *a, const plmr_neighbourhood *b, bool with_cache)
{
    return a->node == b->node && (!with_cache || a->cache == b->cache);
}

/* The lowest rank that is in the same node, or cache, as this one. */
static int first_of(const plmr_neighbourhood *where, int rank, bool with_cache)
{
    int first = 0;
    while (!same(&where[first], &where[rank], with_cache))
        first++;
    return first;
}

/* How many ranks each node, or cache, has; 0 if they are not as many in each. */
static int group_size(const plmr_neighbourhood *where, int n_ranks, bool with_cache)
{
    int size = 0;
    for (int rank = 0; rank < n_ranks; rank++) {
        if (first_of(where, rank, with_cache) != rank)
            continue;
        int n = 0;
        for (int other = rank; other < n_ranks; other++)
            n += same(&where[other], &where[rank], with_cache);
        if (size && n != size)
            return 0;
        size = n;
    }
    return size;
}

/* What is to be kept short: edges of rows x cols cores, or traffic. */
struct task {
    int rows, cols;
    const plmr_rank_traffic *traffic;
};

/* Half the edges of a block of block_rows x block_cols of the places; or what a rank in it gets from outside. */
static double from_outside(const struct task *t, const plmr_rank_grid *grid, int block_rows, int block_cols)
{
    double part_of_rows = (double)block_rows / grid->rank_rows, part_of_cols = (double)block_cols / grid->rank_cols;
    if (t->traffic)
        return t->traffic->along_x / grid->rank_rows * (1 - part_of_cols) +
               t->traffic->along_y / grid->rank_cols * (1 - part_of_rows);
    return (double)(plmr_ceil_div((int64_t)t->rows * block_rows, grid->rank_rows) +
                    plmr_ceil_div((int64_t)t->cols * block_cols, grid->rank_cols));
}

/* Cuts outer_rows x outer_cols places into rectangles of n places that get least from outside. There is one for every n
 * that divides their number: gcd(n, outer_rows) rows. Returns what they get. */
static double best_block(const struct task *t, const plmr_rank_grid *grid, int outer_rows, int outer_cols, int n,
                         int *block_rows, int *block_cols)
{
    double best = INFINITY;
    for (int c = 1; c <= n; c++) {
        int r = n / c;
        if (r * c != n || outer_rows % r || outer_cols % c || from_outside(t, grid, r, c) >= best)
            continue;
        best = from_outside(t, grid, r, c);
        *block_rows = r;
        *block_cols = c;
    }
    return best;
}

/* Of edges, nodes' before ranks'; of traffic, what comes through a node's port and what a rank takes itself. */
static double cost(const struct task *t, int per_node, double of_node, double of_rank)
{
    enum { ALWAYS_FIRST = 1 << 30 };
    return of_node * (t->traffic ? per_node : ALWAYS_FIRST) + of_rank;
}

bool plmr_mapping_choose(const plmr_neighbourhood *where, int n_ranks, int rank_rows, int rank_cols, int rows, int cols,
                         const plmr_rank_traffic *traffic, plmr_rank_grid *grid)
{
    const struct task task = {rows, cols, traffic};
    int per_node = group_size(where, n_ranks, false), per_cache = group_size(where, n_ranks, true);
    double best = INFINITY;
    per_node = per_node ? per_node : n_ranks;
    per_cache = per_cache && per_node % per_cache == 0 ? per_cache : per_node;
    for (int c = 1; c <= n_ranks; c++) {
        plmr_rank_grid g = {.rank_rows = n_ranks / c, .rank_cols = c};
        bool wanted = (!rank_rows || rank_rows == g.rank_rows) && (!rank_cols || rank_cols == c);
        if (g.rank_rows * c != n_ranks || g.rank_rows > rows || c > cols || !wanted)
            continue;
        double node = best_block(&task, &g, g.rank_rows, c, per_node, &g.node_rows, &g.node_cols);
        double all = cost(&task, per_node, node, from_outside(&task, &g, 1, 1));
        if (all >= best)
            continue;
        best_block(&task, &g, g.node_rows, g.node_cols, per_cache, &g.cache_rows, &g.cache_cols);
        best = all;
        *grid = g;
    }
    return best < INFINITY;
}

/* The place of the i-th rank, where ranks of a cache, and of a node, follow each other. */
static int place_of(const plmr_rank_grid *g, int i)
{
    int per_node = g->node_rows * g->node_cols, per_cache = g->cache_rows * g->cache_cols;
    int node = i / per_node, cache = i % per_node / per_cache, rank = i % per_cache;
    int nodes_across = g->rank_cols / g->node_cols, caches_across = g->node_cols / g->cache_cols;
    int row = node / nodes_across * g->node_rows + cache / caches_across * g->cache_rows + rank / g->cache_cols;
    int col = node % nodes_across * g->node_cols + cache % caches_across * g->cache_cols + rank % g->cache_cols;
    return row * g->rank_cols + col;
}

void plmr_mapping_order(const plmr_neighbourhood *where, int n_ranks, const plmr_rank_grid *grid, int *place)
{
    int i = 0;
    for (int node = 0; node < n_ranks; node++) {
        if (first_of(where, node, false) != node)
            continue;
        for (int cache = node; cache < n_ranks; cache++) {
            if (!same(&where[cache], &where[node], false) || first_of(where, cache, true) != cache)
                continue;
            for (int rank = cache; rank < n_ranks; rank++)
                if (same(&where[rank], &where[cache], true))
                    place[rank] = place_of(grid, i++);
        }
    }
}
