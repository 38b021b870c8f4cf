#include <stdlib.h>

#include "base/memory.h"
#include "base/wall.h"
#include "bench/items.h"
#include "infer/step.h"
#include "infer/timing.h"

enum { SIDE = 256, PROMPT = 512, TOKENS = 32 };

struct plmr_bench_model {
    plmr_device device;
    plmr_model *model;
    plmr_ranks *ranks;
    plmr_engine *engine;
    float *logits;
    double load_s;
};

static double wall_since(plmr_ranks *ranks, double start_s)
{
    double wall_s = plmr_wall_s() - start_s;
    plmr_ranks_max(ranks, &wall_s, 1);
    return wall_s;
}

/* ---- the model in memory ---- */

static plmr_status open_files(const char *name, struct plmr_bench_model *m)
{
    PLMR_TRY(plmr_device_load("wse2", &m->device));
    PLMR_TRY(plmr_model_open(name, &m->model));
    const plmr_model_shape *shape = plmr_model_shape_of(m->model);
    m->logits = plmr_take((size_t)shape->n_vocab * sizeof *m->logits);
    return PLMR_OK;
}

static plmr_status load(struct plmr_bench_model *m)
{
    plmr_llm_setup setup = {.phase[PLMR_PREFILL] = {.rows = SIDE, .cols = SIDE}, .n_tokens = PROMPT + TOKENS};
    plmr_engine_destroy(m->engine);
    m->engine = NULL;
    plmr_barrier();
    double start_s = plmr_wall_s();
    PLMR_TRY(plmr_engine_create(m->model, m->ranks, &m->device, &setup, &m->engine));
    m->load_s = wall_since(m->ranks, start_s);
    return PLMR_OK;
}

void plmr_bench_state_clear(plmr_bench_state *state)
{
    struct plmr_bench_model *m = state->model;
    state->model = NULL;
    if (!m)
        return;
    plmr_engine_destroy(m->engine);
    if (m->ranks)
        plmr_ranks_destroy(m->ranks);
    plmr_model_close(m->model);
    free(m->logits);
    free(m);
}

/* The model in memory, with its weights as prefill or decode has them; loaded anew only if it must be. */
static plmr_status hold(plmr_bench_state *state, bool for_decode, struct plmr_bench_model **model)
{
    struct plmr_bench_model *m = state->model;
    if (!m) {
        m = state->model = plmr_take_zeroed(1, sizeof *m);
        PLMR_TRY(plmr_agree(open_files(state->name, m)));
        PLMR_TRY(plmr_ranks_create(1, plmr_rank_count(), 1, plmr_rank_count(), &m->ranks));
    }
    *model = m;
    if (!m->engine || (m->engine->for_decode && !for_decode))
        PLMR_TRY(load(m));
    return for_decode ? plmr_engine_relayout(m->engine) : PLMR_OK;
}

/* ---- the data plane ---- */

plmr_status plmr_bench_load(const plmr_bench_item *item, plmr_bench_state *state, double *value)
{
    (void)item;
    bool is_new = !state->model || !state->model->engine;
    struct plmr_bench_model *m;
    PLMR_TRY(hold(state, false, &m));
    if (!is_new)
        PLMR_TRY(load(m));
    uint64_t n_bytes = (uint64_t)plmr_engine_weight_bytes(m->engine);
    plmr_ranks_sum(m->ranks, &n_bytes, 1);
    *value = (double)n_bytes / m->load_s / 1e9;
    return PLMR_OK;
}

plmr_status plmr_bench_prefill(const plmr_bench_item *item, plmr_bench_state *state, double *value)
{
    (void)item;
    struct plmr_bench_model *m;
    int32_t tokens[PROMPT];
    PLMR_TRY(hold(state, false, &m));
    for (int i = 0; i < PROMPT; i++)
        tokens[i] = plmr_shape_token(plmr_model_shape_of(m->model), i);
    plmr_barrier();
    double start_s = plmr_wall_s();
    PLMR_TRY(plmr_engine_prefill(m->engine, 0, tokens, PROMPT));
    *value = PROMPT / wall_since(m->ranks, start_s);
    return PLMR_OK;
}

plmr_status plmr_bench_decode(const plmr_bench_item *item, plmr_bench_state *state, double *value)
{
    (void)item;
    struct plmr_bench_model *m;
    PLMR_TRY(hold(state, true, &m));
    plmr_engine_fill_cache(m->engine, PROMPT);
    plmr_barrier();
    double start_s = plmr_wall_s();
    for (int32_t i = 0; i < TOKENS; i++) {
        int32_t token = plmr_shape_token(plmr_model_shape_of(m->model), i);
        PLMR_TRY(plmr_engine_decode(m->engine, &token));
        plmr_engine_logits(m->engine, 0, 1, plmr_rank() ? NULL : m->logits);
    }
    *value = TOKENS / wall_since(m->ranks, start_s);
    return PLMR_OK;
}

/* Of the weights that a token meets, of experts those of the ones that it uses. */
static double multiply_adds(const plmr_bench_state *state)
{
    const plmr_model_shape *shape = plmr_model_shape_of(state->model->model);
    return (double)shape->n_layers * (double)plmr_model_layer_needs(shape).macs;
}

double plmr_bench_prefill_work(const plmr_bench_state *state)
{
    return 2 * multiply_adds(state) / 1e9;
}

double plmr_bench_decode_work(const plmr_bench_state *state)
{
    const plmr_model_shape *shape = plmr_model_shape_of(state->model->model);
    double n = multiply_adds(state) + (double)shape->n_vocab * shape->dim;
    return n * (double)plmr_dtype_bytes(shape->dtype) / 1e9;
}

/* ---- the time plane ---- */

static plmr_status run_phase(plmr_timing *timing, int prefill_side)
{
    plmr_phase_cost cost;
    const plmr_phase_cost *token;
    return prefill_side ? plmr_timing_prefill(timing, &cost) : plmr_timing_token(timing, 4096, &token);
}

static plmr_status time_shape(const char *name, const plmr_llm_setup *setup, double *wall_s)
{
    plmr_device device;
    plmr_model *model = NULL;
    plmr_ranks *ranks;
    plmr_timing *timing = NULL;
    PLMR_TRY(plmr_ranks_create(1, plmr_rank_count(), 1, plmr_rank_count(), &ranks));
    plmr_status status = plmr_agree(plmr_device_load("wse2", &device));
    if (!status)
        status = plmr_agree(plmr_model_open(name, &model));
    double start_s = plmr_wall_s();
    if (!status)
        status = plmr_timing_create(ranks, &device, plmr_model_shape_of(model), setup, &timing);
    if (!status)
        status = run_phase(timing, setup->phase[PLMR_PREFILL].rows);
    plmr_timing_destroy(timing);
    *wall_s = wall_since(ranks, start_s);
    plmr_model_close(model);
    plmr_ranks_destroy(ranks);
    return status;
}

plmr_status plmr_bench_token_time(const plmr_bench_item *item, plmr_bench_state *state, double *value)
{
    (void)item, (void)state;
    plmr_llm_setup setup = {
        .phase[PLMR_DECODE] = {.rows = 420, .cols = 420}, .n_prompt = 4096, .n_tokens = 4097, .allow_memory = true};
    return time_shape("qwen2-72b", &setup, value);
}

plmr_status plmr_bench_prompt_time(const plmr_bench_item *item, plmr_bench_state *state, double *value)
{
    (void)item, (void)state;
    plmr_llm_setup setup = {
        .phase[PLMR_PREFILL] = {.rows = 720, .cols = 720}, .n_prompt = 4096, .n_tokens = 4096, .allow_memory = true};
    return time_shape("llama3-8b", &setup, value);
}
