/* The weights of a model: names, sizes, and sources of their values. */
#include "base/values.h"
#include "model/shape_internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

#define INFO(name, file_name, kind, rows, cols) {file_name, PLMR_##kind, PLMR_##rows, PLMR_##cols},
const plmr_weight_info plmr_weight_infos[PLMR_N_WEIGHTS] = {PLMR_WEIGHTS(INFO)};

const plmr_arch_slice *plmr_weight_slice(const plmr_arch *arch, enum plmr_weight which)
{
    for (int i = 0; i < arch->n_slices; i++)
        if (arch->slices[i].weight == which)
            return &arch->slices[i];
    return NULL;
}

const char *plmr_weight_full_name(const plmr_arch *arch, enum plmr_weight which, int layer, char name[PLMR_WEIGHT_NAME])
{
    const plmr_arch_slice *slice = plmr_weight_slice(arch, which);
    const char *tensor = slice ? slice->tensor : plmr_weight_infos[which].name;
    if (plmr_weight_is_layered(which))
        snprintf(name, PLMR_WEIGHT_NAME, "blk.%d.%s", layer, tensor);
    else
        snprintf(name, PLMR_WEIGHT_NAME, "%s", tensor);
    return name;
}

static bool is_named(const plmr_step *layer, enum plmr_weight which)
{
    for (const plmr_step *step = layer; step->id != PLMR_STEP_END; step++)
        for (int i = 0; i < step->n_parts; i++)
            if (step->part[i].weight == which || step->part[i].bias == which)
                return true;
    return false;
}

bool plmr_weight_exists(const plmr_model_shape *shape, enum plmr_weight which)
{
    if (which == PLMR_OUTPUT)
        return !shape->has_tied_embeddings;
    if (plmr_weight_infos[which].kind == PLMR_FACTORS)
        return which == PLMR_ROPE_FACTORS ? shape->has_rope_factors : shape->has_long_factors;
    if (plmr_weight_infos[which].kind == PLMR_BIAS &&
        !(which >= PLMR_Q_BIAS && which <= PLMR_V_BIAS ? shape->has_qkv_biases : shape->arch->has_biases))
        return false;
    return !plmr_weight_is_layered(which) || is_named(plmr_shape_layer(shape), which);
}

int plmr_weight_count(const plmr_model_shape *shape, enum plmr_weight which)
{
    return plmr_weight_infos[which].kind == PLMR_EXPERT_MATRIX ? shape->n_experts : 1;
}

enum plmr_dimension plmr_activation_dimension(enum plmr_activation which)
{
#define DIMENSION(name, dimension) PLMR_##dimension,
    static const enum plmr_dimension dimension_of[PLMR_N_ACTIVATIONS] = {PLMR_ACTIVATIONS(DIMENSION)};
    return dimension_of[which];
}

int plmr_shape_period(const plmr_model_shape *shape)
{
    int a = shape->window && shape->global_period ? shape->global_period : 1;
    int b = shape->unturned_period ? shape->unturned_period : 1, period = a;
    while (period % b)
        period += a;
    return period;
}

int64_t plmr_shape_extent(const plmr_model_shape *shape, enum plmr_dimension dimension)
{
    const int64_t extents[PLMR_N_DIMENSIONS] = {
        [PLMR_ONE] = 1,
        [PLMR_MODEL_DIM] = shape->dim,
        [PLMR_QUERIES] = (int64_t)shape->n_heads * shape->head_dim,
        [PLMR_KEYS] = (int64_t)shape->n_kv_heads * shape->head_dim,
        [PLMR_FFN] = shape->n_ffn,
        [PLMR_VOCAB] = shape->n_vocab,
        [PLMR_HEAD] = shape->head_dim,
        [PLMR_PAIRS] = shape->rope_dim / 2,
        [PLMR_HEADS] = shape->n_heads,
        [PLMR_EXPERTS] = shape->n_experts,
        [PLMR_EXPERT_FFN] = shape->n_expert_ffn,
        [PLMR_SHARED_FFN] = shape->n_shared_ffn,
    };
    return extents[dimension];
}

void plmr_weight_size(const plmr_model_shape *shape, enum plmr_weight which, int64_t *rows, int64_t *cols)
{
    *rows = plmr_shape_extent(shape, plmr_weight_infos[which].rows);
    *cols = plmr_shape_extent(shape, plmr_weight_infos[which].cols);
}

/* --- made-up weights ------------------------------------------------------------------------------------------------
 */

/* A source's values lie in [-1, 1) and have a variance of 1/3; a scale of 0 stands for weights that are all 1. */
static float made_up_scale(const plmr_model_shape *shape, enum plmr_weight which)
{
    int64_t rows, cols;
    plmr_weight_size(shape, which, &rows, &cols);
    enum plmr_weight_kind kind = plmr_weight_infos[which].kind;
    if (kind == PLMR_NORM || kind == PLMR_FACTORS)
        return 0;
    return (float)sqrt(3.0 / (double)(kind == PLMR_BIAS ? shape->dim : cols));
}

/* Adjacent seeds give unrelated values. */
static uint64_t made_up_seed(enum plmr_weight which, int layer, int expert)
{
    return (uint64_t)(layer + 1) << 32 | (uint64_t)expert << 16 | (uint64_t)which;
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

static void make_up(const plmr_model *model, enum plmr_weight which, int layer, int expert, plmr_source *source)
{
    *source =
        (plmr_source){.get = get_made_up, .context = &model->scale[which], .seed = made_up_seed(which, layer, expert)};
    plmr_weight_size(&model->shape, which, &source->rows, &source->cols);
}

/* --- weights of a model ---------------------------------------------------------------------------------------------
 */

/* What it is stored as: the tied output has no tensor of its own. */
static enum plmr_weight stored_as(const plmr_model_shape *shape, enum plmr_weight which)
{
    return which == PLMR_OUTPUT && shape->has_tied_embeddings ? PLMR_EMBEDDING : which;
}

/* "blk.3.ffn_gate.7.weight" for "blk.3.ffn_gate_exps.weight" */
static void name_expert(const char *name, int expert, char of_expert[PLMR_WEIGHT_NAME])
{
    const char *end = strstr(name, "_exps");
    PLMR_ASSERT(end);
    snprintf(of_expert, PLMR_WEIGHT_NAME, "%.*s.%d%s", (int)(end - name), name, expert, end + strlen("_exps"));
}

const plmr_gguf_tensor *plmr_weight_tensor(const plmr_model *model, enum plmr_weight which, int layer, int expert,
                                           bool *is_apart, char name[PLMR_WEIGHT_NAME])
{
    char of_expert[PLMR_WEIGHT_NAME];
    const plmr_gguf_tensor *tensor =
        plmr_gguf_find(model->gguf, plmr_weight_full_name(model->shape.arch, which, layer, name));
    *is_apart = false;
    if (tensor || plmr_weight_infos[which].kind != PLMR_EXPERT_MATRIX)
        return tensor;
    name_expert(name, expert, of_expert);
    tensor = plmr_gguf_find(model->gguf, of_expert);
    *is_apart = tensor != NULL || expert > 0;
    if (*is_apart)
        snprintf(name, PLMR_WEIGHT_NAME, "%s", of_expert);
    return tensor;
}

static const plmr_gguf_tensor *find_tensor(const plmr_model *model, enum plmr_weight which, int layer, int expert,
                                           bool *is_apart)
{
    char name[PLMR_WEIGHT_NAME];
    const plmr_gguf_tensor *tensor = plmr_weight_tensor(model, which, layer, expert, is_apart, name);
    PLMR_ASSERT(tensor);
    return tensor;
}

static int64_t rows_above(const plmr_model_shape *shape, const plmr_arch_slice *slice)
{
    int64_t n = 0;
    for (int i = 0; i < 2 && slice; i++)
        n += slice->above[i] == PLMR_N_DIMENSIONS ? 0 : plmr_shape_extent(shape, slice->above[i]);
    return n;
}

int64_t plmr_weight_tensor_rows(const plmr_model_shape *shape, enum plmr_weight which)
{
    const plmr_arch_slice *of = plmr_weight_slice(shape->arch, which);
    int64_t rows, cols, most = 0;
    if (!of)
        return plmr_weight_size(shape, which, &rows, &cols), rows * plmr_weight_count(shape, which);
    for (int i = 0; i < shape->arch->n_slices; i++) {
        const plmr_arch_slice *slice = &shape->arch->slices[i];
        plmr_weight_size(shape, slice->weight, &rows, &cols);
        rows += rows_above(shape, slice);
        most = strcmp(slice->tensor, of->tensor) == 0 && rows > most ? rows : most;
    }
    return most;
}

static void take_rows(const plmr_model *model, enum plmr_weight which, int layer, int expert, plmr_source *source)
{
    bool is_apart;
    int64_t rows, cols;
    const plmr_gguf_tensor *tensor = find_tensor(model, which, layer, expert, &is_apart);
    plmr_weight_size(&model->shape, which, &rows, &cols);
    expert = is_apart ? 0 : expert;
    int64_t above = rows_above(&model->shape, plmr_weight_slice(model->shape.arch, which));
    plmr_source_gguf(source, tensor, above + expert * rows, rows);
}

void plmr_model_weight(const plmr_model *model, enum plmr_weight which, int layer, plmr_source *source)
{
    plmr_model_expert(model, which, layer, 0, source);
}

static void take_stored(const plmr_model *model, enum plmr_weight which, int layer, int expert, plmr_source *source)
{
    which = stored_as(&model->shape, which);
    PLMR_ASSERT(plmr_weight_exists(&model->shape, which));
    layer = plmr_weight_is_layered(which) ? layer : 0;
    PLMR_ASSERT(layer >= 0 && layer < model->shape.n_layers);
    if (model->gguf)
        take_rows(model, which, layer, expert, source);
    else
        make_up(model, which, layer, expert, source);
}

/* Of a model that has a file. */
static enum plmr_dtype own_dtype(const plmr_model *model, enum plmr_weight which, int layer, int expert, bool *is_apart)
{
    return plmr_gguf_dtype(find_tensor(model, stored_as(&model->shape, which), layer, expert, is_apart));
}

/* A layer's experts are computed with together: if files have them in several types, cores hold all in F32, which changes no
 * value. */
static enum plmr_dtype dtype_of_all(const plmr_model *model, enum plmr_weight which, int layer)
{
    bool is_apart;
    enum plmr_dtype dtype = own_dtype(model, which, layer, 0, &is_apart);
    for (int expert = 1; expert < plmr_weight_count(&model->shape, which) && is_apart; expert++)
        dtype = own_dtype(model, which, layer, expert, &is_apart) == dtype ? dtype : PLMR_F32;
    return dtype;
}

void plmr_model_find_dtypes(plmr_model *model)
{
    const plmr_model_shape *shape = &model->shape;
    if (!model->gguf || !shape->n_experts)
        return;
    model->dtypes = plmr_take((size_t)shape->n_layers * sizeof *model->dtypes);
    for (int layer = 0; layer < shape->n_layers; layer++)
        for (int which = 0; which < PLMR_N_WEIGHTS; which++)
            if (plmr_weight_infos[which].kind == PLMR_EXPERT_MATRIX &&
                plmr_weight_exists(shape, (enum plmr_weight)which))
                model->dtypes[layer][which] = dtype_of_all(model, (enum plmr_weight)which, layer);
}

static enum plmr_dtype stored_dtype(const plmr_model *model, enum plmr_weight which, int layer)
{
    bool is_apart;
    if (!model->gguf)
        return plmr_weight_is_matrix(which) ? PLMR_F16 : PLMR_F32;
    return plmr_weight_infos[which].kind == PLMR_EXPERT_MATRIX ? model->dtypes[layer][which]
                                                               : own_dtype(model, which, layer, 0, &is_apart);
}

/* Whether it must be converted to what cores hold a layer's experts in. */
static bool is_converted(const plmr_model *model, enum plmr_weight which, int layer, int expert)
{
    bool is_apart;
    return model->gguf && plmr_weight_infos[which].kind == PLMR_EXPERT_MATRIX &&
           own_dtype(model, which, layer, expert, &is_apart) != stored_dtype(model, which, layer);
}

/* --- in another type than the file's --------------------------------------------------------------------------------
 */

/* Whether cores hold it in the type that was asked for. */
static bool is_retyped(const plmr_model *model, enum plmr_weight which)
{
    return model->weights && plmr_weight_infos[which].kind < PLMR_NORM && which != PLMR_EMBEDDING;
}

static void round_row(const plmr_model *model, enum plmr_weight which, int64_t n, float *values)
{
    for (int64_t i = 0; i < n && plmr_weight_is_packed(&model->shape, which); i += PLMR_PACKED_GROUP)
        plmr_packed_round(model->shape.packed, true, plmr_clip(i, PLMR_PACKED_GROUP, n), values + i);
}

/* Whole groups of a row, of which what was asked for is given. */
static plmr_status get_retyped(const plmr_source *source, int64_t row, int64_t col, int n_rows, int n_cols, float *out,
                               size_t ld)
{
    const plmr_model *model = source->context;
    enum plmr_weight which = (enum plmr_weight)(source->seed & 0xffff);
    plmr_source plain;
    take_stored(model, which, (int)(source->seed >> 32) - 1, (int)(source->seed >> 16 & 0xffff), &plain);
    int64_t first = col / PLMR_PACKED_GROUP * PLMR_PACKED_GROUP;
    int64_t n =
        plmr_clip(first, plmr_ceil_div(col + n_cols - first, PLMR_PACKED_GROUP) * PLMR_PACKED_GROUP, source->cols);
    float *values = plmr_take((size_t)n * sizeof *values);
    plmr_status status = PLMR_OK;
    for (int r = 0; r < n_rows && !status; r++) {
        status = plain.get(&plain, row + r, first, 1, (int)n, values, (size_t)n);
        round_row(model, which, n, values);
        memcpy(out + (size_t)r * ld, values + (col - first), (size_t)n_cols * sizeof *out);
    }
    free(values);
    return status;
}

void plmr_model_expert(const plmr_model *model, enum plmr_weight which, int layer, int expert, plmr_source *source)
{
    take_stored(model, which, layer, expert, source);
    if (is_converted(model, which, layer, expert))
        source->stored = (plmr_stored){0};
    bool as_it_is = !model->shape.packed && stored_dtype(model, which, layer) == model->shape.dtype;
    if (!is_retyped(model, which) || as_it_is)
        return;
    source->get = get_retyped;
    source->context = model;
    source->seed = made_up_seed(which, layer, expert);
    source->stored = (plmr_stored){0};
}

enum plmr_dtype plmr_model_weight_dtype(const plmr_model *model, enum plmr_weight which, int layer)
{
    return is_retyped(model, which) ? model->shape.dtype : stored_dtype(model, which, layer);
}

void plmr_model_store(plmr_model *model, enum plmr_weights weights)
{
    static const enum plmr_packed packed[] = {
        [PLMR_WEIGHTS_F8] = PLMR_F8, [PLMR_WEIGHTS_I8] = PLMR_I8, [PLMR_WEIGHTS_I4] = PLMR_I4};
    model->weights = weights;
    model->shape.packed = packed[weights];
    model->shape.dtype = weights == PLMR_WEIGHTS_BF16 ? PLMR_BF16 : weights ? PLMR_F16 : model->shape.dtype;
    plmr_model_count(model);
}

void plmr_model_weight_forget(const plmr_model *model, enum plmr_weight which, int layer)
{
    bool is_apart = true;
    which = stored_as(&model->shape, which);
    for (int expert = 0; expert < plmr_weight_count(&model->shape, which) && model->gguf && is_apart; expert++)
        plmr_gguf_forget(model->gguf, find_tensor(model, which, layer, expert, &is_apart));
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
    rows *= plmr_weight_count(shape, which);
    bool is_matrix = plmr_weight_is_layered(which) && plmr_weight_is_matrix(which);
    for (int layer = 0; layer < (plmr_weight_is_layered(which) ? shape->n_layers : 1); layer++) {
        enum plmr_dtype dtype = plmr_model_weight_dtype(model, which, layer);
        shape->n_parameters += rows * cols;
        shape->n_bytes +=
            plmr_weight_is_packed(shape, which)
                ? plmr_packed_bytes(shape->packed, rows * cols, rows * plmr_ceil_div(cols, PLMR_PACKED_GROUP))
                : rows * cols * (int64_t)plmr_dtype_bytes(dtype);
        if (is_matrix && !model->weights)
            shape->dtype = common_dtype(shape->dtype, dtype);
    }
}

void plmr_model_count(plmr_model *model)
{
    plmr_model_shape *shape = &model->shape;
    shape->n_parameters = shape->n_bytes = 0;
    shape->dtype = model->weights ? shape->dtype : plmr_model_weight_dtype(model, PLMR_Q, 0);
    for (int which = 0; which < PLMR_N_WEIGHTS; which++) {
        model->scale[which] = made_up_scale(shape, (enum plmr_weight)which);
        if (plmr_weight_infos[which].kind != PLMR_FACTORS && plmr_weight_exists(shape, (enum plmr_weight)which))
            count_weight(model, (enum plmr_weight)which);
    }
}
