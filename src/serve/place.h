/* place.h - where a model lies on wafers that serve: square regions of one size, each with some of the layers, and that as
 * often as it is best (replicas); by the search that all commands share, for the mean request among as many as there is
 * room for.
 *
 * With a draft that guesses k tokens, each right with the probability a if all before it are, a round makes 1 + a + ... + a^k
 * tokens. It takes k steps of the draft, and a pass and k further ones that follow it as fast as the slowest region lets
 * them. Of batches whose rounds overlap the draft's region does one after the other, which may be what all wait for; it
 * reads prompts, too. With k = 3, a = 0.8, a step of the draft that takes 50 us, regions that take 360 us together and
 * the slowest of them 25 us, a request alone has 2.95 tokens in 3 * 50 + 360 + 3 * 25 = 585 us, 198 us each.
 *
 * Where regions wait for tokens to come round, requests that began together keep them until the longest is done: of n with
 * exponential lengths, after 1 + 1/2 + ... + 1/n of the mean; less where lengths are more alike.
 */
#pragma once

#include "infer/choose.h"
#include "serve/costs.h"

/* What is to be served, as far as a placement depends on it: the mean request, and the longest. */
typedef struct plmr_serve_load {
    double mean_prompt, mean_output;
    double spread;   /* of outputs, by their mean: 0 all alike, 1 exponential */
    int64_t longest; /* tokens, prompt and output */
    bool shares;     /* there are prompts that begin alike */
    int64_t n;       /* requests */
} plmr_serve_load;

typedef struct plmr_serve_wish {
    int n_wafers, n_prompt; /* n_prompt: of these, that read prompts for the others; 0: all do both, or */
    int prompt_replicas;    /* so many replicas do, wherever they lie; 0: all do both */
    int64_t n_batch, chunk; /* chunk 0: four tokens to a row of cores */
    const plmr_serve_load *load;
    const plmr_aim *aim;
    const plmr_model_shape *draft; /* a small model that guesses tokens, on a region of its own; NULL: none; */
    int ahead;                     /* so many of them, */
    double accept;                 /* of which one is right with this probability, if all before it are */
    plmr_wafer_link link;          /* between wafers of a replica */
    int most_replicas;             /* 0: any number */
} plmr_serve_wish;

typedef struct plmr_serve_place {
    int n_wafers, used_wafers; /* that there are, and that replicas take */
    int wafers, on_wafer;     /* that a replica takes; replicas that share these, if each fits one, or shares experts */
    int n_replicas, n_prompt; /* n_prompt: of these, that read prompts for the others; 0: all do both */
    int regions;              /* that a wafer has room for */
    double loss;              /* by the aim: the less the better */
    bool streams;             /* weights come in */
    plmr_device *device;      /* a copy of what it was found for, which may go */
    plmr_candidate *best;     /* on w wafers or fewer, at place w; NULL: not known */
    plmr_serve_costs costs, draft; /* without a timing: there is no draft */
} plmr_serve_place;

/* The best for the aim, or, where the setup says decode's region, with that. More wafers, SRAM or cores never make that
 * worse. Fails where nothing holds the model, its draft and its longest request. Collective. */
plmr_status plmr_serve_place_find(plmr_ranks *ranks, const plmr_device *device, const plmr_model_shape *shape,
                                  const plmr_llm_setup *setup, const plmr_serve_wish *wish, plmr_serve_place *place);

/* Of a place that was found the one that would be on so many wafers, fewer than there are; `often`: as often as all of them
 * have room for it. Without a timing: there is no such place, or it is that on one more. Collective. */
plmr_status plmr_serve_place_fewer(plmr_ranks *ranks, const plmr_device *device, const plmr_model_shape *shape,
                                   const plmr_llm_setup *setup, const plmr_serve_wish *wish,
                                   const plmr_serve_place *most, int n_wafers, bool often, plmr_serve_place *place);
void plmr_serve_place_free(plmr_serve_place *place);

/* Regions of all wafers that nothing lies on. Local. */
int64_t plmr_serve_place_unused(const plmr_serve_place *place);
