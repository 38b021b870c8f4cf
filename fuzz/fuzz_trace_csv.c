/* Fuzzes the reader of traces of requests: what it takes has tokens and times that a simulation can use. */
#include "serve/trace_csv.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void check(const plmr_request *requests, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        double before = i ? requests[i - 1].t_arrival : 0;
        if (requests[i].n_prompt < 1 || requests[i].n_output < 1 || !(requests[i].t_arrival >= before))
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    plmr_request *requests;
    int64_t n_requests;
    char *text = malloc(n + 1);
    if (!text)
        abort();
    memcpy(text, bytes, n);
    text[n] = '\0';
    plmr_status status = plmr_trace_csv_parse("fuzz.csv", text, 0, &requests, &n_requests);
    if (!status) {
        check(requests, n_requests);
        free(requests);
    }
    for (const char *at = status ? plmr_error_text(status) : ""; *at; at++)
        if (*at == '\n')
            abort();
    plmr_error_free(status);
    free(text);
    return 0;
}
