/* dump.h - named intermediate tensors as files, for comparing step by step with another engine.
 *
 * A dump folder gets one .npy file of float32 per tensor, rows x elements in the model's own order:
 * PHASE-TOKEN-LAYER-NAME.npy, TOKEN being the position of the first row.
 */
#pragma once

#include "infer/grid.h"

typedef struct plmr_dump {
    const char *folder; /* NULL: nothing is written */
} plmr_dump;

/* Makes the folder, or takes one that is there and empty; *made: there was none. Call it on one rank. */
plmr_status plmr_dump_folder(const char *folder, bool *made);

/* Writes rows of which this rank holds the given part, `ld` floats from row to row. Collective if there is a folder. */
plmr_status plmr_dump_columns(const plmr_dump *dump, const plmr_grid *grid, const plmr_deal *deal, const char *phase,
                              int64_t token, int layer, const char *name, int64_t n_rows, const float *values,
                              size_t ld);

/* Writes rows of `n` elements that every rank has, from rank 0. Collective if there is a folder. */
plmr_status plmr_dump_rows(const plmr_dump *dump, const char *phase, int64_t token, int layer, const char *name,
                           int64_t n_rows, int64_t n, const float *values, size_t ld);
