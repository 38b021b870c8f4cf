/* prompts.h - what requests with true values ask for: lines of a file, in turn, or tokens that are made up. Prefixes are
 * the requests' own: those that are made up begin alike where requests say so.
 */
#pragma once

#include "serve/texts.h"

/* A text for each of n requests, whose prompts get the length of theirs. path NULL: made up, by the seed. Collective. */
plmr_status plmr_serve_prompts_make(plmr_serve_texts *texts, plmr_tokenizer *tokenizer, const char *path, int n_vocab,
                                    int64_t seed, plmr_request *requests, int64_t n);
