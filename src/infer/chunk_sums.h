/* chunk_sums.h - what the chunks of a dimension give of a product of vectors with quantised columns, which are read where they
 * lie (plmr_matrix_is_packed), PLMR_PACKED_COLS columns at a time. A reduction over cores adds them up then, in its own order.
 *
 *     plmr_chunk_sums_make(s, 16);            // columns 16 to 31
 *     s->sums[(i * n + c) * PLMR_PACKED_COLS]   // of vector i and the c-th of this rank's n chunks: column 16, 17, ...
 */
#pragma once

#include "infer/matrix.h"

typedef struct plmr_chunk_sums {
    const plmr_matrix *matrix;
    int n; /* vectors, ldx floats apart, of which this rank's chunks come as they are dealt */
    const float *x;
    size_t ldx;
    float *sums;
    uint16_t *rows; /* of the elements at hand */
    int32_t *row;   /* by place: whose row it is; NULL: elements lie in their order */
} plmr_chunk_sums;

plmr_chunk_sums *plmr_chunk_sums_create(const plmr_matrix *matrix, int n, const float *x, size_t ldx);
void plmr_chunk_sums_destroy(plmr_chunk_sums *sums);
void plmr_chunk_sums_make(const plmr_chunk_sums *sums, int64_t first);
