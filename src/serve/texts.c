#include "serve/texts.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

plmr_serve_text *plmr_serve_texts_add(plmr_serve_texts *texts, int32_t *prompt, int n_prompt)
{
    if (texts->n == texts->room) {
        texts->room = 2 * texts->room + 16;
        texts->texts = plmr_take_more(texts->texts, (size_t)texts->room * sizeof *texts->texts);
    }
    plmr_serve_text *t = &texts->texts[texts->n++];
    *t = (plmr_serve_text){
        .prompt = prompt, .n_prompt = n_prompt, .sampler = {.top_p = 1, .typical = 1, .repetition = 1}};
    t->text = plmr_take_zeroed(1, 1);
    return t;
}

/* ---- the model ---- */

plmr_status plmr_serve_texts_load(const plmr_model *model, plmr_ranks *ranks, const plmr_device *device,
                                  plmr_timing *timing, plmr_tokenizer *tokenizer, plmr_serve_texts *texts)
{
    plmr_llm_setup setup = *plmr_timing_setup(timing);
    texts->timing = timing;
    texts->tokenizer = tokenizer;
    PLMR_TRY(plmr_engine_create(model, ranks, device, &setup, &texts->reader));
    setup.phase[PLMR_PREFILL].rows = 0;
    return plmr_engine_create(model, ranks, device, &setup, &texts->engine);
}

static void close_text(plmr_serve_text *t)
{
    plmr_generation_close(&t->generation);
    plmr_cache_free(&t->cache.cache);
    t->generation = (plmr_generation){0};
    t->begun = false;
    t->n_read = 0;
}

void plmr_serve_texts_forget(plmr_serve_texts *texts, int64_t request)
{
    plmr_serve_text *t = &texts->texts[request];
    close_text(t);
    free(t->prompt);
    free(t->ids);
    free(t->text);
    *t = (plmr_serve_text){0};
}

void plmr_serve_texts_free(plmr_serve_texts *texts)
{
    for (int64_t i = 0; i < texts->n; i++)
        plmr_serve_texts_forget(texts, i);
    free(texts->texts);
    plmr_engine_destroy(texts->reader);
    plmr_engine_destroy(texts->engine);
    *texts = (plmr_serve_texts){0};
}

/* ---- prompts that begin alike ---- */

static bool begin_alike(const plmr_serve_texts *texts, const plmr_request *requests, int64_t i, int64_t j)
{
    int32_t a = requests[i].n_prefix, b = requests[j].n_prefix;
    return memcmp(texts->texts[i].prompt, texts->texts[j].prompt, (size_t)(a < b ? a : b) * sizeof(int32_t)) == 0;
}

plmr_status plmr_serve_texts_check(const plmr_serve_texts *texts, const plmr_request *requests)
{
    for (int64_t i = 0; i < texts->n; i++)
        for (int64_t j = 0; j < i && requests[i].n_prefix; j++)
            PLMR_CHECK(!requests[j].n_prefix || requests[j].prefix != requests[i].prefix ||
                           begin_alike(texts, requests, i, j),
                       PLMR_ERROR_INPUT,
                       "requests %lld and %lld are said to have prefix %d, but their prompts do not begin alike",
                       (long long)j, (long long)i, requests[i].prefix);
    return PLMR_OK;
}

/* ---- tokens ---- */

static void add_text(plmr_serve_text *t, const char *text, size_t n)
{
    t->text = plmr_take_more(t->text, t->n_bytes + n + 1);
    if (n)
        memcpy(t->text + t->n_bytes, text, n);
    t->n_bytes += n;
    t->text[t->n_bytes] = 0;
}

static plmr_status next(plmr_serve_texts *texts, plmr_serve_text *t)
{
    plmr_engine_swap_cache(texts->engine, &t->cache);
    plmr_status status = plmr_generation_next(&t->generation);
    plmr_engine_swap_cache(texts->engine, &t->cache);
    return status;
}

static plmr_status open_text(plmr_serve_texts *texts, plmr_serve_text *t)
{
    PLMR_TRY(plmr_agree(plmr_engine_new_cache(texts->engine, &t->cache)));
    t->begun = true;
    t->generation = (plmr_generation){.engine = texts->engine,
                                      .reader = texts->reader,
                                      .timing = texts->timing,
                                      .tokenizer = texts->tokenizer,
                                      .n_most = INT64_MAX,
                                      .ignores_end = t->ignores_end,
                                      .stops = t->stops,
                                      .totals = &texts->totals};
    return PLMR_OK;
}

/* The prompt, and what had been made before. */
static plmr_status begin(plmr_serve_texts *texts, plmr_serve_text *t)
{
    PLMR_ASSERT(t->n_read >= t->n_prompt + t->n_ids);
    PLMR_TRY(open_text(texts, t));
    plmr_engine_swap_cache(texts->reader, &t->cache);
    plmr_status status = plmr_generation_begin(&t->generation, &t->sampler, t->prompt, t->n_prompt);
    plmr_engine_swap_cache(texts->reader, &t->cache);
    for (int i = 0; i < t->n_ids && !status; i++) {
        status = next(texts, t);
        PLMR_ASSERT(status || t->generation.id == t->ids[i]);
    }
    return status;
}

plmr_status plmr_serve_texts_resume(plmr_serve_texts *texts, plmr_serve_text *t, int64_t n_cached, plmr_state_get *get,
                                    void *context)
{
    PLMR_TRY(open_text(texts, t));
    plmr_engine_swap_cache(texts->engine, &t->cache);
    plmr_status status =
        plmr_generation_resume(&t->generation, &t->sampler, t->prompt, t->n_prompt, n_cached, get, context);
    plmr_engine_swap_cache(texts->engine, &t->cache);
    for (int i = 0; i < t->n_ids && !status; i++)
        status = plmr_generation_again(&t->generation, t->ids[i]);
    return status;
}

static plmr_status make_one(plmr_serve_texts *texts, plmr_serve_text *t)
{
    PLMR_TRY(next(texts, t));
    t->end = t->generation.end;
    if (t->end != PLMR_ENDED_ITSELF) {
        t->ids = plmr_take_more(t->ids, (size_t)(t->n_ids + 1) * sizeof *t->ids);
        t->ids[t->n_ids++] = t->generation.id;
    }
    if (plmr_rank() == 0)
        add_text(t, t->generation.text, t->generation.n_bytes);
    return PLMR_OK;
}

static plmr_status make_texts(void *context, int32_t request, int n, bool *ended)
{
    plmr_serve_texts *texts = context;
    plmr_serve_text *t = &texts->texts[request];
    if (!t->begun && !t->end)
        PLMR_TRY(begin(texts, t));
    for (int i = 0; i < n && !t->end; i++)
        PLMR_TRY(make_one(texts, t));
    *ended = t->end != PLMR_NOT_ENDED;
    return PLMR_OK;
}

void plmr_serve_texts_stop(plmr_serve_texts *texts, int64_t request)
{
    texts->texts[request].end = PLMR_ENDED_STOPPED;
}

static void read_texts(void *context, int32_t request, int64_t n_before, int64_t n)
{
    plmr_serve_text *t = &((plmr_serve_texts *)context)->texts[request];
    PLMR_ASSERT(n_before >= t->n_read && !t->begun);
    t->n_read = n_before + n;
}

static void lose_texts(void *context, int32_t request, bool done)
{
    plmr_serve_text *t = &((plmr_serve_texts *)context)->texts[request];
    if (done && plmr_rank() == 0) {
        plmr_generation_flush(&t->generation);
        add_text(t, t->generation.text, t->generation.n_bytes);
    }
    if (done && !t->end)
        t->end = PLMR_ENDED_LENGTH;
    close_text(t);
}

plmr_machine_values plmr_serve_texts_values(plmr_serve_texts *texts)
{
    return (plmr_machine_values){.context = texts, .read = read_texts, .make = make_texts, .lose = lose_texts};
}
