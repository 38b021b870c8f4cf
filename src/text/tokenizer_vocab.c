#include "text/tokenizer_internal.h"
#include "text/utf8.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/memory.h"

/* Tokens that end a turn in one model family or another, whether or not its files say so, and whatever type they have
 * there; the same of filling in the middle, where no key says which; and control tokens that end nothing. */
static const char *const end_names[] = {"<|eot_id|>",
                                        "<|im_end|>",
                                        "<|end|>",
                                        "<|return|>",
                                        "<|call|>",
                                        "<|flush|>",
                                        "<|calls|>",
                                        "<end_of_turn>",
                                        "<|endoftext|>",
                                        "<|eom_id|>",
                                        "<EOT>",
                                        "\xe2\x96\x81<EOT>",
                                        "[EOT]",
                                        "[EOS]",
                                        "<|end_of_text|>",
                                        "<end_of_utterance>",
                                        "<\xef\xbd\x9c"
                                        "end\xe2\x96\x81of\xe2\x96\x81sentence\xef\xbd\x9c>",
                                        NULL};
static const char *const pad_names[] = {"<|fim_pad|>", "<fim-pad>", "<fim_pad>", "<PAD>", "[PAD]", NULL};
static const char *const repository_names[] = {"<|fim_repo|>", "<|repo_name|>", "<fim-repo>",
                                               "<REPO>",       "<reponame>",    NULL};
static const char *const file_names[] = {"<|file_sep|>", NULL};
static const char *const control_names[] = {"<|fim_prefix|>",
                                            "<fim-prefix>",
                                            "<fim_prefix>",
                                            "<PRE>",
                                            "\xe2\x96\x81<PRE>",
                                            "<|code_prefix|>",
                                            "<|fim_suffix|>",
                                            "<fim-suffix>",
                                            "<fim_suffix>",
                                            "<SUF>",
                                            "\xe2\x96\x81<SUF>",
                                            "<|code_suffix|>",
                                            "<|fim_middle|>",
                                            "<fim-middle>",
                                            "<fim_middle>",
                                            "<MID>",
                                            "\xe2\x96\x81<MID>",
                                            "<|code_middle|>",
                                            NULL};

plmr_token_text plmr_strings_get(const plmr_strings *strings, int32_t id)
{
    return (plmr_token_text){strings->bytes + strings->at[id], strings->at[id + 1] - strings->at[id]};
}

bool plmr_vocab_is_special(const plmr_tokenizer *tokenizer, int32_t id)
{
    enum plmr_token_type type = tokenizer->types[id];
    return type == PLMR_TOKEN_CONTROL || type == PLMR_TOKEN_UNKNOWN || type == PLMR_TOKEN_USER_DEFINED;
}

bool plmr_vocab_is_plain(const plmr_tokenizer *tokenizer, int32_t id)
{
    enum plmr_token_type type = tokenizer->types[id];
    return type != PLMR_TOKEN_CONTROL && type != PLMR_TOKEN_UNKNOWN && type != PLMR_TOKEN_BYTE;
}

static int hex_digit(char c)
{
    const char *digits = "0123456789ABCDEF", *found = c ? strchr(digits, c) : NULL;
    return found ? (int)(found - digits) : -1;
}

int plmr_vocab_byte(plmr_token_text text)
{
    if (text.n_bytes != 6 || memcmp(text.bytes, "<0x", 3) != 0 || text.bytes[5] != '>')
        return -1;
    int high = hex_digit(text.bytes[3]), low = hex_digit(text.bytes[4]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

static size_t hash(const char *text, size_t n_bytes)
{
    uint64_t h = plmr_hash_bytes(PLMR_HASH_START, text, n_bytes);
    return (size_t)(h ^ h >> 32);
}

/* The slot that holds this text, or the empty one where it would go. */
static size_t find_slot(const plmr_tokenizer *tokenizer, const char *text, size_t n_bytes)
{
    size_t mask = tokenizer->n_slots - 1, slot = hash(text, n_bytes) & mask;
    for (; tokenizer->slots[slot] != PLMR_TOKEN_NONE; slot = (slot + 1) & mask) {
        plmr_token_text there = plmr_strings_get(&tokenizer->texts, tokenizer->slots[slot]);
        if (there.n_bytes == n_bytes && memcmp(there.bytes, text, n_bytes) == 0)
            break;
    }
    return slot;
}

int32_t plmr_vocab_find(const plmr_tokenizer *tokenizer, const char *text, size_t n_bytes)
{
    if (n_bytes == 0 || n_bytes > tokenizer->longest)
        return PLMR_TOKEN_NONE;
    return tokenizer->slots[find_slot(tokenizer, text, n_bytes)];
}

static void copy_texts(plmr_tokenizer *tokenizer, const plmr_vocab_spec *spec)
{
    plmr_strings *texts = &tokenizer->texts;
    size_t sum = 0;
    for (int64_t i = 0; i < spec->n_tokens; i++)
        sum += spec->tokens[i].n_bytes;
    texts->bytes = plmr_take(sum);
    texts->at = plmr_take(((size_t)spec->n_tokens + 1) * sizeof *texts->at);
    texts->at[0] = 0;
    for (int64_t i = 0; i < spec->n_tokens; i++) {
        plmr_token_text text = spec->tokens[i];
        if (text.n_bytes > 0)
            memcpy(texts->bytes + texts->at[i], text.bytes, text.n_bytes);
        texts->at[i + 1] = texts->at[i] + text.n_bytes;
        tokenizer->longest = text.n_bytes > tokenizer->longest ? text.n_bytes : tokenizer->longest;
    }
}

static plmr_status fill_slots(plmr_tokenizer *tokenizer)
{
    size_t n = 16;
    while (n < 2 * (size_t)tokenizer->n_tokens)
        n *= 2;
    tokenizer->slots = plmr_take(n * sizeof *tokenizer->slots);
    tokenizer->n_slots = n;
    for (size_t i = 0; i < n; i++)
        tokenizer->slots[i] = PLMR_TOKEN_NONE;
    for (int32_t id = 0; id < tokenizer->n_tokens; id++) {
        plmr_token_text text = plmr_strings_get(&tokenizer->texts, id);
        if (text.n_bytes == 0)
            continue;
        int32_t *slot = &tokenizer->slots[find_slot(tokenizer, text.bytes, text.n_bytes)];
        PLMR_CHECK(*slot == PLMR_TOKEN_NONE, PLMR_ERROR_INPUT,
                   "tokens %d and %d of the vocabulary are the same: \"%s\"", *slot, id,
                   plmr_show(text.bytes, text.n_bytes).text);
        *slot = id;
    }
    return PLMR_OK;
}

static void set_type(plmr_tokenizer *tokenizer, int64_t id, enum plmr_token_type type)
{
    if (id >= 0 && id < tokenizer->n_tokens)
        tokenizer->types[id] = (uint8_t)type;
}

/* Files without types still say which tokens are not text. */
static void guess_types(plmr_tokenizer *tokenizer, const plmr_vocab_spec *spec)
{
    for (int32_t id = 0; id < tokenizer->n_tokens; id++) {
        bool is_byte = tokenizer->kind != PLMR_VOCAB_GPT2 && plmr_vocab_byte(spec->tokens[id]) >= 0;
        set_type(tokenizer, id, is_byte ? PLMR_TOKEN_BYTE : PLMR_TOKEN_NORMAL);
    }
    set_type(tokenizer, spec->unk, PLMR_TOKEN_UNKNOWN);
    set_type(tokenizer, spec->bos, PLMR_TOKEN_CONTROL);
    set_type(tokenizer, spec->eos, PLMR_TOKEN_CONTROL);
    set_type(tokenizer, spec->eot, PLMR_TOKEN_CONTROL);
    set_type(tokenizer, spec->eom, PLMR_TOKEN_CONTROL);
    set_type(tokenizer, spec->fim_pad, PLMR_TOKEN_CONTROL);
    set_type(tokenizer, spec->fim_rep, PLMR_TOKEN_CONTROL);
    set_type(tokenizer, spec->fim_sep, PLMR_TOKEN_CONTROL);
}

static void copy_types(plmr_tokenizer *tokenizer, const plmr_vocab_spec *spec)
{
    tokenizer->types = plmr_take_zeroed((size_t)spec->n_tokens, sizeof *tokenizer->types);
    if (spec->n_types == 0)
        guess_types(tokenizer, spec);
    for (int64_t i = 0; i < spec->n_types; i++)
        tokenizer->types[i] = (uint8_t)spec->types[i];
}

static void mark_named(plmr_tokenizer *tokenizer, const char *const *names, bool are_ends)
{
    for (; *names; names++) {
        int32_t id = plmr_vocab_find(tokenizer, *names, strlen(*names));
        if (id == PLMR_TOKEN_NONE)
            continue;
        tokenizer->types[id] = PLMR_TOKEN_CONTROL;
        tokenizer->is_end[id] = are_ends;
    }
}

static void mark_ends(plmr_tokenizer *tokenizer, const plmr_vocab_spec *spec)
{
    const int64_t ends[] = {spec->eos, spec->eot, spec->eom, spec->fim_pad, spec->fim_rep, spec->fim_sep};
    static const char *const *const names[] = {NULL, NULL, NULL, pad_names, repository_names, file_names};
    tokenizer->is_end = plmr_take_zeroed((size_t)tokenizer->n_tokens, sizeof *tokenizer->is_end);
    mark_named(tokenizer, end_names, true);
    mark_named(tokenizer, control_names, false);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (ends[i] >= 0 && ends[i] < tokenizer->n_tokens)
            tokenizer->is_end[ends[i]] = true;
        else if (names[i])
            mark_named(tokenizer, names[i], true);
    /* Where there is a word for the end of an answer, this one ends a part of it: gpt-oss thinks before. */
    int32_t part = plmr_vocab_find(tokenizer, "<|end|>", 7);
    if (part != PLMR_TOKEN_NONE && plmr_vocab_find(tokenizer, "<|return|>", 10) != PLMR_TOKEN_NONE)
        tokenizer->is_end[part] = false;
}

plmr_status plmr_vocab_index(plmr_tokenizer *tokenizer, const plmr_vocab_spec *spec)
{
    copy_texts(tokenizer, spec);
    copy_types(tokenizer, spec);
    PLMR_TRY(fill_slots(tokenizer));
    mark_ends(tokenizer, spec);
    return PLMR_OK;
}

static size_t decode_one(const plmr_tokenizer *tokenizer, int32_t id, plmr_decode_fn *decode, char *out)
{
    enum plmr_token_type type = tokenizer->types[id];
    if (type == PLMR_TOKEN_CONTROL)
        return 0;
    if (type != PLMR_TOKEN_UNKNOWN)
        return decode(type, plmr_strings_get(&tokenizer->texts, id), out);
    memcpy(out, PLMR_UTF8_REPLACEMENT, 3);
    return 3;
}

void plmr_vocab_decode(plmr_tokenizer *tokenizer, plmr_decode_fn *decode)
{
    plmr_strings *pieces = &tokenizer->pieces;
    size_t n = (size_t)tokenizer->n_tokens;
    pieces->bytes = plmr_take(tokenizer->texts.at[n] + 3 * n);
    pieces->at = plmr_take((n + 1) * sizeof *pieces->at);
    pieces->at[0] = 0;
    for (int32_t id = 0; id < tokenizer->n_tokens; id++)
        pieces->at[id + 1] = pieces->at[id] + decode_one(tokenizer, id, decode, pieces->bytes + pieces->at[id]);
}
