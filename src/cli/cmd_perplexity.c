#include "cli/cli.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text_file.h"
#include "base/wall.h"
#include "cli/settings.h"
#include "infer/score.h"
#include "report/table.h"
#include "run/checkpoint.h"
#include "text/utf8.h"

struct perplexity_command {
    plmr_llm_options llm;
    const char *file;
    plmr_checkpoint kept;
};

/* ---- the command line ---- */

enum { DEFAULT_CONTEXT = 512, LEAST_CONTEXT = 3 }; /* a window's second half must have a token to score */

#define MODEL "Model and text:"

static const plmr_option options[] = {
    {"model", "FILE|NAME", MODEL, "A GGUF file or a folder with safetensors, with a vocabulary",
     PLMR_TEXT_READ(struct perplexity_command, llm.model), .letter = 'm', .value = PLMR_MODEL_DEMO},
    {"file", "FILE", MODEL, "The text, in UTF-8", PLMR_TEXT_READ(struct perplexity_command, file), .letter = 'f'},
    {"context", "N", MODEL, "Tokens of a window (default 512, or the model's context if that is less)",
     PLMR_COUNT(struct perplexity_command, llm.n_prompt, INT32_MAX)},
    PLMR_OPTIONS(struct perplexity_command, llm, plmr_wafer_table),
    PLMR_CHECKPOINT(struct perplexity_command, llm.checkpoint, "windows"),
    {0},
};

/* ---- the text ---- */

static plmr_status check_text(const char *path, const char *text, size_t n)
{
    int bytes;
    for (size_t i = 0; i < n; i += (size_t)bytes)
        PLMR_CHECK(plmr_utf8_scan(text + i, n - i, &bytes) == PLMR_UTF8_WHOLE, PLMR_ERROR_INPUT,
                   "%.300s: byte %zu is not UTF-8: convert the text, e.g. with iconv", path, i);
    return PLMR_OK;
}

static plmr_status encode(const struct perplexity_command *c, plmr_llm_run *run)
{
    char *text;
    size_t n;
    plmr_status status = plmr_file_read(c->file, PLMR_TEXT_MOST_BYTES, &text, &n);
    if (!status)
        status = check_text(c->file, text, n);
    if (!status)
        status = plmr_tokenizer_encode(run->tokenizer, text, n, true, false, &run->ids, &run->n_ids);
    free(text);
    PLMR_TRY(status);
    PLMR_TRY(plmr_session_note(&run->session, c->file));
    PLMR_CHECK(run->n_ids > 1, PLMR_ERROR_INPUT, "%.300s: has %d token%s, and 2 are the least: give a longer text",
               c->file, run->n_ids, run->n_ids == 1 ? "" : "s");
    return PLMR_OK;
}

/* Rank 0 reads the text, all get its tokens. */
static plmr_status share_tokens(const struct perplexity_command *c, plmr_llm_run *run)
{
    PLMR_TRY(plmr_agree(plmr_rank() == 0 ? encode(c, run) : PLMR_OK));
    plmr_broadcast(&run->n_ids, sizeof run->n_ids);
    if (plmr_rank() > 0)
        run->ids = plmr_take((size_t)run->n_ids * sizeof *run->ids);
    plmr_broadcast(run->ids, (size_t)run->n_ids * sizeof *run->ids);
    return PLMR_OK;
}

/* ---- what it comes to ---- */

static void print(FILE *out, const plmr_llm_run *run, const plmr_score *s, double wall_s)
{
    double perplexity = exp(plmr_score_mean(s)), error = plmr_score_error(s);
    if (error < 0)
        plmr_table_fact(out, "score", "perplexity %.4f", perplexity);
    else
        plmr_table_fact(out, "score", "perplexity %.4f +- %.4f", perplexity, perplexity * error);
    plmr_table_fact(out, "tokens", "%d, %lld of them scored, in %s of %d", run->n_ids, (long long)s->n_scored,
                    plmr_format_counted(s->n_windows, "window").s, s->size);
    plmr_table_fact(out, "wall", "%s, %s tokens/s", plmr_format_quantity(wall_s, "s").s,
                    plmr_format_rate(s->n_windows * (double)s->size / wall_s).s);
}

/* JSON has no infinity: null. */
static json_t *object_of(const plmr_llm_run *run, const plmr_score *s, double wall_s)
{
    double mean = plmr_score_mean(s), perplexity = exp(mean), error = plmr_score_error(s);
    return json_pack("{ss ss si si si sI so? so? so? si sf}", "command", "perplexity", "model", run->options->model,
                     "tokens", run->n_ids, "context", s->size, "windows", s->n_windows, "scored",
                     (json_int_t)s->n_scored, "nll", json_real(mean), "perplexity", json_real(perplexity), "stderr",
                     error < 0 ? NULL : json_real(perplexity * error), "ranks", plmr_rank_count(), "wall_s", wall_s);
}

/* On rank 0. */
static plmr_status report(plmr_llm_run *run, const plmr_score *s, double wall_s)
{
    print(plmr_text_beside(run->options->json), run, s, wall_s);
    json_t *record = object_of(run, s, wall_s);
    plmr_session_sign(&run->session, record);
    return plmr_json_put(&run->session.jsonl, JSON_COMPACT, record);
}

/* ---- from one run to the next ---- */

static json_t *state_of(const void *score)
{
    const plmr_score *s = score;
    return json_pack("{si sI sf sf}", "done", s->n_done, "scored", (json_int_t)s->n_scored, "sum", s->sum,
                     "sum_squares", s->sum_squares);
}

static plmr_status keep(void *context, plmr_score *s)
{
    struct perplexity_command *c = context;
    return plmr_checkpoint_keep(&c->kept, s->n_done, state_of, NULL, s);
}

static plmr_status go_on(const struct perplexity_command *c, const json_t *state, plmr_score *s)
{
    int64_t n_done;
    if (!state)
        return PLMR_OK;
    PLMR_TRY(plmr_checkpoint_number(&c->kept, state, "done", 1, s->n_windows - 1, &n_done));
    PLMR_TRY(plmr_checkpoint_number(&c->kept, state, "scored", 0, n_done * s->size, &s->n_scored));
    s->n_done = (int)n_done;
    s->sum = json_number_value(json_object_get(state, "sum"));
    s->sum_squares = json_number_value(json_object_get(state, "sum_squares"));
    return PLMR_OK;
}

static plmr_status score(struct perplexity_command *c, plmr_llm_run *run, const json_t *state)
{
    int n_context = run->shape->n_context;
    int size = c->llm.n_prompt ? (int)c->llm.n_prompt : n_context < DEFAULT_CONTEXT ? n_context : DEFAULT_CONTEXT;
    plmr_score s = plmr_score_windows(run->n_ids, size);
    run->setup.n_prompt = run->setup.n_tokens = s.size;
    plmr_llm_setup_choose(&run->setup, true, true, &run->session.device, run->shape);
    PLMR_TRY(plmr_llm_load(run));
    PLMR_TRY(go_on(c, state, &s));
    double start_s = plmr_wall_s();
    bool keeps_first = run->ids[0] == plmr_tokenizer_bos(run->tokenizer);
    PLMR_TRY(plmr_score_run(run->engine, run->ids, keeps_first, &s, keep, c));
    double wall_s = plmr_wall_s() - start_s;
    return plmr_agree(plmr_rank() == 0 ? report(run, &s, wall_s) : PLMR_OK);
}

static plmr_status check_options(const struct perplexity_command *c)
{
    PLMR_CHECK(c->file, PLMR_ERROR_INPUT, "a text is missing: give a file with -f");
    PLMR_CHECK(!c->llm.setup.dump, PLMR_ERROR_INPUT,
               "--dump: the tensors of many windows are not written: use plmr logits");
    PLMR_CHECK(!c->llm.n_prompt || c->llm.n_prompt >= LEAST_CONTEXT, PLMR_ERROR_INPUT,
               "--context: windows of %lld tokens are too short: %d are the least", (long long)c->llm.n_prompt,
               LEAST_CONTEXT);
    return plmr_llm_check_cores(&c->llm);
}

static plmr_status run_opened(struct perplexity_command *c, plmr_llm_run *run)
{
    PLMR_CHECK(c->llm.n_prompt <= run->shape->n_context, PLMR_ERROR_INPUT,
               "--context: %lld tokens are more than %s was made for: %d are the most", (long long)c->llm.n_prompt,
               run->shape->name, run->shape->n_context);
    PLMR_CHECK(run->shape->n_context >= LEAST_CONTEXT, PLMR_ERROR_INPUT,
               "%s was made for a context of %d, and windows of %d tokens are the shortest that can be scored",
               run->shape->name, run->shape->n_context, LEAST_CONTEXT);
    PLMR_TRY(share_tokens(c, run));
    PLMR_TRY(plmr_session_open_files(&run->session, c->llm.json, NULL, NULL, NULL));
    json_t *state;
    PLMR_TRY(plmr_checkpoint_open(&c->kept, c->llm.checkpoint, "perplexity",
                                  plmr_run_settings(&plmr_command_perplexity, run), &state));
    plmr_status status = score(c, run, state);
    json_decref(state);
    return status;
}

static plmr_status run(void *options)
{
    struct perplexity_command *c = options;
    plmr_llm_run run;
    PLMR_TRY(check_options(c));
    PLMR_TRY(plmr_llm_open(&run, "perplexity", &c->llm, true));
    plmr_status status = plmr_llm_close(&run, run_opened(c, &run));
    return plmr_checkpoint_close(&c->kept, status);
}

const plmr_command plmr_command_perplexity = {
    .name = "perplexity",
    .summary = "measure how well a language model foretells a text",
    .about = "Measures how well a language model foretells a text.",
    .more = "The text's tokens are cut into windows of N, and each window is prefilled from an empty cache; where the "
            "model wants a BOS token, it takes the place of every window's first token. Scored is the second half of "
            "each window, given all that comes before it in the window; tokens behind the last whole window are left "
            "out. A text of fewer than 2 N tokens is one window, of which all tokens but the first are scored. "
            "Perplexity is exp of the mean of -log p; behind it stands its standard error.\n\n"
            "For example:\n"
            "  mpirun -n 2 plmr perplexity -m model.gguf -f text.txt --context 256",
    .options = options,
    .size = sizeof(struct perplexity_command),
    .run = run,
};
