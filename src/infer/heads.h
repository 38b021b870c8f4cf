/* heads.h - attention's small steps on the rank that owns a head: between what cores hold and what kernels take.
 *
 * A head as its cores hold it ("by cores"): for each core, for each of n_rep query heads, n_dims elements. A head for
 * the kernels ("by queries"): for each query head, all elements in the cores' order.
 */
#ifndef PLMR_INFER_HEADS_H
#define PLMR_INFER_HEADS_H

#include "infer/engine.h"

/* Elements of one query head, padded: span * n_dims. */
static inline int plmr_heads_dims(const plmr_heads *heads)
{
    return heads->span * heads->n_dims;
}

/* By cores to by queries, query head r at to + r * ld_rep; and back. */
void plmr_heads_gather(const plmr_heads *heads, int n_rep, const float *by_cores, float *to, size_t ld_rep);
void plmr_heads_scatter(const plmr_heads *heads, int n_rep, const float *from, size_t ld_rep, float *by_cores);

/* The score's factor before the softmax. */
float plmr_heads_scale(const plmr_heads *heads);

#endif
