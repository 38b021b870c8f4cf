/* packed.h - weights of quantised types, made into what cores hold by the kernels themselves.
 *
 * Blocks are those of ggml, as src/model/quant.c describes them; bits are those that its decoders give, rounded to f16. The
 * kernels take some columns of W, rows of the store, at a time, and give their elements side by side:
 *
 *     from[0]  d q0 q1 q2 ... q31   d q32 ...         row 0   q0 of from[0], of from[1], ..., of from[31]
 *     from[1]  d q0 q1 q2 ... q31   d q32 ...   ->    row 1   q1 ...
 *     ...
 *
 * Compiled once for every instruction set, as vector.h has it.
 */
#pragma once

#include "base/values.h"
#include "kernel/vector.h"

/* Of PLMR_PACKED_COLS columns the nearest cache holds the rows of so many elements, a whole number of blocks of every type; and so
 * many elements of a block are widened without its others. */
enum { PLMR_PACKED_BLOCK = 256, PLMR_PACKED_PART = 32 };

/* Rows of PLMR_PACKED_COLS 16-bit elements, and what a vector's elements give with them: for places first <= k < end,
 * sums[k / kt * PLMR_PACKED_COLS + j] goes on with fma(x[k], b(k, j), .), and begins from +0 where k is the first of its kt. */
typedef struct plmr_gemv_rows {
    int kt;
    int64_t first, end;
    const float *x;
    const uint16_t *rows; /* that of place `first`, and so on; NULL: all zeros */
    const int32_t *row;   /* by place: which of the rows it is, -1: zeros; NULL: as they come */
    float *sums;
} plmr_gemv_rows;

typedef struct plmr_packed_functions {
    /* n_blocks blocks of each of PLMR_PACKED_COLS rows of the store to rows of f16; a NULL in `from` gives zeros. `wanted` has a byte
     * for each PLMR_PACKED_PART elements, 0: their rows are not wanted, and may be left as they are. `next` are those blocks that the
     * next call will begin with, and are fetched meanwhile; NULL: not known. */
    void (*widen)(enum plmr_packing packing, int64_t n_blocks, const unsigned char *wanted,
                  const unsigned char *const *from, const unsigned char *const *next, uint16_t *to);

    void (*add_rows)(const plmr_gemv_rows *rows); /* of f16 */
} plmr_packed_functions;

/* A product of few rows with PLMR_PACKED_COLS columns, as plmr_few_product is one: a row's chain with a column goes once around a ring
 * of n_k places, which zeros follow if `padded`. sums[i * PLMR_PACKED_COLS + j] is that of row i and column j, from place
 * start[i * PLMR_PACKED_COLS + j] on (more than n_k: from among the zeros), from +0, of fma(a[k * pitch + i], b(k, j), .). */
typedef struct plmr_packed_product {
    int n_rows;
    size_t pitch;
    int64_t n_k;
    bool padded;
    const int32_t *start;
    const float *a;
    const uint16_t *rows; /* of f16, as widened */
    const int32_t *row;   /* by place: which of the rows it is, -1: zeros; NULL: as they come */
    float *sums;
} plmr_packed_product;

typedef struct plmr_few_packed_functions {
    void (*multiply)(const plmr_packed_product *product);
} plmr_few_packed_functions;

const plmr_packed_functions *plmr_packed(void);
const plmr_few_packed_functions *plmr_few_packed(void);
