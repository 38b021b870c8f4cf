#include "infer/expert_place.h"

const plmr_expert_place plmr_expert_place_regions = {
    .name = "regions",
    .summary = "neighbouring regions share the experts of their layers, each expert in one of them",
    .spread = PLMR_EXPERTS_IN_REGIONS,
};
