/* experts.h - tokens at the experts that they are routed to: values alone.
 *
 * In prefill an expert's tokens, in their order, are dealt along y as a prompt of their own is: they go to the rows of cores
 * that have them, meet the expert's matrices there, and what comes out goes back. Columns of cores keep their elements, but
 * where experts have blocks.
 */
#pragma once

#include "infer/pass.h"

typedef struct plmr_routes {
    const plmr_pass *pass;
    int n_used;
    int32_t *expert; /* by token of the prompt: the experts that it uses, in their order */
} plmr_routes;

/* Whether an element of ROUTED is a chosen expert's: one that is no number is, too, so that logits show it. */
static inline bool plmr_is_routed(float weight)
{
    return !(weight < 0);
}

/* Who goes where, on every rank. Collective, as are the others. */
plmr_routes plmr_routes_create(const plmr_pass *pass);
void plmr_routes_destroy(plmr_routes *routes);

/* A pass of an expert's tokens: sub->n of them, 0: none. Its activation `which` has them as the prompt's has them. What it
 * holds is freed by plmr_routes_leave. */
void plmr_routes_enter(const plmr_routes *routes, int expert, enum plmr_activation which, plmr_pass *sub);

/* Adds what the sub-pass has in `which`, times the token's weight, to the prompt's. */
void plmr_routes_leave(const plmr_routes *routes, int expert, enum plmr_activation which, plmr_pass *sub);

/* Decode: the requests' vectors of an activation, a dimension of the model's, as the rows of a block have them; for free(). */
float *plmr_experts_vectors(const plmr_pass *pass, const plmr_pass *sub, enum plmr_activation which);
