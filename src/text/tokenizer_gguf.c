#include "text/tokenizer_gguf.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "model/hf.h"

#define KEY(name) "tokenizer.ggml." name

/* What to do without a tokenizer. */
#define NO_TEXT "name a GGUF file with a vocabulary, or give token ids instead of text"

enum { WORD_SIZE = 80 };

/* A spec and what it borrows. */
struct vocab {
    plmr_vocab_spec spec;
    char kind[WORD_SIZE], pre[WORD_SIZE];
    plmr_token_text *tokens, *merges;
    float *scores;
    int64_t *types, *strips, *before, *behind;
    char *charsmap;
};

static void free_lists(struct vocab *vocab)
{
    free(vocab->tokens);
    free(vocab->merges);
    free(vocab->scores);
    free(vocab->types);
    free(vocab->strips);
    free(vocab->before);
    free(vocab->behind);
    free(vocab->charsmap);
}

/* Anything but printable ASCII becomes '?', so a 0 byte cannot make a known word out of an unknown one. */
static plmr_status read_word(const plmr_gguf *gguf, const char *key, char word[WORD_SIZE])
{
    plmr_gguf_text text;
    PLMR_TRY(plmr_gguf_get_text(gguf, key, &text));
    plmr_gguf_show(text, word, WORD_SIZE);
    return PLMR_OK;
}

/* The readers of optional keys: what is missing stays as it was. */

static plmr_status find_id(const plmr_gguf *gguf, const char *key, int64_t *id)
{
    return plmr_gguf_has(gguf, key) ? plmr_gguf_get_int(gguf, key, INT64_MIN, INT64_MAX, id) : PLMR_OK;
}

static plmr_status find_choice(const plmr_gguf *gguf, const char *key, enum plmr_choice *choice)
{
    bool yes;
    if (!plmr_gguf_has(gguf, key))
        return PLMR_OK;
    PLMR_TRY(plmr_gguf_get_bool(gguf, key, &yes));
    *choice = yes ? PLMR_YES : PLMR_NO;
    return PLMR_OK;
}

static plmr_status find_lists(const plmr_gguf *gguf, struct vocab *vocab)
{
    size_t n[4] = {0};
    if (plmr_gguf_has(gguf, KEY("tokens")))
        PLMR_TRY(plmr_gguf_get_texts(gguf, KEY("tokens"), &vocab->tokens, &n[0]));
    if (plmr_gguf_has(gguf, KEY("merges")))
        PLMR_TRY(plmr_gguf_get_texts(gguf, KEY("merges"), &vocab->merges, &n[1]));
    if (plmr_gguf_has(gguf, KEY("scores")))
        PLMR_TRY(plmr_gguf_get_floats(gguf, KEY("scores"), &vocab->scores, &n[2]));
    if (plmr_gguf_has(gguf, KEY("token_type")))
        PLMR_TRY(plmr_gguf_get_ints(gguf, KEY("token_type"), &vocab->types, &n[3]));
    vocab->spec.n_tokens = (int64_t)n[0];
    vocab->spec.n_merges = (int64_t)n[1];
    vocab->spec.n_scores = (int64_t)n[2];
    vocab->spec.n_types = (int64_t)n[3];
    return PLMR_OK;
}

static plmr_status find_ids(const plmr_gguf *gguf, plmr_vocab_spec *spec)
{
    PLMR_TRY(find_id(gguf, KEY("bos_token_id"), &spec->bos));
    PLMR_TRY(find_id(gguf, KEY("eos_token_id"), &spec->eos));
    PLMR_TRY(find_id(gguf, KEY("eot_token_id"), &spec->eot));
    PLMR_TRY(find_id(gguf, KEY("eom_token_id"), &spec->eom));
    PLMR_TRY(find_id(gguf, KEY("unknown_token_id"), &spec->unk));
    PLMR_TRY(find_id(gguf, KEY("fim_pad_token_id"), &spec->fim_pad));
    PLMR_TRY(find_id(gguf, KEY("fim_rep_token_id"), &spec->fim_rep));
    PLMR_TRY(find_id(gguf, KEY("fim_sep_token_id"), &spec->fim_sep));
    PLMR_TRY(find_choice(gguf, KEY("add_bos_token"), &spec->add_bos));
    PLMR_TRY(find_choice(gguf, KEY("add_eos_token"), &spec->add_eos));
    PLMR_TRY(find_choice(gguf, KEY("add_space_prefix"), &spec->add_space_prefix));
    return find_choice(gguf, KEY("remove_extra_whitespaces"), &spec->merge_spaces);
}

/* Phi-3's files, by whose name llama.cpp knows them, say nothing of what their tokens strip. */
static plmr_status is_phi3(const plmr_gguf *gguf, bool *yes)
{
    plmr_gguf_text text;
    *yes = false;
    if (!plmr_gguf_has(gguf, "general.name"))
        return PLMR_OK;
    PLMR_TRY(plmr_gguf_get_text(gguf, "general.name", &text));
    char *name = plmr_take_text("%.*s", (int)text.n_bytes, text.bytes);
    *yes = strcasestr(name, "phi-3") || strcasestr(name, "phi3");
    free(name);
    return PLMR_OK;
}

static bool is_one_of(plmr_token_text text, const char *const *words)
{
    while (*words && !plmr_gguf_text_is(text, *words))
        words++;
    return *words != NULL;
}

/* As llama.cpp does: behind all special tokens but a few. */
static void take_phi3_strips(struct vocab *vocab)
{
    static const char *const never[] = {"<unk>", "<s>", "<|endoftext|>", NULL};
    const plmr_vocab_spec *spec = &vocab->spec;
    vocab->strips = plmr_take_zeroed((size_t)spec->n_tokens, sizeof *vocab->strips);
    for (int64_t i = 0; i < spec->n_tokens; i++) {
        int64_t type = i < spec->n_types ? vocab->types[i] : PLMR_TOKEN_NORMAL;
        bool is_special = type == PLMR_TOKEN_CONTROL || type == PLMR_TOKEN_UNKNOWN || type == PLMR_TOKEN_USER_DEFINED;
        if (is_special && !is_one_of(vocab->tokens[i], never))
            vocab->strips[i] = PLMR_STRIPS_BEHIND;
    }
}

static plmr_status find_strips(const plmr_gguf *gguf, struct vocab *vocab)
{
    bool by_name = false;
    size_t n = (size_t)vocab->spec.n_tokens;
    if (plmr_gguf_has(gguf, PLMR_HF_STRIPS))
        PLMR_TRY(plmr_gguf_get_ints(gguf, PLMR_HF_STRIPS, &vocab->strips, &n));
    else
        PLMR_TRY(is_phi3(gguf, &by_name));
    if (by_name)
        take_phi3_strips(vocab);
    vocab->spec.strips = vocab->strips;
    vocab->spec.n_strips = vocab->strips ? (int64_t)n : 0;
    return PLMR_OK;
}

static plmr_status find_around(const plmr_gguf *gguf, const char *key, int64_t **ids, int64_t *n_ids)
{
    size_t n;
    if (!plmr_gguf_has(gguf, key))
        return PLMR_OK;
    PLMR_TRY(plmr_gguf_get_ints(gguf, key, ids, &n));
    *n_ids = (int64_t)n;
    return PLMR_OK;
}

/* What tokenizer.json says and GGUF files have no keys for. */
static plmr_status find_own(const plmr_gguf *gguf, struct vocab *vocab)
{
    plmr_vocab_spec *spec = &vocab->spec;
    PLMR_TRY(find_id(gguf, PLMR_HF_PREFIX, &spec->prefix));
    PLMR_TRY(find_id(gguf, PLMR_HF_SPACES, &spec->spaces));
    PLMR_TRY(find_choice(gguf, PLMR_HF_KEEPS_TOKENS, &spec->keeps_tokens));
    if (plmr_gguf_has(gguf, PLMR_HF_BY_MERGES))
        PLMR_TRY(plmr_gguf_get_bool(gguf, PLMR_HF_BY_MERGES, &spec->by_merges));
    PLMR_TRY(find_around(gguf, PLMR_HF_BEFORE, &vocab->before, &spec->n_before));
    PLMR_TRY(find_around(gguf, PLMR_HF_BEHIND, &vocab->behind, &spec->n_behind));
    spec->before = vocab->before;
    spec->behind = vocab->behind;
    return PLMR_OK;
}

/* An array of bytes, with a sign or without. */
static plmr_status find_charsmap(const plmr_gguf *gguf, struct vocab *vocab)
{
    int64_t *values;
    size_t n;
    if (!plmr_gguf_has(gguf, KEY("precompiled_charsmap")))
        return PLMR_OK;
    PLMR_TRY(plmr_gguf_get_ints(gguf, KEY("precompiled_charsmap"), &values, &n));
    vocab->charsmap = plmr_take(n + 1);
    for (size_t i = 0; i < n; i++)
        vocab->charsmap[i] = (char)values[i];
    free(values);
    vocab->spec.charsmap = vocab->charsmap;
    vocab->spec.n_charsmap = n;
    return PLMR_OK;
}

static plmr_status read_vocab(const plmr_gguf *gguf, struct vocab *vocab)
{
    PLMR_TRY(read_word(gguf, KEY("model"), vocab->kind));
    if (strcmp(vocab->kind, "no_vocab") == 0)
        return plmr_gguf_fault(gguf, "has no vocabulary (no_vocab); " NO_TEXT);
    vocab->spec.kind = vocab->kind;
    if (plmr_gguf_has(gguf, KEY("pre"))) {
        PLMR_TRY(read_word(gguf, KEY("pre"), vocab->pre));
        vocab->spec.pre = vocab->pre;
    }
    PLMR_TRY(find_lists(gguf, vocab));
    PLMR_TRY(find_strips(gguf, vocab));
    PLMR_TRY(find_ids(gguf, &vocab->spec));
    PLMR_TRY(find_charsmap(gguf, vocab));
    PLMR_TRY(find_own(gguf, vocab));
    vocab->spec.tokens = vocab->tokens;
    vocab->spec.merges = vocab->merges;
    vocab->spec.scores = vocab->scores;
    vocab->spec.types = vocab->types;
    return PLMR_OK;
}

/* What is wrong with a vocabulary is wrong with its file. */
static plmr_status blame(const plmr_gguf *gguf, plmr_status error)
{
    if (!error || plmr_error_code(error) != PLMR_ERROR_INPUT)
        return error;
    plmr_status fault =
        plmr_gguf_fault(gguf, "%s; use another model, or give token ids instead of text", plmr_error_text(error));
    plmr_error_free(error);
    return fault;
}

plmr_status plmr_tokenizer_read(const plmr_gguf *gguf, plmr_tokenizer **tokenizer)
{
    struct vocab vocab = {.spec = plmr_vocab_spec_none()};
    if (!plmr_gguf_has(gguf, KEY("model")))
        return plmr_gguf_fault(gguf, "has no tokenizer; " NO_TEXT);
    plmr_status status = read_vocab(gguf, &vocab);
    if (!status)
        status = blame(gguf, plmr_tokenizer_create(&vocab.spec, tokenizer));
    free_lists(&vocab);
    return status;
}

plmr_status plmr_tokenizer_open(const plmr_model *model, plmr_tokenizer **tokenizer)
{
    const plmr_gguf *gguf = plmr_model_gguf(model);
    const plmr_model_shape *shape = plmr_model_shape_of(model);
    PLMR_CHECK(gguf, PLMR_ERROR_INPUT, "%.255s: is a shape without weights, so it has no tokenizer; " NO_TEXT,
               shape->name);
    plmr_tokenizer *made;
    PLMR_TRY(plmr_tokenizer_read(gguf, &made));
    int n_tokens = plmr_tokenizer_n_tokens(made);
    if (n_tokens <= shape->n_vocab) {
        *tokenizer = made;
        return PLMR_OK;
    }
    plmr_tokenizer_destroy(made);
    return plmr_gguf_fault(gguf, "has a vocabulary of %d tokens and embeddings of %d; convert the model again",
                           n_tokens, shape->n_vocab);
}

bool plmr_tokenizer_kind(const plmr_gguf *gguf, char *kind, size_t size)
{
    plmr_gguf_text text;
    if (!plmr_gguf_has(gguf, KEY("model")))
        return false;
    plmr_status wrong_type = plmr_gguf_get_text(gguf, KEY("model"), &text);
    plmr_error_free(wrong_type);
    if (wrong_type || plmr_gguf_text_is(text, "no_vocab"))
        return false;
    plmr_gguf_show(text, kind, size);
    return true;
}
