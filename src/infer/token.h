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

/* y = the sum over n matrices alike of x[i] W[i], x[i] being ldx apart: every core adds up its own partial products of all,
 * in their order, before the tree adds up cores. */
void plmr_token_multiply_sum(const plmr_grid *grid, plmr_matrix *const *matrices, int n, const float *x, size_t ldx,
                             float *y);

/* y = x / sqrt(mean(x^2) + eps) * weight, along y; the sum of squares goes through the tree. `weight`: of all elements.
 */
void plmr_token_norm(const plmr_grid *grid, float eps, const float *weight, int n, const float *x, float *y, size_t ld);
