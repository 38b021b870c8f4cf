#include "model/shape.h"

static void derive(plmr_model_shape *shape)
{
    shape->unturned_period = 4;
}

/* As llama's; every fourth layer does without rope. */
const plmr_arch plmr_arch_smollm3 = {
    .name = "smollm3",
    .rope_pairs = PLMR_ROPE_NEIGHBOURS,
    .layer = plmr_llama_layer,
    .derive = derive,
};
