/* few.h - products of few rows, of a short prompt or of an expert's tokens, on a rank that has all rows of a matrix.
 *
 * They take as long as the weights take to be read: so these are read once, where they lie, in the file's order, and
 * widened in registers; strips that many rows share (strips.h) are not made. Elements of C are the same chains.
 */
#pragma once

#include "infer/gather.h"
#include "infer/pass.h"

/* Rows at most. */
enum { PLMR_FEW_MOST_ROWS = 16 };

/* Do ranks have a matrix as such a product wants it? Local. */
bool plmr_few_fits(const plmr_matrix *matrix, plmr_ranks *ranks, int64_t n_rows);

/* A block of A as gathered, n_rows of all k of its deal, in the order of the slots. The caller frees it. Local. */
float *plmr_few_rows(const plmr_gather *gather, int64_t n_rows);

/* Columns of a part of a step, of n_rows rows from `first` on. `a`: from the above. Local. */
void plmr_few_multiply(const plmr_pass *pass, const plmr_step_part *part, int64_t first, int64_t n_rows,
                       const float *a);
