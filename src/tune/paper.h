/* paper.h - what the WaferLLM paper chose for its models: share/paper/choices.json. Local. */
#pragma once

#include <jansson.h>

#include "tune/tune.h"

/* What it chose for the model, if it is one of the paper's by its dimensions: an object for the caller to json_decref;
 * NULL if it is none of them. */
plmr_status plmr_tune_paper_load(const plmr_model_shape *shape, json_t **choice);

/* The choice for a phase, if the device has so many cores. */
bool plmr_tune_paper_point(const json_t *choice, const plmr_device *device, bool decode, plmr_phase_setup *point);
