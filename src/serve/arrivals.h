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

typedef struct plmr_arrivals {
    double rate;      /* requests a second */
    int64_t n, burst; /* requests; of these together */
    int64_t seed;
    plmr_length prompt, output;
} plmr_arrivals;

/* "512/128", "200..800/64..256", "~512/~128", and mixtures: of the prompt and the output. */
plmr_status plmr_lengths_parse(const char *option, const char *text, plmr_length *prompt, plmr_length *output);

/* Makes them, in the order of their arrivals, with times in seconds. */
void plmr_arrivals_make(const plmr_arrivals *arrivals, plmr_request *requests);
