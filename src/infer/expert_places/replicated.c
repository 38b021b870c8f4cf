#include "infer/expert_place.h"

const plmr_expert_place plmr_expert_place_replicated = {
    .name = "replicated",
    .summary = "as regions, but each of them has the hottest experts, whose tokens take turns",
    .spread = PLMR_EXPERTS_IN_REGIONS,
    .repeats_hot = true,
};
