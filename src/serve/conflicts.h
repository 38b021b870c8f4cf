/* conflicts.h - options of plmr serve that another one leaves without a meaning, or that have none without another one. */
#pragma once

#include "base/option.h"

/* Refuses the first that the command line gives. Local. */
plmr_status plmr_serve_check_line(const plmr_words *line);
