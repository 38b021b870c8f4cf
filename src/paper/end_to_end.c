/* Table 2: tokens made a second, from the prompt's arrival to the last token. */
#include "paper/paper.h"

#include <math.h>

enum { MODELS = 2, LENGTHS = 4 };

static const char key[] = "table2_end_to_end";

/* What a model is asked. */
struct request {
    const char *model;
    int length; /* which of the published lengths */
    int64_t n_prompt, n_decode;
};

static struct request request_of(const plmr_paper *paper, int model, int length)
{
    return (struct request){plmr_paper_models[model], length,
                            (int64_t)plmr_paper_published(paper, "%s/io/%d/0", key, length),
                            (int64_t)plmr_paper_published(paper, "%s/io/%d/1", key, length)};
}

static plmr_paper_cell cell_of(plmr_paper *paper, const struct request *r)
{
    return (plmr_paper_cell){
        .subject = r->model,
        .setting = plmr_paper_text(paper, "%lld/%lld", (long long)r->n_prompt, (long long)r->n_decode),
        .quantity = "end to end, tokens/s",
        .decimals = 1,
    };
}

static plmr_status add_plan(plmr_paper *paper, const struct request *r, const plmr_paper_system *system)
{
    int prefill = (int)plmr_paper_published(paper, "%s/core_grids/%s/prefill/0", key, r->model);
    int decode = (int)plmr_paper_published(paper, "%s/core_grids/%s/decode/0", key, r->model);
    plmr_paper_query query = {
        .model = r->model,
        .side = {prefill, system->plan->keeps_grid ? prefill : decode},
        .n_decode = r->n_decode,
        .setup = {.plan = system->plan, .as_published = system->as_published, .n_prompt = r->n_prompt},
    };
    plmr_paper_speed speed;
    plmr_paper_time(paper, &query, &speed);
    double t_cycles = speed.prefill.t_cycles + speed.handover.t_cycles + speed.decode.t_cycles;
    plmr_paper_cell cell = cell_of(paper, r);
    cell.system = system->plan->name;
    cell.mode = plmr_paper_mode(system);
    /* WaferLLM's own constants saw Tables 3 and 4, not this one. */
    cell.role = system->other_role == PLMR_CONSISTENT ? PLMR_PREDICTED : system->other_role;
    cell.predicted = (double)r->n_decode * paper->device.clock / t_cycles;
    cell.published = plmr_paper_published(paper, "%s/%s/%s/%d", key, r->model, system->plan->name, r->length);
    plmr_paper_add(paper, &cell);
    return PLMR_OK;
}

static plmr_status add_gpu(plmr_paper *paper, const struct request *r, const plmr_paper_gpu *gpu)
{
    plmr_paper_cell cell = cell_of(paper, r);
    plmr_model_shape shape;
    cell.published = plmr_paper_published(paper, "%s/%s/a100_%s/%d", key, r->model, gpu->name, r->length);
    if (isnan(cell.published))
        return PLMR_OK;
    PLMR_TRY(plmr_paper_shape(r->model, &shape));
    double n = (double)r->n_decode, seconds = plmr_roofline_prefill_s(&plmr_gpu_a100, gpu->n, &shape, r->n_prompt);
    seconds += n * plmr_roofline_token_s(&plmr_gpu_a100, gpu->n, &shape, r->n_prompt + r->n_decode / 2);
    cell.system = gpu->system;
    cell.mode = "roofline";
    cell.role = PLMR_BOUND;
    cell.predicted = n / seconds;
    plmr_paper_add(paper, &cell);
    return PLMR_OK;
}

static plmr_status run(plmr_paper *paper)
{
    for (int model = 0; model < MODELS; model++)
        for (int i = 0; i < PLMR_PAPER_SYSTEMS + PLMR_PAPER_GPUS; i++)
            for (int length = 0; length < LENGTHS; length++) {
                struct request r = request_of(paper, model, length);
                PLMR_TRY(i < PLMR_PAPER_SYSTEMS ? add_plan(paper, &r, &plmr_paper_systems[i])
                                                : add_gpu(paper, &r, &plmr_paper_gpus[i - PLMR_PAPER_SYSTEMS]));
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
