/* load.h - how many of a prompt's or batch's tokens each expert gets, where no values say so. */
#pragma once

#include "model/shape.h"

typedef struct plmr_expert_load {
    double skew;     /* Zipf's: expert i's share is as (i + 1)^-skew; 0: all get as many */
    double capacity; /* an expert takes so many times its even share at most, the others' tokens are dropped; 0: all */
    int n_layers, n_experts; /* of a trace: */
    const double *share;     /* by layer and expert, of all that are chosen; NULL: there is no trace */
} plmr_expert_load;

/* Tokens of each of the shape's experts, of n_tokens that use n_used different ones each: whole numbers, as near to the
 * shares as can be. Returns how many (token, expert) are dropped. Layers beyond a trace's are as its first ones. */
int64_t plmr_expert_load_deal(const plmr_expert_load *load, const plmr_model_shape *shape, int layer, int64_t n_tokens,
                              int64_t *tokens);
