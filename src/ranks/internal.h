/* internal.h - shared by the files of src/ranks alone: the only ones that see MPI. */
#pragma once

#include <mpi.h>

#include "ranks/account.h"
#include "ranks/mapping.h"
#include "ranks/ranks.h"

struct plmr_ranks {
    MPI_Comm grid;    /* R x C, row-major: dimension 0 is y, 1 is x */
    MPI_Comm line[2]; /* by axis: the ranks that share this rank's other coordinate, ordered by place */
    int extent[2], place[2];
    int n_here;   /* ranks on this node */
    int *numbers; /* of ranks, as plmr_rank() does, by place: row by row */
    plmr_ranks_times times;
    plmr_account *account; /* of messages; NULL: there was none, or nothing is kept */
    bool is_alone;         /* this rank works alone; see plmr_job */
};

/* All ranks: of MPI, or of the communicator that plmr was given; or this one, while it works alone. MPI_COMM_NULL: there
 * is none yet, or none any more. */
MPI_Comm plmr_world(void);

/* The same, but all of them while this rank works alone, too: who is ended when it fails. */
MPI_Comm plmr_job(void);

/* A call that fails ends the job with one line, and so does one that waits too long (see plmr_ranks_stall_after). */
#define PLMR_MPI(call) PLMR_MPI_FOR(NULL, call)
#define PLMR_MPI_FOR(awaited, call)                                                                                    \
    (plmr_call_begin(awaited), plmr_mpi_must((call), __FILE__, __LINE__), plmr_call_end())
void plmr_mpi_must(int code, const char *file, int line);

/* Whom a call waits for, and in which verb. */
typedef struct plmr_awaited {
    const char *verb;
    int *ranks, n; /* whose messages are to come */
} plmr_awaited;

/* This rank is in a call of the message layer; awaited NULL: for all ranks. */
void plmr_call_begin(const plmr_awaited *awaited);
void plmr_call_end(void);

/* In place of an axis: messages between any two ranks, whose places are their numbers row by row. */
#define PLMR_EVERY_RANK ((enum plmr_axis)2)

/* After a collective: all of its time is waiting, for nothing else is done meanwhile. */
void plmr_ranks_end_wait(plmr_ranks *ranks, double begin_s);

/* On this node, as the launcher has said. */
bool plmr_ranks_outnumber_cores(void);

/* Waits for all of them. Where ranks outnumber the cores a rank sleeps between looks, as yielding would leave the cores
 * to those that wait as well. */
void plmr_requests_wait(int n, MPI_Request *requests, const plmr_awaited *awaited);

/* kept.c: what is kept of the grids of all ranks that are done with. All ranks keep and take alike. */

/* Sets where all ranks run, as was found before; returns how many run on this node, 0: it was not. */
int plmr_kept_where(plmr_neighbourhood *where);
void plmr_keep_where(const plmr_neighbourhood *where, int n_here);

/* Such a grid, whose ranks have these places (see plmr_mapping_order), as new; NULL: there is none. */
plmr_ranks *plmr_kept_take(const plmr_rank_grid *grid, const int *place);

/* Returns whether it is kept, and no longer the caller's: a part of the ranks alone is not. */
bool plmr_keep(plmr_ranks *ranks);
void plmr_kept_free(void);

/* Frees a grid of which nothing is kept; NULL: nothing. */
void plmr_ranks_free(plmr_ranks *ranks);

/* Largest piece of one message: MPI counts are int. */
enum { PLMR_PIECE_BYTES = 1 << 30 };
