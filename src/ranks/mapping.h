/* mapping.h - which rank has which place of the grid, so that neighbours on the wafer are neighbours on the machine.
 *
 * What crosses a block's edge is a message; it costs least within a cache, more within a node, most between nodes. So
 * the ranks of a node get a rectangle of places, of the shortest edges that there are, and those of a cache one within
 * it. Results do not depend on any of this.
 */
#pragma once

#include <stdbool.h>

/* Where a rank runs: any numbers, the same for ranks that share the node, or the node and the cache. */
typedef struct plmr_neighbourhood {
    int node, cache;
} plmr_neighbourhood;

/* rows x cols cores on a grid of ranks. */
typedef struct plmr_rank_grid {
    int rank_rows, rank_cols;
    int node_rows, node_cols;   /* places of a node; of all ranks where nodes have different numbers of them */
    int cache_rows, cache_cols; /* places of a cache; of a node where caches have different numbers of them */
} plmr_rank_grid;

/* Bytes that all ranks together hold of what passes along rows of ranks, of which a rank is to have those of its own row,
 * and along columns. */
typedef struct plmr_rank_traffic {
    double along_x, along_y;
} plmr_rank_traffic;

/* Chooses a grid of n_ranks ranks: of those on which nodes have the shortest edges, the one with the shortest edges of
 * ranks' blocks; among equals the one that splits rows, whose halos lie contiguously in memory. Where traffic is not
 * NULL it takes the place of edges: least is to be what all ranks of a node get from other nodes, through its one port, and
 * what a rank gets from any others, together. rank_rows and rank_cols that are not 0 are kept. Returns whether there is a grid
 * no larger than rows x cols. Local.
 *
 * On R x C ranks, of which a node has r x c, a rank gets from other nodes
 *
 *     along_x / R * (1 - c / C) + along_y / C * (1 - r / R)
 *
 * and from all others the same with r = c = 1. For example 64 ranks, 16 to a node, with 218 MB along x and 436 MB along y
 * (infer/traffic.h). On 4 x 16 ranks with 2 x 8 to a node, as edges would have it, a rank gets 218/4 * 1/2 + 436/16 * 1/2 =
 * 41 MB from other nodes, 654 MB a node; on 16 x 4 with 16 x 1 to a node 218/16 * 3/4 = 10 MB, 163 MB a node, and no weight
 * leaves its node. */
bool plmr_mapping_choose(const plmr_neighbourhood *where, int n_ranks, int rank_rows, int rank_cols, int rows, int cols,
                         const plmr_rank_traffic *traffic, plmr_rank_grid *grid);

/* Sets place[rank], row by row of the grid, for all ranks. Rank 0 has place 0. Takes time n_ranks^2. Local. */
void plmr_mapping_order(const plmr_neighbourhood *where, int n_ranks, const plmr_rank_grid *grid, int *place);
