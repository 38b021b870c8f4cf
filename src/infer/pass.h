/* pass.h - values on their way through the layers: a prompt of one request, or a token of each of several. */
#pragma once

#include "infer/heads.h"

/* An activation has a row for each token. In prefill all are dealt along x: a rank has its columns. In decode those of
 * dimension PLMR_MODEL_DIM lie along y, so a rank has all of them, the others along x. */
typedef struct plmr_pass {
    plmr_engine *engine;
    const plmr_grid *grid;
    enum plmr_llm_phase phase;
    int layer;
    int64_t n;        /* tokens: of the prompt, or one of each request */
    int request, ms;  /* prefill: whose prompt; tokens of a chunk */
    int64_t n_before; /* decode: tokens in the cache before this one */
    int64_t n_rows;   /* n, padded to whole chunks */
    float *activation[PLMR_N_ACTIVATIONS];
    size_t ld[PLMR_N_ACTIVATIONS]; /* elements from row to row */
    plmr_held_heads heads;
} plmr_pass;

static inline const plmr_layer *plmr_pass_weights(const plmr_pass *pass)
{
    return &pass->engine->layers[pass->layer];
}

/* How an activation is dealt in the pass. */
const plmr_deal *plmr_pass_deal(const plmr_pass *pass, enum plmr_activation which);

/* Writes an activation to the folder for dumps, if there is one. Collective. */
plmr_status plmr_pass_dump(const plmr_pass *pass, enum plmr_activation which, const char *name);
