/* logprobs.h - what a record says of tokens that were picked: how likely they and others were. Local. */
#pragma once

#include <jansson.h>

#include "text/tokenizer.h"

enum { PLMR_MOST_LOGPROBS = 1000 };

/* Appends to a list {"id": ..., "token": "...", "logprob": ..., "top": [{"id": ..., ...}, ...]}: the token that was picked
 * by these logits, and the n_top likeliest, the likeliest first. "token" is what a token adds to the text, in UTF-8; there is
 * none without a tokenizer (NULL). */
void plmr_logprobs_add(json_t *list, const float *logits, int n_logits, int32_t id, int n_top,
                       const plmr_tokenizer *tokenizer);
