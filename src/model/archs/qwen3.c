#include "model/arch.h"

/* As llama's, with a norm of each head of queries and keys before they are turned. */
static const plmr_step layer[] = {
    PLMR_STEPS_HEADS(PLMR_STEP_QKV),
    PLMR_STEP(NORM, QUERY, {.out = PLMR_QUERY, .weight = PLMR_Q_NORM}, {.out = PLMR_KEY, .weight = PLMR_K_NORM}),
    PLMR_STEPS_ATTENTION,
    PLMR_STEPS_ADD_AND_NORM,
    PLMR_STEPS_FFN(NORMED, GATE),
    PLMR_STEPS_ADD_AND_END,
};

const plmr_arch plmr_arch_qwen3 = {.name = "qwen3", .rope_pairs = PLMR_ROPE_HALVES, .layer = layer};
