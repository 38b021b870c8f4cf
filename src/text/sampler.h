/* sampler.h - picks the next token from the logits.
 *
 * A pick depends on the logits, the options and the position, and on nothing else: not on earlier picks, nor on the
 * number of ranks, nor on the C library's exp(). The random number is a hash of seed and position.
 */
#pragma once

#include <stdint.h>

#include "plmr/status.h"

/* Applied in this order: logits over temperature; the top_k largest; of these the fewest whose probabilities add up to
 * top_p, the largest first. Of equal logits the lower id comes first throughout. */
typedef struct plmr_sampler_options {
    double temperature; /* 0: greedy, whatever the others are; at most 100 */
    int top_k;          /* 0: all */
    double top_p;       /* above 0, at most 1; 1: all */
    uint64_t seed;
} plmr_sampler_options;

typedef struct plmr_sampler plmr_sampler;

/* Makes a sampler for rows of n_logits >= 1. Fails on options that are out of range. */
plmr_status plmr_sampler_create(const plmr_sampler_options *options, int n_logits, plmr_sampler **sampler);

/* NULL is allowed. */
void plmr_sampler_destroy(plmr_sampler *sampler);

/* Picks the token for `position`. A logit of minus infinity is never picked; fails if one is NaN or plus infinity, or
 * if all are minus infinity. */
plmr_status plmr_sampler_pick(plmr_sampler *sampler, const float *logits, int64_t position, int32_t *id);
