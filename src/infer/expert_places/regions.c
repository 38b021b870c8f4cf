#include "infer/expert_place.h"

static bool is_everywhere(int n_hot, int rank)
{
    (void)n_hot, (void)rank;
    return false;
}

const plmr_expert_place plmr_expert_place_regions = {
    .name = "regions",
    .summary = "neighbouring regions share the experts of their layers, each expert in one of them",
    .spread = PLMR_EXPERTS_IN_REGIONS,
    .is_everywhere = is_everywhere,
};
