/* candidates.h - of a row of logits that is dealt to ranks, what a pick of the next token depends on. */
#pragma once

#include "infer/grid.h"

/* More of them are not looked for: all logits are brought instead. */
enum { PLMR_MOST_CANDIDATES = 256 };

/* Brings the n largest logits of every rank to rank 0, where all others become minus infinity: whatever depends on no more
 * than the n largest is the same then. Of equal ones lower ids come first; what is no number counts as the largest, so
 * that whoever refuses such rows still does. n: 1 to PLMR_MOST_CANDIDATES; columns: this rank's of the vocabulary;
 * logits: rank 0's, NULL elsewhere. Collective. */
void plmr_candidates_bring(const plmr_grid *grid, int n, const float *columns, float *logits);
