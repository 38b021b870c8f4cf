#include "model/experts.h"
#include "model/hf.h"

const plmr_step plmr_llama_layer[] = {
    PLMR_STEPS_HEADS(PLMR_STEP_QKV_BIASED), /* some files have biases, and qwen2's all */
    PLMR_STEPS_ATTENTION,
    PLMR_STEPS_ADD_AND_NORM,
    PLMR_STEPS_FFN(NORMED, GATE),
    PLMR_STEPS_ADD_AND_END,
};

/* Mixtral's: the same with experts. */
const plmr_step plmr_llama_experts_layer[] = {
    PLMR_STEPS_HEADS(PLMR_STEP_QKV_BIASED),
    PLMR_STEPS_ATTENTION,
    PLMR_STEPS_ADD_AND_NORM,
    PLMR_STEPS_EXPERTS(EXPERTS),
    PLMR_STEPS_ADD_AND_END,
};

/* Mistral's window, for which llama.cpp's llama has no key. */
static const plmr_arch_key keys[] = {
    PLMR_EXPERT_KEYS,
    PLMR_KEY(PLMR_HF_WINDOW, "window", window, INT, 0, 1 << 30, 0),
};

const plmr_arch plmr_arch_llama = {
    .name = "llama",
    .rope_pairs = PLMR_ROPE_NEIGHBOURS,
    .takes_rope_factors = true,
    .takes_long_factors = true,
    .layer = plmr_llama_layer,
    .experts_layer = plmr_llama_experts_layer,
    PLMR_ARCH_KEYS(keys),
};
