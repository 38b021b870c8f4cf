/* result.h - what becomes of a distributed result: its checksum, and the user's file.
 *
 * The functions that take a rectangle are plmr_visit callbacks (see base/values.h): rectangles of the padded matrix,
 * of which they take what lies inside the m x n matrix.
 */
#pragma once

#include "base/npy.h"
#include "verbs/verbs.h"

/* The rows and columns of a padded rectangle that lie inside an m x n matrix. */
void plmr_result_clip(int64_t m, int64_t n, int64_t row, int64_t col, int *n_rows, int *n_cols);

/* This rank's part of the checksum of an m x n result stored as dtype. */
typedef struct plmr_checksum {
    int64_t m, n;
    enum plmr_dtype dtype;
    uint64_t sum;
} plmr_checksum;

plmr_status plmr_checksum_rectangle(void *checksum, int64_t row, int64_t col, int n_rows, int n_cols,
                                    const float *values, size_t ld);

/* Makes a draft of PATH (see ranks/shared_npy.h) for an m x n result (a vector of n elements if n_dims is 1): float16
 * for a result stored as f16, else float32, which holds bf16 exactly. Without a path *output has none either.
 * Errors name the option. Collective. */
plmr_status plmr_output_open(const char *option, const char *path, enum plmr_dtype dtype, int n_dims, int64_t m,
                             int64_t n, plmr_npy *output);

plmr_status plmr_output_rectangle(void *output, int64_t row, int64_t col, int n_rows, int n_cols, const float *values,
                                  size_t ld);
