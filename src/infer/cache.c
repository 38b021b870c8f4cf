#include "infer/cache.h"

#include "region/region.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

static size_t head_bytes(const plmr_cache *cache)
{
    return (size_t)cache->n_tokens * (size_t)cache->n_dims * plmr_dtype_bytes(cache->dtype);
}

static size_t index_of(const plmr_cache *cache, int layer, int request, int kv)
{
    return ((size_t)layer * (size_t)cache->n_batch + (size_t)request) * (size_t)cache->n_kv + (size_t)kv;
}

static plmr_status fill(plmr_cache *cache, size_t n, const int *owner, int place)
{
    cache->keys = plmr_take_zeroed(n + 1, sizeof *cache->keys);
    cache->values = plmr_take_zeroed(n + 1, sizeof *cache->values);
    for (size_t i = 0; i < n; i++) {
        if (owner[i % (size_t)cache->n_kv] != place)
            continue;
        cache->keys[i] = calloc(1, head_bytes(cache));
        cache->values[i] = calloc(1, head_bytes(cache));
        PLMR_CHECK(cache->keys[i] && cache->values[i], PLMR_ERROR_SYSTEM,
                   "out of memory for a key-value cache of %lld tokens; use more ranks", (long long)cache->n_tokens);
    }
    return PLMR_OK;
}

plmr_status plmr_cache_create(enum plmr_dtype dtype, int n_layers, int n_batch, int n_kv, int n_dims, int64_t n_tokens,
                              const int *owner, int place, plmr_cache *cache)
{
    *cache = (plmr_cache){.dtype = dtype, .n_tokens = n_tokens, .n_dims = n_dims, .n_kv = n_kv, .n_batch = n_batch};
    cache->n_heads = (size_t)n_layers * (size_t)n_batch * (size_t)n_kv;
    return fill(cache, cache->n_heads, owner, place);
}

void plmr_cache_free(plmr_cache *cache)
{
    for (size_t i = 0; i < cache->n_heads && cache->keys && cache->values; i++) {
        free(cache->keys[i]);
        free(cache->values[i]);
    }
    free(cache->keys);
    free(cache->values);
    *cache = (plmr_cache){0};
}

char *plmr_cache_keys(const plmr_cache *cache, int layer, int request, int kv)
{
    return cache->keys[index_of(cache, layer, request, kv)];
}

char *plmr_cache_values(const plmr_cache *cache, int layer, int request, int kv)
{
    return cache->values[index_of(cache, layer, request, kv)];
}

/* Elements of one column of a matrix with rows of `ld`. */
static void copy_column(size_t element, size_t n, char *to, size_t ld_to, const char *from, size_t ld_from)
{
    for (size_t d = 0; d < n; d++)
        memcpy(to + d * ld_to * element, from + d * ld_from * element, element);
}

/* Where a token's key begins, one element a row, and its value. */
static char *key_at(const plmr_cache *cache, int layer, int request, int kv, int64_t token)
{
    return plmr_cache_keys(cache, layer, request, kv) + (size_t)(token - cache->first) * plmr_dtype_bytes(cache->dtype);
}

static char *value_at(const plmr_cache *cache, int layer, int request, int kv, int64_t token)
{
    return plmr_cache_values(cache, layer, request, kv) +
           (size_t)((token - cache->first) * cache->n_dims) * plmr_dtype_bytes(cache->dtype);
}

void plmr_cache_put(plmr_cache *cache, int layer, int request, int kv, int64_t token, const void *key,
                    const void *value)
{
    size_t element = plmr_dtype_bytes(cache->dtype), n = (size_t)cache->n_dims;
    PLMR_ASSERT(token >= cache->first && token < cache->first + cache->n_tokens);
    copy_column(element, n, key_at(cache, layer, request, kv, token), (size_t)cache->n_tokens, key, 1);
    memcpy(value_at(cache, layer, request, kv, token), value, n * element);
}

void plmr_cache_get(const plmr_cache *cache, int layer, int request, int kv, int64_t token, void *key, void *value)
{
    size_t element = plmr_dtype_bytes(cache->dtype), n = (size_t)cache->n_dims;
    copy_column(element, n, key, 1, key_at(cache, layer, request, kv, token), (size_t)cache->n_tokens);
    memcpy(value, value_at(cache, layer, request, kv, token), n * element);
}

void plmr_cache_pack(plmr_cache *cache, int64_t first, int64_t end)
{
    size_t element = plmr_dtype_bytes(cache->dtype), gone = (size_t)(first - cache->first) * element;
    size_t n = (size_t)(end - first) * element, row = (size_t)cache->n_tokens * element, n_dims = (size_t)cache->n_dims;
    for (size_t i = 0; i < cache->n_heads && end > first; i++) {
        for (size_t d = 0; d < n_dims && cache->keys[i]; d++)
            memmove(cache->keys[i] + d * row, cache->keys[i] + d * row + gone, n);
        if (cache->values[i])
            memmove(cache->values[i], cache->values[i] + gone * n_dims, n * n_dims);
    }
    cache->first = first;
}
