#include "model/shape.h"

/* Queries, keys and values are rows of one tensor, gate and up of another. */
static const plmr_arch_slice slices[] = {
    {PLMR_Q, "attn_qkv.weight", {PLMR_N_DIMENSIONS, PLMR_N_DIMENSIONS}},
    {PLMR_K, "attn_qkv.weight", {PLMR_QUERIES, PLMR_N_DIMENSIONS}},
    {PLMR_V, "attn_qkv.weight", {PLMR_QUERIES, PLMR_KEYS}},
    {PLMR_GATE, "ffn_up.weight", {PLMR_N_DIMENSIONS, PLMR_N_DIMENSIONS}},
    {PLMR_UP, "ffn_up.weight", {PLMR_FFN, PLMR_N_DIMENSIONS}},
};

const plmr_arch plmr_arch_phi3 = {
    .name = "phi3",
    .rope_pairs = PLMR_ROPE_HALVES,
    .takes_long_factors = true,
    .layer = plmr_llama_layer,
    PLMR_ARCH_SLICES(slices),
};
