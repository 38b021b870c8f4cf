/* plmr/ranks.h - the processes of a run, laid out as a grid that stands in for the wafer.
 *
 * Every process (rank) owns one block of cores of every region; the grid of ranks is a 2D Cartesian communicator. All
 * use of MPI is behind this header and src/ranks/.
 */
#ifndef PLMR_RANKS_H
#define PLMR_RANKS_H

#include "plmr/status.h"
#include "plmr/types.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct plmr_ranks plmr_ranks;

/* Starts and ends the message layer. Collective; once per process. */
plmr_status plmr_init(int *argc, char ***argv);
void plmr_finalize(void);

/* This process's number and how many there are; valid between init and finalize. */
int plmr_rank(void);
int plmr_rank_count(void);

/* Ends the whole job at once with this exit code; for failures that the other ranks cannot be told of. */
void plmr_exit_now(int code) __attribute__((noreturn));

/* Makes a grid of all ranks for regions of at least rows x cols cores. With rank_rows = rank_cols = 0 the grid with the
 * shortest block edges is chosen, those of nodes first. Ranks that share a node, and then a cache, are neighbours on
 * the grid; rank 0 has its first place. Fails (on all ranks alike) if the ranks do not form the grid or a rank would
 * own no core. Collective. */
plmr_status plmr_ranks_create(int rank_rows, int rank_cols, int rows, int cols, plmr_ranks **ranks);
void plmr_ranks_destroy(plmr_ranks *ranks);

/* Ranks along an axis of the grid, and this rank's place there. */
int plmr_ranks_extent(const plmr_ranks *ranks, enum plmr_axis axis);
int plmr_ranks_place(const plmr_ranks *ranks, enum plmr_axis axis);

/* Turns a failure of any rank into the same failure of all: every rank returns the error of the lowest rank that has
 * one, or PLMR_OK if none has. Takes ownership of `mine`. Collective. */
plmr_status plmr_agree(plmr_status mine);

/* Copies n_bytes from rank 0 to all. Collective. */
void plmr_broadcast(void *data, size_t n_bytes);

/* Waits for all ranks. Collective. */
void plmr_barrier(void);

#ifdef __cplusplus
}
#endif
#endif
