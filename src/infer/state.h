/* state.h - the key-value cache as bytes that are the same on any grid of ranks: by layer, request, key-value head and
 * token, oldest first, a key and then a value, as cores hold them (see cache.h). All of it is collective.
 */
#pragma once

#include "infer/engine.h"

/* Takes bytes on rank 0; gives the same bytes on all ranks. */
typedef void plmr_state_put(void *context, const void *bytes, size_t n);
typedef plmr_status plmr_state_get(void *context, void *bytes, size_t n);

/* Between two tokens of decode. */
void plmr_state_put_cache(const plmr_engine *engine, plmr_state_put *put, void *context);

/* Into an engine that has run nothing: its cache is then as one of n_cached tokens, of which prefill has left
 * n_prefilled, and its weights are as decode has them after its first token. */
plmr_status plmr_state_get_cache(plmr_engine *engine, int64_t n_prefilled, int64_t n_cached, plmr_state_get *get,
                                 void *context);
