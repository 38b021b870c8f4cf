/* likely.h - how likely a model takes tokens to be: log-probabilities of its logits, as they are before any sampling. All
 * functions are local. */
#pragma once

#include <stdint.h>

/* What is to be taken off a logit: ln of the sum of e^logit. */
double plmr_likely_log_sum(const float *logits, int n);

/* The n_ids <= n likeliest tokens, the likeliest first, of equal ones the lower id. */
void plmr_likely_find(const float *logits, int n, int n_ids, int32_t *ids);
