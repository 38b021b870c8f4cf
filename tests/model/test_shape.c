/* Models: their shapes from GGUF and JSON, their weights, and what is refused. */
#include "tests/support.h"

#include "base/share.h"
#include "model/shape.h"
#include "tests/model/gguf_builder.h"

#include <math.h>
#include <unistd.h>

static const char *data_folder;

static plmr_model *open_oracle(const char *name)
{
    char path[4096];
    plmr_model *model;
    snprintf(path, sizeof path, "%s/%s.gguf", data_folder, name);
    must(plmr_model_open(path, &model));
    assert_string_equal(plmr_model_shape_of(model)->name, path);
    return model;
}

/* --- shapes of files ------------------------------------------------------------------------------------------------
 */

static void shape_of_a_llama(void **state)
{
    (void)state;
    plmr_model *model = open_oracle("llama_gqa_f32");
    const plmr_model_shape *shape = plmr_model_shape_of(model);
    assert_string_equal(shape->title, "random-llama");
    assert_true(shape->arch == &plmr_arch_llama && shape->rope_pairs == PLMR_ROPE_NEIGHBOURS &&
                shape->dtype == PLMR_F32);
    assert_true(shape->n_layers == 3 && shape->dim == 128 && shape->n_heads == 8 && shape->n_kv_heads == 2);
    assert_true(shape->head_dim == 16 && shape->rope_dim == 16 && shape->n_ffn == 344 && shape->n_vocab == 512);
    assert_true(shape->n_context == 512 && shape->rope_base == 500000 && shape->rms_eps == 1e-5f);
    assert_true(!shape->has_rope_factors && !shape->has_qkv_biases && !shape->has_tied_embeddings);
    /* 2 x 512 x 128 + 128 + 3 x (2 x 128 + 2 x 128 x 128 + 2 x 32 x 128 + 3 x 344 x 128) */
    assert_int_equal(shape->n_parameters, 131200 + 3 * 173312);
    assert_int_equal(shape->n_bytes, 4 * shape->n_parameters);
    assert_non_null(plmr_model_gguf(model));
    plmr_model_close(model);
    plmr_model_close(NULL);
}

static void shapes_of_others(void **state)
{
    (void)state;
    plmr_model *model = open_oracle("llama_ropefreqs_tied_f32");
    const plmr_model_shape *shape = plmr_model_shape_of(model);
    assert_true(shape->has_rope_factors && shape->has_tied_embeddings && shape->n_kv_heads == 1);
    plmr_model_close(model);
    model = open_oracle("qwen2_gqa_bf16");
    shape = plmr_model_shape_of(model);
    assert_true(shape->arch == &plmr_arch_qwen2 && shape->rope_pairs == PLMR_ROPE_HALVES && shape->has_qkv_biases);
    assert_true(shape->dtype == PLMR_BF16 && !shape->has_tied_embeddings);
    assert_int_equal(plmr_model_weight_dtype(model, PLMR_Q, 1), PLMR_BF16);
    assert_int_equal(plmr_model_weight_dtype(model, PLMR_Q_BIAS, 1), PLMR_F32);
    plmr_model_close(model);
    model = open_oracle("qwen2_odd_f32");
    shape = plmr_model_shape_of(model);
    assert_true(shape->head_dim == 24 && shape->n_heads == 5 && shape->n_vocab == 257 && shape->has_tied_embeddings);
    plmr_model_close(model);
    model = open_oracle("llama_mha_f16");
    assert_int_equal(plmr_model_shape_of(model)->dtype, PLMR_F16);
    plmr_model_close(model);
}

/* --- shapes without weights -----------------------------------------------------------------------------------------
 */

static void every_shipped_model(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int64_t n_parameters; /* as published with the model, to the last one */
    } shipped[] = {{"codellama-34b", 33743970304}, {"demo", 906240},
                   {"demo-moe", 1470240},          {"gemma2-9b", 9241705984},
                   {"gpt-oss-120b", 116829156672}, {"gpt-oss-20b", 20914757184},
                   {"llama2-13b", 13015864320},    {"llama3-70b", 70553706496},
                   {"llama3-8b", 8030261248},      {"mistral-7b", 7241732096},
                   {"mixtral-8x7b", 46702792704},  {"phi3-mini", 3821079552},
                   {"qwen2-0.5b", 494032768},      {"qwen2-72b", 72706203648},
                   {"qwen3-0.6b", 596049920},      {"qwen3-1.7b", 1720574976},
                   {"qwen3-14b", 14768307200},     {"qwen3-235b-a22b", 235093634560},
                   {"qwen3-30b-a3b", 30532122624}, {"qwen3-32b", 32762123264},
                   {"qwen3-4b", 4022468096},       {"qwen3-8b", 8190735360},
                   {"tinyllama-1.1b", 1100048384}};
    int n;
    char **names;
    must(plmr_model_names(&names, &n));
    assert_int_equal(n, sizeof shipped / sizeof *shipped);
    for (int i = 0; i < n; i++) {
        plmr_model *model;
        assert_string_equal(names[i], shipped[i].name);
        must(plmr_model_open(names[i], &model));
        const plmr_model_shape *shape = plmr_model_shape_of(model);
        assert_string_equal(shape->name, names[i]);
        assert_true(strlen(shape->title) > 0 && shape->dtype == PLMR_F16);
        assert_true(shape->n_parameters == shipped[i].n_parameters);
        assert_true(shape->n_bytes > 2 * shape->n_parameters &&
                    (double)shape->n_bytes < 2.01 * (double)shape->n_parameters);
        assert_int_equal(plmr_model_gguf(model) != NULL,
                         strncmp(names[i], PLMR_MODEL_DEMO, strlen(PLMR_MODEL_DEMO)) == 0);
        plmr_model_close(model);
    }
    free(names);
}

enum { TEXT_SIZE = 4096 };

/* qwen2-0.5b's file: one key a line, from "name" on line 2 to "tied" on line 15. */
static void read_qwen(char text[TEXT_SIZE])
{
    test_shared_text("models/qwen2-0.5b.json", text, TEXT_SIZE);
}

static void expect_json_refused(const char *from, const char *to, const char *error)
{
    char text[TEXT_SIZE];
    plmr_model *model;
    read_qwen(text);
    test_replace(text, TEXT_SIZE, from, to);
    plmr_status status = plmr_model_parse_json(text, "my.json", &model);
    assert_non_null(status);
    assert_string_equal(plmr_error_text(status), error);
    plmr_error_free(status);
}

static void wrong_json(void **state)
{
    (void)state;
    expect_json_refused("\"layers\"", "\"layer\"", "my.json:6: layer: is an unknown key, did you mean \"layers\"?");
    expect_json_refused("\"layers\"", "\"\\u001b[m\"", "my.json:6: ?[m: is an unknown key");
    expect_json_refused("  \"layers\": 24,\n", "",
                        "my.json:1: layers: is missing, expected a whole number (1 to 4096)");
    expect_json_refused(": 24", ": \"24\"", "my.json:6: layers: is a string, expected a whole number (1 to 4096)");
    expect_json_refused(": 24", ": 24.0", "my.json:6: layers: is no whole number, expected a whole number (1 to 4096)");
    expect_json_refused(": 24", ": 0", "my.json:6: layers: 0 is out of range, expected a whole number (1 to 4096)");
    expect_json_refused(": 24", ": 4097",
                        "my.json:6: layers: 4097 is out of range, expected a whole number (1 to 4096)");
    expect_json_refused(": 24", ": 99999999999999999999",
                        "my.json:6: not valid JSON: too big integer near '99999999999999999999'");
    expect_json_refused(
        "\"qwen2\"", "\"mamba\"",
        "my.json:5: architecture: \"mamba\" is unknown, expected "
        "llama, qwen2, qwen3, gemma2, gemma3, phi3, granite, olmo2, smollm3, qwen2moe, qwen3moe, gpt-oss or mistral3");
    expect_json_refused("1e-6", "0", "my.json:13: rms_eps: 0 is out of range, expected a number (1e-12 to 0.1)");
    expect_json_refused("1e-6", "null", "my.json:13: rms_eps: is null, expected a number (1e-12 to 0.1)");
    expect_json_refused("true", "1", "my.json:15: tied: is a number, expected true or false");
    expect_json_refused("\"Qwen2 0.5B\"", "\"\"", "my.json:3: title: is 0 bytes long, expected text of 1 to 159 bytes");
    expect_json_refused("\"heads\": 14", "\"heads\": 15",
                        "my.json: 15 heads cannot share 2 key-value heads evenly; correct one of them");
    expect_json_refused("\"dim\": 896", "\"dim\": 897",
                        "my.json: a dimension of 897 is no multiple of 14 heads; correct one of them, or give the size "
                        "of a head");
    expect_json_refused("\"dim\": 896", "\"dim\": 70",
                        "my.json: a head of 5 elements has no pairs to rotate; its size must be even");
    expect_json_refused("\"tied\"", "\"dim\"", "my.json:15: not valid JSON: duplicate object key near '\"dim\"'");
    plmr_model *model;
    must_fail(plmr_model_parse_json("[]", "my.json", &model), PLMR_ERROR_INPUT,
              "my.json:1: is an array, expected an object");
    must_fail(plmr_model_parse_json("", "my.json", &model), PLMR_ERROR_INPUT, "my.json:1: not valid JSON: ");
    must_fail(plmr_model_parse_json("{\"a\": \"\\u0000\"}", "my.json", &model), PLMR_ERROR_INPUT,
              "my.json:1: not valid JSON: a text with a zero byte (\\u0000) in it");
}

static void optional_json(void **state)
{
    (void)state;
    char text[TEXT_SIZE];
    plmr_model *model;
    read_qwen(text);
    test_replace(text, TEXT_SIZE, "  \"kv_heads\": 2,\n", "  \"head_dim\": 32,\n");
    test_replace(text, TEXT_SIZE, "  \"name\": \"qwen2-0.5b\",\n", "");
    must(plmr_model_parse_json(text, "my.json", &model));
    const plmr_model_shape *shape = plmr_model_shape_of(model);
    assert_true(shape->n_kv_heads == 14 && shape->head_dim == 32 && shape->rope_dim == 32);
    assert_string_equal(shape->name, "my.json");
    plmr_model_close(model);
}

static void names_and_files(void **state)
{
    (void)state;
    plmr_model *model;
    must_fail(
        plmr_model_open("llama3-8", &model), PLMR_ERROR_INPUT,
        "unknown model 'llama3-8': did you mean 'llama3-8b'? (available: codellama-34b, demo, demo-moe, gemma2-9b, "
        "gpt-oss-120b, "
        "gpt-oss-20b, llama2-13b, llama3-70b, llama3-8b, mistral-7b, mixtral-8x7b, phi3-mini, qwen2-0.5b, qwen2-72b, "
        "qwen3-0.6b, qwen3-1.7b, qwen3-14b, qwen3-235b-a22b, qwen3-30b-a3b, qwen3-32b, qwen3-4b, qwen3-8b, "
        "tinyllama-1.1b; or the "
        "path of a GGUF or JSON file)");
    must_fail(plmr_model_open("", &model), PLMR_ERROR_INPUT, "unknown model '' (available: ");
    must_fail(plmr_model_open("none.gguf", &model), PLMR_ERROR_INPUT, "none.gguf: cannot open: No such file");
    must_fail(plmr_model_open("none.json", &model), PLMR_ERROR_FILE, "none.json: cannot open: No such file");
    must_fail(plmr_model_open("/", &model), PLMR_ERROR_FILE, "/config.json: cannot open");
    char folder[] = "/tmp/plmr-shape-XXXXXX", path[64], text[TEXT_SIZE];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/mine.json", folder);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    read_qwen(text);
    fwrite(text, 1, strlen(text), file);
    fclose(file);
    must(plmr_model_open(path, &model));
    assert_string_equal(plmr_model_shape_of(model)->name, path);
    plmr_model_close(model);
    assert_int_equal(truncate(path, 1 << 21), 0);
    must_fail(plmr_model_open(path, &model), PLMR_ERROR_INPUT,
              "mine.json: is larger than 1 MiB, too large for a shape");
    assert_int_equal(truncate(path, 1000), 0);
    must_fail(plmr_model_open(path, &model), PLMR_ERROR_INPUT, "mine.json: holds a 0 byte, so it is not JSON");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0);
}

/* --- weights --------------------------------------------------------------------------------------------------------
 */

static void sizes_of_weights(void **state)
{
    (void)state;
    plmr_model *model;
    must(plmr_model_open("llama3-8b", &model));
    const plmr_model_shape *shape = plmr_model_shape_of(model);
    for (int i = 0; i < PLMR_N_WEIGHTS; i++) {
        enum plmr_weight which = (enum plmr_weight)i;
        int64_t rows, cols;
        plmr_source source;
        plmr_weight_size(shape, which, &rows, &cols);
        if (!plmr_weight_exists(shape, which))
            continue;
        plmr_model_weight(model, which, 31, &source);
        assert_true(source.rows == rows && source.cols == cols);
        assert_int_equal(plmr_weight_is_layered(which), i >= PLMR_ATTN_NORM);
        plmr_model_weight_forget(model, which, 31);
    }
    int64_t rows, cols;
    plmr_weight_size(shape, PLMR_K, &rows, &cols);
    assert_true(rows == 1024 && cols == 4096);
    plmr_model_close(model);
}

static void weights_of_a_file(void **state)
{
    (void)state;
    plmr_model *model = open_oracle("llama_ropefreqs_tied_f32");
    float values[16], direct[16];
    plmr_source source;
    plmr_model_weight(model, PLMR_DOWN, 1, &source);
    must(source.get(&source, 7, 100, 1, 16, values, 16));
    const plmr_gguf_tensor *tensor = plmr_gguf_find(plmr_model_gguf(model), "blk.1.ffn_down.weight");
    memcpy(direct, tensor->data + (7 * 300 + 100) * sizeof(float), sizeof direct);
    assert_memory_equal(values, direct, sizeof values);
    plmr_model_weight(model, PLMR_EMBEDDING, 0, &source);
    must(source.get(&source, 299, 0, 1, 16, values, 16));
    plmr_model_weight(model, PLMR_OUTPUT, 0, &source);
    assert_true(source.rows == 300 && source.cols == 112);
    must(source.get(&source, 299, 0, 1, 16, direct, 16));
    assert_memory_equal(values, direct, sizeof values);
    assert_int_equal(plmr_model_weight_dtype(model, PLMR_OUTPUT, 0), PLMR_F32);
    plmr_model_weight(model, PLMR_ROPE_FACTORS, 0, &source);
    must(source.get(&source, 0, 0, 1, 8, values, 16));
    assert_true(values[0] == 1 && values[7] > 1);
    plmr_model_weight_forget(model, PLMR_OUTPUT, 0);
    plmr_model_close(model);
}

/* Mean and variance of a piece of a made-up weight. */
static void moments(const plmr_model *model, enum plmr_weight which, int layer, double *mean, double *variance)
{
    static float values[64][512];
    plmr_source source;
    plmr_model_weight(model, which, layer, &source);
    int n_rows = source.rows < 64 ? (int)source.rows : 64, n_cols = source.cols < 512 ? (int)source.cols : 512;
    must(source.get(&source, 0, 0, n_rows, n_cols, values[0], 512));
    double sum = 0, squares = 0;
    for (int r = 0; r < n_rows; r++)
        for (int c = 0; c < n_cols; c++) {
            sum += values[r][c];
            squares += (double)values[r][c] * values[r][c];
        }
    *mean = sum / (n_rows * n_cols);
    *variance = squares / (n_rows * n_cols) - *mean * *mean;
}

static void made_up_weights(void **state)
{
    (void)state;
    plmr_model *model;
    double mean, variance;
    must(plmr_model_open("qwen2-0.5b", &model));
    moments(model, PLMR_DOWN, 3, &mean, &variance);
    assert_true(fabs(mean) < 3e-4 && fabs(variance * 4864 - 1) < 0.03);
    moments(model, PLMR_UP, 3, &mean, &variance);
    assert_true(fabs(mean) < 1e-3 && fabs(variance * 896 - 1) < 0.03);
    moments(model, PLMR_Q_BIAS, 3, &mean, &variance);
    assert_true(fabs(variance * 896 - 1) < 0.3);
    moments(model, PLMR_FFN_NORM, 3, &mean, &variance);
    assert_true(mean == 1 && variance == 0);
    assert_int_equal(plmr_model_weight_dtype(model, PLMR_FFN_NORM, 3), PLMR_F32);
    assert_int_equal(plmr_model_weight_dtype(model, PLMR_OUTPUT, 0), PLMR_F16);
    plmr_model_close(model);
}

/* However it is cut up. */
static void made_up_weights_are_the_same_everywhere(void **state)
{
    (void)state;
    static float whole[40][300], part[7][11];
    plmr_model *model;
    plmr_source source;
    must(plmr_model_open("qwen2-0.5b", &model));
    plmr_model_weight(model, PLMR_GATE, 2, &source);
    must(source.get(&source, 3, 5, 40, 300, whole[0], 300));
    must(source.get(&source, 3 + 20, 5 + 33, 7, 11, part[0], 11));
    for (int r = 0; r < 7; r++)
        assert_memory_equal(part[r], whole[20 + r] + 33, sizeof part[r]);
    float other[4], another[4];
    plmr_model_weight(model, PLMR_GATE, 3, &source);
    must(source.get(&source, 3, 5, 1, 4, other, 4));
    plmr_model_weight(model, PLMR_UP, 2, &source);
    must(source.get(&source, 3, 5, 1, 4, another, 4));
    assert_memory_not_equal(other, whole[0], sizeof other);
    assert_memory_not_equal(another, whole[0], sizeof another);
    plmr_model_close(model);
}

/* --- wrong GGUF models ----------------------------------------------------------------------------------------------
 */

/* A llama of one layer: dim 8, 2 heads on 1, ffn 12, 5 tokens; the keys that a test asks for beside or in place of
 * these. */
struct tiny {
    const char *arch, *without; /* a key, or a tensor, that is left out */
    const char *key;            /* one more key, u32; f32 or string if one of the next two is set */
    uint32_t value;
    float real;
    const char *text;
    const char *tensor; /* one more tensor, a vector of `n` */
    uint64_t n;
    uint32_t ffn;      /* in the keys; 0 for 12 */
    const char *each;  /* the value of `key`: a digit for each layer, as many as the model has */
    const char *truth; /* the value of `key`: a byte */
};

static bool is_left_out(const struct tiny *tiny, const char *name)
{
    return tiny->without && strcmp(tiny->without, name) == 0;
}

static void tiny_key(struct gguf_builder *b, const struct tiny *tiny, const char *name, uint32_t value, uint64_t *n)
{
    char key[64];
    snprintf(key, sizeof key, "%s.%s", tiny->arch, name);
    if (is_left_out(tiny, name))
        return;
    build_key_u32(b, key, value);
    ++*n;
}

static void tiny_keys(struct gguf_builder *b, const struct tiny *tiny, uint64_t *n)
{
    char key[64];
    build_key_text(b, "general.architecture", tiny->arch);
    snprintf(key, sizeof key, "%s.attention.layer_norm_rms_epsilon", tiny->arch);
    build_key_f32(b, key, 1e-5f);
    *n = 2;
    tiny_key(b, tiny, "block_count", tiny->each ? (uint32_t)strlen(tiny->each) : 1, n);
    tiny_key(b, tiny, "embedding_length", 8, n);
    tiny_key(b, tiny, "feed_forward_length", tiny->ffn ? tiny->ffn : 12, n);
    tiny_key(b, tiny, "attention.head_count", 2, n);
    tiny_key(b, tiny, "attention.head_count_kv", 1, n);
    tiny_key(b, tiny, "context_length", 64, n);
    if (!tiny->key)
        return;
    ++*n;
    if (tiny->each) {
        build_key_array(b, tiny->key, GGUF_U8, strlen(tiny->each));
        for (const char *c = tiny->each; *c; c++)
            build_bytes(b, &(char){(char)(*c - '0')}, 1);
    } else if (tiny->truth)
        build_key(b, tiny->key, GGUF_BOOL, tiny->truth, 1);
    else if (tiny->text)
        build_key_text(b, tiny->key, tiny->text);
    else if (tiny->real != 0)
        build_key_f32(b, tiny->key, tiny->real);
    else
        build_key_u32(b, tiny->key, tiny->value);
}

static void tiny_tensor(struct gguf_builder *b, const struct tiny *tiny, const char *name, uint64_t cols, uint64_t rows,
                        uint64_t *n, uint64_t *offset)
{
    if (is_left_out(tiny, name))
        return;
    build_tensor(b, name, cols, rows, TENSOR_F32, *offset);
    *offset += (cols * (rows ? rows : 1) * 4 + 31) / 32 * 32;
    ++*n;
}

static void build_tiny(struct gguf_builder *b, const struct tiny *tiny)
{
    uint64_t n_keys, n = 0, offset = 0;
    build_start(b, 3, 0, 0);
    tiny_keys(b, tiny, &n_keys);
    tiny_tensor(b, tiny, "token_embd.weight", 8, 5, &n, &offset);
    tiny_tensor(b, tiny, "output_norm.weight", 8, 0, &n, &offset);
    tiny_tensor(b, tiny, "output.weight", 8, 5, &n, &offset);
    tiny_tensor(b, tiny, "blk.0.attn_norm.weight", 8, 0, &n, &offset);
    tiny_tensor(b, tiny, "blk.0.attn_q.weight", 8, 8, &n, &offset);
    tiny_tensor(b, tiny, "blk.0.attn_k.weight", 8, 4, &n, &offset);
    tiny_tensor(b, tiny, "blk.0.attn_v.weight", 8, 4, &n, &offset);
    tiny_tensor(b, tiny, "blk.0.attn_output.weight", 8, 8, &n, &offset);
    tiny_tensor(b, tiny, "blk.0.ffn_norm.weight", 8, 0, &n, &offset);
    tiny_tensor(b, tiny, "blk.0.ffn_gate.weight", 8, 12, &n, &offset);
    tiny_tensor(b, tiny, "blk.0.ffn_up.weight", 8, 12, &n, &offset);
    tiny_tensor(b, tiny, "blk.0.ffn_down.weight", 12, 8, &n, &offset);
    if (tiny->tensor)
        tiny_tensor(b, tiny, tiny->tensor, tiny->n, 0, &n, &offset);
    build_align(b, 32);
    build_zeros(b, offset);
    memcpy(b->bytes + 8, &n, 8);
    memcpy(b->bytes + 16, &n_keys, 8);
}

static plmr_model *parse_tiny(struct gguf_builder *b, struct tiny tiny)
{
    plmr_model *model;
    build_tiny(b, &tiny);
    must(plmr_model_parse_gguf(b->bytes, b->n, "my.gguf", &model));
    return model;
}

static void expect_tiny_refused(struct tiny tiny, const char *error)
{
    struct gguf_builder b = {0};
    plmr_model *model;
    build_tiny(&b, &tiny);
    plmr_status status = plmr_model_parse_gguf(b.bytes, b.n, "my.gguf", &model);
    assert_non_null(status);
    assert_string_equal(plmr_error_text(status), error);
    plmr_error_free(status);
    free(b.bytes);
}

static void what_files_leave_out(void **state)
{
    (void)state;
    struct gguf_builder b = {0};
    plmr_model *model = parse_tiny(&b, (struct tiny){.arch = "llama"});
    const plmr_model_shape *shape = plmr_model_shape_of(model);
    assert_true(shape->n_vocab == 5 && shape->rope_base == 10000 && shape->rope_dim == 4 && shape->head_dim == 4);
    assert_true(shape->title[0] == '\0' && !shape->has_tied_embeddings && shape->n_context == 64);
    assert_int_equal(shape->n_parameters, 5 * 8 * 2 + 3 * 8 + 2 * 64 + 2 * 32 + 3 * 96);
    plmr_model_close(model);
    model = parse_tiny(&b, (struct tiny){.arch = "llama", .without = "output.weight"});
    assert_true(plmr_model_shape_of(model)->has_tied_embeddings);
    assert_int_equal(plmr_model_shape_of(model)->n_parameters, 5 * 8 + 3 * 8 + 2 * 64 + 2 * 32 + 3 * 96);
    plmr_model_close(model);
    model = parse_tiny(&b, (struct tiny){.arch = "llama", .key = "llama.attention.sliding_window", .value = 64});
    assert_int_equal(plmr_model_shape_of(model)->n_context, 64);
    plmr_model_close(model);
    model = parse_tiny(&b, (struct tiny){.arch = "llama", .key = "llama.attention.sliding_window", .value = 16});
    assert_int_equal(plmr_model_shape_of(model)->n_context, 16); /* so far a window makes no difference */
    assert_int_equal(plmr_model_shape_of(model)->window, 0);
    plmr_model_close(model);
    model = parse_tiny(&b, (struct tiny){.arch = "llama", .key = "llama.plmr.window", .value = 16});
    assert_int_equal(plmr_model_shape_of(model)->n_context, 64);
    assert_int_equal(plmr_shape_seen(plmr_model_shape_of(model), 0, 17), 16);
    plmr_model_close(model);
    model = parse_tiny(&b, (struct tiny){.arch = "llama", .key = "llama.attention.scale", .real = 2});
    assert_true(plmr_model_shape_of(model)->attention_scale == 0.5f);
    plmr_model_close(model);
    model = parse_tiny(&b, (struct tiny){.arch = "llama", .key = "llama.rope.scaling.type", .text = "none"});
    plmr_model_close(model);
    free(b.bytes);
}

/* What architectures have keys of their own for, and what they are without them. */
static void numbers_of_architectures(void **state)
{
    (void)state;
    struct gguf_builder b = {0};
    plmr_model *model = parse_tiny(&b, (struct tiny){.arch = "llama", .key = "llama.rope.scale_linear", .real = 4});
    const plmr_model_shape *shape = plmr_model_shape_of(model);
    assert_true(shape->scaling.factor == 4 && !shape->scaling.is_yarn && shape->attention_scale == 0.5f);
    plmr_model_close(model);
    model = parse_tiny(&b, (struct tiny){.arch = "granite", .key = "granite.logit_scale", .real = 8});
    shape = plmr_model_shape_of(model);
    assert_true(shape->logit_scale == 8 && shape->residual_scale == 1 && shape->embedding_scale == 1);
    assert_true(shape->window == 0 && plmr_shape_period(shape) == 1 && plmr_shape_turns(shape, 3));
    plmr_model_close(model);
    model = parse_tiny(&b, (struct tiny){.arch = "granite", .key = "granite.logit_scale", .real = 1e-6f});
    plmr_model_close(model); /* the least, though in a float it is less */
    model = parse_tiny(&b, (struct tiny){.arch = "smollm3"});
    shape = plmr_model_shape_of(model);
    assert_true(plmr_shape_period(shape) == 4 && plmr_shape_turns(shape, 2) && !plmr_shape_turns(shape, 3));
    plmr_model_close(model);
    free(b.bytes);
    expect_tiny_refused(
        (struct tiny){.arch = "granite"},
        "my.gguf: lacks the key 'granite.logit_scale'; convert the model again with a current converter");
}

/* What is given for each layer; `infer/oracle/olmo2_f32` has windows by an array. */
static void numbers_of_each_layer(void **state)
{
    (void)state;
    struct gguf_builder b = {0};
    plmr_model *model = parse_tiny(&b, (struct tiny){.arch = "llama", .key = "llama.vocab_size", .each = "5"});
    plmr_model_close(model);
    free(b.bytes);
    expect_tiny_refused(
        (struct tiny){.arch = "gpt-oss", .key = "gpt-oss.attention.sliding_window_pattern", .each = "1011"},
        "my.gguf: key 'gpt-oss.attention.sliding_window_pattern': layer 3 has a window, or has none, out of turn; plmr "
        "computes models in which each so-manieth layer has none");
    expect_tiny_refused((struct tiny){.arch = "llama", .key = "llama.expert_used_count", .each = "011"},
                        "my.gguf: key 'llama.expert_used_count' is 0 in layer 0 and 1 in layer 1; plmr computes layers "
                        "that are alike");
    expect_tiny_refused(
        (struct tiny){.arch = "llama", .without = "block_count", .key = "llama.block_count", .each = "12"},
        "my.gguf: key 'llama.block_count' is an array of uint8, expected an integer; convert the model again");
    expect_tiny_refused(
        (struct tiny){.arch = "granite", .key = "granite.expert_count", .each = "04"},
        "my.gguf: key 'granite.expert_count' is 0 in layer 0 and 4 in layer 1; plmr computes layers that "
        "are alike");
}

static void expect_tiny_taken(struct tiny tiny)
{
    struct gguf_builder b = {0};
    plmr_model_close(parse_tiny(&b, tiny));
    free(b.bytes);
}

/* Keys that say what is computed anyway, and those that say something else. */
static void what_is_computed_one_way(void **state)
{
    (void)state;
    expect_tiny_taken((struct tiny){.arch = "llama", .key = "llama.attention.causal", .truth = "\1"});
    expect_tiny_taken((struct tiny){.arch = "llama", .key = "llama.expert_group_count", .value = 1});
    expect_tiny_taken((struct tiny){.arch = "llama", .key = "llama.expert_gating_func", .value = 1});
    expect_tiny_taken((struct tiny){.arch = "llama", .key = "llama.expert_weights_norm", .truth = "\1"});
    expect_tiny_taken((struct tiny){.arch = "llama", .key = "general.type", .text = "model"});
    expect_tiny_refused((struct tiny){.arch = "llama", .key = "llama.attention.causal", .truth = "\0"},
                        "my.gguf: key 'llama.attention.causal' is 0; plmr computes models in which it is 1");
    expect_tiny_refused((struct tiny){.arch = "llama", .key = "llama.expert_group_count", .value = 2},
                        "my.gguf: key 'llama.expert_group_count' is 2; plmr computes models in which it is 1");
    expect_tiny_refused((struct tiny){.arch = "llama", .key = "llama.expert_gating_func", .value = 2},
                        "my.gguf: key 'llama.expert_gating_func' is 2; plmr computes models in which it is 1");
    expect_tiny_refused((struct tiny){.arch = "llama", .key = "llama.expert_weights_scale", .real = 2.5f},
                        "my.gguf: key 'llama.expert_weights_scale' is 2.5; plmr computes models in which it is 1");
    expect_tiny_refused((struct tiny){.arch = "llama", .key = "llama.expert_weights_norm", .truth = "\0"},
                        "my.gguf: key 'llama.expert_weights_norm' is 0; plmr computes llama models in which it is 1");
    expect_tiny_refused((struct tiny){.arch = "llama", .key = "general.type", .text = "adapter"},
                        "my.gguf: is of the type 'adapter', not a model; name the file of the model itself");
    expect_tiny_refused(
        (struct tiny){.arch = "llama", .without = "blk.0.attn_q.weight", .tensor = "blk.0.attn_qkv.weight", .n = 8},
        "my.gguf: has 'blk.0.attn_qkv.weight' where plmr's llama has 'blk.0.attn_q.weight' apart; "
        "convert the model again without a --fuse option");
}

static void what_plmr_does_not_compute(void **state)
{
    (void)state;
    expect_tiny_refused(
        (struct tiny){.arch = "gemma"},
        "my.gguf: has the architecture 'gemma'; plmr computes "
        "llama, qwen2, qwen3, gemma2, gemma3, phi3, granite, olmo2, smollm3, qwen2moe, qwen3moe, gpt-oss and mistral3");
    expect_tiny_refused((struct tiny){.arch = "llama", .key = "llama.expert_count", .value = 8},
                        "my.gguf: a token uses 0 of 8 experts; it must be 1 to 8 of them");
    expect_tiny_refused((struct tiny){.arch = "granite", .key = "granite.expert_count", .value = 8},
                        "my.gguf: has 8 experts a layer; plmr computes granite without any");
    expect_tiny_refused((struct tiny){.arch = "qwen3moe"},
                        "my.gguf: a qwen3moe without experts; give how many it has and how many of them a token uses");
    expect_tiny_refused((struct tiny){.arch = "llama", .key = "split.count", .value = 3},
                        "my.gguf: is one of the 3 parts of a split model; merge them into one file");
    expect_tiny_refused((struct tiny){.arch = "llama", .key = "llama.rope.scaling.type", .text = "su"},
                        "my.gguf: scales its rotary angles by 'su'; plmr computes none, linear, yarn and longrope");
    expect_tiny_refused((struct tiny){.arch = "llama", .key = "llama.rope.dimension_count", .value = 3},
                        "my.gguf: rotates 3 of the 4 elements of a head; it must be an even number of them");
    expect_tiny_refused((struct tiny){.arch = "llama", .key = "llama.rope.dimension_count", .value = 6},
                        "my.gguf: rotates 6 of the 4 elements of a head; it must be an even number of them");
    expect_tiny_refused((struct tiny){.arch = "llama", .key = "llama.attention.value_length", .value = 8},
                        "my.gguf: has values of 8 elements a head and keys of 4; plmr computes equal sizes only");
    expect_tiny_refused(
        (struct tiny){.arch = "llama", .tensor = "blk.0.attn_q_norm.weight", .n = 4},
        "my.gguf: has a tensor 'blk.0.attn_q_norm.weight' that plmr's llama does not use, so results would "
        "be wrong; use another model");
    expect_tiny_refused((struct tiny){.arch = "llama", .tensor = "rope_freqs.weight", .n = 2},
                        "my.gguf: tensor 'rope_freqs.weight' has a factor 0, expected positive ones; convert the model "
                        "again");
}

static void what_is_missing_or_wrong(void **state)
{
    (void)state;
    expect_tiny_refused((struct tiny){.arch = "llama", .without = "blk.0.attn_v.weight"},
                        "my.gguf: lacks the tensor 'blk.0.attn_v.weight'; copy, download or convert the model again");
    expect_tiny_refused((struct tiny){.arch = "llama", .without = "token_embd.weight"},
                        "my.gguf: lacks the tensor 'token_embd.weight'; name a file with a model's weights");
    expect_tiny_refused((struct tiny){.arch = "qwen2"},
                        "my.gguf: lacks the tensor 'blk.0.attn_q.bias'; copy, download or convert the model again");
    expect_tiny_refused((struct tiny){.arch = "llama", .tensor = "blk.0.attn_q.bias", .n = 8},
                        "my.gguf: lacks the tensor 'blk.0.attn_k.bias'; copy, download or convert the model again");
    expect_tiny_refused(
        (struct tiny){.arch = "llama", .ffn = 13},
        "my.gguf: tensor 'blk.0.ffn_gate.weight' is 12 x 8, its keys call for 13 x 8; convert the model "
        "again");
    expect_tiny_refused(
        (struct tiny){.arch = "llama", .key = "llama.vocab_size", .value = 6},
        "my.gguf: tensor 'token_embd.weight' is 5 x 8, its keys call for 6 x 8; convert the model again");
    expect_tiny_refused((struct tiny){.arch = "llama", .without = "block_count"},
                        "my.gguf: lacks the key 'llama.block_count'; convert the model again with a current converter");
    expect_tiny_refused(
        (struct tiny){.arch = "llama", .without = "attention.head_count_kv"},
        "my.gguf: tensor 'blk.0.attn_k.weight' is 4 x 8, its keys call for 8 x 8; convert the model again");
    expect_tiny_refused((struct tiny){.arch = "llama", .key = "llama.rope.freq_base", .real = -1},
                        "my.gguf: key 'llama.rope.freq_base' is -1; plmr takes 1 to 1e+12");
    expect_tiny_refused((struct tiny){.arch = "granite", .key = "granite.logit_scale", .real = 0.9e-6f},
                        "my.gguf: key 'granite.logit_scale' is 9e-07; plmr takes 1e-06 to 1e+06");
    expect_tiny_refused((struct tiny){.arch = "llama", .key = "plmr.end_ids", .each = "416"},
                        "my.gguf: ends texts with token 6, which is none of its own, 0 to 4; correct its eos_token_id");
}

/* Any bit of a real model's header flipped: a model, whose weights can be read, or one line. */
static void any_flipped_bit_is_survived(void **state)
{
    (void)state;
    enum { HEADER = 1811 };
    char path[4096];
    static unsigned char bytes[1 << 20];
    snprintf(path, sizeof path, "%s/llama_mha_f16.gguf", data_folder);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t n = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    for (size_t i = 0; i < HEADER * 8; i++) {
        plmr_model *model;
        bytes[i / 8] ^= (unsigned char)(1 << i % 8);
        plmr_status status = plmr_model_parse_gguf(bytes, n, "my.gguf", &model);
        bytes[i / 8] ^= (unsigned char)(1 << i % 8);
        if (status) {
            assert_true(strncmp(plmr_error_text(status), "my.gguf: ", 9) == 0 &&
                        !strchr(plmr_error_text(status), '\n'));
            plmr_error_free(status);
        } else {
            float value;
            plmr_source source;
            plmr_model_weight(model, PLMR_OUTPUT, 0, &source);
            must(source.get(&source, source.rows - 1, source.cols - 1, 1, 1, &value, 1));
            plmr_model_close(model);
        }
    }
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    data_folder = argv[1];
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shape_of_a_llama),
        cmocka_unit_test(shapes_of_others),
        cmocka_unit_test(every_shipped_model),
        cmocka_unit_test(wrong_json),
        cmocka_unit_test(optional_json),
        cmocka_unit_test(names_and_files),
        cmocka_unit_test(sizes_of_weights),
        cmocka_unit_test(weights_of_a_file),
        cmocka_unit_test(made_up_weights),
        cmocka_unit_test(made_up_weights_are_the_same_everywhere),
        cmocka_unit_test(what_files_leave_out),
        cmocka_unit_test(numbers_of_architectures),
        cmocka_unit_test(numbers_of_each_layer),
        cmocka_unit_test(what_is_computed_one_way),
        cmocka_unit_test(what_plmr_does_not_compute),
        cmocka_unit_test(what_is_missing_or_wrong),
        cmocka_unit_test(any_flipped_bit_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
