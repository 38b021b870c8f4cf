/* arrivals.h - requests that are made up: Poisson arrivals, one by one or in bursts, lengths from distributions. The same
 * for a seed, whatever else runs; all on rank 0, for others may have another library of logarithms. Local.
 */
#pragma once

#include "plmr/status.h"
#include "serve/request.h"

enum plmr_length_kind { PLMR_LENGTH_FIXED, PLMR_LENGTH_UNIFORM, PLMR_LENGTH_EXPONENTIAL };

/* low; low to high, all alike; exponential with the mean low, from 1 to high = 8 low. */
typedef struct plmr_length {
    enum plmr_length_kind kind;
    int64_t low, high;
} plmr_length;

/* A share of prompts begin with one of n texts of so many tokens, and go on as long as others are. */
typedef struct plmr_prefixes {
    int64_t n, n_tokens;
    double share;
} plmr_prefixes;

typedef struct plmr_arrivals {
    double rate;      /* requests a second */
    int64_t n, burst; /* requests; of these together */
    int64_t seed;
    plmr_length prompt, output;
    plmr_prefixes prefixes;
    double urgent; /* share of requests of priority 1; others have 0 */
} plmr_arrivals;

/* "512/128", "200..800/64..256", "~512/~128", and mixtures: of the prompt and the output. */
plmr_status plmr_lengths_parse(const char *option, const char *text, plmr_length *prompt, plmr_length *output);

/* "8/500/0.9": the three members. */
plmr_status plmr_prefixes_parse(const char *option, const char *text, plmr_prefixes *prefixes);

/* Rank 0's on all ranks, each of which has its own to free. Collective. */
plmr_status plmr_requests_share(plmr_request **requests, int64_t *n);

/* The k-th random number of something i, in (0, 1]. */
double plmr_serve_random(int64_t seed, int64_t i, uint32_t k);

/* Makes them, in the order of their arrivals, with times in seconds. */
void plmr_arrivals_make(const plmr_arrivals *arrivals, plmr_request *requests);
