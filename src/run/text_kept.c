#include "run/text_kept.h"

#include <stdlib.h>

#include "base/memory.h"

static void add(plmr_text_kept *kept, int32_t id)
{
    if (kept->n_ids == kept->room) {
        kept->room = 2 * kept->room + 64;
        kept->ids = plmr_take_more(kept->ids, (size_t)kept->room * sizeof *kept->ids);
    }
    kept->ids[kept->n_ids++] = id;
}

/* ---- taking ---- */

/* Of a text that has not ended: it was as long as this one may be, but for a token, at most. */
static plmr_status take(plmr_text_kept *kept, const json_t *state)
{
    const plmr_llm_run *run = kept->run;
    json_t *tokens = json_object_get(state, "tokens"), *token;
    int64_t n = (int64_t)json_array_size(tokens), room = run->setup.n_tokens - run->n_ids;
    size_t i;
    if (n < 1 || n > room || n >= run->options->n_decode)
        return plmr_checkpoint_damaged(&kept->checkpoint);
    json_array_foreach(tokens, i, token)
    {
        int64_t id = json_is_integer(token) ? json_integer_value(token) : -1;
        if (id < 0 || id >= run->shape->n_vocab)
            return plmr_checkpoint_damaged(&kept->checkpoint);
        add(kept, (int32_t)id);
    }
    json_t *logprobs = json_object_get(state, "logprobs");
    kept->run->logprobs = plmr_rank() == 0 && json_is_array(logprobs) ? json_incref(logprobs) : NULL;
    return PLMR_OK;
}

plmr_status plmr_text_kept_open(plmr_text_kept *kept, const char *option, json_t *settings, plmr_llm_run *run)
{
    json_t *state;
    kept->run = run;
    PLMR_TRY(plmr_checkpoint_open(&kept->checkpoint, option, "generate", settings, &state));
    plmr_status status = state ? take(kept, state) : PLMR_OK;
    json_decref(state);
    return status;
}

/* ---- keeping ---- */

static json_t *state_of(const void *context)
{
    const plmr_text_kept *kept = context;
    json_t *tokens = plmr_take_made(json_array());
    for (int64_t i = 0; i < kept->n_ids; i++)
        json_array_append_new(tokens, json_integer(kept->ids[i]));
    return json_pack("{so sO?}", "tokens", tokens, "logprobs", kept->run->logprobs);
}

static plmr_status put(plmr_checkpoint *checkpoint, void *context)
{
    return plmr_checkpoint_put_cache(checkpoint, ((plmr_text_kept *)context)->run->engine);
}

plmr_status plmr_text_keep(plmr_text_kept *kept, plmr_generation *g)
{
    add(kept, g->id);
    if (!kept->checkpoint.folder || (g->end && g->end != PLMR_ENDED_STOPPED))
        return PLMR_OK;
    plmr_status status = plmr_checkpoint_keep(&kept->checkpoint, g->n_made, state_of, put, kept);
    if (!kept->checkpoint.stopped)
        return status;
    plmr_error_free(status);
    g->end = PLMR_ENDED_STOPPED;
    return PLMR_OK;
}

plmr_status plmr_text_kept_close(plmr_text_kept *kept, plmr_status status)
{
    free(kept->ids);
    return plmr_checkpoint_close(&kept->checkpoint, status);
}
