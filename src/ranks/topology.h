/* topology.h - which rank owns which part of the wafer, and where on the machine it runs. */
#pragma once

#include "base/machine.h"
#include "ranks/ranks.h"

typedef struct plmr_rank_site {
    int rank, row, col; /* the rank's number, and its place on the grid */
    plmr_site site;
} plmr_rank_site;

typedef struct plmr_rank_map {
    int rank_rows, rank_cols;
    plmr_rank_site *ranks; /* rank_rows * rank_cols of them, by place, row by row; NULL but on rank 0 */
} plmr_rank_map;

/* Asks every rank. Collective. */
void plmr_rank_map_gather(const plmr_ranks *ranks, plmr_rank_map *topology);
void plmr_rank_map_free(plmr_rank_map *topology);

/* What of the start of a run is to be warned of, as one line that says what, where and what to do: more ranks on a host
 * than it has cores, several on the same core while others idle, several that are not bound. Returns whether there is
 * any. Local. */
bool plmr_rank_map_warning(const plmr_rank_map *topology, char *text, size_t size);
