/* internal.h - shared by the files of src/ranks alone: the only ones that see MPI. */
#pragma once

#include <mpi.h>

#include "ranks/account.h"
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

/* On this node, as the launcher has said. */
bool plmr_ranks_outnumber_cores(void);

/* Waits for all of them. Where ranks outnumber the cores a rank sleeps between looks, as yielding would leave the cores
 * to those that wait as well. */
void plmr_requests_wait(int n, MPI_Request *requests, const plmr_awaited *awaited);

/* Largest piece of one message: MPI counts are int. */
enum { PLMR_PIECE_BYTES = 1 << 30 };
