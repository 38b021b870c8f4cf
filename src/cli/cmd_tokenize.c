#include "cli/cli.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/options.h"
#include "plmr/ranks.h"
#include "report/jsonl.h"
#include "text/tokenizer_gguf.h"
#include "text/utf8.h"

struct tokenize_command {
    const char *model, *text, *ids_text, *json; /* NULL: not given */
    bool no_bos;
    int32_t *ids;
    int n_ids;
};

/* ---- the command line ---- */

enum { KEY_IDS = 0x200, KEY_NO_BOS, KEY_JSON };

static const struct argp_option options[] = {
    {"model", 'm', "FILE|NAME", 0, "A model with a vocabulary: a GGUF file (default " PLMR_MODEL_DEMO ")", 1},
    {"prompt", 'p', "TEXT", 0,
     "Print the text's token ids; control tokens that are spelt out in it, such as </s>, are read as such", 1},
    {"ids", KEY_IDS, "I,J,...", 0, "Print the text of these token ids", 1},
    {"no-bos", KEY_NO_BOS, NULL, 0, "Put no tokens in front of the text and behind it, though the model wants them", 1},
    {"json", KEY_JSON, "FILE|-", 0, "One JSON object; with - the ids or the text go to standard error", 1},
    PLMR_OPTION_HELP,
    {0},
};

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    plmr_parse_state *parse = state->input;
    struct tokenize_command *c = parse->options;
    if (key == 'm')
        c->model = text;
    else if (key == 'p')
        c->text = text;
    else if (key == KEY_IDS)
        c->ids_text = text;
    else if (key == KEY_NO_BOS)
        c->no_bos = true;
    else if (key == KEY_JSON)
        c->json = text;
    else
        return ARGP_ERR_UNKNOWN;
    return 0;
}

static const struct argp argp = {
    .options = options,
    .parser = parse_option,
    .doc = "Turns text into the token ids of a model, and back.\v"
           "For example:\n"
           "  plmr tokenize -p \"Once upon a time\"\n"
           "  plmr tokenize --ids 466,456,261,395",
};

static plmr_status check(const struct tokenize_command *c)
{
    PLMR_CHECK(c->text || c->ids_text, PLMR_ERROR_INPUT, "say what to turn: a text with -p, or token ids with --ids");
    PLMR_CHECK(!c->text || !c->ids_text, PLMR_ERROR_INPUT, "give a text with -p or token ids with --ids, not both");
    PLMR_CHECK(!c->text || *c->text, PLMR_ERROR_INPUT, "-p: the text is empty");
    PLMR_CHECK(c->text || !c->no_bos, PLMR_ERROR_INPUT, "--no-bos is for texts (-p): token ids are taken as they are");
    return PLMR_OK;
}

/* ---- the JSON object ---- */

/* What is no UTF-8, as JSON must be, is replaced. NULL without memory. */
static json_t *json_text(const char *bytes, size_t n_bytes)
{
    plmr_utf8_stream stream = {0};
    char *out = malloc(PLMR_UTF8_ROOM(n_bytes) + PLMR_UTF8_ROOM(0));
    if (!out)
        return NULL;
    size_t n = plmr_utf8_push(&stream, bytes, n_bytes, out);
    n += plmr_utf8_flush(&stream, out + n);
    json_t *text = json_stringn(out, n);
    free(out);
    return text;
}

/* The ids, and the tokens as the vocabulary spells them; every id is one of the vocabulary's. */
static int set_tokens(json_t *object, const struct tokenize_command *c, const plmr_tokenizer *tokenizer)
{
    json_t *ids = json_array(), *tokens = json_array();
    int failed = json_object_set_new(object, "ids", ids) | json_object_set_new(object, "tokens", tokens);
    for (int i = 0; i < c->n_ids && !failed; i++) {
        const char *bytes;
        size_t n;
        plmr_status status = plmr_tokenizer_spell(tokenizer, c->ids[i], &bytes, &n);
        PLMR_ASSERT(!status);
        failed =
            json_array_append_new(ids, json_integer(c->ids[i])) | json_array_append_new(tokens, json_text(bytes, n));
    }
    return failed;
}

static plmr_status write_json(const struct tokenize_command *c, const plmr_tokenizer *tokenizer, const char *text,
                              size_t n_bytes, plmr_jsonl *jsonl)
{
    if (!c->json)
        return PLMR_OK;
    json_t *object = json_object();
    int failed = json_object_set_new(object, "command", json_string("tokenize")) |
                 json_object_set_new(object, "model", json_text(c->model, strlen(c->model))) |
                 json_object_set_new(object, "text", json_text(text, n_bytes)) | set_tokens(object, c, tokenizer);
    char *line = failed ? NULL : json_dumps(object, JSON_COMPACT);
    json_decref(object);
    PLMR_CHECK(line, PLMR_ERROR_SYSTEM, "out of memory");
    plmr_status status = plmr_jsonl_put(jsonl, line);
    free(line);
    return status;
}

/* ---- what it does ---- */

static FILE *output(const struct tokenize_command *c)
{
    return c->json && strcmp(c->json, "-") == 0 ? stderr : stdout;
}

static plmr_status print_ids(struct tokenize_command *c, const plmr_tokenizer *tokenizer, plmr_jsonl *jsonl)
{
    PLMR_TRY(plmr_tokenizer_encode(tokenizer, c->text, strlen(c->text), !c->no_bos, true, &c->ids, &c->n_ids));
    for (int i = 0; i < c->n_ids; i++)
        fprintf(output(c), "%s%d", i ? "," : "", c->ids[i]);
    fputc('\n', output(c));
    return write_json(c, tokenizer, c->text, strlen(c->text), jsonl);
}

static plmr_status print_text(struct tokenize_command *c, const plmr_tokenizer *tokenizer, plmr_jsonl *jsonl)
{
    char *text;
    size_t n_bytes;
    PLMR_TRY(plmr_parse_ids("--ids", c->ids_text, &c->ids, &c->n_ids));
    PLMR_CHECK(c->n_ids > 0, PLMR_ERROR_INPUT, "--ids: there are none, expected numbers such as 1,2,3");
    PLMR_TRY(plmr_tokenizer_decode_all(tokenizer, c->ids, c->n_ids, &text, &n_bytes));
    fwrite(text, 1, n_bytes, output(c));
    fputc('\n', output(c));
    plmr_status status = write_json(c, tokenizer, text, n_bytes, jsonl);
    free(text);
    return status;
}

static plmr_status open_tokenizer(const char *name, plmr_tokenizer **tokenizer)
{
    plmr_model *model;
    PLMR_TRY(plmr_model_open(name, &model));
    plmr_status status = plmr_tokenizer_open(model, tokenizer);
    plmr_model_close(model);
    return status;
}

static plmr_status run(struct tokenize_command *c)
{
    plmr_jsonl jsonl;
    plmr_tokenizer *tokenizer;
    PLMR_TRY(check(c));
    PLMR_TRY(open_tokenizer(c->model, &tokenizer));
    plmr_status status = plmr_jsonl_open(c->json, &jsonl);
    if (!status) {
        status = c->text ? print_ids(c, tokenizer, &jsonl) : print_text(c, tokenizer, &jsonl);
        if (!status)
            status = plmr_jsonl_commit(&jsonl);
        plmr_jsonl_discard(&jsonl);
    }
    free(c->ids);
    plmr_tokenizer_destroy(tokenizer);
    return status;
}

plmr_status plmr_command_tokenize(int argc, char **argv)
{
    struct tokenize_command c = {.model = PLMR_MODEL_DEMO};
    bool help;
    PLMR_TRY(plmr_options_parse(&argp, "tokenize", argc, argv, &c, &help));
    if (help)
        return PLMR_OK;
    return plmr_agree(plmr_rank() == 0 ? run(&c) : PLMR_OK);
}
