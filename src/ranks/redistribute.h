/* redistribute.h - the one all-to-all between ranks: element (i, j) of a matrix lies with these ranks, and shall lie
 * with those.
 *
 * Each dimension of the matrix is dealt to the places of one axis of the rank grid, or every rank has all of it. What a
 * place has is a list of element numbers; where the n-th of them lies in memory is the caller's to say. For a matrix of
 * 2 x 6 on 1 x 2 ranks, whose columns are dealt in halves and shall be dealt in turn:
 *
 *     before: rows {WHOLE, 2}, columns {PLMR_X, 6}, lists 0: (0 1 2)  1: (3 4 5)
 *     after:  rows {WHOLE, 2}, columns {PLMR_X, 6}, lists 0: (0 2 4)  1: (1 3 5)
 *
 * rank 0 copies elements 0 and 2 of both rows, which are numbers 0 and 2 of its first list and 0 and 1 of its second;
 * sends 1, which its partner has as number 0; and gets 4 as number 2. What nobody has before stays as it is after.
 */
#pragma once

#include "plmr/ranks.h"

/* Not dealt: every rank has all. */
enum { PLMR_WHOLE = -1 };

typedef struct plmr_dealt {
    int axis;  /* of the rank grid, or PLMR_WHOLE */
    int64_t n; /* elements of the dimension */
    /* Lists the elements that a place of the axis has (place 0 if whole), in an order that all ranks know: -1 for
     * padding, which never moves. Returns how many; elements NULL: counts alone. NULL: all elements in their order. */
    int64_t (*list)(const void *context, int place, int32_t *elements);
    const void *context;
} plmr_dealt;

/* A side of the exchange. */
typedef struct plmr_spread_matrix {
    plmr_dealt rows, cols; /* not both along the same axis */
    /* This rank's element at the given numbers of its lists. */
    void *(*at)(const void *context, int64_t row, int64_t col);
    int64_t strip; /* columns [i * strip, (i + 1) * strip) of a row lie side by side, by their numbers */
    const void *context;
} plmr_spread_matrix;

/* Copies every element to where `after` wants it. An element is in one list of a dimension `before`, or whole; in as
 * many as there are `after`. Their memory must not overlap. Messages under way at a time take most_bytes, or a row of
 * each if that is more. Collective over the ranks between which anything can move. */
void plmr_redistribute(plmr_ranks *ranks, const plmr_spread_matrix *before, const plmr_spread_matrix *after,
                       size_t element_bytes, size_t most_bytes);

/* The same for several matrices at once, whose messages travel together: as many waits as for one. */
typedef struct plmr_redistribution {
    const plmr_spread_matrix *before, *after;
    size_t element_bytes;
} plmr_redistribution;

void plmr_redistribute_all(plmr_ranks *ranks, const plmr_redistribution *moves, int n, size_t most_bytes);
