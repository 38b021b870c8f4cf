#include "model/shape_internal.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST_WIDTH = 1 << 24, MOST_DIM = 1 << 20, MOST_HEADS = 1 << 16, MOST_LAYERS = 1 << 12, MOST_CONTEXT = 1 << 30 };

#define AT(member) offsetof(plmr_model_shape, member)

const plmr_shape_number plmr_shape_numbers[PLMR_N_SHAPE_NUMBERS] = {
    {"layers", "block_count", AT(n_layers), MOST_LAYERS, false, false},
    {"dim", "embedding_length", AT(dim), MOST_DIM, false, false},
    {"heads", "attention.head_count", AT(n_heads), MOST_HEADS, false, false},
    {"kv_heads", "attention.head_count_kv", AT(n_kv_heads), MOST_HEADS, true, true},
    {"head_dim", "attention.key_length", AT(head_dim), MOST_HEADS, true, true},
    {"ffn", "feed_forward_length", AT(n_ffn), MOST_WIDTH, false, false},
    {"vocab", "vocab_size", AT(n_vocab), PLMR_MOST_VOCAB, false, true},
    {"context", "context_length", AT(n_context), MOST_CONTEXT, false, false},
    {NULL, "rope.dimension_count", AT(rope_dim), MOST_HEADS, true, true},
};

void plmr_arch_names(const char *last, char text[PLMR_ARCH_NAMES])
{
    int n = plmr_arch_count();
    size_t used = 0;
    for (int i = 0; i < n; i++)
        used += (size_t)snprintf(text + used, PLMR_ARCH_NAMES - used, "%s%s", plmr_arch_at(i)->name,
                                 i + 2 < n    ? ", "
                                 : i + 2 == n ? last
                                              : "");
}

bool plmr_arch_named(plmr_gguf_text name, const plmr_arch **arch)
{
    for (int i = 0; i < plmr_arch_count(); i++)
        if (plmr_gguf_text_is(name, plmr_arch_at(i)->name)) {
            *arch = plmr_arch_at(i);
            return true;
        }
    return false;
}

void plmr_shape_set(plmr_model_shape *shape, const plmr_arch_key *key, double value)
{
    char *at = (char *)shape + key->at;
    if (key->type == PLMR_KEY_INT)
        *(int *)(void *)at = (int)value;
    else if (key->type == PLMR_KEY_FLOAT)
        *(float *)(void *)at = (float)value;
    else
        *(double *)(void *)at = value;
}

void plmr_shape_defaults(plmr_model_shape *shape)
{
    shape->embedding_scale = shape->residual_scale = shape->logit_scale = 1;
    shape->scaling = (plmr_rope_scaling){.factor = 1, .fast = 32, .slow = 1, .magnitude = 1};
    for (int i = 0; i < shape->arch->n_keys; i++)
        plmr_shape_set(shape, &shape->arch->keys[i], shape->arch->keys[i].missing);
}

static plmr_status complete_heads(plmr_model_shape *shape, const char *path)
{
    if (!shape->n_kv_heads)
        shape->n_kv_heads = shape->n_heads;
    PLMR_CHECK(shape->n_heads % shape->n_kv_heads == 0, PLMR_ERROR_INPUT,
               "%.500s: %d heads cannot share %d key-value heads evenly; correct one of them", path, shape->n_heads,
               shape->n_kv_heads);
    if (!shape->head_dim) {
        PLMR_CHECK(
            shape->dim % shape->n_heads == 0, PLMR_ERROR_INPUT,
            "%.500s: a dimension of %d is no multiple of %d heads; correct one of them, or give the size of a head",
            path, shape->dim, shape->n_heads);
        shape->head_dim = shape->dim / shape->n_heads;
    }
    PLMR_CHECK(shape->head_dim % 2 == 0, PLMR_ERROR_INPUT,
               "%.500s: a head of %d elements has no pairs to rotate; its size must be even", path, shape->head_dim);
    PLMR_CHECK((int64_t)shape->n_heads * shape->head_dim <= MOST_WIDTH, PLMR_ERROR_INPUT,
               "%.500s: %d heads of %d elements are more than the %d that plmr computes with; correct one of them",
               path, shape->n_heads, shape->head_dim, MOST_WIDTH);
    return PLMR_OK;
}

static plmr_status complete_experts(plmr_model_shape *shape, const char *path)
{
    const char *arch = shape->arch->name;
    PLMR_CHECK(shape->n_experts || shape->arch->layer, PLMR_ERROR_INPUT,
               "%.500s: a %s without experts; give how many it has and how many of them a token uses", path, arch);
    PLMR_CHECK(!shape->n_experts || (shape->n_used >= 1 && shape->n_used <= shape->n_experts), PLMR_ERROR_INPUT,
               "%.500s: a token uses %d of %d experts; it must be 1 to %d of them", path, shape->n_used,
               shape->n_experts, shape->n_experts);
    if (shape->n_experts && !shape->n_expert_ffn)
        shape->n_expert_ffn = shape->n_ffn;
    return PLMR_OK;
}

float plmr_shape_temperature(const plmr_model_shape *shape, int64_t position)
{
    if (shape->temperature_scale == 0)
        return 1;
    return (float)(1 + (double)shape->temperature_scale * log((double)(1 + position / shape->scaling.n_context)));
}

plmr_status plmr_shape_complete(plmr_model_shape *shape, const char *path)
{
    PLMR_TRY(complete_heads(shape, path));
    PLMR_TRY(complete_experts(shape, path));
    if (!shape->rope_dim)
        shape->rope_dim = shape->head_dim;
    PLMR_CHECK(shape->rope_dim <= shape->head_dim && shape->rope_dim % 2 == 0, PLMR_ERROR_INPUT,
               "%.500s: rotates %d of the %d elements of a head; it must be an even number of them", path,
               shape->rope_dim, shape->head_dim);
    shape->rope_pairs = shape->arch->rope_pairs;
    shape->has_qkv_biases = shape->has_qkv_biases || shape->arch->needs_biases;
    if (shape->arch->derive)
        shape->arch->derive(shape);
    PLMR_CHECK(shape->temperature_scale == 0 || shape->scaling.n_context > 0, PLMR_ERROR_INPUT,
               "%.500s: has an attention temperature, but not the context that it was made for "
               "(rope.scaling.original_context_length); convert the model again",
               path);
    if (shape->attention_scale == 0)
        shape->attention_scale = 1 / sqrtf((float)shape->head_dim);
    return PLMR_OK;
}
