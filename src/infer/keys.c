#include "infer/keys.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "infer/rows.h"

static const plmr_cache *cache_of(const plmr_keys *k)
{
    return &k->pass->engine->cache;
}

/* Of a token: its key, then its value. */
static size_t token_bytes(const plmr_keys *k)
{
    return 2 * (size_t)cache_of(k)->n_dims * plmr_dtype_bytes(cache_of(k)->dtype);
}

static int place_count(const plmr_keys *k)
{
    return plmr_ranks_extent(k->pass->engine->ranks, PLMR_Y);
}

/* Tokens of a place, with what pads the last chunk. */
static int64_t rows_of(const plmr_keys *k, int place)
{
    plmr_part part = plmr_pass_tokens(k->pass, place);
    return plmr_part_places(&part, &k->pass->tokens);
}

static int next_head(const plmr_keys *k, int kv)
{
    while (kv < k->pass->grid->heads.n_kv && !k->pass->heads.key[kv])
        kv++;
    return kv;
}

/* This rank's keys, turned, and values. */
static void round_own(const plmr_keys *k, char *to)
{
    const plmr_pass *p = k->pass;
    int64_t dims = plmr_heads_dims(&p->grid->heads);
    for (int64_t row = 0; row < p->n_here; row++, to += token_bytes(k))
        plmr_heads_round(p->engine, &p->grid->heads, p->layer, plmr_pass_token(p, row),
                         p->heads.key[k->kv] + row * dims, p->heads.value[k->kv] + row * dims, to,
                         to + token_bytes(k) / 2);
}

static void post(const plmr_keys *k)
{
    int me = plmr_ranks_place(k->pass->engine->ranks, PLMR_Y);
    char *own = k->part[k->turn][me];
    round_own(k, own);
    for (int place = 0; place < place_count(k); place++) {
        if (place == me)
            continue;
        plmr_exchange_receive(k->messages, PLMR_Y, place, k->part[k->turn][place],
                              (size_t)rows_of(k, place) * token_bytes(k));
        plmr_exchange_send(k->messages, PLMR_Y, place, own, (size_t)rows_of(k, me) * token_bytes(k));
    }
}

static void fill(plmr_keys *k)
{
    size_t n_places = (size_t)place_count(k), n_rows = 0, n = (size_t)k->pass->n, n_dims = (size_t)cache_of(k)->n_dims;
    for (int place = 0; place < place_count(k); place++)
        n_rows += (size_t)rows_of(k, place);
    size_t head_bytes = n_rows * token_bytes(k);
    k->memory = plmr_take_zeroed(2, head_bytes);
    k->part[0] = plmr_take(2 * n_places * sizeof *k->part[0]);
    k->part[1] = k->part[0] + n_places;
    char *at = k->memory;
    for (int turn = 0; turn < 2; turn++)
        for (int place = 0; place < place_count(k); at += (size_t)rows_of(k, place++) * token_bytes(k))
            k->part[turn][place] = at;
    k->keys = plmr_take(n * n_dims * plmr_dtype_bytes(cache_of(k)->dtype));
    k->values = plmr_take(n * n_dims * sizeof *k->values);
    k->messages = plmr_exchange_create(k->pass->engine->ranks, "a gather of keys");
}

plmr_keys *plmr_keys_create(const plmr_pass *pass)
{
    plmr_keys *k = plmr_take_zeroed(1, sizeof *k);
    k->pass = pass;
    fill(k);
    k->kv = next_head(k, 0);
    if (k->kv < pass->grid->heads.n_kv)
        post(k);
    return k;
}

void plmr_keys_destroy(plmr_keys *k)
{
    plmr_exchange_destroy(k->messages);
    free(k->part[0]);
    free(k->memory);
    free(k->keys);
    free(k->values);
    free(k);
}

/* A token of the head at hand. */
static void take_token(const plmr_keys *k, plmr_span kept, int64_t token, const char *key)
{
    const plmr_pass *p = k->pass;
    plmr_cache *cache = &p->engine->cache;
    size_t element = plmr_dtype_bytes(cache->dtype), n = (size_t)p->n, n_dims = (size_t)cache->n_dims;
    const char *value = key + token_bytes(k) / 2;
    for (size_t d = 0; d < n_dims; d++)
        memcpy(k->keys + (d * n + (size_t)token) * element, key + d * element, element);
    plmr_convert_to_float(cache->dtype, cache->n_dims, value, k->values + (size_t)token * n_dims);
    if (token >= kept.from && token < kept.to)
        plmr_cache_put(cache, p->layer, p->request, k->kv, token, key, value);
}

static void take_head(const plmr_keys *k)
{
    const plmr_deal *tokens = &k->pass->tokens;
    plmr_span kept = plmr_rows_here(k->pass->engine, k->pass->n);
    for (int place = 0; place < place_count(k); place++) {
        plmr_part part = plmr_pass_tokens(k->pass, place);
        for (int64_t row = 0; row < plmr_part_places(&part, tokens); row++) {
            int64_t token = plmr_part_place(&part, tokens, row);
            if (token < k->pass->n)
                take_token(k, kept, token, k->part[k->turn][place] + (size_t)row * token_bytes(k));
        }
    }
}

bool plmr_keys_next(plmr_keys *k, int *kv)
{
    *kv = k->kv;
    if (k->kv == k->pass->grid->heads.n_kv)
        return false;
    plmr_exchange_wait(k->messages);
    take_head(k);
    k->kv = next_head(k, k->kv + 1);
    k->turn = !k->turn;
    if (k->kv < k->pass->grid->heads.n_kv)
        post(k);
    return true;
}

void plmr_keys_poll(plmr_keys *k)
{
    plmr_exchange_poll(k->messages);
}
