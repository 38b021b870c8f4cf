/* pass.h - values on their way through the layers: a prompt of one request, or a token of each of several. */
#pragma once

#include "infer/heads.h"

/* An activation has a row for each token. In prefill tokens are dealt along y, in chunks, and all elements along x. In
 * decode every rank has all rows; elements of dimension PLMR_MODEL_DIM lie along y, the others along x.
 *
 * The chunks of a prompt are dealt to ranks as if their rows of cores were as many as chunks, so that a short prompt, too,
 * keeps all ranks busy: a rank has a run of early chunks and one of late ones, which see more tokens before them. */
typedef struct plmr_pass {
    plmr_engine *engine;
    const plmr_grid *grid;
    enum plmr_llm_phase phase;
    int layer;
    int64_t n;        /* tokens: of the prompt, or one of each request */
    int request, ms;  /* prefill: whose prompt; tokens of a chunk */
    int64_t n_before; /* decode: tokens in the cache before this one */
    plmr_deal tokens; /* to chunks; decode: all in one */
    plmr_part here;   /* this rank's chunks of them, */
    int64_t n_here;   /* tokens, */
    int64_t n_rows;   /* and tokens with what pads the last chunk */
    float *activation[PLMR_N_ACTIVATIONS];
    size_t ld[PLMR_N_ACTIVATIONS]; /* elements from row to row */
    plmr_held_heads heads;
    int expert; /* at hand */
} plmr_pass;

static inline plmr_layer *plmr_pass_weights(const plmr_pass *pass)
{
    return &pass->engine->layers[pass->layer];
}

/* A weight's matrix: of the expert at hand, if each has one. And a bias; NULL: the model has none. */
static inline plmr_matrix *plmr_pass_matrix(const plmr_pass *pass, enum plmr_weight which)
{
    plmr_layer *layer = plmr_pass_weights(pass);
    return &layer->matrix[which][plmr_weight_infos[which].kind == PLMR_EXPERT_MATRIX ? pass->expert : 0];
}

const float *plmr_pass_bias(const plmr_pass *pass, enum plmr_weight which);

/* Adds the part's bias, if it has one, to what the step has given. */
void plmr_pass_add_bias(const plmr_pass *pass, const plmr_step_part *part);

/* The score of a query head's sink, not yet scaled; -inf where there are no sinks. */
float plmr_pass_sink(const plmr_pass *pass, int head, float scale);

/* The pass as its experts have it: on the cores of a block, if each has one; it shares the activations. */
plmr_pass plmr_pass_of_experts(const plmr_pass *pass);

/* Deals the pass's n tokens to chunks, and these to ranks. */
void plmr_pass_deal_tokens(plmr_pass *pass);

/* How an activation is dealt in the pass, and what this rank has of its elements. */
const plmr_deal *plmr_pass_deal(const plmr_pass *pass, enum plmr_activation which);
plmr_part plmr_pass_part(const plmr_pass *pass, enum plmr_activation which);

/* The chunks of tokens of the ranks at a place along y. */
plmr_part plmr_pass_tokens(const plmr_pass *pass, int place);

/* Which of the pass's tokens a row of this rank is. */
int64_t plmr_pass_token(const plmr_pass *pass, int64_t row);

/* Writes an activation to the folder for dumps, if there is one. Collective. */
plmr_status plmr_pass_dump(const plmr_pass *pass, enum plmr_activation which, const char *name);
