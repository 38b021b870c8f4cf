/* fuzz.h - what targets share. */
#pragma once

#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>

#include "plmr/status.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

/* An error that may quote the user must be one line of UTF-8. */
static inline void check_line(plmr_status error)
{
    json_t *line = json_string(plmr_error_text(error));
    for (const char *text = plmr_error_text(error); *text; text++)
        if ((unsigned char)*text < ' ' || !line)
            abort();
    json_decref(line);
    plmr_error_free(error);
}

/* One that does not, of printable ASCII. */
static inline void check_error(plmr_status error)
{
    for (const char *text = plmr_error_text(error); *text; text++)
        if (*text < ' ' || *text > '~')
            abort();
    plmr_error_free(error);
}
