#include "ranks/topology.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "ranks/internal.h"

void plmr_rank_map_gather(const plmr_ranks *ranks, plmr_rank_map *topology)
{
    plmr_rank_site mine = {plmr_rank(), ranks->place[PLMR_Y], ranks->place[PLMR_X], plmr_machine_site()};
    *topology = (plmr_rank_map){.rank_rows = ranks->extent[PLMR_Y], .rank_cols = ranks->extent[PLMR_X]};
    topology->ranks = plmr_rank() == 0 ? plmr_take((size_t)plmr_rank_count() * sizeof mine) : NULL;
    PLMR_MPI(
        MPI_Gather(&mine, (int)sizeof mine, MPI_BYTE, topology->ranks, (int)sizeof mine, MPI_BYTE, 0, ranks->grid));
}

void plmr_rank_map_free(plmr_rank_map *topology)
{
    free(topology->ranks);
    *topology = (plmr_rank_map){0};
}

/* ---- warnings ---- */

static int count(const plmr_rank_map *t)
{
    return t->rank_rows * t->rank_cols;
}

static bool share_host(const plmr_rank_site *a, const plmr_rank_site *b)
{
    return strcmp(a->site.host, b->site.host) == 0;
}

static int ranks_on_host(const plmr_rank_map *t, const plmr_rank_site *of)
{
    int n = 0;
    for (int i = 0; i < count(t); i++)
        n += share_host(&t->ranks[i], of);
    return n;
}

static const plmr_rank_site *on_same_core(const plmr_rank_map *t, const plmr_rank_site *as)
{
    for (int i = 0; i < count(t); i++) {
        const plmr_rank_site *other = &t->ranks[i];
        if (other != as && as->site.core >= 0 && other->site.core == as->site.core && share_host(other, as))
            return other;
    }
    return NULL;
}

static bool warn_of_host(const plmr_rank_map *t, const plmr_rank_site *r, char *text, size_t size)
{
    int n = ranks_on_host(t, r), n_cores = r->site.n_cores;
    const plmr_rank_site *other = n <= n_cores ? on_same_core(t, r) : NULL;
    if (n > n_cores)
        snprintf(text, size, "%d ranks share the %d %s of %s and take turns: start %d there at most", n, n_cores,
                 n_cores == 1 ? "core" : "cores", r->site.host, n_cores);
    else if (other)
        snprintf(text, size,
                 "ranks %d and %d are both bound to core %d of %s, which has %d: bind them apart, with mpirun "
                 "--bind-to core or srun --cpu-bind=cores",
                 r->rank, other->rank, r->site.core, r->site.host, n_cores);
    else if (n > 1 && !r->site.bound)
        snprintf(text, size,
                 "the %d ranks on %s are not bound to cores, and the system may move them: set PLMR_BIND=core, or use "
                 "mpirun --bind-to core or srun --cpu-bind=cores",
                 n, r->site.host);
    else
        return false;
    return true;
}

bool plmr_rank_map_warning(const plmr_rank_map *topology, char *text, size_t size)
{
    for (int i = 0; i < count(topology); i++)
        if (warn_of_host(topology, &topology->ranks[i], text, size))
            return true;
    return false;
}
