/* strips.h - B on its way round the ring, as a rank sees it: columns of a weight matrix, from all ranks of a column.
 *
 * In a MeshGEMM every core meets every tile of its column of B. A rank has some rows of its columns; of a block of
 * columns, whole chunks of them, at a time it gets the rows of all ranks, and the block after it travels while this one
 * is multiplied. A block lies in strips of few columns, so that what a product reads together lies together; they travel
 * in the type of the weights, and are widened to floats where they are multiplied, once for all rows of A. For example
 * 6 columns, 4 to a block, 2 to a strip, rows 0-2 with the first of two ranks and 3-4 with the second:
 *
 *     1st      from the first  (w00 w01) (w10 w11) (w20 w21), (w02 w03) (w12 w13) (w22 w23),
 *              from the second (w30 w31) (w40 w41) (nothing), (w32 w33) (w42 w43) (nothing)
 *     2nd      from the first  (w04 w05) (w14 w15) (w24 w25), from the second (w34 w35) (w44 w45) (nothing)
 */
#pragma once

#include "base/spare.h"
#include "infer/matrix.h"
#include "infer/shelf.h"

/* Columns of a strip: as many as a register tile has. */
enum { PLMR_STRIP_COLS = 16 };

/* Rows [first, first + n) of a place. */
typedef struct plmr_strips_run {
    int place;
    int64_t first, n;
} plmr_strips_run;

typedef struct plmr_strips {
    const plmr_matrix *matrix;
    plmr_ranks *ranks;
    int n_places;            /* ranks of the column */
    int64_t n_in;            /* rows of the rank that has most */
    int64_t most;            /* columns of a block */
    plmr_exchange *messages; /* NULL: there are no others */
    plmr_shelf *shelf;       /* through which ranks of this node have each other's rows; NULL: none do */
    char *words;             /* by place: that its rows are there */
    char *memory[2];         /* all other rows; of a rank that has all, a strip */
    const char **strip;      /* by place: where a strip of it is */
    int n_runs;              /* of rows, in the order of slots, those that lie together */
    plmr_strips_run *run;
    int64_t stride;    /* rows from a strip to the next, in */
    plmr_spare *spare; /* for: */
    float *wide;       /* the block at hand: all rows, in the order of slots */
    int64_t posted;    /* columns that are on their way, or here, */
    int64_t taken;     /* and those that have been taken */
    int turn;          /* the memory of the block that is posted last */
    const void **line; /* of it: by slot, where its rows begin; NULL: they are zeros */
} plmr_strips;

/* For products with about n_rows rows of A, of which few want blocks that stay in nearer caches. `shelf`: the ranks', or NULL.
 * They have the spare memory as long as they are there. Collective over the column, as are the others. */
plmr_strips *plmr_strips_create(const plmr_matrix *matrix, plmr_ranks *ranks, plmr_shelf *shelf, int64_t n_rows,
                                plmr_spare *spare);
void plmr_strips_destroy(plmr_strips *strips);

/* Takes the next columns, if there are any: [*first, *first + *n). */
bool plmr_strips_next(plmr_strips *strips, int64_t *first, int64_t *n);

/* Where the columns of a block lie, as floats (see kernel.h). */
static inline plmr_layout plmr_strips_layout(const plmr_strips *s)
{
    return (plmr_layout){PLMR_STRIP_COLS, (size_t)(s->stride * PLMR_STRIP_COLS), PLMR_STRIP_COLS};
}

/* Helps messages along, while they are multiplied. */
void plmr_strips_poll(plmr_strips *strips);
