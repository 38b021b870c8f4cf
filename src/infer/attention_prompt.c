/* Attention in prefill, head by head: scores by the transposed form, softmax, weighted values. */
#include "infer/attention.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* Rows of scores that are made at a time. */
enum { SCORE_ROWS = 64 };

struct head {
    const plmr_prompt_attention *p;
    int kv, dims;
    float *queries;           /* n_rep x tokens x dims */
    float *values;            /* tokens x dims, as the cache rounds them */
    float *scores, *weighted; /* SCORE_ROWS x tokens, x dims */
    plmr_span *own, *before;
    float *part; /* one for each core of the head */
};

/* A token's key and value join the cache; its queries are turned. */
static void append(const struct head *h, int64_t token)
{
    const plmr_prompt_attention *p = h->p;
    const plmr_heads *heads = &p->grid->heads;
    int n_rep = heads->n_rep;
    plmr_heads_append(p->engine, heads, p->layer, p->request, h->kv, token, p->heads->key[h->kv] + token * h->dims,
                      p->heads->value[h->kv] + token * h->dims);
    float *queries = h->queries + token * h->dims;
    plmr_heads_gather(heads, n_rep, p->heads->query[h->kv] + token * n_rep * h->dims, queries,
                      (size_t)(p->n * h->dims));
    for (int r = 0; r < n_rep; r++)
        plmr_engine_rope(p->engine, token, queries + r * p->n * h->dims);
}

/* Values as the cache has them, as floats. */
static void read_values(const struct head *h)
{
    const plmr_cache *cache = &h->p->engine->cache;
    const char *values = plmr_cache_values(cache, h->p->layer, h->p->request, h->kv);
    size_t row = (size_t)cache->n_dims * plmr_dtype_bytes(cache->dtype);
    for (int64_t t = 0; t < h->p->n; t++)
        plmr_convert_to_float(cache->dtype, h->dims, values + (size_t)t * row, h->values + t * h->dims);
}

/* The sum of a token's weights: every core of the head adds up those of the tokens that it keeps scores for, then the
 * tree adds up the cores. Token chunk c of all P is kept by core c * span / P. */
static float sum_weights(const struct head *h, const float *weights, int64_t n)
{
    int span = h->p->grid->heads.span, side = h->p->grid->rows;
    for (int core = 0; core < span; core++) {
        int64_t from = plmr_ceil_div((int64_t)core * side, span) * h->p->ms;
        int64_t to = plmr_ceil_div((int64_t)(core + 1) * side, span) * h->p->ms;
        h->part[core] = 0;
        for (int64_t t = from; t < to && t < n; t++)
            h->part[core] += weights[t];
    }
    return plmr_heads_sum(h->p->grid->tree_head, h->part);
}

/* Softmax of a row of scores, the token seeing itself and those before it; not yet divided by the sum. A core of the
 * token's row meets first the values of the row's own chunk, then those from the first chunk on. */
static float weigh(const struct head *h, int64_t token, float *scores, plmr_span *own, plmr_span *before)
{
    float scale = plmr_heads_scale(&h->p->grid->heads);
    plmr_vectors()->exp(token + 1, scale, plmr_vectors()->max(token + 1, scores), scores, scores);
    *own = (plmr_span){token / h->p->ms * h->p->ms, token + 1};
    *before = (plmr_span){0, own->from};
    return sum_weights(h, scores, token + 1);
}

static void attend_rows(const struct head *h, int rep, int64_t first, int n)
{
    const plmr_prompt_attention *p = h->p;
    const plmr_cache *cache = &p->engine->cache;
    const plmr_heads *heads = &p->grid->heads;
    const plmr_tree *tree = p->grid->tree_head;
    float sum[SCORE_ROWS], *queries = h->queries + ((int64_t)rep * p->n + first) * h->dims;
    plmr_attention()->scores(tree->ops, tree->first[1], heads->n_dims, n, first + n, queries, (size_t)h->dims,
                             cache->dtype, plmr_cache_keys(cache, p->layer, p->request, h->kv), (size_t)cache->n_tokens,
                             h->scores, (size_t)p->n);
    for (int i = 0; i < n; i++)
        sum[i] = weigh(h, first + i, h->scores + i * p->n, &h->own[i], &h->before[i]);
    plmr_attention()->weighted_sums(n, h->dims, h->scores, (size_t)p->n, h->own, h->before, h->values, (size_t)h->dims,
                                    h->weighted, (size_t)h->dims);
    for (int i = 0; i < n; i++)
        for (int d = 0; d < h->dims; d++)
            queries[i * h->dims + d] = h->weighted[i * h->dims + d] * (1 / sum[i]);
}

static void attend_head(const struct head *h)
{
    const plmr_prompt_attention *p = h->p;
    const plmr_heads *heads = &p->grid->heads;
    for (int64_t t = 0; t < p->n; t++)
        append(h, t);
    read_values(h);
    for (int rep = 0; rep < heads->n_rep; rep++)
        for (int64_t first = 0; first < p->n; first += SCORE_ROWS)
            attend_rows(h, rep, first, (int)plmr_clip(first, SCORE_ROWS, p->n));
    for (int64_t t = 0; t < p->n; t++)
        plmr_heads_scatter(heads, heads->n_rep, h->queries + t * h->dims, (size_t)(p->n * h->dims),
                           p->heads->query[h->kv] + t * heads->n_rep * h->dims);
}

void plmr_attend_prompt(const plmr_prompt_attention *p)
{
    const plmr_heads *heads = &p->grid->heads;
    int dims = plmr_heads_dims(heads);
    plmr_span spans[2][SCORE_ROWS];
    size_t n = (size_t)p->n, n_dims = (size_t)dims, room = n * n_dims * ((size_t)heads->n_rep + 1);
    float *memory = plmr_take((room + SCORE_ROWS * (n + n_dims) + (size_t)heads->span) * sizeof *memory);
    struct head head = {.p = p, .dims = dims, .queries = memory, .own = spans[0], .before = spans[1]};
    head.values = head.queries + n * n_dims * (size_t)heads->n_rep;
    head.scores = head.values + n * n_dims;
    head.weighted = head.scores + SCORE_ROWS * n;
    head.part = head.weighted + SCORE_ROWS * n_dims;
    for (head.kv = 0; head.kv < heads->n_kv; head.kv++)
        if (p->heads->query[head.kv])
            attend_head(&head);
    free(memory);
}
