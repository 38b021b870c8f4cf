/* matrix.h - a weight matrix in the memory of this rank, as its cores hold it in either phase.
 *
 * y = x W with W (in, out): rows are the places of the in dimension that this rank holds, columns those of the out
 * dimension. In memory a matrix lies as files have it, (out, in): a model's file is mapped, and read where it lies; what
 * is made up lies in memory of this rank's own. So both phases, whatever their layouts, use the same bytes, and nothing
 * moves between them. Kernels get some columns at a time, all rows of them, turned to (in, out) and widened to the type
 * that cores hold.
 *
 * For example a weight stored as (out, in) = (4, 6), in dealt to chunks (0 1)(2 3)(4 5) that a tree meets as 2, 0, 1.
 * What plmr_matrix_columns makes of columns 0 and 1, each number the in element of a row:
 *
 *     4 5 0 1 2 3  x columns 0 1
 *
 * It reads two rows of the store, elements 0 to 5 as they lie there, and writes them to rows 2 3 4 5 0 1.
 */
#pragma once

#include "base/pool.h"
#include "data/tensor.h"
#include "infer/deal.h"
#include "kernel/packed.h"

/* Where a matrix lies: a dimension dealt to a ring is split between the ranks along its axis; NULL: all have all of it.
 * Rows come chunk by chunk in the given order, that in which a product with a vector meets them; NULL: as dealt.
 */
typedef struct plmr_matrix_layout {
    const plmr_deal *in, *out;
    const plmr_ring *in_ring, *out_ring;
    const plmr_order *in_order;
} plmr_matrix_layout;

/* Elements [first, first + n) of the store's rows, some of which this rank has rows for. */
typedef struct plmr_matrix_range {
    int64_t first, n;
} plmr_matrix_range;

typedef struct plmr_matrix {
    plmr_matrix_layout layout;
    enum plmr_dtype dtype; /* that cores hold */
    plmr_part in, out;     /* what this rank holds */
    int64_t n_in, n_out;
    plmr_stored stored; /* a row of it is a column of W; by the model's elements, or (own) by those that are held */
    char *own;          /* the store, if it is this rank's */
    int32_t *column;    /* by column: its row of the store, -1: zeros */
    int n_ranges;
    plmr_matrix_range *ranges;
    int32_t *row;          /* by element of all ranges: its row, -1: not this rank's */
    unsigned char *wanted; /* of each PLMR_PACKED_PART elements: whether any has a row */
    plmr_pool *pool;
    char *kept;     /* the pool's: columns in strips of PLMR_PROGRAM_COLS, turned and widened; NULL: none are kept */
    int64_t n_kept; /* strips that are */
    bool in_place;  /* see plmr_matrix_read_in_place */
    int64_t n_padding;
    int32_t *padding; /* rows that hold no element */
} plmr_matrix;

/* This rank's part of a weight stored as (out, in): where the source lies in memory it must outlive the matrix, else
 * its values are kept. Its strips are kept in the pool. Local. */
plmr_status plmr_matrix_create(const plmr_matrix_layout *layout, enum plmr_dtype dtype, const plmr_source *source,
                               plmr_pool *pool, plmr_matrix *matrix);
void plmr_matrix_free(plmr_matrix *matrix);

/* Maps what this rank has of a mapped file, where that is whole rows, before products ask for it page after page. Local. */
void plmr_matrix_touch(const plmr_matrix *matrix);

/* First row of a chunk of the in dimension; -1: this rank has it not. */
static inline int64_t plmr_matrix_row(const plmr_matrix *matrix, int chunk)
{
    const plmr_order *order = matrix->layout.in_order;
    int index = order ? order->index[chunk] : plmr_part_index(&matrix->in, chunk);
    return index < 0 ? -1 : (int64_t)index * matrix->layout.in->size;
}

/* Columns [first, first + n) of all rows, n_in x pitch elements at `to`: zeros where the padding is, and beyond the
 * matrix's columns. Local. */
void plmr_matrix_columns(const plmr_matrix *matrix, int64_t first, int64_t n, void *to, int64_t pitch);

/* The same in strips of `width` columns, a row of a strip after the other, whose first rows are `apart` elements apart. */
void plmr_matrix_strips(const plmr_matrix *matrix, int64_t first, int64_t n, void *to, int64_t width, int64_t apart);

/* So many columns are the last strip's, with zeros that fill up what n columns want of PLMR_PROGRAM_LEAST. */
static inline int64_t plmr_strip_cols(int64_t n)
{
    return plmr_ceil_div(n, PLMR_PROGRAM_LEAST) * PLMR_PROGRAM_LEAST;
}

/* The strip of PLMR_PROGRAM_COLS columns from `first` on (see above for the last): its rows, one after the other. Strips
 * of a type that files have as it is are kept from then on; others, and if there is no memory, come to `room`, which is
 * large enough for one. Whoever asks asks for strips in their order. Local. */
const char *plmr_matrix_strip(plmr_matrix *matrix, int64_t first, char *room);

/* From now on products with a vector may read columns where they lie, and plmr_matrix_keep keeps nothing: of 16-bit elements which
 * chunks have in their order; else nothing changes. It costs products with a vector time (turn.h), but no memory, and no time before the
 * first product. Local. */
void plmr_matrix_read_in_place(plmr_matrix *matrix);

/* Of such a matrix: of PLMR_LINE_COLS columns from `first` on, and of the next ones, where the store has an element; returns whether
 * there are next ones. `nothing`, zeros of as many elements as are read, is for what pads columns. And the element with which the chunks of
 * a run of `in` begin, dealt in their order. Local. */
bool plmr_matrix_lines(const plmr_matrix *matrix, int64_t first, int64_t element, const char *nothing,
                       const char *line[PLMR_LINE_COLS], const char *next[PLMR_LINE_COLS]);
int64_t plmr_matrix_run_begins(const plmr_matrix *matrix, int run);

/* Whether kernels read its blocks where they lie (kernel/packed.h); of PLMR_PACKED_COLS columns from `first` on, the blocks that have
 * an element of the in dimension, NULL for what pads columns. Local. */
bool plmr_matrix_is_packed(const plmr_matrix *matrix);
void plmr_matrix_blocks(const plmr_matrix *matrix, int64_t first, int64_t element,
                        const unsigned char *block[PLMR_PACKED_COLS]);

/* Keeps all strips that can be kept. Local. */
void plmr_matrix_keep(plmr_matrix *matrix);

/* All strips are kept: what they were made of is wanted no more, and a store of this rank's own is gone. */
bool plmr_matrix_is_kept(const plmr_matrix *matrix);

/* Lays the matrix out anew; what this rank keeps of its own is taken from the source again, unless it is the same. On
 * success *matrix is the new one. Local. */
plmr_status plmr_matrix_move(plmr_matrix *matrix, const plmr_matrix_layout *layout, const plmr_source *source);
