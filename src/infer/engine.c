#include "infer/engine.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "infer/room.h"
#include "infer/rows.h"

/* ---- where weights lie ---- */

static const plmr_order *order_of(const plmr_grid *grid, enum plmr_dimension dimension)
{
    return dimension == PLMR_MODEL_DIM    ? &grid->order_y
           : dimension == PLMR_FFN        ? &grid->order_ffn
           : dimension == PLMR_EXPERT_FFN ? &grid->order_expert_ffn
           : dimension == PLMR_SHARED_FFN ? &grid->order_shared_ffn
                                          : &grid->order_queries;
}

const plmr_grid *plmr_engine_expert_grid(const plmr_engine *engine, enum plmr_llm_phase phase)
{
    if (engine->blocks[phase].grid)
        return engine->blocks[phase].grid;
    return phase == PLMR_PREFILL ? engine->prefill : engine->experts ? engine->experts : engine->decode;
}

/* Every matrix is split along both axes: in prefill what comes in along y. Decode alternates: the matrices that follow
 * attention and the FFN's product take what lies along x, and give what lies along y. Of what all cores of a line want
 * whole, rows lie where the phase has the vectors, columns everywhere. Experts' matrices lie in blocks, where they have such;
 * but decode adds up what comes out where the region has it. */
plmr_matrix_layout plmr_engine_layout(const plmr_engine *engine, enum plmr_weight which, bool for_decode)
{
    const plmr_weight_info *info = &plmr_weight_infos[which];
    const plmr_grid *home = for_decode ? engine->decode : engine->prefill;
    enum plmr_llm_phase phase = for_decode ? PLMR_DECODE : PLMR_PREFILL;
    const plmr_grid *grid = info->kind == PLMR_EXPERT_MATRIX ? plmr_engine_expert_grid(engine, phase) : home;
    if (info->kind == PLMR_EVERYWHERE)
        return (plmr_matrix_layout){
            .in = plmr_grid_deal(grid, info->cols, phase),
            .out = plmr_grid_deal(grid, info->rows, phase),
            .in_ring = plmr_grid_ring(grid, info->cols, phase),
            .in_order = for_decode ? order_of(grid, info->cols) : NULL,
        };
    plmr_matrix_layout layout = {.in = plmr_grid_deal(grid, info->cols, PLMR_DECODE)};
    bool back = for_decode && info->cols != PLMR_MODEL_DIM;
    layout.out = back ? plmr_grid_deal(home, info->rows, PLMR_DECODE) : plmr_grid_deal(grid, info->rows, PLMR_PREFILL);
    layout.in_ring = back ? grid->x : grid->y;
    layout.out_ring = back ? home->y : grid->x;
    layout.in_order = back || info->cols == PLMR_MODEL_DIM ? order_of(grid, info->cols) : NULL;
    return layout;
}

/* ---- loading ---- */

static plmr_status load_matrix(plmr_engine *engine, enum plmr_weight which, int layer, int expert, plmr_matrix *matrix)
{
    plmr_source source;
    plmr_matrix_layout layout = plmr_engine_layout(engine, which, engine->for_decode || which == PLMR_OUTPUT);
    plmr_model_expert(engine->model, which, layer, expert, &source);
    enum plmr_dtype dtype = plmr_model_weight_dtype(engine->model, which, layer);
    PLMR_TRY(plmr_matrix_create(&layout, dtype, &source, engine->strips, matrix));
    if (plmr_weight_infos[which].kind != PLMR_EXPERT_MATRIX) /* of experts a prompt may use few */
        plmr_matrix_touch(matrix);
    return PLMR_OK;
}

static plmr_status load_vector(const plmr_engine *engine, enum plmr_weight which, int layer, float **vector)
{
    plmr_source source;
    plmr_model_weight(engine->model, which, layer, &source);
    *vector = plmr_take((size_t)(source.rows * source.cols) * sizeof **vector);
    return source.get(&source, 0, 0, (int)source.rows, (int)source.cols, *vector, (size_t)source.cols);
}

static plmr_status load_matrices(plmr_engine *engine, enum plmr_weight which, int layer, plmr_matrix **matrices)
{
    int n = plmr_weight_count(engine->shape, which);
    *matrices = plmr_take_zeroed((size_t)n, sizeof **matrices);
    for (int i = 0; i < n; i++)
        PLMR_TRY(load_matrix(engine, which, layer, i, &(*matrices)[i]));
    return PLMR_OK;
}

static plmr_status load_layer(plmr_engine *engine, int i)
{
    int layer = engine->setup.first_layer + i;
    for (enum plmr_weight which = (enum plmr_weight)PLMR_FIRST_LAYERED; which < PLMR_N_WEIGHTS; which++) {
        if (!plmr_weight_exists(engine->shape, which) || !plmr_weight_is_layered(which))
            continue;
        PLMR_TRY(plmr_weight_infos[which].kind < PLMR_NORM
                     ? load_matrices(engine, which, layer, &engine->layers[i].matrix[which])
                     : load_vector(engine, which, layer, &engine->layers[i].vector[which]));
    }
    if (engine->setup.progress)
        engine->setup.progress(engine->setup.progress_context, (i + 1.0) / (engine->n_layers + 1));
    return PLMR_OK;
}

static plmr_status load_weights(plmr_engine *engine)
{
    engine->layers = plmr_take_zeroed((size_t)engine->n_layers, sizeof *engine->layers);
    for (int i = 0; i < engine->n_layers; i++)
        PLMR_TRY(load_layer(engine, i));
    PLMR_TRY(load_matrix(engine, PLMR_OUTPUT, 0, 0, &engine->output));
    return load_vector(engine, PLMR_OUTPUT_NORM, 0, &engine->output_norm);
}

/* ---- heads ---- */

/* The ranks in the middle of a head's columns of cores work on it, each on the tokens that its rows of cores hold. */
static void choose_owners(plmr_engine *engine)
{
    const plmr_heads *heads = &engine->decode->heads;
    engine->owner = plmr_take((size_t)heads->n_kv * sizeof *engine->owner);
    for (int kv = 0; kv < heads->n_kv; kv++)
        engine->owner[kv] = plmr_ring_owner(engine->decode->x, kv / heads->n_per_core * heads->span + heads->span / 2);
}

static int padded_dims(const plmr_engine *engine)
{
    const plmr_heads *d = &engine->decode->heads, *p = engine->prefill ? &engine->prefill->heads : d;
    int decode = d->span * d->n_dims, prefill = p->span * p->n_dims;
    return decode > prefill ? decode : prefill;
}

static plmr_status make_rope(const plmr_engine *engine, enum plmr_weight which, int64_t n, plmr_rope *rope)
{
    float *factors = NULL;
    if (plmr_weight_exists(engine->shape, which))
        PLMR_TRY(load_vector(engine, which, 0, &factors));
    *rope = plmr_rope_create(engine->shape, factors, n);
    free(factors);
    return PLMR_OK;
}

static plmr_status make_ropes(plmr_engine *engine)
{
    int64_t n = engine->setup.n_tokens, n_short = plmr_rope_first_context(engine->shape);
    engine->rope = &engine->ropes[0];
    if (!engine->shape->has_long_factors)
        return make_rope(engine, PLMR_ROPE_FACTORS, n, &engine->ropes[0]);
    PLMR_TRY(make_rope(engine, PLMR_ROPE_SHORT, n < n_short ? n : n_short, &engine->ropes[0]));
    return n > n_short ? make_rope(engine, PLMR_ROPE_LONG, n, &engine->ropes[1]) : PLMR_OK;
}

void plmr_engine_choose_rope(plmr_engine *engine, int64_t n_tokens)
{
    bool is_long = engine->shape->has_long_factors && n_tokens > plmr_rope_first_context(engine->shape);
    engine->rope = &engine->ropes[is_long];
}

void plmr_engine_rope(const plmr_engine *engine, int layer, int64_t position, float *head)
{
    int n_pairs = engine->shape->rope_dim / 2, of_model = engine->setup.first_layer + layer;
    int window = plmr_shape_has_window(engine->shape, of_model);
    if (plmr_shape_turns(engine->shape, of_model))
        plmr_vectors()->rope_rotate(n_pairs, engine->rope->cosine[window] + position * n_pairs,
                                    engine->rope->sine[window] + position * n_pairs, head);
}

void plmr_engine_turn_query(const plmr_engine *engine, int layer, int64_t position, int64_t n, float *query)
{
    float temperature = plmr_shape_temperature(engine->shape, position);
    plmr_engine_rope(engine, layer, position, query);
    for (int64_t i = 0; i < n && temperature != 1; i++)
        query[i] *= temperature;
}

plmr_status plmr_engine_embed(const plmr_engine *engine, int32_t token, float *row)
{
    plmr_source source;
    plmr_model_weight(engine->model, PLMR_EMBEDDING, 0, &source);
    PLMR_TRY(source.get(&source, token, 0, 1, engine->shape->dim, row, (size_t)engine->shape->dim));
    for (int i = 0; i < engine->shape->dim && engine->shape->embedding_scale != 1; i++)
        row[i] *= engine->shape->embedding_scale;
    return PLMR_OK;
}

/* ---- making an engine ---- */

static plmr_status make_grids(plmr_engine *engine, const plmr_device *device)
{
    const plmr_phase_setup *prefill = &engine->setup.phase[PLMR_PREFILL], *decode = &engine->setup.phase[PLMR_DECODE];
    int rows = decode->rows ? decode->rows : prefill->rows, cols = decode->rows ? decode->cols : prefill->cols;
    plmr_region_options any = {.allow_memory = true, .allow_routes = true};
    if (prefill->rows)
        PLMR_TRY(plmr_grid_create(engine->ranks, device, engine->shape, prefill->rows, prefill->cols, &prefill->tree,
                                  &any, PLMR_FOR_PROMPT, &engine->prefill));
    return plmr_grid_create(engine->ranks, device, engine->shape, rows, cols, &decode->tree, &any, PLMR_FOR_TOKENS,
                            &engine->decode);
}

static plmr_status make_blocks(plmr_engine *engine, const plmr_device *device)
{
    const plmr_grid *grids[] = {[PLMR_PREFILL] = engine->prefill, [PLMR_DECODE] = engine->decode};
    for (int i = 0; i < PLMR_N_PHASES; i++) {
        enum plmr_llm_phase phase = (enum plmr_llm_phase)i;
        plmr_expert_setup experts = plmr_llm_experts(&engine->setup, phase);
        if (grids[i])
            PLMR_TRY(plmr_blocks_create(grids[i], device, engine->shape, &experts, phase, &engine->blocks[i]));
    }
    return PLMR_OK;
}

/* Hidden elements of experts fill other cores than queries do, by which `decode` is dealt. */
static plmr_status make_experts(plmr_engine *engine, const plmr_device *device)
{
    const plmr_grid *home = engine->decode;
    plmr_region_options any = {.allow_memory = true, .allow_routes = true};
    if (!engine->shape->n_experts || engine->blocks[PLMR_DECODE].grid || plmr_ranks_extent(engine->ranks, PLMR_X) == 1)
        return PLMR_OK;
    return plmr_grid_create(engine->ranks, device, engine->shape, home->rows, home->cols,
                            &engine->setup.phase[PLMR_DECODE].tree, &any, PLMR_FOR_EXPERTS, &engine->experts);
}

static plmr_status create_cache(const plmr_engine *engine, plmr_cache *cache)
{
    const plmr_llm_setup *setup = &engine->setup;
    return plmr_cache_create(setup->cache_dtype, engine->n_layers, setup->n_batch, engine->shape->n_kv_heads,
                             padded_dims(engine), plmr_rows_room(engine), engine->owner,
                             plmr_ranks_place(engine->ranks, PLMR_X), cache);
}

plmr_status plmr_engine_new_cache(const plmr_engine *engine, plmr_held_cache *held)
{
    *held = (plmr_held_cache){0};
    return create_cache(engine, &held->cache);
}

void plmr_engine_swap_cache(plmr_engine *engine, plmr_held_cache *held)
{
    plmr_held_cache own = {engine->cache, engine->n_cached, engine->n_prefilled};
    engine->cache = held->cache;
    engine->n_cached = held->n_cached;
    engine->n_prefilled = held->n_prefilled;
    *held = own;
}

static plmr_status fill_engine(plmr_engine *engine)
{
    PLMR_CHECK(padded_dims(engine) <= PLMR_MOST_HEAD_DIM, PLMR_ERROR_INPUT,
               "%s: heads of %d elements are too long: at most %d can be computed with", engine->shape->name,
               engine->shape->head_dim, PLMR_MOST_HEAD_DIM);
    PLMR_TRY(plmr_room_check(engine, padded_dims(engine)));
    choose_owners(engine);
    PLMR_TRY(load_weights(engine));
    PLMR_TRY(make_ropes(engine));
    return create_cache(engine, &engine->cache);
}

plmr_status plmr_engine_create(const plmr_model *model, plmr_ranks *ranks, const plmr_device *device,
                               const plmr_llm_setup *setup, plmr_engine **out)
{
    plmr_engine *engine = plmr_take_zeroed(1, sizeof *engine);
    *engine =
        (plmr_engine){.model = model, .ranks = ranks, .setup = *setup, .for_decode = !setup->phase[PLMR_PREFILL].rows};
    engine->shape = plmr_model_shape_of(model);
    engine->strips = plmr_pool_create();
    plmr_llm_setup_complete(&engine->setup, engine->shape);
    engine->n_layers = engine->setup.n_layers;
    engine->dump.folder = setup->dump;
    plmr_status status = make_grids(engine, device);
    if (!status)
        status = make_blocks(engine, device);
    if (!status)
        status = make_experts(engine, device);
    if (!status)
        status = plmr_agree(fill_engine(engine));
    if (!status && !engine->for_decode)
        engine->shelf = plmr_shelf_create(ranks);
    if (status)
        plmr_engine_destroy(engine);
    else
        *out = engine;
    return status;
}

/* The matrices of a weight that a layer has. */
static int matrix_count(const plmr_engine *engine, const plmr_layer *layer, int which)
{
    return layer->matrix[which] ? plmr_weight_count(engine->shape, (enum plmr_weight)which) : 0;
}

static void free_layer(const plmr_engine *engine, plmr_layer *layer)
{
    for (int which = 0; which < PLMR_N_WEIGHTS; which++) {
        for (int i = 0; i < matrix_count(engine, layer, which); i++)
            plmr_matrix_free(&layer->matrix[which][i]);
        free(layer->matrix[which]);
        free(layer->vector[which]);
    }
}

void plmr_engine_destroy(plmr_engine *engine)
{
    if (!engine)
        return;
    for (int i = 0; i < engine->n_layers && engine->layers; i++)
        free_layer(engine, &engine->layers[i]);
    free(engine->layers);
    plmr_shelf_destroy(engine->shelf);
    plmr_matrix_free(&engine->output);
    plmr_pool_destroy(engine->strips);
    plmr_cache_free(&engine->cache);
    plmr_stream_free(&engine->stream);
    free(engine->output_norm);
    for (int i = 0; i < 2; i++)
        plmr_rope_free(&engine->ropes[i]);
    free(engine->owner);
    for (int phase = 0; phase < PLMR_N_PHASES; phase++)
        plmr_blocks_free(&engine->blocks[phase]);
    plmr_grid_destroy(engine->experts);
    plmr_grid_destroy(engine->decode);
    plmr_grid_destroy(engine->prefill);
    free(engine);
}

static int64_t matrix_bytes(const plmr_matrix *matrix)
{
    return matrix->n_in * matrix->n_out * (int64_t)plmr_dtype_bytes(matrix->dtype);
}

int64_t plmr_engine_weight_bytes(const plmr_engine *engine)
{
    int64_t n_bytes = matrix_bytes(&engine->output);
    for (int i = 0; i < engine->n_layers; i++)
        for (int which = 0; which < PLMR_N_WEIGHTS; which++)
            for (int j = 0; j < matrix_count(engine, &engine->layers[i], which); j++)
                n_bytes += matrix_bytes(&engine->layers[i].matrix[which][j]);
    return n_bytes;
}

static plmr_status move_matrices(plmr_engine *engine, int i, enum plmr_weight which)
{
    plmr_matrix_layout layout = plmr_engine_layout(engine, which, true);
    plmr_source source;
    for (int expert = 0; expert < matrix_count(engine, &engine->layers[i], (int)which); expert++) {
        plmr_model_expert(engine->model, which, engine->setup.first_layer + i, expert, &source);
        PLMR_TRY(plmr_matrix_move(&engine->layers[i].matrix[which][expert], &layout, &source));
    }
    return PLMR_OK;
}

static plmr_status move_weights(plmr_engine *engine)
{
    for (int i = 0; i < engine->n_layers; i++)
        for (int which = 0; which < PLMR_N_WEIGHTS; which++)
            if (engine->layers[i].matrix[which])
                PLMR_TRY(move_matrices(engine, i, (enum plmr_weight)which));
    return PLMR_OK;
}

plmr_status plmr_engine_relayout(plmr_engine *engine)
{
    if (!engine->for_decode)
        PLMR_TRY(plmr_end_if_alone(move_weights(engine)));
    engine->for_decode = true;
    return PLMR_OK;
}

void plmr_engine_forget(const plmr_engine *engine, int layer)
{
    for (int which = PLMR_FIRST_LAYERED; which < PLMR_N_WEIGHTS; which++)
        if (matrix_count(engine, &engine->layers[layer], which) == 1 &&
            plmr_matrix_is_kept(engine->layers[layer].matrix[which]))
            plmr_model_weight_forget(engine->model, (enum plmr_weight)which, engine->setup.first_layer + layer);
}

void plmr_engine_read_in_place(plmr_engine *engine)
{
    for (int layer = 0; layer < engine->n_layers; layer++)
        for (int which = PLMR_FIRST_LAYERED; which < PLMR_N_WEIGHTS; which++)
            if (matrix_count(engine, &engine->layers[layer], which) == 1)
                plmr_matrix_read_in_place(engine->layers[layer].matrix[which]);
    plmr_matrix_read_in_place(&engine->output);
}

void plmr_engine_keep(plmr_engine *engine)
{
    for (int layer = 0; layer < engine->n_layers; layer++) {
        for (int which = PLMR_FIRST_LAYERED; which < PLMR_N_WEIGHTS; which++)
            if (matrix_count(engine, &engine->layers[layer], which) == 1)
                plmr_matrix_keep(engine->layers[layer].matrix[which]);
        plmr_engine_forget(engine, layer);
    }
    plmr_matrix_keep(&engine->output);
}

void plmr_engine_set_cached(plmr_engine *engine, int64_t n_tokens)
{
    engine->n_cached = engine->n_prefilled = n_tokens;
    engine->cache.first = plmr_rows_here(engine, n_tokens).from;
}

void plmr_engine_fill_cache(plmr_engine *engine, int64_t n_tokens)
{
    PLMR_ASSERT(n_tokens <= engine->setup.n_tokens);
    plmr_engine_set_cached(engine, n_tokens); /* of zeros, as it was made */
}
