/* Fuzzes the GGUF reader and what makes a model and a tokenizer of it. The input stands for a file twice: as it is, so
 * that a step beyond its end shows; and with zeros behind it, so that the headers of real models, which the corpus
 * starts from, find their tensors' data. */
#include "fuzz.h"

#include "use_tokenizer.h"

#include <string.h>

enum { PADDED = 3 << 20 };

static void read_keys(const plmr_gguf *gguf)
{
    static const char *const keys[] = {"tokenizer.ggml.tokens", "tokenizer.ggml.scores", "tokenizer.ggml.token_type",
                                       "llama.block_count",     "llama.rope.freq_base",  "general.name"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        plmr_gguf_text *texts = NULL, text;
        int64_t *ints = NULL, number;
        float *floats = NULL;
        double real;
        bool truth;
        size_t n;
        check_error(plmr_gguf_get_texts(gguf, keys[i], &texts, &n));
        check_error(plmr_gguf_get_ints(gguf, keys[i], &ints, &n));
        check_error(plmr_gguf_get_floats(gguf, keys[i], &floats, &n));
        check_error(plmr_gguf_get_int(gguf, keys[i], 0, 100, &number));
        check_error(plmr_gguf_get_float(gguf, keys[i], 0, 100, &real));
        check_error(plmr_gguf_get_bool(gguf, keys[i], &truth));
        check_error(plmr_gguf_get_text(gguf, keys[i], &text));
        free(texts);
        free(ints);
        free(floats);
    }
}

/* The first elements of every tensor, and the last, which start inside a block. */
static void read_tensors(const plmr_gguf *gguf)
{
    size_t n;
    const plmr_gguf_tensor *tensors = plmr_gguf_tensors(gguf, &n);
    for (size_t i = 0; i < n; i++) {
        float values[300];
        int64_t count = tensors[i].cols < 300 ? tensors[i].cols : 300, last = (count + 1) / 2;
        plmr_gguf_read(&tensors[i], 0, 1, 0, count, values, 300);
        plmr_gguf_read(&tensors[i], tensors[i].rows - 1, 1, tensors[i].cols - last, last, values, 300);
    }
}

static void read_weights(const plmr_model *model)
{
    const plmr_model_shape *shape = plmr_model_shape_of(model);
    for (int i = 0; i < PLMR_N_WEIGHTS; i++) {
        float value;
        plmr_source source;
        if (!plmr_weight_exists(shape, (enum plmr_weight)i))
            continue;
        plmr_model_weight(model, (enum plmr_weight)i, shape->n_layers - 1, &source);
        check_error(source.get(&source, source.rows - 1, source.cols - 1, 1, 1, &value, 1));
    }
}

static void read_file(const uint8_t *bytes, size_t n)
{
    plmr_gguf *gguf;
    plmr_model *model;
    plmr_status status = plmr_gguf_parse(bytes, n, "fuzz.gguf", &gguf);
    if (!status) {
        read_keys(gguf);
        check_error(use_tokenizer(gguf));
        read_tensors(gguf);
        plmr_gguf_close(gguf);
        status = plmr_model_parse_gguf(bytes, n, "fuzz.gguf", &model);
        if (!status) {
            read_weights(model);
            plmr_model_close(model);
        }
    }
    check_error(status);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    static uint8_t padded[PADDED];
    read_file(bytes, n);
    if (n == 0 || n > PADDED)
        return 0;
    memcpy(padded, bytes, n);
    read_file(padded, PADDED);
    memset(padded, 0, n);
    return 0;
}
