/* machine.h - a pipeline of regions that serves requests, in virtual time: continuous batching, chunked prefill.
 *
 * Passes enter the first region one after the other and follow each other through all of them; each region takes the
 * next one when it has done the one before. Requests are admitted, in the policy's order, as soon as the cache has room:
 * for all their tokens, or, if they may be preempted, for those that they have. A request's prompt is read in chunks; then
 * it has a token in each pass that it is part of, and can be in one pass at a time. Those that decode are spread over as
 * many passes as there are regions. What the policy leaves open is decided by who has waited longest, so that everything
 * follows from the requests alone.
 *
 * Preemption: where a token finds the cache full, the request that would be the last to be admitted loses what it has, and
 * waits to read it again, prompt and tokens, which makes its next token; so does the last of lower priority where one of
 * higher priority waits. Prefixes: see room.h.
 *
 * Drafts: a small model on a region of its own guesses tokens, one after the other; the tokens of a request that are to be
 * checked follow each other through the regions as passes of their own. Which guesses are right is random, by the seed.
 */
#pragma once

#include "serve/costs.h"
#include "serve/policy.h"

typedef struct plmr_machine_sums {
    double t_end;                       /* when the last request was done */
    double busy_cycles;                 /* of all regions, but drafts' */
    double multiply_adds, wavelet_hops; /* of all cores and links */
    double link_bytes;                  /* from wafer to wafer, where ways between them are known */
    double t_ways;                      /* that caches took from whoever read prompts to whoever makes tokens, */
    int64_t n_ways;                     /* so many of them */
    int64_t n_steps, n_chunks;          /* passes */
    int64_t kv_peak_tokens;             /* in the cache at once */
    int64_t rows_peak;                  /* tokens of a row of cores that were reserved at once */
    int64_t most_waiting;               /* requests that were here and not admitted, at once */
    int64_t n_preempted, n_again;       /* requests that lost their cache, each time; tokens that were read again */
    int64_t n_shared;                   /* tokens of prompts that others had read */
    int64_t n_guessed, n_right;         /* tokens */
} plmr_machine_sums;

/* What it does of a request: all; the prompt and the first token; the tokens after that. */
enum plmr_machine_part { PLMR_SERVE_ALL, PLMR_SERVE_PROMPTS, PLMR_SERVE_TOKENS };

enum { PLMR_MOST_AHEAD = 16 };

/* How a machine stands at a moment, in cycles. */
typedef struct plmr_machine_view {
    double now;
    bool idle; /* nothing is left to do */
    int64_t n_waiting, n_reading,
        n_decoding; /* requests: not admitted; without their first token, or with a prompt to be
                                               * read again; with it */
    int64_t kv_tokens, row_room, rows_used;
    int n_stages;
    const double *free_at; /* by region */
} plmr_machine_view;

/* Who makes the values of what a machine does; NULL: nobody. */
typedef struct plmr_machine_values {
    void *context;
    /* Requests that have come since: how many there are in all, each with a time at which it is here; negative: the machine
     * stops, whatever is left to do. NULL: there are those that it was given. */
    int64_t (*more)(void *context, const plmr_machine_view *view, plmr_request **requests);
    /* Tokens [n_before, n_before + n) of a request are read, of its prompt and of what it had made; its next n tokens are
     * made, or fewer if its text ends; its cache goes, because it is done or to be read again. */
    void (*read)(void *context, int32_t request, int64_t n_before, int64_t n);
    plmr_status (*make)(void *context, int32_t request, int n, bool *ended);
    void (*lose)(void *context, int32_t request, bool done);
} plmr_machine_values;

typedef struct plmr_machine_setup {
    plmr_serve_costs *costs, *draft; /* draft NULL: nothing is guessed */
    enum plmr_machine_part part;
    const plmr_serve_policy *policy;
    plmr_slo slo; /* cycles */
    bool preempts;
    int64_t n_prefixes; /* requests number them from 0 */
    double token_bytes; /* of a token's keys and values, which what prompts share takes to wafers that share experts */
    int ahead;          /* tokens that are guessed, */
    double accept;      /* of which one is right with this probability, if all before it are */
    int64_t seed;
    plmr_machine_values values;
    struct plmr_serve_kept *kept;         /* what to go on with (kept.h); NULL: nothing is kept */
    struct plmr_serve_timeline *timeline; /* what it does is added to that; NULL: to none */
} plmr_machine_setup;

/* Serves n requests, by the numbers of `mine`, which is in the order in which they are here; fills in what becomes of
 * them. Where more may come, `mine` is NULL: all of them. All must fit the cache; those of which tokens alone are made must have more than one. Collective. */
plmr_status plmr_machine_serve(const plmr_machine_setup *setup, plmr_request *requests, const int32_t *mine, int64_t n,
                               plmr_machine_sums *sums);
