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

/* Starts and ends the message layer. Collective; once per process. Processes whose launcher is of another MPI than this
 * library's, so that each would be a job of its own, are an error. */
plmr_status plmr_init(int *argc, char ***argv);
void plmr_finalize(void);

/* In place of plmr_finalize, where it is not known how a process will end, as in an interpreter: at its exit() it waits for
 * the other ranks and ends the message layer. One whose exit code is not 0 waits for a few seconds only: if the others have
 * not ended by then, it ends the job, with its code. Local; after plmr_init. */
void plmr_finalize_at_exit(void);

/* In place of plmr_init in a program that has started MPI itself: the ranks are those of a communicator, whose address
 * is given; it stays the caller's. plmr_finalize then leaves MPI as it is, and plmr_init_on may come again. Collective
 * over it.
 *
 *     MPI_Comm half;
 *     MPI_Comm_split(MPI_COMM_WORLD, rank % 2, rank, &half);
 *     plmr_status status = plmr_init_on(&half);
 */
plmr_status plmr_init_on(const void *comm);

/* The version of these headers, and of the library that is linked; at any time. */
#define PLMR_HEADERS "1.0.0"
const char *plmr_version(void);

/* Tells the library what headers a program was compiled with. plmr_init, plmr_init_on and plmr_program_main do it themselves,
 * and fail where they are of another version than the library. Local. */
void plmr_headers(const char *version);
#define plmr_init(...) (plmr_headers(PLMR_HEADERS), plmr_init(__VA_ARGS__))
#define plmr_init_on(...) (plmr_headers(PLMR_HEADERS), plmr_init_on(__VA_ARGS__))

/* This process's number and how many there are; valid between init and finalize. */
int plmr_rank(void);
int plmr_rank_count(void);

/* ---- failures ----
 *
 * A rank that fails must not leave the others waiting for it. Where all ranks come together, plmr_agree makes its
 * failure everybody's, and they go on to the end in order. Between the messages of a verb they do not come together:
 * there a failure of one rank alone ends the whole job, with one line that names the rank, and exit code 1:
 *
 *     plmr_status status = plmr_agree(make_room(&pass));   // before the first message
 *     if (!status)
 *         status = plmr_end_if_alone(run_layers(&pass));   // messages go back and forth; a file may be unreadable here
 */

/* Turns a failure of any rank into the same failure of all: every rank returns the error of the lowest rank that has
 * one, or PLMR_OK if none has. The text of a PLMR_ERROR_SYSTEM that not all have starts with the rank and its host. A
 * rank that has failed waits for the others for a few seconds only: if they do not come, its error ends the job. Takes
 * ownership of `mine`. Collective. */
plmr_status plmr_agree(plmr_status mine);

/* Ends the job with this error if it is a PLMR_ERROR_SYSTEM of this rank, not one that plmr_agree has given to all;
 * else returns it. Local. */
plmr_status plmr_end_if_alone(plmr_status status);

/* Says on standard error, in one line, which rank has failed on which host and how, and ends the whole job with exit
 * code 1; for failures that the others cannot be told of. Works at any time, before plmr_init as well. */
void plmr_end_job(const char *format, ...) PLMR_PRINTF(1, 2) __attribute__((noreturn));

/* Makes a grid of all ranks for regions of at least rows x cols cores. With rank_rows = rank_cols = 0 the grid with the
 * shortest block edges is chosen, those of nodes first. Ranks that share a node, and then a cache, are neighbours on
 * the grid; rank 0 has its first place. Fails (on all ranks alike) if the ranks do not form the grid or a rank would
 * own no core. Collective. */
plmr_status plmr_ranks_create(int rank_rows, int rank_cols, int rows, int cols, plmr_ranks **ranks);
void plmr_ranks_destroy(plmr_ranks *ranks);

/* Ranks along an axis of the grid, and this rank's place there; 0 and -1 if there is no such grid or axis. */
int plmr_ranks_extent(const plmr_ranks *ranks, enum plmr_axis axis);
int plmr_ranks_place(const plmr_ranks *ranks, enum plmr_axis axis);

/* Copies n_bytes from rank 0 to all. Collective. */
void plmr_broadcast(void *data, size_t n_bytes);

/* Waits for all ranks. Collective. */
void plmr_barrier(void);

#ifdef __cplusplus
}
#endif
#endif
