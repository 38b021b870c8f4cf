/* token.h - what decode's steps compute, on vectors dealt to one axis and copied along the other.
 *
 * "Along y": dealt to the rows of cores, "along x": to the columns; a rank has its cores' part, as all ranks do that share
 * its place on that axis. Every step is done for n vectors at once: the requests of a batch. Values only.
 */
#pragma once

#include "infer/grid.h"
#include "infer/matrix.h"

/* y = x W: one of the products of a vector x. */
typedef struct plmr_token_product {
    plmr_matrix *matrix;
    float *y;
    size_t ldy;
} plmr_token_product;

/* By partial products of all cores and one reduction, by the tree along the axis on which the Ws' in dimension lies. */
void plmr_token_multiply(const plmr_grid *grid, const plmr_token_product *products, int n_products, int n,
                         const float *x, size_t ldx);

/* A sum over n matrices alike of x[i] W[i], x[i] being ldx apart. Core c of the tree's line, of the n_cores from this rank's
 * first to its last, has chunk[c * n + i] of matrix i (-1: none). It adds up its own partial products of the matrices of a
 * part, in their order, then parts in theirs, before the tree adds up cores; with several parts that takes room for a value
 * more. */
typedef struct plmr_token_sum {
    const plmr_tree *tree;
    int n_cores, n;
    plmr_matrix *const *matrices;
    const int *chunk, *part; /* part: by matrix, those of one next to each other */
    const float *x;
    size_t ldx;
} plmr_token_sum;

void plmr_token_multiply_sum(const plmr_token_sum *sum, float *y);

/* y = x / sqrt(mean(x^2) + eps) * weight, along y; the sum of squares goes through the tree. `weight`: of all elements.
 */
void plmr_token_norm(const plmr_grid *grid, float eps, const float *weight, int n, const float *x, float *y, size_t ld);
