/* matrix.h - a weight matrix in the memory of this rank: the cores' tiles of it, stored for fast products.
 *
 * y = x W with W (in, out): rows are the places of the in dimension that this rank holds, columns those of the out
 * dimension. Columns are stored in strips: strip s holds, for all rows one after the other, columns [s * strip,
 * (s + 1) * strip), so that a product with a vector reads memory in one stream, and partial results stay in cache.
 *
 * For example a weight stored as (out, in) = (4, 6), in dealt to chunks (0 1)(2 3)(4 5) that a tree meets as 2, 0, 1;
 * out in chunks of one column, 2 columns to a strip. Memory, each number the in element of a row, for columns
 * 0 1 | 2 3:
 *
 *     strip 0: 4 5 0 1 2 3  x columns 0 1     strip 1: 4 5 0 1 2 3  x columns 2 3
 *
 * Loading reads a column's elements as they lie in the source, 0 to 5, once, and stores them at rows 2 3 4 5 0 1.
 */
#pragma once

#include "data/tensor.h"
#include "infer/deal.h"

/* Where a matrix lies: a dimension dealt to a ring is split between the ranks along its axis; NULL: all have all of it.
 * Rows are stored chunk by chunk in the given order, that in which a product with a vector meets them; NULL: as dealt.
 */
typedef struct plmr_matrix_layout {
    const plmr_deal *in, *out;
    const plmr_ring *in_ring, *out_ring;
    const plmr_order *in_order;
} plmr_matrix_layout;

typedef struct plmr_matrix {
    plmr_matrix_layout layout;
    enum plmr_dtype dtype;
    plmr_part in, out; /* what this rank holds */
    int64_t n_in, n_out;
    int64_t strip; /* columns of a strip, a whole number of chunks; the last may be partly empty */
    int64_t pitch; /* elements from row to row of a strip: whole cache lines, zeros beyond the columns */
    char *data;
} plmr_matrix;

/* Makes room for this rank's part. Local. */
plmr_status plmr_matrix_create(const plmr_matrix_layout *layout, enum plmr_dtype dtype, plmr_matrix *matrix);
void plmr_matrix_free(plmr_matrix *matrix);

/* Reads this rank's part from a weight stored as (out, in). Local. */
plmr_status plmr_matrix_load(plmr_matrix *matrix, const plmr_source *source);

/* First row of a chunk of the in dimension; -1: this rank has it not. */
static inline int64_t plmr_matrix_row(const plmr_matrix *matrix, int chunk)
{
    const plmr_order *order = matrix->layout.in_order;
    int index = order ? order->index[chunk] : plmr_part_index(&matrix->in, chunk);
    return index < 0 ? -1 : (int64_t)index * matrix->layout.in->size;
}

/* First element of a row in a strip. */
static inline const char *plmr_matrix_at(const plmr_matrix *matrix, int64_t strip, int64_t row)
{
    return matrix->data + (size_t)((strip * matrix->n_in + row) * matrix->pitch) * plmr_dtype_bytes(matrix->dtype);
}

/* Moves a matrix to another layout, between ranks where it must. On success *matrix is the new one. Collective. */
plmr_status plmr_matrix_move(plmr_matrix *matrix, const plmr_matrix_layout *layout, plmr_ranks *ranks);
