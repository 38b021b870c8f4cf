#include "cli/cli.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/parse.h"
#include "cli/options.h"
#include "plmr/ranks.h"
#include "report/jsonl.h"
#include "run/text_json.h"
#include "text/tokenizer_gguf.h"

struct tokenize_command {
    const char *model, *text, *ids_text, *json; /* NULL: not given */
    bool no_bos;
    int32_t *ids;
    int n_ids;
};

/* ---- the command line ---- */

static const plmr_option options[] = {
    {"model", "FILE|NAME", NULL, "A model with a vocabulary: a GGUF file, or a folder with safetensors",
     PLMR_TEXT_READ(struct tokenize_command, model), .letter = 'm', .value = PLMR_MODEL_DEMO},
    {"prompt", "TEXT", NULL,
     "Print the text's token ids; control tokens that are spelt out in it, such as </s>, are read as such",
     PLMR_TEXT(struct tokenize_command, text), .letter = 'p'},
    {"ids", "I,J,...", NULL, "Print the text of these token ids", PLMR_TEXT(struct tokenize_command, ids_text)},
    {"no-bos", NULL, NULL, "Put no tokens in front of the text and behind it, though the model wants them",
     PLMR_FLAG(struct tokenize_command, no_bos)},
    {"json", "FILE|-", NULL, "One JSON object; with - the ids or the text go to standard error",
     PLMR_TEXT_WRITTEN(struct tokenize_command, json)},
    {0},
};

static plmr_status check(const struct tokenize_command *c)
{
    PLMR_CHECK(c->text || c->ids_text, PLMR_ERROR_INPUT, "say what to turn: a text with -p, or token ids with --ids");
    PLMR_CHECK(!c->text || !c->ids_text, PLMR_ERROR_INPUT, "give a text with -p or token ids with --ids, not both");
    PLMR_CHECK(c->text || !c->no_bos, PLMR_ERROR_INPUT, "--no-bos is for texts (-p): token ids are taken as they are");
    return PLMR_OK;
}

/* ---- the JSON object ---- */

/* The tokens as the vocabulary spells them; every id is one of the vocabulary's. */
static plmr_status write_json(const struct tokenize_command *c, const plmr_tokenizer *tokenizer, const char *text,
                              size_t n_bytes, plmr_draft *jsonl)
{
    json_t *ids = json_array(), *tokens = json_array();
    for (int i = 0; i < c->n_ids; i++) {
        const char *bytes;
        size_t n;
        plmr_status status = plmr_tokenizer_spell(tokenizer, c->ids[i], &bytes, &n);
        PLMR_ASSERT(!status);
        json_array_append_new(ids, json_integer(c->ids[i]));
        json_array_append_new(tokens, plmr_text_json(bytes, n));
    }
    return plmr_json_put(jsonl, JSON_COMPACT,
                         json_pack("{ss so so so so}", "command", "tokenize", "model",
                                   plmr_text_json(c->model, strlen(c->model)), "text", plmr_text_json(text, n_bytes),
                                   "ids", ids, "tokens", tokens));
}

/* ---- what it does ---- */

static plmr_status print_ids(struct tokenize_command *c, const plmr_tokenizer *tokenizer, plmr_draft *jsonl)
{
    PLMR_TRY(plmr_tokenizer_encode(tokenizer, c->text, strlen(c->text), !c->no_bos, true, &c->ids, &c->n_ids));
    for (int i = 0; i < c->n_ids; i++)
        fprintf(plmr_text_beside(c->json), "%s%d", i ? "," : "", c->ids[i]);
    fputc('\n', plmr_text_beside(c->json));
    return write_json(c, tokenizer, c->text, strlen(c->text), jsonl);
}

static plmr_status print_text(struct tokenize_command *c, const plmr_tokenizer *tokenizer, plmr_draft *jsonl)
{
    char *text;
    size_t n_bytes;
    PLMR_TRY(plmr_parse_ids("--ids", c->ids_text, &c->ids, &c->n_ids));
    PLMR_CHECK(c->n_ids > 0, PLMR_ERROR_INPUT, "--ids: there are none, expected numbers such as 1,2,3");
    PLMR_TRY(plmr_tokenizer_decode_all(tokenizer, c->ids, c->n_ids, &text, &n_bytes));
    fwrite(text, 1, n_bytes, plmr_text_beside(c->json));
    fputc('\n', plmr_text_beside(c->json));
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

static plmr_status turn(struct tokenize_command *c)
{
    plmr_draft jsonl;
    plmr_tokenizer *tokenizer;
    PLMR_TRY(check(c));
    PLMR_TRY(open_tokenizer(c->model, &tokenizer));
    plmr_status status = plmr_jsonl_open("--json", c->json, &jsonl);
    if (!status)
        status = plmr_draft_close(&jsonl, c->text ? print_ids(c, tokenizer, &jsonl) : print_text(c, tokenizer, &jsonl));
    free(c->ids);
    plmr_tokenizer_destroy(tokenizer);
    return status;
}

static plmr_status run(void *options)
{
    return plmr_agree(plmr_rank() == 0 ? turn(options) : PLMR_OK);
}

const plmr_command plmr_command_tokenize = {
    .name = "tokenize",
    .summary = "turn text into a language model's token ids, and back",
    .about = "Turns text into the token ids of a model, and back.",
    .more = "For example:\n"
            "  plmr tokenize -p \"Once upon a time\"\n"
            "  plmr tokenize --ids 466,456,261,395",
    .options = options,
    .size = sizeof(struct tokenize_command),
    .run = run,
    .needs_no_ranks = true,
};
