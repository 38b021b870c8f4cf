#include "infer/expert_place.h"

static bool is_everywhere(int n_hot, int rank)
{
    return rank < n_hot;
}

const plmr_expert_place plmr_expert_place_replicated = {
    .name = "replicated",
    .summary = "as regions, but each of them has the hottest experts, whose tokens take turns",
    .spread = PLMR_EXPERTS_IN_REGIONS,
    .is_everywhere = is_everywhere,
};
