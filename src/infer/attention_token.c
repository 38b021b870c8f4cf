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

/* Tokens that a row of cores holds. */
static int tokens_of(const struct head *h, int row, int64_t *first)
{
    *first = plmr_rows_first(h->all->engine, h->all->grid, h->all->n_tokens, row);
    return (int)(plmr_rows_first(h->all->engine, h->all->grid, h->all->n_tokens, row + 1) - *first);
}

/* A row adds up the weights of its tokens, */
static void make_total(const void *context, int row, int64_t first, int64_t width, const float *onto, float *out,
                       int next)
{
    const struct head *h = context;
    static const float one = 1;
    int64_t from;
    int n = tokens_of(h, row, &from);
    for (int r = 0; r < h->all->grid->heads.n_rep; r++)
        plmr_vectors()->gemv_onto(PLMR_F32, PLMR_F32, n, 1, h->weight + r * h->all->n_tokens + from, &one, 0,
                                  onto ? onto + r : NULL, out + r, NULL);
    (void)first, (void)width, (void)next;
}

/* and their values so weighted. */
static void make_weighted(const void *context, int row, int64_t first, int64_t width, const float *onto, float *out,
                          int next)
{
    const struct head *h = context;
    const plmr_cache *cache = &h->all->engine->cache;
    int64_t from;
    int n = tokens_of(h, row, &from);
    const char *rows = h->values + (size_t)from * (size_t)cache->n_dims * plmr_dtype_bytes(cache->dtype);
    for (int r = 0; r < h->all->grid->heads.n_rep; r++, out += width, onto += onto ? width : 0)
        plmr_vectors()->gemv_onto(cache->dtype, PLMR_F32, n, width, h->weight + r * h->all->n_tokens + from, rows,
                                  (size_t)cache->n_dims, onto, out, NULL);
    (void)first, (void)next;
}

/* Scores to weights: exp((score - most) * scale), most being that of all rows. */
static void weigh(const struct head *h, float *scores)
{
    const plmr_heads *heads = &h->all->grid->heads;
    for (int r = 0; r < heads->n_rep; r++, scores += h->all->n_tokens)
        plmr_vectors()->exp(h->all->n_tokens, plmr_heads_scale(heads), plmr_vectors()->max(h->all->n_tokens, scores),
                            scores, scores);
}

/* Over the rows: the sum of the weights, then that of the weighted values, a reduction each. */
static void sum_values(const struct head *h, float *by_cores)
{
    const plmr_heads *heads = &h->all->grid->heads;
    int64_t dims = h->all->engine->cache.n_dims;
    float *sum = plmr_take((size_t)(heads->n_rep * (dims + 1)) * sizeof *sum), *total = sum + heads->n_rep * dims;
    plmr_tree_job totals = {
        .tree = h->all->grid->tree_y,
        .accumulate = PLMR_F32,
        .n_batch = heads->n_rep,
        .n = 1,
        .strip = 1,
        .make = make_total,
        .context = h,
        .sum = total,
        .ld_sum = 1,
    };
    plmr_tree_job values = totals;
    values.n = values.strip = dims;
    values.make = make_weighted;
    values.sum = sum;
    values.ld_sum = (size_t)dims;
    plmr_tree_run(&totals);
    plmr_tree_run(&values);
    for (int r = 0; r < heads->n_rep; r++) {
        float share = 1 / total[r];
        for (int64_t d = 0; d < dims; d++)
            sum[r * dims + d] *= share;
    }
    plmr_heads_scatter(heads, heads->n_rep, sum, (size_t)dims, by_cores);
    free(sum);
}

static void attend_head(struct head *h, float *by_cores, const float *key, const float *value)
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
    plmr_attention()->scores(tree->ops, tree->first[1], heads->n_dims, heads->n_rep, h->all->n_tokens, queries,
                             (size_t)dims, e->cache.dtype, plmr_cache_keys(&e->cache, h->all->layer, h->request, h->kv),
                             (size_t)e->cache.n_tokens, scores, (size_t)h->all->n_tokens);
    weigh(h, scores);
    h->weight = scores;
    h->values = plmr_cache_values(&e->cache, h->all->layer, h->request, h->kv);
    sum_values(h, by_cores);
    free(queries);
}

void plmr_attend_token(const plmr_token_attention *p)
{
    const plmr_heads *heads = &p->grid->heads;
    int dims = plmr_heads_dims(heads);
    for (int kv = 0; kv < heads->n_kv; kv++)
        for (int i = 0; i < p->n && p->heads->query[kv]; i++) {
            struct head head = {.all = p, .kv = kv, .request = i};
            attend_head(&head, p->heads->query[kv] + (size_t)i * (size_t)(heads->n_rep * dims),
                        p->heads->key[kv] + (size_t)i * (size_t)dims, p->heads->value[kv] + (size_t)i * (size_t)dims);
        }
}
