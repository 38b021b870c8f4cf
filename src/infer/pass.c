/* Values through the layers. Prefill, by MeshGEMMs: tokens are dealt along y, everything else along x; a rank has all
 * tokens and its own columns. Decode, by MeshGEMVs whose reduction axis alternates, so that nothing is ever transposed:
 * the residual stream lies along y; queries, keys, values and the FFN's hidden vector along x. */
#include "infer/pass.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "infer/prompt.h"
#include "infer/step.h"

#define DIMENSION(name, dimension) PLMR_##dimension,
static const enum plmr_dimension dimension_of[PLMR_N_ACTIVATIONS] = {PLMR_ACTIVATIONS(DIMENSION)};

const plmr_deal *plmr_pass_deal(const plmr_pass *p, enum plmr_activation which)
{
    return plmr_grid_deal(p->grid, dimension_of[which], p->phase);
}

/* Along y, every rank has all. */
static bool is_whole(const plmr_pass *p, enum plmr_activation which)
{
    return p->phase == PLMR_DECODE && dimension_of[which] == PLMR_MODEL_DIM;
}

plmr_status plmr_pass_dump(const plmr_pass *p, enum plmr_activation which, const char *name)
{
    const plmr_dump *dump = &p->engine->dump;
    const char *phase = p->phase == PLMR_PREFILL ? "prefill" : "decode";
    const float *values = p->activation[which];
    if (is_whole(p, which))
        return plmr_dump_rows(dump, phase, p->n_before, p->layer, name, p->n, p->engine->shape->dim, values,
                              p->ld[which]);
    return plmr_dump_columns(dump, p->grid, plmr_pass_deal(p, which), phase, p->n_before, p->layer, name, p->n, values,
                             p->ld[which]);
}

/* ---- memory ---- */

/* Elements from row to row of an activation. Rows that lie a power of two apart displace each other from the caches. */
static size_t row_length(const plmr_pass *p, enum plmr_activation which)
{
    const plmr_deal *deal = plmr_pass_deal(p, which);
    size_t n = (size_t)(is_whole(p, which) ? plmr_deal_places(deal)
                                           : plmr_grid_part(p->grid, deal).n_chunks * (int64_t)deal->size);
    return n % 512 || p->phase == PLMR_DECODE ? n : n + 16;
}

static plmr_status make_pass(plmr_pass *p)
{
    p->ms = p->phase == PLMR_PREFILL ? (int)plmr_ceil_div(p->n, p->grid->rows) : 1;
    p->n_rows = plmr_ceil_div(p->n, p->ms) * p->ms;
    for (int i = 0; i < PLMR_N_ACTIVATIONS; i++) {
        p->ld[i] = row_length(p, (enum plmr_activation)i);
        p->activation[i] = calloc((size_t)p->n_rows * p->ld[i] + 1, sizeof *p->activation[i]);
        PLMR_CHECK(p->activation[i], PLMR_ERROR_SYSTEM, "out of memory for %lld tokens; use more ranks",
                   (long long)p->n);
    }
    plmr_held_heads_create(p->engine, p->grid, p->n, &p->heads);
    return PLMR_OK;
}

static void free_pass(plmr_pass *p)
{
    plmr_held_heads_free(p->grid, &p->heads);
    for (int i = 0; i < PLMR_N_ACTIVATIONS; i++)
        free(p->activation[i]);
}

/* ---- a pass ---- */

/* What this rank has of the tokens' embeddings. */
static plmr_status embed(const plmr_pass *p, const int32_t *tokens)
{
    float *row = plmr_take((size_t)p->engine->shape->dim * sizeof *row);
    plmr_status status = PLMR_OK;
    for (int64_t i = 0; i < p->n && !status; i++) {
        float *stream = p->activation[PLMR_STREAM] + (size_t)i * p->ld[PLMR_STREAM];
        bool whole = is_whole(p, PLMR_STREAM);
        status = plmr_engine_embed(p->engine, tokens[i], whole ? stream : row);
        if (!whole)
            plmr_prompt_pick(p->grid, plmr_pass_deal(p, PLMR_STREAM), row, stream);
    }
    free(row);
    return status;
}

static plmr_status run_layers(plmr_pass *p, const int32_t *tokens)
{
    const plmr_engine *e = p->engine;
    plmr_status status = make_pass(p);
    PLMR_TRY(plmr_agree(status ? status : embed(p, tokens)));
    for (p->layer = 0; p->layer < e->n_layers; p->layer++) {
        PLMR_TRY(plmr_layer_values(p));
        if (e->setup.progress && p->phase == PLMR_PREFILL)
            e->setup.progress(e->setup.progress_context, (p->layer + 1.0) / e->n_layers);
    }
    return PLMR_OK;
}

plmr_status plmr_engine_prefill(plmr_engine *engine, int request, const int32_t *tokens, int64_t n_tokens,
                                int64_t n_last, float *hidden)
{
    plmr_pass p = {.engine = engine, .grid = engine->prefill, .phase = PLMR_PREFILL, .request = request, .n = n_tokens};
    PLMR_ASSERT(!engine->for_decode && n_tokens <= engine->setup.n_tokens && n_last <= n_tokens);
    plmr_status status = run_layers(&p, tokens);
    if (!status && n_last)
        plmr_prompt_collect(&p, n_last, hidden);
    free_pass(&p);
    engine->n_cached = engine->n_prefilled = n_tokens;
    return plmr_end_if_alone(status);
}

plmr_status plmr_engine_decode(plmr_engine *engine, const int32_t *tokens, float *hidden)
{
    plmr_pass p = {.engine = engine,
                   .grid = engine->decode,
                   .phase = PLMR_DECODE,
                   .n = engine->setup.n_batch,
                   .n_before = engine->n_cached};
    PLMR_ASSERT(engine->for_decode && engine->n_cached < engine->setup.n_tokens);
    size_t dim = (size_t)engine->shape->dim;
    plmr_status status = run_layers(&p, tokens);
    for (int64_t i = 0; i < p.n && !status; i++)
        memcpy(hidden + (size_t)i * dim, p.activation[PLMR_STREAM] + (size_t)i * p.ld[PLMR_STREAM],
               dim * sizeof *hidden);
    free_pass(&p);
    engine->n_cached += !status;
    return plmr_end_if_alone(status);
}
