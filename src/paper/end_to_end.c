/* Table 2: tokens made a second, from the prompt's arrival to the last token. */
#include "paper/systems.h"

#include <math.h>
#include <stdio.h>

enum { MODELS = 2, LENGTHS = 4 };

static const char key[] = "table2_end_to_end";

static plmr_paper_cell cell_of(const char *model, int64_t n_prompt, int64_t n_decode)
{
    plmr_paper_cell cell = {.decimals = 1};
    snprintf(cell.subject, sizeof cell.subject, "%s", model);
    snprintf(cell.setting, sizeof cell.setting, "%lld/%lld", (long long)n_prompt, (long long)n_decode);
    snprintf(cell.quantity, sizeof cell.quantity, "end to end, tokens/s");
    return cell;
}

/* WaferLLM's own constants saw Tables 3 and 4, not this one. */
static enum plmr_paper_role role_of(const plmr_paper_system *system)
{
    return system->other_role == PLMR_CONSISTENT ? PLMR_PREDICTED : system->other_role;
}

static plmr_status add_plan(plmr_paper *paper, const plmr_paper_part *part, const char *model, int length,
                            const plmr_paper_system *system)
{
    int prefill = (int)plmr_paper_published(paper, "%s/core_grids/%s/prefill/0", key, model);
    int decode = (int)plmr_paper_published(paper, "%s/core_grids/%s/decode/0", key, model);
    int64_t n_prompt = (int64_t)plmr_paper_published(paper, "%s/io/%d/0", key, length);
    plmr_paper_query query = {
        .model = model,
        .side = {prefill, system->plan->keeps_grid ? prefill : decode},
        .n_decode = (int64_t)plmr_paper_published(paper, "%s/io/%d/1", key, length),
        .setup = {.plan = system->plan, .as_published = system->as_published, .n_prompt = n_prompt},
    };
    plmr_paper_speed speed;
    plmr_paper_cell cell = cell_of(model, n_prompt, query.n_decode);
    PLMR_TRY(plmr_paper_time(paper, &query, &speed));
    double t_cycles = speed.prefill.t_cycles + speed.handover.t_cycles + speed.decode.t_cycles;
    plmr_paper_name_system(system, &cell);
    cell.role = role_of(system);
    cell.predicted = (double)query.n_decode * paper->device.clock / t_cycles;
    cell.published = plmr_paper_published(paper, "%s/%s/%s/%d", key, model, system->plan->name, length);
    return plmr_paper_add(paper, part, &cell);
}

static plmr_status add_gpu(plmr_paper *paper, const plmr_paper_part *part, const char *model, int length, int which)
{
    int n = plmr_paper_gpu_counts[which];
    int64_t n_prompt = (int64_t)plmr_paper_published(paper, "%s/io/%d/0", key, length);
    int64_t n_decode = (int64_t)plmr_paper_published(paper, "%s/io/%d/1", key, length);
    plmr_paper_cell cell = cell_of(model, n_prompt, n_decode);
    plmr_model_shape shape;
    cell.published = plmr_paper_published(paper, "%s/%s/a100_%s/%d", key, model, plmr_paper_gpu_names[which], length);
    if (isnan(cell.published))
        return PLMR_OK;
    PLMR_TRY(plmr_paper_shape(model, &shape));
    double seconds = plmr_roofline_prefill_s(&plmr_gpu_a100, n, &shape, n_prompt);
    seconds += (double)n_decode * plmr_roofline_token_s(&plmr_gpu_a100, n, &shape, n_prompt + n_decode / 2);
    plmr_paper_name_gpu(which, &cell);
    cell.predicted = (double)n_decode / seconds;
    return plmr_paper_add(paper, part, &cell);
}

static plmr_status run(plmr_paper *paper, const plmr_paper_part *part)
{
    for (int model = 0; model < MODELS; model++) {
        for (int i = 0; i < PLMR_PAPER_SYSTEMS; i++)
            for (int length = 0; length < LENGTHS; length++)
                PLMR_TRY(add_plan(paper, part, plmr_paper_models[model], length, &plmr_paper_systems[i]));
        for (int i = 0; i < PLMR_PAPER_GPUS; i++)
            for (int length = 0; length < LENGTHS; length++)
                PLMR_TRY(add_gpu(paper, part, plmr_paper_models[model], length, i));
    }
    return PLMR_OK;
}

const plmr_paper_part plmr_paper_table2 = {
    .name = "table 2",
    .title = "end to end, prompt/output tokens",
    .notes =
        "LLaMA3-8B: prefill on 660x660 cores, decode on 360x360; LLaMA2-13B: 750x750 and 375x375. Tokens of the prompt "
        "/ tokens made.\n\n"
        "*LLaMA2-13B.* With decode as in Table 4 the published figures leave 0.209 and 0.248 s for prompts of 2,048 "
        "and "
        "4,096 tokens: 750x750 cores were slower than 720x720 in Table 3 (0.234 s). The model expects 0.173 and 0.214 "
        "s, "
        "for 5,120 elements on 750 cores make tiles of 7, on 720 of 8. Were tiles of f16 kept even, whole words, it "
        "would "
        "be 0.195 and 0.243 s. Long outputs, in which prefill hardly counts, agree within 6 %.\n\n"
        "*LLaMA3-8B, 2,048/128.* Its figure leaves 0.121 s for prefill; the model says 0.138 s, of which 0.010 s come "
        "from padding 2,048 tokens to 4 on each of 660 rows.\n\n"
        "*T10 and Ladder* are timed with decode on the prefill's cores. So their published figures agree with their "
        "own "
        "in Tables 3 and 4; on decode's smaller grid T10 would decode twice as fast as it did.",
    .run = run,
};
