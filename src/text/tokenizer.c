#include "text/tokenizer_internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

static const struct {
    plmr_status (*init)(plmr_tokenizer *tokenizer, const plmr_vocab_spec *spec);
    plmr_status (*encode)(plmr_encoding *encoding, const char *text, size_t n_bytes);
} kinds[] = {[PLMR_VOCAB_LLAMA] = {plmr_spm_init, plmr_spm_encode},
             [PLMR_VOCAB_GPT2] = {plmr_bpe_init, plmr_bpe_encode},
             [PLMR_VOCAB_UNIGRAM] = {plmr_unigram_init, plmr_unigram_encode}};

static int32_t id_or_none(int64_t id)
{
    return id == UINT32_MAX ? PLMR_TOKEN_NONE : (int32_t)id;
}

/* The ids that are said, else one, if it may be there. */
static void set_around(plmr_around *around, const int64_t *said, int64_t n_said, int32_t otherwise, bool may)
{
    around->n = n_said > 0 ? (int)n_said : may && otherwise != PLMR_TOKEN_NONE;
    for (int i = 0; i < around->n; i++)
        around->ids[i] = n_said > 0 ? (int32_t)said[i] : otherwise;
}

static void set_options(plmr_tokenizer *tokenizer, const plmr_vocab_spec *spec)
{
    bool llama = tokenizer->kind == PLMR_VOCAB_LLAMA, unigram = tokenizer->kind == PLMR_VOCAB_UNIGRAM;
    bool adds_bos = llama || (tokenizer->pretokenizer && plmr_pretokenizer_adds_bos(tokenizer->pretokenizer));
    set_around(&tokenizer->before, spec->before, spec->n_before, tokenizer->bos,
               spec->add_bos == PLMR_YES || (spec->add_bos == PLMR_UNSAID && adds_bos));
    set_around(&tokenizer->behind, spec->behind, spec->n_behind, tokenizer->eos,
               spec->add_eos == PLMR_YES || (spec->add_eos == PLMR_UNSAID && unigram));
    bool prefixes = (llama && spec->add_space_prefix != PLMR_NO) ||
                    (unigram && (spec->add_space_prefix == PLMR_YES || spec->merge_spaces == PLMR_YES));
    tokenizer->prefix = prefixes ? PLMR_PREFIX_ALWAYS : PLMR_PREFIX_NEVER;
    tokenizer->prefixes_blank = !unigram || spec->prefix != PLMR_PREFIX_UNSAID;
    if (spec->prefix != PLMR_PREFIX_UNSAID)
        tokenizer->prefix = (enum plmr_space_prefix)spec->prefix;
}

static plmr_status fill(plmr_tokenizer *tokenizer, const plmr_vocab_spec *spec)
{
    tokenizer->n_tokens = (int32_t)spec->n_tokens;
    tokenizer->bos = id_or_none(spec->bos);
    tokenizer->eos = id_or_none(spec->eos);
    tokenizer->unk = id_or_none(spec->unk);
    for (int i = 0; i < 256; i++)
        tokenizer->byte_ids[i] = PLMR_TOKEN_NONE;
    if (tokenizer->kind != PLMR_VOCAB_NONE) {
        PLMR_TRY(plmr_vocab_index(tokenizer, spec));
        plmr_specials_index(tokenizer, spec);
        PLMR_TRY(kinds[tokenizer->kind].init(tokenizer, spec));
    }
    set_options(tokenizer, spec);
    return PLMR_OK;
}

plmr_status plmr_tokenizer_create(const plmr_vocab_spec *spec, plmr_tokenizer **tokenizer)
{
    enum plmr_vocab_kind kind;
    PLMR_TRY(plmr_vocab_check(spec, &kind));
    plmr_tokenizer *new = plmr_take_zeroed(1, sizeof *new);
    new->kind = kind;
    plmr_status status = fill(new, spec);
    if (status)
        plmr_tokenizer_destroy(new);
    else
        *tokenizer = new;
    return status;
}

void plmr_tokenizer_destroy(plmr_tokenizer *tokenizer)
{
    if (!tokenizer)
        return;
    plmr_pretokenizer_destroy(tokenizer->pretokenizer);
    free(tokenizer->types);
    free(tokenizer->is_end);
    free(tokenizer->texts.bytes);
    free(tokenizer->texts.at);
    free(tokenizer->pieces.bytes);
    free(tokenizer->pieces.at);
    free(tokenizer->slots);
    free(tokenizer->specials);
    free(tokenizer->strips);
    free(tokenizer->ranks);
    free(tokenizer->merges);
    free(tokenizer->unigram.pieces);
    free(tokenizer->unigram.map);
    free(tokenizer);
}

void plmr_encoding_add(plmr_encoding *encoding, int32_t id)
{
    encoding->ids = plmr_array_grow(encoding->ids, &encoding->ids_room, encoding->n_ids + 1, sizeof *encoding->ids);
    encoding->ids[encoding->n_ids++] = id;
}

plmr_status plmr_encoding_add_bytes(plmr_encoding *encoding, const char *text, size_t n_bytes, bool there)
{
    const plmr_tokenizer *tokenizer = encoding->tokenizer;
    for (size_t i = 0; i < n_bytes; i++) {
        if (tokenizer->byte_ids[(unsigned char)text[i]] != PLMR_TOKEN_NONE)
            continue;
        PLMR_CHECK(tokenizer->unk != PLMR_TOKEN_NONE, PLMR_ERROR_INPUT,
                   "the vocabulary has no token for byte 0x%02x of the text, nor one for unknown text",
                   (unsigned char)text[i]);
        if (!there)
            plmr_encoding_add(encoding, tokenizer->unk);
        return PLMR_OK;
    }
    for (size_t i = 0; i < n_bytes; i++)
        plmr_encoding_add(encoding, tokenizer->byte_ids[(unsigned char)text[i]]);
    return PLMR_OK;
}

plmr_status plmr_encoding_add_symbols(plmr_encoding *encoding, const char *text)
{
    const plmr_symbols *symbols = &encoding->symbols;
    for (int32_t i = symbols->n > 0 ? 0 : -1; i >= 0; i = symbols->list[i].after) {
        const plmr_symbol *symbol = &symbols->list[i];
        if (symbol->id != PLMR_TOKEN_NONE)
            plmr_encoding_add(encoding, symbol->id);
        else
            PLMR_TRY(plmr_encoding_add_bytes(encoding, text + symbol->start, (size_t)symbol->n_bytes, false));
    }
    return PLMR_OK;
}

bool plmr_encoding_prefixes(const plmr_encoding *encoding, const char *text, size_t n_bytes, const char *mark)
{
    size_t n_mark = strlen(mark), n_blank = 0;
    bool is_there =
        n_bytes > 0 && (*text == ' ' || (n_mark > 0 && n_bytes >= n_mark && memcmp(text, mark, n_mark) == 0));
    while (n_blank < n_bytes && text[n_blank] == ' ')
        n_blank++;
    switch (encoding->tokenizer->prefix) {
    case PLMR_PREFIX_ALWAYS:
        return n_blank < n_bytes || encoding->tokenizer->prefixes_blank;
    case PLMR_PREFIX_UNLESS_THERE:
        return !is_there;
    case PLMR_PREFIX_FIRST:
        return !is_there && encoding->starts;
    default:
        return false;
    }
}

/* Bytes up to the first special token; its id, or PLMR_TOKEN_NONE at the end of the text, and its length. */
static size_t find_special(const plmr_tokenizer *tokenizer, const char *text, size_t n_bytes, bool any_kind,
                           int32_t *id, size_t *n_special)
{
    *id = PLMR_TOKEN_NONE;
    *n_special = 0;
    for (size_t at = 0; at < n_bytes; at++) {
        *id = plmr_specials_find(tokenizer, text + at, n_bytes - at, any_kind, n_special);
        if (*id != PLMR_TOKEN_NONE)
            return at;
    }
    return n_bytes;
}

static plmr_status encode(plmr_encoding *encoding, const char *text, size_t n_bytes, bool parse_special)
{
    const plmr_tokenizer *tokenizer = encoding->tokenizer;
    for (encoding->starts = true; n_bytes > 0; encoding->starts = false) {
        int32_t special;
        size_t n_special, n = find_special(tokenizer, text, n_bytes, parse_special, &special, &n_special);
        size_t end = n + n_special, n_plain = n - plmr_specials_strip_before(tokenizer, special, text, n);
        end += plmr_specials_strip_behind(tokenizer, special, text + end, n_bytes - end);
        if (n_plain > 0)
            PLMR_TRY(kinds[tokenizer->kind].encode(encoding, text, n_plain));
        if (special != PLMR_TOKEN_NONE)
            plmr_encoding_add(encoding, special);
        text += end;
        n_bytes -= end;
    }
    return PLMR_OK;
}

static plmr_status encode_all(plmr_encoding *encoding, const char *text, size_t n_bytes, bool add_special,
                              bool parse_special)
{
    const plmr_around *before = &encoding->tokenizer->before, *behind = &encoding->tokenizer->behind;
    for (int i = 0; i < before->n && add_special; i++)
        plmr_encoding_add(encoding, before->ids[i]);
    PLMR_TRY(encode(encoding, text, n_bytes, parse_special));
    for (int i = 0; i < behind->n && add_special; i++)
        plmr_encoding_add(encoding, behind->ids[i]);
    return PLMR_OK;
}

plmr_status plmr_tokenizer_encode(const plmr_tokenizer *tokenizer, const char *text, size_t n_bytes, bool add_special,
                                  bool parse_special, int32_t **ids, int *n_ids)
{
    PLMR_CHECK(tokenizer->kind != PLMR_VOCAB_NONE, PLMR_ERROR_INPUT,
               "the model has no vocabulary (no_vocab): give token ids instead of text");
    PLMR_CHECK(n_bytes <= PLMR_TEXT_MOST_BYTES, PLMR_ERROR_INPUT, "the text has %zu bytes, expected at most %d",
               n_bytes, PLMR_TEXT_MOST_BYTES);
    plmr_encoding encoding = {.tokenizer = tokenizer};
    plmr_status status = encode_all(&encoding, text, n_bytes, add_special, parse_special);
    plmr_symbols_free(&encoding.symbols);
    free(encoding.mapped);
    free(encoding.marked);
    free(encoding.cuts);
    if (status) {
        free(encoding.ids);
        return status;
    }
    *ids = encoding.ids;
    *n_ids = (int)encoding.n_ids;
    return PLMR_OK;
}

static plmr_status check_id(const plmr_tokenizer *tokenizer, int32_t id)
{
    PLMR_CHECK(tokenizer->kind != PLMR_VOCAB_NONE, PLMR_ERROR_INPUT,
               "the model has no vocabulary (no_vocab): its tokens have no text");
    PLMR_CHECK(id >= 0 && id < tokenizer->n_tokens, PLMR_ERROR_INPUT, "token id %d is out of range: 0 to %d", id,
               tokenizer->n_tokens - 1);
    return PLMR_OK;
}

plmr_status plmr_tokenizer_decode(const plmr_tokenizer *tokenizer, int32_t before, int32_t id, const char **bytes,
                                  size_t *n_bytes)
{
    PLMR_TRY(check_id(tokenizer, id));
    if (before < PLMR_TOKEN_NONE)
        PLMR_TRY(check_id(tokenizer, before));
    plmr_token_text piece = plmr_strings_get(&tokenizer->pieces, id);
    bool first =
        before == PLMR_TOKEN_NONE || (before < tokenizer->n_tokens && plmr_vocab_is_special(tokenizer, before));
    bool has_prefix = tokenizer->prefix != PLMR_PREFIX_NEVER && first && !plmr_vocab_is_special(tokenizer, id) &&
                      piece.n_bytes > 0 && piece.bytes[0] == ' ';
    *bytes = piece.bytes + has_prefix;
    *n_bytes = piece.n_bytes - has_prefix;
    return PLMR_OK;
}

/* Appends the text of all ids to out, if there is one; n_bytes is what that takes. */
static plmr_status decode_list(const plmr_tokenizer *tokenizer, const int32_t *ids, int n_ids, char *out,
                               size_t *n_bytes)
{
    *n_bytes = 0;
    for (int i = 0; i < n_ids; i++) {
        const char *piece;
        size_t n;
        PLMR_TRY(plmr_tokenizer_decode(tokenizer, i > 0 ? ids[i - 1] : PLMR_TOKEN_NONE, ids[i], &piece, &n));
        if (out)
            memcpy(out + *n_bytes, piece, n);
        *n_bytes += n;
    }
    return PLMR_OK;
}

plmr_status plmr_tokenizer_decode_all(const plmr_tokenizer *tokenizer, const int32_t *ids, int n_ids, char **text,
                                      size_t *n_bytes)
{
    PLMR_TRY(decode_list(tokenizer, ids, n_ids, NULL, n_bytes));
    char *out = plmr_take(*n_bytes + 1);
    plmr_status status = decode_list(tokenizer, ids, n_ids, out, n_bytes);
    PLMR_ASSERT(!status);
    out[*n_bytes] = '\0';
    *text = out;
    return PLMR_OK;
}

plmr_status plmr_tokenizer_spell(const plmr_tokenizer *tokenizer, int32_t id, const char **bytes, size_t *n_bytes)
{
    PLMR_TRY(check_id(tokenizer, id));
    plmr_token_text text = plmr_strings_get(&tokenizer->texts, id);
    *bytes = text.bytes;
    *n_bytes = text.n_bytes;
    return PLMR_OK;
}

bool plmr_tokenizer_is_end(const plmr_tokenizer *tokenizer, int32_t id)
{
    if (tokenizer->kind == PLMR_VOCAB_NONE)
        return id != PLMR_TOKEN_NONE && id == tokenizer->eos;
    return id >= 0 && id < tokenizer->n_tokens && tokenizer->is_end[id];
}

int plmr_tokenizer_n_tokens(const plmr_tokenizer *tokenizer)
{
    return tokenizer->n_tokens;
}

int32_t plmr_tokenizer_bos(const plmr_tokenizer *tokenizer)
{
    return tokenizer->bos;
}
