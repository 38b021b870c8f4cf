/* place.h - where a model lies on wafers that serve: square regions of one size, each with some of the layers, whatever
 * else of the wafers is left repeats them (replicas).
 */
#pragma once

#include "infer/choose.h"
#include "serve/costs.h"

/* What is to be served, as far as a placement depends on it: the mean request, and the longest. */
typedef struct plmr_serve_load {
    double mean_prompt, mean_output;
    int64_t longest; /* tokens, prompt and output */
    bool shares;     /* there are prompts that begin alike */
} plmr_serve_load;

typedef struct plmr_serve_wish {
    int n_wafers;
    int64_t n_batch, chunk; /* chunk 0: four tokens to a row of cores */
    const plmr_serve_load *load;
    const plmr_aim *aim;
    const plmr_model_shape *draft; /* a small model that guesses tokens, on a region of its own; NULL: none */
    plmr_serve_link link;          /* between wafers of a replica */
} plmr_serve_wish;

typedef struct plmr_serve_place {
    int n_wafers;                  /* that there are */
    int wafers, n_replicas;        /* that a replica takes, and how many there are */
    int regions;                   /* that a replica's wafers have room for */
    double value;                  /* by which it was chosen, the more the better */
    plmr_serve_costs costs, draft; /* without a timing: there is no draft */
} plmr_serve_place;

/* The best for the aim, or, where the setup says decode's region, with that. Fails where nothing holds the model, its draft
 * and its longest request. Collective. */
plmr_status plmr_serve_place_find(plmr_ranks *ranks, const plmr_device *device, const plmr_model_shape *shape,
                                  const plmr_llm_setup *setup, const plmr_serve_wish *wish, plmr_serve_place *place);
void plmr_serve_place_free(plmr_serve_place *place);
