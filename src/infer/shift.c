#include "infer/shift.h"

#include <stdlib.h>

#include "base/memory.h"
#include "infer/rows.h"

static plmr_span common(plmr_span a, plmr_span b)
{
    return (plmr_span){a.from > b.from ? a.from : b.from, a.to < b.to ? a.to : b.to};
}

/* What goes to, or comes from, one rank. */
struct parcel {
    plmr_span tokens;
    char *bytes;
};

struct shift {
    plmr_engine *engine;
    int n_places, me;
    plmr_span old, new;
    struct parcel *out, *in; /* by place */
    size_t token_bytes;      /* of a key or a value */
};

static size_t parcel_bytes(const struct shift *s, plmr_span tokens)
{
    const plmr_cache *cache = &s->engine->cache;
    size_t n_heads = 0;
    for (size_t i = 0; i < cache->n_heads; i++)
        n_heads += cache->keys[i] != NULL;
    return tokens.to > tokens.from ? (size_t)(tokens.to - tokens.from) * n_heads * 2 * s->token_bytes : 0;
}

/* All heads of all layers and requests, token after token. */
static void copy_parcel(const struct shift *s, const struct parcel *parcel, bool out)
{
    plmr_cache *cache = &s->engine->cache;
    char *at = parcel->bytes;
    for (int64_t token = parcel->tokens.from; token < parcel->tokens.to; token++)
        for (int layer = 0; layer < s->engine->n_layers; layer++)
            for (int request = 0; request < cache->n_batch; request++)
                for (int kv = 0; kv < cache->n_kv; kv++) {
                    if (!plmr_cache_keys(cache, layer, request, kv))
                        continue;
                    if (out)
                        plmr_cache_get(cache, layer, request, kv, token, at, at + s->token_bytes);
                    else
                        plmr_cache_put(cache, layer, request, kv, token, at, at + s->token_bytes);
                    at += 2 * s->token_bytes;
                }
}

static void post(const struct shift *s, plmr_exchange *messages)
{
    for (int place = 0; place < s->n_places; place++) {
        struct parcel *out = &s->out[place], *in = &s->in[place];
        size_t n_out = parcel_bytes(s, out->tokens), n_in = parcel_bytes(s, in->tokens);
        if (n_out) {
            out->bytes = plmr_take(n_out);
            copy_parcel(s, out, true);
            plmr_exchange_send(messages, PLMR_Y, place, out->bytes, n_out);
        }
        if (n_in) {
            in->bytes = plmr_take(n_in);
            plmr_exchange_receive(messages, PLMR_Y, place, in->bytes, n_in);
        }
    }
}

static void find_parcels(const struct shift *s, int64_t n)
{
    for (int place = 0; place < s->n_places; place++) {
        if (place == s->me)
            continue;
        s->out[place].tokens = common(s->old, plmr_rows_span(s->engine, n + 1, place));
        s->in[place].tokens = common(s->new, plmr_rows_span(s->engine, n, place));
    }
}

/* What stays moves to the front if there is no room behind it. */
static void make_room(const struct shift *s)
{
    plmr_cache *cache = &s->engine->cache;
    plmr_span stays = common(s->old, s->new);
    bool is_empty = stays.to <= stays.from;
    if (is_empty || s->new.to - cache->first > cache->n_tokens)
        plmr_cache_pack(cache, s->new.from, is_empty ? s->new.from : stays.to);
}

void plmr_cache_shift(plmr_engine *engine)
{
    int64_t n = engine->n_cached;
    struct shift s = {.engine = engine,
                      .n_places = plmr_ranks_extent(engine->ranks, PLMR_Y),
                      .me = plmr_ranks_place(engine->ranks, PLMR_Y),
                      .old = plmr_rows_here(engine, n),
                      .new = plmr_rows_here(engine, n + 1),
                      .token_bytes = (size_t)engine->cache.n_dims *plmr_dtype_bytes(engine->cache.dtype)};
    if (s.n_places == 1)
        return;
    s.out = plmr_take_zeroed(2 * (size_t)s.n_places, sizeof *s.out);
    s.in = s.out + s.n_places;
    plmr_exchange *messages = plmr_exchange_create(engine->ranks, "a shift of the cache");
    find_parcels(&s, n);
    post(&s, messages);
    make_room(&s);
    plmr_exchange_wait(messages);
    for (int place = 0; place < s.n_places; place++) {
        copy_parcel(&s, &s.in[place], false);
        free(s.in[place].bytes);
        free(s.out[place].bytes);
    }
    plmr_exchange_destroy(messages);
    free(s.out);
}
