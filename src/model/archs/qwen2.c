#include "model/arch.h"

const plmr_arch plmr_arch_qwen2 = {
    .name = "qwen2",
    .rope_pairs = PLMR_ROPE_HALVES,
    .needs_biases = true,
    .layer = plmr_llama_layer,
};
