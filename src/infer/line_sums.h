/* line_sums.h - what the chunks of a dimension give of a product of a vector with columns of 16-bit elements that are read where they
 * lie (plmr_matrix_read_in_place), PLMR_LINE_COLS columns at a time. A reduction over cores adds them up then, in its own order.
 *
 *     plmr_line_sums_make(s, 16);            // columns 16 to 31
 *     s->sums[c * PLMR_LINE_COLS]            // of the c-th of this rank's chunks: column 16, 17, ...
 *
 * Elements of heads are dealt out of their order: a chunk may have the first of each head. Lines are read in theirs all the same, and
 * each element goes to the chain of its chunk, where those before it have been.
 */
#pragma once

#include "infer/matrix.h"

typedef struct plmr_line_sums {
    const plmr_matrix *matrix;
    const float *x; /* as this rank's chunks are dealt */
    float *sums;
    char *nothing;  /* a line of zeros */
    int32_t *onto;  /* by element of the store: which of the chunks has it, -1: none; NULL: they lie in their order */
    float *x_there; /* by element of the store; NULL: in their order */
} plmr_line_sums;

plmr_line_sums *plmr_line_sums_create(const plmr_matrix *matrix, const float *x);
void plmr_line_sums_destroy(plmr_line_sums *sums);
void plmr_line_sums_make(const plmr_line_sums *sums, int64_t first);
