/* step.h - what a step of a layer does, in each plane and phase: one const struct a kind, one file in src/infer/steps.
 *
 * Architectures are tables of steps (model/arch.h). Both planes walk the same table: values by `values`, virtual time
 * by `time`; and what a layer takes of memory and arithmetic is the sum over it of `needs`.
 */
#pragma once

#include "infer/cost.h"
#include "infer/pass.h"

/* Of a layer: of all cores, or of one, as the extents that it was asked for with. */
typedef struct plmr_needs {
    int64_t weights;                         /* elements */
    int64_t packed;                          /* of them, those that are held packed, */
    int64_t packed_bytes;                    /* what they take, */
    int64_t widened;                         /* and the most that are widened at a time */
    int64_t macs;                            /* multiply-adds of a token with them, */
    int64_t context_macs;                    /* and for each token that it looks at */
    int64_t cache;                           /* elements of keys and values for each token */
    int64_t activations[PLMR_N_ACTIVATIONS]; /* elements for each token; 0: it has no such thing */
} plmr_needs;

typedef struct plmr_step_kind {
    /* By phase; NULL: there is nothing to do. Collective. */
    plmr_status (*values[PLMR_N_PHASES])(const plmr_step *step, plmr_pass *pass);
    plmr_status (*time[PLMR_N_PHASES])(const plmr_step *step, plmr_cost_pass *pass);
    bool unpublished[PLMR_N_PHASES]; /* the published code does without it */
    /* What it needs beside the weights of its parts and the multiply-adds with them. NULL: nothing. */
    void (*needs)(const int64_t extent[PLMR_N_DIMENSIONS], plmr_needs *needs);
} plmr_step_kind;

#define PLMR_STEP_KIND(name, kind) extern const plmr_step_kind plmr_step_##kind;
PLMR_STEPS(PLMR_STEP_KIND)

/* The time of experts: of prefill, where all cores have a slice of each; of decode, where its placement has them. */
plmr_status plmr_experts_prompt_time(const plmr_step *step, plmr_cost_pass *pass);
plmr_status plmr_experts_token_time(const plmr_step *step, plmr_cost_pass *pass);

/* A layer, in either plane. */
plmr_status plmr_layer_values(plmr_pass *pass);
plmr_status plmr_layer_time(plmr_cost_pass *pass);

/* What a layer needs: all of it, or of a grid one core. */
plmr_needs plmr_model_layer_needs(const plmr_model_shape *shape);
plmr_needs plmr_core_needs(const plmr_model_shape *shape, const plmr_grid *grid);
