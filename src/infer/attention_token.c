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
    float *sum;    /* of each query n_dims weighted values, then the sum of weights */
};

/* Heads that go through the reductions together. */
struct group {
    const plmr_pass *p;
    plmr_span tokens; /* this rank's, of those that the layer sees */
    int64_t n_here;
    int most, n;
    struct head *heads;
    plmr_tree_job *jobs;
    float *most_score;
    int32_t *first; /* by row of cores, and one more: see list_tokens */
};

/* Of the tokens that the layer sees, counted from the rank's first, the first that each row of cores holds. */
static void list_tokens(struct group *g)
{
    const plmr_region *region = g->p->grid->region;
    int n = region->count[PLMR_Y];
    g->first = plmr_take((size_t)(n + 1) * sizeof *g->first);
    for (int core = 0; core <= n; core++) {
        int64_t first = plmr_rows_first(g->p->engine, g->p->n_before + 1, region->first[PLMR_Y] + core);
        g->first[core] = first > g->tokens.from ? (int32_t)(first - g->tokens.from) : 0;
    }
}

/* A row adds up the values of its tokens, weighted, and the weights. */
static void run_weighted(const void *context, const plmr_tree_op *ops, int n_ops, int64_t first, int64_t width,
                         float *stack)
{
    const struct head *h = context;
    const plmr_pass *p = h->group->p;
    const plmr_cache *cache = &p->engine->cache;
    int64_t token = h->group->tokens.from - cache->first;
    plmr_weighted_program program = {
        .ops = ops,
        .n_ops = n_ops,
        .first = h->group->first,
        .n_rows = p->grid->heads.n_rep,
        .n_cols = cache->n_dims,
        .p = h->scores,
        .ldp = (size_t)h->group->n_here,
        .dtype = cache->dtype,
        .v = plmr_cache_values(cache, p->layer, h->request, h->kv) +
             (size_t)token * (size_t)cache->n_dims * plmr_dtype_bytes(cache->dtype),
        .ldv = (size_t)cache->n_dims,
        .sums = stack,
    };
    plmr_attention()->weighted_program(&program);
    (void)first, (void)width;
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

/* All that this rank has of a head's keys and values, in one go: reading them in the order in which scores do takes twice as long. */
static void fetch(const struct head *h)
{
    const plmr_pass *p = h->group->p;
    const plmr_cache *cache = &p->engine->cache;
    size_t element = plmr_dtype_bytes(cache->dtype), row = (size_t)cache->n_tokens * element,
           n_here = (size_t)h->group->n_here, first = (size_t)(h->group->tokens.from - cache->first);
    const char *keys = plmr_cache_keys(cache, p->layer, h->request, h->kv) + first * element;
    for (int d = 0; d < cache->n_dims; d++)
        plmr_memory_fetch(keys + (size_t)d * row, n_here * element);
    plmr_memory_fetch(plmr_cache_values(cache, p->layer, h->request, h->kv) + first * (size_t)cache->n_dims * element,
                      n_here * (size_t)cache->n_dims * element);
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

/* A reduction over the rows. */
static plmr_tree_job job_of(const struct head *h)
{
    const plmr_grid *grid = h->group->p->grid;
    int64_t n = h->group->p->engine->cache.n_dims + 1;
    return (plmr_tree_job){
        .tree = grid->tree_y,
        .accumulate = PLMR_F32,
        .n_batch = grid->heads.n_rep,
        .n = n,
        .strip = n,
        .run = run_weighted,
        .context = h,
        .sum = h->sum,
        .ld_sum = (size_t)n,
    };
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
        float *sum = h->sum + r * (dims + 1), share = 1 / (sum[dims] + sink);
        for (int64_t d = 0; d < dims; d++)
            sum[d] *= share;
    }
    plmr_heads_scatter(heads, heads->n_rep, h->sum, (size_t)dims + 1, by_cores(h));
}

static void run_group(struct group *g)
{
    const plmr_heads *heads = &g->p->grid->heads;
    for (int i = 0; i < g->n; i++) {
        fetch(&g->heads[i]);
        append(&g->heads[i]);
        score(&g->heads[i], g->most_score + i * heads->n_rep);
        g->jobs[i] = job_of(&g->heads[i]);
    }
    float scale = score_scale(g->p);
    find_most(g, g->n * heads->n_rep, g->most_score);
    for (int i = 0; i < g->n * heads->n_rep; i++) {
        float *scores = g->heads[i / heads->n_rep].scores + i % heads->n_rep * g->n_here;
        plmr_vectors()->exp(g->n_here, scale, g->most_score[i], scores, scores);
    }
    plmr_tree_run_fused(g->jobs, g->n);
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
    g->jobs = plmr_take((size_t)g->most * sizeof *g->jobs);
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
    list_tokens(&g);
    for (int kv = 0; kv < p->grid->heads.n_kv; kv++)
        for (int i = 0; i < p->n && p->heads.query[kv]; i++) {
            g.heads[g.n].kv = kv;
            g.heads[g.n++].request = i;
            if (g.n == g.most)
                run_group(&g);
        }
    if (g.n)
        run_group(&g);
    free(g.first);
    free(g.heads->sum);
    free(g.jobs);
    free(g.heads);
}
