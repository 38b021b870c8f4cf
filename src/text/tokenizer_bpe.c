#include "text/tokenizer_internal.h"
#include "text/utf8.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* Tokens are spelt with one printable character a byte. Bytes that are printable in Latin-1 stand for themselves; the
 * others, in order, are the characters from U+0100 on. */
enum { FIRST_MOVED = 0x100, N_LOW = 0x21, LOW_END = 0x7f, N_HIGH = 0xa1 - LOW_END, SOFT_HYPHEN = 0xad };

static int character_of(unsigned char byte)
{
    if (byte < N_LOW)
        return FIRST_MOVED + byte;
    if (byte >= LOW_END && byte < LOW_END + N_HIGH)
        return FIRST_MOVED + N_LOW + byte - LOW_END;
    return byte == SOFT_HYPHEN ? FIRST_MOVED + N_LOW + N_HIGH : byte;
}

/* The byte that a character stands for, or -1. */
static int byte_of(int character)
{
    int moved = character - FIRST_MOVED;
    int byte = moved < 0                ? character
               : moved < N_LOW          ? moved
               : moved < N_LOW + N_HIGH ? moved - N_LOW + LOW_END
                                        : SOFT_HYPHEN;
    return byte < 0x100 && character_of((unsigned char)byte) == character ? byte : -1;
}

/* Appends the character of a byte to a token's spelling; returns its length. */
static size_t spell(unsigned char byte, char *out)
{
    int character = character_of(byte);
    if (character < 0x80) {
        *out = (char)character;
        return 1;
    }
    out[0] = (char)(0xc0 | character >> 6);
    out[1] = (char)(0x80 | (character & 0x3f));
    return 2;
}

/* The byte that the character at the front of the text stands for; -1: it stands for itself. */
static int read_byte(const char *text, size_t n_bytes, int *n)
{
    if (plmr_utf8_scan(text, n_bytes, n) != PLMR_UTF8_WHOLE || *n > 2)
        return -1;
    return byte_of(*n == 1 ? text[0] : (text[0] & 0x1f) << 6 | (text[1] & 0x3f));
}

/* Text in tokens that is not spelt so, as in some added ones, is taken as it is. */
static size_t decode(enum plmr_token_type type, plmr_token_text text, char *out)
{
    size_t n_out = 0;
    for (size_t at = 0; at < text.n_bytes;) {
        int n, byte = read_byte(text.bytes + at, text.n_bytes - at, &n);
        if (byte >= 0 && type != PLMR_TOKEN_USER_DEFINED) {
            out[n_out++] = (char)byte;
        } else {
            memcpy(out + n_out, text.bytes + at, (size_t)n);
            n_out += (size_t)n;
        }
        at += (size_t)n;
    }
    return n_out;
}

/* The slot that holds this pair, or the empty one where it would go. */
static plmr_merge *find_merge(const plmr_tokenizer *tokenizer, int32_t left, int32_t right)
{
    uint64_t h = ((uint64_t)(uint32_t)left << 32 | (uint32_t)right) * UINT64_C(0x9e3779b97f4a7c15);
    size_t mask = tokenizer->n_merge_slots - 1, slot = (size_t)(h >> 32) & mask;
    plmr_merge *merges = tokenizer->merges;
    while (merges[slot].left != PLMR_TOKEN_NONE && (merges[slot].left != left || merges[slot].right != right))
        slot = (slot + 1) & mask;
    return &merges[slot];
}

static plmr_status bad_merge(int64_t rank, plmr_token_text text, const char *what)
{
    return plmr_error_make(PLMR_ERROR_INPUT, "merge %lld of the vocabulary, \"%s\", %s", (long long)rank,
                           plmr_show(text.bytes, text.n_bytes).text, what);
}

static plmr_status read_merge(const plmr_tokenizer *tokenizer, plmr_token_text text, int64_t rank, plmr_merge *merge)
{
    char joined[PLMR_TOKEN_MOST_BYTES];
    const char *space = text.n_bytes > 0 ? memchr(text.bytes, ' ', text.n_bytes) : NULL;
    size_t n_left = space ? (size_t)(space - text.bytes) : 0;
    size_t n_right = space ? text.n_bytes - n_left - 1 : 0;
    if (n_left == 0 || n_right == 0 || memchr(space + 1, ' ', n_right))
        return bad_merge(rank, text, "is not two tokens with a space between");
    if (n_left + n_right > sizeof joined)
        return bad_merge(rank, text, "makes a token that the vocabulary lacks");
    memcpy(joined, text.bytes, n_left);
    memcpy(joined + n_left, space + 1, n_right);
    *merge =
        (plmr_merge){plmr_vocab_find(tokenizer, text.bytes, n_left), plmr_vocab_find(tokenizer, space + 1, n_right),
                     plmr_vocab_find(tokenizer, joined, n_left + n_right), (uint32_t)rank};
    if (merge->left == PLMR_TOKEN_NONE || merge->right == PLMR_TOKEN_NONE)
        return bad_merge(rank, text, "names a token that the vocabulary lacks");
    if (merge->result == PLMR_TOKEN_NONE)
        return bad_merge(rank, text, "makes a token that the vocabulary lacks");
    return PLMR_OK;
}

plmr_status plmr_bpe_index_merges(plmr_tokenizer *tokenizer, const plmr_vocab_spec *spec)
{
    size_t n = 16;
    while (n < 2 * (size_t)spec->n_merges)
        n *= 2;
    tokenizer->merges = plmr_take(n * sizeof *tokenizer->merges);
    tokenizer->n_merge_slots = n;
    for (size_t i = 0; i < n; i++)
        tokenizer->merges[i].left = PLMR_TOKEN_NONE;
    for (int64_t rank = 0; rank < spec->n_merges; rank++) {
        plmr_merge merge;
        PLMR_TRY(read_merge(tokenizer, spec->merges[rank], rank, &merge));
        plmr_merge *slot = find_merge(tokenizer, merge.left, merge.right);
        if (slot->left == PLMR_TOKEN_NONE)
            *slot = merge;
    }
    return PLMR_OK;
}

plmr_status plmr_bpe_init(plmr_tokenizer *tokenizer, const plmr_vocab_spec *spec)
{
    PLMR_TRY(plmr_pretokenizer_create(spec->pre, &tokenizer->pretokenizer));
    for (int byte = 0; byte < 256; byte++) {
        char text[2];
        tokenizer->byte_ids[byte] = plmr_vocab_find(tokenizer, text, spell((unsigned char)byte, text));
    }
    bool keeps = plmr_pretokenizer_keeps_tokens(tokenizer->pretokenizer);
    tokenizer->keeps_tokens = spec->keeps_tokens == PLMR_UNSAID ? keeps : spec->keeps_tokens == PLMR_YES;
    PLMR_TRY(plmr_bpe_index_merges(tokenizer, spec));
    plmr_vocab_decode(tokenizer, decode);
    return PLMR_OK;
}

bool plmr_bpe_may_merge(void *context, const plmr_symbol *left, const plmr_symbol *right, plmr_pair *pair)
{
    const plmr_tokenizer *tokenizer = context;
    if (left->id == PLMR_TOKEN_NONE || right->id == PLMR_TOKEN_NONE)
        return false;
    const plmr_merge *merge = find_merge(tokenizer, left->id, right->id);
    pair->id = merge->result;
    pair->rank = merge->rank;
    return merge->left != PLMR_TOKEN_NONE;
}

/* The token that is the whole word, or PLMR_TOKEN_NONE. */
static int32_t find_word(const plmr_tokenizer *tokenizer, const char *word, size_t n_bytes)
{
    char text[2 * PLMR_TOKEN_MOST_BYTES];
    size_t n_text = 0;
    if (n_bytes > tokenizer->longest)
        return PLMR_TOKEN_NONE;
    for (size_t i = 0; i < n_bytes; i++)
        n_text += spell((unsigned char)word[i], text + n_text);
    int32_t id = plmr_vocab_find(tokenizer, text, n_text);
    return id != PLMR_TOKEN_NONE && plmr_vocab_is_plain(tokenizer, id) ? id : PLMR_TOKEN_NONE;
}

static plmr_status encode_word(void *context, const char *word, size_t n_bytes)
{
    plmr_encoding *encoding = context;
    const plmr_tokenizer *tokenizer = encoding->tokenizer;
    if (tokenizer->keeps_tokens) {
        int32_t id = find_word(tokenizer, word, n_bytes);
        if (id != PLMR_TOKEN_NONE) {
            plmr_encoding_add(encoding, id);
            return PLMR_OK;
        }
    }
    plmr_symbols_begin(&encoding->symbols, n_bytes);
    for (size_t i = 0; i < n_bytes; i++)
        plmr_symbols_add(&encoding->symbols, 1, tokenizer->byte_ids[(unsigned char)word[i]]);
    plmr_symbols_merge(&encoding->symbols, plmr_bpe_may_merge, (void *)(uintptr_t)tokenizer);
    return plmr_encoding_add_symbols(encoding, word);
}

plmr_status plmr_bpe_encode(plmr_encoding *encoding, const char *text, size_t n_bytes)
{
    if (plmr_encoding_prefixes(encoding, text, n_bytes, "")) {
        encoding->mapped = plmr_array_grow(encoding->mapped, &encoding->mapped_room, n_bytes + 1, 1);
        encoding->mapped[0] = ' ';
        memcpy(encoding->mapped + 1, text, n_bytes++);
        text = encoding->mapped;
    }
    return plmr_pretokenizer_split(encoding->tokenizer->pretokenizer, text, n_bytes, encode_word, encoding);
}
