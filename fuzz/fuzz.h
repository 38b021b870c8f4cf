/* fuzz.h - what targets share. */
#pragma once

#include <stdint.h>
#include <stdlib.h>

#include "plmr/status.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

/* An error must be one line of printable text. */
static inline void check_error(plmr_status error)
{
    for (const char *text = plmr_error_text(error); *text; text++)
        if (*text < ' ' || *text > '~')
            abort();
    plmr_error_free(error);
}
