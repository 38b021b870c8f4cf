/* One token through the layers, by MeshGEMVs whose reduction axis alternates, so that nothing is ever transposed: the
 * residual stream lies along y; queries, keys, values and the FFN's hidden vector along x. A pass runs in one plane:
 * with values, or with costs alone. */
#include "infer/attention.h"
#include "infer/cost.h"
#include "infer/steps.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* What one token's pass works with; n vectors of each. */
struct pass {
    plmr_cost_pass *cost; /* the time plane; NULL: values */
    plmr_engine *engine;
    const plmr_grid *grid;
    int n, layer;
    int64_t n_before;                                      /* tokens in the cache before this one */
    size_t ld, ld_queries, ld_keys, ld_ffn;                /* elements from vector to vector */
    float *stream, *normed, *added;                        /* along y */
    float *queries, *keys, *values, *attended, *gate, *up; /* along x */
    plmr_held_heads heads;
    float *memory;
};

static void regroup(const struct pass *p, const plmr_deal *deal, float *columns, size_t ld, float **head, bool to_heads)
{
    plmr_held_heads_move(p->engine, p->grid, deal, columns, ld, p->n, head, to_heads);
}

/* ---- a layer ---- */

static plmr_status dump_along_x(const struct pass *p, const char *name, const plmr_deal *deal, const float *values,
                                size_t ld)
{
    return plmr_dump_columns(&p->engine->dump, p->grid, deal, "decode", p->n_before, p->layer, name, p->n, values, ld);
}

static plmr_status dump_along_y(const struct pass *p, const char *name, const float *values)
{
    return plmr_dump_rows(&p->engine->dump, "decode", p->n_before, p->layer, name, p->n, p->engine->shape->dim, values,
                          p->ld);
}

static plmr_status norm(const struct pass *p, const plmr_layer *layer, enum plmr_weight which)
{
    if (p->cost)
        return plmr_cost_allreduce(p->cost, PLMR_Y, false, 1);
    const plmr_model_shape *shape = p->engine->shape;
    PLMR_TRY(
        plmr_step_norm(p->grid, shape->rms_eps, layer->vector[which], p->n, shape->dim, p->stream, p->normed, p->ld));
    return dump_along_y(p, which == PLMR_ATTN_NORM ? "attn_norm" : "ffn_norm", p->normed);
}

static plmr_status project(const struct pass *p, const plmr_layer *layer, enum plmr_weight which, enum plmr_weight bias,
                           const char *name, float *out, size_t ld)
{
    const plmr_deal *deal = layer->matrix[which].layout.out;
    PLMR_TRY(plmr_step_multiply(p->grid, &layer->matrix[which], p->n, p->normed, p->ld, out, ld));
    if (layer->vector[bias])
        plmr_step_bias(p->grid, deal, layer->vector[bias], p->n, out, ld);
    return dump_along_x(p, name, deal, out, ld);
}

/* Queries, keys and values. */
static plmr_status project_heads(const struct pass *p, const plmr_layer *layer)
{
    const plmr_grid *g = p->grid;
    if (p->cost)
        return plmr_cost_gemv(p->cost, PLMR_Y, PLMR_WORK_PROJECTION, g->dim.size,
                              (int[]){g->queries.size, g->keys.size, g->keys.size}, 3);
    PLMR_TRY(project(p, layer, PLMR_Q, PLMR_Q_BIAS, "q", p->queries, p->ld_queries));
    PLMR_TRY(project(p, layer, PLMR_K, PLMR_K_BIAS, "k", p->keys, p->ld_keys));
    return project(p, layer, PLMR_V, PLMR_V_BIAS, "v", p->values, p->ld_keys);
}

static plmr_status attend_all(const struct pass *p)
{
    const plmr_grid *g = p->grid;
    if (p->cost) {
        PLMR_TRY(plmr_cost_cache_shift(p->cost));
        return plmr_cost_decode_attention(p->cost);
    }
    regroup(p, &g->queries, p->queries, p->ld_queries, p->heads.query, true);
    regroup(p, &g->keys, p->keys, p->ld_keys, p->heads.key, true);
    regroup(p, &g->keys, p->values, p->ld_keys, p->heads.value, true);
    PLMR_TRY(plmr_attend_token(&(plmr_token_attention){p->engine, g, &p->heads, p->n, p->layer, p->n_before + 1}));
    regroup(p, &g->queries, p->attended, p->ld_queries, p->heads.query, false);
    return dump_along_x(p, "attn", &g->queries, p->attended, p->ld_queries);
}

/* The FFN's hidden vector: silu(gate) * up. */
static plmr_status project_hidden(const struct pass *p, const plmr_layer *layer)
{
    const plmr_grid *g = p->grid;
    if (p->cost)
        return plmr_cost_gemv(p->cost, PLMR_Y, PLMR_WORK_PROJECTION, g->dim.size, (int[]){g->ffn.size, g->ffn.size}, 2);
    PLMR_TRY(project(p, layer, PLMR_GATE, PLMR_GATE, "ffn_gate", p->gate, p->ld_ffn));
    PLMR_TRY(project(p, layer, PLMR_UP, PLMR_UP, "ffn_up", p->up, p->ld_ffn));
    plmr_vector_silu_multiply((int64_t)p->ld_ffn * p->n, p->gate, p->up, p->gate);
    return dump_along_x(p, "ffn_hidden", &g->ffn, p->gate, p->ld_ffn);
}

/* From along x back to along y, onto the residual stream. */
static plmr_status project_back(const struct pass *p, const plmr_layer *layer, enum plmr_weight which,
                                const plmr_deal *deal, const float *x, size_t ldx)
{
    if (p->cost)
        return plmr_cost_gemv(p->cost, PLMR_X, PLMR_WORK_PROJECTION, deal->size, &p->grid->dim.size, 1);
    PLMR_TRY(plmr_step_multiply(p->grid, &layer->matrix[which], p->n, x, ldx, p->added, p->ld));
    PLMR_TRY(dump_along_y(p, which == PLMR_DOWN ? "ffn_out" : "attn_out", p->added));
    plmr_vector_add_to((int64_t)p->ld * p->n, p->added, p->stream);
    return PLMR_OK;
}

static plmr_status run_layer(const struct pass *p, const plmr_layer *layer)
{
    PLMR_TRY(norm(p, layer, PLMR_ATTN_NORM));
    PLMR_TRY(project_heads(p, layer));
    PLMR_TRY(attend_all(p));
    PLMR_TRY(project_back(p, layer, PLMR_ATTN_OUTPUT, &p->grid->queries, p->attended, p->ld_queries));
    PLMR_TRY(norm(p, layer, PLMR_FFN_NORM));
    PLMR_TRY(project_hidden(p, layer));
    PLMR_TRY(project_back(p, layer, PLMR_DOWN, &p->grid->ffn, p->gate, p->ld_ffn));
    return p->cost ? plmr_cost_decode_scalars(p->cost) : PLMR_OK;
}

plmr_status plmr_decode_layer_cost(plmr_cost_pass *cost)
{
    return run_layer(&(struct pass){.cost = cost, .grid = cost->grid}, NULL);
}

/* ---- a pass ---- */

static size_t local_places(const plmr_grid *grid, const plmr_deal *deal)
{
    return (size_t)plmr_grid_part(grid, deal).n_chunks * (size_t)deal->size;
}

/* Takes room for n vectors of ld elements. */
static float *take(float **memory, int n, size_t ld)
{
    float *taken = *memory;
    *memory += (size_t)n * ld;
    return taken;
}

static plmr_status make_pass(struct pass *p)
{
    const plmr_grid *g = p->grid;
    p->ld = (size_t)plmr_deal_places(&g->dim);
    p->ld_queries = local_places(g, &g->queries);
    p->ld_keys = local_places(g, &g->keys);
    p->ld_ffn = local_places(g, &g->ffn);
    p->memory = plmr_take_zeroed((size_t)p->n * (3 * p->ld + 2 * p->ld_queries + 2 * p->ld_keys + 2 * p->ld_ffn) + 1,
                                 sizeof *p->memory);
    float *free_from = p->memory;
    p->stream = take(&free_from, p->n, p->ld);
    p->normed = take(&free_from, p->n, p->ld);
    p->added = take(&free_from, p->n, p->ld);
    p->queries = take(&free_from, p->n, p->ld_queries);
    p->attended = take(&free_from, p->n, p->ld_queries);
    p->keys = take(&free_from, p->n, p->ld_keys);
    p->values = take(&free_from, p->n, p->ld_keys);
    p->gate = take(&free_from, p->n, p->ld_ffn);
    p->up = take(&free_from, p->n, p->ld_ffn);
    return plmr_held_heads_create(p->engine, g, p->n, &p->heads);
}

static void free_pass(struct pass *p)
{
    plmr_held_heads_free(p->grid, &p->heads);
    free(p->memory);
}

static plmr_status run_layers(struct pass *p, const int32_t *tokens)
{
    const plmr_engine *e = p->engine;
    for (int i = 0; i < p->n; i++)
        PLMR_TRY(plmr_engine_embed(e, tokens[i], p->stream + (size_t)i * p->ld));
    for (p->layer = 0; p->layer < e->n_layers; p->layer++)
        PLMR_TRY(run_layer(p, &e->layers[p->layer]));
    return PLMR_OK;
}

plmr_status plmr_engine_decode(plmr_engine *engine, const int32_t *tokens, float *hidden)
{
    struct pass p = {
        .engine = engine, .grid = engine->decode, .n = engine->setup.n_batch, .n_before = engine->n_cached};
    PLMR_ASSERT(engine->for_decode && engine->n_cached < engine->setup.n_tokens);
    plmr_status status = plmr_agree(make_pass(&p));
    if (!status)
        status = run_layers(&p, tokens);
    for (int i = 0; i < p.n && !status; i++)
        memcpy(hidden + (size_t)i * (size_t)engine->shape->dim, p.stream + (size_t)i * p.ld,
               (size_t)engine->shape->dim * sizeof *hidden);
    free_pass(&p);
    engine->n_cached += !status;
    return plmr_end_if_alone(status);
}
