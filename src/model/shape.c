#include "model/shape_internal.h"

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

static const char *const arch_names[PLMR_N_ARCHS] = {[PLMR_LLAMA] = "llama", [PLMR_QWEN2] = "qwen2"};

const char *plmr_arch_name(enum plmr_arch arch)
{
    return arch_names[arch];
}

bool plmr_arch_find(plmr_gguf_text name, enum plmr_arch *arch)
{
    for (int i = 0; i < PLMR_N_ARCHS; i++)
        if (plmr_gguf_text_is(name, arch_names[i])) {
            *arch = (enum plmr_arch)i;
            return true;
        }
    return false;
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

plmr_status plmr_shape_complete(plmr_model_shape *shape, const char *path)
{
    PLMR_TRY(complete_heads(shape, path));
    if (!shape->rope_dim)
        shape->rope_dim = shape->head_dim;
    PLMR_CHECK(shape->rope_dim == shape->head_dim, PLMR_ERROR_INPUT,
               "%.500s: rotates %d of the %d elements of a head; plmr computes models that rotate all of them", path,
               shape->rope_dim, shape->head_dim);
    shape->rope_pairs = shape->arch == PLMR_LLAMA ? PLMR_ROPE_NEIGHBOURS : PLMR_ROPE_HALVES;
    shape->has_qkv_biases = shape->has_qkv_biases || shape->arch == PLMR_QWEN2;
    return PLMR_OK;
}
