#include "model/experts.h"

/* As llama's, with an attention temperature. */
static const plmr_arch_key keys[] = {
    PLMR_EXPERT_KEYS,
    PLMR_KEY("attention.temperature_scale", NULL, temperature_scale, FLOAT, 0, 1e3, 0),
    PLMR_KEY("rope.scaling.yarn_log_multiplier", NULL, scaling.log_scale, FLOAT, 0, 1e3, 0),
};

const plmr_arch plmr_arch_mistral3 = {
    .name = "mistral3",
    .rope_pairs = PLMR_ROPE_NEIGHBOURS,
    .takes_rope_factors = true,
    .takes_long_factors = true,
    .layer = plmr_llama_layer,
    .experts_layer = plmr_llama_experts_layer,
    PLMR_ARCH_KEYS(keys),
};
