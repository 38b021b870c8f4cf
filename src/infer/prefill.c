/* A prompt through the layers, by MeshGEMMs: tokens are dealt along y, everything else along x. A rank has all tokens
 * and its own columns. A pass runs in one plane: with values, or with costs alone. */
#include "infer/attention.h"
#include "infer/cost.h"
#include "infer/gather.h"
#include "infer/steps.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* Rows of an activation that are gathered at a time. */
enum { GATHER_ROWS = 512 };

struct pass {
    plmr_cost_pass *cost; /* the time plane; NULL: values */
    plmr_engine *engine;
    const plmr_grid *grid;
    int request, layer;
    int64_t n;    /* tokens */
    int ms;       /* tokens of a chunk */
    int64_t rows; /* tokens, padded to whole chunks */
    size_t ld, ld_queries, ld_keys, ld_ffn;
    float *stream, *normed, *added, *queries, *keys, *values, *gate, *up;
    plmr_held_heads heads;
};

/* ---- products ---- */

/* Several products with the same A. */
struct product {
    const plmr_matrix *matrix[3];
    float *c[3];
    size_t ld[3];
    int n;
    const plmr_deal *deal; /* of A's columns */
    const float *a;
    size_t lda;
};

static void while_multiplying(void *gather, double share)
{
    (void)share;
    plmr_gather_poll(gather);
}

/* The layout that the kernel knows: see plmr_gemm_block. */
static void list_lines(const plmr_matrix *m, int n_slots, const void **line)
{
    memset(line, 0, (size_t)n_slots * sizeof *line);
    for (int slot = 0; slot < m->layout.in->n_filled; slot++)
        line[slot] = plmr_matrix_at(m, 0, plmr_matrix_row(m, slot));
}

static plmr_status multiply_block(const struct pass *p, const struct product *product, int i, plmr_gather *gather,
                                  int64_t first, int64_t n, const void **line)
{
    const plmr_matrix *m = product->matrix[i];
    const plmr_deal *in = product->deal, *out = m->layout.out;
    plmr_run rows = {(int)(first / p->ms), (int)(n / p->ms)};
    plmr_gemm_scratch *scratch;
    if (m->n_out == 0)
        return PLMR_OK;
    PLMR_TRY(plmr_region_scratch(p->grid->region, &scratch));
    list_lines(m, in->n_slots, line);
    int chunks = (int)(m->strip / out->size);
    plmr_gemm_block block = {
        .n_slots = in->n_slots,
        .kt = in->size,
        .ms = p->ms,
        .ns = out->size,
        .skewed = true,
        .a_dtype = PLMR_F32,
        .b_dtype = m->dtype,
        .accumulate = PLMR_F32,
        .n_row_runs = 1,
        .row_runs = &rows,
        .n_col_runs = m->out.n_runs,
        .col_runs = m->out.runs,
        .a_line = gather->line,
        .b_line = line,
        .a_layout = {rows.count, 0, (size_t)n},
        .b_layout = {chunks, (size_t)(m->n_in * m->pitch), (size_t)m->pitch},
        .c = product->c[i] + (size_t)first * product->ld[i],
        .ldc = product->ld[i],
        .t1 = in->n_slots,
        .progress = while_multiplying,
        .progress_context = gather,
    };
    return plmr_gemm_block_run(&block, scratch);
}

static plmr_status multiply_blocks(const struct pass *p, const struct product *product, plmr_gather *gather)
{
    const void **line = plmr_take((size_t)p->grid->cols * sizeof *line);
    plmr_status status = PLMR_OK;
    for (int64_t first, n = 1; n && !status;) {
        status = plmr_gather_next(gather, &first, &n);
        for (int i = 0; i < product->n && n && !status; i++)
            status = multiply_block(p, product, i, gather, first, n, line);
    }
    free(line);
    return status;
}

static plmr_status multiply(const struct pass *p, const struct product *product)
{
    plmr_gather *gather;
    int64_t most = GATHER_ROWS / p->ms * p->ms;
    for (int i = 0; i < product->n; i++)
        memset(product->c[i], 0, (size_t)p->rows * product->ld[i] * sizeof(float));
    PLMR_TRY(plmr_gather_create(p->grid, product->deal, product->a, product->lda, p->rows, most > p->ms ? most : p->ms,
                                &gather));
    plmr_status status = multiply_blocks(p, product, gather);
    plmr_gather_destroy(gather);
    return status;
}

/* ---- norms ---- */

struct squares {
    const struct pass *p;
    plmr_part part;
};

static void make_squares(const void *context, int core, int64_t first, int64_t width, const float *onto, float *out,
                         int next)
{
    const struct squares *s = context;
    const plmr_deal *deal = &s->p->grid->dim_x;
    int chunk = plmr_ring_position(s->p->grid->x, s->p->grid->region->first[PLMR_X] + core);
    int index = plmr_part_index(&s->part, chunk);
    int n = index < 0 ? 0 : (int)plmr_clip((int64_t)chunk * deal->size, deal->size, deal->n);
    for (int64_t i = 0; i < width; i++) {
        const float *x = s->p->stream + (size_t)(first + i) * s->p->ld + (n ? (size_t)index * (size_t)deal->size : 0);
        plmr_gemv_onto(PLMR_F32, PLMR_F32, n, 1, x, x, 1, onto ? onto + i : NULL, out + i, NULL);
    }
    (void)next;
}

/* The part of a norm's weight that this rank's columns need. */
static void pick_weight(const struct pass *p, const float *weight, float *picked)
{
    const plmr_deal *deal = &p->grid->dim_x;
    plmr_part part = plmr_grid_part(p->grid, deal);
    for (int c = 0; c < part.n_chunks; c++)
        for (int i = 0; i < deal->size; i++) {
            int64_t element = plmr_deal_element(deal, (int64_t)plmr_part_chunk(&part, c) * deal->size + i);
            *picked++ = element < 0 ? 0 : weight[element];
        }
}

static plmr_status normalise(const struct pass *p, const float *weight)
{
    const plmr_model_shape *shape = p->engine->shape;
    struct squares squares = {p, plmr_grid_part(p->grid, &p->grid->dim_x)};
    float *sum = plmr_take(((size_t)p->n + p->ld) * sizeof *sum), *picked = sum + p->n;
    plmr_tree_job job = {
        .tree = p->grid->tree_x,
        .accumulate = PLMR_F32,
        .n_batch = 1,
        .n = p->n,
        .strip = 256,
        .make = make_squares,
        .context = &squares,
        .sum = sum,
    };
    plmr_tree_run(&job);
    pick_weight(p, weight, picked);
    for (int64_t i = 0; i < p->n; i++)
        plmr_vector_scale((int64_t)p->ld, 1 / sqrtf(sum[i] / (float)shape->dim + shape->rms_eps), picked,
                          p->stream + (size_t)i * p->ld, p->normed + (size_t)i * p->ld);
    free(sum);
    return PLMR_OK;
}

static void regroup(const struct pass *p, const plmr_deal *deal, float *columns, size_t ld, float **head, bool to_heads)
{
    plmr_held_heads_move(p->engine, p->grid, deal, columns, ld, p->n, head, to_heads);
}

/* ---- a layer ---- */

static plmr_status dump(const struct pass *p, const char *name, const plmr_deal *deal, const float *values, size_t ld)
{
    return plmr_dump_columns(&p->engine->dump, p->grid, deal, "prefill", 0, p->layer, name, p->n, values, ld);
}

static void add_bias(const struct pass *p, const plmr_layer *layer, enum plmr_weight bias, const plmr_deal *deal,
                     float *columns, size_t ld)
{
    if (layer->vector[bias])
        plmr_step_bias(p->grid, deal, layer->vector[bias], p->n, columns, ld);
}

static plmr_status norm(const struct pass *p, const plmr_layer *layer, enum plmr_weight which)
{
    if (p->cost)
        return plmr_cost_prefill_norm(p->cost);
    PLMR_TRY(normalise(p, layer->vector[which]));
    return dump(p, which == PLMR_ATTN_NORM ? "attn_norm" : "ffn_norm", &p->grid->dim_x, p->normed, p->ld);
}

/* Costs of products of all tokens with weights of k and so many columns. */
static plmr_status cost_gemms(const struct pass *p, int64_t k, const int64_t *n, int n_products)
{
    for (int i = 0; i < n_products; i++)
        PLMR_TRY(plmr_cost_gemm(p->cost, k, n[i]));
    return PLMR_OK;
}

/* Elements of a dealt dimension with its padding: what the cores compute. */
static int64_t padded(const plmr_deal *deal)
{
    return (int64_t)deal->n_slots * deal->size;
}

/* Queries, keys and values. */
static plmr_status project_heads(const struct pass *p, const plmr_layer *layer)
{
    const plmr_grid *g = p->grid;
    if (p->cost)
        return cost_gemms(p, g->dim.n, (int64_t[]){padded(&g->queries), padded(&g->keys), padded(&g->keys)}, 3);
    const plmr_matrix *m = layer->matrix;
    struct product product = {{&m[PLMR_Q], &m[PLMR_K], &m[PLMR_V]},
                              {p->queries, p->keys, p->values},
                              {p->ld_queries, p->ld_keys, p->ld_keys},
                              3,
                              &g->dim_x,
                              p->normed,
                              p->ld};
    PLMR_TRY(multiply(p, &product));
    add_bias(p, layer, PLMR_Q_BIAS, &g->queries, p->queries, p->ld_queries);
    add_bias(p, layer, PLMR_K_BIAS, &g->keys, p->keys, p->ld_keys);
    add_bias(p, layer, PLMR_V_BIAS, &g->keys, p->values, p->ld_keys);
    PLMR_TRY(dump(p, "q", &g->queries, p->queries, p->ld_queries));
    PLMR_TRY(dump(p, "k", &g->keys, p->keys, p->ld_keys));
    return dump(p, "v", &g->keys, p->values, p->ld_keys);
}

static plmr_status attend_all(const struct pass *p)
{
    const plmr_grid *g = p->grid;
    if (p->cost) {
        PLMR_TRY(plmr_cost_prefill_rope(p->cost));
        return plmr_cost_prefill_attention(p->cost);
    }
    regroup(p, &g->queries, p->queries, p->ld_queries, p->heads.query, true);
    regroup(p, &g->keys, p->keys, p->ld_keys, p->heads.key, true);
    regroup(p, &g->keys, p->values, p->ld_keys, p->heads.value, true);
    PLMR_TRY(plmr_attend_prompt(&(plmr_prompt_attention){p->engine, g, &p->heads, p->request, p->layer, p->n, p->ms}));
    regroup(p, &g->queries, p->queries, p->ld_queries, p->heads.query, false);
    return dump(p, "attn", &g->queries, p->queries, p->ld_queries);
}

/* The FFN's hidden vectors: silu(gate) * up. */
static plmr_status project_hidden(const struct pass *p, const plmr_layer *layer)
{
    const plmr_grid *g = p->grid;
    if (p->cost) {
        PLMR_TRY(cost_gemms(p, g->dim.n, (int64_t[]){g->ffn.n, g->ffn.n}, 2));
        return plmr_cost_prefill_silu(p->cost);
    }
    const plmr_matrix *m = layer->matrix;
    struct product product = {
        {&m[PLMR_GATE], &m[PLMR_UP]}, {p->gate, p->up}, {p->ld_ffn, p->ld_ffn}, 2, &g->dim_x, p->normed, p->ld};
    PLMR_TRY(multiply(p, &product));
    PLMR_TRY(dump(p, "ffn_gate", &g->ffn, p->gate, p->ld_ffn));
    PLMR_TRY(dump(p, "ffn_up", &g->ffn, p->up, p->ld_ffn));
    plmr_vector_silu_multiply((int64_t)p->ld_ffn * p->n, p->gate, p->up, p->gate);
    return dump(p, "ffn_hidden", &g->ffn, p->gate, p->ld_ffn);
}

/* Onto the residual stream. */
static plmr_status project_back(const struct pass *p, const plmr_layer *layer, enum plmr_weight which,
                                const plmr_deal *deal, const float *a, size_t lda)
{
    if (p->cost)
        return plmr_cost_gemm(p->cost, padded(deal), p->grid->dim.n);
    struct product product = {{&layer->matrix[which]}, {p->added}, {p->ld}, 1, deal, a, lda};
    PLMR_TRY(multiply(p, &product));
    PLMR_TRY(dump(p, which == PLMR_DOWN ? "ffn_out" : "attn_out", &p->grid->dim_x, p->added, p->ld));
    plmr_vector_add_to((int64_t)p->ld * p->n, p->added, p->stream);
    return PLMR_OK;
}

static plmr_status run_layer(const struct pass *p, const plmr_layer *layer)
{
    const plmr_grid *g = p->grid;
    PLMR_TRY(norm(p, layer, PLMR_ATTN_NORM));
    PLMR_TRY(project_heads(p, layer));
    PLMR_TRY(attend_all(p));
    PLMR_TRY(project_back(p, layer, PLMR_ATTN_OUTPUT, &g->queries, p->queries, p->ld_queries));
    PLMR_TRY(norm(p, layer, PLMR_FFN_NORM));
    PLMR_TRY(project_hidden(p, layer));
    return project_back(p, layer, PLMR_DOWN, &g->ffn, p->gate, p->ld_ffn);
}

plmr_status plmr_prefill_layer_cost(plmr_cost_pass *cost)
{
    return run_layer(&(struct pass){.cost = cost, .grid = cost->grid}, NULL);
}

/* ---- a pass ---- */

/* Elements from row to row of an activation. Rows that lie a power of two apart displace each other from the caches. */
static size_t row_length(const plmr_grid *grid, const plmr_deal *deal)
{
    size_t n = (size_t)plmr_grid_part(grid, deal).n_chunks * (size_t)deal->size;
    return n % 512 ? n : n + 16;
}

static plmr_status take(const struct pass *p, size_t ld, float **taken)
{
    *taken = calloc((size_t)p->rows * ld + 1, sizeof **taken);
    PLMR_CHECK(*taken, PLMR_ERROR_SYSTEM, "out of memory for %lld tokens; use more ranks", (long long)p->n);
    return PLMR_OK;
}

static plmr_status make_pass(struct pass *p)
{
    const plmr_grid *g = p->grid;
    p->ms = (int)plmr_ceil_div(p->n, g->rows);
    p->rows = plmr_ceil_div(p->n, p->ms) * p->ms;
    p->ld = row_length(g, &g->dim_x);
    p->ld_queries = row_length(g, &g->queries);
    p->ld_keys = row_length(g, &g->keys);
    p->ld_ffn = row_length(g, &g->ffn);
    PLMR_TRY(take(p, p->ld, &p->stream));
    PLMR_TRY(take(p, p->ld, &p->normed));
    PLMR_TRY(take(p, p->ld, &p->added));
    PLMR_TRY(take(p, p->ld_queries, &p->queries));
    PLMR_TRY(take(p, p->ld_keys, &p->keys));
    PLMR_TRY(take(p, p->ld_keys, &p->values));
    PLMR_TRY(take(p, p->ld_ffn, &p->gate));
    PLMR_TRY(take(p, p->ld_ffn, &p->up));
    return plmr_held_heads_create(p->engine, g, p->n, &p->heads);
}

static void free_pass(struct pass *p)
{
    plmr_held_heads_free(p->grid, &p->heads);
    float *all[] = {p->stream, p->normed, p->added, p->queries, p->keys, p->values, p->gate, p->up};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        free(all[i]);
}

/* This rank's columns of the tokens' embeddings. */
static plmr_status embed(const struct pass *p, const int32_t *tokens)
{
    int dim = p->engine->shape->dim;
    float *row = plmr_take((size_t)dim * sizeof *row);
    plmr_status status = PLMR_OK;
    for (int64_t i = 0; i < p->n && !status; i++) {
        status = plmr_engine_embed(p->engine, tokens[i], row);
        pick_weight(p, row, p->stream + (size_t)i * p->ld);
    }
    free(row);
    return status;
}

static plmr_status run_layers(struct pass *p, const int32_t *tokens)
{
    const plmr_engine *e = p->engine;
    PLMR_TRY(plmr_agree(embed(p, tokens)));
    for (p->layer = 0; p->layer < e->n_layers; p->layer++) {
        PLMR_TRY(run_layer(p, &e->layers[p->layer]));
        if (e->setup.progress)
            e->setup.progress(e->setup.progress_context, (p->layer + 1.0) / e->n_layers);
    }
    return PLMR_OK;
}

/* The last tokens' rows, from the columns of all ranks. */
static plmr_status collect(const struct pass *p, int64_t n_last, float *hidden)
{
    plmr_gather *gather;
    const plmr_deal *deal = &p->grid->dim_x;
    const float *last = p->stream + (size_t)(p->n - n_last) * p->ld;
    PLMR_TRY(plmr_gather_create(p->grid, deal, last, p->ld, n_last, GATHER_ROWS, &gather));
    plmr_status status = PLMR_OK;
    for (int64_t first, n = 1; n && !status;) {
        status = plmr_gather_next(gather, &first, &n);
        for (int64_t k = 0; k < deal->n && n && !status; k++) {
            const float *line = (const float *)gather->line[k / deal->size] + k % deal->size * n;
            for (int64_t row = 0; row < n; row++)
                hidden[(first + row) * deal->n + k] = line[row];
        }
    }
    plmr_gather_destroy(gather);
    return status;
}

plmr_status plmr_engine_prefill(plmr_engine *engine, int request, const int32_t *tokens, int64_t n_tokens,
                                int64_t n_last, float *hidden)
{
    struct pass p = {.engine = engine, .grid = engine->prefill, .request = request, .n = n_tokens};
    PLMR_ASSERT(!engine->for_decode && n_tokens <= engine->setup.n_tokens && n_last <= n_tokens);
    plmr_status status = plmr_agree(make_pass(&p));
    if (!status)
        status = run_layers(&p, tokens);
    if (!status && n_last)
        status = collect(&p, n_last, hidden);
    free_pass(&p);
    engine->n_cached = engine->n_prefilled = n_tokens;
    return plmr_end_if_alone(status);
}
