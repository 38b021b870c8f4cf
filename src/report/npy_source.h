/* npy_source.h - a user's .npy file as the source of an operand's values. */
#pragma once

#include "base/npy.h"
#include "base/values.h"

/* Makes a source of an open file, which must outlive it. Every rank reads the elements that it asks for, and no others.
 * Local. */
void plmr_source_npy(plmr_source *source, const plmr_npy *npy);
