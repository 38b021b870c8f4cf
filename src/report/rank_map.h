/* rank_map.h - which rank owns which cores and where it runs, as texts. All functions are local: call them on rank 0. */
#pragma once

#include <stdio.h>

#include "ranks/topology.h"

/* The cores of one place of the grid, of a region of rows x cols. */
typedef struct plmr_block_of_rank {
    int first_row, last_row, first_col, last_col;
} plmr_block_of_rank;
plmr_block_of_rank plmr_rank_block(const plmr_rank_map *map, const plmr_rank_site *rank, int rows, int cols);

/* The first of the places, from 0 on, whose rank is on the same host as that of place i; and how many hosts there are.
 */
int plmr_ranks_first_on_host(const plmr_rank_map *map, int i);
int plmr_ranks_hosts(const plmr_rank_map *map);

/* For reports: a fact for each rank, where there are several and no more than a report has room for. */
void plmr_ranks_print(FILE *out, const plmr_rank_map *map, int rows, int cols);

/* For records: "0 rows 0..31 cols 0..63 on vm, package 0; 1 rows ..." of all ranks; the caller frees it. */
char *plmr_ranks_text(const plmr_rank_map *map, int rows, int cols);

/* Says on standard error what is to be warned of (see topology.h), unless PLMR_QUIET is set. */
void plmr_ranks_warn(const plmr_rank_map *map);
