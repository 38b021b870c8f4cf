/* place.h - where a model would lie on a device, in regions of the sizes that suit it, with one token of one request.
 */
#pragma once

#include "infer/timing.h"

typedef struct plmr_place {
    plmr_placement prefill, decode;
    plmr_heads heads; /* on the columns of decode */
    int64_t n_wafers; /* that it takes */
} plmr_place;

/* Fails where a core's memory or routes do not do. Collective; the ranks are one row. */
plmr_status plmr_place_find(plmr_ranks *ranks, const plmr_device *device, const plmr_model_shape *shape,
                            plmr_place *place);
