#include "model/experts.h"

/* As qwen2's; a token has a share of an expert that all tokens have, and those that it is routed to, whose weights are
 * their shares of all. */
static const plmr_step layer[] = {
    PLMR_STEPS_HEADS(PLMR_STEP_QKV_BIASED),
    PLMR_STEPS_ATTENTION,
    PLMR_STEPS_ADD_AND_NORM,
    PLMR_STEP(EVERYWHERE, NORMED, {.out = PLMR_SHARE, .name = "share", .weight = PLMR_SHARE_WEIGHT}),
    PLMR_STEP(PRODUCTS, NORMED, {.out = PLMR_SHARED_GATED, .name = "shared_gate", .weight = PLMR_GATE_SHARED},
              {.out = PLMR_SHARED_HIDDEN, .name = "shared_up", .weight = PLMR_UP_SHARED}),
    PLMR_STEP(GATE, SHARED_GATED, {.out = PLMR_SHARED_HIDDEN, .name = "shared_hidden"}),
    PLMR_STEP(PRODUCTS, SHARED_HIDDEN, {.out = PLMR_ADDED, .name = "shared_out", .weight = PLMR_DOWN_SHARED}),
    PLMR_STEP(SHARE, SHARE, {.out = PLMR_ADDED}),
    PLMR_STEP(ADD, ADDED, {.out = PLMR_STREAM}),
    PLMR_STEPS_EXPERTS(EXPERTS),
    PLMR_STEPS_ADD_AND_END,
};

static const plmr_arch_key keys[] = {
    PLMR_EXPERT_KEYS,
    PLMR_KEY("expert_shared_feed_forward_length", "shared_ffn", n_shared_ffn, INT, 1, 1 << 24, 0),
};

static void derive(plmr_model_shape *shape)
{
    shape->n_shared_ffn = shape->n_shared_ffn ? shape->n_shared_ffn : shape->n_ffn;
}

const plmr_arch plmr_arch_qwen2moe = {
    .name = "qwen2moe",
    .rope_pairs = PLMR_ROPE_HALVES,
    .needs_biases = true,
    .weighs_all_experts = true,
    .experts_layer = layer,
    .derive = derive,
    PLMR_ARCH_KEYS(keys),
};
