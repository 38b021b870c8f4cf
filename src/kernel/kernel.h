/* kernel.h - the arithmetic of many cores at once.
 *
 * Bits are defined by the emulated cores, not by these kernels: an element of a core's result is a chain of fused
 * multiply-adds (one rounding each, IEEE fmaf) in the order in which that core meets its k, starting from +0. Every
 * build of a kernel (AVX-512, AVX2+FMA, portable) gives the same bits. All functions here are local and touch no MPI.
 */
#pragma once

#include "plmr/status.h"
#include "plmr/types.h"

/* Consecutive logical chunk indices that lie next to each other in local memory. */
typedef struct plmr_run {
    int first, count;
} plmr_run;

/* Most rows or columns of a register tile of any build, and the most chunks of `size` that it spans, less one. */
enum { PLMR_MOST_SIDE = 16 };
#define PLMR_LAG(size) ((PLMR_MOST_SIDE - 2) / (size) + 1)

/* Where the tiles of a line lie, in elements. Strips have per_strip rows of A (columns of B) side by side: row r of the
 * block, in local order, begins at r / per_strip * strip_stride + r % per_strip, and its element of k kk is kk * k_stride
 * further.
 *
 * All zero: one tile after the other, each k-major, as {size, kt * size, size} has it, size being ms for A and ns for B.
 * A matrix whose rows are k and that has ld columns is {n, 0, ld} with lines kt * ld apart. Strips of w columns that hold
 * all n_k of k each are {w, n_k * w, w} with lines kt * w apart; of floats, with w = plmr_gemm_rows() for A, they are
 * multiplied where they lie, and nothing is copied. */
typedef struct plmr_layout {
    int per_strip;
    size_t strip_stride, k_stride;
} plmr_layout;

/* Rows of C that are worked on together: no more than PLMR_MOST_SIDE. */
int plmr_gemm_rows(void);

/* One batch of steps of a distributed GEMM on this rank's block of an L x L logical grid.
 *
 * Row chunk x has ms rows, column chunk y has ns columns, k slot l has kt elements; x, y, l in [0, n_slots).
 * In step t, core (x, y) multiplies k slot l = (t + x + y) mod n_slots, where x counts if `rows_skewed` and y if
 * `cols_skewed`, and adds to its C tile, k ascending inside the slot. A batch runs steps t0 <= t < t1 (t1 - t0 <=
 * n_slots) for every core of the block.
 *
 * A line holds one tile for every row chunk of the block, in local order (row_runs one after the other), where a_layout
 * says. Core row x finds slot l in line a_line[l] or, if a_aligned, in a_line[(l - x) mod n_slots]. B likewise with
 * columns, b_layout, and b_line[l] or b_line[(l - y) mod n_slots]. A line that is NULL holds zeros. Lines that the
 * batch does not need are not read, but of one that a chunk needs, its neighbours in the strip may be read, too. C is
 * row-major float: local rows (row chunk p, row i) at p * ms + i, leading dimension ldc elements; it is added to. An
 * ldc that is a multiple of 1024 costs speed, for all rows of a register tile then compete for the same few places in
 * the cache.
 *
 * A skewed run may be cut into batches, in order, all but the last, which has a step at least, open-ended. Neighbours
 * in C then need not end a batch in the same step: after it some elements are a few steps behind, and the next batch,
 * told of the n_before steps of the run so far, catches up. It finds the slots that they missed in lines that are older
 * than the batch by PLMR_LAG(ms) steps for A, and PLMR_LAG(ns) for B. With ms = 6 a register tile of 16 rows has rows
 * of chunks 0, 1 and 2; for column chunk 0 and two batches of 4 steps:
 *
 *     slot                    0  1  2  3  4  5  6  7  8  9
 *     chunk 0 is in step      0  1  2  3  4  5  6  7           a closed batch of steps 0-3 would take slots 0-5, of
 *     chunk 1                    0  1  2  3  4  5  6  7        which 0, 1, 4 and 5 only for some rows: masked, slowly
 *     chunk 2                       0  1  2  3  4  5  6  7
 *
 * Open-ended, it takes slots 0-3 for all rows: chunk 1 is then one step behind and chunk 2 two. The next batch, steps
 * 4-7 with n_before = 4, takes slots 4-9. For chunk 2 slot 4 is that of step 2, two steps older than the batch.
 */
typedef struct plmr_gemm_block {
    const struct plmr_isa *isa; /* NULL: the one that this process uses; others are for tests */
    int n_slots, kt, ms, ns;
    bool rows_skewed, cols_skewed, a_aligned, b_aligned;
    enum plmr_dtype a_dtype, b_dtype;
    enum plmr_dtype accumulate; /* PLMR_F32, or PLMR_F16: c = f16(fmaf(a, b, c)) after every multiply-add */
    int n_row_runs, n_col_runs;
    const plmr_run *row_runs, *col_runs;
    const void *const *a_line;
    const void *const *b_line;
    plmr_layout a_layout, b_layout;
    float *c;
    size_t ldc;
    int t0, t1;
    int n_before;
    bool open_ended;
    void (*progress)(void *context, double share); /* called now and then with the share that is done; NULL: none */
    void *progress_context;
} plmr_gemm_block;

/* Scratch for packing, sized from cache sizes (l2_bytes, l3_bytes of one core's share; 0 for defaults). */
typedef struct plmr_gemm_scratch plmr_gemm_scratch;
plmr_gemm_scratch *plmr_gemm_scratch_create(size_t l2_bytes, size_t l3_bytes);
void plmr_gemm_scratch_destroy(plmr_gemm_scratch *scratch);

/* Runs the batch. */
void plmr_gemm_block_run(const plmr_gemm_block *block, plmr_gemm_scratch *scratch);

/* One hop of a chain reduction of tile products: acc(i, j) = acc(i, j) + p(i, j) with p(i, j) the fmaf chain over kk of
 * a(kk, i) * b(kk, j) from +0 (with accumulate PLMR_F16 both are rounded to f16 after every operation).
 * a is k-major (kt x m), b is k-major (kt x n), acc row-major with leading dimension ldacc. isa: as in a block. */
void plmr_tile_product_add(const struct plmr_isa *isa, enum plmr_dtype dtype, enum plmr_dtype accumulate, int kt, int m,
                           int n, const void *a, const void *b, float *acc, size_t ldacc);

/* The same, but the chain goes on from acc(i, j), of which nothing else is added. */
void plmr_tile_product_onto(const struct plmr_isa *isa, enum plmr_dtype dtype, enum plmr_dtype accumulate, int kt,
                            int m, int n, const void *a, const void *b, float *acc, size_t ldacc);

/* acc[j] = acc[j] + part[j] (rounded to f16 if accumulate is PLMR_F16). */
void plmr_vector_add(enum plmr_dtype accumulate, int64_t n, const float *restrict part, float *restrict acc);

/* Conversions, n elements; to 16 bit round to nearest even, NaN stays NaN. */
void plmr_convert_to_float(enum plmr_dtype dtype, int64_t n, const void *restrict from, float *restrict to);
void plmr_convert_from_float(enum plmr_dtype dtype, int64_t n, const float *restrict from, void *restrict to);

/* "avx512", "avx2" or "portable": what this process runs. PLMR_KERNEL in the environment forces a lesser one. */
const char *plmr_kernel_name(void);

/* Fails if PLMR_KERNEL names no instruction set, or one that this processor lacks. */
plmr_status plmr_kernel_check(void);
