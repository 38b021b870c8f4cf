/* The shape of the model in a GGUF file, and whether the file has all of its tensors. */
#include "model/hf.h"
#include "model/shape_internal.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum { KEY_SIZE = 64 };

/* "llama.block_count" */
static const char *key_of(const plmr_model *model, const char *key, char full[KEY_SIZE])
{
    snprintf(full, KEY_SIZE, "%s.%s", model->shape.arch->name, key);
    return full;
}

static bool has(const plmr_model *model, const char *key)
{
    char full[KEY_SIZE];
    return plmr_gguf_has(model->gguf, key_of(model, key, full));
}

/* The values of an array that has one for each layer. */
static plmr_status get_each(const plmr_model *model, const char *full, int64_t **values)
{
    size_t n;
    int n_layers = model->shape.n_layers;
    PLMR_TRY(plmr_gguf_get_ints(model->gguf, full, values, &n));
    if (n && n == (size_t)n_layers)
        return PLMR_OK;
    free(*values);
    return plmr_gguf_fault(model->gguf,
                           "key '%.80s' has %zu values, expected one for each of %d layers; convert the model again",
                           full, n, n_layers);
}

/* A number, or, once their number is known, an array that says the same of every layer. */
static plmr_status get_int(const plmr_model *model, const char *key, int64_t least, int64_t most, int64_t *value)
{
    char full[KEY_SIZE];
    int64_t *each;
    if (!plmr_gguf_is_array(model->gguf, key_of(model, key, full)) || !model->shape.n_layers)
        return plmr_gguf_get_int(model->gguf, full, least, most, value);
    PLMR_TRY(get_each(model, full, &each));
    int i = 1, n = model->shape.n_layers;
    while (i < n && each[i] == each[0])
        i++;
    *value = each[0];
    int64_t other = i < n ? each[i] : each[0];
    free(each);
    if (other != *value)
        return plmr_gguf_fault(
            model->gguf, "key '%.80s' is %lld in layer 0 and %lld in layer %d; plmr computes layers that are alike",
            full, (long long)*value, (long long)other, i);
    if (*value < least || *value > most)
        return plmr_gguf_fault(model->gguf, "key '%.80s' is %lld; plmr takes %lld to %lld", full, (long long)*value,
                               (long long)least, (long long)most);
    return PLMR_OK;
}

/* Leaves *value alone where there is no such key. */
static plmr_status find_int(const plmr_model *model, const char *key, int64_t least, int64_t most, int64_t *value)
{
    return has(model, key) ? get_int(model, key, least, most, value) : PLMR_OK;
}

static plmr_status find_float(const plmr_model *model, const char *key, double least, double most, double *value)
{
    char full[KEY_SIZE];
    return has(model, key) ? plmr_gguf_get_float(model->gguf, key_of(model, key, full), least, most, value) : PLMR_OK;
}

/* Adapters and the like are GGUF files, too, and name an architecture. */
static plmr_status check_type(const plmr_model *model)
{
    plmr_gguf_text type = {"model", 5};
    char shown[40];
    if (plmr_gguf_has(model->gguf, "general.type"))
        PLMR_TRY(plmr_gguf_get_text(model->gguf, "general.type", &type));
    return plmr_gguf_text_is(type, "model")
               ? PLMR_OK
               : plmr_gguf_fault(model->gguf, "is of the type '%s', not a model; name the file of the model itself",
                                 plmr_gguf_show(type, shown, sizeof shown));
}

static plmr_status read_arch(plmr_model *model)
{
    plmr_gguf_text name;
    char shown[40], known[PLMR_ARCH_NAMES];
    PLMR_TRY(check_type(model));
    PLMR_TRY(plmr_gguf_get_text(model->gguf, "general.architecture", &name));
    plmr_arch_names(" and ", known);
    if (!plmr_arch_named(name, &model->shape.arch))
        return plmr_gguf_fault(model->gguf, "has the architecture '%s'; plmr computes %s",
                               plmr_gguf_show(name, shown, sizeof shown), known);
    return PLMR_OK;
}

static plmr_status read_title(plmr_model *model)
{
    plmr_gguf_text title;
    if (!plmr_gguf_has(model->gguf, "general.name"))
        return PLMR_OK;
    PLMR_TRY(plmr_gguf_get_text(model->gguf, "general.name", &title));
    plmr_gguf_show(title, model->shape.title, sizeof model->shape.title);
    return PLMR_OK;
}

/* Which layers have a window, as an array of truth values: all but each so-manieth, or all (0). */
static plmr_status get_period(const plmr_model *model, const char *key, int64_t *period)
{
    char full[KEY_SIZE];
    int64_t *each;
    int n = model->shape.n_layers, first = 0, i = 0;
    PLMR_TRY(get_each(model, key_of(model, key, full), &each));
    while (first < n && each[first])
        first++;
    *period = first < n ? first + 1 : 0;
    while (i < n && (each[i] != 0) == !(*period && (i + 1) % *period == 0))
        i++;
    free(each);
    return i == n ? PLMR_OK
                  : plmr_gguf_fault(model->gguf,
                                    "key '%.80s': layer %d has a window, or has none, out of turn; plmr computes "
                                    "models in which each so-manieth layer has none",
                                    full, i);
}

/* The architecture's own numbers. */
static plmr_status read_keys(plmr_model *model)
{
    char full[KEY_SIZE];
    plmr_shape_defaults(&model->shape);
    for (int i = 0; i < model->shape.arch->n_keys; i++) {
        const plmr_arch_key *key = &model->shape.arch->keys[i];
        double value = key->missing;
        int64_t whole = (int64_t)value;
        if (!key->must && !has(model, key->gguf))
            continue;
        if (key->type == PLMR_KEY_INT) {
            bool lists = key->at == offsetof(plmr_model_shape, global_period) &&
                         plmr_gguf_is_array(model->gguf, key_of(model, key->gguf, full));
            PLMR_TRY(lists ? get_period(model, key->gguf, &whole)
                           : get_int(model, key->gguf, (int64_t)key->least, (int64_t)key->most, &whole));
            value = (double)whole;
        } else
            PLMR_TRY(plmr_gguf_get_float(model->gguf, key_of(model, key->gguf, full), key->least, key->most, &value));
        plmr_shape_set(&model->shape, key, value);
    }
    return PLMR_OK;
}

static plmr_status read_numbers(plmr_model *model)
{
    char full[KEY_SIZE];
    for (int i = 0; i < PLMR_N_SHAPE_NUMBERS; i++) {
        const plmr_shape_number *number = &plmr_shape_numbers[i];
        int64_t value = 0;
        if (!number->optional_in_gguf || has(model, number->gguf))
            PLMR_TRY(get_int(model, number->gguf, 1, number->most, &value));
        *plmr_shape_number_in(&model->shape, number) = (int)value;
    }
    double eps, base = 10000;
    PLMR_TRY(plmr_gguf_get_float(model->gguf, key_of(model, "attention.layer_norm_rms_epsilon", full),
                                 PLMR_LEAST_RMS_EPS, PLMR_MOST_RMS_EPS, &eps));
    PLMR_TRY(find_float(model, "rope.freq_base", PLMR_LEAST_ROPE_BASE, PLMR_MOST_ROPE_BASE, &base));
    model->shape.rms_eps = (float)eps;
    model->shape.rope_base = base;
    return PLMR_OK;
}

/* Parts of a model that has been split. */
static plmr_status refuse_parts(const plmr_model *model)
{
    int64_t n_parts = 1;
    if (plmr_gguf_has(model->gguf, "split.count"))
        PLMR_TRY(plmr_gguf_get_int(model->gguf, "split.count", 0, INT_MAX, &n_parts));
    if (n_parts > 1 && !plmr_gguf_is_joined(model->gguf))
        return plmr_gguf_fault(model->gguf, "is one of the %lld parts of a split model; merge them into one file",
                               (long long)n_parts);
    return PLMR_OK;
}

/* What plmr computes one way only: keys that may be left out, and what they say if they are not. */
static const struct fixed {
    const char *key;
    enum { TRUTH, WHOLE, REAL } type;
    double value, as_good;
} fixed[] = {
    {"attention.causal", TRUTH, 1, 1},
    {"attention.clamp_kqv", REAL, 0, 0},
    {"attention.max_alibi_bias", REAL, 0, 0},
    {"use_parallel_residual", TRUTH, 0, 0},
    {"expert_gating_func", WHOLE, 1 /* softmax */, 1},
    {"expert_group_count", WHOLE, 0, 1},
    {"expert_weights_scale", REAL, 0, 1},
};

static plmr_status get_number(const plmr_model *model, const struct fixed *f, const char *full, double *value)
{
    int64_t whole = 0;
    bool truth = false;
    if (f->type == REAL)
        return plmr_gguf_get_float(model->gguf, full, -INFINITY, INFINITY, value);
    PLMR_TRY(f->type == TRUTH ? plmr_gguf_get_bool(model->gguf, full, &truth)
                              : plmr_gguf_get_int(model->gguf, full, INT64_MIN, INT64_MAX, &whole));
    *value = f->type == TRUTH ? truth : (double)whole;
    return PLMR_OK;
}

static plmr_status refuse_others(const plmr_model *model)
{
    char full[KEY_SIZE];
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++) {
        double value = fixed[i].value;
        if (has(model, fixed[i].key))
            PLMR_TRY(get_number(model, &fixed[i], key_of(model, fixed[i].key, full), &value));
        if (value != fixed[i].value && value != fixed[i].as_good)
            return plmr_gguf_fault(model->gguf, "key '%.80s' is %g; plmr computes models in which it is %g", full,
                                   value, fixed[i].as_good);
    }
    return PLMR_OK;
}

/* Layers of experts that an architecture has not, or whose weights are other shares than its own. */
static plmr_status refuse_experts(const plmr_model *model)
{
    char full[KEY_SIZE];
    int64_t n_experts = 0;
    bool weighs_all = model->shape.arch->weighs_all_experts, of_chosen = !weighs_all;
    PLMR_TRY(find_int(model, "expert_count", 0, INT_MAX, &n_experts));
    if (n_experts > 0 && !model->shape.arch->experts_layer)
        return plmr_gguf_fault(model->gguf, "has %lld experts a layer; plmr computes %s without any",
                               (long long)n_experts, model->shape.arch->name);
    if (has(model, "expert_weights_norm"))
        PLMR_TRY(plmr_gguf_get_bool(model->gguf, key_of(model, "expert_weights_norm", full), &of_chosen));
    if (of_chosen == weighs_all)
        return plmr_gguf_fault(model->gguf, "key '%.80s' is %d; plmr computes %s models in which it is %d", full,
                               of_chosen, model->shape.arch->name, !of_chosen);
    return PLMR_OK;
}

static plmr_status read_scaling_type(const plmr_model *model, plmr_rope_scaling *scaling)
{
    char full[KEY_SIZE], shown[40];
    plmr_gguf_text type = {"linear", 6};
    if (has(model, "rope.scaling.type"))
        PLMR_TRY(plmr_gguf_get_text(model->gguf, key_of(model, "rope.scaling.type", full), &type));
    scaling->is_yarn = plmr_gguf_text_is(type, "yarn");
    if (plmr_gguf_text_is(type, "none"))
        scaling->factor = 1;
    else if (!scaling->is_yarn && !plmr_gguf_text_is(type, "linear") && !plmr_gguf_text_is(type, "longrope"))
        return plmr_gguf_fault(model->gguf,
                               "scales its rotary angles by '%s'; plmr computes none, linear, yarn and longrope",
                               plmr_gguf_show(type, shown, sizeof shown));
    return PLMR_OK;
}

/* A factor of 0 is none. */
static plmr_status read_scaling(plmr_model *model)
{
    plmr_rope_scaling *scaling = &model->shape.scaling;
    double fast = scaling->fast, slow = scaling->slow, magnitude = scaling->magnitude;
    int64_t n_context = 0;
    PLMR_TRY(find_float(model, "rope.scale_linear", 0, 1e6, &scaling->factor));
    PLMR_TRY(find_float(model, "rope.scaling.factor", 0, 1e6, &scaling->factor));
    PLMR_TRY(find_int(model, "rope.scaling.original_context_length", 0, INT_MAX, &n_context));
    PLMR_TRY(find_float(model, "rope.scaling.attn_factor", 1e-6, 1e6, &magnitude));
    PLMR_TRY(find_float(model, "rope.scaling.yarn_beta_fast", 1e-6, 1e6, &fast));
    PLMR_TRY(find_float(model, "rope.scaling.yarn_beta_slow", 1e-6, 1e6, &slow));
    scaling->n_context = (int)n_context;
    scaling->fast = (float)fast;
    scaling->slow = (float)slow;
    scaling->magnitude = (float)magnitude;
    scaling->factor = scaling->factor == 0 ? 1 : scaling->factor;
    return read_scaling_type(model, scaling);
}

/* Architectures that do without a window, though a file has one: so far all tokens see all. */
static plmr_status read_context(plmr_model *model)
{
    int64_t window = 0, value_length = 0;
    plmr_model_shape *shape = &model->shape;
    PLMR_TRY(find_int(model, "attention.sliding_window", 0, INT64_MAX, &window));
    if (window > 0 && window < shape->n_context && !shape->window)
        shape->n_context = (int)window;
    PLMR_TRY(find_int(model, "attention.value_length", 0, INT_MAX, &value_length));
    if (value_length && value_length != shape->head_dim)
        return plmr_gguf_fault(model->gguf,
                               "has values of %lld elements a head and keys of %d; plmr computes equal sizes only",
                               (long long)value_length, shape->head_dim);
    return PLMR_OK;
}

/* What a file may have or leave out. */
static void read_options(plmr_model *model)
{
    char name[PLMR_WEIGHT_NAME];
    plmr_model_shape *shape = &model->shape;
    shape->has_tied_embeddings = !plmr_gguf_find(model->gguf, plmr_weight_infos[PLMR_OUTPUT].name);
    shape->has_qkv_biases =
        plmr_gguf_find(model->gguf, plmr_weight_full_name(shape->arch, PLMR_Q_BIAS, 0, name)) != NULL;
    shape->has_rope_factors =
        shape->arch->takes_rope_factors && plmr_gguf_find(model->gguf, plmr_weight_infos[PLMR_ROPE_FACTORS].name);
    shape->has_long_factors =
        shape->arch->takes_long_factors && plmr_gguf_find(model->gguf, plmr_weight_infos[PLMR_ROPE_LONG].name);
}

/* Where the file does not say how large its vocabulary is, the embedding does. */
static plmr_status find_vocab(plmr_model *model)
{
    const plmr_gguf_tensor *embedding = plmr_gguf_find(model->gguf, plmr_weight_infos[PLMR_EMBEDDING].name);
    if (!embedding)
        return plmr_gguf_fault(model->gguf, "lacks the tensor '%s'; name a file with a model's weights",
                               plmr_weight_infos[PLMR_EMBEDDING].name);
    if (embedding->rows > PLMR_MOST_VOCAB)
        return plmr_gguf_fault(model->gguf, "has an embedding of %lld tokens, plmr takes %d at most; use another model",
                               (long long)embedding->rows, PLMR_MOST_VOCAB);
    if (!model->shape.n_vocab)
        model->shape.n_vocab = (int)embedding->rows;
    return PLMR_OK;
}

/* What converters can put into one tensor, which plmr reads where all files of an architecture have it so. */
static const struct fused {
    enum plmr_weight which;
    const char *tensor;
} fused[] = {{PLMR_Q, "attn_qkv.weight"}, {PLMR_GATE_EXPERTS, "ffn_gate_up_exps.weight"}};

static plmr_status lacks(const plmr_model *model, enum plmr_weight which, int layer, const char *name)
{
    char other[PLMR_WEIGHT_NAME];
    for (size_t i = 0; i < sizeof fused / sizeof *fused; i++) {
        snprintf(other, sizeof other, "blk.%d.%s", layer, fused[i].tensor);
        if (which == fused[i].which && plmr_gguf_find(model->gguf, other))
            return plmr_gguf_fault(
                model->gguf, "has '%s' where plmr's %s has '%s' apart; convert the model again without a --fuse option",
                other, model->shape.arch->name, name);
    }
    return plmr_gguf_fault(model->gguf, "lacks the tensor '%s'; copy, download or convert the model again", name);
}

static plmr_status check_tensor(const plmr_model *model, enum plmr_weight which, int layer, int expert, bool *is_apart,
                                bool *known)
{
    char name[PLMR_WEIGHT_NAME];
    int64_t rows, cols;
    size_t n;
    const plmr_gguf_tensor *tensor = plmr_weight_tensor(model, which, layer, expert, is_apart, name);
    plmr_weight_size(&model->shape, which, &rows, &cols);
    rows = *is_apart ? rows : plmr_weight_tensor_rows(&model->shape, which);
    if (!tensor)
        return lacks(model, which, layer, name);
    if (tensor->rows != rows || tensor->cols != cols)
        return plmr_gguf_fault(
            model->gguf, "tensor '%s' is %lld x %lld, its keys call for %lld x %lld; convert the model again", name,
            (long long)tensor->rows, (long long)tensor->cols, (long long)rows, (long long)cols);
    known[tensor - plmr_gguf_tensors(model->gguf, &n)] = true;
    return PLMR_OK;
}

static plmr_status check_experts(const plmr_model *model, enum plmr_weight which, int layer, bool *known)
{
    bool is_apart = true;
    for (int expert = 0; expert < plmr_weight_count(&model->shape, which) && is_apart; expert++)
        PLMR_TRY(check_tensor(model, which, layer, expert, &is_apart, known));
    return PLMR_OK;
}

/* Marks what the model uses of the file's tensors. */
static plmr_status check_weights(const plmr_model *model, bool *known)
{
    for (int i = 0; i < PLMR_N_WEIGHTS; i++) {
        enum plmr_weight which = (enum plmr_weight)i;
        if (!plmr_weight_exists(&model->shape, which))
            continue;
        for (int layer = 0; layer < (plmr_weight_is_layered(which) ? model->shape.n_layers : 1); layer++)
            PLMR_TRY(check_experts(model, which, layer, known));
    }
    return PLMR_OK;
}

/* A tensor that plmr has no use for is part of a computation that it does not know. */
static plmr_status check_unknown(const plmr_model *model, const bool *known)
{
    size_t n;
    char shown[80];
    const plmr_gguf_tensor *tensors = plmr_gguf_tensors(model->gguf, &n);
    for (size_t i = 0; i < n; i++)
        if (!known[i])
            return plmr_gguf_fault(model->gguf,
                                   "has a tensor '%s' that plmr's %s does not use, so results would be wrong; use "
                                   "another model",
                                   plmr_gguf_show(tensors[i].name, shown, sizeof shown), model->shape.arch->name);
    return PLMR_OK;
}

static plmr_status check_tensors(const plmr_model *model)
{
    size_t n;
    plmr_gguf_tensors(model->gguf, &n);
    bool *known = plmr_take_zeroed(n + 1, sizeof *known);
    plmr_status status = check_weights(model, known);
    if (!status)
        status = check_unknown(model, known);
    free(known);
    return status;
}

/* An angle is divided by its factor. */
static plmr_status check_factors(const plmr_model *model, enum plmr_weight which)
{
    const plmr_gguf_tensor *factors = plmr_gguf_find(model->gguf, plmr_weight_infos[which].name);
    for (int64_t i = 0; plmr_weight_exists(&model->shape, which) && i < factors->cols; i++) {
        float factor;
        plmr_gguf_read(factors, 0, 1, i, 1, &factor, 1);
        if (!(factor > 0 && isfinite(factor)))
            return plmr_gguf_fault(model->gguf,
                                   "tensor '%s' has a factor %g, expected positive ones; convert the model again",
                                   plmr_weight_infos[which].name, factor);
    }
    return PLMR_OK;
}

static plmr_status read_ends(plmr_model *model)
{
    plmr_model_shape *shape = &model->shape;
    int64_t *ids = NULL;
    size_t n = 0, i = 0;
    if (plmr_gguf_has(model->gguf, PLMR_HF_ENDS))
        PLMR_TRY(plmr_gguf_get_ints(model->gguf, PLMR_HF_ENDS, &ids, &n));
    for (; i < n && i < PLMR_MOST_ENDS && ids[i] >= 0 && ids[i] < shape->n_vocab; i++)
        shape->ends[shape->n_ends++] = (int)ids[i];
    int64_t wrong = i < n ? ids[i] : 0;
    free(ids);
    if (i == PLMR_MOST_ENDS && i < n)
        return plmr_gguf_fault(model->gguf, "ends texts with %zu tokens; plmr takes %d at most", n, PLMR_MOST_ENDS);
    return i == n ? PLMR_OK
                  : plmr_gguf_fault(model->gguf,
                                    "ends texts with token %lld, which is none of its own, 0 to %d; correct its "
                                    "eos_token_id",
                                    (long long)wrong, shape->n_vocab - 1);
}

/* Rows that are not permuted turn by halves, whatever those of the architecture's GGUF files do. */
static plmr_status complete(plmr_model *model)
{
    bool halves = false;
    PLMR_TRY(plmr_shape_complete(&model->shape, plmr_gguf_path(model->gguf)));
    if (plmr_gguf_has(model->gguf, PLMR_HF_HALVES))
        PLMR_TRY(plmr_gguf_get_bool(model->gguf, PLMR_HF_HALVES, &halves));
    if (halves)
        model->shape.rope_pairs = PLMR_ROPE_HALVES;
    PLMR_TRY(read_ends(model));
    return read_context(model);
}

static plmr_status read_keys_alone(plmr_model *model)
{
    PLMR_TRY(read_arch(model));
    PLMR_TRY(refuse_parts(model));
    PLMR_TRY(read_title(model));
    PLMR_TRY(read_numbers(model));
    PLMR_TRY(refuse_others(model));
    PLMR_TRY(refuse_experts(model));
    PLMR_TRY(read_keys(model));
    return read_scaling(model);
}

plmr_status plmr_model_read_gguf_keys(plmr_model *model)
{
    PLMR_TRY(read_keys_alone(model));
    PLMR_TRY(plmr_gguf_get_bool(model->gguf, PLMR_HF_TIED, &model->shape.has_tied_embeddings));
    PLMR_TRY(plmr_gguf_get_bool(model->gguf, PLMR_HF_BIASES, &model->shape.has_qkv_biases));
    return complete(model);
}

plmr_status plmr_model_read_gguf(plmr_model *model)
{
    PLMR_TRY(read_keys_alone(model));
    PLMR_TRY(find_vocab(model));
    read_options(model);
    PLMR_TRY(complete(model));
    PLMR_TRY(check_tensors(model));
    PLMR_TRY(check_factors(model, PLMR_ROPE_LONG));
    PLMR_TRY(check_factors(model, PLMR_ROPE_SHORT));
    return check_factors(model, PLMR_ROPE_FACTORS);
}
