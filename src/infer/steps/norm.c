#include "infer/prompt.h"
#include "infer/step.h"
#include "infer/token.h"

static plmr_status prompt(const plmr_step *step, plmr_pass *p)
{
    const plmr_step_part *part = &step->part[0];
    plmr_prompt_norm(p, plmr_pass_weights(p)->vector[part->weight], p->activation[step->in], p->activation[part->out]);
    return plmr_pass_dump(p, part->out, part->name);
}

static plmr_status token(const plmr_step *step, plmr_pass *p)
{
    const plmr_step_part *part = &step->part[0];
    const plmr_model_shape *shape = p->engine->shape;
    plmr_token_norm(p->grid, shape->rms_eps, plmr_pass_weights(p)->vector[part->weight], (int)p->n, shape->dim,
                    p->activation[step->in], p->activation[part->out], p->ld[step->in]);
    return plmr_pass_dump(p, part->out, part->name);
}

/* Of every token's row. */
static plmr_status prompt_time(const plmr_step *step, plmr_cost_pass *pass)
{
    int64_t ms = plmr_cost_chunk_tokens(pass), n = pass->grid->dim_x.size;
    (void)step;
    plmr_cost_busy(pass, (double)ms * (double)n * pass->device->reduce_element);
    PLMR_TRY(plmr_cost_allreduce(pass, PLMR_X, false, ms));
    plmr_cost_busy(pass, (double)ms * (2 * pass->device->scalar_function + 2 * plmr_cost_vector_cycles(pass, n)));
    return PLMR_OK;
}

/* The scalar work is in that of the layer. */
static plmr_status token_time(const plmr_step *step, plmr_cost_pass *pass)
{
    (void)step;
    return plmr_cost_allreduce(pass, PLMR_Y, false, 1);
}

const plmr_step_kind plmr_step_norm = {
    .values = {prompt, token}, .time = {prompt_time, token_time}, .unpublished = {true, false}};
