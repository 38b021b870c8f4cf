/* Tables 3 and 4: tokens a second in prefill and in decode, on three core grids. */
#include "paper/paper.h"

#include <math.h>

enum { GRIDS = 3, CONTEXT = 4096 };

struct phase {
    const char *key; /* of the published figures */
    const char *quantity;
    bool decode;
};

static plmr_status add_plan(plmr_paper *paper, const struct phase *phase, int model, int grid,
                            const plmr_paper_system *system)
{
    int side = (int)plmr_paper_published(paper, "%s/cores/%d", phase->key, grid);
    const char *name = plmr_paper_models[model];
    plmr_paper_query query = {
        .model = name,
        .n_decode = 1,
        .setup = {.plan = system->plan, .as_published = system->as_published, .n_prompt = CONTEXT},
    };
    plmr_paper_speed speed;
    query.side[phase->decode] = side;
    plmr_paper_time(paper, &query, &speed);
    plmr_paper_add(
        paper, &(plmr_paper_cell){
                   .subject = name,
                   .setting = plmr_paper_square(paper, side),
                   .system = system->plan->name,
                   .quantity = phase->quantity,
                   .mode = plmr_paper_mode(system),
                   .role = model           ? system->other_role
                           : phase->decode ? system->decode_role
                                           : system->prefill_role,
                   .decimals = 1,
                   .predicted = phase->decode ? paper->device.clock / speed.decode.t_cycles
                                              : CONTEXT * paper->device.clock / speed.prefill.t_cycles,
                   .published = plmr_paper_published(paper, "%s/%s/%s/%d", phase->key, name, system->plan->name, grid),
               });
    return PLMR_OK;
}

static plmr_status add_gpu(plmr_paper *paper, const struct phase *phase, const char *model, const plmr_paper_gpu *gpu)
{
    double published = plmr_paper_published(paper, "%s/%s/a100/%s", phase->key, model, gpu->name);
    plmr_model_shape shape;
    if (isnan(published))
        return PLMR_OK;
    PLMR_TRY(plmr_paper_shape(model, &shape));
    plmr_paper_add(paper,
                   &(plmr_paper_cell){
                       .subject = model,
                       .system = gpu->system,
                       .quantity = phase->quantity,
                       .mode = "roofline",
                       .role = PLMR_BOUND,
                       .decimals = 1,
                       .predicted = phase->decode
                                        ? 1 / plmr_roofline_token_s(&plmr_gpu_a100, gpu->n, &shape, CONTEXT)
                                        : CONTEXT / plmr_roofline_prefill_s(&plmr_gpu_a100, gpu->n, &shape, CONTEXT),
                       .published = published,
                   });
    return PLMR_OK;
}

static plmr_status run(plmr_paper *paper)
{
    const struct phase *phase = paper->part->of;
    for (int model = 0; model < PLMR_PAPER_MODELS; model++) {
        for (int i = 0; i < PLMR_PAPER_SYSTEMS; i++)
            for (int grid = 0; grid < GRIDS; grid++)
                PLMR_TRY(add_plan(paper, phase, model, grid, &plmr_paper_systems[i]));
        for (int i = 0; i < PLMR_PAPER_GPUS; i++)
            PLMR_TRY(add_gpu(paper, phase, plmr_paper_models[model], &plmr_paper_gpus[i]));
    }
    return PLMR_OK;
}

const plmr_paper_part plmr_paper_table3 = {
    .name = "table 3",
    .title = "prefill of 4,096 tokens",
    .notes = "Of CodeLLaMA-34B and Qwen2-72B the authors measured some layers and scaled; here all layers are alike. "
             "T10's rows need no constant of their own: every relay is two of the device's exchanges and one of its "
             "store-and-forward relays.",
    .run = run,
    .of = &(const struct phase){"table3_prefill", "prefill, tokens/s", false},
};

const plmr_paper_part plmr_paper_table4 = {
    .name = "table 4",
    .title = "decode with 4,096 tokens in the cache",
    .notes =
        "The real model fuses allreduces, has grouped heads and an output projection; what was measured has none of "
        "these (docs/MODEL.md).",
    .run = run,
    .of = &(const struct phase){"table4_decode", "decode, tokens/s", true},
};
