/* texts.h - the true values of requests that are served: each request's text, token by token, as the machine (machine.h)
 * says when.
 *
 * A request's values are those it has alone: its prompt is read as a whole when its first token is due, its tokens are made
 * one by one, in a cache of its own, and what was preempted is made again in the same way, from the prompt on. So its text
 * is bit for bit that of plmr generate on the same regions, whatever its company; when what happens is the machine's
 * matter, and it is checked that nothing is made before it is read, that what is made again is the same, and that prompts
 * which are to begin alike do. All functions are collective.
 */
#pragma once

#include "infer/generate.h"
#include "serve/machine.h"

/* What was asked for, and what became of it. */
typedef struct plmr_serve_text {
    int32_t *prompt;
    int n_prompt;
    plmr_sampler_options sampler;
    plmr_stops stops;
    bool ignores_end;
    int32_t *ids; /* made */
    int n_ids;
    char *text; /* rank 0's, in UTF-8, without the prompt; ends in a 0 byte */
    size_t n_bytes;
    enum plmr_text_end end;

    /* Its own. */
    plmr_generation generation;
    plmr_held_cache cache;
    bool begun;
    int64_t n_read; /* tokens that the machine has read of it */
} plmr_serve_text;

typedef struct plmr_serve_texts {
    plmr_engine *reader, *engine; /* of prompts; of tokens */
    plmr_timing *timing;
    plmr_tokenizer *tokenizer; /* NULL: the model has none */
    plmr_llm_totals totals;
    plmr_serve_text *texts; /* by request */
    int64_t n, room;
} plmr_serve_texts;

/* One more request: takes the prompt over. Local. */
plmr_serve_text *plmr_serve_texts_add(plmr_serve_texts *texts, int32_t *prompt, int n_prompt);

/* Loads the model, on the regions of the place: twice, but what lies in a file is in memory once. The tokenizer must live as
 * long as the texts. */
plmr_status plmr_serve_texts_load(const plmr_model *model, plmr_ranks *ranks, const plmr_device *device,
                                  plmr_timing *timing, plmr_tokenizer *tokenizer, plmr_serve_texts *texts);
void plmr_serve_texts_free(plmr_serve_texts *texts);

/* One that an earlier run has begun, whose ids are there: its cache of n_cached tokens. */
plmr_status plmr_serve_texts_resume(plmr_serve_texts *texts, plmr_serve_text *text, int64_t n_cached,
                                    plmr_state_get *get, void *context);

/* Nobody wants this request's text any more: it ends where its next token is due. Local, alike on all ranks. */
void plmr_serve_texts_stop(plmr_serve_texts *texts, int64_t request);

/* Lets go of a request that is done: prompt, ids and text. Local. */
void plmr_serve_texts_forget(plmr_serve_texts *texts, int64_t request);

/* Checks that the prompts of requests with the same prefix begin alike. Local. */
plmr_status plmr_serve_texts_check(const plmr_serve_texts *texts, const plmr_request *requests);

/* What a machine does with requests, for its setup. */
plmr_machine_values plmr_serve_texts_values(plmr_serve_texts *texts);
