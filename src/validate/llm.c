/* Language models, and a product with a vector, on square regions in the time plane: as plmr llm and plmr gemv have them. */
#include <math.h>
#include <string.h>

#include "gemv/gemv.h"
#include "infer/timing.h"
#include "validate/validate.h"

enum { MOST_SIDE = 4096, MOST_TOKENS = 1 << 20 };

/* What the point or its set says; the sets' figures of whole models are with a cache in f16. Sides: of the region, else what
 * suits the model. */
static plmr_llm_setup setup_of(const plmr_trial_run *run, bool decode, const plmr_model_shape *shape)
{
    int side = (int)plmr_config_number(run->config, "side", 0);
    plmr_llm_setup setup = {
        .as_published = plmr_config_number(run->options, "as_published", 0) != 0,
        .n_prompt = (int64_t)plmr_config_number(run->config, "context", 2048),
        .has_cache_dtype = true,
        .cache_dtype = PLMR_F16,
        .allow_memory = true,
        .allow_routes = true,
    };
    setup.n_tokens = setup.n_prompt + (decode && !setup.as_published);
    setup.phase[decode ? PLMR_DECODE : PLMR_PREFILL] = (plmr_phase_setup){.rows = side, .cols = side};
    for (int phase = 0; phase < PLMR_N_PHASES; phase++)
        setup.phase[phase].unfused = setup.as_published;
    plmr_llm_setup_choose(&setup, !decode, decode, &run->device, shape);
    return setup;
}

static plmr_status time_model(plmr_trial_run *run, bool decode, const plmr_model_shape *shape)
{
    plmr_llm_setup setup = setup_of(run, decode, shape);
    const plmr_phase_setup *region = &setup.phase[decode ? PLMR_DECODE : PLMR_PREFILL];
    plmr_ranks *ranks;
    plmr_timing *timing;
    plmr_phase_cost prefill;
    const plmr_phase_cost *phase = &prefill;
    PLMR_TRY(plmr_ranks_create(0, 0, region->rows, region->cols, &ranks));
    plmr_status status = plmr_timing_create(ranks, &run->device, shape, &setup, &timing);
    if (!status) {
        status = decode ? plmr_timing_token(timing, setup.n_prompt, &phase) : plmr_timing_prefill(timing, &prefill);
        if (!status)
            run->cycles = phase->t_cycles, run->amount = decode ? 1 : (double)setup.n_prompt, run->unit = "tokens/s";
        plmr_timing_destroy(timing);
    }
    plmr_ranks_destroy(ranks);
    return status;
}

/* Tokens a second of one request: of the prompt, or of what is made behind a context. */
static plmr_status run_llm(plmr_trial_run *run)
{
    const char *name = plmr_config_text(run->config, "model"), *phase = plmr_config_text(run->config, "phase");
    double side = plmr_config_number(run->config, "side", 0),
           context = plmr_config_number(run->config, "context", 2048);
    bool decode = strcmp(phase, "decode") == 0;
    plmr_model *model;
    if (!*name || !(decode || strcmp(phase, "prefill") == 0) || side < 0 || side > fmin(MOST_SIDE, run->device.cols) ||
        !(context >= 1 && context <= MOST_TOKENS))
        return PLMR_OK;
    PLMR_TRY(plmr_agree(plmr_model_open(name, &model)));
    plmr_status status = time_model(run, decode, plmr_model_shape_of(model));
    plmr_model_close(model);
    return status;
}

static plmr_status time_gemv(plmr_trial_run *run, int side, int size, int groups)
{
    plmr_reduce_options tree = {.n_levels = 2, .n_groups = {groups}, .n_group_levels = groups > 0};
    plmr_gemv_problem problem = {size, size, side, side, PLMR_F16, PLMR_F16, tree};
    plmr_region_options options = {.allow_memory = true, .allow_routes = true};
    plmr_cost cost = {0};
    plmr_ranks *ranks;
    plmr_region *region;
    plmr_gemv *gemv;
    PLMR_TRY(plmr_ranks_create(0, 0, side, side, &ranks));
    plmr_status status = plmr_region_create(ranks, &run->device, side, side, &options, &region);
    if (!status) {
        status = plmr_gemv_open(plmr_gemv_find("meshgemv"), &problem, region, NULL, NULL, &gemv);
        if (!status) {
            plmr_gemv_run(gemv);
            status = plmr_region_cost(region, &cost);
            plmr_gemv_close(gemv);
        }
        run->cycles = cost.t_cycles;
        plmr_region_destroy(region);
    }
    plmr_ranks_destroy(ranks);
    return status;
}

/* A square matrix. */
static plmr_status run_gemv(plmr_trial_run *run)
{
    double side = plmr_config_number(run->config, "side", NAN), size = plmr_config_number(run->config, "size", NAN),
           groups = plmr_config_number(run->config, "groups", 0);
    if (!(side >= 1 && side <= fmin(MOST_SIDE, run->device.cols) && size >= side && size <= 1 << 20 && groups >= 0 &&
          groups <= side))
        return PLMR_OK;
    return time_gemv(run, (int)side, (int)size, (int)groups);
}

const plmr_trial plmr_trial_llm = {"llm", "a language model's prefill or decode", run_llm};
const plmr_trial plmr_trial_meshgemv = {"meshgemv", "a square matrix times a vector, by MeshGEMV", run_gemv};
