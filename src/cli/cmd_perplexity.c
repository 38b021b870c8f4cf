#include "cli/cli.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/wall.h"
#include "cli/llm_summary.h"
#include "report/jsonl.h"
#include "report/table.h"
#include "text/utf8.h"

struct perplexity_command {
    plmr_llm_options llm; /* first: see llm_options.h */
    const char *file;
    int64_t context; /* 0: not given */
};

/* ---- the command line ---- */

/* A window's second half must have a token to score. */
enum { KEY_CONTEXT = 0x200, DEFAULT_CONTEXT = 512, LEAST_CONTEXT = 3 };

static const struct argp_option options[] = {
    PLMR_OPTION_GROUP(1, "Model and text:"),
    {"model", 'm', "FILE|NAME", 0, "A GGUF file with a vocabulary (default " PLMR_MODEL_DEMO ")", 1},
    {"file", 'f', "FILE", 0, "The text, in UTF-8", 1},
    {"context", KEY_CONTEXT, "N", 0, "Tokens of a window (default 512, or the model's context if that is less)", 1},
    {0},
};

static plmr_status set_option(int key, const char *text, struct perplexity_command *c)
{
    if (key == KEY_CONTEXT)
        return plmr_parse_count("--context", text, INT32_MAX, &c->context);
    PLMR_CHECK(*text, PLMR_ERROR_INPUT, "%s: a name is missing", key == 'm' ? "--model" : "--file");
    *(key == 'm' ? &c->llm.model : &c->file) = text;
    return PLMR_OK;
}

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    const plmr_parse_state *parse = state->input;
    if (key == ARGP_KEY_INIT)
        state->child_inputs[0] = state->input;
    if (key != 'm' && key != 'f' && key != KEY_CONTEXT)
        return ARGP_ERR_UNKNOWN;
    return plmr_parse_result(state, set_option(key, text, parse->options));
}

static const struct argp_child children[] = {{&plmr_wafer_argp, 0, NULL, 0}, {0}};
static const struct argp argp = {
    .options = options,
    .parser = parse_option,
    .doc = "Measures how well a language model foretells a text.\v"
           "The text's tokens are cut into windows of N, and each window is prefilled from an empty cache; where the "
           "model wants a BOS token, it takes the place of every window's first token. Scored is the second half of "
           "each window, given all that comes before it in the window; tokens behind the last whole window are left "
           "out. A text of fewer than 2 N tokens is one window, of which all tokens but the first are scored. "
           "Perplexity is exp of the mean of -log p; behind it stands its standard error.\n\n"
           "For example:\n"
           "  mpirun -n 2 plmr perplexity -m model.gguf -f text.txt --context 256",
    .children = children,
};

/* ---- the text ---- */

static plmr_status read_all(FILE *file, const char *path, char **text, size_t *n)
{
    size_t room = 0;
    *n = 0;
    do {
        room = 2 * room + 65536;
        char *grown = *n < PLMR_TEXT_MOST_BYTES ? realloc(*text, room) : NULL;
        PLMR_CHECK(*n < PLMR_TEXT_MOST_BYTES, PLMR_ERROR_INPUT, "%.300s: is too long: %d MiB are the most", path,
                   PLMR_TEXT_MOST_BYTES >> 20);
        PLMR_CHECK(grown, PLMR_ERROR_SYSTEM, "out of memory");
        *text = grown;
        *n += fread(*text + *n, 1, room - *n, file);
    } while (*n == room);
    PLMR_CHECK(!ferror(file), PLMR_ERROR_INPUT, "%.300s: cannot read: %s", path, strerror(errno));
    return PLMR_OK;
}

static plmr_status check_text(const char *path, const char *text, size_t n)
{
    PLMR_CHECK(n > 0, PLMR_ERROR_INPUT, "%.300s: is empty", path);
    int bytes;
    for (size_t i = 0; i < n; i += (size_t)bytes) {
        PLMR_CHECK(text[i], PLMR_ERROR_INPUT, "%.300s: byte %zu is 0: this is no text", path, i);
        PLMR_CHECK(plmr_utf8_scan(text + i, n - i, &bytes) == PLMR_UTF8_WHOLE, PLMR_ERROR_INPUT,
                   "%.300s: byte %zu is not UTF-8: convert the text, e.g. with iconv", path, i);
    }
    return PLMR_OK;
}

static plmr_status read_text(const char *path, char **text, size_t *n)
{
    *text = NULL;
    FILE *file = fopen(path, "rbe");
    PLMR_CHECK(file, PLMR_ERROR_INPUT, "%.300s: cannot open: %s", path, strerror(errno));
    plmr_status status = read_all(file, path, text, n);
    fclose(file);
    return status ? status : check_text(path, *text, *n);
}

static plmr_status encode(const struct perplexity_command *c, plmr_llm_run *run, int32_t **ids, int *n_ids)
{
    char *text;
    size_t n;
    plmr_status status = read_text(c->file, &text, &n);
    if (!status)
        status = plmr_tokenizer_encode(run->tokenizer, text, n, true, false, ids, n_ids);
    free(text);
    PLMR_TRY(status);
    PLMR_CHECK(*n_ids > 1, PLMR_ERROR_INPUT, "%.300s: has %d token%s, and 2 are the least: give a longer text", c->file,
               *n_ids, *n_ids == 1 ? "" : "s");
    return PLMR_OK;
}

/* Rank 0 reads the text, all get its tokens. */
static plmr_status share_tokens(const struct perplexity_command *c, plmr_llm_run *run, int32_t **ids, int *n_ids)
{
    *ids = NULL;
    PLMR_TRY(plmr_agree(plmr_rank() == 0 ? encode(c, run, ids, n_ids) : PLMR_OK));
    plmr_broadcast(n_ids, sizeof *n_ids);
    if (plmr_rank() > 0)
        *ids = malloc((size_t)*n_ids * sizeof **ids);
    PLMR_TRY(plmr_agree(*ids ? PLMR_OK : plmr_error_make(PLMR_ERROR_SYSTEM, "out of memory")));
    plmr_broadcast(*ids, (size_t)*n_ids * sizeof **ids);
    return PLMR_OK;
}

/* ---- scoring ---- */

/* Rows of logits that are held at a time. */
enum { ROWS_AT_ONCE = 32 };

struct scoring {
    plmr_llm_run *run;
    int32_t *ids;
    int n_ids, size, n_windows; /* tokens of a window */
    int first;                  /* the first token of a window that is scored */
    bool has_bos;
    int32_t *window;
    float *hidden, *logits;  /* logits: on rank 0 */
    double sum, sum_squares; /* of -log p */
    int64_t n_scored;
    double wall_s;
};

/* -log of the probability of `id`. */
static double surprise(const float *logits, int n_vocab, int32_t id)
{
    double most = logits[0], sum = 0;
    for (int i = 1; i < n_vocab; i++)
        most = logits[i] > most ? logits[i] : most;
    for (int i = 0; i < n_vocab; i++)
        sum += exp(logits[i] - most);
    return log(sum) + most - logits[id];
}

/* Row i of the logits foretells window[at + i]. */
static void score_rows(struct scoring *s, int at, int n)
{
    int n_vocab = s->run->shape->n_vocab;
    for (int i = 0; i < n && s->logits; i++) {
        double nll = surprise(s->logits + (size_t)i * (size_t)n_vocab, n_vocab, s->window[at + i]);
        s->sum += nll;
        s->sum_squares += nll * nll;
    }
    s->n_scored += n;
}

static plmr_status score_window(struct scoring *s, int w)
{
    size_t dim = (size_t)s->run->shape->dim;
    int before = s->first - 1, n_rows = s->size - s->first; /* the token before one foretells it */
    memcpy(s->window, s->ids + (int64_t)w * s->size, (size_t)s->size * sizeof *s->window);
    if (s->has_bos)
        s->window[0] = s->ids[0];
    PLMR_TRY(plmr_engine_prefill(s->run->engine, 0, s->window, s->size, s->size - before, s->hidden));
    for (int row = 0; row < n_rows; row += ROWS_AT_ONCE) {
        int n = n_rows - row < ROWS_AT_ONCE ? n_rows - row : ROWS_AT_ONCE;
        PLMR_TRY(plmr_engine_logits(s->run->engine, n, s->hidden + (size_t)row * dim, s->logits));
        score_rows(s, s->first + row, n);
    }
    return PLMR_OK;
}

static plmr_status take_memory(struct scoring *s)
{
    const plmr_model_shape *shape = s->run->shape;
    s->window = malloc((size_t)s->size * sizeof *s->window);
    s->hidden = malloc((size_t)(s->size - s->first + 1) * (size_t)shape->dim * sizeof *s->hidden);
    if (plmr_rank() == 0)
        s->logits = malloc((size_t)ROWS_AT_ONCE * (size_t)shape->n_vocab * sizeof *s->logits);
    PLMR_CHECK(s->window && s->hidden && (s->logits || plmr_rank() > 0), PLMR_ERROR_SYSTEM, "out of memory");
    return PLMR_OK;
}

static plmr_status load(struct scoring *s)
{
    plmr_llm_run *run = s->run;
    run->setup.n_prompt = run->setup.n_tokens = s->size;
    plmr_llm_setup_choose(&run->setup, true, true, &run->device, run->shape);
    return plmr_llm_load(run);
}

static plmr_status score(struct scoring *s)
{
    PLMR_TRY(plmr_agree(take_memory(s)));
    PLMR_TRY(load(s));
    double start_s = plmr_wall_s();
    for (int w = 0; w < s->n_windows; w++)
        PLMR_TRY(score_window(s, w));
    s->wall_s = plmr_wall_s() - start_s;
    return PLMR_OK;
}

/* ---- what it comes to ---- */

static double mean(const struct scoring *s)
{
    return s->sum / (double)s->n_scored;
}

/* Standard error of the mean; negative: there is none, of one token. */
static double mean_error(const struct scoring *s)
{
    double n = (double)s->n_scored, variance = s->sum_squares / n - mean(s) * mean(s);
    return n < 2 ? -1 : sqrt(fmax(variance, 0) / (n - 1));
}

static void print(FILE *out, const struct scoring *s)
{
    double perplexity = exp(mean(s)), error = mean_error(s);
    if (error < 0)
        plmr_table_fact(out, "score", "perplexity %.4f", perplexity);
    else
        plmr_table_fact(out, "score", "perplexity %.4f +- %.4f", perplexity, perplexity * error);
    plmr_table_fact(out, "tokens", "%d, %lld of them scored, in %d window%s of %d", s->n_ids, (long long)s->n_scored,
                    s->n_windows, s->n_windows == 1 ? "" : "s", s->size);
    plmr_table_fact(out, "wall", "%.3g s, %.4g tokens/s", s->wall_s, s->n_windows * (double)s->size / s->wall_s);
}

/* JSON has no infinity. */
static json_t *number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static char *object_of(const struct perplexity_command *c, const struct scoring *s)
{
    double perplexity = exp(mean(s)), error = mean_error(s);
    json_t *object = json_pack("{ss ss si si si sI so so so si sf}", "command", "perplexity", "model", c->llm.model,
                               "tokens", s->n_ids, "context", s->size, "windows", s->n_windows, "scored",
                               (json_int_t)s->n_scored, "nll", number(mean(s)), "perplexity", number(perplexity),
                               "stderr", error < 0 ? json_null() : number(perplexity * error), "ranks",
                               plmr_rank_count(), "wall_s", s->wall_s);
    char *line = object ? json_dumps(object, JSON_COMPACT) : NULL;
    json_decref(object);
    return line;
}

/* On rank 0. */
static plmr_status report(const struct perplexity_command *c, const struct scoring *s, plmr_jsonl *jsonl)
{
    print(plmr_text_beside(c->llm.json), s);
    if (!c->llm.json)
        return PLMR_OK;
    char *line = object_of(c, s);
    PLMR_CHECK(line, PLMR_ERROR_SYSTEM, "out of memory");
    plmr_status status = plmr_jsonl_put(jsonl, line);
    free(line);
    return status ? status : plmr_jsonl_commit(jsonl);
}

static plmr_status score_and_report(const struct perplexity_command *c, struct scoring *s)
{
    plmr_jsonl jsonl = {0};
    PLMR_TRY(plmr_agree(plmr_rank() == 0 ? plmr_jsonl_open(c->llm.json, &jsonl) : PLMR_OK));
    plmr_status status = score(s);
    if (!status)
        status = plmr_agree(plmr_rank() == 0 ? report(c, s, &jsonl) : PLMR_OK);
    if (plmr_rank() == 0)
        plmr_jsonl_discard(&jsonl);
    return status;
}

/* Whole windows, or one that is as long as the text. */
static void cut_windows(const struct perplexity_command *c, struct scoring *s)
{
    int n_context = s->run->shape->n_context;
    int size = c->context ? (int)c->context : n_context < DEFAULT_CONTEXT ? n_context : DEFAULT_CONTEXT;
    s->n_windows = s->n_ids / size > 1 ? s->n_ids / size : 1;
    s->size = s->n_ids < size ? s->n_ids : size;
    s->first = s->n_windows > 1 ? size / 2 + 1 : 1;
    s->has_bos = s->ids[0] == plmr_tokenizer_bos(s->run->tokenizer);
}

static plmr_status check_options(const struct perplexity_command *c)
{
    PLMR_CHECK(c->file, PLMR_ERROR_INPUT, "a text is missing: give a file with -f");
    PLMR_CHECK(!c->llm.setup.dump, PLMR_ERROR_INPUT,
               "--dump: the tensors of many windows are not written: use plmr logits");
    PLMR_CHECK(!c->context || c->context >= LEAST_CONTEXT, PLMR_ERROR_INPUT,
               "--context: windows of %lld tokens are too short: %d are the least", (long long)c->context,
               LEAST_CONTEXT);
    return plmr_llm_check_cores(&c->llm);
}

static plmr_status check_context(const struct perplexity_command *c, const plmr_llm_run *run)
{
    PLMR_CHECK(c->context <= run->shape->n_context, PLMR_ERROR_INPUT,
               "--context: %lld tokens are more than %s was made for: %d are the most", (long long)c->context,
               run->shape->name, run->shape->n_context);
    return PLMR_OK;
}

static plmr_status run_opened(const struct perplexity_command *c, plmr_llm_run *run)
{
    struct scoring s = {.run = run};
    PLMR_TRY(check_context(c, run));
    plmr_status status = run->tokenizer ? PLMR_OK : plmr_agree(plmr_tokenizer_open(run->model, &run->tokenizer));
    if (!status)
        status = share_tokens(c, run, &s.ids, &s.n_ids);
    if (!status) {
        cut_windows(c, &s);
        status = score_and_report(c, &s);
    }
    free(s.logits);
    free(s.hidden);
    free(s.window);
    free(s.ids);
    return status;
}

plmr_status plmr_command_perplexity(int argc, char **argv)
{
    struct perplexity_command c = {0};
    plmr_llm_run run;
    bool help;
    plmr_llm_options_init(&c.llm);
    PLMR_TRY(plmr_options_parse(&argp, "perplexity", argc, argv, &c, &help));
    if (help)
        return PLMR_OK;
    PLMR_TRY(check_options(&c));
    PLMR_TRY(plmr_llm_open(&c.llm, &run));
    plmr_status status = run_opened(&c, &run);
    plmr_llm_close(&run);
    return status;
}
