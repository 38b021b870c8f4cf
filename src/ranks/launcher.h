/* launcher.h - what the launcher of this process has said in its environment, whichever it is: mpirun of Open MPI or of
 * MPICH, or srun. Known before the message layer has started, and without it. */
#pragma once

#include <stdbool.h>

/* This process's number and how many were started, here on this node as well; -1, 1, 1: it was started alone. */
typedef struct plmr_launched {
    int rank, count, count_here;
} plmr_launched;

plmr_launched plmr_launched_as(void);

/* Whether each rank has memory of its own: simulated ones share what is static. */
bool plmr_ranks_are_processes(void);
