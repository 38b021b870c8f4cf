#include "infer/state.h"

#include <stdlib.h>

#include "base/memory.h"
#include "infer/rows.h"

/* Of a token in a head: its key, behind which its value lies. */
static size_t key_bytes(const plmr_engine *engine)
{
    return (size_t)engine->cache.n_dims * plmr_dtype_bytes(engine->cache.dtype);
}

/* Which head of the cache, by its number in the stream. */
typedef struct head_at {
    int layer, request, kv;
} head_at;

static head_at head_of(const plmr_engine *engine, size_t i)
{
    size_t n_kv = (size_t)engine->cache.n_kv, n_batch = (size_t)engine->cache.n_batch;
    return (head_at){(int)(i / n_kv / n_batch), (int)(i / n_kv % n_batch), (int)(i % n_kv)};
}

static bool is_mine(const plmr_engine *engine, head_at h)
{
    return engine->owner[h.kv] == plmr_ranks_place(engine->ranks, PLMR_X);
}

/* The tokens of a span that are this rank's, to or from a stream of that span. */
static void pack(const plmr_engine *engine, head_at h, plmr_span span, char *room)
{
    size_t n = key_bytes(engine);
    for (int64_t token = span.from; token < span.to; token++, room += 2 * n)
        plmr_cache_get(&engine->cache, h.layer, h.request, h.kv, token, room, room + n);
}

static void unpack(plmr_engine *engine, head_at h, plmr_span span, const char *room)
{
    size_t n = key_bytes(engine);
    for (int64_t token = span.from; token < span.to; token++, room += 2 * n)
        plmr_cache_put(&engine->cache, h.layer, h.request, h.kv, token, room, room + n);
}

/* The ranks of a column that have a part of the head bring it, one after the other. */
static void put_head(const plmr_engine *engine, head_at h, char *room, plmr_state_put *put, void *context)
{
    int here = plmr_ranks_place(engine->ranks, PLMR_Y);
    for (int y = 0; y < plmr_ranks_extent(engine->ranks, PLMR_Y); y++) {
        int place[2] = {[PLMR_X] = engine->owner[h.kv], [PLMR_Y] = y};
        plmr_span span = plmr_rows_span(engine, engine->n_cached, y);
        size_t n = (size_t)(span.to - span.from) * 2 * key_bytes(engine);
        if (y == here && is_mine(engine, h))
            pack(engine, h, span, room);
        plmr_ranks_bring(engine->ranks, place, room, n);
        if (plmr_rank() == 0)
            put(context, room, n);
    }
}

void plmr_state_put_cache(const plmr_engine *engine, plmr_state_put *put, void *context)
{
    char *room = plmr_take((size_t)engine->n_cached * 2 * key_bytes(engine));
    for (size_t i = 0; i < engine->cache.n_heads; i++)
        put_head(engine, head_of(engine, i), room, put, context);
    free(room);
}

static plmr_status get_heads(plmr_engine *engine, char *room, plmr_state_get *get, void *context)
{
    size_t n = 2 * key_bytes(engine);
    plmr_span here = plmr_rows_here(engine, engine->n_cached);
    for (size_t i = 0; i < engine->cache.n_heads; i++) {
        head_at h = head_of(engine, i);
        PLMR_TRY(get(context, room, (size_t)engine->n_cached * n));
        if (is_mine(engine, h))
            unpack(engine, h, here, room + (size_t)here.from * n);
    }
    return PLMR_OK;
}

plmr_status plmr_state_get_cache(plmr_engine *engine, int64_t n_prefilled, int64_t n_cached, plmr_state_get *get,
                                 void *context)
{
    char *room = plmr_take((size_t)n_cached * 2 * key_bytes(engine));
    plmr_engine_set_cached(engine, n_prefilled);
    engine->n_cached = n_cached;
    engine->cache.first = plmr_rows_here(engine, n_cached).from;
    plmr_status status = get_heads(engine, room, get, context);
    free(room);
    PLMR_TRY(status);
    PLMR_TRY(plmr_engine_relayout(engine));
    plmr_engine_keep(engine);
    return PLMR_OK;
}
