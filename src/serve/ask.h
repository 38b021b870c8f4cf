/* ask.h - what a client of the endpoint asks for: the body of a request to /v1/completions or /v1/chat/completions, in
 * JSON as OpenAI has it. Local.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "text/sampler.h"

enum { PLMR_ASK_MOST_STOPS = 4, PLMR_ASK_MOST_TOKENS = 1 << 20 };
#define PLMR_ASK_MOST_SEED ((uint64_t)1 << 53)

typedef struct plmr_ask {
    char *prompt;        /* chat: what all messages say, a line each */
    char *system, *user; /* chat: of one question, behind what the model is to be (or NULL); else both NULL */
    int64_t n_most;      /* tokens to make */
    plmr_sampler_options sampler;
    bool has_seed;
    char *stops[PLMR_ASK_MOST_STOPS];
    int n_stops;
    bool stream, stream_usage; /* token by token; with a last message that tells of usage */
} plmr_ask;

/* Reads n bytes. What is missing has OpenAI's values, but for max_tokens, which is 128. Keys that are not known are passed
 * over; what would change the answer and cannot be done is refused in one line. */
plmr_status plmr_ask_read(const char *body, size_t n, bool chat, plmr_ask *ask);
void plmr_ask_free(plmr_ask *ask);
