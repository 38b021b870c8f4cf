/* serve.h - a simulation of serving, and what it comes to. */
#pragma once

#include <jansson.h>

#include "serve/machine.h"
#include "serve/place.h"

typedef struct plmr_serve_quantiles {
    double mean, p50, p90, p99;
} plmr_serve_quantiles;

/* Seconds. Quantiles are those of a request: the least that so many have at most. */
typedef struct plmr_serve_outcome {
    plmr_machine_sums sums;               /* of all replicas: peaks and the end of the one that has most */
    plmr_serve_quantiles ttft, tpot, e2e; /* of all; tpot of requests with more than one token */
    int64_t n_requests, n_good;           /* those that met the SLO */
    double n_prompt_tokens, n_tokens;     /* read, and made */
    double rate;                          /* requests a second, as they came */
    double t_all_s;                       /* from 0 to the end */
    double utilisation;                   /* of regions */
    double way_s;                         /* of a cache from one replica to another, in the mean; NAN: none goes */
    plmr_serve_quantiles urgent_e2e;      /* of those of the highest priority, if there are several */
    int64_t n_urgent;
    bool meets_all; /* of a search for a rate: the SLO is met at every one that is tried */
} plmr_serve_outcome;

/* A token's keys and values in all layers, on their way to another wafer. Local. */
double plmr_serve_token_bytes(const plmr_model_shape *shape, const plmr_llm_setup *setup);

/* What is to be served; times of requests in seconds. Local. */
plmr_serve_load plmr_serve_load_of(const plmr_request *requests, int64_t n);

/* How it is served. */
typedef struct plmr_serve_plan {
    const plmr_serve_policy *policy;
    plmr_slo slo; /* cycles */
    double clock; /* cycles a second */
    const plmr_device *device;
    int n_prompt;         /* replicas that read prompts for the others, which make tokens; 0: all do both */
    double token_bytes;   /* of a token's cache */
    plmr_wafer_link link; /* from wafer to wafer, one request after the other: see apart.h */
    bool preempts;        /* this and what follows: see plmr_machine_setup */
    int ahead;
    double accept;
    int64_t seed;
    plmr_machine_values values;
    struct plmr_serve_kept *kept;         /* kept.h; NULL: nothing is kept */
    struct plmr_serve_timeline *timeline; /* of the last run; NULL: none is kept */
    json_t *tried; /* a [rate, TTFT and TPOT of 99 in 100, tokens/s, share that met the SLO] for each rate, or NULL */
} plmr_serve_plan;

/* No request may come later, for up to here a double tells half a cycle from none. */
#define PLMR_SERVE_CYCLES 0x1p52

/* Serves n requests, sorted by arrival, whose times become cycles: replicas that do the same take the next one in turn. Later
 * arrivals than times can tell are refused. Collective. */
plmr_status plmr_serve_run(plmr_serve_place *place, const plmr_serve_plan *plan, plmr_request *requests, int64_t n,
                           plmr_serve_outcome *outcome);

/* "ttft=0.5,tpot=0.02", or one of them: seconds. Local. */
plmr_status plmr_slo_parse(const char *option, const char *text, plmr_slo *slo);

/* Fills in what requests that are done come to, at so many cycles a second. Local. */
void plmr_serve_summarise(const plmr_request *requests, int64_t n, const plmr_slo *slo, double clock,
                          plmr_serve_outcome *outcome);
