#include "text/tokenizer_internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "text/utf8.h"

static int by_text(const void *a, const void *b)
{
    return plmr_gguf_text_compare(((const plmr_special *)a)->text, ((const plmr_special *)b)->text);
}

void plmr_specials_index(plmr_tokenizer *tokenizer, const plmr_vocab_spec *spec)
{
    size_t room = 0;
    for (int32_t id = 0; id < tokenizer->n_tokens; id++)
        room += plmr_vocab_is_special(tokenizer, id);
    tokenizer->specials = plmr_take(room * sizeof *tokenizer->specials);
    for (int32_t id = 0; id < tokenizer->n_tokens; id++) {
        plmr_token_text text = plmr_strings_get(&tokenizer->texts, id);
        if (!plmr_vocab_is_special(tokenizer, id) || text.n_bytes == 0)
            continue;
        bool is_user_defined = tokenizer->types[id] == PLMR_TOKEN_USER_DEFINED;
        tokenizer->specials[tokenizer->n_specials++] = (plmr_special){text, id, is_user_defined};
        tokenizer->special_starts[(unsigned char)text.bytes[0]] = true;
    }
    if (spec->n_strips) {
        tokenizer->strips = plmr_take((size_t)tokenizer->n_tokens);
        for (int32_t id = 0; id < tokenizer->n_tokens; id++)
            tokenizer->strips[id] = (uint8_t)spec->strips[id];
    }
    qsort(tokenizer->specials, (size_t)tokenizer->n_specials, sizeof *tokenizer->specials, by_text);
}

static bool strips(const plmr_tokenizer *tokenizer, int32_t id, int side)
{
    return tokenizer->strips && id != PLMR_TOKEN_NONE && tokenizer->strips[id] & side;
}

size_t plmr_specials_strip_before(const plmr_tokenizer *tokenizer, int32_t id, const char *text, size_t n_bytes)
{
    size_t n = 0;
    for (size_t more = 1; more && strips(tokenizer, id, PLMR_STRIPS_BEFORE); n += more)
        more = plmr_utf8_space_at_end(text, n_bytes - n);
    return n;
}

size_t plmr_specials_strip_behind(const plmr_tokenizer *tokenizer, int32_t id, const char *text, size_t n_bytes)
{
    size_t n = 0;
    for (size_t more = 1; more && strips(tokenizer, id, PLMR_STRIPS_BEHIND); n += more)
        more = plmr_utf8_space_at_start(text + n, n_bytes - n);
    return n;
}

/* The first of specials [low, high), all longer than `at` and alike up to there, whose byte `at` is at least `byte`. */
static int32_t lower_bound(const plmr_special *specials, int32_t low, int32_t high, size_t at, int byte)
{
    while (low < high) {
        int32_t middle = low + (high - low) / 2;
        if ((unsigned char)specials[middle].text.bytes[at] < byte)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

int32_t plmr_specials_find(const plmr_tokenizer *tokenizer, const char *text, size_t n_bytes, bool any_kind,
                           size_t *n_special)
{
    int32_t found = PLMR_TOKEN_NONE, low = 0, high = tokenizer->n_specials;
    *n_special = 0;
    if (n_bytes == 0 || !tokenizer->special_starts[(unsigned char)text[0]])
        return found;
    for (size_t at = 0; at < n_bytes; at++) { /* specials [low, high) begin with the first `at` bytes of the text */
        int byte = (unsigned char)text[at];
        int32_t from = lower_bound(tokenizer->specials, low, high, at, byte);
        high = lower_bound(tokenizer->specials, from, high, at, byte + 1);
        low = from;
        if (low == high)
            break;
        const plmr_special *shortest = &tokenizer->specials[low];
        if (shortest->text.n_bytes > at + 1)
            continue;
        low++;
        if (any_kind || shortest->is_user_defined) {
            found = shortest->id;
            *n_special = at + 1;
        }
    }
    return found;
}
