#include "infer/expert_place.h"

const plmr_expert_place plmr_expert_place_blocks = {
    .name = "blocks",
    .summary = "each expert has a rectangle of its layer's region, and tokens go there along rows and columns",
    .spread = PLMR_EXPERTS_IN_BLOCKS,
};
