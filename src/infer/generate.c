#include "infer/generate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/wall.h"
#include "infer/turn.h"

static plmr_status prefill(plmr_generation *g, const int32_t *prompt, int n_prompt)
{
    plmr_engine *reader = g->reader ? g->reader : g->engine;
    double start_s = plmr_wall_s();
    PLMR_TRY(plmr_engine_prefill(reader, 0, prompt, n_prompt));
    g->totals->prefill_s = plmr_wall_s() - start_s;
    start_s = plmr_wall_s();
    if (!g->reader) {
        PLMR_TRY(plmr_engine_relayout(g->engine));
        plmr_turn_plan(g->engine);
    }
    g->totals->relayout_s = plmr_wall_s() - start_s;
    plmr_engine_likely(reader, n_prompt - 1, g->n_wanted, g->logits);
    return PLMR_OK;
}

static plmr_status open_text(plmr_generation *g, const plmr_sampler_options *sampler, const int32_t *prompt,
                             int n_prompt)
{
    const plmr_model_shape *shape = g->engine->shape;
    bool is_root = plmr_rank() == 0;
    g->logits = is_root ? plmr_take((size_t)shape->n_vocab * sizeof *g->logits) : NULL;
    g->position = n_prompt;
    g->id = prompt[n_prompt - 1];
    PLMR_TRY(plmr_agree(is_root ? plmr_sampler_create(sampler, shape->n_vocab, &g->sampler) : PLMR_OK));
    g->n_wanted = is_root && !g->wants_logits ? plmr_sampler_wants(sampler) : 0;
    plmr_broadcast(&g->n_wanted, sizeof g->n_wanted);
    for (int i = 0; i < n_prompt && g->sampler; i++)
        plmr_sampler_tell(g->sampler, prompt[i]);
    return PLMR_OK;
}

plmr_status plmr_generation_begin(plmr_generation *g, const plmr_sampler_options *sampler, const int32_t *prompt,
                                  int n_prompt)
{
    PLMR_TRY(open_text(g, sampler, prompt, n_prompt));
    return prefill(g, prompt, n_prompt);
}

plmr_status plmr_generation_resume(plmr_generation *g, const plmr_sampler_options *sampler, const int32_t *prompt,
                                   int n_prompt, int64_t n_cached, plmr_state_get *get, void *context)
{
    PLMR_TRY(open_text(g, sampler, prompt, n_prompt));
    return plmr_state_get_cache(g->engine, n_prompt, n_cached, get, context);
}

/* What a token adds to the text. One that cannot be decoded adds nothing. */
static void take_text(plmr_generation *g, int32_t id)
{
    const char *bytes;
    size_t n;
    plmr_status status = plmr_tokenizer_decode(g->tokenizer, g->id, id, &bytes, &n);
    if (!status) {
        g->characters = plmr_take_more(g->characters, PLMR_UTF8_ROOM(n));
        n = plmr_utf8_push(&g->stream, bytes, n, g->characters);
        g->n_bytes = plmr_stops_push(&g->stops, g->characters, n);
        g->text = g->stops.text;
    }
    plmr_error_free(status);
}

static bool ends(const plmr_generation *g, int32_t id)
{
    return !g->ignores_end &&
           (plmr_shape_is_end(g->engine->shape, id) || (g->tokenizer && plmr_tokenizer_is_end(g->tokenizer, id)));
}

/* A token has been picked, or had been by an earlier run. */
static void take(plmr_generation *g, int32_t id)
{
    g->id = id;
    if (g->sampler)
        plmr_sampler_tell(g->sampler, id);
    g->position++;
}

/* Its virtual time follows from its place alone, and is found again. */
plmr_status plmr_generation_again(plmr_generation *g, int32_t id)
{
    g->n_bytes = 0;
    if (g->n_made > 0)
        PLMR_TRY(plmr_llm_totals_add_tokens(g->totals, g->timing, g->position - 1, 1));
    if (g->tokenizer && g->logits)
        take_text(g, id);
    take(g, id);
    g->n_made++;
    return PLMR_OK;
}

/* On rank 0. What is not brought is minus infinity. */
static plmr_status pick_id(plmr_generation *g, int32_t *id)
{
    PLMR_TRY(plmr_engine_check(g->engine, g->position, 1, -INFINITY, g->logits));
    return plmr_sampler_pick(g->sampler, g->logits, g->position, id);
}

/* Rank 0 picks the next token and tells the others. */
static plmr_status pick(plmr_generation *g)
{
    struct {
        int32_t id, stop, found;
    } said = {0};
    PLMR_TRY(plmr_agree(g->logits ? pick_id(g, &said.id) : PLMR_OK));
    if (g->tokenizer && g->logits && !ends(g, said.id))
        take_text(g, said.id);
    said.stop = g->stop && *g->stop;
    said.found = g->stops.found;
    plmr_broadcast(&said, sizeof said);
    bool is_end = ends(g, said.id);
    take(g, said.id);
    g->n_made += !is_end;
    g->totals->first_s = g->totals->first_s > 0 ? g->totals->first_s : plmr_wall_s();
    g->end = is_end                   ? PLMR_ENDED_ITSELF
             : said.found             ? PLMR_ENDED_BY_STRING
             : said.stop              ? PLMR_ENDED_STOPPED
             : g->n_made >= g->n_most ? PLMR_ENDED_LENGTH
                                      : PLMR_NOT_ENDED;
    return PLMR_OK;
}

static void turn_weights(plmr_generation *g)
{
    double start_s = plmr_wall_s();
    plmr_engine_keep(g->engine);
    plmr_barrier();
    g->totals->relayout_s += plmr_wall_s() - start_s;
}

plmr_status plmr_generation_next(plmr_generation *g)
{
    g->n_bytes = 0;
    if (g->n_made == 0)
        return pick(g); /* by the prompt's logits */
    if (g->n_made == 1) /* the first token need not wait for this */
        turn_weights(g);
    double before_s = plmr_wall_s();
    PLMR_TRY(plmr_llm_totals_add_tokens(g->totals, g->timing, g->engine->n_cached, 1));
    double start_s = plmr_wall_s(), turned_s = g->engine->turned_s;
    g->totals->time_s += start_s - before_s;
    PLMR_TRY(plmr_engine_decode(g->engine, &g->id));
    plmr_engine_likely(g->engine, 0, g->n_wanted, g->logits);
    PLMR_TRY(pick(g));
    if (g->n_made == 2 && !g->reader)
        plmr_turn_if_it_pays(g->engine, plmr_wall_s() - start_s, g->n_most - g->n_made);
    turned_s = g->engine->turned_s - turned_s;
    g->totals->relayout_s += turned_s;
    g->totals->decode_s += plmr_wall_s() - start_s - turned_s;
    return PLMR_OK;
}

void plmr_generation_flush(plmr_generation *g)
{
    if (g->end == PLMR_ENDED_BY_STRING) {
        g->n_bytes = 0;
        return;
    }
    size_t n_held = plmr_stops_flush(&g->stops);
    g->characters = plmr_take_more(g->characters, n_held + PLMR_UTF8_ROOM(0));
    if (n_held)
        memcpy(g->characters, g->stops.text, n_held);
    g->n_bytes = n_held + plmr_utf8_flush(&g->stream, g->characters + n_held);
    g->text = g->characters;
}

void plmr_generation_close(plmr_generation *g)
{
    plmr_sampler_destroy(g->sampler);
    free(g->logits);
    free(g->characters);
    plmr_stops_free(&g->stops);
}
