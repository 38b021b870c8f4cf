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

/* A row for each token, of which this rank has the given parts. */
typedef struct plmr_dump_tensor {
    const char *phase;
    int64_t token;
    int layer;
    const char *name;
    const plmr_deal *tokens; /* of rows, */
    plmr_part rows;
    const plmr_deal *deal; /* of columns */
    plmr_part cols;
    const float *values;
    size_t ld;    /* elements from row to row */
    bool is_mine; /* to write: of ranks that have the same, one does */
} plmr_dump_tensor;

/* Writes it if there is a folder. Collective. */
plmr_status plmr_dump_write(const plmr_dump *dump, const plmr_dump_tensor *tensor);
