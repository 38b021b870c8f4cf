#include "infer/expert_place.h"

const plmr_expert_place plmr_expert_place_sliced = {
    .name = "sliced",
    .summary = "every core of a layer's region has a slice of each of its experts",
};
