/* totals.h - what the run of a model has come to: virtual time, and wall time where there are values. */
#pragma once

#include "infer/timing.h"

/* Tokens that decode has made one after the other, each at the same cost; or, of a long run, at costs close by. */
typedef struct plmr_llm_span {
    int64_t n_tokens;
    plmr_phase_cost cost; /* of all of them */
} plmr_llm_span;

enum { PLMR_LLM_SPANS = 4096 }; /* at most: then neighbours become one */

typedef struct plmr_llm_spans {
    plmr_llm_span spans[PLMR_LLM_SPANS];
    int n, n_least; /* spans of fewer tokens than n_least (from 1) grow, whatever the cost */
} plmr_llm_spans;

typedef struct plmr_llm_totals {
    plmr_phase_cost prefill, handover, decode;      /* of the prompt, what lies between, and all tokens made */
    double first_cycles, last_cycles;               /* of a token */
    int64_t n_made;                                 /* tokens that decode has made, of each request */
    double load_s, prefill_s, relayout_s, decode_s; /* wall time; 0: not run */
    double time_s;                                  /* wall time that virtual time took; and when, as plmr_wall_s has */
    double start_s, first_s;                        /* it, the run started and its first token was there (0: not) */
    plmr_llm_spans *spans;                          /* of the tokens; NULL: not kept */
} plmr_llm_totals;

/* The costs of all phases. Local. */
plmr_phase_cost plmr_llm_totals_sum(const plmr_llm_totals *totals);

/* Tokens over the energy of so many wafers, each of which has the device's power all the time; NaN: it is unknown. Local. */
double plmr_tokens_per_joule(const plmr_device *device, double n_tokens, int64_t wafers, double t_cycles);

/* Adds the virtual time of `n` tokens of each request that decode makes, the first with n_before in the cache. Fails
 * where the cache is full. Collective. */
plmr_status plmr_llm_totals_add_tokens(plmr_llm_totals *totals, plmr_timing *timing, int64_t n_before, int64_t n);
