#include "infer/expert_place.h"

const plmr_expert_place plmr_expert_place_wafers = {
    .name = "wafers",
    .summary = "wafers share the experts of every layer, each expert in the layer's region of one of them",
    .spread = PLMR_EXPERTS_ON_WAFERS,
};
