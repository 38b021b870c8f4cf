/* gather.h - A on its way round the ring, as a rank sees it: blocks of rows of an activation, from all ranks.
 *
 * In a MeshGEMM every core meets every tile of its row of A. So for a block of rows a rank gets the columns of all
 * ranks, k-major in strips of whole register tiles; the block after it travels while this one is multiplied.
 *
 * For example 5 rows of 6 columns on 2 ranks, 3 slots of 2 columns, of which the second rank has the last, 2 rows to a
 * block, and one strip. Calls of plmr_gather_next, and what has been posted when they return:
 *
 *     create   rows 0-1 on their way
 *     1st      rows 0-1 here: line[0] = line[1] - 4 floats = (a00 a10  a01 a11), line[2] = (a04 a14  a05 a15),
 *              behind which the memory of two columns is not used; 2-3 posted
 *     2nd      rows 2-3 here; row 4 posted, into the memory that rows 0-1 had
 *     3rd      row 4 here; nothing is left to post
 *     4th      false
 */
#pragma once

#include "base/spare.h"
#include "infer/grid.h"
#include "kernel/kernel.h"

typedef struct plmr_gather {
    const plmr_grid *grid;
    const plmr_deal *deal; /* of A's columns, along x */
    const float *values;   /* this rank's columns, ld apart from row to row */
    size_t ld;
    int64_t n_rows, most_rows; /* of A; of a block */
    plmr_exchange *messages;
    int64_t n_cols;    /* of the place that has most */
    int64_t width;     /* rows of a strip: the grid's strip_rows */
    plmr_spare *spare; /* for its memory */
    float *memory[2];  /* by turn: of a block, by place, strips of n_cols columns x width rows */
    const void **line; /* of the block at hand: by slot, its columns in the first strip; NULL where nothing is dealt */
    int turn;          /* which memory is the next to come; -1: nothing more comes */
    int64_t posted;    /* rows of A that are on their way, or here */
} plmr_gather;

/* It has the spare memory as long as it is there. Collective. */
plmr_gather *plmr_gather_create(const plmr_grid *grid, const plmr_deal *deal, const float *values, size_t ld,
                                int64_t n_rows, int64_t most_rows, plmr_spare *spare);
void plmr_gather_destroy(plmr_gather *gather);

/* Takes the next block, if there is one: rows [*first, *first + *n). Element (kk, row) of slot l then lies at
 * line[l][(row / width * n_cols + kk) * width + row % width]. Collective. */
bool plmr_gather_next(plmr_gather *gather, int64_t *first, int64_t *n);

/* Where the rows of a block lie (see kernel.h). */
static inline plmr_layout plmr_gather_layout(const plmr_gather *g)
{
    return (plmr_layout){(int)g->width, (size_t)(g->n_cols * g->width), (size_t)g->width};
}

/* Helps messages along, while the block is multiplied. */
void plmr_gather_poll(plmr_gather *gather);
