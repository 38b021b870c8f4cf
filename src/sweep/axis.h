/* axis.h - the values of one option that is varied. */
#pragma once

#include "base/json_reader.h"

/* Reads the place's member `key`, an array or a range, as an array of values, for the caller to free. */
plmr_status plmr_axis_read(plmr_reader *reader, const json_t *object, const char *key, json_t **values);

/* Fails if the value of the place's member `key` is no number, text, or truth value. */
plmr_status plmr_axis_check_value(const plmr_reader *reader, const char *key, const json_t *value);
