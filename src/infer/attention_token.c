/* Attention in decode, head by head: scores against the cache, softmax, weighted values added up over the rows of cores.
 * A rank has the tokens of its rows, so the greatest score, and those sums, are its column's. */
#include "infer/attention.h"
#include "infer/rows.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* Floats of scores of the heads that are worked on together, where ranks wait for each other. */
enum { TOGETHER = 1 << 18 };

/* A key-value head of a request. */
struct head {
    const struct group *group;
    int kv, request;
    float *scores; /* n_rep x this rank's tokens; then weights: not yet divided by their sum */
    float *sum;    /* n_rep x n_dims weighted values, then n_rep sums of weights */
};

/* Heads that go through the reductions together. */
struct group {
    const plmr_pass *p;
    plmr_span tokens; /* this rank's, of those that the layer sees */
    int64_t n_here;
    int most, n;
    struct head *heads;
    plmr_tree_job *jobs; /* two for each */
    float *most_score;
};

/* The first token that row `row` of cores holds of those that the layer sees, counted from the rank's first. */
static int64_t first_of(const struct head *h, int row)
{
    const plmr_pass *p = h->group->p;
    int64_t first = plmr_rows_first(p->engine, p->n_before + 1, row) - h->group->tokens.from;
    return first > 0 ? first : 0;
}

/* Tokens that a row of this rank's cores holds. */
static int tokens_of(const struct head *h, int core, int64_t *first)
{
    int row = h->group->p->grid->region->first[PLMR_Y] + core;
    *first = first_of(h, row);
    return (int)(first_of(h, row + 1) - *first);
}

/* A row of cores without tokens passes on what came. */
static bool passes_on(int n_tokens, const float *onto, size_t n, float *out)
{
    if (n_tokens == 0 && !onto)
        memset(out, 0, n * sizeof *out);
    return n_tokens == 0;
}

/* A row adds up the weights of its tokens, */
static void make_total(const void *context, int core, int64_t first, int64_t width, const float *onto, float *out,
                       int next)
{
    const struct head *h = context;
    static const float one = 1;
    int64_t from;
    int n = tokens_of(h, core, &from), n_rep = h->group->p->grid->heads.n_rep;
    if (passes_on(n, onto, (size_t)n_rep, out))
        return;
    for (int r = 0; r < n_rep; r++)
        plmr_vectors()->gemv_onto(PLMR_F32, PLMR_F32, n, 1, h->scores + r * h->group->n_here + from, &one, 0,
                                  onto ? onto + r : NULL, out + r, NULL);
    (void)first, (void)width, (void)next;
}

/* and their values so weighted. */
static void make_weighted(const void *context, int core, int64_t first, int64_t width, const float *onto, float *out,
                          int next)
{
    const struct head *h = context;
    const plmr_pass *p = h->group->p;
    const plmr_cache *cache = &p->engine->cache;
    int64_t from;
    int n = tokens_of(h, core, &from);
    if (passes_on(n, onto, (size_t)(p->grid->heads.n_rep * width), out))
        return;
    int64_t token = h->group->tokens.from - cache->first + from;
    const char *rows = plmr_cache_values(cache, p->layer, h->request, h->kv) +
                       (size_t)token * (size_t)cache->n_dims * plmr_dtype_bytes(cache->dtype);
    for (int r = 0; r < p->grid->heads.n_rep; r++, out += width, onto = onto ? onto + width : NULL)
        plmr_vectors()->gemv_onto(cache->dtype, PLMR_F32, n, width, h->scores + r * h->group->n_here + from, rows,
                                  (size_t)cache->n_dims, onto, out, NULL);
    (void)first, (void)next;
}

static float *by_cores(const struct head *h)
{
    const plmr_heads *heads = &h->group->p->grid->heads;
    return h->group->p->heads.query[h->kv] + (size_t)h->request * (size_t)(heads->n_rep * plmr_heads_dims(heads));
}

/* The new token's key and value, on the rank that has the last row. */
static void append(const struct head *h)
{
    const plmr_pass *p = h->group->p;
    char key[PLMR_MOST_HEAD_DIM * sizeof(float)], value[PLMR_MOST_HEAD_DIM * sizeof(float)];
    size_t at = (size_t)h->request * (size_t)plmr_heads_dims(&p->grid->heads);
    if (h->group->tokens.to <= p->n_before)
        return;
    plmr_heads_round(p->engine, &p->grid->heads, p->layer, p->n_before, p->heads.key[h->kv] + at,
                     p->heads.value[h->kv] + at, key, value);
    plmr_cache_put(&p->engine->cache, p->layer, h->request, h->kv, p->n_before, key, value);
}

/* What scores still want before the softmax. */
static float score_scale(const plmr_pass *p)
{
    return p->engine->shape->score_cap != 0 ? 1 : p->engine->shape->attention_scale;
}

/* Scores of this rank's tokens; the greatest of each query into `most`. */
static void score(const struct head *h, float *most)
{
    const plmr_pass *p = h->group->p;
    const plmr_heads *heads = &p->grid->heads;
    const plmr_cache *cache = &p->engine->cache;
    const plmr_tree *tree = p->grid->tree_head;
    int dims = plmr_heads_dims(heads);
    int64_t n = h->group->n_here;
    const char *keys = plmr_cache_keys(cache, p->layer, h->request, h->kv);
    float *queries = plmr_take((size_t)(heads->n_rep * dims) * sizeof *queries);
    plmr_heads_gather(heads, heads->n_rep, by_cores(h), queries, (size_t)dims);
    for (int r = 0; r < heads->n_rep; r++)
        plmr_engine_turn_query(p->engine, p->layer, p->n_before, dims, queries + r * dims);
    if (n)
        plmr_attention()->scores(tree->ops, tree->first[1], heads->n_dims, heads->n_rep, n, queries, (size_t)dims,
                                 cache->dtype,
                                 keys + (size_t)(h->group->tokens.from - cache->first) * plmr_dtype_bytes(cache->dtype),
                                 (size_t)cache->n_tokens, h->scores, (size_t)n);
    plmr_heads_cap(p->engine->shape, n * heads->n_rep, h->scores);
    for (int r = 0; r < heads->n_rep; r++)
        most[r] = fmaxf(plmr_vectors()->max(n, h->scores + r * n),
                        plmr_pass_sink(p, h->kv * heads->n_rep + r, score_scale(p)));
    free(queries);
}

/* Of all ranks of the column. */
static void find_most(const struct group *g, int n, float *most)
{
    double *all = plmr_take((size_t)n * sizeof *all);
    for (int i = 0; i < n; i++)
        all[i] = most[i];
    plmr_ranks_line_max(g->p->engine->ranks, PLMR_Y, all, n);
    for (int i = 0; i < n; i++)
        most[i] = (float)all[i];
    free(all);
}

/* Two reductions over the rows: the sum of the weights, and that of the weighted values. */
static void list_jobs(const struct head *h, plmr_tree_job *jobs)
{
    const plmr_pass *p = h->group->p;
    int64_t dims = p->engine->cache.n_dims;
    int n_rep = p->grid->heads.n_rep;
    jobs[0] = (plmr_tree_job){
        .tree = p->grid->tree_y,
        .accumulate = PLMR_F32,
        .n_batch = n_rep,
        .n = 1,
        .strip = 1,
        .make = make_total,
        .context = h,
        .sum = h->sum + n_rep * dims,
        .ld_sum = 1,
    };
    jobs[1] = jobs[0];
    jobs[1].n = jobs[1].strip = dims;
    jobs[1].make = make_weighted;
    jobs[1].sum = h->sum;
    jobs[1].ld_sum = (size_t)dims;
}

/* `most`: the greatest score of each query. */
static void finish(const struct head *h, const float *most)
{
    const plmr_pass *p = h->group->p;
    const plmr_heads *heads = &p->grid->heads;
    int64_t dims = p->engine->cache.n_dims;
    for (int r = 0; r < heads->n_rep; r++) {
        float sink = plmr_pass_sink(p, h->kv * heads->n_rep + r, score_scale(p));
        plmr_vectors()->exp(1, score_scale(p), most[r], &sink, &sink);
        float share = 1 / (h->sum[heads->n_rep * dims + r] + sink);
        for (int64_t d = 0; d < dims; d++)
            h->sum[r * dims + d] *= share;
    }
    plmr_heads_scatter(heads, heads->n_rep, h->sum, (size_t)dims, by_cores(h));
}

static void run_group(struct group *g)
{
    const plmr_heads *heads = &g->p->grid->heads;
    for (int i = 0; i < g->n; i++) {
        append(&g->heads[i]);
        score(&g->heads[i], g->most_score + i * heads->n_rep);
        list_jobs(&g->heads[i], g->jobs + 2 * i);
    }
    float scale = score_scale(g->p);
    find_most(g, g->n * heads->n_rep, g->most_score);
    for (int i = 0; i < g->n * heads->n_rep; i++) {
        float *scores = g->heads[i / heads->n_rep].scores + i % heads->n_rep * g->n_here;
        plmr_vectors()->exp(g->n_here, scale, g->most_score[i], scores, scores);
    }
    plmr_tree_run_fused(g->jobs, 2 * g->n);
    for (int i = 0; i < g->n; i++)
        finish(&g->heads[i], g->most_score + i * heads->n_rep);
    g->n = 0;
}

/* One where no other rank is waited for: it stays in the cache. Alike in a column. */
static int choose_most(const plmr_pass *p)
{
    int64_t n_places = plmr_ranks_extent(p->engine->ranks, PLMR_Y);
    int64_t scores = plmr_ceil_div(p->engine->setup.n_tokens, n_places) * p->grid->heads.n_rep;
    return n_places == 1 || scores > TOGETHER ? 1 : (int)(TOGETHER / scores);
}

static void make_group(struct group *g)
{
    const plmr_heads *heads = &g->p->grid->heads;
    size_t n_scores = (size_t)heads->n_rep * (size_t)g->n_here,
           n_sum = (size_t)(heads->n_rep * (g->p->engine->cache.n_dims + 1));
    float *memory = plmr_take((size_t)g->most * (n_scores + n_sum + (size_t)heads->n_rep) * sizeof *memory);
    g->heads = plmr_take((size_t)g->most * sizeof *g->heads);
    g->jobs = plmr_take(2 * (size_t)g->most * sizeof *g->jobs);
    for (int i = 0; i < g->most; i++, memory += n_scores + n_sum)
        g->heads[i] = (struct head){.group = g, .sum = memory, .scores = memory + n_sum};
    g->most_score = memory;
}

void plmr_attend_token(const plmr_pass *p)
{
    struct group g = {.p = p, .tokens = plmr_rows_here(p->engine, p->n_before + 1), .most = choose_most(p)};
    int64_t seen = plmr_engine_first_seen(p->engine, p->layer, p->n_before + 1);
    g.tokens.from = g.tokens.from > seen ? g.tokens.from : seen;
    g.tokens.to = g.tokens.to > seen ? g.tokens.to : seen;
    g.n_here = g.tokens.to - g.tokens.from;
    make_group(&g);
    for (int kv = 0; kv < p->grid->heads.n_kv; kv++)
        for (int i = 0; i < p->n && p->heads.query[kv]; i++) {
            g.heads[g.n].kv = kv;
            g.heads[g.n++].request = i;
            if (g.n == g.most)
                run_group(&g);
        }
    if (g.n)
        run_group(&g);
    free(g.heads->sum);
    free(g.jobs);
    free(g.heads);
}
