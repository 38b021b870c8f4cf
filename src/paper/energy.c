/* Tables 7 and 8: tokens a second at 4,096 tokens, as energy against GPUs. */
#include "paper/paper.h"

#include <math.h>

enum { MODELS = 2, CONTEXT = 4096 };

struct phase {
    const char *key;
    bool decode;
    int side;
};

static plmr_status ask(plmr_paper *paper, const struct phase *phase, const char *model, plmr_phase_cost *cost)
{
    plmr_paper_speed speed;
    plmr_paper_query query = {
        .model = model,
        .n_decode = 1,
        .setup = {.plan = &plmr_llm_plan_waferllm, .as_published = true, .n_prompt = CONTEXT},
    };
    query.side[phase->decode] = phase->side;
    plmr_paper_time(paper, &query, &speed);
    *cost = phase->decode ? speed.decode : speed.prefill;
    return PLMR_OK;
}

/* Energy of n GPUs over that of the wafer, for the same tokens, at a speed of the wafer: the published one, which
 * checks how the paper charges energy, or the predicted one. */
static void add_ratio(plmr_paper *paper, const struct phase *phase, plmr_paper_cell cell, const plmr_paper_gpu *gpu,
                      bool published)
{
    double rate = published ? cell.published : cell.predicted;
    double gpu_rate = plmr_paper_published(paper, "%s/%s/a100/%s", phase->key, cell.subject, gpu->name);
    if (isnan(gpu_rate))
        return;
    cell.quantity =
        plmr_paper_text(paper, "energy of %s, at %s speed", gpu->system, published ? "published" : "predicted");
    cell.timeless = published;
    cell.decimals = 2;
    cell.predicted = gpu->n * plmr_gpu_a100.power / gpu_rate / (paper->device.power / rate);
    cell.published = plmr_paper_published(paper, "%s/%s/energy_ratio/%s", phase->key, cell.subject, gpu->name);
    plmr_paper_add(paper, &cell);
}

static void add_estimate(plmr_paper *paper, plmr_paper_cell cell, const plmr_phase_cost *cost, double n_tokens)
{
    plmr_energy e =
        plmr_device_energy(&paper->device, PLMR_F16, cost->multiply_adds, cost->wavelet_hops, cost->t_cycles);
    double sum = plmr_energy_sum(e), system_j = paper->device.power * cost->t_cycles / paper->device.clock;
    cell.quantity = "energy estimate, J/token";
    cell.role = PLMR_ESTIMATE;
    cell.predicted_text =
        plmr_paper_text(paper, "%.3f: arithmetic %.0f %%, SRAM %.0f %%, links %.0f %%, idle %.0f %%", sum / n_tokens,
                        100 * e.compute_j / sum, 100 * e.sram_j / sum, 100 * e.fabric_j / sum, 100 * e.idle_j / sum);
    cell.published_text = plmr_paper_text(paper, "%.3f by the system's power", system_j / n_tokens);
    plmr_paper_add(paper, &cell);
}

static plmr_status add_model(plmr_paper *paper, const struct phase *phase, const char *model)
{
    double n_tokens = phase->decode ? 1 : CONTEXT;
    plmr_phase_cost cost;
    PLMR_TRY(ask(paper, phase, model, &cost));
    plmr_paper_cell cell = {
        .subject = model,
        .setting = plmr_paper_square(paper, phase->side),
        .system = "waferllm",
        .quantity = "tokens/s",
        .mode = "as published",
        .role = PLMR_CONSISTENT,
        .predicted = n_tokens * paper->device.clock / cost.t_cycles,
        .published = plmr_paper_published(paper, "%s/%s/wse2", phase->key, model),
    };
    plmr_paper_add(paper, &cell);
    for (int i = 0; i < PLMR_PAPER_GPUS; i++) {
        add_ratio(paper, phase, cell, &plmr_paper_gpus[i], true);
        add_ratio(paper, phase, cell, &plmr_paper_gpus[i], false);
    }
    add_estimate(paper, cell, &cost, n_tokens);
    return PLMR_OK;
}

static plmr_status run(plmr_paper *paper)
{
    const struct phase *phase = paper->part->of;
    for (int i = 0; i < MODELS; i++)
        PLMR_TRY(add_model(paper, phase, plmr_paper_models[i]));
    return PLMR_OK;
}

const plmr_paper_part plmr_paper_table7 = {
    .name = "table 7",
    .title = "energy of prefill, 4,096 tokens",
    .notes =
        "Energy is a multiple of the wafer's for the same tokens. At the published speeds every ratio rounds to the "
        "published one. The ratio charges 400 W a GPU and 15 kW the wafer, also where a part of it computes, as the "
        "paper does. "
        "The estimate "
        "counts multiply-adds, SRAM, words on links, and what the whole wafer draws when idle; see docs/MODEL.md.",
    .run = run,
    .of = &(const struct phase){"table7_prefill_energy_4k", false, 720},
};

const plmr_paper_part plmr_paper_table8 = {
    .name = "table 8",
    .title = "energy of decode, 4,096 tokens in the cache",
    .notes = "As Table 7.",
    .run = run,
    .of = &(const struct phase){"table8_decode_energy_4k", true, 420},
};
