/* given.h - what public functions ask of their arguments. */
#pragma once

#include "plmr/status.h"

/* Returns an error from a public function that was called without one of its arguments. */
#define PLMR_GIVEN(argument)                                                                                           \
    PLMR_CHECK(argument, PLMR_ERROR_INPUT, "%s: '" #argument "' is NULL, and must be given", __func__)
