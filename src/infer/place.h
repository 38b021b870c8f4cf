/* place.h - where a model would lie on a device, in regions of the sizes that suit it, with one token of one request.
 */
#pragma once

#include "infer/timing.h"

/* Where decode's experts may be, and how the model then lies; `fits` false: it does not. */
typedef struct plmr_place_experts {
    const plmr_expert_place *place;
    bool fits;
    plmr_placement decode;
} plmr_place_experts;

enum { PLMR_MOST_PLACES = 8 };

typedef struct plmr_place {
    plmr_placement prefill, decode;
    plmr_heads heads; /* on the columns of decode */
    int64_t n_wafers; /* that it takes */
    int n_experts;    /* placements of experts, by their numbers; 0: it has no experts */
    plmr_place_experts experts[PLMR_MOST_PLACES];
} plmr_place;

/* Fails where a core's memory or routes do not do. Collective; the ranks are one row. */
plmr_status plmr_place_find(plmr_ranks *ranks, const plmr_device *device, const plmr_model_shape *shape,
                            plmr_place *place);
