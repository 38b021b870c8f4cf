/* matrix.h - a weight matrix in the memory of this rank, as its cores hold it in either phase.
 *
 * y = x W with W (in, out): rows are the places of the in dimension that this rank holds, columns those of the out
 * dimension. In memory a matrix lies as files have it, (out, in): a model's file is mapped, and read where it lies; what
 * is made up lies in memory of this rank's own. So both phases, whatever their layouts, use the same bytes, nothing
 * moves between them, and no matrix is held twice. Kernels get some columns at a time, turned to (in, out) and widened
 * to the type that cores hold: all rows of them, or a block of rows that the nearest cache holds.
 *
 * For example a weight stored as (out, in) = (4, 8), in dealt to chunks (0 1)(2 3)(4 5)(6 7), of which this rank has the
 * first and the last. What plmr_matrix_columns makes of columns 0 and 1, each number the in element of a row:
 *
 *     0 1 6 7  x columns 0 1
 *
 * It reads two rows of the store, elements 0 to 7 as they lie there, and writes some of them to rows 0 to 3.
 */
#pragma once

#include "data/tensor.h"
#include "infer/deal.h"
#include "kernel/vector.h"

/* Where a matrix lies: a dimension dealt to a ring is split between the ranks along its axis; NULL: all have all of it.
 */
typedef struct plmr_matrix_layout {
    const plmr_deal *in, *out;
    const plmr_ring *in_ring, *out_ring;
} plmr_matrix_layout;

/* Elements [first, first + n) of the store's rows, some of which this rank has rows for: row[i] is that of element first
 * + i, counted from its block's first; -1: it is not in the block. */
typedef struct plmr_matrix_range {
    int64_t first, n;
    int32_t *row;
} plmr_matrix_range;

/* Rows of whole chunks, made of elements that lie together. */
typedef struct plmr_matrix_block {
    int64_t first, n; /* rows */
    int n_ranges;
    plmr_matrix_range *ranges;
} plmr_matrix_block;

/* PLMR_PARTIAL_CORES chunks at a time, n of them, whose elements lie one after the other in the store, from `element` on,
 * with as much behind them as a kernel may read; -1: they do not, but for those of the first rows, `together`. */
typedef struct plmr_matrix_run {
    int64_t first, n, element, together;
} plmr_matrix_run;

typedef struct plmr_matrix {
    plmr_matrix_layout layout;
    enum plmr_dtype dtype; /* that cores hold */
    plmr_part in, out;     /* what this rank holds */
    int64_t n_in, n_out;
    plmr_stored stored; /* a row of it is a column of W; by the model's elements, or (own) by those that are held */
    char *own;          /* the store, if it is this rank's */
    int32_t *column;    /* by column: its row of the store, -1: zeros */
    int n_blocks;
    plmr_matrix_block *blocks; /* in the order of rows */
    int32_t *element;          /* by row: of the store's row; -1: none */
    int n_runs;
    plmr_matrix_run
        *runs; /* of all chunks; NULL: the store has no plain 16-bit words, or hardly any that follow each other */
    int64_t n_padding;
    int32_t *padding; /* rows that hold no element */
} plmr_matrix;

/* This rank's part of a weight stored as (out, in): where the source lies in memory it must outlive the matrix, else
 * its values are kept. Local. */
plmr_status plmr_matrix_create(const plmr_matrix_layout *layout, enum plmr_dtype dtype, const plmr_source *source,
                               plmr_matrix *matrix);
void plmr_matrix_free(plmr_matrix *matrix);

/* First row of a chunk of the in dimension; -1: this rank has it not. */
static inline int64_t plmr_matrix_row(const plmr_matrix *matrix, int chunk)
{
    int index = plmr_part_index(&matrix->in, chunk);
    return index < 0 ? -1 : (int64_t)index * matrix->layout.in->size;
}

/* Columns [first, first + n) of all rows, n_in x pitch elements at `to`: zeros where the padding is, and beyond the
 * matrix's columns. Local. */
void plmr_matrix_columns(const plmr_matrix *matrix, int64_t first, int64_t n, void *to, int64_t pitch);

/* The rows of one block alone. Local. */
void plmr_matrix_block_columns(const plmr_matrix *matrix, const plmr_matrix_block *block, int64_t first, int64_t n,
                               void *to, int64_t pitch);

/* Rows of the block that has most. */
int64_t plmr_matrix_most_rows(const plmr_matrix *matrix);

/* Lays the matrix out anew; what this rank keeps of its own is taken from the source again, unless it is the same. On
 * success *matrix is the new one. Local. */
plmr_status plmr_matrix_move(plmr_matrix *matrix, const plmr_matrix_layout *layout, const plmr_source *source);
