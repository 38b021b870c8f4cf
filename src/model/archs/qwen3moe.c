#include "model/experts.h"

/* As qwen3's, with experts in place of the FFN. */
static const plmr_step layer[] = {
    PLMR_STEP(NORM, STREAM, {.out = PLMR_NORMED, .name = "attn_norm", .weight = PLMR_ATTN_NORM}),
    PLMR_STEP_QKV(NORMED),
    {.id = PLMR_STEP_TO_HEADS},
    PLMR_STEP(NORM, QUERY, {.out = PLMR_QUERY, .weight = PLMR_Q_NORM}, {.out = PLMR_KEY, .weight = PLMR_K_NORM}),
    PLMR_STEPS_ATTENTION,
    PLMR_STEP(ADD, ADDED, {.out = PLMR_STREAM}),
    PLMR_STEP(NORM, STREAM, {.out = PLMR_NORMED, .name = "ffn_norm", .weight = PLMR_FFN_NORM}),
    PLMR_STEPS_EXPERTS(EXPERTS),
    PLMR_STEP(ADD, ADDED, {.out = PLMR_STREAM}),
    {.id = PLMR_STEP_SCALARS},
    {.id = PLMR_STEP_END},
};

static const plmr_arch_key keys[] = {PLMR_EXPERT_KEYS};

const plmr_arch plmr_arch_qwen3moe = {
    .name = "qwen3moe", .rope_pairs = PLMR_ROPE_HALVES, .experts_layer = layer, PLMR_ARCH_KEYS(keys)};
