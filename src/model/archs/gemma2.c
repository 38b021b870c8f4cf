#include "model/shape.h"

#include <math.h>

/* Norms on both sides of attention and of the FFN, whose gate is gelu. */
static const plmr_step layer[] = {
    PLMR_STEPS_HEADS(PLMR_STEP_QKV),
    PLMR_STEPS_ATTENTION,
    PLMR_STEP(NORM, ADDED, {.out = PLMR_ADDED, .name = "attn_post_norm", .weight = PLMR_POST_ATTN_NORM}),
    PLMR_STEPS_ADD_AND_NORM,
    PLMR_STEPS_FFN(NORMED, GATE_GELU),
    PLMR_STEP(NORM, ADDED, {.out = PLMR_ADDED, .name = "ffn_post_norm", .weight = PLMR_POST_FFN_NORM}),
    PLMR_STEPS_ADD_AND_END,
};

/* Every second layer sees all. The largest model, of 46 layers, scales scores by its dimension. */
static const plmr_arch_key keys[] = {
    PLMR_KEY("attention.sliding_window", "window", window, INT, 1, 1 << 30, 4096),
    PLMR_KEY("attention.sliding_window_pattern", NULL, global_period, INT, 0, 1 << 12, 2),
    PLMR_KEY("attn_logit_softcapping", "score_cap", score_cap, FLOAT, 1e-3, 1e6, 50),
    PLMR_KEY("final_logit_softcapping", "logit_cap", logit_cap, FLOAT, 1e-3, 1e6, 30),
};

static void derive(plmr_model_shape *shape)
{
    int of = shape->n_layers == 46 ? shape->dim / shape->n_heads : shape->head_dim;
    shape->attention_scale = 1 / sqrtf((float)of);
    shape->embedding_scale = sqrtf((float)shape->dim);
}

const plmr_arch plmr_arch_gemma2 = {
    .name = "gemma2",
    .rope_pairs = PLMR_ROPE_HALVES,
    .layer = layer,
    .derive = derive,
    PLMR_ARCH_KEYS(keys),
};
