/* Attention in decode, head by head: scores against the cache, softmax, weighted values added up over the rows. */
#include "infer/attention.h"
#include "infer/rows.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

struct head {
    const plmr_token_attention *all;
    int kv, request;
    const float *weight; /* n_rep x n_tokens: not yet divided by their sum */
    const char *values;
};

/* A row of cores holds some tokens: it adds up their weights, and their values so weighted. The last element is the sum
 * of the weights. */
static void make_weighted(const void *context, int core, int64_t first, int64_t width, const float *onto, float *out,
                          int next)
{
    const struct head *h = context;
    const plmr_engine *e = h->all->engine;
    int64_t from = plmr_rows_first(e, h->all->grid, h->all->n_tokens, core);
    int n = (int)(plmr_rows_first(e, h->all->grid, h->all->n_tokens, core + 1) - from), dims = e->cache.n_dims;
    const char *rows = h->values + (size_t)from * (size_t)dims * plmr_dtype_bytes(e->cache.dtype);
    static const float one = 1;
    for (int r = 0; r < h->all->grid->heads.n_rep; r++, out += width, onto += onto ? width : 0) {
        const float *weight = h->weight + r * h->all->n_tokens + from;
        plmr_gemv_onto(e->cache.dtype, PLMR_F32, n, width - 1, weight, rows, (size_t)dims, onto, out, NULL);
        plmr_gemv_onto(PLMR_F32, PLMR_F32, n, 1, weight, &one, 0, onto ? onto + width - 1 : NULL, out + width - 1,
                       NULL);
    }
    (void)first, (void)next;
}

/* Scores to weights: exp((score - most) * scale). */
static void weigh(const struct head *h, float *scores)
{
    const plmr_heads *heads = &h->all->grid->heads;
    for (int r = 0; r < heads->n_rep; r++, scores += h->all->n_tokens)
        plmr_vector_exp(h->all->n_tokens, plmr_heads_scale(heads), plmr_vector_max(h->all->n_tokens, scores), scores,
                        scores);
}

static plmr_status sum_values(const struct head *h, float *by_cores)
{
    const plmr_heads *heads = &h->all->grid->heads;
    int64_t width = h->all->engine->cache.n_dims + 1;
    float *sum = plmr_take((size_t)(heads->n_rep * width) * sizeof *sum);
    plmr_tree_job job = {
        .tree = h->all->grid->tree_y,
        .accumulate = PLMR_F32,
        .n_batch = heads->n_rep,
        .n = width,
        .strip = width,
        .make = make_weighted,
        .context = h,
        .sum = sum,
        .ld_sum = (size_t)width,
    };
    plmr_tree_run(&job);
    for (int r = 0; r < heads->n_rep; r++) {
        float share = 1 / sum[r * width + width - 1];
        for (int64_t d = 0; d < width - 1; d++)
            sum[r * width + d] *= share;
    }
    plmr_heads_scatter(heads, heads->n_rep, sum, (size_t)width, by_cores);
    free(sum);
    return PLMR_OK;
}

static plmr_status attend_head(struct head *h, float *by_cores, const float *key, const float *value)
{
    const plmr_engine *e = h->all->engine;
    const plmr_grid *grid = h->all->grid;
    const plmr_heads *heads = &grid->heads;
    int dims = plmr_heads_dims(heads);
    float *queries = plmr_take((size_t)(heads->n_rep * (dims + h->all->n_tokens)) * sizeof *queries);
    float *scores = queries + heads->n_rep * dims;
    plmr_heads_gather(heads, heads->n_rep, by_cores, queries, (size_t)dims);
    for (int r = 0; r < heads->n_rep; r++)
        plmr_engine_rope(e, h->all->n_tokens - 1, queries + r * dims);
    plmr_heads_append(h->all->engine, heads, h->all->layer, h->request, h->kv, h->all->n_tokens - 1, key, value);
    const plmr_tree *tree = grid->tree_head;
    plmr_scores(tree->ops, tree->first[1], heads->n_dims, heads->n_rep, h->all->n_tokens, queries, (size_t)dims,
                e->cache.dtype, plmr_cache_keys(&e->cache, h->all->layer, h->request, h->kv), (size_t)e->cache.n_tokens,
                scores, (size_t)h->all->n_tokens);
    weigh(h, scores);
    h->weight = scores;
    h->values = plmr_cache_values(&e->cache, h->all->layer, h->request, h->kv);
    plmr_status status = sum_values(h, by_cores);
    free(queries);
    return status;
}

plmr_status plmr_attend_token(const plmr_token_attention *p)
{
    const plmr_heads *heads = &p->grid->heads;
    int dims = plmr_heads_dims(heads);
    for (int kv = 0; kv < heads->n_kv; kv++)
        for (int i = 0; i < p->n && p->heads->query[kv]; i++) {
            struct head head = {.all = p, .kv = kv, .request = i};
            PLMR_TRY(attend_head(&head, p->heads->query[kv] + (size_t)i * (size_t)(heads->n_rep * dims),
                                 p->heads->key[kv] + (size_t)i * (size_t)dims,
                                 p->heads->value[kv] + (size_t)i * (size_t)dims));
        }
    return PLMR_OK;
}
