/* verify.h - compares a distributed result with a reference in double precision.
 *
 * The reference of element (i, j) is the sum over k of a(i, k) b(k, j) in double, with a and b from the sources,
 * rounded to the dtype as storage rounds them; nothing is taken from the fabric's memory. Every rank checks elements
 * that it owns: all where m k n is small enough, else a grid of rows and columns that depends on the sizes alone and
 * holds the first and last ones and both sides of chunk borders.
 *
 * How far a right result may be off follows from the arithmetic. Storage and accumulation round to nearest: fl(x) = x
 * (1 + d)
 * + e with |d| <= u and |e| <= v, where
 *
 *     f32            u = 2^-24                v = 2^-150   (half the spacing of subnormals)
 *     f16            u = 2^-11                v = 2^-25
 *     bf16           u = 2^-8                 v = 2^-134
 *     f16 sums       u = 2^-11 + 2^-23        v = 2^-24    (a multiply-add in f32, rounded again to f16)
 *
 * An element's sum is one of fused multiply-adds and additions in some order, in which a term passes through at most
 * `depth` roundings. So each term is off by a factor between (1 - u)^depth and (1 + u)^depth, and with g = (1 +
 * u)^depth - 1
 *
 *     E = (g + g') S + (k + depth) v (1 + g),       S >= sum over k of |a(i, k) b(k, j)|
 *
 * bounds the error of the sum, g' being the same of the reference (u = 2^-53, depth k). S is the product of the norms
 * of row i of A and column j of B (Cauchy-Schwarz), which costs far less than the sum itself. Rounding to the result's
 * dtype adds u (|r| + E) + v for reference r. Zeros that pad the matrices add no rounding: x + 0 is exact.
 *
 * A sum may leave the range of its type: where S (1 + g) reaches the largest finite number of the accumulation, or |r|
 * + E that of the result's dtype, an infinity or NaN is right too, and counted as an overflow.
 */
#pragma once

#include "verbs/verbs.h"

typedef struct plmr_verify_problem {
    const plmr_source *a, *b; /* a (m, k); b (k, n), or (n, k) if transpose_b */
    bool transpose_b;
    int64_t m, k, n;
    int row_chunk, col_chunk; /* rows and columns of the result that lie together on a core */
    int64_t depth;            /* roundings that a term passes through at most, k or more in one chain */
    enum plmr_dtype dtype, accumulate;
    int64_t all_below; /* all elements are checked where m k n is at most this */
} plmr_verify_problem;

/* On all ranks alike. */
typedef struct plmr_verdict {
    double max_abs_err;
    double max_rel_err; /* max_abs_err over the largest element of the reference */
    double bound;       /* the largest bound of any checked element */
    double max_reference;
    int64_t elements, overflows;
} plmr_verdict;

typedef struct plmr_verify plmr_verify;

plmr_verify *plmr_verify_create(const plmr_verify_problem *problem);
void plmr_verify_destroy(plmr_verify *verify);

/* Checks what of a rectangle is to be checked: a plmr_visit. An error here is a failure to read or of memory. Local. */
plmr_status plmr_verify_rectangle(void *verify, int64_t row, int64_t col, int n_rows, int n_cols, const float *values,
                                  size_t ld);

/* Sums up over all ranks; *wrong is NULL, or says (alike on all ranks, for the caller to free) which element is further
 * off than rounding allows. Collective. */
void plmr_verify_finish(plmr_verify *verify, plmr_ranks *ranks, plmr_verdict *verdict, plmr_status *wrong);

/* The bound above. sum_abs is S. Sets *may_overflow where no finite value need come out. */
double plmr_verify_bound(const plmr_verify_problem *problem, double reference, double sum_abs, bool *may_overflow);

/* The rows (or columns) 0 <= i < extent to check, ascending, at most `most` of them and at least 2 if there are: the
 * first, the last, and both sides of borders between chunks. Returns how many. */
int plmr_verify_picks(int64_t extent, int chunk, int most, int64_t *picks);
