#include "model/shape.h"

#include <math.h>

/* As gemma2's, with norms of each head of queries and keys instead of caps. */
static const plmr_step layer[] = {
    PLMR_STEPS_HEADS(PLMR_STEP_QKV),
    PLMR_STEP(NORM, QUERY, {.out = PLMR_QUERY, .weight = PLMR_Q_NORM}, {.out = PLMR_KEY, .weight = PLMR_K_NORM}),
    PLMR_STEPS_ATTENTION,
    PLMR_STEP(NORM, ADDED, {.out = PLMR_ADDED, .name = "attn_post_norm", .weight = PLMR_POST_ATTN_NORM}),
    PLMR_STEPS_ADD_AND_NORM,
    PLMR_STEPS_FFN(NORMED, GATE_GELU),
    PLMR_STEP(NORM, ADDED, {.out = PLMR_ADDED, .name = "ffn_post_norm", .weight = PLMR_POST_FFN_NORM}),
    PLMR_STEPS_ADD_AND_END,
};

/* Every sixth layer sees all, and turns by the base that others call theirs; layers with a window have another. The
 * largest model, of 62 layers, scales scores by its dimension. */
static const plmr_arch_key keys[] = {
    PLMR_KEY("attention.sliding_window", "window", window, INT, 1, 1 << 30, 0),
    PLMR_KEY("attention.sliding_window_pattern", NULL, global_period, INT, 0, 1 << 12, 6),
    PLMR_KEY("rope.freq_base_swa", "window_rope_base", window_rope_base, DOUBLE, 1, 1e12, 10000),
    PLMR_KEY("final_logit_softcapping", NULL, logit_cap, FLOAT, 1e-3, 1e6, 0),
};

static void derive(plmr_model_shape *shape)
{
    int of = shape->n_layers == 62 ? shape->dim / shape->n_heads : shape->head_dim;
    shape->attention_scale = 1 / sqrtf((float)of);
    shape->embedding_scale = sqrtf((float)shape->dim);
}

const plmr_arch plmr_arch_gemma3 = {
    .name = "gemma3",
    .rope_pairs = PLMR_ROPE_HALVES,
    .layer = layer,
    .derive = derive,
    PLMR_ARCH_KEYS(keys),
};
