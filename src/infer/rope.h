/* rope.h - the angles by which heads are turned: by position, of the pairs that a head has. */
#pragma once

#include "model/shape.h"

/* Fills cosine and sine, n x rope_dim / 2 each, for positions 0 to n - 1, of layers that have a window or of those that
 * have none. `factors`, by pair, or NULL for 1. */
void plmr_rope_fill(const plmr_model_shape *shape, bool window, const float *factors, int64_t n, float *cosine,
                    float *sine);

/* Of two sets of factors a text of up to n tokens takes PLMR_ROPE_SHORT or PLMR_ROPE_LONG. */
enum plmr_weight plmr_rope_factors_for(const plmr_model_shape *shape, int64_t n);
