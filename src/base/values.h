/* values.h - where values of a matrix come from and where they go, rectangle by rectangle. */
#pragma once

#include "plmr/status.h"
#include "plmr/types.h"

/* How blocks are laid out that kernels can read: as ggml has the types of these names. NONE: any others. */
enum plmr_packing { PLMR_PACKING_NONE, PLMR_PACKING_Q4_K, PLMR_PACKING_Q6_K, PLMR_PACKING_Q8_0, PLMR_N_PACKINGS };

/* Rows of a matrix that lie in memory one after the other: blocks of n_elements in n_bytes. */
typedef struct plmr_stored {
    const unsigned char *data; /* NULL: they lie nowhere */
    size_t row_bytes;
    int n_elements, n_bytes;
    void (*decode)(const unsigned char *blocks, int64_t n_blocks, float *to); /* needs no alignment */
    enum plmr_packing packing;
} plmr_stored;

/* Where a matrix's values come from: fills a rectangle of the matrix, row-major, leading dimension ld. Never asked
 * for elements outside the matrix. */
typedef struct plmr_source {
    plmr_status (*get)(const struct plmr_source *source, int64_t row, int64_t col, int n_rows, int n_cols, float *out,
                       size_t ld);
    const void *context;
    uint64_t seed;
    int64_t rows, cols;
    int64_t first_row; /* of a source of some rows of a matrix: of that matrix */
    plmr_stored stored;
} plmr_source;

/* How many of `count` elements from `first` on lie below `limit`: the part of a padded chunk that the matrix has. */
static inline int64_t plmr_clip(int64_t first, int64_t count, int64_t limit)
{
    int64_t left = limit - first;
    return left < 0 ? 0 : left < count ? left : count;
}

/* Values in [-1, 1) that depend on seed, row and column alone (counter-based random numbers): the same on any ranks. */
void plmr_source_synthetic(plmr_source *source, uint64_t seed, int64_t rows, int64_t cols);

/* All 1. */
void plmr_source_ones(plmr_source *source, int64_t rows, int64_t cols);

/* Takes a rectangle of a result: rows [row, row + n_rows) x columns [col, col + n_cols) at `values`, leading dimension
 * ld. */
typedef plmr_status (*plmr_visit)(void *context, int64_t row, int64_t col, int n_rows, int n_cols, const float *values,
                                  size_t ld);
