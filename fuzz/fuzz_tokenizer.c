/* Fuzzes the tokenizers: with small vocabularies of every kind, and with vocabularies made of the input. What is
 * encoded must decode to the same bytes; the small vocabularies have a token for every byte. */
#include "fuzz.h"

#include "../tests/text/small_vocab.h"
#include "text/utf8.h"

enum { MOST_STRINGS = 64, SMALL_SPM = 0, MADE_UP = 5 };

static void must(plmr_status error)
{
    if (error)
        abort();
}

static plmr_tokenizer *small(int kind)
{
    static const char *const pres[] = {NULL, "gpt-2", "llama-bpe", "qwen2", "smollm"};
    static plmr_tokenizer *made[MADE_UP];
    static struct small_vocab vocab;
    if (made[kind])
        return made[kind];
    if (kind == SMALL_SPM)
        small_spm(&vocab);
    else
        small_bpe(&vocab, pres[kind]);
    must(plmr_tokenizer_create(&vocab.spec, &made[kind]));
    return made[kind];
}

/* Takes strings, each behind a byte that says how long it is, until one is empty. */
static int64_t take_strings(const char **at, size_t *n, plmr_token_text *texts)
{
    int64_t n_texts = 0;
    while (*n > 0 && n_texts < MOST_STRINGS) {
        size_t length = (unsigned char)**at % 16;
        length = length < *n ? length : *n - 1;
        texts[n_texts] = (plmr_token_text){*at + 1, length};
        *at += 1 + length;
        *n -= 1 + length;
        if (length == 0)
            break;
        n_texts++;
    }
    return n_texts;
}

/* A vocabulary out of the input: kind, ids, tokens, merges. Types and scores come from the lengths of the strings. */
static plmr_status make_up(const char **at, size_t *n, plmr_tokenizer **tokenizer)
{
    plmr_token_text tokens[MOST_STRINGS], merges[MOST_STRINGS];
    int64_t types[MOST_STRINGS];
    float scores[MOST_STRINGS];
    plmr_vocab_spec spec = plmr_vocab_spec_none();
    unsigned char flags = *n > 0 ? (unsigned char)*(*at)++ : 0, ids = *n > 1 ? (unsigned char)*(*at)++ : 0;
    *n -= *n > 1 ? 2 : *n;
    spec.kind = !(flags & 1) ? "gpt2" : flags & 64 ? "t5" : "llama";
    spec.pre = flags & 2 ? "llama-bpe" : NULL;
    spec.n_tokens = take_strings(at, n, tokens);
    spec.n_merges = (flags & 3) == 1 ? 0 : take_strings(at, n, merges);
    for (int64_t i = 0; i < spec.n_tokens; i++) {
        types[i] = tokens[i].n_bytes == 6 ? PLMR_TOKEN_BYTE : (int64_t)(tokens[i].bytes[-1] & 0x70) >> 4;
        scores[i] = (float)tokens[i].bytes[0];
    }
    spec.tokens = tokens;
    spec.scores = scores;
    spec.types = types;
    spec.merges = merges;
    spec.n_scores = spec.n_tokens;
    spec.n_types = flags & 4 ? spec.n_tokens : 0;
    spec.unk = flags & 8 ? ids % 64 - 1 : PLMR_TOKEN_NONE;
    spec.bos = flags & 16 ? ids / 4 - 1 : PLMR_TOKEN_NONE;
    spec.add_space_prefix = flags & 32 ? PLMR_NO : PLMR_UNSAID;
    spec.merge_spaces = flags & 2 ? PLMR_YES : PLMR_UNSAID;
    spec.prefix = ids % PLMR_N_PREFIXES;
    spec.spaces = ids & PLMR_SPACES_ALL;
    spec.by_merges = flags & 2;
    spec.charsmap = *at;
    spec.n_charsmap = flags & 128 ? *n : 0;
    return plmr_tokenizer_create(&spec, tokenizer);
}

/* The pieces as they would be printed one by one. */
static void print(const plmr_tokenizer *tokenizer, const int32_t *ids, int n_ids)
{
    plmr_utf8_stream stream = {0};
    for (int i = 0; i < n_ids; i++) {
        const char *piece;
        size_t n;
        must(plmr_tokenizer_decode(tokenizer, i > 0 ? ids[i - 1] : PLMR_TOKEN_NONE, ids[i], &piece, &n));
        char *out = malloc(PLMR_UTF8_ROOM(n));
        size_t n_out = plmr_utf8_push(&stream, piece, n, out);
        int n_character;
        for (size_t at = 0; at < n_out; at += (size_t)n_character)
            if (plmr_utf8_scan(out + at, n_out - at, &n_character) != PLMR_UTF8_WHOLE)
                abort();
        free(out);
    }
}

static void encode(const plmr_tokenizer *tokenizer, const char *text, size_t n, bool parse_special, bool must_return)
{
    int32_t *ids;
    int n_ids;
    plmr_status status = plmr_tokenizer_encode(tokenizer, text, n, true, parse_special, &ids, &n_ids);
    if (status) {
        check_error(status);
        return;
    }
    char *back;
    size_t n_back;
    must(plmr_tokenizer_decode_all(tokenizer, ids, n_ids, &back, &n_back));
    if (must_return && (n_back != n || memcmp(back, text, n) != 0))
        abort();
    print(tokenizer, ids, n_ids);
    free(back);
    free(ids);
}

/* The first byte chooses the vocabulary. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    if (n == 0)
        return 0;
    int kind = bytes[0] % (MADE_UP + 3);
    const char *text = (const char *)bytes + 1;
    n--;
    if (kind < MADE_UP) {
        /* A space mark in the text decodes to a space. */
        bool has_mark = memmem(text, n, "\u2581", 3);
        encode(small(kind), text, n, false, kind != SMALL_SPM || !has_mark);
        encode(small(kind), text, n, true, false);
        return 0;
    }
    plmr_tokenizer *tokenizer;
    plmr_status status = make_up(&text, &n, &tokenizer);
    if (status) {
        check_error(status);
        return 0;
    }
    encode(tokenizer, text, n, n % 2, false);
    plmr_tokenizer_destroy(tokenizer);
    return 0;
}
