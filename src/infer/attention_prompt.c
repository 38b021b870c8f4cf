/* Attention in prefill, head by head: scores by the transposed form, softmax, weighted values. */
#include "infer/attention.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "infer/keys.h"

/* Rows of scores that are made at a time. */
enum { SCORE_ROWS = 64 };

struct head {
    const plmr_pass *p;
    int dims, kv;
    float *queries;           /* n_rep x this rank's tokens x dims */
    float *scores, *weighted; /* SCORE_ROWS x tokens, x dims */
    plmr_span *own, *before;
    float *part; /* one for each core of the head */
    plmr_keys *keys;
};

/* Queries of this rank's tokens, turned. */
static void take_queries(const struct head *h, int kv)
{
    const plmr_pass *p = h->p;
    int n_rep = p->grid->heads.n_rep;
    for (int64_t row = 0; row < p->n_here; row++) {
        float *queries = h->queries + row * h->dims;
        plmr_heads_gather(&p->grid->heads, n_rep, p->heads.query[kv] + row * n_rep * h->dims, queries,
                          (size_t)(p->n_here * h->dims));
        for (int r = 0; r < n_rep; r++)
            plmr_engine_turn_query(p->engine, p->layer, plmr_pass_token(p, row), h->dims,
                                   queries + r * p->n_here * h->dims);
    }
}

/* The sum of a token's weights: every core of the head adds up those of the tokens that it keeps scores for, then the
 * tree adds up the cores. Token chunk c of all P is kept by core c * span / P. */
static float sum_weights(const struct head *h, const float *weights, int64_t first, int64_t n)
{
    int span = h->p->grid->heads.span, side = h->p->grid->rows;
    for (int core = 0; core < span; core++) {
        int64_t from = plmr_ceil_div((int64_t)core * side, span) * h->p->ms;
        int64_t to = plmr_ceil_div((int64_t)(core + 1) * side, span) * h->p->ms;
        h->part[core] = 0;
        for (int64_t t = from > first ? from : first; t < to && t < n; t++)
            h->part[core] += weights[t];
    }
    return plmr_heads_sum(h->p->grid->tree_head, h->part);
}

/* Softmax of a row of scores, the token seeing itself and those before it, as far as the layer's window goes; not yet
 * divided by the sum. A core of the token's row meets first the values of the row's own chunk, then those from the first
 * chunk on. */
static float weigh(const struct head *h, int rep, int64_t token, float *scores, plmr_span *own, plmr_span *before)
{
    int64_t first = plmr_engine_first_seen(h->p->engine, h->p->layer, token + 1), n = token + 1 - first;
    int64_t chunk = token / h->p->ms * h->p->ms;
    float scale = plmr_heads_cap(h->p->engine->shape, n, scores + first);
    float sink = plmr_pass_sink(h->p, h->kv * h->p->grid->heads.n_rep + rep, scale);
    float most = fmaxf(plmr_vectors()->max(n, scores + first), sink);
    plmr_vectors()->exp(n, scale, most, scores + first, scores + first);
    plmr_vectors()->exp(1, scale, most, &sink, &sink);
    *own = (plmr_span){chunk > first ? chunk : first, token + 1};
    *before = (plmr_span){first, own->from};
    return sum_weights(h, scores, first, token + 1) + sink;
}

/* n rows of this rank, of tokens that follow each other from `token` on. */
static void attend_rows(const struct head *h, int rep, int64_t row, int64_t token, int n)
{
    const plmr_pass *p = h->p;
    const plmr_cache *cache = &p->engine->cache;
    const plmr_tree *tree = p->grid->tree_head;
    float sum[SCORE_ROWS], *queries = h->queries + ((int64_t)rep * p->n_here + row) * h->dims;
    int64_t seen = plmr_engine_first_seen(p->engine, p->layer, token + 1);
    const char *keys = (const char *)h->keys->keys + (size_t)seen * plmr_dtype_bytes(cache->dtype);
    plmr_attention()->scores(tree->ops, tree->first[1], p->grid->heads.n_dims, n, token + n - seen, queries,
                             (size_t)h->dims, cache->dtype, keys, (size_t)p->n, h->scores + seen, (size_t)p->n);
    for (int i = 0; i < n; i++)
        sum[i] = weigh(h, rep, token + i, h->scores + i * p->n, &h->own[i], &h->before[i]);
    plmr_attention()->weighted_sums(n, h->dims, h->scores, (size_t)p->n, h->own, h->before, h->keys->values,
                                    (size_t)cache->n_dims, h->weighted, (size_t)h->dims);
    for (int i = 0; i < n; i++)
        for (int d = 0; d < h->dims; d++)
            queries[i * h->dims + d] = h->weighted[i * h->dims + d] * (1 / sum[i]);
    plmr_keys_poll(h->keys);
}

static void attend_run(const struct head *h, int rep, int64_t row, const plmr_run *run)
{
    int64_t first = (int64_t)run->first * h->p->ms, n = plmr_clip(first, (int64_t)run->count * h->p->ms, h->p->n);
    for (int64_t i = 0; i < n; i += SCORE_ROWS)
        attend_rows(h, rep, row + i, first + i, (int)plmr_clip(i, SCORE_ROWS, n));
}

static void attend_head(const struct head *h)
{
    const plmr_pass *p = h->p;
    const plmr_heads *heads = &p->grid->heads;
    int kv = h->kv;
    take_queries(h, kv);
    for (int rep = 0; rep < heads->n_rep; rep++)
        for (int i = 0, before = 0; i < p->here.n_runs; before += p->here.runs[i++].count)
            attend_run(h, rep, (int64_t)before * p->ms, &p->here.runs[i]);
    for (int64_t row = 0; row < p->n_here; row++)
        plmr_heads_scatter(heads, heads->n_rep, h->queries + row * h->dims, (size_t)(p->n_here * h->dims),
                           p->heads.query[kv] + row * heads->n_rep * h->dims);
}

void plmr_attend_prompt(const plmr_pass *p)
{
    const plmr_heads *heads = &p->grid->heads;
    int dims = plmr_heads_dims(heads);
    plmr_span spans[2][SCORE_ROWS];
    size_t n = (size_t)p->n, n_dims = (size_t)dims, room = (size_t)p->n_here * n_dims * (size_t)heads->n_rep;
    float *memory = plmr_take((room + SCORE_ROWS * (n + n_dims) + (size_t)heads->span) * sizeof *memory);
    struct head head = {.p = p, .dims = dims, .queries = memory, .own = spans[0], .before = spans[1]};
    head.scores = head.queries + room;
    head.weighted = head.scores + SCORE_ROWS * n;
    head.part = head.weighted + SCORE_ROWS * n_dims;
    for (head.keys = plmr_keys_create(p); plmr_keys_next(head.keys, &head.kv);)
        attend_head(&head);
    plmr_keys_destroy(head.keys);
    free(memory);
}
