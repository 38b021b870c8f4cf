#include <stdlib.h>

#include "base/memory.h"
#include "base/wall.h"
#include "bench/items.h"
#include "infer/timing.h"

/* TinyLlama 1.1B, as `plmr llm` computes it: its weights are made up. */
static const char model_name[] = "tinyllama-1.1b";
enum { SIDE = 256, PROMPT = 512, TOKENS = 32 };

struct plmr_bench_model {
    plmr_device device;
    plmr_model *model;
    plmr_ranks *ranks;
    plmr_engine *engine;
    float *hidden, *logits; /* logits: rank 0 */
    double load_s;
};

static double wall_since(plmr_ranks *ranks, double start_s)
{
    double wall_s = plmr_wall_s() - start_s;
    plmr_ranks_max(ranks, &wall_s, 1);
    return wall_s;
}

/* ---- the model in memory ---- */

static plmr_status open_files(struct plmr_bench_model *m)
{
    PLMR_TRY(plmr_device_load("wse2", &m->device));
    PLMR_TRY(plmr_model_open(model_name, &m->model));
    const plmr_model_shape *shape = plmr_model_shape_of(m->model);
    m->hidden = plmr_take((size_t)shape->dim * sizeof *m->hidden);
    m->logits = plmr_take((size_t)shape->n_vocab * sizeof *m->logits);
    return PLMR_OK;
}

static plmr_status load(struct plmr_bench_model *m)
{
    plmr_engine_options options = {.prefill_side = SIDE,
                                   .decode_rows = SIDE,
                                   .decode_cols = SIDE,
                                   .n_batch = 1,
                                   .n_tokens = PROMPT + TOKENS,
                                   .cache_dtype = PLMR_F16,
                                   .balanced = true};
    plmr_engine_destroy(m->engine);
    m->engine = NULL;
    plmr_barrier();
    double start_s = plmr_wall_s();
    PLMR_TRY(plmr_engine_create(m->model, m->ranks, &m->device, &options, &m->engine));
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
    free(m->hidden);
    free(m);
}

/* The model in memory, with its weights as prefill or decode has them; loaded anew only if it must be. */
static plmr_status hold(plmr_bench_state *state, bool for_decode, struct plmr_bench_model **model)
{
    struct plmr_bench_model *m = state->model;
    if (!m) {
        m = state->model = calloc(1, sizeof *m);
        PLMR_TRY(plmr_agree(m ? open_files(m) : plmr_error_make(PLMR_ERROR_SYSTEM, "out of memory")));
        PLMR_TRY(plmr_ranks_create(1, plmr_rank_count(), 1, plmr_rank_count(), &m->ranks));
    }
    *model = m;
    if (!m->engine || (m->engine->for_decode && !for_decode))
        PLMR_TRY(load(m));
    return for_decode ? plmr_engine_relayout(m->engine) : PLMR_OK;
}

/* ---- the data plane ---- */

static plmr_status measure_load(const plmr_bench_item *item, plmr_bench_state *state, double *value)
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

static plmr_status measure_prefill(const plmr_bench_item *item, plmr_bench_state *state, double *value)
{
    (void)item;
    struct plmr_bench_model *m;
    int32_t tokens[PROMPT];
    PLMR_TRY(hold(state, false, &m));
    for (int i = 0; i < PROMPT; i++)
        tokens[i] = 13 + i;
    plmr_barrier();
    double start_s = plmr_wall_s();
    PLMR_TRY(plmr_engine_prefill(m->engine, 0, tokens, PROMPT, 1, m->hidden));
    *value = PROMPT / wall_since(m->ranks, start_s);
    return PLMR_OK;
}

static plmr_status measure_decode(const plmr_bench_item *item, plmr_bench_state *state, double *value)
{
    (void)item;
    struct plmr_bench_model *m;
    PLMR_TRY(hold(state, true, &m));
    plmr_engine_fill_cache(m->engine, PROMPT);
    plmr_barrier();
    double start_s = plmr_wall_s();
    for (int32_t i = 0; i < TOKENS; i++) {
        int32_t token = 13 + i;
        PLMR_TRY(plmr_engine_decode(m->engine, &token, m->hidden));
        PLMR_TRY(plmr_engine_logits(m->engine, 1, m->hidden, plmr_rank() ? NULL : m->logits));
    }
    *value = TOKENS / wall_since(m->ranks, start_s);
    return PLMR_OK;
}

/* ---- the time plane ---- */

static plmr_status run_phase(plmr_timing *timing, int prefill_side, plmr_phase_cost *cost)
{
    const plmr_phase_cost *token;
    if (prefill_side)
        return plmr_timing_prefill(timing, cost);
    return plmr_timing_token(timing, 4096, &token);
}

static plmr_status time_shape(const char *name, const plmr_timing_options *asked, double *wall_s)
{
    plmr_device device;
    plmr_model *model = NULL;
    plmr_ranks *ranks;
    plmr_timing *timing;
    plmr_phase_cost cost;
    plmr_timing_options options = *asked;
    PLMR_TRY(plmr_ranks_create(1, plmr_rank_count(), 1, plmr_rank_count(), &ranks));
    plmr_status status = plmr_agree(plmr_device_load("wse2", &device));
    if (!status)
        status = plmr_agree(plmr_model_open(name, &model));
    if (!status) {
        options.n_layers = plmr_model_shape_of(model)->n_layers;
        double start_s = plmr_wall_s();
        status = plmr_timing_create(ranks, &device, plmr_model_shape_of(model), &options, true, false, &timing);
        if (!status) {
            status = run_phase(timing, options.prefill_side, &cost);
            plmr_timing_destroy(timing);
        }
        *wall_s = wall_since(ranks, start_s);
    }
    plmr_model_close(model);
    plmr_ranks_destroy(ranks);
    return status;
}

static plmr_status measure_token_time(const plmr_bench_item *item, plmr_bench_state *state, double *value)
{
    (void)item, (void)state;
    plmr_timing_options options = {.decode_rows = 420,
                                   .decode_cols = 420,
                                   .n_batch = 1,
                                   .n_prompt = 4096,
                                   .n_tokens = 4097,
                                   .balanced = true,
                                   .cache_dtype = PLMR_F16};
    return time_shape("qwen2-72b", &options, value);
}

static plmr_status measure_prompt_time(const plmr_bench_item *item, plmr_bench_state *state, double *value)
{
    (void)item, (void)state;
    plmr_timing_options options = {.prefill_side = 720,
                                   .n_batch = 1,
                                   .n_prompt = 4096,
                                   .n_tokens = 4096,
                                   .balanced = true,
                                   .cache_dtype = PLMR_F16};
    return time_shape("llama3-8b", &options, value);
}

/* TinyLlama's weights that every token meets: seven matrices in each of 22 layers, and the output matrix in decode. */
#define LAYERS_WEIGHTS (22.0 * (2.0 * 2048 * 2048 + 2.0 * 2048 * 256 + 3.0 * 2048 * 5632))
#define OUTPUT_WEIGHTS (32000.0 * 2048)

const plmr_bench_item plmr_bench_llm_items[] = {
    {.name = "llm-load",
     .what = "TinyLlama 1.1B f16 on 256x256, made up and loaded",
     .unit = "GB/s",
     .yardstick = plmr_yardstick_read,
     .yardstick_name = "memory read",
     .measure = measure_load,
     .is_llm = true},
    {.name = "llm-prefill",
     .what = "TinyLlama 1.1B f16, prefill of 512 tokens",
     .unit = "tokens/s",
     .yardstick = plmr_yardstick_sgemm,
     .yardstick_name = "sgemm",
     .work = 2 * LAYERS_WEIGHTS / 1e9,
     .work_unit = "GFLOP/s",
     .target = 0.7,
     .measure = measure_prefill,
     .is_llm = true},
    {.name = "llm-decode",
     .what = "TinyLlama 1.1B f16, decode of 32 tokens behind 512",
     .unit = "tokens/s",
     .yardstick = plmr_yardstick_read,
     .yardstick_name = "memory read",
     .work = 2 * (LAYERS_WEIGHTS + OUTPUT_WEIGHTS) / 1e9,
     .work_unit = "GB/s",
     .target = 0.85,
     .measure = measure_decode,
     .is_llm = true},
    {.name = "llm-token-time",
     .what = "time plane: a token of qwen2-72b on 420x420",
     .unit = "s",
     .target = 0.3,
     .most = true,
     .measure = measure_token_time,
     .is_llm = true},
    {.name = "llm-prompt-time",
     .target = 60,
     .most = true,
     .what = "time plane: 4096 tokens into llama3-8b on 720x720",
     .unit = "s",
     .measure = measure_prompt_time,
     .is_llm = true},
};

enum { N_LLM_ITEMS = sizeof plmr_bench_llm_items / sizeof plmr_bench_llm_items[0] };
const int plmr_bench_llm_count = N_LLM_ITEMS;
