/* Fuzzes the reader of models without weights: JSON text. */
#include "model/shape.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

/* A shape whose sizes can be computed with, or one line of printable text. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    plmr_model *model = NULL;
    char *text = malloc(n + 1);
    if (!text)
        return 0;
    memcpy(text, bytes, n);
    text[n] = '\0';
    plmr_status status = plmr_model_parse_json(text, "fuzz.json", &model);
    for (const char *at = plmr_error_text(status); *at; at++)
        if (*at < ' ' || *at > '~')
            abort();
    if (!status && (plmr_model_shape_of(model)->n_parameters < 1 || plmr_model_shape_of(model)->n_bytes < 2))
        abort();
    plmr_error_free(status);
    plmr_model_close(model);
    free(text);
    return 0;
}
