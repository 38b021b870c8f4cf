/* internal.h - shared by the files of src/mesh alone: the only ones that see MPI. */
#ifndef PLMR_MESH_MPI_H
#define PLMR_MESH_MPI_H

#include <mpi.h>

#include "mesh/mesh.h"

struct plmr_mesh {
    MPI_Comm grid;    /* R x C, row-major: dimension 0 is y, 1 is x */
    MPI_Comm line[2]; /* by axis: the ranks that share this rank's other coordinate, ordered by place */
    int extent[2], place[2];
    int n_here; /* ranks on this node */
    plmr_mesh_profile profile;
};

/* MPI's own default is to abort with its message; this catches builds and libraries that return codes instead. */
#define PLMR_MPI(call) PLMR_ASSERT((call) == MPI_SUCCESS)

/* Largest piece of one message: MPI counts are int. */
enum { PLMR_PIECE_BYTES = 1 << 30 };

#endif
