/* timing.h - what a model costs on a device: where its layers lie, and the virtual time of prefill and decode.
 *
 * Regions of one size tile the wafer; each is a pipeline stage with as many layers as its cores' SRAM holds. One
 * request is in one stage at a time. All layers are alike (or all periods of them, where some have a window or do
 * without rope), so a layer is run in the time plane until every clock advances by the same, and the rest is added (see
 * plmr_region_repeat); and a token costs what the last one did as long
 * as the fullest row of cores holds as many tokens.
 */
#pragma once

#include "device/outside.h"
#include "infer/cost.h"
#include "infer/setup.h"
#include "region/defects.h"

/* Where the layers lie in a phase, and what of its SRAM a core needs. */
typedef struct plmr_placement {
    int rows, cols;       /* of a region */
    int n_regions;        /* that fit the wafer */
    int n_stages;         /* regions that the layers need; more than n_regions: the model is too large for a wafer */
    int layers_per_stage; /* at most */
    int wide;            /* wafers that share the experts of a layer, at the same region of each; 1: they are its own */
    bool output_apart;   /* the output projection has a stage of its own, the last */
    int64_t layer_bytes; /* weights of a layer */
    int64_t token_bytes; /* key and value of a token, in one layer, in each core of its row */
    int64_t working_bytes; /* activations and buffers */
    int64_t score_bytes;   /* decode: of these, for each token of a row */
    int64_t output_bytes;  /* weights of the output projection */
    int64_t row_tokens;    /* of the fullest row of cores, that the cache is planned with */
    int64_t sram_bytes;    /* of the core that needs most, at the end */
    int n_slices;          /* of a layer that comes from outside, one after the other; 0: weights stay here */
    int64_t slice_bytes;   /* of which a core has room for two, */
    int64_t kept_bytes;    /* of each layer, in decode, that stay here once they have come, */
    bool cache_outside;    /* with it, before it and after it keys and values of its layer */
    int64_t capacity;      /* tokens that the key-value cache can hold, for each request */
    int n_levels;          /* of allreduces; and their groups by axis and level */
    int groups[2][PLMR_TREE_LEVELS];
} plmr_placement;

typedef struct plmr_phase_cost {
    double t_cycles;
    double work[PLMR_N_WORKS];          /* adds up to t_cycles */
    double in_layers[PLMR_N_WORKS];     /* of that, in the model's layers */
    double compute_cycles;              /* of these, spent in arithmetic, by the busiest core */
    double multiply_adds, wavelet_hops; /* of all cores and links, */
    double border_hops;                 /* and of these over borders */
    double outside_bytes;               /* from outside, */
    double outside_cycles;              /* which took so long, but for what the arithmetic hid */
    double link_bytes;                  /* from wafer to wafer, where ways between them are known, */
    double link_cycles;                 /* which took so long, as a part of the stages' */
    int routes_max;
    unsigned parts; /* of the model of time that it rests on: see device/used.h */
    plmr_hottest hottest;
} plmr_phase_cost;

typedef struct plmr_timing plmr_timing;

/* Places the model. A layer that does not fit its region's cores is an error that says how many cores would do, unless
 * the setup allows it; likewise routes. Collective. */
plmr_status plmr_timing_create(plmr_ranks *ranks, const plmr_device *device, const plmr_model_shape *shape,
                               const plmr_llm_setup *setup, plmr_timing **timing);
void plmr_timing_destroy(plmr_timing *timing);

/* Of what comes from outside in a phase whose placement has slices. Local. */
const plmr_outside *plmr_timing_outside(const plmr_timing *timing, enum plmr_llm_phase phase);

/* What it was made with, completed; how the model lies in prefill or decode. */
const plmr_llm_setup *plmr_timing_setup(const plmr_timing *timing);
const plmr_placement *plmr_timing_placement(const plmr_timing *timing, enum plmr_llm_phase phase);

/* Its regions on a wafer, past dead cores. */
plmr_tiling plmr_timing_tiling(const plmr_timing *timing, enum plmr_llm_phase phase);

/* The region of prefill or decode; NULL: there is no such phase. It may be traced before it is first used: the time of
 * its trace goes on through all passes, in the order in which they are asked for. A profile that it keeps is of the
 * last pass. */
plmr_region *plmr_timing_region(const plmr_timing *timing, enum plmr_llm_phase phase);

/* The prompt through all layers; of a batch, all prompts, one behind the other. Collective. */
plmr_status plmr_timing_prefill(plmr_timing *timing, plmr_phase_cost *phase);

/* From the prefill's places to decode's; the first token's logits, in decode's region; both. Collective. */
plmr_status plmr_timing_relayout(plmr_timing *timing, plmr_phase_cost *phase);
plmr_status plmr_timing_output(plmr_timing *timing, plmr_phase_cost *phase);
plmr_status plmr_timing_handover(plmr_timing *timing, plmr_phase_cost *phase);

/* One token of every request, with n_before tokens of each in the cache: passes of as many requests as there are to a
 * region, as fast as the slowest region lets them follow each other. The same pointer as before as long as nothing
 * changes. Weights that come in and then stay come with the first. Collective. */
plmr_status plmr_timing_token(plmr_timing *timing, int64_t n_before, const plmr_phase_cost **phase);

/* For requests that come and go, all on regions that are prefill's and decode's alike; the plan is WaferLLM's, and
 * routes are configured anew between passes. Without what is between regions, and so the same however layers are dealt to
 * them: one token of n_batch requests, whose fullest row of cores holds row_tokens of each; n tokens of a prompt, of which
 * n_before are in the cache, without logits. Collective. */
plmr_status plmr_timing_step(plmr_timing *timing, int n_batch, int64_t row_tokens, plmr_phase_cost *phase);
plmr_status plmr_timing_chunk(plmr_timing *timing, int64_t n_before, int64_t n, plmr_phase_cost *phase);

/* What is: in a region with most layers the keys and values of n tokens of a prompt go to where decode has them
 * (collective); to the next region go n of its tokens, or, in decode, a token of n requests, in the mean of all regions. */
plmr_status plmr_timing_settle(plmr_timing *timing, int64_t n, plmr_phase_cost *phase);
void plmr_timing_way(const plmr_timing *timing, enum plmr_llm_phase phase, int64_t n, double *cycles, double *hops);

/* What the fullest core has of the keys and values of n tokens, in all layers of a decode region. Local. */
int64_t plmr_timing_cache_bytes(const plmr_timing *timing, int64_t n);

/* Deals layers to decode's regions anew: at most so many to each. Collective. */
plmr_status plmr_timing_place_again(plmr_timing *timing, int layers, bool output_apart);

/* Tokens that a row of cores has room for, of all requests together, beside weights and what is larger: activations of
 * n_batch requests in decode, or what chunks of at most n tokens take, of which the largest must have been timed; 0: there
 * are none. Below 1: there is no room. Local. */
int64_t plmr_timing_row_room(const plmr_timing *timing, int n_batch, int64_t n);

/* Of a placement whose weights come in: those stay for which there is memory beside so many tokens of a row; of them a core
 * then has room for that many, or for what it had. Passes that were timed before took longer. Local. */
void plmr_timing_keep_spare(plmr_timing *timing, int n_batch, int64_t n, int64_t row_tokens);

/* Whether the cache of a request with n_tokens does not fit the rows of cores. Local. */
bool plmr_timing_is_full(const plmr_timing *timing, int64_t n_tokens);

/* Fails if the cache of a request with n_tokens does not fit the rows of cores: names row and token. Local. */
plmr_status plmr_timing_fits(const plmr_timing *timing, int64_t n_tokens);

/* Sums of phases. */
void plmr_phase_cost_add(plmr_phase_cost *sum, const plmr_phase_cost *phase);
