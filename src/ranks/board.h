/* board.h - memory of a rank that other ranks of its node read: what is written there needs no message. */
#pragma once

#include "ranks/ranks.h"

typedef struct plmr_board plmr_board;

/* Room for n_bytes, as many as each rank likes. NULL on all ranks where any cannot have it, or may not read another's on
 * its node. Collective. */
plmr_board *plmr_board_create(plmr_ranks *ranks, size_t n_bytes);
void plmr_board_destroy(plmr_board *board);

/* This rank's. */
char *plmr_board_mine(const plmr_board *board);

/* Another rank's, by its number on the grid; NULL: it is on another node. */
const char *plmr_board_of(const plmr_board *board, int rank);
