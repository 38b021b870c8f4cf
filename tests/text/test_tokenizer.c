/* Small vocabularies, whose ids were worked out by hand, and by encoders that are too simple to be wrong: they search
 * lists of strings, over and over. */
#include "../support.h"
#include "small_vocab.h"

#include "text/pretokenize.h"

#include <math.h>
#include <time.h>

enum { IDS_MOST = 4096 };

struct ids {
    int n;
    int32_t at[IDS_MOST];
};

static plmr_tokenizer *made(const struct small_vocab *v)
{
    plmr_tokenizer *tokenizer;
    must(plmr_tokenizer_create(&v->spec, &tokenizer));
    return tokenizer;
}

static struct ids encode_bytes(const plmr_tokenizer *tokenizer, const char *text, size_t n_bytes, bool add, bool parse)
{
    int32_t *ids;
    struct ids result;
    must(plmr_tokenizer_encode(tokenizer, text, n_bytes, add, parse, &ids, &result.n));
    assert_in_range(result.n, 0, IDS_MOST);
    if (result.n > 0)
        memcpy(result.at, ids, (size_t)result.n * sizeof *ids);
    free(ids);
    return result;
}

static void check_ids(const struct ids *found, const int32_t *expected, int n, const char *text)
{
    bool same = found->n == n;
    for (int i = 0; same && i < n; i++)
        same = found->at[i] == expected[i];
    if (same)
        return;
    print_error("'%s' became", text);
    for (int i = 0; i < found->n; i++)
        print_error(" %d", found->at[i]);
    print_error(", expected");
    for (int i = 0; i < n; i++)
        print_error(" %d", expected[i]);
    fail_msg(" for this text");
}

/* EXPECT(tokenizer, text, add_special, parse_special, ids...) */
#define EXPECT(tokenizer, text, add, parse, ...)                                                                       \
    do {                                                                                                               \
        const int32_t expected[] = {__VA_ARGS__};                                                                      \
        struct ids found = encode_bytes(tokenizer, text, strlen(text), add, parse);                                    \
        check_ids(&found, expected, (int)(sizeof expected / sizeof *expected), text);                                  \
    } while (0)

static void expect_text(const plmr_tokenizer *tokenizer, const struct ids *ids, const char *text, size_t n_bytes)
{
    char *back;
    size_t n_back;
    must(plmr_tokenizer_decode_all(tokenizer, ids->at, ids->n, &back, &n_back));
    assert_int_equal(n_back, n_bytes);
    assert_memory_equal(back, text, n_bytes);
    assert_int_equal(back[n_back], '\0');
    free(back);
}

static int id_of(const struct small_vocab *v, const char *text, size_t n_bytes)
{
    for (int id = 0; id < v->spec.n_tokens; id++)
        if (v->tokens[id].n_bytes == n_bytes && memcmp(v->tokens[id].bytes, text, n_bytes) == 0)
            return id;
    return PLMR_TOKEN_NONE;
}

static int plain_id_of(const struct small_vocab *v, const char *text, size_t n_bytes)
{
    int id = id_of(v, text, n_bytes);
    return id >= 0 && (v->types[id] == PLMR_TOKEN_NORMAL || v->types[id] == PLMR_TOKEN_USER_DEFINED) ? id : -1;
}

/* Characters of a text that is almost UTF-8: a byte that fits nowhere is one by itself. */
static int simple_length(const unsigned char *c, size_t n)
{
    static const struct {
        unsigned char low, high, second_low, second_high;
        size_t length;
    } rows[] = {{0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3},
                {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3}, {0xf0, 0xf0, 0x90, 0xbf, 4},
                {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (c[0] < rows[i].low || c[0] > rows[i].high || n < rows[i].length)
            continue;
        bool good = c[1] >= rows[i].second_low && c[1] <= rows[i].second_high;
        for (size_t j = 2; j < rows[i].length; j++)
            good = good && c[j] >= 0x80 && c[j] < 0xc0;
        return good ? (int)rows[i].length : 1;
    }
    return 1;
}

/* Cuts [starts[i], starts[i + 1]) are joined one after the other, always the best. */
static struct ids simple_spm(const struct small_vocab *v, const char *text, size_t n_bytes)
{
    char marked[IDS_MOST] = "\u2581";
    int starts[IDS_MOST], n = 0, end = 3;
    for (size_t i = 0; i < n_bytes; i++) {
        const char *c = text[i] == ' ' ? "\u2581" : NULL;
        memcpy(marked + end, c ? c : text + i, c ? 3 : 1);
        end += c ? 3 : 1;
    }
    for (int at = 0; at < end; at += simple_length((const unsigned char *)marked + at, (size_t)(end - at)))
        starts[n++] = at;
    for (;;) {
        int best = -1;
        float score = -INFINITY;
        starts[n] = end;
        for (int i = 0; i + 1 < n; i++) {
            int id = plain_id_of(v, marked + starts[i], (size_t)(starts[i + 2] - starts[i]));
            if (id >= 0 && v->scores[id] > score) {
                best = i;
                score = v->scores[id];
            }
        }
        if (best < 0)
            break;
        memmove(starts + best + 1, starts + best + 2, (size_t)(n - best) * sizeof *starts);
        n--;
    }
    struct ids ids = {0};
    for (int i = 0; i < n; i++) {
        int id = plain_id_of(v, marked + starts[i], (size_t)(starts[i + 1] - starts[i]));
        for (int at = starts[i]; id < 0 && at < starts[i + 1]; at++)
            ids.at[ids.n++] = 3 + (unsigned char)marked[at];
        if (id >= 0)
            ids.at[ids.n++] = id;
    }
    return ids;
}

/* A word as a list of spelt symbols; all places of the best pair are joined, then the next pair is looked for. */
static struct ids simple_bpe_word(const struct small_vocab *v, const char *word, size_t n_bytes)
{
    static char symbols[IDS_MOST][40];
    int n = (int)n_bytes;
    for (int i = 0; i < n; i++)
        snprintf(symbols[i], sizeof symbols[i], "%s", v->spelt[(unsigned char)word[i]]);
    for (int m = 0; m < v->spec.n_merges;) {
        int joined = 0;
        for (int i = 0; i + 1 < n; i++) {
            char pair[84];
            snprintf(pair, sizeof pair, "%.39s %.39s", symbols[i], symbols[i + 1]);
            if (strcmp(pair, v->merges[m].bytes) != 0)
                continue;
            strcat(symbols[i], pair + strlen(symbols[i]) + 1);
            memmove(symbols[i + 1], symbols[i + 2], (size_t)(n - i - 2) * sizeof *symbols);
            n--;
            joined++;
        }
        m = joined ? 0 : m + 1;
    }
    struct ids ids = {0};
    for (int i = 0; i < n; i++)
        ids.at[ids.n++] = id_of(v, symbols[i], strlen(symbols[i]));
    return ids;
}

struct simple_bpe {
    const struct small_vocab *vocab;
    bool keeps_tokens;
    struct ids ids;
};

static plmr_status simple_bpe_take(void *context, const char *word, size_t n_bytes)
{
    struct simple_bpe *bpe = context;
    struct ids ids = simple_bpe_word(bpe->vocab, word, n_bytes);
    char spelt[4 * IDS_MOST] = "";
    for (size_t i = 0; i < n_bytes; i++)
        strcat(spelt, bpe->vocab->spelt[(unsigned char)word[i]]);
    int whole = plain_id_of(bpe->vocab, spelt, strlen(spelt));
    if (bpe->keeps_tokens && whole >= 0)
        ids = (struct ids){1, {whole}};
    memcpy(bpe->ids.at + bpe->ids.n, ids.at, (size_t)ids.n * sizeof *ids.at);
    bpe->ids.n += ids.n;
    return PLMR_OK;
}

/* Snippets that the vocabularies know well or not at all; sometimes a byte that is no text. */
static size_t random_text(uint32_t *seed, char *text, bool may_break)
{
    static const char *const snippets[] = {
        "hello",    " hello",     " world", "the",    " the", "a",     "aa",  "b",      "c",       "abc",
        " ",        "  ",         "    ",   "\n",     "\n\n", "!",     ", ",  "st",     " story",  "ring",
        "on",       "ar",         "'s",     "'S",     "12",   "7",     "345", "\u00e9", "e\u0301", "\u65e5\u672c",
        "\u65e5",   "\U0001f600", "\t",     "\r\n",   "<",    ">",     "</",  "|",      "whole",   "\u00a0",
        "\xc2\x85", "_",          "Q",      "\u0416", "x",    "\u00bd"};
    size_t n = 0, n_snippets = test_random(seed) % 30;
    for (size_t i = 0; i < n_snippets; i++) {
        const char *snippet = snippets[test_random(seed) % (sizeof snippets / sizeof *snippets)];
        memcpy(text + n, snippet, strlen(snippet));
        n += strlen(snippet);
        if (may_break && test_random(seed) % 4 == 0)
            text[n++] = (char)test_random(seed);
    }
    return n;
}

static void test_spm_known(void **state)
{
    (void)state;
    struct small_vocab v;
    small_spm(&v);
    plmr_tokenizer *t = made(&v);
    EXPECT(t, "hello world", false, false, 259, 278, 290, 295);
    EXPECT(t, "the ring", false, false, 279, 259, 267, 285);
    EXPECT(t, "  hello", false, false, 299, 259, 278, 290);
    EXPECT(t, "     a", false, false, 300, 259, 282);
    EXPECT(t, "xabc", false, false, 259, 3 + 'x', 305, 304); /* ab and bc are as good: the left one */
    EXPECT(t, "aaaaa", false, false, 282, 301, 301);
    EXPECT(t, "\u65e5\u672c\u00e9", false, false, 259, 307, 275);
    EXPECT(t, "</s>", false, false, 259, 311, 266, 309);
    EXPECT(t, "\u65e5\xff", false, false, 259, 276, 3 + 0xff);
    assert_int_equal(encode_bytes(t, "", 0, false, true).n, 0);
    assert_int_equal(encode_bytes(t, "\0", 1, false, true).at[1], 3);
    plmr_tokenizer_destroy(t);
}

static void check_random_spm(const struct small_vocab *v, uint32_t seed)
{
    plmr_tokenizer *t = made(v);
    for (int i = 0; i < 3000; i++) {
        char text[IDS_MOST];
        size_t n = random_text(&seed, text, true);
        struct ids found = encode_bytes(t, text, n, false, false), expected = simple_spm(v, text, n);
        if (n > 0)
            check_ids(&found, expected.at, expected.n, text);
        expect_text(t, &found, text, n);
    }
    plmr_tokenizer_destroy(t);
}

static void test_spm_random(void **state)
{
    (void)state;
    struct small_vocab v;
    small_spm(&v);
    check_random_spm(&v, 1);
    small_add(&v, "o\u2581", -1.5f, PLMR_TOKEN_NORMAL); /* now tokens reach over the spaces */
    small_add(&v, "o\u2581w", -1.25f, PLMR_TOKEN_NORMAL);
    small_add(&v, "\u2581\u2581hello", 2.0f, PLMR_TOKEN_NORMAL);
    v.spec.n_scores = v.spec.n_tokens;
    check_random_spm(&v, 2);
}

/* Scores of either sign, both zeros and infinities keep their order. */
static void test_spm_scores(void **state)
{
    (void)state;
    static const float rising[] = {-INFINITY, -1e30f, -2, -1e-30f, 0, 1e-30f, 2, INFINITY};
    for (int i = 0; i < 8; i++)
        for (int j = 0; j < 8; j++) {
            struct small_vocab v;
            small_spm(&v);
            for (int id = 0; id < v.spec.n_tokens; id++) {
                v.scores[id] = strcmp(v.spelt[id], "ab") == 0 ? rising[i] : v.scores[id];
                v.scores[id] = strcmp(v.spelt[id], "bc") == 0 ? (j == 4 ? -0.0f : rising[j]) : v.scores[id];
            }
            plmr_tokenizer *t = made(&v);
            assert_int_equal(encode_bytes(t, "xabc", 4, false, false).at[2], i >= j ? 305 : 262);
            plmr_tokenizer_destroy(t);
        }
}

static void test_spm_special(void **state)
{
    (void)state;
    struct small_vocab v;
    small_spm(&v);
    const int im_end = id_of(&v, "<|im_end|>", 10), im = id_of(&v, "<|im", 4), tool = id_of(&v, "<tool>", 6);
    plmr_tokenizer *t = made(&v);
    EXPECT(t, "a", true, false, 1, 282);
    EXPECT(t, "", true, false, 1);
    EXPECT(t, "a<|im_end|>a", false, true, 282, im_end, 282); /* with a space after the token, too */
    EXPECT(t, "<|im_e", false, true, im, 259, 3 + '_', 260);
    EXPECT(t, "<s></s><unk>", false, true, 1, 2, 0);
    EXPECT(t, "a <tool>", false, false, 282, 259, tool);
    EXPECT(t, "<s>", false, false, 259, 308, 266, 309);
    EXPECT(t, "<<tool><", false, true, 259, 308, tool, 259, 308);
    plmr_tokenizer_destroy(t);
    v.spec.add_bos = PLMR_NO;
    v.spec.add_eos = PLMR_YES;
    v.spec.add_space_prefix = PLMR_NO;
    t = made(&v);
    EXPECT(t, "a a", true, false, 262, 282, 2);
    expect_text(t, &(struct ids){2, {282, 282}}, " a a", 4);
    plmr_tokenizer_destroy(t);
    v.spec.add_bos = PLMR_UNSAID;
    v.spec.bos = UINT32_MAX;
    t = made(&v);
    EXPECT(t, "a", true, false, 262, 2);
    assert_int_equal(plmr_tokenizer_bos(t), PLMR_TOKEN_NONE);
    plmr_tokenizer_destroy(t);
}

/* Bytes alone are a vocabulary; so is one that lacks them, but has an unknown token. */
static void test_spm_bytes(void **state)
{
    (void)state;
    struct small_vocab v;
    small_spm(&v);
    v.spec.n_tokens = v.spec.n_types = v.spec.n_scores = SMALL_SPM_FIRST;
    plmr_tokenizer *t = made(&v);
    EXPECT(t, "a b", false, false, 3 + ' ', 3 + 'a', 3 + ' ', 3 + 'b');
    expect_text(t, &(struct ids){4, {35, 100, 35, 101}}, "a b", 3);
    plmr_tokenizer_destroy(t);
    v.tokens[3 + 0xa9].bytes = "<none>"; /* a byte of U+00E9 */
    v.types[3 + 0xa9] = PLMR_TOKEN_NORMAL;
    t = made(&v);
    EXPECT(t, "\u00e9", false, false, 3 + ' ', 0);
    expect_text(t, &(struct ids){2, {35, 0}}, "\ufffd", 3);
    plmr_tokenizer_destroy(t);
    v.spec.unk = PLMR_TOKEN_NONE;
    t = made(&v);
    int32_t *ids;
    int n;
    must_fail(plmr_tokenizer_encode(t, "a\u00e9", 3, false, false, &ids, &n), PLMR_ERROR_INPUT, "byte 0xa9");
    plmr_tokenizer_destroy(t);
}

/* Without types, texts such as <0x41> still are bytes, and bos is not text. */
static void test_spm_no_types(void **state)
{
    (void)state;
    struct small_vocab v;
    small_spm(&v);
    v.spec.n_types = 0;
    plmr_tokenizer *t = made(&v);
    EXPECT(t, "x<s>", false, true, 259, 3 + 'x', 1);
    EXPECT(t, "x", false, true, 259, 3 + 'x');
    expect_text(t, &(struct ids){4, {1, 282, 0, 2}}, "a\ufffd", 4);
    plmr_tokenizer_destroy(t);
}

static void test_bpe_known(void **state)
{
    (void)state;
    struct small_vocab v;
    small_bpe(&v, "gpt-2");
    plmr_tokenizer *t = made(&v);
    EXPECT(t, "hello world", false, false, 266, 270);
    EXPECT(t, "the the story", false, false, 116, 256, 259, 32, 282, 262, 121);
    EXPECT(t, "    hello", false, false, 271, 32, 267);
    EXPECT(t, "aaaa", false, false, 277, 277);
    EXPECT(t, "\u00e9", false, false, 275);
    EXPECT(t, "\u65e5\u672c", false, false, 289, 165, 230, 156, 172);
    EXPECT(t, "he's", false, false, 256, 274);
    EXPECT(t, "he'S", false, false, 256, '\'', 'S');
    EXPECT(t, "123", false, false, 276, '3');
    EXPECT(t, "whole", false, false, 'w', 'h', 'o', 'l', 'e');
    EXPECT(t, "hello", true, false, 266); /* this kind adds no bos by itself */
    EXPECT(t, "he\xff\xfehe", false, false, 256, 0xff, 0xfe, 256);
    assert_int_equal(encode_bytes(t, "", 0, false, true).n, 0);
    plmr_tokenizer_destroy(t);
}

static void test_bpe_llama3(void **state)
{
    (void)state;
    struct small_vocab v;
    small_bpe(&v, "llama-bpe");
    const int bos = (int)v.spec.bos, eot = id_of(&v, "<|eot_id|>", 10), whole = id_of(&v, "whole", 5);
    plmr_tokenizer *t = made(&v);
    EXPECT(t, "hello whole", true, false, bos, 266, 261, 'h', 'o', 'l', 'e');
    EXPECT(t, "whole\nwhole", false, false, whole, '\n', whole); /* a word that is a token needs no merges */
    EXPECT(t, "he'S<|eot_id|> hello", false, true, 256, '\'', 'S', eot, 267);
    EXPECT(t, "1234", false, false, 276, '3', '4');
    plmr_tokenizer_destroy(t);
    v.spec.add_bos = PLMR_NO;
    t = made(&v);
    EXPECT(t, "hello", true, false, 266);
    plmr_tokenizer_destroy(t);
}

static void test_bpe_random(void **state)
{
    (void)state;
    static const char *const pres[] = {"gpt-2", "llama-bpe", "qwen2", "smollm", NULL};
    for (int p = 0; p < 5; p++) {
        uint32_t seed = (uint32_t)p;
        struct small_vocab v;
        small_bpe(&v, pres[p]);
        plmr_tokenizer *t = made(&v);
        plmr_pretokenizer *pre;
        must(plmr_pretokenizer_create(pres[p], &pre));
        for (int i = 0; i < 400; i++) {
            char text[IDS_MOST];
            size_t n = random_text(&seed, text, i % 2);
            struct ids found = encode_bytes(t, text, n, false, false);
            struct simple_bpe simple = {.vocab = &v, .keeps_tokens = p == 1};
            must(plmr_pretokenizer_split(pre, text, n, simple_bpe_take, &simple));
            check_ids(&found, simple.ids.at, simple.ids.n, text);
            expect_text(t, &found, text, n);
        }
        plmr_pretokenizer_destroy(pre);
        plmr_tokenizer_destroy(t);
    }
}

/* Bytes without a token; added tokens that are spelt as they are, and others that are spelt like bytes. */
static void test_bpe_odd(void **state)
{
    (void)state;
    struct small_vocab v;
    small_bpe(&v, NULL);
    v.tokens['Q'] = (plmr_token_text){"", 0};
    int added = small_add(&v, "<\u65e5 \u0120>", 0, PLMR_TOKEN_USER_DEFINED);
    int spelt = small_add(&v, "\u65e5\u0120\u010a", 0, PLMR_TOKEN_NORMAL);
    plmr_tokenizer *t = made(&v);
    int32_t *ids;
    int n;
    must_fail(plmr_tokenizer_encode(t, "Q", 1, false, false, &ids, &n), PLMR_ERROR_INPUT, "byte 0x51");
    expect_text(t, &(struct ids){3, {added, spelt, 'Q'}}, "<\u65e5 \u0120>\u65e5 \n", 13);
    EXPECT(t, "he<\u65e5 \u0120>he", false, false, 256, added, 256);
    plmr_tokenizer_destroy(t);
    v.spec.unk = 5;
    t = made(&v);
    EXPECT(t, "aQ", false, false, 'a', 5);
    plmr_tokenizer_destroy(t);
}

static void test_decode(void **state)
{
    (void)state;
    struct small_vocab v;
    small_spm(&v);
    plmr_tokenizer *t = made(&v);
    expect_text(t, &(struct ids){3, {1, 282, 282}}, "a a", 3);
    expect_text(t, &(struct ids){4, {282, 2, 282, 262}}, "aaa", 3);
    expect_text(t, &(struct ids){1, {299}}, " ", 1);
    expect_text(t, &(struct ids){0}, "", 0);
    const char *bytes;
    size_t n;
    must(plmr_tokenizer_decode(t, 262, 282, &bytes, &n));
    assert_int_equal(n, 2);
    assert_memory_equal(bytes, " a", 2);
    must(plmr_tokenizer_spell(t, 282, &bytes, &n));
    assert_int_equal(n, 4);
    assert_memory_equal(bytes, "\u2581a", 4);
    int past = plmr_tokenizer_n_tokens(t);
    must(plmr_tokenizer_decode(t, past, 282, &bytes, &n));
    assert_int_equal(n, 2);
    must_fail(plmr_tokenizer_decode(t, -1, past, &bytes, &n), PLMR_ERROR_INPUT, "out of range");
    must_fail(plmr_tokenizer_decode(t, -2, 0, &bytes, &n), PLMR_ERROR_INPUT, "token id -2 is out of range");
    must_fail(plmr_tokenizer_spell(t, -1, &bytes, &n), PLMR_ERROR_INPUT, "token id -1 is out of range");
    plmr_tokenizer_destroy(t);
}

static void test_ends(void **state)
{
    (void)state;
    struct small_vocab v;
    small_spm(&v);
    v.spec.eot = 300;
    plmr_tokenizer *t = made(&v);
    int ends = 0;
    for (int id = -2; id < v.spec.n_tokens + 2; id++)
        ends += plmr_tokenizer_is_end(t, id);
    assert_int_equal(ends, 3);
    assert_true(plmr_tokenizer_is_end(t, 2) && plmr_tokenizer_is_end(t, 300));
    assert_true(plmr_tokenizer_is_end(t, id_of(&v, "<|im_end|>", 10)));
    plmr_tokenizer_destroy(t);
}

/* Ends known by name are control tokens whatever their type says; those of filling in the middle by key, or by name. */
static void test_ends_by_name(void **state)
{
    (void)state;
    struct small_vocab v;
    small_spm(&v);
    int named[] = {small_add(&v, "<|return|>", 0, PLMR_TOKEN_NORMAL), small_add(&v, "[EOT]", 0, PLMR_TOKEN_NORMAL),
                   small_add(&v, "<end_of_turn>", 0, PLMR_TOKEN_USER_DEFINED),
                   small_add(&v, "<|fim_pad|>", 0, PLMR_TOKEN_NORMAL),
                   small_add(&v, "<|repo_name|>", 0, PLMR_TOKEN_NORMAL)};
    int part = small_add(&v, "<|end|>", 0, PLMR_TOKEN_NORMAL),
        prefix = small_add(&v, "<|fim_prefix|>", 0, PLMR_TOKEN_NORMAL);
    int file = small_add(&v, "<|file_sep|>", 0, PLMR_TOKEN_NORMAL);
    v.spec.n_scores = v.spec.n_tokens;
    v.spec.fim_sep = 300;
    plmr_tokenizer *t = made(&v);
    for (size_t i = 0; i < sizeof named / sizeof *named; i++) {
        assert_true(plmr_tokenizer_is_end(t, named[i]));
        expect_text(t, &(struct ids){1, {named[i]}}, "", 0);
        EXPECT(t, v.spelt[named[i]], false, true, named[i]);
    }
    assert_true(plmr_tokenizer_is_end(t, 300));
    assert_false(plmr_tokenizer_is_end(t, file) || plmr_tokenizer_is_end(t, part) || plmr_tokenizer_is_end(t, prefix));
    expect_text(t, &(struct ids){1, {prefix}}, "", 0);
    expect_text(t, &(struct ids){1, {file}}, "<|file_sep|>", 12);
    plmr_tokenizer_destroy(t);
}

static void test_no_vocab(void **state)
{
    (void)state;
    plmr_vocab_spec spec = plmr_vocab_spec_none();
    spec.kind = "no_vocab";
    spec.n_tokens = 257;
    spec.eos = 2;
    plmr_tokenizer *t;
    must(plmr_tokenizer_create(&spec, &t));
    int32_t *ids;
    int n_ids;
    char *text;
    const char *bytes;
    size_t n;
    must_fail(plmr_tokenizer_encode(t, "a", 1, true, true, &ids, &n_ids), PLMR_ERROR_INPUT, "give token ids");
    must_fail(plmr_tokenizer_decode(t, -1, 3, &bytes, &n), PLMR_ERROR_INPUT, "no vocabulary");
    must_fail(plmr_tokenizer_spell(t, 3, &bytes, &n), PLMR_ERROR_INPUT, "no vocabulary");
    must_fail(plmr_tokenizer_decode_all(t, (int32_t[]){3}, 1, &text, &n), PLMR_ERROR_INPUT, "no vocabulary");
    assert_true(plmr_tokenizer_is_end(t, 2));
    assert_false(plmr_tokenizer_is_end(t, 1) || plmr_tokenizer_is_end(t, -1));
    assert_int_equal(plmr_tokenizer_n_tokens(t), 257);
    plmr_tokenizer_destroy(t);
    plmr_tokenizer_destroy(NULL);
}

static void must_refuse(const struct small_vocab *v, const char *words)
{
    plmr_tokenizer *t;
    must_fail(plmr_tokenizer_create(&v->spec, &t), PLMR_ERROR_INPUT, words);
}

/* REFUSE(change of the small vocabulary v, words of the error) */
#define REFUSE(make, change, words)                                                                                    \
    do {                                                                                                               \
        struct small_vocab v;                                                                                          \
        make;                                                                                                          \
        change;                                                                                                        \
        must_refuse(&v, words);                                                                                        \
    } while (0)
#define REFUSE_SPM(change, words) REFUSE(small_spm(&v), change, words)
#define REFUSE_BPE(change, words) REFUSE(small_bpe(&v, NULL), change, words)
#define TEXT(text) ((plmr_token_text){text, sizeof(text) - 1})

static void test_bad_vocab(void **state)
{
    (void)state;
    REFUSE_SPM(v.spec.kind = "b\x1b[rt", "the tokenizer \"b?[rt\" is unknown; plmr has llama, gpt2, t5 and no_vocab");
    REFUSE_SPM(v.spec.n_tokens = 0, "has 0 tokens");
    REFUSE_SPM(v.spec.n_tokens = INT64_MAX, "tokens, expected 1 to 4194304");
    REFUSE_SPM(v.spec.n_tokens = -1, "has -1 tokens");
    REFUSE_SPM(v.spec.n_merges = INT64_MIN, "merges, expected 0 to 4194304");
    REFUSE_SPM(v.spec.n_types--, "token types");
    REFUSE_SPM((v.spec.strips = v.types, v.spec.n_strips = 7), "but 7 numbers of what they strip");
    REFUSE_SPM((v.spec.strips = v.types, v.spec.n_strips = v.spec.n_types), "strips is 6, expected 0 to 3");
    REFUSE_SPM(v.spec.n_scores = 0, "but 0 scores");
    REFUSE_SPM(v.spec.bos = v.spec.n_tokens, "bos token 315 is out of range: 0 to 314");
    REFUSE_SPM(v.spec.eos = -2, "eos token -2 is out of range");
    REFUSE_SPM(v.spec.eot = INT64_MAX, "eot token");
    REFUSE_SPM(v.spec.eom = INT64_MAX, "eom token");
    REFUSE_SPM(v.spec.unk = 1 << 30, "unknown token 1073741824");
    REFUSE_SPM((v.spec.bos = -1, v.spec.add_bos = PLMR_YES), "wants a bos");
    REFUSE_SPM((v.spec.eos = -1, v.spec.add_eos = PLMR_YES), "wants an eos");
    REFUSE_SPM(v.tokens[7].n_bytes = 4097, "token 7 of the vocabulary has 4097 bytes");
    REFUSE_SPM(v.scores[8] = NAN, "score of token 8");
    REFUSE_SPM(v.types[9] = 7, "type of token 9 of the vocabulary is 7");
    REFUSE_SPM(v.types[9] = -1, "type of token 9");
    REFUSE_SPM(v.types[9] = INT64_MAX, "is 9223372036854775807, expected 0 to 6");
    REFUSE_SPM(v.types[270] = PLMR_TOKEN_BYTE, "token 270 of the vocabulary is a byte, but says \"d\"");
    REFUSE_SPM(v.tokens[10] = TEXT("<0x0g>"), "is a byte, but says");
    REFUSE_SPM(v.tokens[300] = v.tokens[260], "tokens 260 and 300 of the vocabulary are the same: \"e\"");
    REFUSE_BPE(v.spec.pre = "ll\nama",
               "the pre-tokenizer \"ll?ama\" is unknown; plmr has default, dbrx, deepseek-r1-qwen, gpt");
    REFUSE_BPE(v.merges[3] = TEXT("h e l"), "merge 3 of the vocabulary, \"h e l\", is not two tokens");
    REFUSE_BPE(v.merges[3] = TEXT("he"), "is not two tokens");
    REFUSE_BPE(v.merges[3] = TEXT(" he"), "is not two tokens");
    REFUSE_BPE(v.merges[3] = TEXT("he "), "is not two tokens");
    REFUSE_BPE(v.merges[3] = TEXT(""), "is not two tokens");
    REFUSE_BPE(v.merges[3] = TEXT("hx e"), "names a token that the vocabulary lacks");
    REFUSE_BPE(v.merges[3] = TEXT("q q"), "makes a token that the vocabulary lacks");
    static char large[1 << 20];
    memset(large, 'x', sizeof large);
    large[5] = ' ';
    REFUSE_BPE((v.merges[3] = (plmr_token_text){large, sizeof large}), "makes a token that the vocabulary lacks");
}

static double seconds_to_encode(const plmr_tokenizer *t, const char *text, size_t n)
{
    int32_t *ids;
    int n_ids;
    clock_t start = clock();
    must(plmr_tokenizer_encode(t, text, n, false, true, &ids, &n_ids));
    free(ids);
    return (double)(clock() - start) / CLOCKS_PER_SEC;
}

/* A quadratic encoder would take minutes. */
static void test_long_words(void **state)
{
    (void)state;
    enum { N = 300000 };
    static const char *const pieces[] = {"a", "hello", "ab", " ", "\xff", "<|im"};
    char *text = malloc(N);
    assert_non_null(text);
    for (size_t p = 0; p < sizeof pieces / sizeof *pieces; p++)
        for (int kind = 0; kind < 2; kind++) {
            struct small_vocab v;
            kind ? small_bpe(&v, "qwen2") : small_spm(&v);
            plmr_tokenizer *t = made(&v);
            for (size_t i = 0; i < N; i++)
                text[i] = pieces[p][i % strlen(pieces[p])];
            assert_true(seconds_to_encode(t, text, N) < 20);
            plmr_tokenizer_destroy(t);
        }
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_spm_known),    cmocka_unit_test(test_spm_random), cmocka_unit_test(test_spm_scores),
        cmocka_unit_test(test_spm_special),  cmocka_unit_test(test_spm_bytes),  cmocka_unit_test(test_spm_no_types),
        cmocka_unit_test(test_bpe_known),    cmocka_unit_test(test_bpe_llama3), cmocka_unit_test(test_bpe_random),
        cmocka_unit_test(test_bpe_odd),      cmocka_unit_test(test_decode),     cmocka_unit_test(test_ends),
        cmocka_unit_test(test_ends_by_name), cmocka_unit_test(test_no_vocab),   cmocka_unit_test(test_bad_vocab),
        cmocka_unit_test(test_long_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
