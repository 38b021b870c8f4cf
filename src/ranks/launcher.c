#include "ranks/launcher.h"

#include <stddef.h>
#include <stdlib.h>

static const struct {
    const char *rank, *count, *count_here;
} launchers[] = {
    {"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_SIZE"},
    {"PMI_RANK", "PMI_SIZE", "MPI_LOCALNRANKS"},                        /* MPICH and what comes from it; srun's pmi2 */
    {"PMIX_RANK", "SLURM_STEP_NUM_TASKS", "SLURM_STEP_TASKS_PER_NODE"}, /* srun; the last is a text: "4(x2)" */
    {"SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_STEP_TASKS_PER_NODE"},
};

plmr_launched plmr_launched_as(void)
{
    for (size_t i = 0; i < sizeof launchers / sizeof *launchers; i++) {
        const char *rank = getenv(launchers[i].rank), *count = getenv(launchers[i].count);
        const char *here = getenv(launchers[i].count_here);
        if (rank && count)
            return (plmr_launched){atoi(rank), atoi(count), here ? atoi(here) : 1};
    }
    return (plmr_launched){-1, 1, 1};
}

bool plmr_ranks_are_processes(void)
{
    return true;
}
