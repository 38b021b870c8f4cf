#include "model/experts.h"

/* As qwen3's, with experts in place of the FFN. */
static const plmr_step layer[] = {
    PLMR_STEPS_HEADS(PLMR_STEP_QKV),
    PLMR_STEP(NORM, QUERY, {.out = PLMR_QUERY, .weight = PLMR_Q_NORM}, {.out = PLMR_KEY, .weight = PLMR_K_NORM}),
    PLMR_STEPS_ATTENTION,
    PLMR_STEPS_ADD_AND_NORM,
    PLMR_STEPS_EXPERTS(EXPERTS),
    PLMR_STEPS_ADD_AND_END,
};

static const plmr_arch_key keys[] = {PLMR_EXPERT_KEYS};

const plmr_arch plmr_arch_qwen3moe = {
    .name = "qwen3moe", .rope_pairs = PLMR_ROPE_HALVES, .experts_layer = layer, PLMR_ARCH_KEYS(keys)};
