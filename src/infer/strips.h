/* strips.h - B on its way round the ring, as a rank sees it: strips of a weight matrix, from all ranks of a column.
 *
 * In a MeshGEMM every core meets every tile of its column of B. A rank has some rows of its columns; of a few strips of
 * them at a time it gets the rows of all ranks, and the strips after those travel while these are multiplied. Where a
 * column is one rank, what it has is what it gets, all at once and where it lies.
 *
 *     strip 0, columns 0-255:  rows of the first rank, as they lie there; of the second; ...
 *     strip 1, columns 256-511: the same
 */
#pragma once

#include "infer/matrix.h"

typedef struct plmr_strips {
    const plmr_matrix *matrix;
    plmr_ranks *ranks;
    int n_places;        /* ranks of the column */
    int64_t n_in;        /* rows of all of them */
    int64_t n_all, most; /* strips; of a block */
    plmr_exchange *messages;
    char *memory[2];
    int64_t posted;    /* strips that are on their way, or here, */
    int64_t taken;     /* and those that have been taken */
    int turn;          /* the memory of the block that is posted last */
    const void **line; /* of the block at hand: by slot, where its rows of the first strip begin; NULL: it is empty */
    int64_t strip_stride; /* elements from strip to strip */
} plmr_strips;

/* Collective over the column, as are the others. */
plmr_strips *plmr_strips_create(const plmr_matrix *matrix, plmr_ranks *ranks);
void plmr_strips_destroy(plmr_strips *strips);

/* Takes the next strips, if there are any: [*first, *first + *n). */
bool plmr_strips_next(plmr_strips *strips, int64_t *first, int64_t *n);

/* Helps messages along, while they are multiplied. */
void plmr_strips_poll(plmr_strips *strips);
