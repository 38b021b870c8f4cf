/* tokenizer.json and tokenizer_config.json: the vocabulary. */
#include "model/hf_internal.h"

#include <float.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/share.h"
#include "base/text_file.h"

enum { MOST_TOKENS = 1 << 22, MOST_TEMPLATE = 1 << 20 };
enum {
    NORMAL = 1,
    UNKNOWN = 2,
    CONTROL = 3,
    USER_DEFINED = 4,
    UNUSED = 5,
    BYTE = 6
}; /* types of tokens in GGUF files */

#define KEY(name) "tokenizer.ggml." name
#define SPACE_MARK "\xe2\x96\x81" /* U+2581 */

/* Tokens by their ids. */
struct tokens {
    const char **texts; /* NULL: there is none of this id */
    int32_t *types, *strips;
    int64_t n;
};

struct tokenizer {
    plmr_hf_json json, config; /* tokenizer.json, tokenizer_config.json */
    const json_t *model, *vocab, *merges;
    struct tokens tokens;
    bool has_bytes;  /* SentencePiece: what has no token becomes bytes */
    bool is_unigram; /* vocab is a list of tokens and their scores */
};

/* ---- tokens ---- */

static plmr_status check_id(const plmr_reader *reader, const json_t *id, const char *text)
{
    json_int_t value = json_integer_value(id);
    if (!json_is_integer(id) || value < 0 || value >= MOST_TOKENS)
        return plmr_reader_fault(reader, NULL, "the id of token '%.40s' is out of range, expected 0 to %d", text,
                                 MOST_TOKENS - 1);
    return PLMR_OK;
}

static void set_token(struct tokens *tokens, int64_t id, const char *text, int32_t type)
{
    while (tokens->n <= id) { /* room for twice as many each time */
        int64_t n = tokens->n;
        if ((n & (n - 1)) == 0) {
            size_t room = n ? 2 * (size_t)n : 1;
            tokens->texts = plmr_take_more(tokens->texts, room * sizeof *tokens->texts);
            tokens->types = plmr_take_more(tokens->types, room * sizeof *tokens->types);
            tokens->strips = plmr_take_more(tokens->strips, room * sizeof *tokens->strips);
        }
        tokens->texts[n] = NULL;
        tokens->types[n] = UNUSED;
        tokens->strips[n] = 0;
        tokens->n++;
    }
    tokens->texts[id] = text;
    tokens->types[id] = type;
}

static bool is_byte(const char *text)
{
    unsigned byte;
    char end;
    return strlen(text) == 6 && sscanf(text, "<0x%2X%c", &byte, &end) == 2 && end == '>';
}

static void set_plain(struct tokenizer *t, int64_t id, const char *text, bool is_unknown)
{
    bool stands_for_byte = t->has_bytes && is_byte(text);
    set_token(&t->tokens, id, text, is_unknown ? UNKNOWN : stands_for_byte ? BYTE : NORMAL);
}

static plmr_status read_pieces(struct tokenizer *t)
{
    const json_t *unknown = json_object_get(t->model, "unk_id");
    json_int_t n = (json_int_t)json_array_size(t->vocab),
               unknown_id = json_is_integer(unknown) ? json_integer_value(unknown) : -1;
    if (n > MOST_TOKENS || unknown_id < -1 || unknown_id >= n)
        return plmr_reader_fault(&t->json.reader, "unk_id", "is out of range, or there are more than %d tokens",
                                 MOST_TOKENS);
    for (json_int_t i = 0; i < n; i++) {
        const json_t *piece = json_array_get(t->vocab, (size_t)i);
        const char *text = json_string_value(json_array_get(piece, 0));
        if (!text || !json_is_number(json_array_get(piece, 1)))
            return plmr_reader_fault(&t->json.reader, "vocab", "number %lld is no token with a score", (long long)i);
        set_plain(t, i, text, i == unknown_id);
    }
    return PLMR_OK;
}

static plmr_status read_vocab(struct tokenizer *t)
{
    if (t->is_unigram)
        return read_pieces(t);
    const char *text, *unknown = json_string_value(json_object_get(t->model, "unk_token"));
    json_t *id;
    json_object_foreach((json_t *)(uintptr_t)t->vocab, text, id)
    {
        PLMR_TRY(check_id(&t->json.reader, id, text));
        set_plain(t, json_integer_value(id), text, unknown && strcmp(text, unknown) == 0);
    }
    return PLMR_OK;
}

static plmr_status read_one_added(struct tokenizer *t, const json_t *token, const char *text)
{
    const json_t *id = json_object_get(token, "id");
    PLMR_TRY(check_id(&t->json.reader, id, text));
    if (json_is_true(json_object_get(token, "single_word")))
        return plmr_reader_fault(
            &t->json.reader, "added_tokens",
            "'%.40s' is to be a single word, which plmr does not look for; convert the model to GGUF", text);
    int64_t at = json_integer_value(id);
    bool was_unknown = at < t->tokens.n && t->tokens.types[at] == UNKNOWN;
    bool is_special = json_is_true(json_object_get(token, "special"));
    set_token(&t->tokens, at, text, was_unknown ? UNKNOWN : is_special ? CONTROL : USER_DEFINED);
    t->tokens.strips[at] = (json_is_true(json_object_get(token, "lstrip")) ? PLMR_STRIPS_BEFORE : 0) +
                           (json_is_true(json_object_get(token, "rstrip")) ? PLMR_STRIPS_BEHIND : 0);
    return PLMR_OK;
}

static plmr_status read_added(struct tokenizer *t)
{
    size_t i;
    json_t *token;
    json_array_foreach(json_object_get(t->json.root, "added_tokens"), i, token)
    {
        const char *text = json_string_value(json_object_get(token, "content"));
        if (!text)
            return plmr_reader_fault(&t->json.reader, "added_tokens", "token %zu of them has no content", i);
        PLMR_TRY(read_one_added(t, token, text));
    }
    return PLMR_OK;
}

static void put_tokens(const struct tokenizer *t, plmr_made *made)
{
    uint64_t n = (uint64_t)t->tokens.n;
    plmr_made_array(made, KEY("tokens"), PLMR_GGUF_TEXT, n);
    for (uint64_t i = 0; i < n; i++) {
        const char *text = t->tokens.texts[i] ? t->tokens.texts[i] : "";
        plmr_made_put_text(made, text, strlen(text));
    }
    plmr_made_array(made, KEY("token_type"), PLMR_GGUF_I32, n);
    plmr_made_put(made, t->tokens.types, n * sizeof *t->tokens.types);
    plmr_made_array(made, PLMR_HF_STRIPS, PLMR_GGUF_I32, n);
    plmr_made_put(made, t->tokens.strips, n * sizeof *t->tokens.strips);
}

/* ---- merges ---- */

/* "a b", or a and b; the caller frees *text, "a b". */
static plmr_status take_merge(const struct tokenizer *t, size_t i, char **text)
{
    const json_t *merge = json_array_get(t->merges, i);
    const char *whole = json_string_value(merge), *space = whole ? strchr(whole, ' ') : NULL;
    const char *a = json_string_value(json_array_get(merge, 0)), *b = json_string_value(json_array_get(merge, 1));
    if (!space && (!a || !b))
        return plmr_reader_fault(&t->json.reader, "merges", "number %zu is no pair of tokens", i);
    *text = space ? plmr_take_text("%s", whole) : plmr_take_text("%s %s", a, b);
    return PLMR_OK;
}

/* Those that are ever made: of a token with a space none is, where spaces are marked, nor over a mark, where these are cut. */
static bool is_made(const struct tokenizer *t, const char *merge, bool cuts)
{
    const char *space = strchr(merge, ' ');
    return !t->has_bytes || (!strchr(space + 1, ' ') && !(cuts && strstr(merge + 1, SPACE_MARK)));
}

static plmr_status put_merges(const struct tokenizer *t, bool cuts, plmr_made *made)
{
    size_t n = json_array_size(t->merges), n_made = 0;
    char **texts = plmr_take_zeroed(n, sizeof *texts);
    plmr_status status = PLMR_OK;
    for (size_t i = 0; i < n && !status; i++) {
        char *text = NULL;
        status = take_merge(t, i, &text);
        if (text && is_made(t, text, cuts))
            texts[n_made++] = text;
        else
            free(text);
    }
    plmr_made_array(made, KEY("merges"), PLMR_GGUF_TEXT, n_made);
    for (size_t i = 0; i < n_made; i++) {
        plmr_made_put_text(made, texts[i], strlen(texts[i]));
        free(texts[i]);
    }
    free(texts);
    return status;
}

/* Those of pieces; one that is never made has the least. */
static plmr_status put_unigram(const struct tokenizer *t, plmr_made *made)
{
    size_t n = (size_t)t->tokens.n;
    float *scores = plmr_take_zeroed(n, sizeof *scores);
    bool cuts = false;
    plmr_status status = plmr_hf_put_spaces(&t->json.reader, t->json.root, false, made, &cuts);
    for (size_t i = 0; i < json_array_size(t->vocab); i++) {
        const char *text = t->tokens.texts[i];
        bool is_never = cuts && t->tokens.types[i] == NORMAL && *text && strstr(text + 1, SPACE_MARK);
        scores[i] = is_never ? -FLT_MAX : (float)json_number_value(json_array_get(json_array_get(t->vocab, i), 1));
        t->tokens.types[i] = is_never ? UNUSED : t->tokens.types[i];
    }
    plmr_made_array(made, KEY("scores"), PLMR_GGUF_F32, n);
    plmr_made_put(made, scores, n * sizeof *scores);
    free(scores);
    return status;
}

/* ---- words ---- */

/* Options of a BPE that plmr does not have, and those that others rule out. */
static plmr_status check_model(const struct tokenizer *t)
{
    static const char *const absent[] = {"dropout", "continuing_subword_prefix", "end_of_word_suffix"};
    for (size_t i = 0; i < sizeof absent / sizeof *absent; i++) {
        const json_t *option = json_object_get(t->model, absent[i]);
        if (json_number_value(option) != 0 || json_string_length(option) > 0)
            return plmr_hf_refuse(&t->json.reader, "model", absent[i], "");
    }
    if (t->has_bytes && json_is_true(json_object_get(t->model, "ignore_merges")))
        return plmr_hf_refuse(&t->json.reader, "model", "ignore_merges", " with byte_fallback");
    int n_bytes = 0;
    for (int64_t i = 0; i < t->tokens.n; i++)
        n_bytes += t->tokens.types[i] == BYTE;
    if (t->has_bytes && n_bytes < 256 && json_is_true(json_object_get(t->model, "fuse_unk")))
        return plmr_hf_refuse(&t->json.reader, "model", "fuse_unk", " without a token for each byte");
    return PLMR_OK;
}

static plmr_status put_words(const struct tokenizer *t, plmr_made *made)
{
    bool cuts = false;
    plmr_made_text(made, KEY("model"), t->is_unigram ? "t5" : t->has_bytes ? "llama" : "gpt2");
    if (t->is_unigram)
        return put_unigram(t, made);
    PLMR_TRY(check_model(t));
    if (t->has_bytes)
        PLMR_TRY(plmr_hf_put_spaces(&t->json.reader, t->json.root, true, made, &cuts));
    else
        PLMR_TRY(plmr_hf_put_words(&t->json.reader, t->json.root, made));
    plmr_made_truth(made, PLMR_HF_BY_MERGES, t->has_bytes);
    return put_merges(t, cuts, made);
}

/* ---- ids ---- */

/* A token that tokenizer_config.json names, by its text or as an object; else the id of config.json; -1: none. */
static int64_t find_id(const struct tokenizer *t, const char *key, int64_t otherwise)
{
    const json_t *named = json_object_get(t->config.root, key);
    const char *text = json_string_value(json_is_object(named) ? json_object_get(named, "content") : named);
    for (int64_t i = 0; i < t->tokens.n && text; i++)
        if (t->tokens.texts[i] && strcmp(t->tokens.texts[i], text) == 0)
            return i;
    return otherwise < t->tokens.n ? otherwise : -1;
}

/* Where tokenizer_config.json says that texts have a token in front, or none, or behind, then so; else what the post_processor
 * puts there. */
static void put_around(const struct tokenizer *t, const char *key, const char *own_key, int64_t token,
                       const plmr_hf_ids *ids, plmr_made *made)
{
    const char *name = strrchr(key, '.') + 1;
    const json_t *said = json_object_get(t->config.root, name);
    bool is_said = json_is_boolean(said);
    plmr_made_truth(made, key, is_said && json_is_true(said) && token >= 0);
    if (is_said || ids->n == 0)
        return;
    plmr_made_array(made, own_key, PLMR_GGUF_I64, (uint64_t)ids->n);
    plmr_made_put(made, ids->list, (size_t)ids->n * sizeof *ids->list);
}

static plmr_status put_ids(const struct tokenizer *t, const plmr_hf_config *config, plmr_made *made)
{
    plmr_hf_around around = {0};
    PLMR_TRY(plmr_hf_read_around(&t->json.reader, t->json.root, &around));
    int64_t bos = find_id(t, "bos_token", config->bos), eos = find_id(t, "eos_token", config->eos);
    if (bos >= 0)
        plmr_made_int(made, KEY("bos_token_id"), bos);
    if (eos >= 0)
        plmr_made_int(made, KEY("eos_token_id"), eos);
    put_around(t, KEY("add_bos_token"), PLMR_HF_BEFORE, bos, &around.before, made);
    put_around(t, KEY("add_eos_token"), PLMR_HF_BEHIND, eos, &around.behind, made);
    int64_t unknown = 0;
    while (unknown < t->tokens.n && t->tokens.types[unknown] != UNKNOWN)
        unknown++;
    if (unknown < t->tokens.n)
        plmr_made_int(made, KEY("unknown_token_id"), unknown);
    return PLMR_OK;
}

/* Of several by name the default one, or the only one; of others, that a request must name, none. */
static const json_t *choose_template(const json_t *said)
{
    size_t i;
    json_t *template;
    json_array_foreach(said, i, template)
    {
        if (strcmp(plmr_hf_text(template, "name"), "default") == 0 || json_array_size(said) == 1)
            return json_object_get(template, "template");
    }
    return said;
}

/* In a file of its own, or in tokenizer_config.json. */
static plmr_status put_template(const struct tokenizer *t, const char *folder, plmr_made *made)
{
    char *path = plmr_take_text("%s/chat_template.jinja", folder), *text = NULL;
    size_t n;
    plmr_status status = plmr_is_file(path) ? plmr_file_read(path, MOST_TEMPLATE, &text, &n) : PLMR_OK;
    const json_t *said = json_object_get(t->config.root, "chat_template");
    const char *template = text ? text : json_string_value(choose_template(said));
    if (!status && template)
        plmr_made_text(made, "tokenizer.chat_template", template);
    free(text);
    free(path);
    return status;
}

/* ---- all ---- */

/* `truncation` and `padding` are left alone: transformers, too, does neither unless it is asked for. */
static plmr_status read_tokenizer(struct tokenizer *t, const char *folder, const plmr_hf_config *config,
                                  plmr_made *made)
{
    PLMR_TRY(plmr_hf_json_open(folder, "tokenizer_config.json", false, &t->config));
    t->model = json_object_get(t->json.root, "model");
    t->vocab = json_object_get(t->model, "vocab");
    t->merges = json_object_get(t->model, "merges");
    t->has_bytes = json_is_true(json_object_get(t->model, "byte_fallback"));
    const char *type = plmr_hf_text(t->model, "type");
    bool is_bpe = strcmp(type, "BPE") == 0 || !*type; /* old files leave it out */
    t->is_unigram = strcmp(type, "Unigram") == 0 && json_array_size(t->vocab);
    if (!t->is_unigram && (!is_bpe || !json_object_size(t->vocab) || !json_is_array(t->merges)))
        return plmr_reader_fault(&t->json.reader, "model",
                                 "is neither a BPE with a vocabulary and merges nor a Unigram with one, but of type "
                                 "'%.40s'; convert the model to GGUF",
                                 type);
    PLMR_TRY(read_vocab(t));
    PLMR_TRY(read_added(t));
    PLMR_TRY(put_words(t, made));
    put_tokens(t, made);
    PLMR_TRY(put_ids(t, config, made));
    return put_template(t, folder, made);
}

plmr_status plmr_hf_read_tokenizer(const char *folder, const plmr_hf_config *config, plmr_made *made)
{
    struct tokenizer t = {0};
    plmr_status status = plmr_hf_json_open(folder, "tokenizer.json", false, &t.json);
    if (!status && t.json.root)
        status = read_tokenizer(&t, folder, config, made);
    free(t.tokens.texts);
    free(t.tokens.types);
    free(t.tokens.strips);
    plmr_hf_json_close(&t.json);
    plmr_hf_json_close(&t.config);
    return status;
}
