/* shelf.h - where a rank puts its rows of weights for those of its column that run on its node: they read them there, so a
 * node has them once, and nothing is copied.
 *
 *     char *mine = plmr_shelf_next(shelf);                      // a block begins: fill it with what this rank has of it
 *     ...                                                       // tell the others of the column, and hear from them
 *     const char *theirs = plmr_shelf_of(shelf, place);         // until the next block but one begins
 *
 * A rank that begins a block has heard that all others had begun the one before, and so were done with the third last: three
 * rooms that are used by turns are enough.
 */
#pragma once

#include "ranks/ranks.h"

typedef struct plmr_shelf plmr_shelf;

/* Bytes of a block that a rank can put there. */
enum { PLMR_SHELF_BYTES = 2 << 20 };

/* NULL on all ranks where none has another of its column on its node, or any may not read others' memory. Collective. */
plmr_shelf *plmr_shelf_create(plmr_ranks *ranks);
void plmr_shelf_destroy(plmr_shelf *shelf);

/* Whether the rank at a place of this column, or this one, is on this node. */
bool plmr_shelf_reaches(const plmr_shelf *shelf, int place);

char *plmr_shelf_next(plmr_shelf *shelf);
const char *plmr_shelf_of(const plmr_shelf *shelf, int place);
