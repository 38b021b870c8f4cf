/* Tokenizers of model files: the same as those of the vocabulary that was put in, and that no file, however wrong, gets
 * more out of the reader than a tokenizer or one line. */
#include "tests/support.h"

#include "tests/model/gguf_builder.h"
#include "tests/text/small_vocab.h"
#include "text/tokenizer_gguf.h"

static const char *data_folder;

/* What a test puts into a file beside, or in place of, the vocabulary's own keys. */
struct changes {
    const char *without; /* a key, less "tokenizer.ggml." */
    const char *key;     /* one more, u32; a string, or a truth value if bool_value is set */
    uint32_t value;
    const char *text, *truth; /* truth: "\0" or "\1" */
    int n_fewer;              /* scores and types */
    const char *name;         /* the model's */
};

struct file {
    struct gguf_builder b;
    uint64_t n_keys;
    const struct changes *changes;
};

static const char *full(const char *key, char buffer[64])
{
    snprintf(buffer, 64, "tokenizer.ggml.%s", key);
    return buffer;
}

/* Whether the key is to be written; counts it. */
static bool wanted(struct file *file, const char *key)
{
    bool left_out = file->changes->without && strcmp(file->changes->without, key) == 0;
    file->n_keys += !left_out;
    return !left_out;
}

static void put_texts(struct file *file, const char *key, const plmr_token_text *texts, int64_t n)
{
    char name[64];
    if (n == 0 || !wanted(file, key))
        return;
    build_key_array(&file->b, full(key, name), GGUF_STRING, (uint64_t)n);
    for (int64_t i = 0; i < n; i++) {
        build_u64(&file->b, texts[i].n_bytes);
        build_bytes(&file->b, texts[i].bytes, texts[i].n_bytes);
    }
}

static void put_id(struct file *file, const char *key, int64_t id)
{
    char name[64];
    if (id != PLMR_TOKEN_NONE && wanted(file, key))
        build_key_u32(&file->b, full(key, name), (uint32_t)id);
}

static void put_numbers(struct file *file, const plmr_vocab_spec *spec)
{
    char name[64];
    int64_t n_scores = spec->n_scores - file->changes->n_fewer, n_types = spec->n_types - file->changes->n_fewer;
    if (spec->n_scores > 0 && wanted(file, "scores")) {
        build_key_array(&file->b, full("scores", name), GGUF_F32, (uint64_t)n_scores);
        build_bytes(&file->b, spec->scores, sizeof(float) * (size_t)n_scores);
    }
    if (wanted(file, "token_type")) {
        build_key_array(&file->b, full("token_type", name), GGUF_I32, (uint64_t)n_types);
        for (int64_t i = 0; i < n_types; i++)
            build_u32(&file->b, (uint32_t)spec->types[i]);
    }
}

static void put_change(struct file *file)
{
    char name[64];
    const struct changes *changes = file->changes;
    if (!changes->key)
        return;
    file->n_keys++;
    if (changes->text)
        build_key_text(&file->b, full(changes->key, name), changes->text);
    else if (changes->truth)
        build_key(&file->b, full(changes->key, name), GGUF_BOOL, changes->truth, 1);
    else
        build_key_u32(&file->b, full(changes->key, name), changes->value);
}

static struct gguf_builder build_vocab(const plmr_vocab_spec *spec, const struct changes *changes)
{
    char name[64];
    struct file file = {.changes = changes};
    build_start(&file.b, 3, 0, 0);
    if (wanted(&file, "model"))
        build_key_text(&file.b, full("model", name), spec->kind);
    if (spec->pre && wanted(&file, "pre"))
        build_key_text(&file.b, full("pre", name), spec->pre);
    put_id(&file, "bos_token_id", spec->bos);
    put_id(&file, "eos_token_id", spec->eos);
    put_id(&file, "unknown_token_id", spec->unk);
    put_change(&file);
    if (changes->name && ++file.n_keys)
        build_key_text(&file.b, "general.name", changes->name);
    put_texts(&file, "tokens", spec->tokens, spec->n_tokens);
    put_numbers(&file, spec);
    put_texts(&file, "merges", spec->merges, spec->n_merges);
    memcpy(file.b.bytes + 16, &file.n_keys, 8);
    return file.b;
}

/* From bytes that lie in memory of exactly their size, so that a sanitizer sees a step beyond them. The tokenizer must
 * not need them any more. */
static plmr_status read_bytes(const unsigned char *bytes, size_t n, plmr_tokenizer **tokenizer)
{
    unsigned char *copy = malloc(n ? n : 1);
    plmr_gguf *gguf;
    assert_non_null(copy);
    memcpy(copy, bytes, n);
    plmr_status status = plmr_gguf_parse(copy, n, "my.gguf", &gguf);
    if (!status) {
        status = plmr_tokenizer_read(gguf, tokenizer);
        plmr_gguf_close(gguf);
    }
    memset(copy, 0, n);
    free(copy);
    return status;
}

static const char *const texts[] = {"hello world", " the  story,\n\n it's 12 \u00e9\u65e5!", "aaaa <tool>",
                                    "<|eot_id|></s>", ""};

enum { N_TEXTS = sizeof texts / sizeof *texts };

static void assert_same(const plmr_tokenizer *a, const plmr_tokenizer *b)
{
    assert_int_equal(plmr_tokenizer_n_tokens(a), plmr_tokenizer_n_tokens(b));
    assert_int_equal(plmr_tokenizer_bos(a), plmr_tokenizer_bos(b));
    for (int i = 0; i < N_TEXTS; i++) {
        int32_t *ids, *others;
        int n_ids, n_others;
        must(plmr_tokenizer_encode(a, texts[i], strlen(texts[i]), true, i % 2, &ids, &n_ids));
        must(plmr_tokenizer_encode(b, texts[i], strlen(texts[i]), true, i % 2, &others, &n_others));
        assert_int_equal(n_ids, n_others);
        if (n_ids > 0)
            assert_memory_equal(ids, others, sizeof *ids * (size_t)n_ids);
        free(ids);
        free(others);
    }
}

static void expect_same(const plmr_vocab_spec *spec, const struct changes *changes, const plmr_vocab_spec *expected)
{
    struct gguf_builder b = build_vocab(spec, changes);
    plmr_tokenizer *read, *made;
    must(read_bytes(b.bytes, b.n, &read));
    must(plmr_tokenizer_create(expected, &made));
    assert_same(read, made);
    plmr_tokenizer_destroy(read);
    plmr_tokenizer_destroy(made);
    free(b.bytes);
}

static void vocabularies_of_files(void **state)
{
    (void)state;
    static const char *const pres[] = {NULL, "gpt-2", "llama-bpe", "qwen2"};
    static struct small_vocab vocab;
    const struct changes none = {0};
    small_spm(&vocab);
    expect_same(&vocab.spec, &none, &vocab.spec);
    for (size_t i = 0; i < sizeof pres / sizeof *pres; i++) {
        small_bpe(&vocab, pres[i]);
        expect_same(&vocab.spec, &none, &vocab.spec);
    }
}

static void options_of_files(void **state)
{
    (void)state;
    static struct small_vocab vocab;
    small_spm(&vocab);
    plmr_vocab_spec expected = vocab.spec;
    expected.add_bos = PLMR_NO;
    expect_same(&vocab.spec, &(struct changes){.key = "add_bos_token", .truth = "\0"}, &expected);
    expected = vocab.spec;
    expected.add_eos = PLMR_YES;
    expect_same(&vocab.spec, &(struct changes){.key = "add_eos_token", .truth = "\1"}, &expected);
    expected = vocab.spec;
    expected.add_space_prefix = PLMR_NO;
    expect_same(&vocab.spec, &(struct changes){.key = "add_space_prefix", .truth = "\0"}, &expected);
    expected = vocab.spec;
    expected.bos = PLMR_TOKEN_NONE;
    expect_same(&vocab.spec, &(struct changes){.without = "bos_token_id"}, &expected);
    expected = vocab.spec;
    expected.n_types = 0;
    expected.types = NULL;
    expect_same(&vocab.spec, &(struct changes){.without = "token_type"}, &expected);
    vocab.spec.kind = "t5";
    expected = vocab.spec;
    expected.merge_spaces = PLMR_YES;
    expect_same(&vocab.spec, &(struct changes){.key = "remove_extra_whitespaces", .truth = "\1"}, &expected);
    vocab.spec.kind = "llama";
    struct gguf_builder b = build_vocab(&vocab.spec, &(struct changes){.key = "eot_token_id", .value = 300});
    plmr_tokenizer *tokenizer;
    must(read_bytes(b.bytes, b.n, &tokenizer));
    assert_true(plmr_tokenizer_is_end(tokenizer, 300) && !plmr_tokenizer_is_end(tokenizer, 299));
    plmr_tokenizer_destroy(tokenizer);
    free(b.bytes);
}

static void expect_ids(const plmr_tokenizer *t, const char *text, int n, const int32_t *expected)
{
    int32_t *ids;
    int n_ids;
    must(plmr_tokenizer_encode(t, text, strlen(text), false, true, &ids, &n_ids));
    assert_int_equal(n_ids, n);
    assert_memory_equal(ids, expected, sizeof *ids * (size_t)n);
    free(ids);
}

/* White space behind special tokens goes where llama.cpp takes it away, by the model's name. */
static void phi3_strips_by_name(void **state)
{
    (void)state;
    static const char *const names[] = {"Phi 2", "My Phi-3 mini", "phi3"};
    static struct small_vocab vocab;
    small_bpe(&vocab, "gpt-2");
    int32_t s = small_add(&vocab, "<s>", 0, PLMR_TOKEN_CONTROL),
            user = small_add(&vocab, "<|user|>", 0, PLMR_TOKEN_USER_DEFINED);
    const int32_t a = 'a', newline = '\n'; /* bytes are their own ids */
    for (int i = 0; i < 3; i++) {
        struct gguf_builder b = build_vocab(&vocab.spec, &(struct changes){.name = names[i]});
        plmr_tokenizer *t;
        must(read_bytes(b.bytes, b.n, &t));
        if (i == 0)
            expect_ids(t, "<|user|>\na", 3, (int32_t[]){user, newline, a});
        else
            expect_ids(t, "<|user|>\n \t\u2028a\n<|user|>\n", 4, (int32_t[]){user, a, newline, user});
        expect_ids(t, "<s>\na", 3, (int32_t[]){s, newline, a});
        plmr_tokenizer_destroy(t);
        free(b.bytes);
    }
}

static void expect_refused(struct changes changes, const char *error)
{
    static struct small_vocab vocab;
    small_spm(&vocab);
    struct gguf_builder b = build_vocab(&vocab.spec, &changes);
    plmr_tokenizer *tokenizer;
    must_fail(read_bytes(b.bytes, b.n, &tokenizer), PLMR_ERROR_INPUT, error);
    free(b.bytes);
}

#define OR_IDS "; use another model, or give token ids instead of text"

static void wrong_vocabularies(void **state)
{
    (void)state;
    expect_refused((struct changes){.without = "model"},
                   "my.gguf: has no tokenizer; name a GGUF file with a vocabulary, or give token ids instead of text");
    expect_refused((struct changes){.without = "model", .key = "model", .text = "no_vocab"},
                   "my.gguf: has no vocabulary (no_vocab); name a GGUF file with a vocabulary, or give token ids");
    expect_refused((struct changes){.without = "model", .key = "model", .text = "bert\033"},
                   "my.gguf: the tokenizer \"bert?\" is unknown; plmr has llama, gpt2, t5 and no_vocab" OR_IDS);
    expect_refused((struct changes){.without = "model", .key = "model", .value = 1},
                   "my.gguf: key 'tokenizer.ggml.model' is uint32, expected a string;");
    expect_refused((struct changes){.without = "tokens"},
                   "my.gguf: the vocabulary has 0 tokens, expected 1 to 4194304" OR_IDS);
    expect_refused((struct changes){.without = "tokens", .key = "tokens", .text = "a"},
                   "my.gguf: key 'tokenizer.ggml.tokens' is string, expected an array of strings;");
    expect_refused((struct changes){.without = "scores"}, "tokens, but 0 scores" OR_IDS);
    expect_refused((struct changes){.n_fewer = 1}, "tokens, but 314 token types" OR_IDS);
    expect_refused((struct changes){.without = "eos_token_id", .key = "eos_token_id", .value = 400},
                   "my.gguf: the vocabulary's eos token 400 is out of range: 0 to 314" OR_IDS);
    expect_refused((struct changes){.key = "eot_token_id", .text = "2"},
                   "my.gguf: key 'tokenizer.ggml.eot_token_id' is string, expected an integer;");
    expect_refused((struct changes){.key = "precompiled_charsmap", .value = 1},
                   "my.gguf: key 'tokenizer.ggml.precompiled_charsmap' is uint32, expected an array of");
    expect_refused((struct changes){.key = "add_bos_token", .value = 1},
                   "my.gguf: key 'tokenizer.ggml.add_bos_token' is uint32, expected a boolean;");
    expect_refused((struct changes){.without = "bos_token_id", .key = "add_bos_token", .truth = "\1"},
                   "my.gguf: the vocabulary wants a bos token in front of texts, but has none" OR_IDS);
}

/* A tokenizer that works, or one line. */
static void expect_read_or_refused(const unsigned char *bytes, size_t n)
{
    plmr_tokenizer *tokenizer;
    int32_t *ids;
    int n_ids;
    plmr_status status = read_bytes(bytes, n, &tokenizer);
    if (!status) {
        status = plmr_tokenizer_encode(tokenizer, texts[1], strlen(texts[1]), true, true, &ids, &n_ids);
        if (!status)
            free(ids);
        plmr_tokenizer_destroy(tokenizer);
    }
    for (const char *at = plmr_error_text(status); *at; at++)
        assert_in_range(*at, ' ', '~');
    plmr_error_free(status);
}

/* Cut anywhere; one bit in a byte flipped; eight bytes in a row set, as counts and lengths are. */
static void wrong_bytes(const plmr_vocab_spec *spec)
{
    uint32_t random = 1;
    unsigned char was[8];
    struct gguf_builder b = build_vocab(spec, &(struct changes){0});
    for (size_t i = 0; i < b.n; i++)
        expect_read_or_refused(b.bytes, i);
    for (size_t i = 8; i + 8 <= b.n; i++) {
        unsigned char bit = (unsigned char)(1 << test_random(&random) % 8);
        b.bytes[i] ^= bit;
        expect_read_or_refused(b.bytes, b.n);
        b.bytes[i] ^= bit;
        memcpy(was, b.bytes + i, 8);
        memset(b.bytes + i, i % 2 ? 0xff : 0, 8);
        expect_read_or_refused(b.bytes, b.n);
        memcpy(b.bytes + i, was, 8);
    }
    free(b.bytes);
}

static void any_wrong_byte_is_survived(void **state)
{
    (void)state;
    static struct small_vocab vocab;
    small_spm(&vocab);
    wrong_bytes(&vocab.spec);
    small_bpe(&vocab, "llama-bpe");
    wrong_bytes(&vocab.spec);
}

static void expect_none(const char *name, const char *error)
{
    plmr_model *model;
    plmr_tokenizer *tokenizer;
    must(plmr_model_open(name, &model));
    must_fail(plmr_tokenizer_open(model, &tokenizer), PLMR_ERROR_INPUT, error);
    plmr_model_close(model);
}

static void models_without_text(void **state)
{
    (void)state;
    char path[4096], kind[8];
    plmr_model *model;
    expect_none("llama3-8b", "llama3-8b: is a shape without weights, so it has no tokenizer; name a GGUF file with a "
                             "vocabulary, or give token ids instead of text");
    snprintf(path, sizeof path, "%s/llama_gqa_f32.gguf", data_folder);
    expect_none(path, "llama_gqa_f32.gguf: has no vocabulary (no_vocab); name a GGUF file");
    must(plmr_model_open(path, &model));
    assert_false(plmr_tokenizer_kind(plmr_model_gguf(model), kind, sizeof kind));
    plmr_model_close(model);
}

static void the_demo_model(void **state)
{
    (void)state;
    char kind[8];
    plmr_model *model;
    plmr_tokenizer *tokenizer;
    must(plmr_model_open(PLMR_MODEL_DEMO, &model));
    assert_string_equal(plmr_model_shape_of(model)->name, PLMR_MODEL_DEMO);
    assert_true(plmr_tokenizer_kind(plmr_model_gguf(model), kind, sizeof kind));
    assert_string_equal(kind, "llama");
    must(plmr_tokenizer_open(model, &tokenizer));
    assert_int_equal(plmr_tokenizer_n_tokens(tokenizer), plmr_model_shape_of(model)->n_vocab);
    plmr_model_close(model);
    static const char story[] = "Once upon a time there was a cat.";
    int32_t *ids;
    int n_ids;
    char *back;
    size_t n_back;
    must(plmr_tokenizer_encode(tokenizer, story, strlen(story), true, true, &ids, &n_ids));
    assert_true(n_ids > 2 && n_ids < 20 && ids[0] == plmr_tokenizer_bos(tokenizer));
    must(plmr_tokenizer_decode_all(tokenizer, ids, n_ids, &back, &n_back));
    assert_string_equal(back, story);
    free(ids);
    free(back);
    plmr_tokenizer_destroy(tokenizer);
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    data_folder = argv[1];
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vocabularies_of_files),
        cmocka_unit_test(options_of_files),
        cmocka_unit_test(phi3_strips_by_name),
        cmocka_unit_test(wrong_vocabularies),
        cmocka_unit_test(any_wrong_byte_is_survived),
        cmocka_unit_test(models_without_text),
        cmocka_unit_test(the_demo_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
