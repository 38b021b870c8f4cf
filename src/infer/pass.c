/* Values through the layers. Prefill, by MeshGEMMs: tokens are dealt along y, everything else along x. Decode, by
 * MeshGEMVs whose reduction axis alternates, so that nothing is ever transposed: the residual stream lies along y; queries,
 * keys, values and the FFN's hidden vector along x. */
#include "infer/pass.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "infer/shift.h"
#include "infer/step.h"

const plmr_deal *plmr_pass_deal(const plmr_pass *p, enum plmr_activation which)
{
    return plmr_grid_deal(p->grid, plmr_activation_dimension(which), p->phase);
}

static const plmr_ring *ring_of(const plmr_pass *p, enum plmr_activation which)
{
    return plmr_grid_ring(p->grid, plmr_activation_dimension(which), p->phase);
}

plmr_part plmr_pass_part(const plmr_pass *p, enum plmr_activation which)
{
    return plmr_part_here(plmr_pass_deal(p, which), ring_of(p, which));
}

int64_t plmr_pass_token(const plmr_pass *p, int64_t row)
{
    return plmr_part_place(&p->here, &p->tokens, row);
}

const float *plmr_pass_bias(const plmr_pass *p, enum plmr_weight which)
{
    const float *bias = plmr_pass_weights(p)->vector[which];
    bool of_experts = plmr_weight_infos[which].rows == PLMR_EXPERTS;
    return bias && of_experts ? bias + p->expert * plmr_shape_extent(p->engine->shape, plmr_weight_infos[which].cols)
                              : bias;
}

float plmr_pass_sink(const plmr_pass *p, int head, float scale)
{
    const float *sinks = plmr_pass_weights(p)->vector[PLMR_SINKS];
    return sinks ? sinks[head] / scale : -INFINITY;
}

/* Ranks that have the same columns of the same rows: the first of them writes. */
static bool writes(const plmr_pass *p, enum plmr_activation which)
{
    const plmr_ring *ring = ring_of(p, which);
    for (int axis = 0; axis < 2; axis++) {
        bool has_rows = p->phase == PLMR_PREFILL && axis == PLMR_Y, has_columns = ring && (int)ring->axis == axis;
        if (!has_rows && !has_columns && plmr_ranks_place(p->engine->ranks, (enum plmr_axis)axis) != 0)
            return false;
    }
    return true;
}

plmr_status plmr_pass_dump(const plmr_pass *p, enum plmr_activation which, const char *name)
{
    plmr_dump_tensor tensor = {
        .phase = plmr_phase_name(p->phase),
        .token = p->n_before,
        .layer = p->layer,
        .name = name,
        .tokens = &p->tokens,
        .rows = p->here,
        .deal = plmr_pass_deal(p, which),
        .cols = plmr_pass_part(p, which),
        .values = p->activation[which],
        .ld = p->ld[which],
        .is_mine = writes(p, which),
    };
    return plmr_dump_write(&p->engine->dump, &tensor);
}

/* ---- memory ---- */

/* Elements from row to row of an activation. Rows that lie a power of two apart displace each other from the caches. */
static size_t row_length(const plmr_pass *p, enum plmr_activation which)
{
    plmr_part part = plmr_pass_part(p, which);
    size_t n = (size_t)plmr_part_places(&part, plmr_pass_deal(p, which));
    return n % 512 || p->phase == PLMR_DECODE ? n : n + 16;
}

plmr_pass plmr_pass_of_experts(const plmr_pass *p)
{
    plmr_pass sub = *p;
    sub.grid = plmr_engine_expert_grid(p->engine, p->phase);
    for (int i = 0; i < PLMR_N_ACTIVATIONS; i++)
        sub.ld[i] = row_length(&sub, (enum plmr_activation)i);
    return sub;
}

plmr_part plmr_pass_tokens(const plmr_pass *p, int place)
{
    int n_places = p->phase == PLMR_PREFILL ? plmr_ranks_extent(p->engine->ranks, PLMR_Y) : 1;
    return plmr_part_folded(&p->tokens, n_places, place);
}

void plmr_pass_deal_tokens(plmr_pass *p)
{
    p->ms = p->phase == PLMR_PREFILL ? (int)plmr_ceil_div(p->n, p->grid->rows) : 1;
    p->tokens = plmr_deal_plain(p->n, (int)plmr_ceil_div(p->n, p->ms));
    p->here = plmr_pass_tokens(p, p->phase == PLMR_PREFILL ? plmr_ranks_place(p->engine->ranks, PLMR_Y) : 0);
    p->n_here = p->n_rows = plmr_part_places(&p->here, &p->tokens);
    while (p->n_here && plmr_pass_token(p, p->n_here - 1) >= p->n)
        p->n_here--;
}

static plmr_status make_pass(plmr_pass *p)
{
    plmr_pass_deal_tokens(p);
    for (int i = 0; i < PLMR_N_ACTIVATIONS; i++) {
        p->ld[i] = row_length(p, (enum plmr_activation)i);
        p->activation[i] = calloc((size_t)p->n_rows * p->ld[i] + 1, sizeof *p->activation[i]);
        PLMR_CHECK(p->activation[i], PLMR_ERROR_SYSTEM, "out of memory for %lld tokens; use more ranks",
                   (long long)p->n);
    }
    plmr_held_heads_create(p->engine, p->grid, p->n_here, &p->heads);
    return PLMR_OK;
}

static void free_pass(plmr_pass *p)
{
    plmr_held_heads_free(p->grid, &p->heads);
    for (int i = 0; i < PLMR_N_ACTIVATIONS; i++)
        free(p->activation[i]);
    plmr_spare_free(&p->engine->rows);
    plmr_spare_free(&p->engine->columns);
}

/* ---- a pass ---- */

/* What this rank has of the tokens' embeddings. */
static plmr_status embed(const plmr_pass *p, const int32_t *tokens)
{
    float *row = plmr_take((size_t)p->engine->shape->dim * sizeof *row);
    plmr_part part = plmr_pass_part(p, PLMR_STREAM);
    plmr_status status = PLMR_OK;
    for (int64_t i = 0; i < p->n_here && !status; i++) {
        status = plmr_engine_embed(p->engine, tokens[plmr_pass_token(p, i)], row);
        if (!status)
            plmr_part_pick(&part, plmr_pass_deal(p, PLMR_STREAM), row,
                           p->activation[PLMR_STREAM] + (size_t)i * p->ld[PLMR_STREAM]);
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
        if (p->phase == PLMR_DECODE && e->n_cached == e->n_prefilled) /* the first token */
            plmr_engine_forget(e, p->layer);
        if (e->setup.progress && p->phase == PLMR_PREFILL)
            e->setup.progress(e->setup.progress_context, (p->layer + 1.0) / e->n_layers);
    }
    return PLMR_OK;
}

/* The stream stays, for what is asked of it after the pass. */
static plmr_status run(plmr_pass *p, const int32_t *tokens)
{
    plmr_stream *stream = &p->engine->stream;
    plmr_status status = run_layers(p, tokens);
    if (!status) {
        plmr_stream_free(stream);
        *stream = (plmr_stream){p->grid, p->phase, p->tokens, p->here, p->activation[PLMR_STREAM], p->ld[PLMR_STREAM]};
        p->activation[PLMR_STREAM] = NULL;
    }
    free_pass(p);
    return status;
}

plmr_status plmr_engine_prefill(plmr_engine *engine, int request, const int32_t *tokens, int64_t n_tokens)
{
    plmr_pass p = {.engine = engine, .grid = engine->prefill, .phase = PLMR_PREFILL, .request = request, .n = n_tokens};
    PLMR_ASSERT(!engine->for_decode && n_tokens <= engine->setup.n_tokens);
    plmr_engine_set_cached(engine, n_tokens);
    plmr_engine_choose_rope(engine, n_tokens);
    return plmr_end_if_alone(run(&p, tokens));
}

plmr_status plmr_engine_decode(plmr_engine *engine, const int32_t *tokens)
{
    plmr_pass p = {.engine = engine,
                   .grid = engine->decode,
                   .phase = PLMR_DECODE,
                   .n = engine->setup.n_batch,
                   .n_before = engine->n_cached};
    PLMR_ASSERT(engine->for_decode && engine->n_cached < engine->setup.n_tokens);
    plmr_cache_shift(engine);
    plmr_engine_choose_rope(engine, p.n_before < engine->n_given ? engine->n_given : p.n_before + 1);
    plmr_status status = run(&p, tokens);
    engine->n_cached += !status;
    return plmr_end_if_alone(status);
}
