/* cache.h - the key-value cache in the memory of this rank: the heads that it is the owner of.
 *
 * Of a head, keys lie as (elements, tokens), values as (tokens, elements), elements in the order in which cores hold
 * them, padded with zeros to n_dims.
 */
#pragma once

#include "plmr/status.h"
#include "plmr/types.h"

typedef struct plmr_cache {
    enum plmr_dtype dtype;
    int64_t n_tokens; /* room */
    int n_dims, n_kv, n_batch;
    size_t n_heads;        /* of all layers and requests */
    char **keys, **values; /* by (layer, request, key-value head); NULL: another rank's */
} plmr_cache;

/* Makes room for the heads with owner[kv] == place. Local. */
plmr_status plmr_cache_create(enum plmr_dtype dtype, int n_layers, int n_batch, int n_kv, int n_dims, int64_t n_tokens,
                              const int *owner, int place, plmr_cache *cache);
void plmr_cache_free(plmr_cache *cache);

char *plmr_cache_keys(const plmr_cache *cache, int layer, int request, int kv);
char *plmr_cache_values(const plmr_cache *cache, int layer, int request, int kv);

/* Writes a token's key and value, n_dims elements each. */
void plmr_cache_put(plmr_cache *cache, int layer, int request, int kv, int64_t token, const float *key,
                    const float *value);
