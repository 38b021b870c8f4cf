/* internal.h - shared by the files of src/ranks alone: the only ones that see MPI. */
#pragma once

#include <mpi.h>

#include "ranks/ranks.h"

struct plmr_ranks {
    MPI_Comm grid;    /* R x C, row-major: dimension 0 is y, 1 is x */
    MPI_Comm line[2]; /* by axis: the ranks that share this rank's other coordinate, ordered by place */
    int extent[2], place[2];
    int n_here; /* ranks on this node */
    plmr_ranks_times times;
};

/* A call that fails ends the job with one line. */
#define PLMR_MPI(call) plmr_mpi_must((call), __FILE__, __LINE__)
void plmr_mpi_must(int code, const char *file, int line);

/* In place of an axis: messages between any two ranks, whose places are their numbers row by row. */
#define PLMR_EVERY_RANK ((enum plmr_axis)2)

/* Largest piece of one message: MPI counts are int. */
enum { PLMR_PIECE_BYTES = 1 << 30 };
