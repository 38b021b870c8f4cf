#include "infer/expert_place.h"

static bool is_everywhere(int n_hot, int rank)
{
    (void)n_hot, (void)rank;
    return false;
}

const plmr_expert_place plmr_expert_place_sliced = {
    .name = "sliced",
    .summary = "every core of a layer's region has a slice of each of its experts",
    .is_everywhere = is_everywhere,
};
