/* rope.h - the angles by which heads are turned: by position, of the pairs that a head has. */
#pragma once

#include "model/shape.h"

/* Of positions from 0 on, in layers without and with a window: [position][rope_dim / 2]. */
typedef struct plmr_rope {
    float *cosine[2], *sine[2];
} plmr_rope;

/* Of n positions. `factors`, by pair, or NULL for 1. */
plmr_rope plmr_rope_create(const plmr_model_shape *shape, const float *factors, int64_t n);
void plmr_rope_free(plmr_rope *rope);

/* Of two sets of factors, PLMR_ROPE_LONG are for texts of more tokens than this. What is turned has those that the text's length
 * calls for at that time, as in Hugging Face's transformers: a prompt those for all of it, a token that follows those for the
 * text up to it. Keys stay as they were turned. So a text follows from its prompt alone, however many tokens may follow. */
int plmr_rope_first_context(const plmr_model_shape *shape);
