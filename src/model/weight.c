/* The weights of a model: names, sizes, and sources of their values. */
#include "base/values.h"
#include "model/shape_internal.h"
#include "model/transposed.h"

#include <math.h>
#include <stdio.h>

static const struct {
    const char *name;
    bool is_layered;
} weights[PLMR_N_WEIGHTS] = {
    [PLMR_EMBEDDING] = {"token_embd.weight", false},
    [PLMR_OUTPUT_NORM] = {"output_norm.weight", false},
    [PLMR_OUTPUT] = {"output.weight", false},
    [PLMR_ROPE_FACTORS] = {"rope_freqs.weight", false},
    [PLMR_ATTN_NORM] = {"attn_norm.weight", true},
    [PLMR_Q] = {"attn_q.weight", true},
    [PLMR_K] = {"attn_k.weight", true},
    [PLMR_V] = {"attn_v.weight", true},
    [PLMR_Q_BIAS] = {"attn_q.bias", true},
    [PLMR_K_BIAS] = {"attn_k.bias", true},
    [PLMR_V_BIAS] = {"attn_v.bias", true},
    [PLMR_ATTN_OUTPUT] = {"attn_output.weight", true},
    [PLMR_FFN_NORM] = {"ffn_norm.weight", true},
    [PLMR_GATE] = {"ffn_gate.weight", true},
    [PLMR_UP] = {"ffn_up.weight", true},
    [PLMR_DOWN] = {"ffn_down.weight", true},
};

const char *plmr_weight_name(enum plmr_weight which)
{
    return weights[which].name;
}

bool plmr_weight_is_layered(enum plmr_weight which)
{
    return weights[which].is_layered;
}

const char *plmr_weight_full_name(enum plmr_weight which, int layer, char name[PLMR_WEIGHT_NAME])
{
    if (weights[which].is_layered)
        snprintf(name, PLMR_WEIGHT_NAME, "blk.%d.%s", layer, weights[which].name);
    else
        snprintf(name, PLMR_WEIGHT_NAME, "%s", weights[which].name);
    return name;
}

static bool is_bias(enum plmr_weight which)
{
    return which == PLMR_Q_BIAS || which == PLMR_K_BIAS || which == PLMR_V_BIAS;
}

static bool is_norm(enum plmr_weight which)
{
    return which == PLMR_ATTN_NORM || which == PLMR_FFN_NORM || which == PLMR_OUTPUT_NORM;
}

bool plmr_weight_exists(const plmr_model_shape *shape, enum plmr_weight which)
{
    if (which == PLMR_OUTPUT)
        return !shape->has_tied_embeddings;
    if (which == PLMR_ROPE_FACTORS)
        return shape->has_rope_factors;
    return !is_bias(which) || shape->has_qkv_biases;
}

void plmr_weight_size(const plmr_model_shape *shape, enum plmr_weight which, int64_t *rows, int64_t *cols)
{
    int64_t dim = shape->dim, q = (int64_t)shape->n_heads * shape->head_dim, ffn = shape->n_ffn;
    int64_t kv = (int64_t)shape->n_kv_heads * shape->head_dim, vocab = shape->n_vocab;
    const int64_t sizes[PLMR_N_WEIGHTS][2] = {
        [PLMR_EMBEDDING] = {vocab, dim},
        [PLMR_OUTPUT_NORM] = {1, dim},
        [PLMR_OUTPUT] = {vocab, dim},
        [PLMR_ROPE_FACTORS] = {1, shape->rope_dim / 2},
        [PLMR_ATTN_NORM] = {1, dim},
        [PLMR_Q] = {q, dim},
        [PLMR_K] = {kv, dim},
        [PLMR_V] = {kv, dim},
        [PLMR_Q_BIAS] = {1, q},
        [PLMR_K_BIAS] = {1, kv},
        [PLMR_V_BIAS] = {1, kv},
        [PLMR_ATTN_OUTPUT] = {dim, q},
        [PLMR_FFN_NORM] = {1, dim},
        [PLMR_GATE] = {ffn, dim},
        [PLMR_UP] = {ffn, dim},
        [PLMR_DOWN] = {dim, ffn},
    };
    *rows = sizes[which][0];
    *cols = sizes[which][1];
}

/* --- made-up weights ------------------------------------------------------------------------------------------------
 */

/* A source's values lie in [-1, 1) and have a variance of 1/3; a scale of 0 stands for weights that are all 1. */
static float made_up_scale(const plmr_model_shape *shape, enum plmr_weight which)
{
    int64_t rows, cols;
    plmr_weight_size(shape, which, &rows, &cols);
    if (is_norm(which) || which == PLMR_ROPE_FACTORS)
        return 0;
    return (float)sqrt(3.0 / (double)(is_bias(which) ? shape->dim : cols));
}

/* Adjacent seeds give unrelated values. */
static uint64_t made_up_seed(enum plmr_weight which, int layer)
{
    return (uint64_t)(layer + 1) << 32 | (uint64_t)which;
}

static plmr_status get_made_up(const plmr_source *source, int64_t row, int64_t col, int n_rows, int n_cols, float *out,
                               size_t ld)
{
    float scale = *(const float *)source->context;
    plmr_source plain;
    plmr_source_synthetic(&plain, source->seed, source->rows, source->cols);
    if (scale != 0)
        PLMR_TRY(plain.get(&plain, row, col, n_rows, n_cols, out, ld));
    for (int r = 0; r < n_rows; r++)
        for (int c = 0; c < n_cols; c++)
            out[(size_t)r * ld + (size_t)c] = scale != 0 ? out[(size_t)r * ld + (size_t)c] * scale : 1;
    return PLMR_OK;
}

static plmr_status get_made_up_transposed(const plmr_source *source, int64_t row, int64_t col, int n_rows, int n_cols,
                                          float *out, size_t ld)
{
    plmr_source stored = *source;
    stored.get = get_made_up;
    stored.rows = source->cols;
    stored.cols = source->rows;
    return plmr_source_get_transposed(&stored, row, col, n_rows, n_cols, out, ld);
}

static void make_up(const plmr_model *model, enum plmr_weight which, int layer, bool transposed, plmr_source *source)
{
    int64_t rows, cols;
    plmr_weight_size(&model->shape, which, &rows, &cols);
    *source = (plmr_source){.get = transposed ? get_made_up_transposed : get_made_up,
                            .context = &model->scale[which],
                            .seed = made_up_seed(which, layer),
                            .rows = transposed ? cols : rows,
                            .cols = transposed ? rows : cols};
}

/* --- weights of a model ---------------------------------------------------------------------------------------------
 */

/* What it is stored as: the tied output has no tensor of its own. */
static enum plmr_weight stored_as(const plmr_model_shape *shape, enum plmr_weight which)
{
    return which == PLMR_OUTPUT && shape->has_tied_embeddings ? PLMR_EMBEDDING : which;
}

static const plmr_gguf_tensor *find_tensor(const plmr_model *model, enum plmr_weight which, int layer)
{
    char name[PLMR_WEIGHT_NAME];
    const plmr_gguf_tensor *tensor = plmr_gguf_find(model->gguf, plmr_weight_full_name(which, layer, name));
    PLMR_ASSERT(tensor);
    return tensor;
}

void plmr_model_weight(const plmr_model *model, enum plmr_weight which, int layer, bool transposed, plmr_source *source)
{
    which = stored_as(&model->shape, which);
    PLMR_ASSERT(plmr_weight_exists(&model->shape, which));
    layer = weights[which].is_layered ? layer : 0;
    PLMR_ASSERT(layer >= 0 && layer < model->shape.n_layers);
    if (model->gguf)
        plmr_source_gguf(source, find_tensor(model, which, layer), transposed);
    else
        make_up(model, which, layer, transposed, source);
}

enum plmr_dtype plmr_model_weight_dtype(const plmr_model *model, enum plmr_weight which, int layer)
{
    which = stored_as(&model->shape, which);
    if (model->gguf)
        return plmr_gguf_dtype(find_tensor(model, which, layer));
    return is_norm(which) || is_bias(which) || which == PLMR_ROPE_FACTORS ? PLMR_F32 : PLMR_F16;
}

void plmr_model_weight_forget(const plmr_model *model, enum plmr_weight which, int layer)
{
    if (model->gguf)
        plmr_gguf_forget(model->gguf, find_tensor(model, stored_as(&model->shape, which), layer));
}

/* --- sums -----------------------------------------------------------------------------------------------------------
 */

/* Cores would store layers' matrices of several types in F32 if one of them needs it, else in F16. */
static enum plmr_dtype common_dtype(enum plmr_dtype a, enum plmr_dtype b)
{
    return a == b ? a : a == PLMR_F32 || b == PLMR_F32 ? PLMR_F32 : PLMR_F16;
}

static void count_weight(plmr_model *model, enum plmr_weight which)
{
    plmr_model_shape *shape = &model->shape;
    int64_t rows, cols;
    plmr_weight_size(shape, which, &rows, &cols);
    bool is_matrix = weights[which].is_layered && !is_norm(which) && !is_bias(which);
    for (int layer = 0; layer < (weights[which].is_layered ? shape->n_layers : 1); layer++) {
        enum plmr_dtype dtype = plmr_model_weight_dtype(model, which, layer);
        shape->n_parameters += rows * cols;
        shape->n_bytes += rows * cols * (int64_t)plmr_dtype_bytes(dtype);
        if (is_matrix)
            shape->dtype = common_dtype(shape->dtype, dtype);
    }
}

void plmr_model_count(plmr_model *model)
{
    plmr_model_shape *shape = &model->shape;
    shape->n_parameters = shape->n_bytes = 0;
    shape->dtype = plmr_model_weight_dtype(model, PLMR_Q, 0);
    for (int which = 0; which < PLMR_N_WEIGHTS; which++) {
        model->scale[which] = made_up_scale(shape, (enum plmr_weight)which);
        if (which != PLMR_ROPE_FACTORS && plmr_weight_exists(shape, (enum plmr_weight)which))
            count_weight(model, (enum plmr_weight)which);
    }
}
