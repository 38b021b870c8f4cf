/* timing_internal.h - shared by timing.c, passes.c, batch.c (time) and memory.c (where layers lie). */
#pragma once

#include "infer/between.h"
#include "infer/timing.h"

/* What stays in the cores' SRAM; all that does not comes in as it is wanted. */
enum plmr_kept { PLMR_KEEP_ALL, PLMR_KEEP_CACHE, PLMR_KEEP_NOTHING };

struct plmr_timing {
    const plmr_device *device;
    plmr_device even; /* the same without slow cores */
    plmr_model_shape shape;
    plmr_llm_setup setup;
    plmr_grid *prefill, *decode;
    plmr_between_ways between[2];  /* by phase: ways between regions, */
    plmr_expert_layout experts[2]; /* where experts are */
    plmr_hottest hottest;          /* of the pass at hand */
    plmr_placement placement[2];   /* of prefill and decode */
    enum plmr_kept kept;
    plmr_outside outside[2]; /* by phase */
    int64_t row_tokens;      /* that `token` is for; 0: none yet */
    plmr_phase_cost token;
    plmr_cost_pass begun; /* the first layers of a prompt, after which nothing else was run; no grid: there are none */
    bool is_warm;         /* weights that stay have come */
    int n_beside;         /* wafers that share experts and have a pass at the same time; 0: as many as have requests */
    int n_busy;           /* regions that share experts at the same time; 0: as the placement says */
    double now;           /* cycles of all passes so far, for traces */
};

/* Of weights and activations; of a token's key and value, in each core. */
int64_t plmr_timing_element_bytes(const plmr_timing *timing);
int64_t plmr_timing_token_bytes(const plmr_timing *timing, const plmr_grid *grid);

/* Requests that are in a stage together: those of a batch are spread over the stages. */
int plmr_timing_stage_batch(const plmr_timing *timing);

/* The most tokens of a request that a row of cores holds: the last row, if new tokens stay there. */
int64_t plmr_timing_row_tokens(const plmr_timing *timing, int64_t n_tokens);

/* Of so many tokens on the fullest row of cores, those that lie in the window of a layer that has one. */
int64_t plmr_timing_window_tokens(const plmr_timing *timing, int64_t row_tokens);

/* Ways from wafer to wafer that n tokens of a prompt, or a token of n requests, take on their way through all regions: so
 * many, for each of which a region is busy until the bytes are gone, and they are there after the latency. */
typedef struct plmr_crossing {
    int n;
    double bytes, busy, latency;
} plmr_crossing;

plmr_crossing plmr_timing_crossing(const plmr_timing *timing, enum plmr_llm_phase phase, int64_t n);

/* Of a prompt's cost makes that of a batch; of a pass's that of as many as a batch's tokens take. */
void plmr_timing_follow(const plmr_timing *timing, plmr_phase_cost *phase);
void plmr_timing_keep_pace(const plmr_timing *timing, plmr_phase_cost *pass);

/* Requests that a replica of a phase has, at most: of those that share experts, each wafer. Such wafers; and those of
 * them that have requests. */
int plmr_timing_requests(const plmr_timing *timing, enum plmr_llm_phase phase);
int plmr_timing_wide(const plmr_timing *timing, enum plmr_llm_phase phase);
int plmr_timing_beside(const plmr_timing *timing, enum plmr_llm_phase phase);

/* Where a phase that has its grid has experts (collective); how many regions share them, which follows from what stays. */
plmr_status plmr_timing_place_experts(plmr_timing *timing, enum plmr_llm_phase phase);
void plmr_timing_share_experts(plmr_timing *timing, enum plmr_llm_phase phase);

/* A prompt, or a token of n_batch requests, without the ways between regions, and so the same in any placement on the
 * region (but for that of experts); then these ways, in time alone. The first is collective. */
plmr_status plmr_timing_alike(plmr_timing *timing, enum plmr_llm_phase phase, int n_batch, int64_t row_tokens,
                              plmr_phase_cost *cost);
void plmr_timing_add_stages(const plmr_timing *timing, enum plmr_llm_phase phase, int n_batch, plmr_phase_cost *cost);

/* Finds where the layers lie, of the phases that there are; of decode; of prefill, of which each kind of layer has been run. */
plmr_status plmr_timing_place(plmr_timing *timing);
plmr_status plmr_timing_place_decode(plmr_timing *timing);
plmr_status plmr_timing_place_prefill(plmr_timing *timing);

/* Of prefill: each kind of layer is run once, with weights in so many slices (0: all there), for what it needs. */
plmr_status plmr_timing_run_layer(plmr_timing *timing, int n_slices);

/* Bytes that come in for a pass: of a layer, with n tokens of the fullest row of cores in the cache; of the output. Those of
 * a layer that come once, and stay. */
double plmr_timing_layer_outside(const plmr_timing *timing, enum plmr_llm_phase phase, int64_t row_tokens);
double plmr_timing_layer_kept(const plmr_timing *timing, enum plmr_llm_phase phase);
double plmr_timing_output_outside(const plmr_timing *timing);

/* outside.c: what passes wait for, beside the arithmetic. That of layers, which `first` ones begin with; that of the output,
 * which has taken so many cycles. */
void plmr_timing_wait_layers(const plmr_timing *timing, const plmr_placement *placement, bool first,
                             plmr_cost_pass *pass);
void plmr_timing_wait_output(const plmr_timing *timing, double t_cycles, plmr_cost_pass *pass);
