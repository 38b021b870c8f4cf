/* model_show.h - what a model is and how it would lie on a device, for people and as JSON. Local: on rank 0. */
#pragma once

#include <jansson.h>
#include <stdio.h>

#include "infer/place.h"

/* Where it would lie on a device, in regions of the sizes that the other commands choose by themselves. */
typedef struct plmr_model_place {
    plmr_device device;
    plmr_place on;
    plmr_status misfit; /* why it does not fit; then only `device` counts */
} plmr_model_place;

typedef void plmr_model_printer(FILE *out, const plmr_model *model, const plmr_model_place *place);

/* All of it; its name, size and title on one line, for which the place is not looked at. */
void plmr_model_print(FILE *out, const plmr_model *model, const plmr_model_place *place);
void plmr_model_print_line(FILE *out, const plmr_model *model, const plmr_model_place *place);

/* For the caller to json_decref. */
json_t *plmr_model_json(const plmr_model *model, const plmr_model_place *place);
