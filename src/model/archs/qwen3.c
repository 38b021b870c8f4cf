#include "model/arch.h"

/* As llama's, with a norm of each head of queries and keys before they are turned. */
static const plmr_step layer[] = {
    PLMR_STEP(NORM, STREAM, {.out = PLMR_NORMED, .name = "attn_norm", .weight = PLMR_ATTN_NORM}),
    PLMR_STEP(PRODUCTS, NORMED, {.out = PLMR_QUERY, .name = "q", .weight = PLMR_Q},
              {.out = PLMR_KEY, .name = "k", .weight = PLMR_K}, {.out = PLMR_VALUE, .name = "v", .weight = PLMR_V}),
    {.id = PLMR_STEP_TO_HEADS},
    PLMR_STEP(NORM, QUERY, {.out = PLMR_QUERY, .weight = PLMR_Q_NORM}, {.out = PLMR_KEY, .weight = PLMR_K_NORM}),
    PLMR_STEP(ATTENTION, QUERY, {.out = PLMR_ATTENDED, .name = "attn"}),
    PLMR_STEP(PRODUCTS, ATTENDED, {.out = PLMR_ADDED, .name = "attn_out", .weight = PLMR_ATTN_OUTPUT}),
    PLMR_STEP(ADD, ADDED, {.out = PLMR_STREAM}),
    PLMR_STEP(NORM, STREAM, {.out = PLMR_NORMED, .name = "ffn_norm", .weight = PLMR_FFN_NORM}),
    PLMR_STEP(PRODUCTS, NORMED, {.out = PLMR_GATED, .name = "ffn_gate", .weight = PLMR_GATE},
              {.out = PLMR_HIDDEN, .name = "ffn_up", .weight = PLMR_UP}),
    PLMR_STEP(GATE, GATED, {.out = PLMR_HIDDEN, .name = "ffn_hidden"}),
    PLMR_STEP(PRODUCTS, HIDDEN, {.out = PLMR_ADDED, .name = "ffn_out", .weight = PLMR_DOWN}),
    PLMR_STEP(ADD, ADDED, {.out = PLMR_STREAM}),
    {.id = PLMR_STEP_SCALARS},
    {.id = PLMR_STEP_END},
};

const plmr_arch plmr_arch_qwen3 = {.name = "qwen3", .rope_pairs = PLMR_ROPE_HALVES, .layer = layer};
