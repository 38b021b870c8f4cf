/* attention.h - attention of the heads that this rank owns: their queries, keys and values go in by cores (see
 * heads.h), keys and values join the cache, and what attention gives takes the queries' place. Values only, local.
 */
#pragma once

#include "infer/heads.h"

/* Of a whole prompt of one request: n tokens, ms to a chunk. */
typedef struct plmr_prompt_attention {
    plmr_engine *engine;
    const plmr_grid *grid;
    const plmr_held_heads *heads;
    int request, layer;
    int64_t n;
    int ms;
} plmr_prompt_attention;

void plmr_attend_prompt(const plmr_prompt_attention *attention);

/* Of one token of each of n requests, with n_tokens in the cache, the new one included. */
typedef struct plmr_token_attention {
    plmr_engine *engine;
    const plmr_grid *grid;
    const plmr_held_heads *heads;
    int n, layer;
    int64_t n_tokens;
} plmr_token_attention;

void plmr_attend_token(const plmr_token_attention *attention);
