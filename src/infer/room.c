#include "infer/room.h"

#include "ranks/ranks.h"

/* What lies in a file takes what it takes there. */
static int64_t matrix_bytes(const plmr_engine *engine, enum plmr_weight which, int layer)
{
    const plmr_weight_info *info = &plmr_weight_infos[which];
    if (!plmr_weight_exists(engine->shape, which) || info->kind >= PLMR_NORM)
        return 0;
    plmr_source source;
    plmr_model_expert(engine->model, which, layer, 0, &source);
    if (source.stored.data)
        return plmr_weight_count(engine->shape, which) * source.rows * (int64_t)source.stored.row_bytes;
    return plmr_weight_count(engine->shape, which) * plmr_shape_extent(engine->shape, info->rows) *
           plmr_shape_extent(engine->shape, info->cols) *
           (int64_t)plmr_dtype_bytes(plmr_model_weight_dtype(engine->model, which, layer));
}

static int64_t weight_bytes(const plmr_engine *engine)
{
    int64_t n_bytes = matrix_bytes(engine, PLMR_OUTPUT, 0);
    for (int i = 0; i < engine->n_layers; i++)
        for (int which = PLMR_FIRST_LAYERED; which < PLMR_N_WEIGHTS; which++)
            n_bytes += matrix_bytes(engine, (enum plmr_weight)which, engine->setup.first_layer + i);
    return n_bytes;
}

static int64_t cache_bytes(const plmr_engine *engine, int dims)
{
    const plmr_llm_setup *setup = &engine->setup;
    return 2 * setup->n_tokens * dims * engine->n_layers * setup->n_batch * engine->shape->n_kv_heads *
           (int64_t)plmr_dtype_bytes(setup->cache_dtype);
}

/* All ranks hold about as much. */
plmr_status plmr_room_check(const plmr_engine *engine, int dims)
{
    return plmr_ranks_room(engine->ranks, (double)(weight_bytes(engine) + cache_bytes(engine, dims)),
                           engine->shape->name);
}
