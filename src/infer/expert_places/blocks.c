#include "infer/expert_place.h"

static bool is_everywhere(int n_hot, int rank)
{
    (void)n_hot, (void)rank;
    return false;
}

const plmr_expert_place plmr_expert_place_blocks = {
    .name = "blocks",
    .summary = "each expert has a rectangle of its layer's region, and tokens go there along rows and columns",
    .spread = PLMR_EXPERTS_IN_BLOCKS,
    .is_everywhere = is_everywhere,
};
