/* costs.h - what passes of a serving wafer cost, found in the time plane once for each shape and then reused.
 *
 * The shape of a step is how many requests have a token and how many tokens of each the fullest row of cores holds, in
 * the mean, rounded up; of a chunk, how many of its tokens a row of cores has and how many of those that it sees. How many
 * tokens experts have depends on all of them: of a mixture's chunk the last row of tokens, one to each row of cores, is taken to
 * be full to the next of PLMR_SERVE_PARTS parts.
 */
#pragma once

#include "device/wafers.h"
#include "infer/timing.h"

enum { PLMR_SERVE_PARTS = 16 };

/* Of a pass: of all layers together; of what each stage with layers does beside; of the way to the next stage; and of the
 * output, at the end of the last. */
typedef struct plmr_pass_cost {
    double layers, each, hop, end; /* cycles */
    double cross, cross_bytes;     /* more, to a stage on the next wafer, for these */
    double shared_bytes;           /* to experts on other wafers, and back, */
    double shared;                 /* for which the link that a wafer's regions share is taken so many cycles */
    double multiply_adds, wavelet_hops;
    bool known;
} plmr_pass_cost;

/* What a placement adds to passes of a shape. */
typedef struct plmr_between {
    double each, hop, wavelet_hops;
    bool known;
} plmr_between;

typedef struct plmr_serve_costs {
    plmr_timing *timing;
    bool every_step; /* nothing is reused, as the setup says */
    int n_stages, n_layers;
    int layers_per_stage, rows;
    int parts;                        /* shapes of chunks with as many tokens in a row of cores */
    int wide;                         /* wafers that share the experts of a layer, and to which requests are dealt, */
    int copies;                       /* or that have all of it each */
    bool shares;                      /* prompts may begin alike */
    double sram;                      /* bytes of a core */
    bool all_cache;                   /* see plmr_serve_limits */
    int64_t token_bytes;              /* of a token's activations, between stages */
    int wafer_stages;                 /* of a wafer, where ways between wafers are known; 0: they are as those within */
    double cross_byte, cross_latency; /* cycles of such a way, for each byte and until the first is there */
    int64_t row_room;                 /* tokens that a row of cores has room for, of all requests: see below */
    int64_t n_batch, chunk;           /* most requests of a step; most tokens of a chunk */
    int64_t n_most;                   /* that n_batch may be */
    int64_t row_most;                 /* most tokens of a request in a row */
    plmr_pass_cost *steps;            /* by (batch - 1, row tokens - 1), and */
    plmr_pass_cost *chunks;           /* by (shape of the chunk, row tokens seen - 1), without what is between */
    plmr_between *between;            /* of steps, by batch - 1; behind them, of chunks, by row tokens - 1 */
    plmr_phase_cost output;           /* of a prompt's first logits */
    int64_t n_context;                /* most tokens of a request */
    bool was_largest;                 /* the chunk that takes most memory was run */
    int64_t n_found, n_used;          /* passes that were timed, and asked for */
} plmr_serve_costs;

/* The most that passes have: requests of a step, tokens of a chunk, tokens of a request; whether prompts may share their
 * beginnings, which then lie apart from the rest and take a row's token more. */
typedef struct plmr_serve_limits {
    int64_t n_batch, chunk, n_context;
    bool shares;
    plmr_wafer_link link; /* between wafers of a replica */
    bool all_cache;       /* weights that come in never stay, so that the cache has what memory is left */
    int copies;           /* on as many wafers, to which requests are dealt: of a draft beside shared experts; else 1 */
} plmr_serve_limits;

/* On regions by the setup, which has prefill's and decode's alike; the model is to be placed on them. Collective. */
plmr_status plmr_serve_costs_create(plmr_ranks *ranks, const plmr_device *device, const plmr_model_shape *shape,
                                    const plmr_llm_setup *setup, const plmr_serve_limits *limits,
                                    plmr_serve_costs *costs);
void plmr_serve_costs_free(plmr_serve_costs *costs);

/* Cycles of a chunk in all layers, however they are dealt. Collective. */
plmr_status plmr_serve_costs_layers(plmr_serve_costs *costs, int64_t n_before, int64_t n, double *cycles);

/* Deals layers to regions, at most so many to each, for steps of at most n_batch requests; what passes take in layers is
 * still known. *fits: so it does, with room for the longest request. Collective. */
plmr_status plmr_serve_costs_place(plmr_serve_costs *costs, int layers, bool output_apart, int64_t n_batch, bool *fits);

/* Room for tokens in a row: where wafers share experts, each has some of the requests, and none is cut, so there is room for
 * one that takes a row's most wherever no more than `row_room` is taken in all: wide * room - (wide - 1) * (row_most - 1).
 * What prompts have in common lies on each of them, so there is room for that beside a row's most. */

/* Tokens of a row of cores that a request of n tokens takes. */
int64_t plmr_serve_costs_row(const plmr_serve_costs *costs, int64_t n);

/* One token of n requests, with row_tokens each in the fullest row. Collective. */
plmr_status plmr_serve_costs_step(plmr_serve_costs *costs, int64_t n, int64_t row_tokens, plmr_pass_cost *cost);

/* n tokens of a prompt behind n_before; with `ends` the first logits are made, too. Collective. */
plmr_status plmr_serve_costs_chunk(plmr_serve_costs *costs, int64_t n_before, int64_t n, bool ends,
                                   plmr_pass_cost *cost);

/* Whether the stage after this one lies on another wafer, to which the way is known. */
bool plmr_serve_crosses(const plmr_serve_costs *costs, int stage);

/* Of it, in a stage; and in all of them. */
double plmr_serve_cost_of_stage(const plmr_serve_costs *costs, const plmr_pass_cost *cost, int stage);
double plmr_serve_cost_of_all(const plmr_serve_costs *costs, const plmr_pass_cost *cost);
