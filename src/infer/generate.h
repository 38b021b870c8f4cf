/* generate.h - text from a prompt, token by token, in both planes.
 *
 *     plmr_generation g = {.engine = engine, .timing = timing, .tokenizer = tokenizer, .n_most = 100, .totals = &totals};
 *     PLMR_TRY(plmr_generation_begin(&g, &sampler, prompt, n_prompt));
 *     while (!status && !g.end) {
 *         status = plmr_generation_next(&g);
 *         fwrite(g.text, 1, g.n_bytes, stdout);     // nothing, but on rank 0
 *     }
 *     plmr_generation_close(&g);
 *
 * All functions are collective.
 */
#pragma once

#include <signal.h>

#include "infer/engine.h"
#include "infer/state.h"
#include "infer/totals.h"
#include "text/sampler.h"
#include "text/stops.h"
#include "text/tokenizer.h"
#include "text/utf8.h"

/* Why a text ends. */
enum plmr_text_end {
    PLMR_NOT_ENDED,
    PLMR_ENDED_ITSELF, /* by the model's own token for it */
    PLMR_ENDED_BY_STRING,
    PLMR_ENDED_STOPPED,
    PLMR_ENDED_LENGTH /* n_most tokens are made */
};

typedef struct plmr_generation {
    plmr_engine *engine;       /* loaded for prefill; it must have room for the prompt and n_most - 1 tokens */
    plmr_engine *reader;       /* NULL: engine reads the prompt, and then lies as decode has it; else this one does,
                                          for an engine that decodes alone */
    plmr_timing *timing;       /* of the same setup */
    plmr_tokenizer *tokenizer; /* NULL: the model has none, and a token no text */
    int64_t n_most;            /* tokens to make */
    bool ignores_end;          /* the model's own end is a token like others */
    const volatile sig_atomic_t *stop; /* rank 0's: once it is set, the token at hand is the last; NULL: never */
    plmr_stops stops;  /* strings that end the text, of which they are no part; none without a tokenizer */
    bool wants_logits; /* all of them, to be looked at after each token; else those that are picked from will do */
    plmr_llm_totals *totals;

    /* What has been made so far. */
    int64_t n_made;   /* tokens, without the model's own end */
    int32_t id;       /* the last token */
    const char *text; /* rank 0's: whole characters that it completes, in UTF-8 */
    size_t n_bytes;
    enum plmr_text_end end;

    /* Its own. */
    plmr_sampler *sampler; /* rank 0's */
    float *logits;         /* rank 0's: those that id was picked by */
    int n_wanted;          /* how many of the largest; 0: all */
    plmr_utf8_stream stream;
    char *characters;
    int64_t position; /* of the next token */
} plmr_generation;

/* Prefills the prompt, and moves the weights to where decode has them. Close it also where this fails. */
plmr_status plmr_generation_begin(plmr_generation *g, const plmr_sampler_options *sampler, const int32_t *prompt,
                                  int n_prompt);

/* The same for a text that another run has begun: gets the cache of n_cached tokens, with which the last token at hand was
 * picked. Then tells of its tokens, one after the other, as plmr_generation_next had made them. */
plmr_status plmr_generation_resume(plmr_generation *g, const plmr_sampler_options *sampler, const int32_t *prompt,
                                   int n_prompt, int64_t n_cached, plmr_state_get *get, void *context);
plmr_status plmr_generation_again(plmr_generation *g, int32_t id);

/* One more token. Fails where the cache is full; the text so far stands. */
plmr_status plmr_generation_next(plmr_generation *g);

/* What is left of the text: what may have begun a stop string, a character that is cut. On rank 0. */
void plmr_generation_flush(plmr_generation *g);

void plmr_generation_close(plmr_generation *g);
