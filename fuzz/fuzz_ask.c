/* Fuzzes the reader of what clients of the endpoint ask for: what it takes can be sampled with, and has a prompt. */
#include "serve/ask.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void check(const plmr_ask *ask, bool chat)
{
    plmr_sampler *sampler;
    plmr_status status = plmr_sampler_create(&ask->sampler, 3, &sampler);
    if (status || !ask->prompt || ask->n_most < 1 || ask->n_most > PLMR_ASK_MOST_TOKENS || (ask->system && !chat))
        abort();
    plmr_sampler_destroy(sampler);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    for (int chat = 0; chat < 2; chat++) {
        plmr_ask ask;
        plmr_status status = plmr_ask_read((const char *)bytes, n, chat, &ask);
        if (!status)
            check(&ask, chat);
        for (const char *at = status ? plmr_error_text(status) : ""; *at; at++)
            if (*at == '\n')
                abort();
        plmr_ask_free(&ask);
        plmr_error_free(status);
    }
    return 0;
}
