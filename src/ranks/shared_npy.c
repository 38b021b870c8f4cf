#include "ranks/shared_npy.h"

#include <limits.h>
#include <stdio.h>

#include "plmr/ranks.h"

plmr_status plmr_shared_npy_create(const char *path, enum plmr_dtype dtype, int n_dims, int64_t rows, int64_t cols,
                                   plmr_npy *npy)
{
    char draft[PATH_MAX] = "";
    *npy = (plmr_npy){.fd = -1};
    PLMR_TRY(plmr_agree(plmr_rank() == 0 ? plmr_npy_create(path, dtype, n_dims, rows, cols, npy) : PLMR_OK));
    plmr_npy created = *npy;
    if (plmr_rank() == 0)
        snprintf(draft, sizeof draft, "%s", npy->path);
    plmr_broadcast(draft, sizeof draft);
    plmr_broadcast(&created, sizeof created);
    created.path = draft;
    plmr_status status = plmr_agree(plmr_rank() > 0 ? plmr_npy_attach(&created, npy) : PLMR_OK);
    if (status)
        plmr_npy_discard(npy);
    return status;
}

plmr_status plmr_shared_npy_commit(plmr_npy *npy, plmr_status mine)
{
    if (!mine && plmr_rank() > 0)
        mine = plmr_npy_close(npy);
    plmr_status status = plmr_agree(mine);
    if (!status)
        status = plmr_agree(plmr_rank() == 0 ? plmr_npy_commit(npy) : PLMR_OK);
    plmr_npy_discard(npy);
    return status;
}
