#include "infer/heads.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* Loops of their own for a core's one element, the most common of all. */
void plmr_heads_gather(const plmr_heads *heads, int n_rep, const float *by_cores, float *to, size_t ld_rep)
{
    int n = heads->n_dims;
    for (int rep = 0; rep < n_rep; rep++) {
        float *at = to + (size_t)rep * ld_rep;
        for (int core = 0; core < heads->span && n == 1; core++)
            at[core] = by_cores[core * n_rep + rep];
        for (int core = 0; core < heads->span && n > 1; core++)
            memcpy(at + core * n, by_cores + (core * n_rep + rep) * n, (size_t)n * sizeof *to);
    }
}

void plmr_heads_scatter(const plmr_heads *heads, int n_rep, const float *from, size_t ld_rep, float *by_cores)
{
    int n = heads->n_dims;
    for (int rep = 0; rep < n_rep; rep++) {
        const float *at = from + (size_t)rep * ld_rep;
        for (int core = 0; core < heads->span && n == 1; core++)
            by_cores[core * n_rep + rep] = at[core];
        for (int core = 0; core < heads->span && n > 1; core++)
            memcpy(by_cores + (core * n_rep + rep) * n, at + core * n, (size_t)n * sizeof *from);
    }
}

/* The cache may hold more elements than these cores do, all of them padding. */
void plmr_heads_round(const plmr_engine *engine, const plmr_heads *heads, int layer, int64_t token, const float *key,
                      const float *value, void *rounded_key, void *rounded_value)
{
    const plmr_cache *cache = &engine->cache;
    float turned[PLMR_MOST_HEAD_DIM] = {0}, padded[PLMR_MOST_HEAD_DIM] = {0};
    size_t n_bytes = (size_t)plmr_heads_dims(heads) * sizeof(float);
    memcpy(turned, key, n_bytes);
    memcpy(padded, value, n_bytes);
    plmr_engine_rope(engine, layer, token, turned);
    if (engine->setup.cache_packed) {
        bool scaled = engine->setup.cache_packed == PLMR_I8;
        plmr_packed_round(engine->setup.cache_packed, scaled, cache->n_dims, turned);
        plmr_packed_round(engine->setup.cache_packed, scaled, cache->n_dims, padded);
    }
    plmr_convert_from_float(cache->dtype, cache->n_dims, turned, rounded_key);
    plmr_convert_from_float(cache->dtype, cache->n_dims, padded, rounded_value);
}

float plmr_heads_sum(const plmr_tree *tree, const float *of_cores)
{
    return plmr_tree_sum(tree->ops, tree->first[1], of_cores);
}

void plmr_vector_cap(int64_t n, float cap, float scale, float *x)
{
    plmr_vectors()->exp(n, 2 * (scale / cap), 0, x, x);
    for (int64_t i = 0; i < n; i++)
        x[i] = cap * (1 - 2 / (1 + x[i]));
}

float plmr_heads_cap(const plmr_model_shape *shape, int64_t n, float *scores)
{
    if (shape->score_cap == 0)
        return shape->attention_scale;
    plmr_vector_cap(n, shape->score_cap, shape->attention_scale, scores);
    return 1;
}

void plmr_held_heads_create(const plmr_engine *engine, const plmr_grid *grid, int64_t n, plmr_held_heads *held)
{
    const plmr_heads *heads = &grid->heads;
    size_t n_kv = (size_t)heads->n_kv, dims = (size_t)plmr_heads_dims(heads) * (size_t)n;
    *held = (plmr_held_heads){.query = plmr_take_zeroed(3 * n_kv, sizeof *held->query)};
    held->key = held->query + n_kv;
    held->value = held->key + n_kv;
    for (size_t kv = 0; kv < n_kv; kv++) {
        if (engine->owner[kv] != plmr_ranks_place(grid->ranks, PLMR_X))
            continue;
        held->query[kv] = plmr_take_zeroed(((size_t)heads->n_rep + 2) * dims, sizeof(float));
        held->key[kv] = held->query[kv] + (size_t)heads->n_rep * dims;
        held->value[kv] = held->key[kv] + dims;
    }
}

void plmr_held_heads_free(const plmr_grid *grid, plmr_held_heads *held)
{
    for (int kv = 0; kv < grid->heads.n_kv && held->query; kv++)
        free(held->query[kv]);
    free(held->query);
}
