/* heads.h - attention's small steps on the ranks that work on a head: between what cores hold and what kernels take.
 *
 * A head as its cores hold it ("by cores"): for each core, for each of n_rep query heads, n_dims elements. A head for
 * the kernels ("by queries"): for each query head, all elements in the cores' order.
 */
#pragma once

#include "infer/engine.h"

/* Elements of one query head, padded: span * n_dims. */
static inline int plmr_heads_dims(const plmr_heads *heads)
{
    return heads->span * heads->n_dims;
}

/* By cores to by queries, query head r at to + r * ld_rep; and back. */
void plmr_heads_gather(const plmr_heads *heads, int n_rep, const float *by_cores, float *to, size_t ld_rep);
void plmr_heads_scatter(const plmr_heads *heads, int n_rep, const float *from, size_t ld_rep, float *by_cores);

/* Queries (then what attention gives), keys and values of this rank's tokens, by cores: by key-value head, NULL where ranks
 * of another column work on it. */
typedef struct plmr_held_heads {
    float **query, **key, **value;
} plmr_held_heads;

/* Zeroed. Local. On failure what was made is still to be freed. */
void plmr_held_heads_create(const plmr_engine *engine, const plmr_grid *grid, int64_t n, plmr_held_heads *held);
void plmr_held_heads_free(const plmr_grid *grid, plmr_held_heads *held);

/* A token's key, turned for its position, and value as the cache has them; both from one head by cores. */
void plmr_heads_round(const plmr_engine *engine, const plmr_heads *heads, int layer, int64_t token, const float *key,
                      const float *value, void *rounded_key, void *rounded_value);

/* The sum of a number of each of a head's cores, in the order of the head's tree. */
float plmr_heads_sum(const plmr_tree *tree_head, const float *of_cores);

/* x = cap * tanh(x * scale / cap), as 1 - 2 / (1 + e^(2 t)) has it. */
void plmr_vector_cap(int64_t n, float cap, float scale, float *x);

/* Caps n scores, scaling them first, if the model does so; the factor that they still want before the softmax. */
float plmr_heads_cap(const plmr_model_shape *shape, int64_t n, float *scores);
