/* Words written down by hand. In what is expected, U+00B7 stands between two words; without these it is the text. */
#include "../support.h"

#include "text/pretokenize.h"

static const char between[] = "\u00b7";

struct words {
    char text[400];
    size_t n_bytes;
    int n, most;
};

static plmr_status take(void *context, const char *word, size_t n_bytes)
{
    struct words *words = context;
    PLMR_CHECK(words->n < words->most, PLMR_ERROR_SYSTEM, "%d words", words->n + 1);
    assert_in_range(n_bytes, 1, sizeof words->text - words->n_bytes - 2);
    if (words->n++ > 0) {
        memcpy(words->text + words->n_bytes, between, 2);
        words->n_bytes += 2;
    }
    memcpy(words->text + words->n_bytes, word, n_bytes);
    words->n_bytes += n_bytes;
    return PLMR_OK;
}

static size_t text_of(const char *expected, char *text)
{
    size_t n = 0;
    for (const char *c = expected; *c; c++) {
        if (strncmp(c, between, 2) == 0)
            c++;
        else
            text[n++] = *c;
    }
    return n;
}

static void check(const char *name, const char *const *expected, int n)
{
    plmr_pretokenizer *pretokenizer;
    must(plmr_pretokenizer_create(name, &pretokenizer));
    for (int i = 0; i < n; i++) {
        char text[400];
        size_t n_bytes = text_of(expected[i], text);
        struct words words = {.most = 1000};
        must(plmr_pretokenizer_split(pretokenizer, text, n_bytes, take, &words));
        assert_string_equal(words.text, expected[i]);
    }
    plmr_pretokenizer_destroy(pretokenizer);
}

#define CHECK(name, ...)                                                                                               \
    do {                                                                                                               \
        static const char *const expected[] = {__VA_ARGS__};                                                           \
        check(name, expected, (int)(sizeof expected / sizeof *expected));                                              \
    } while (0)

/* What all have in common. */
static void check_common(const char *name)
{
    CHECK(name, "", "a", "Hello· world", "Hello·  · world", "   ", "a·   ", "\u043d\u0435\u0449\u043e· \u043d\u0430",
          "\u65e5\u672c\u8a9e·\u3002", "he·'s", "we·'ll", "she·'s·tart", "x· ------=", "a· ·\xff", "ab·\xff\xfe·cd",
          "a·\xe6\x97", "a·  ·\xed\xa0\x80·  ·\xc0", "!· \u180e", /* not white space */
          "a·\n", "\U0001f680· (·normal·)");
}

static void test_gpt2(void **state)
{
    (void)state;
    check_common("gpt-2");
    CHECK("gpt-2", "Hello·,· y·'·all·!", "I·'·VE", "a· 12345·b", "a· ·\n·b", "x·\n\n  · y", "!!·\n\n", "(·a·)",
          "\t·hello", "a·\u00a0·b", "a·\xc2\x85·b", "e·\u0301·x", "a·\u00bd\u2167", "a·_·b", "'s·tart", "'·Start",
          " '·a", "3·.·3", "a· \u0663");
}

/* As llama.cpp's four expressions, one after the other, cut it. */
static void test_default(void **state)
{
    (void)state;
    static const char *const names[] = {"default", NULL};
    for (int i = 0; i < 2; i++)
        CHECK(names[i], "", "Hello· ·123·4· · world", "he·'·s", "we·'·ll· go", "a· ·12·b", "a· · ·1",
              "x· ·------=", "x· ·--· y", "a·  ·!", "a· ·!·b", " ·.·\n", "a·\n\n· b", "a·\n·b", "1·.·5· €· ok", "€€· €",
              "$·5·,·000·.·0", "a·_·b·`· `·c", "12\u0663\u00bd·345", "123·456·7", "\u0663· ·\u0663", "a· ·\xff",
              "ab·\xff\xfe·cd", "\t·hello", "a·\u00a0·b", "e·\u0301·x", "\u65e5\u672c\u8a9e·\u3002");
}

static void check_by_words(const char *name)
{
    check_common(name);
    CHECK(name, "Hello·,· y·'all·!", "I·'VE", "a· \n·b", "x·\n\n·  · y", "x·  \r\n·\ty", "!!\n\n·a", "(a·)", " (·a",
          "\thello", "a·\u00a0b",
          "a·\xc2\x85"
          "b",
          "e·\u0301x", "a·_b", "'S·tart", "a· '\n", "a·'\n");
}

static void test_llama3(void **state)
{
    (void)state;
    static const char *const names[] = {"llama-bpe", "llama3", "llama-v3"};
    for (int i = 0; i < 3; i++) {
        check_by_words(names[i]);
        CHECK(names[i], "1", "123", "123·4", "a·123·456·7·b", "a· ·123·45", "a· · ·1", "3·.·3",
              "\u00bd\u0661"
              "1·2");
    }
}

static void test_qwen2(void **state)
{
    (void)state;
    static const char *const names[] = {"qwen2", "deepseek-r1-qwen"};
    for (int i = 0; i < 2; i++) {
        check_by_words(names[i]);
        CHECK(names[i], "1", "1·2·3", "a·1·2·b", "a· ·1·2", "a· · ·1", "3·.·3", "\u00bd·\u0661·1");
    }
}

static void test_by_case(void **state)
{
    (void)state;
    CHECK("gpt-4o", "don't· Panic", "Hello·World", "IT'S·.", "a· ·123·45", "ABCdef", " path·/\n·x", "été· Été");
    CHECK("tekken", "don·'t· Panic", "Hello·World", "a· ·1·2", "ABCdef");
    CHECK("dbrx", "a·123·45", "it·'s");
    CHECK("whole", "it's 1\n\n 23 ");
}

static void test_smollm(void **state)
{
    (void)state;
    check_common("smollm");
    CHECK("smollm", "1·2·3", "a·1·2·b", "a· ·1·2", "a·  ·1", "a·  · b", "y·'·all", "I·'·VE", "a· ·\n·b", "\t·hello");
}

/* Of all names of GGUF files, what llama.cpp's loader of vocabularies sets for them: ignore_merges, add_bos. */
static void test_facts(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool keeps_tokens, adds_bos;
    } facts[] = {{"llama-bpe", true, true}, {"llama-v3", true, true}, {"llama3", true, true},
                 {"tekken", true, true},    {"dbrx", false, false},   {"deepseek-r1-qwen", false, false},
                 {"gpt-2", false, false},   {"gpt-4o", false, false}, {"qwen2", false, false},
                 {"refact", false, false},  {"smollm", false, false}, {"default", false, false},
                 {NULL, false, false}};
    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++) {
        plmr_pretokenizer *pretokenizer;
        must(plmr_pretokenizer_create(facts[i].name, &pretokenizer));
        assert_int_equal(plmr_pretokenizer_keeps_tokens(pretokenizer), facts[i].keeps_tokens);
        assert_int_equal(plmr_pretokenizer_adds_bos(pretokenizer), facts[i].adds_bos);
        plmr_pretokenizer_destroy(pretokenizer);
    }
}

static void test_errors(void **state)
{
    (void)state;
    plmr_pretokenizer *pretokenizer;
    must_fail(plmr_pretokenizer_create("", &pretokenizer), PLMR_ERROR_INPUT, "pre-tokenizer \"\" is unknown");
    must_fail(plmr_pretokenizer_create("gpt-3", &pretokenizer), PLMR_ERROR_INPUT,
              "plmr has default, dbrx, deepseek-r1-qwen, gpt-2, gpt-4o, llama-bpe, llama-v3, llama3, qwen2, refact, "
              "smollm, tekken, whole");
    must(plmr_pretokenizer_create("gpt-2", &pretokenizer));
    struct words words = {.most = 2};
    must_fail(plmr_pretokenizer_split(pretokenizer, "a b c", 5, take, &words), PLMR_ERROR_SYSTEM, "3 words");
    words = (struct words){.most = 1};
    must_fail(plmr_pretokenizer_split(pretokenizer, "a\xff", 2, take, &words), PLMR_ERROR_SYSTEM, "2 words");
    plmr_pretokenizer_destroy(pretokenizer);
    plmr_pretokenizer_destroy(NULL);
}

/* Looking for the line's end behind very many spaces takes too many steps, and ends. */
static void test_limit(void **state)
{
    (void)state;
    enum { N = 24000000 };
    plmr_pretokenizer *pretokenizer;
    must(plmr_pretokenizer_create("qwen2", &pretokenizer));
    char *text = malloc(N);
    assert_non_null(text);
    memset(text, ' ', N);
    struct words words = {.most = 1};
    must_fail(plmr_pretokenizer_split(pretokenizer, text, N, take, &words), PLMR_ERROR_INPUT,
              "cannot be cut into words");
    free(text);
    plmr_pretokenizer_destroy(pretokenizer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gpt2),  cmocka_unit_test(test_default), cmocka_unit_test(test_llama3),
        cmocka_unit_test(test_qwen2), cmocka_unit_test(test_smollm),  cmocka_unit_test(test_by_case),
        cmocka_unit_test(test_facts), cmocka_unit_test(test_errors),  cmocka_unit_test(test_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
