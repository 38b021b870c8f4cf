#include "text/tokenizer_internal.h"
#include "text/utf8.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

static const char space_mark[] = PLMR_SPACE_MARK;

enum { N_MARK = PLMR_SPACE_MARK_BYTES };

static bool is_mark(const char *text, size_t n_bytes)
{
    return n_bytes >= N_MARK && memcmp(text, space_mark, N_MARK) == 0;
}

/* Whether byte `at` of the text begins a mark that stands behind something else: there a word begins. */
static bool begins_word(plmr_token_text text, size_t at)
{
    return at > 0 && is_mark(text.bytes + at, text.n_bytes - at) &&
           (at < N_MARK || !is_mark(text.bytes + at - N_MARK, N_MARK));
}

static size_t decode(enum plmr_token_type type, plmr_token_text text, char *out)
{
    if (type == PLMR_TOKEN_BYTE) {
        *out = (char)plmr_vocab_byte(text);
        return 1;
    }
    size_t n_out = 0;
    for (size_t at = 0; at < text.n_bytes;) {
        bool mark = is_mark(text.bytes + at, text.n_bytes - at);
        out[n_out++] = mark ? ' ' : text.bytes[at];
        at += mark ? N_MARK : 1;
    }
    return n_out;
}

/* Whether no token reaches over the beginning of a word. Most vocabularies are so, and then each word can be merged by
 * itself, which needs less memory and stays in the caches. */
static bool words_apart(const plmr_tokenizer *tokenizer)
{
    for (int32_t id = 0; id < tokenizer->n_tokens; id++) {
        plmr_token_text text = plmr_strings_get(&tokenizer->texts, id);
        for (size_t at = 0; plmr_vocab_is_plain(tokenizer, id) && at < text.n_bytes; at++)
            if (begins_word(text, at))
                return false;
    }
    return true;
}

/* A number that is the lower, the higher the score is. */
static uint32_t rank_of(float score)
{
    uint32_t bits;
    score += 0.0f; /* makes -0 into 0 */
    memcpy(&bits, &score, sizeof bits);
    return bits >> 31 ? bits : ~(bits | 0x80000000u);
}

plmr_status plmr_spm_init(plmr_tokenizer *tokenizer, const plmr_vocab_spec *spec)
{
    tokenizer->ranks = plmr_take((size_t)tokenizer->n_tokens * sizeof *tokenizer->ranks);
    for (int32_t id = 0; id < tokenizer->n_tokens; id++) {
        tokenizer->ranks[id] = spec->n_scores ? rank_of(spec->scores[id]) : 0;
        if (tokenizer->types[id] == PLMR_TOKEN_BYTE)
            tokenizer->byte_ids[plmr_vocab_byte(spec->tokens[id])] = id;
    }
    tokenizer->words_apart = words_apart(tokenizer);
    tokenizer->by_merges = spec->by_merges;
    plmr_vocab_decode(tokenizer, decode);
    return spec->by_merges ? plmr_bpe_index_merges(tokenizer, spec) : PLMR_OK;
}

static int32_t find_plain(const plmr_tokenizer *tokenizer, const char *text, size_t n_bytes)
{
    int32_t id = plmr_vocab_find(tokenizer, text, n_bytes);
    return id != PLMR_TOKEN_NONE && plmr_vocab_is_plain(tokenizer, id) ? id : PLMR_TOKEN_NONE;
}

struct word {
    const plmr_tokenizer *tokenizer;
    const char *text;
};

static bool may_merge(void *context, const plmr_symbol *left, const plmr_symbol *right, plmr_pair *pair)
{
    (void)right;
    const struct word *word = context;
    pair->id = find_plain(word->tokenizer, word->text + left->start, (size_t)pair->n_bytes);
    if (pair->id == PLMR_TOKEN_NONE)
        return false;
    pair->rank = word->tokenizer->ranks[pair->id];
    return true;
}

static plmr_status encode_word(plmr_encoding *encoding, const char *text, size_t n_bytes)
{
    const plmr_tokenizer *tokenizer = encoding->tokenizer;
    plmr_symbols_begin(&encoding->symbols, n_bytes);
    for (size_t at = 0; at < n_bytes;) {
        int n;
        if (plmr_utf8_scan(text + at, n_bytes - at, &n) != PLMR_UTF8_WHOLE)
            n = 1;
        int32_t id = find_plain(tokenizer, text + at, (size_t)n);
        if (id == PLMR_TOKEN_NONE && is_mark(text + at, (size_t)n) && !tokenizer->by_merges)
            id = tokenizer->byte_ids[' '];
        plmr_symbols_add(&encoding->symbols, n, id);
        at += (size_t)n;
    }
    struct word word = {tokenizer, text};
    if (tokenizer->by_merges)
        plmr_symbols_merge(&encoding->symbols, plmr_bpe_may_merge, (void *)(uintptr_t)tokenizer);
    else
        plmr_symbols_merge(&encoding->symbols, may_merge, &word);
    return plmr_encoding_add_symbols(encoding, text);
}

/* Copies the text with marks for its spaces, and one more in front if `prefix`. */
static plmr_token_text mark_spaces(plmr_encoding *encoding, const char *text, size_t n_bytes, bool prefix)
{
    size_t n = prefix ? N_MARK : 0;
    for (size_t i = 0; i < n_bytes; i++)
        n += text[i] == ' ' ? N_MARK : 1;
    char *out = plmr_array_grow(encoding->marked, &encoding->marked_room, n, 1);
    encoding->marked = out;
    if (prefix)
        out = (char *)memcpy(out, space_mark, N_MARK) + N_MARK;
    for (size_t i = 0; i < n_bytes; i++) {
        if (text[i] == ' ')
            out = (char *)memcpy(out, space_mark, N_MARK) + N_MARK;
        else
            *out++ = text[i];
    }
    return (plmr_token_text){encoding->marked, n};
}

plmr_status plmr_spm_encode(plmr_encoding *encoding, const char *text, size_t n_bytes)
{
    bool prefix = plmr_encoding_prefixes(encoding, text, n_bytes, space_mark);
    plmr_token_text marked = mark_spaces(encoding, text, n_bytes, prefix);
    if (!encoding->tokenizer->words_apart)
        return encode_word(encoding, marked.bytes, marked.n_bytes);
    for (size_t at = 0, end; at < marked.n_bytes; at = end) {
        for (end = at + 1; end < marked.n_bytes && !begins_word(marked, end);)
            end++;
        PLMR_TRY(encode_word(encoding, marked.bytes + at, end - at));
    }
    return PLMR_OK;
}
