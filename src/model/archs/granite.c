#include "model/shape.h"

/* As llama's; what is added to the stream is scaled, as are embeddings, scores and logits. */
static const plmr_step layer[] = {
    PLMR_STEPS_HEADS(PLMR_STEP_QKV),
    PLMR_STEPS_ATTENTION,
    PLMR_STEP(ADD_SCALED, ADDED, {.out = PLMR_STREAM}),
    PLMR_STEP(NORM, STREAM, {.out = PLMR_NORMED, .name = "ffn_norm", .weight = PLMR_FFN_NORM}),
    PLMR_STEPS_FFN(NORMED, GATE),
    PLMR_STEP(ADD_SCALED, ADDED, {.out = PLMR_STREAM}),
    {.id = PLMR_STEP_SCALARS},
    {.id = PLMR_STEP_END},
};

static const plmr_arch_key keys[] = {
    PLMR_NEEDED_KEY("logit_scale", "logit_scale", logit_scale, FLOAT, 1e-6, 1e6),
    PLMR_KEY("residual_scale", "residual_scale", residual_scale, FLOAT, 1e-6, 1e6, 1),
    PLMR_KEY("embedding_scale", "embedding_scale", embedding_scale, FLOAT, 1e-6, 1e6, 1),
    PLMR_KEY("attention.scale", "attention_scale", attention_scale, FLOAT, 0, 1e6, 0),
};

const plmr_arch plmr_arch_granite = {
    .name = "granite",
    .rope_pairs = PLMR_ROPE_NEIGHBOURS,
    .takes_rope_factors = true,
    .takes_long_factors = true,
    .layer = layer,
    PLMR_ARCH_KEYS(keys),
};
