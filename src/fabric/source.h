/* source.h - sources of operand values: made up, or a user's file. */
#ifndef PLMR_SOURCE_H
#define PLMR_SOURCE_H

#include "fabric/tensor.h"

/* Values in [-1, 1) that depend on seed, row and column alone (counter-based random numbers): the same on any ranks. */
void plmr_source_synthetic(plmr_source *source, uint64_t seed, int64_t rows, int64_t cols);

#endif
