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
    return strcmp(a->model, b->model) == 0 && a->plan == b->plan && a->as_published == b->as_published &&
           a->prefill_side == b->prefill_side && a->decode_side == b->decode_side && a->n_prompt == b->n_prompt &&
           a->n_decode == b->n_decode && a->n_layers == b->n_layers && a->concat == b->concat;
}

/* The published figures keep the cache at a fixed length. */
static plmr_timing_options options_of(const plmr_paper_query *q, const plmr_model_shape *shape)
{
    return (plmr_timing_options){
        .prefill_side = q->prefill_side,
        .decode_rows = q->decode_side,
        .decode_cols = q->decode_side,
        .n_layers = q->n_layers ? q->n_layers : shape->n_layers,
        .n_batch = 1,
        .n_prompt = q->n_prompt,
        .n_tokens = q->n_prompt + (q->as_published ? 0 : q->n_decode),
        .balanced = !q->concat,
        .unfused = q->as_published,
        .plan = q->plan,
        .as_published = q->as_published,
        .cache_dtype = PLMR_F16,
    };
}

static plmr_status run(const plmr_paper_query *q, plmr_timing *timing, plmr_paper_speed *speed)
{
    if (q->prefill_side) {
        PLMR_TRY(plmr_timing_prefill(timing, &speed->prefill));
        speed->placement[0] = *plmr_timing_placement(timing, false);
    }
    if (q->prefill_side && q->decode_side && !q->as_published)
        PLMR_TRY(plmr_timing_handover(timing, &speed->handover));
    if (q->decode_side)
        speed->placement[1] = *plmr_timing_placement(timing, true);
    for (int64_t i = 0; i < q->n_decode && q->decode_side; i++) {
        const plmr_phase_cost *token;
        PLMR_TRY(plmr_timing_token(timing, q->n_prompt + i, &token));
        plmr_phase_cost_add(&speed->decode, token);
    }
    return PLMR_OK;
}

static plmr_status ask(plmr_paper *paper, const plmr_paper_query *q, plmr_paper_speed *speed)
{
    plmr_model_shape shape;
    plmr_timing *timing;
    PLMR_TRY(plmr_paper_shape(q->model, &shape));
    plmr_timing_options options = options_of(q, &shape);
    *speed = (plmr_paper_speed){.dtype = shape.dtype};
    PLMR_TRY(plmr_timing_create(paper->ranks, &paper->device, &shape, &options, true, true, &timing));
    plmr_status status = run(q, timing, speed);
    plmr_timing_destroy(timing);
    return status;
}

plmr_status plmr_paper_time(plmr_paper *paper, const plmr_paper_query *query, plmr_paper_speed *speed)
{
    for (int i = 0; i < paper->n_memo; i++)
        if (same(&paper->memo[i].query, query)) {
            *speed = paper->memo[i].speed;
            return PLMR_OK;
        }
    PLMR_TRY(ask(paper, query, speed));
    struct plmr_paper_memo *memo = plmr_take_more(paper->memo, (size_t)(paper->n_memo + 1) * sizeof *memo);
    paper->memo = memo;
    memo[paper->n_memo++] = (struct plmr_paper_memo){*query, *speed};
    return PLMR_OK;
}
