/* The GGUF reader: what it reads of good files, and that no file, however wrong, gets more out of it than one line. */
#include "tests/support.h"

#include "base/half.h"
#include "model/gguf.h"
#include "model/quant.h"
#include "tests/model/gguf_builder.h"

#include <sys/stat.h>
#include <unistd.h>

static const char *data_folder;

static plmr_gguf *open_oracle(const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s.gguf", data_folder, name);
    plmr_gguf *gguf;
    must(plmr_gguf_open(path, &gguf));
    assert_string_equal(plmr_gguf_path(gguf), path);
    return gguf;
}

/* --- good files -----------------------------------------------------------------------------------------------------
 */

static void keys_of_a_model(void **state)
{
    (void)state;
    plmr_gguf *gguf = open_oracle("llama_gqa_f32");
    int64_t n;
    double base;
    plmr_gguf_text text;
    must(plmr_gguf_get_int(gguf, "llama.embedding_length", 1, 1000, &n));
    assert_int_equal(n, 128);
    must(plmr_gguf_get_float(gguf, "llama.rope.freq_base", 1, 1e9, &base));
    assert_true(base == 500000);
    must(plmr_gguf_get_text(gguf, "general.architecture", &text));
    assert_true(plmr_gguf_text_is(text, "llama") && !plmr_gguf_text_is(text, "llam") &&
                !plmr_gguf_text_is(text, "llamas"));
    assert_true(plmr_gguf_has(gguf, "llama.block_count") && !plmr_gguf_has(gguf, "llama.block_coun"));
    must_fail(plmr_gguf_get_int(gguf, "llama.embedding_length", 1, 127, &n), PLMR_ERROR_INPUT,
              "gguf: key 'llama.embedding_length' is 128; plmr takes 1 to 127");
    must_fail(plmr_gguf_get_int(gguf, "llama.experts", 1, 127, &n), PLMR_ERROR_INPUT, "lacks the key 'llama.experts';");
    must_fail(plmr_gguf_get_int(gguf, "general.name", 1, 127, &n), PLMR_ERROR_INPUT,
              "key 'general.name' is string, expected an integer;");
    must_fail(plmr_gguf_get_text(gguf, "llama.block_count", &text), PLMR_ERROR_INPUT, "is uint32, expected a string;");
    plmr_gguf_close(gguf);
    plmr_gguf_close(NULL);
}

static void tensors_of_a_model(void **state)
{
    (void)state;
    plmr_gguf *gguf = open_oracle("qwen2_gqa_bf16");
    size_t n;
    const plmr_gguf_tensor *tensors = plmr_gguf_tensors(gguf, &n);
    assert_int_equal(n, 3 + 3 * 12);
    for (size_t i = 1; i < n; i++)
        assert_true(memcmp(tensors[i - 1].name.bytes, tensors[i].name.bytes, 4) <= 0);
    const plmr_gguf_tensor *down = plmr_gguf_find(gguf, "blk.2.ffn_down.weight");
    assert_non_null(down);
    assert_true(down->rows == 128 && down->cols == 352 && down->n_dims == 2 && down->ne[1] == 128 && down->ne[3] == 1);
    assert_string_equal(plmr_gguf_type_name(down), "BF16");
    assert_int_equal(plmr_gguf_dtype(down), PLMR_BF16);
    const plmr_gguf_tensor *bias = plmr_gguf_find(gguf, "blk.0.attn_k.bias");
    assert_true(bias->rows == 1 && bias->cols == 64 && plmr_gguf_dtype(bias) == PLMR_F32);
    assert_null(plmr_gguf_find(gguf, "blk.3.ffn_down.weight"));
    plmr_gguf_close(gguf);
}

static void forgotten_tensors_come_back(void **state)
{
    (void)state;
    plmr_gguf *gguf = open_oracle("llama_gqa_f32");
    const plmr_gguf_tensor *tensor = plmr_gguf_find(gguf, "token_embd.weight");
    float before[128], after[128];
    plmr_gguf_read(tensor, 100, 1, 0, 128, before, 128);
    plmr_gguf_forget(gguf, tensor);
    plmr_gguf_read(tensor, 100, 1, 0, 128, after, 128);
    assert_memory_equal(before, after, sizeof before);
    plmr_gguf_close(gguf);
}

/* One key of every type, arrays of three kinds. */
static void build_all_types(struct gguf_builder *b, uint32_t version)
{
    build_start(b, version, 0, 17);
    build_key(b, "u8", GGUF_U8, "\xff", 1);
    build_key(b, "i8", GGUF_I8, "\xff", 1);
    build_key(b, "u16", GGUF_U16, "\xfe\xff", 2);
    build_key(b, "i16", GGUF_I16, "\xfe\xff", 2);
    build_key_u32(b, "u32", 4000000000u);
    build_key(b, "i32", GGUF_I32, "\x00\x00\x00\x80", 4);
    build_key(b, "u64", GGUF_U64, "\xff\xff\xff\xff\xff\xff\xff\xff", 8);
    build_key(b, "i64", GGUF_I64, "\xff\xff\xff\xff\xff\xff\xff\xff", 8);
    build_key_f32(b, "f32", 0.5f);
    build_key(b, "f64", GGUF_F64, &(double){-0.25}, 8);
    build_key(b, "nan", GGUF_F32, "\x00\x00\xc0\x7f", 4);
    build_key(b, "yes", GGUF_BOOL, "\1", 1);
    build_key(b, "no", GGUF_BOOL, "\0", 1);
    build_key_text(b, "text", "");
    build_key_array(b, "ints", GGUF_I16, 3);
    build_bytes(b, "\1\0\2\0\xff\xff", 6);
    build_key_array(b, "floats", GGUF_F32, 2);
    build_bytes(b, (const float[]){1.5f, -2}, 8);
    build_key_array(b, "texts", GGUF_STRING, 2);
    build_text(b, "one");
    build_text(b, "\xe2\x96\x81two");
}

static int64_t int_of(const plmr_gguf *gguf, const char *key)
{
    int64_t value;
    must(plmr_gguf_get_int(gguf, key, INT64_MIN, INT64_MAX, &value));
    return value;
}

static void values_of_every_type(void **state)
{
    (void)state;
    struct gguf_builder b = {0};
    plmr_gguf *gguf;
    for (uint32_t version = 2; version <= 3; version++) {
        build_all_types(&b, version);
        must(plmr_gguf_parse(b.bytes, b.n, "my.gguf", &gguf));
        assert_true(int_of(gguf, "u8") == 255 && int_of(gguf, "i8") == -1);
        assert_true(int_of(gguf, "u16") == 65534 && int_of(gguf, "i16") == -2);
        assert_true(int_of(gguf, "u32") == 4000000000 && int_of(gguf, "i32") == INT32_MIN);
        assert_true(int_of(gguf, "u64") == INT64_MAX && int_of(gguf, "i64") == -1);
        double number;
        bool yes, no;
        plmr_gguf_text text;
        must(plmr_gguf_get_float(gguf, "f32", 0, 1, &number));
        assert_true(number == 0.5);
        must(plmr_gguf_get_float(gguf, "f64", -1, 1, &number));
        assert_true(number == -0.25);
        must_fail(plmr_gguf_get_float(gguf, "nan", -1, 1, &number), PLMR_ERROR_INPUT, "is nan; plmr takes -1 to 1");
        must_fail(plmr_gguf_get_float(gguf, "u32", -1, 1, &number), PLMR_ERROR_INPUT, "is uint32, expected a float;");
        must(plmr_gguf_get_bool(gguf, "yes", &yes));
        must(plmr_gguf_get_bool(gguf, "no", &no));
        assert_true(yes && !no);
        must_fail(plmr_gguf_get_bool(gguf, "u8", &yes), PLMR_ERROR_INPUT, "is uint8, expected a boolean;");
        must(plmr_gguf_get_text(gguf, "text", &text));
        assert_true(text.n_bytes == 0);
        plmr_gguf_close(gguf);
    }
    free(b.bytes);
}

static void arrays_of_every_kind(void **state)
{
    (void)state;
    struct gguf_builder b = {0};
    plmr_gguf *gguf;
    int64_t *ints;
    float *floats;
    plmr_gguf_text *texts, text;
    size_t n;
    build_all_types(&b, 3);
    must(plmr_gguf_parse(b.bytes, b.n, "my.gguf", &gguf));
    must(plmr_gguf_get_ints(gguf, "ints", &ints, &n));
    assert_true(n == 3 && ints[0] == 1 && ints[1] == 2 && ints[2] == -1);
    must(plmr_gguf_get_floats(gguf, "floats", &floats, &n));
    assert_true(n == 2 && floats[0] == 1.5f && floats[1] == -2);
    must(plmr_gguf_get_texts(gguf, "texts", &texts, &n));
    assert_true(n == 2 && plmr_gguf_text_is(texts[0], "one") && plmr_gguf_text_is(texts[1], "\xe2\x96\x81two"));
    char shown[6];
    assert_string_equal(plmr_gguf_show(texts[1], shown, sizeof shown), "???tw");
    free(ints);
    free(floats);
    free(texts);
    must_fail(plmr_gguf_get_ints(gguf, "floats", &ints, &n), PLMR_ERROR_INPUT,
              "my.gguf: key 'floats' is an array of float32, expected an array of integers;");
    must_fail(plmr_gguf_get_floats(gguf, "ints", &floats, &n), PLMR_ERROR_INPUT, "expected an array of float32;");
    must_fail(plmr_gguf_get_texts(gguf, "ints", &texts, &n), PLMR_ERROR_INPUT, "expected an array of strings;");
    must_fail(plmr_gguf_get_texts(gguf, "text", &texts, &n), PLMR_ERROR_INPUT,
              "is string, expected an array of strings;");
    must_fail(plmr_gguf_get_text(gguf, "texts", &text), PLMR_ERROR_INPUT, "is an array of string, expected a string;");
    plmr_gguf_close(gguf);
    free(b.bytes);
}

/* --- elements -------------------------------------------------------------------------------------------------------
 */

enum { ROWS = 3, COLS = 768, MOST_TYPES = 64 };

static const plmr_quant *stored[MOST_TYPES];
static int n_types;

static size_t row_bytes(const plmr_quant *quant)
{
    return (size_t)(COLS / quant->n_elements * quant->n_bytes);
}

/* A tensor of each type, of bytes that make neither a NaN nor an infinity whatever number they belong to. */
static void build_all_quants(struct gguf_builder *b)
{
    uint32_t random = 1, numbers[MOST_TYPES];
    size_t offset = 0;
    n_types = 0;
    for (uint32_t number = 0; number < MOST_TYPES; number++)
        if ((stored[n_types] = plmr_quant_find(number)))
            numbers[n_types++] = number;
    build_start(b, 3, (uint64_t)n_types, 0);
    for (int i = 0; i < n_types; i++) {
        build_tensor(b, stored[i]->name, COLS, ROWS, numbers[i], offset);
        offset = (offset + ROWS * row_bytes(stored[i]) + 31) / 32 * 32;
    }
    build_align(b, 32);
    for (int i = 0; i < n_types; i++) {
        for (size_t k = 0; k < ROWS * row_bytes(stored[i]); k++)
            build_bytes(b, &(unsigned char){(unsigned char)(test_random(&random) & 0xbb)}, 1);
        build_align(b, 32);
    }
}

static void any_rectangle_of_any_type(void **state)
{
    (void)state;
    static float all[ROWS][COLS], some[ROWS][COLS];
    struct gguf_builder b = {0};
    plmr_gguf *gguf;
    uint32_t random = 2;
    build_all_quants(&b);
    must(plmr_gguf_parse(b.bytes, b.n, "my.gguf", &gguf));
    for (int i = 0; i < n_types; i++) {
        const plmr_gguf_tensor *tensor = plmr_gguf_find(gguf, stored[i]->name);
        assert_string_equal(plmr_gguf_type_name(tensor), stored[i]->name);
        plmr_gguf_read(tensor, 0, ROWS, 0, COLS, all[0], COLS);
        for (int trial = 0; trial < 2000; trial++) {
            int row = (int)(test_random(&random) % ROWS), col = (int)(test_random(&random) % COLS);
            int n_rows = (int)(test_random(&random) % (unsigned)(ROWS - row + 1));
            int n_cols = (int)(test_random(&random) % (unsigned)(COLS - col + 1));
            memset(some, 0xff, sizeof some);
            plmr_gguf_read(tensor, row, n_rows, col, n_cols, some[0], COLS);
            for (int r = 0; r < n_rows; r++) {
                assert_memory_equal(some[r], all[row + r] + col, sizeof(float) * (size_t)n_cols);
                assert_true(n_cols == COLS || plmr_float_bits(some[r][n_cols]) == 0xffffffffu);
            }
        }
    }
    plmr_gguf_close(gguf);
    free(b.bytes);
}

/* In memory a file may start anywhere. */
static void a_file_at_an_odd_address(void **state)
{
    (void)state;
    static float even[COLS], odd[COLS];
    struct gguf_builder b = {0}, moved = {0};
    plmr_gguf *gguf, *other;
    build_all_quants(&b);
    build_bytes(&moved, "", 1);
    build_bytes(&moved, b.bytes, b.n);
    must(plmr_gguf_parse(b.bytes, b.n, "my.gguf", &gguf));
    must(plmr_gguf_parse(moved.bytes + 1, b.n, "my.gguf", &other));
    for (int i = 0; i < n_types; i++) {
        plmr_gguf_read(plmr_gguf_find(gguf, stored[i]->name), 1, 1, 0, COLS, even, COLS);
        plmr_gguf_read(plmr_gguf_find(other, stored[i]->name), 1, 1, 0, COLS, odd, COLS);
        assert_memory_equal(even, odd, sizeof even);
    }
    plmr_gguf_close(gguf);
    plmr_gguf_close(other);
    free(b.bytes);
    free(moved.bytes);
}

/* --- wrong files ----------------------------------------------------------------------------------------------------
 */

/* The bytes in memory of exactly their size, so that a sanitizer sees every step beyond them. */
static plmr_status parse_exactly(const unsigned char *bytes, size_t n, plmr_gguf **gguf, unsigned char **copy)
{
    *copy = malloc(n ? n : 1);
    assert_non_null(*copy);
    memcpy(*copy, bytes, n);
    return plmr_gguf_parse(*copy, n, "my.gguf", gguf);
}

static void assert_one_line(plmr_status error)
{
    const char *text = plmr_error_text(error);
    assert_true(strncmp(text, "my.gguf: ", 9) == 0 && strlen(text) < 500 && strchr(text, ';'));
    for (; *text; text++)
        assert_in_range(*text, ' ', '~');
    plmr_error_free(error);
}

/* Reads all that a file which was not refused has to say. */
static void read_everything(const plmr_gguf *gguf)
{
    static float row[4096];
    size_t n;
    const plmr_gguf_tensor *tensors = plmr_gguf_tensors(gguf, &n);
    for (size_t i = 0; i < n; i++)
        for (int64_t r = 0; r<tensors[i].rows; r += tensors[i].rows> 8 ? tensors[i].rows / 8 : 1)
            for (int64_t c = 0; c < tensors[i].cols; c += 4096)
                plmr_gguf_read(&tensors[i], r, 1, c, tensors[i].cols - c < 4096 ? tensors[i].cols - c : 4096, row,
                               4096);
    plmr_gguf_text *texts;
    if (plmr_gguf_has(gguf, "texts")) {
        plmr_status status = plmr_gguf_get_texts(gguf, "texts", &texts, &n);
        if (status)
            assert_one_line(status);
        else
            free(texts);
    }
}

static void expect_read_or_refused(const unsigned char *bytes, size_t n)
{
    unsigned char *copy;
    plmr_gguf *gguf;
    plmr_status status = parse_exactly(bytes, n, &gguf, &copy);
    if (status) {
        assert_one_line(status);
    } else {
        read_everything(gguf);
        plmr_gguf_close(gguf);
    }
    free(copy);
}

static void expect_refused(const struct gguf_builder *b, const char *words)
{
    unsigned char *copy;
    plmr_gguf *gguf;
    plmr_status status = parse_exactly(b->bytes, b->n, &gguf, &copy);
    assert_non_null(status);
    if (!strstr(plmr_error_text(status), words))
        fail_msg("'%s' does not contain '%s'", plmr_error_text(status), words);
    assert_one_line(status);
    free(copy);
}

/* Keys of every type, and tensors of every type. */
static void build_everything(struct gguf_builder *b)
{
    struct gguf_builder tensors = {0};
    build_all_types(b, 3);
    build_all_quants(&tensors);
    memcpy(b->bytes + 8, &(uint64_t){(uint64_t)n_types}, 8);
    size_t entries = 0;
    for (int i = 0; i < n_types; i++)
        entries += 8 + strlen(stored[i]->name) + 4 + 16 + 4 + 8;
    build_bytes(b, tensors.bytes + 24, entries);
    build_align(b, 32);
    build_bytes(b, tensors.bytes + (24 + entries + 31) / 32 * 32, tensors.n - (24 + entries + 31) / 32 * 32);
    free(tensors.bytes);
}

static void every_truncation_is_refused(void **state)
{
    (void)state;
    struct gguf_builder b = {0};
    build_everything(&b);
    expect_read_or_refused(b.bytes, b.n);
    size_t whole = b.n, last = b.n - 32;
    for (b.n = 0; b.n < last; b.n += b.n < 1000 || b.n + 64 > last ? 1 : 17)
        expect_refused(&b, "");
    b.n = whole;
    free(b.bytes);
}

static void any_flipped_bit_is_survived(void **state)
{
    (void)state;
    static const unsigned char bytes[] = {0, 1, 0x7f, 0x80, 0xff};
    struct gguf_builder b = {0};
    build_everything(&b);
    for (size_t i = 0; i < 700; i++) {
        unsigned char was = b.bytes[i];
        for (int bit = 0; bit < 8; bit++) {
            b.bytes[i] = (unsigned char)(was ^ 1 << bit);
            expect_read_or_refused(b.bytes, b.n);
        }
        for (size_t k = 0; k < sizeof bytes; k++) {
            b.bytes[i] = bytes[k];
            expect_read_or_refused(b.bytes, b.n);
        }
        b.bytes[i] = was;
    }
    free(b.bytes);
}

/* Eight bytes at a time, as lengths, counts and offsets are. */
static void any_absurd_number_is_survived(void **state)
{
    (void)state;
    static const uint64_t numbers[] = {
        0, 1, 0x7fffffffu, 0xffffffffu, INT64_MAX, UINT64_MAX, UINT64_MAX - 7, 1ull << 61, 1ull << 63};
    struct gguf_builder b = {0};
    build_everything(&b);
    for (size_t i = 8; i < 700; i++) {
        uint64_t was;
        memcpy(&was, b.bytes + i, 8);
        for (size_t k = 0; k < sizeof numbers / sizeof *numbers; k++) {
            memcpy(b.bytes + i, &numbers[k], 8);
            expect_read_or_refused(b.bytes, b.n);
        }
        memcpy(b.bytes + i, &was, 8);
    }
    free(b.bytes);
}

static void wrong_heads(void **state)
{
    (void)state;
    struct gguf_builder b = {0};
    build_bytes(&b, "", 0);
    build_bytes(&b, "GGU", 3);
    expect_refused(&b, "is not a GGUF file;");
    b.n = 0;
    build_bytes(&b, "ggml....................", 24);
    expect_refused(&b, "is not a GGUF file;");
    build_start(&b, 1, 0, 0);
    expect_refused(&b, "is of GGUF version 1;");
    build_start(&b, 4, 0, 0);
    expect_refused(&b, "is of GGUF version 4, of which plmr knows 2 and 3;");
    build_start(&b, 0x03000000, 0, 0);
    expect_refused(&b, "is a big-endian GGUF file;");
    build_start(&b, 3, 0, UINT64_MAX);
    expect_refused(&b, "claims to hold 18446744073709551615 keys in the 0 bytes left at byte 24;");
    build_start(&b, 3, 1ull << 60, 0);
    build_zeros(&b, 100);
    expect_refused(&b, "claims to hold 1152921504606846976 tensors in the 100 bytes left at byte 24;");
    build_start(&b, 3, 1000001, 0);
    build_zeros(&b, 40000000);
    expect_refused(&b, "claims to hold 1000001 tensors");
    free(b.bytes);
}

static void wrong_keys(void **state)
{
    (void)state;
    struct gguf_builder b = {0};
    build_start(&b, 3, 0, 1);
    build_u64(&b, UINT64_MAX);
    build_zeros(&b, 16);
    expect_refused(&b, "needs 18446744073709551615 bytes at byte 32 of its header, where 16 are left;");
    build_start(&b, 3, 0, 1);
    build_key_u32(&b, "", 1);
    expect_refused(&b, "has a key of 0 bytes at byte 24, expected 1 to 65535;");
    build_start(&b, 3, 0, 1);
    build_key(&b, "x\n", 13, "....", 4);
    expect_refused(&b, "key 'x?' is of an unknown type, 13;");
    build_start(&b, 3, 0, 1);
    build_key_array(&b, "x", GGUF_ARRAY, 1);
    build_zeros(&b, 40);
    expect_refused(&b, "key 'x' is an array of arrays,");
    build_start(&b, 3, 0, 1);
    build_key_array(&b, "x", GGUF_U64, 1ull << 61);
    build_zeros(&b, 40);
    expect_refused(&b, "claims to hold 2305843009213693952 array elements in the 40 bytes left");
    build_start(&b, 3, 0, 1);
    build_key_array(&b, "x", GGUF_STRING, 6);
    build_zeros(&b, 40);
    expect_refused(&b, "claims to hold 6 array elements in the 40 bytes left");
    build_start(&b, 3, 0, 3);
    build_key_u32(&b, "x", 1);
    build_key_u32(&b, "y", 1);
    build_key_u32(&b, "x", 1);
    expect_refused(&b, "has the key 'x' twice;");
    free(b.bytes);
}

/* A file with one or two tensors and 64 bytes of data. */
static void expect_tensor_refused(uint64_t cols, uint64_t rows, uint32_t type, uint64_t offset, const char *words)
{
    struct gguf_builder b = {0};
    build_start(&b, 3, 1, 0);
    build_tensor(&b, "t", cols, rows, type, offset);
    build_align(&b, 32);
    build_zeros(&b, 64);
    expect_refused(&b, words);
    free(b.bytes);
}

static void wrong_tensors(void **state)
{
    (void)state;
    expect_tensor_refused(17, 0, TENSOR_F32, 0, "tensor 't' reaches beyond the end of the file;");
    expect_tensor_refused(9, 2, TENSOR_F32, 0, "reaches beyond the end of the file;");
    expect_tensor_refused(1, 0, TENSOR_F32, 64, "reaches beyond the end of the file;");
    expect_tensor_refused(1, 0, TENSOR_F32, UINT64_MAX - 31, "reaches beyond the end of the file;");
    expect_tensor_refused(1ull << 62, 0, TENSOR_F32, 0, "more elements than any file can hold;");
    expect_tensor_refused(1ull << 62, 0, TENSOR_Q8_0, 0, "reaches beyond the end of the file;");
    expect_tensor_refused(1ull << 32, 1ull << 31, TENSOR_F16, 0,
                          "has a dimension of 0, or more elements than any file");
    expect_tensor_refused(1ull << 31, 1ull << 31, TENSOR_F32, 0, "reaches beyond the end of the file;");
    expect_tensor_refused(UINT64_MAX, 0, TENSOR_F32, 0, "more elements than any file can hold;");
    expect_tensor_refused(0, 4, TENSOR_F32, 0, "has a dimension of 0,");
    expect_tensor_refused(4, 1, TENSOR_F32, 4, "does not lie at a multiple of general.alignment;");
    expect_tensor_refused(48, 1, TENSOR_Q8_0, 0, "has rows that are no whole number of its type's blocks;");
    expect_tensor_refused(128, 2, TENSOR_Q4_K, 0, "has rows that are no whole number of its type's blocks;");
    char words[300];
    snprintf(words, sizeof words, "tensor 't' is of type IQ2_XXS (16), plmr reads %s;", plmr_quant_list().s);
    expect_tensor_refused(256, 1, 16, 0, words);
    assert_non_null(strstr(words, " F32, F16, "));
    assert_null(strstr(words, ", IQ2_XXS"));
    expect_tensor_refused(256, 1, 1000000, 0, "tensor 't' is of type unknown (1000000),");
}

static void wrong_lists_of_tensors(void **state)
{
    (void)state;
    struct gguf_builder b = {0};
    build_start(&b, 3, 2, 0);
    build_tensor(&b, "same", 4, 1, TENSOR_F32, 0);
    build_tensor(&b, "same", 4, 1, TENSOR_F32, 32);
    build_align(&b, 32);
    build_zeros(&b, 64);
    expect_refused(&b, "tensor 'same' is there twice;");
    build_start(&b, 3, 2, 0);
    build_tensor(&b, "one", 4, 3, TENSOR_F32, 0);
    build_tensor(&b, "two", 4, 1, TENSOR_F32, 32);
    build_align(&b, 32);
    build_zeros(&b, 64);
    expect_refused(&b, "tensor 'two' overlaps another;");
    build_start(&b, 3, 1, 0);
    build_text(&b, "t");
    build_u32(&b, 5);
    build_zeros(&b, 100);
    expect_refused(&b, "tensor 't' has not 1 to 4 dimensions;");
    build_start(&b, 3, 1, 0);
    build_tensor(&b, "", 4, 1, TENSOR_F32, 0);
    build_zeros(&b, 100);
    expect_refused(&b, "has a tensor name of 0 bytes at byte 24, expected 1 to 255;");
    free(b.bytes);
}

static void expect_alignment_refused(uint32_t alignment, const char *words)
{
    struct gguf_builder b = {0};
    build_start(&b, 3, 0, 1);
    build_key_u32(&b, "general.alignment", alignment);
    expect_refused(&b, words);
    free(b.bytes);
}

static void alignments(void **state)
{
    (void)state;
    expect_alignment_refused(0, "key 'general.alignment' is 0; plmr takes 1 to 1048576");
    expect_alignment_refused(48, "key 'general.alignment' is 48, expected a power of two;");
    expect_alignment_refused(0x80000000u, "key 'general.alignment' is 2147483648; plmr takes 1 to 1048576");
    struct gguf_builder b = {0};
    plmr_gguf *gguf;
    for (uint32_t alignment = 1; alignment <= 4096; alignment *= 4) {
        float value;
        build_start(&b, 3, 1, 1);
        build_key_u32(&b, "general.alignment", alignment);
        build_tensor(&b, "t", 1, 0, TENSOR_F32, alignment);
        build_align(&b, alignment);
        build_zeros(&b, alignment);
        build_bytes(&b, &(float){7}, sizeof(float));
        must(plmr_gguf_parse(b.bytes, b.n, "my.gguf", &gguf));
        plmr_gguf_read(plmr_gguf_find(gguf, "t"), 0, 1, 0, 1, &value, 1);
        assert_true(value == 7);
        plmr_gguf_close(gguf);
    }
    free(b.bytes);
}

static void files_that_cannot_be_opened(void **state)
{
    (void)state;
    plmr_gguf *gguf;
    char folder[] = "/tmp/plmr-gguf-XXXXXX", path[64];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/mine", folder);
    must_fail(plmr_gguf_open(path, &gguf), PLMR_ERROR_INPUT, "mine: cannot open: No such file or directory");
    must_fail(plmr_gguf_open(folder, &gguf), PLMR_ERROR_INPUT, "is not a regular file; name a GGUF file");
    assert_int_equal(mkfifo(path, 0600), 0);
    must_fail(plmr_gguf_open(path, &gguf), PLMR_ERROR_INPUT, "mine: is not a regular file; name a GGUF file");
    assert_int_equal(unlink(path), 0);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    fclose(file);
    must_fail(plmr_gguf_open(path, &gguf), PLMR_ERROR_INPUT, "mine: is not a GGUF file;");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0);
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    data_folder = argv[1];
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_of_a_model),
        cmocka_unit_test(tensors_of_a_model),
        cmocka_unit_test(forgotten_tensors_come_back),
        cmocka_unit_test(values_of_every_type),
        cmocka_unit_test(arrays_of_every_kind),
        cmocka_unit_test(any_rectangle_of_any_type),
        cmocka_unit_test(a_file_at_an_odd_address),
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(any_flipped_bit_is_survived),
        cmocka_unit_test(any_absurd_number_is_survived),
        cmocka_unit_test(wrong_heads),
        cmocka_unit_test(wrong_keys),
        cmocka_unit_test(wrong_tensors),
        cmocka_unit_test(wrong_lists_of_tensors),
        cmocka_unit_test(alignments),
        cmocka_unit_test(files_that_cannot_be_opened),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
