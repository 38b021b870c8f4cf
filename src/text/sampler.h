/* sampler.h - picks the next token from the logits.
 *
 * A pick depends on the logits, the options, the position and, with penalties, on the tokens before, and on nothing else:
 * not on the number of ranks, nor on the C library's exp(). The random number is a hash of seed and position.
 */
#pragma once

#include <stdint.h>

#include "plmr/status.h"

/* A token that is to be more, or less, likely: what is added to its logit. */
typedef struct plmr_logit_bias {
    int32_t id;
    float bias;
} plmr_logit_bias;

/* Applied in this order: biases of logits; penalties of tokens among the last n_last that were told
 * (plmr_sampler_tell): logits are divided by `repetition` (multiplied, if negative), less `frequency` for each time, less
 * `presence` once; logits over temperature; the top_k largest; of these the fewest whose probabilities add up to top_p,
 * the largest first; those at least min_p as likely as the likeliest; of these the fewest whose probabilities add up to
 * `typical` (arXiv 2202.00666), those first that surprise most nearly as much as is expected (-ln p by their entropy). Of
 * equal ones the lower id comes first throughout. */
typedef struct plmr_sampler_options {
    double temperature; /* 0: greedy, whatever the others are; at most 100 */
    int top_k;          /* 0: all */
    double top_p;       /* above 0, at most 1; 1: all */
    uint64_t seed;
    double min_p;      /* 0: all; at most 1 */
    double typical;    /* 0 or 1: all */
    double repetition; /* 0 or 1: none */
    double frequency, presence;
    int n_last;
    int n_biases;
    plmr_logit_bias *biases; /* the caller's */
} plmr_sampler_options;

/* "15:2.5,7:-inf": the biases, for the caller to free. */
plmr_status plmr_logit_biases_parse(const char *option, const char *text, plmr_sampler_options *sampler);

/* How many of the largest logits a pick depends on; 0: all. */
int plmr_sampler_wants(const plmr_sampler_options *options);

typedef struct plmr_sampler plmr_sampler;

/* Makes a sampler for rows of n_logits >= 1. Fails on options that are out of range. */
plmr_status plmr_sampler_create(const plmr_sampler_options *options, int n_logits, plmr_sampler **sampler);

/* NULL is allowed. */
void plmr_sampler_destroy(plmr_sampler *sampler);

/* Tells of a token of the text: the prompt's, then those that are picked. */
void plmr_sampler_tell(plmr_sampler *sampler, int32_t id);

/* Picks the token for `position`. A logit of minus infinity is never picked; fails if one is NaN or plus infinity, or
 * if all are minus infinity. */
plmr_status plmr_sampler_pick(plmr_sampler *sampler, const float *logits, int64_t position, int32_t *id);
