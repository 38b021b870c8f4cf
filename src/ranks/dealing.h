/* dealing.h - a deal to all ranks that is done again and again: who gets how many elements is known.
 *
 *     plmr_dealing *dealing = plmr_dealing_create(ranks, n_out, n_in, sizeof(float));
 *     float *out = plmr_dealing_out(dealing);                            // rank by rank
 *     ...                                                                // fill it
 *     plmr_dealing_begin(dealing);
 *     ...
 *     plmr_dealing_end(dealing);
 *     const float *in = plmr_dealing_in(dealing, rank);                  // n_in[rank] elements, until the next begin
 *
 * Where there is much, a rank reads what is for it where a rank of its node has written it. That writes by turns into
 * one of two rooms: once all others have said that they have begun again, they have read what was in the other one.
 */
#pragma once

#include "ranks/ranks.h"

typedef struct plmr_dealing plmr_dealing;

/* n_out[rank] elements go to each rank and n_in[rank] come, of this rank itself none. Copies the counts. Collective. */
plmr_dealing *plmr_dealing_create(plmr_ranks *ranks, const int64_t *n_out, const int64_t *n_in, size_t element_bytes);
void plmr_dealing_destroy(plmr_dealing *dealing);

void *plmr_dealing_out(plmr_dealing *dealing);
void plmr_dealing_begin(plmr_dealing *dealing);
void plmr_dealing_end(plmr_dealing *dealing);
const void *plmr_dealing_in(const plmr_dealing *dealing, int rank);
