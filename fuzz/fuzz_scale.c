/* Fuzzes the reader of records that plmr scale collects: lines of JSON, and what is printed of them. */
#include "scale/curve.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void run(const char *text, bool weak, FILE *out)
{
    plmr_curve curve = {.weak = weak};
    plmr_draft jsonl = {.file = out};
    int n_added;
    plmr_status status = plmr_curve_add(&curve, text, "fuzz.jsonl", &n_added);
    if (!status)
        status = plmr_curve_finish(&curve);
    if (!status) {
        plmr_curve_print(out, &curve);
        status = plmr_curve_write(&jsonl, &curve);
    }
    for (const char *at = status ? plmr_error_text(status) : ""; *at; at++)
        if (*at == '\n')
            abort();
    plmr_error_free(status);
    plmr_curve_free(&curve);
}

/* A curve that can be printed, or one line of text. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    char *text = malloc(n + 1);
    FILE *out = fopen("/dev/null", "w");
    if (!text || !out)
        abort();
    memcpy(text, bytes, n);
    text[n] = '\0';
    run(text, false, out);
    run(text, true, out);
    fclose(out);
    free(text);
    return 0;
}
