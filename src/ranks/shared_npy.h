/* shared_npy.h - a .npy file that all ranks write (see base/npy.h). */
#pragma once

#include "base/npy.h"

/* Makes a draft of PATH on rank 0 and opens it on all. On failure nothing is left of it. Collective. */
plmr_status plmr_shared_npy_create(const char *path, enum plmr_dtype dtype, int n_dims, int64_t rows, int64_t cols,
                                   plmr_npy *npy);

/* Closes everywhere, and gives the file its name if no rank has failed; else discards it. Takes ownership of `mine`;
 * the failure is everybody's. Collective. */
plmr_status plmr_shared_npy_commit(plmr_npy *npy, plmr_status mine);
