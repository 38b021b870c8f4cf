#include "model/shape.h"

/* Norms come after attention and the FFN, and of queries and keys as a whole. */
static const plmr_step layer[] = {
    PLMR_STEP_QKV(STREAM),
    PLMR_STEP(NORM, QUERY, {.out = PLMR_QUERY, .name = "q_norm", .weight = PLMR_Q_NORM_WHOLE}),
    PLMR_STEP(NORM, KEY, {.out = PLMR_KEY, .name = "k_norm", .weight = PLMR_K_NORM_WHOLE}),
    {.id = PLMR_STEP_TO_HEADS},
    PLMR_STEPS_ATTENTION,
    PLMR_STEP(NORM, ADDED, {.out = PLMR_ADDED, .name = "attn_post_norm", .weight = PLMR_POST_ATTN_NORM}),
    PLMR_STEP(ADD, ADDED, {.out = PLMR_STREAM}),
    PLMR_STEPS_FFN(STREAM, GATE),
    PLMR_STEP(NORM, ADDED, {.out = PLMR_ADDED, .name = "ffn_post_norm", .weight = PLMR_POST_FFN_NORM}),
    PLMR_STEPS_ADD_AND_END,
};

/* Where a file has a window, all layers but every fourth have it. These turn by the unscaled base. */
static const plmr_arch_key keys[] = {
    PLMR_KEY("attention.sliding_window", "window", window, INT, 0, 1 << 30, 0),
    PLMR_KEY("attention.sliding_window_pattern", NULL, global_period, INT, 0, 1 << 12, 4),
};

static void derive(plmr_model_shape *shape)
{
    shape->window_rope_base = shape->rope_base;
}

const plmr_arch plmr_arch_olmo2 = {
    .name = "olmo2",
    .rope_pairs = PLMR_ROPE_HALVES,
    .layer = layer,
    .derive = derive,
    PLMR_ARCH_KEYS(keys),
};
