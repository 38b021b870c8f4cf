/* setup.h - how a language model is run: all that can be chosen, in one struct, for whoever runs one. */
#pragma once

#include "device/wafers.h"
#include "infer/expert_place.h"
#include "infer/load.h"
#include "infer/plan.h"
#include "model/shape.h"
#include "verbs/reduce.h"

enum plmr_llm_phase { PLMR_PREFILL, PLMR_DECODE, PLMR_N_PHASES };

static inline const char *plmr_phase_name(enum plmr_llm_phase phase)
{
    return phase == PLMR_DECODE ? "decode" : "prefill";
}

typedef struct plmr_phase_setup {
    int rows, cols;           /* cores of a region, in prefill as many of both; 0: there is no such phase */
    plmr_reduce_options tree; /* of allreduces: see plmr_grid_create */
    bool unfused;             /* in decode: products of the same vector have an allreduce each */
    int layers;               /* of a region, at most; 0: as many as fit */
    bool output_apart;        /* decode: the output has a region of its own, though it may fit another */
    int replicas;             /* as often all of it is there, to share the requests; 0: once */
    const void *experts;      /* plmr_expert_place; NULL: as the setup's */
    int wide;                 /* more than 1: wafers that share the experts, whatever the setup says */
} plmr_phase_setup;

/* All 0 is the whole model, one request, no phase. */
typedef struct plmr_llm_setup {
    plmr_phase_setup phase[PLMR_N_PHASES]; /* values need a decode region: without one it is as the prefill's */
    int first_layer, n_layers; /* of the model, that are placed and computed with (0: all); time is always of all */
    int n_batch;               /* requests that are decoded together; 0: one */
    int64_t n_prompt;          /* tokens of the prompt, which the cache holds when decode starts */
    int64_t n_tokens;          /* most tokens of a request, at the end of decode: room in the key-value cache */
    bool has_cache_dtype;      /* else f32 for f32 models, f16 for others */
    enum plmr_dtype cache_dtype;
    enum plmr_packed cache_packed; /* in less; cores widen it to cache_dtype, which is f16 */
    plmr_expert_setup experts;     /* where phases have them */
    plmr_expert_load load;         /* of time alone: how many tokens experts get */
    bool streams;                  /* of time alone: what does not fit comes from outside, layer by layer, */
    bool keeps_none;               /* all of it, until the caller says what stays: see plmr_timing_keep_spare */
    const void *aim;               /* plmr_aim, by which regions are chosen that are not given; NULL: none */
    int n_wafers;                  /* that there are; 0: as few as hold the model */
    plmr_wafer_link link;          /* of time alone: between them */
    bool concat; /* the last row of cores takes all new tokens, else the cache is kept balanced by shifts */
    const plmr_llm_plan *plan; /* of time alone, as is what follows, but dump and progress; NULL: WaferLLM's */
    bool as_published;
    bool every_step;                               /* no exact shortcuts */
    bool profile;                                  /* regions keep where costs fall, of the last pass through each */
    bool allow_memory, allow_routes;               /* go on where a core's are exceeded */
    FILE *expert_trace;                            /* rank 0's: which experts tokens use; NULL: none is kept */
    const char *dump;                              /* folder for intermediate tensors, or NULL */
    void (*progress)(void *context, double share); /* while weights are loaded or computed with; NULL: none */
    void *progress_context;
} plmr_llm_setup;

/* Gives what is 0 its meaning for the model: layers, requests, the cache's type, the plan. */
void plmr_llm_setup_complete(plmr_llm_setup *setup, const plmr_model_shape *shape);

/* Where a phase has its experts. */
plmr_expert_setup plmr_llm_experts(const plmr_llm_setup *setup, enum plmr_llm_phase phase);

/* "f32", ..., "i8": what keys and values are stored in. */
const char *plmr_llm_cache_name(const plmr_llm_setup *setup);

/* Replicas of so many regions each that have room on wafers with n_regions; the wafers that they take. */
static inline int plmr_replicas_on(int n_wafers, int n_regions, int n_stages)
{
    return n_stages > n_regions ? n_wafers / (int)plmr_ceil_div(n_stages, n_regions)
                                : n_wafers * (n_regions / n_stages);
}

static inline int plmr_wafers_for(int replicas, int n_regions, int n_stages)
{
    return n_stages > n_regions ? replicas * (int)plmr_ceil_div(n_stages, n_regions)
                                : (int)plmr_ceil_div(replicas, n_regions / n_stages);
}

/* Of a run with both phases, which it has one after the other. */
static inline int64_t plmr_wafers_for_both(int64_t prefill, int64_t decode)
{
    return prefill > decode ? prefill : decode;
}

/* The same, and the sides of regions that were not given. Prefill: as many cores as the model has elements to deal, or
 * as the device has room for, past dead ones; decode: the smallest region from half of that on, of which the wafer has enough for all layers, or the
 * prefill's if the plan keeps it. A phase that is not wanted is taken out. */
void plmr_llm_setup_choose(plmr_llm_setup *setup, bool prefill, bool decode, const plmr_device *device,
                           const plmr_model_shape *shape);
