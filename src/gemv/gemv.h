/* gemv.h - distributed GEMV: y (n) = x (k) B (k, n) on H x W cores.
 *
 * x is split along y and replicated along x; core (r, c) multiplies its part of x by its tile of B, (k/H, n/W); the
 * partial results are allreduced along y, so that every core of a column holds its part of the result. Which allreduce
 * is the algorithm: meshgemv (K-tree), pipeline (chain), ring.
 */
#pragma once

#include "base/registry.h"
#include "data/tree.h"
#include "verbs/reduce.h"
#include "verbs/verbs.h"

typedef struct plmr_gemv_problem {
    int64_t k, n;
    int rows, cols;
    enum plmr_dtype dtype, accumulate;
    plmr_reduce_options reduce;
} plmr_gemv_problem;

typedef struct plmr_gemv_algorithm {
    const char *name, *summary;
    const char *reduce; /* the allreduce that it uses */
} plmr_gemv_algorithm;

typedef struct plmr_gemv {
    plmr_gemv_problem problem;
    plmr_region *region;
    plmr_reduce_plan *plan;
    plmr_tree *tree; /* the plan's order of additions; NULL for a ring, whose chunks have orders of their own */
    int *place;      /* by core of this block along y: where in a strip its rows lie */
    int kt, nt;      /* elements of k and n per core: ceil(k/H), ceil(n/W) */
    int64_t n_local; /* columns of B in this block */
    float *x;        /* this block's part, as float */
    int64_t strip;   /* columns taken at a time: of whole cores */
    char *b;         /* this block's part, strip after strip, each row-major, rows in the tree's order: one stream */
    float *y;        /* this block's columns of the result */
    int64_t core_bytes;
} plmr_gemv;

PLMR_REGISTRY(gemv, plmr_gemv_algorithm)

plmr_status plmr_gemv_check(const plmr_gemv_problem *problem);

/* x is a 1 x k source, b a k x n one; both may be NULL in timing mode. Collective. */
plmr_status plmr_gemv_open(const plmr_gemv_algorithm *algorithm, const plmr_gemv_problem *problem, plmr_region *region,
                           const plmr_source *x, const plmr_source *b, plmr_gemv **gemv);
void plmr_gemv_close(plmr_gemv *gemv);

/* Collective. */
void plmr_gemv_run(plmr_gemv *gemv);

/* Calls visit once on each rank of the first rank row, for row 0 and its columns of y. */
plmr_status plmr_gemv_visit(plmr_gemv *gemv, plmr_visit visit, void *context);
