/* load.h - how many of a prompt's or batch's tokens each expert gets, where no values say so. */
#pragma once

#include <stdio.h>

#include "model/shape.h"

typedef struct plmr_expert_load {
    double skew;     /* Zipf's: expert i's share is as (i + 1)^-skew; 0: all get as many */
    double capacity; /* an expert takes so many times its even share at most, the others' tokens are dropped; 0: all */
    int n_layers, n_experts; /* of a trace: */
    double *share;           /* by layer and expert, of all that are chosen; NULL: there is no trace */
} plmr_expert_load;

/* "uniform", "zipf:S", or the path of a trace as plmr_expert_trace_row writes it, of a model with as many experts. What is
 * made is for plmr_expert_load_free. Local. */
plmr_status plmr_expert_load_read(const char *text, const plmr_model_shape *shape, plmr_expert_load *load);
void plmr_expert_load_free(plmr_expert_load *load);

/* A trace of chosen experts is a CSV file: its head, then a line for each expert of each token in each layer. */
#define PLMR_EXPERT_TRACE_HEAD "layer,token,expert\n"
void plmr_expert_trace_row(FILE *file, int layer, int64_t token, int expert);

/* Of the prompt of a model: the tokens of the busiest expert of any layer, and what is dropped in all layers. */
void plmr_expert_load_sum(const plmr_expert_load *load, const plmr_model_shape *shape, int64_t n_tokens, int64_t *most,
                          int64_t *dropped);

/* How many experts of a layer have more tokens: 0 is the hottest's; of equals the first is. */
int plmr_expert_load_rank(const plmr_expert_load *load, int layer, int expert);

/* Tokens of each of the shape's experts, of n_tokens that use n_used different ones each: whole numbers, as near to the
 * shares as can be. Returns how many (token, expert) are dropped. Layers beyond a trace's are as its first ones. */
int64_t plmr_expert_load_deal(const plmr_expert_load *load, const plmr_model_shape *shape, int layer, int64_t n_tokens,
                              int64_t *tokens);
