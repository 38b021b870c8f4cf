/* Models in the time plane, each question asked once. */
#include "paper/paper.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

struct plmr_paper_memo {
    plmr_paper_query query;
    plmr_paper_speed speed;
};

plmr_status plmr_paper_shape(const char *name, plmr_model_shape *shape)
{
    plmr_model *model;
    PLMR_TRY(plmr_agree(plmr_model_open(name, &model)));
    *shape = *plmr_model_shape_of(model);
    plmr_model_close(model);
    return PLMR_OK;
}

static bool same(const plmr_paper_query *a, const plmr_paper_query *b)
{
    const plmr_llm_setup *x = &a->setup, *y = &b->setup;
    return strcmp(a->model, b->model) == 0 && a->n_decode == b->n_decode &&
           memcmp(a->side, b->side, sizeof a->side) == 0 && x->plan == y->plan && x->as_published == y->as_published &&
           x->n_prompt == y->n_prompt && x->n_layers == y->n_layers && x->concat == y->concat;
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
        speed->placement[0] = *plmr_timing_placement(timing, false);
    }
    if (q->side[PLMR_PREFILL] && q->side[PLMR_DECODE] && !q->setup.as_published)
        PLMR_TRY(plmr_timing_handover(timing, &speed->handover));
    if (q->side[PLMR_DECODE])
        speed->placement[1] = *plmr_timing_placement(timing, true);
    for (int64_t i = 0; i < q->n_decode && q->side[PLMR_DECODE]; i++) {
        const plmr_phase_cost *token;
        PLMR_TRY(plmr_timing_token(timing, q->setup.n_prompt + i, &token));
        plmr_phase_cost_add(&speed->decode, token);
    }
    return PLMR_OK;
}

static plmr_status ask(plmr_paper *paper, const plmr_paper_query *q, plmr_paper_speed *speed)
{
    plmr_model_shape shape;
    plmr_timing *timing;
    PLMR_TRY(plmr_paper_shape(q->model, &shape));
    plmr_llm_setup setup = setup_of(q);
    *speed = (plmr_paper_speed){0};
    PLMR_TRY(plmr_timing_create(paper->ranks, &paper->device, &shape, &setup, &timing));
    plmr_status status = run(q, timing, speed);
    plmr_timing_destroy(timing);
    return status;
}

static unsigned parts_of(const plmr_paper_speed *speed)
{
    return speed->prefill.parts | speed->handover.parts | speed->decode.parts;
}

plmr_status plmr_paper_time(plmr_paper *paper, const plmr_paper_query *query, plmr_paper_speed *speed)
{
    for (int i = 0; i < paper->n_memo; i++)
        if (same(&paper->memo[i].query, query)) {
            *speed = paper->memo[i].speed;
            paper->parts = parts_of(speed);
            return PLMR_OK;
        }
    bool known = plmr_paper_recall(paper, speed, sizeof *speed);
    if (!known)
        PLMR_TRY(ask(paper, query, speed));
    paper->parts = parts_of(speed);
    struct plmr_paper_memo *memo = plmr_take_more(paper->memo, (size_t)(paper->n_memo + 1) * sizeof *memo);
    paper->memo = memo;
    memo[paper->n_memo++] = (struct plmr_paper_memo){*query, *speed};
    return known ? PLMR_OK : plmr_paper_keep(paper, speed, sizeof *speed);
}
