/* partials.h - what the cores of this rank have of a product with vectors, before it is added up over them.
 *
 * Core by core, for PLMR_PROGRAM_COLS columns at a time: chunk c of the matrix's part has its values at values[c *
 * PLMR_PROGRAM_COLS]; behind the last chunk lie zeros, for cores without any.
 */
#pragma once

#include "infer/matrix.h"

typedef struct plmr_partials {
    const plmr_matrix *matrix;
    int n; /* vectors */
    const float *x;
    size_t ldx;
    int64_t column;   /* the first of those at hand; -1: none yet */
    int64_t n_values; /* of a vector and a column: all chunks, a whole number of 16, and one more */
    char *room;
    float *dealt, *by_column, *values;
} plmr_partials;

/* Of n vectors, ldx apart, whose elements lie as the matrix's rows do. Local, as are the others. */
void plmr_partials_create(const plmr_matrix *matrix, int n, const float *x, size_t ldx, plmr_partials *partials);
void plmr_partials_free(plmr_partials *partials);

/* Where the zeros are. */
static inline int32_t plmr_partials_zeros(const plmr_partials *partials)
{
    return (int32_t)partials->n_values - 1;
}

/* The values of vector i, for the columns from `first` on. */
const float *plmr_partials_of(plmr_partials *partials, int64_t first, int i);
