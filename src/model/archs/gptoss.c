#include "model/experts.h"

/* Biases everywhere; a sink for each head; experts whose gate is clipped. The norm before the experts goes by the name of
 * one that follows attention. */
static const plmr_step layer[] = {
    PLMR_STEPS_HEADS(PLMR_STEP_QKV_BIASED),
    PLMR_STEP(ATTENTION, QUERY, {.out = PLMR_ATTENDED, .name = "attn", .weight = PLMR_SINKS}),
    PLMR_STEP(PRODUCTS, ATTENDED,
              {.out = PLMR_ADDED, .name = "attn_out", .weight = PLMR_ATTN_OUTPUT, .bias = PLMR_ATTN_OUTPUT_BIAS}),
    PLMR_STEP(ADD, ADDED, {.out = PLMR_STREAM}),
    PLMR_STEP(NORM, STREAM, {.out = PLMR_NORMED, .name = "ffn_norm", .weight = PLMR_POST_ATTN_NORM}),
    PLMR_STEPS_EXPERTS(EXPERTS_CLIPPED),
    PLMR_STEPS_ADD_AND_END,
};

static const plmr_arch_key keys[] = {
    PLMR_EXPERT_KEYS, PLMR_KEY("attention.sliding_window", "window", window, INT, 0, 1 << 30, 0),
    PLMR_KEY("attention.sliding_window_pattern", NULL, global_period, INT, 0, 1 << 12, 2), /* every second sees all */
};

const plmr_arch plmr_arch_gptoss = {
    .name = "gpt-oss",
    .rope_pairs = PLMR_ROPE_HALVES,
    .needs_biases = true,
    .has_biases = true,
    .experts_layer = layer,
    PLMR_ARCH_KEYS(keys),
};
