/* cache.h - the key-value cache in the memory of this rank: of the heads that it works on, the tokens that its rows of
 * cores hold.
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
    int64_t first;    /* the token that lies first, in all heads */
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

/* Writes a token's key and value, n_dims elements each, of the cache's type; and reads them. */
void plmr_cache_put(plmr_cache *cache, int layer, int request, int kv, int64_t token, const void *key,
                    const void *value);
void plmr_cache_get(const plmr_cache *cache, int layer, int request, int kv, int64_t token, void *key, void *value);

/* Lets tokens before `first` go, so that it lies first; those up to `end` are there. */
void plmr_cache_pack(plmr_cache *cache, int64_t first, int64_t end);
