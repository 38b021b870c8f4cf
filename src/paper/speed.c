/* Models in the time plane. */
#include "paper/paper.h"

#include <string.h>

#include "base/memory.h"

plmr_status plmr_paper_shape(const char *name, plmr_model_shape *shape)
{
    plmr_model *model;
    PLMR_TRY(plmr_agree(plmr_model_open(name, &model)));
    *shape = *plmr_model_shape_of(model);
    plmr_model_close(model);
    return PLMR_OK;
}

/* The published figures keep the cache at a fixed length. */
static plmr_llm_setup setup_of(const plmr_paper_query *q)
{
    plmr_llm_setup setup = q->setup;
    for (int phase = 0; phase < PLMR_N_PHASES; phase++)
        setup.phase[phase] =
            (plmr_phase_setup){.rows = q->side[phase], .cols = q->side[phase], .unfused = setup.as_published};
    setup.n_tokens = setup.n_prompt + (setup.as_published ? 0 : q->n_decode);
    setup.has_cache_dtype = true;
    setup.cache_dtype = PLMR_F16;
    setup.allow_memory = setup.allow_routes = true;
    return setup;
}

static plmr_status run(const plmr_paper_query *q, plmr_timing *timing, plmr_paper_speed *speed)
{
    if (q->side[PLMR_PREFILL]) {
        PLMR_TRY(plmr_timing_prefill(timing, &speed->prefill));
        speed->placement[0] = *plmr_timing_placement(timing, PLMR_PREFILL);
    }
    if (q->side[PLMR_PREFILL] && q->side[PLMR_DECODE] && !q->setup.as_published)
        PLMR_TRY(plmr_timing_handover(timing, &speed->handover));
    if (q->side[PLMR_DECODE])
        speed->placement[1] = *plmr_timing_placement(timing, PLMR_DECODE);
    for (int64_t i = 0; i < q->n_decode && q->side[PLMR_DECODE]; i++) {
        const plmr_phase_cost *token;
        PLMR_TRY(plmr_timing_token(timing, q->setup.n_prompt + i, &token));
        plmr_phase_cost_add(&speed->decode, token);
    }
    return PLMR_OK;
}

plmr_status plmr_paper_find_speed(const plmr_paper *paper, plmr_ranks *ranks, const plmr_paper_query *q,
                                  plmr_paper_answer *answer)
{
    plmr_paper_speed *speed = &answer->speed;
    plmr_model_shape shape;
    plmr_timing *timing;
    PLMR_TRY(plmr_paper_shape(q->model, &shape));
    plmr_llm_setup setup = setup_of(q);
    *speed = (plmr_paper_speed){0};
    PLMR_TRY(plmr_timing_create(ranks, &paper->device, &shape, &setup, &timing));
    plmr_status status = run(q, timing, speed);
    answer->parts = speed->prefill.parts | speed->handover.parts | speed->decode.parts;
    plmr_timing_destroy(timing);
    return status;
}

/* Fitted to one core of the machine at hand; only their ratios count. Where a product leaves no two rows of cores alike,
 * all clocks are kept. */
static double weight_of(const plmr_paper_query *q)
{
    double side = q->side[PLMR_PREFILL];
    const plmr_llm_plan *plan = q->setup.plan;
    bool spreads = plan == &plmr_llm_plan_t10 || (plan == &plmr_llm_plan_waferllm && q->setup.as_published);
    return 0.01 + (spreads ? 7e-9 : 2e-10) * side * side * side;
}

static plmr_paper_answer ask(plmr_paper *paper, const plmr_paper_query *query)
{
    plmr_paper_question question = {.query = *query, .weight = weight_of(query)};
    return plmr_paper_ask(paper, &question);
}

/* A prompt takes as long whatever the length of the answer, which is asked apart. */
void plmr_paper_time(plmr_paper *paper, const plmr_paper_query *query, plmr_paper_speed *speed)
{
    plmr_paper_query prompt = *query, tokens = *query;
    plmr_paper_answer of_prompt = {0}, of_tokens = {0};
    prompt.n_decode = 0;
    tokens.side[PLMR_PREFILL] = 0;
    if (query->side[PLMR_PREFILL])
        of_prompt = ask(paper, &prompt);
    if (query->side[PLMR_DECODE])
        of_tokens = ask(paper, &tokens);
    *speed = of_prompt.speed;
    speed->decode = of_tokens.speed.decode;
    speed->placement[PLMR_DECODE] = of_tokens.speed.placement[PLMR_DECODE];
    paper->parts = of_prompt.parts | of_tokens.parts;
}
