/* error.h - which errors all ranks have: those that plmr_agree has made, and no others. */
#pragma once

#include <stdbool.h>

#include "plmr/status.h"

plmr_status plmr_error_of_all(enum plmr_code code, const char *text) PLMR_NEVER_NULL;
bool plmr_error_is_of_all(plmr_status error);
