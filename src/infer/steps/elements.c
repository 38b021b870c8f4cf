/* Steps element by element. */
#include "infer/step.h"
#include "time/busy.h"

static int64_t element_count(const plmr_pass *p, enum plmr_activation which)
{
    return (int64_t)p->ld[which] * p->n_here;
}

/* ---- the FFN's hidden vector: silu(gate) * up ---- */

static plmr_status gate(const plmr_step *step, plmr_pass *p)
{
    const plmr_step_part *part = &step->part[0];
    plmr_vectors()->silu_multiply(element_count(p, part->out), p->activation[step->in], p->activation[part->out],
                                  p->activation[part->out]);
    return plmr_pass_dump(p, part->out, part->name);
}

static plmr_status gate_gelu(const plmr_step *step, plmr_pass *p)
{
    const plmr_step_part *part = &step->part[0];
    plmr_vectors()->gelu_multiply(element_count(p, part->out), p->activation[step->in], p->activation[part->out],
                                  p->activation[part->out]);
    return plmr_pass_dump(p, part->out, part->name);
}

static plmr_status gate_time(const plmr_step *step, plmr_cost_pass *pass)
{
    int64_t n = plmr_cost_chunk_tokens(pass) * plmr_grid_chunk(pass->grid, plmr_activation_dimension(step->in));
    plmr_cost_busy(pass, (double)n * pass->device->scalar_function + 2 * plmr_cost_vector_cycles(pass, n));
    return PLMR_OK;
}

const plmr_step_kind plmr_step_gate = {.values = {gate, gate}, .time = {gate_time}, .unpublished = {true}};

/* Three products and a sum more before the exponential. */
static plmr_status gate_gelu_time(const plmr_step *step, plmr_cost_pass *pass)
{
    plmr_cost_busy(pass, 4 * plmr_cost_vector_cycles(pass, plmr_cost_chunk_tokens(pass) * pass->grid->ffn.size));
    return gate_time(step, pass);
}

const plmr_step_kind plmr_step_gate_gelu = {
    .values = {gate_gelu, gate_gelu}, .time = {gate_gelu_time}, .unpublished = {true}};

/* ---- onto the residual stream: in prefill the product's last step adds it ---- */

static plmr_status add(const plmr_step *step, plmr_pass *p)
{
    enum plmr_activation out = step->part[0].out;
    plmr_vectors()->add_to(element_count(p, out), p->activation[step->in], p->activation[out]);
    return PLMR_OK;
}

const plmr_step_kind plmr_step_add = {.values = {add, add}};

/* Scaled before it is added. */
static plmr_status add_scaled(const plmr_step *step, plmr_pass *p)
{
    float *x = p->activation[step->in], scale = p->engine->shape->residual_scale;
    for (int64_t i = 0; i < element_count(p, step->in); i++)
        x[i] *= scale;
    return add(step, p);
}

static plmr_status scale_prompt_time(const plmr_step *step, plmr_cost_pass *pass)
{
    (void)step;
    plmr_cost_busy(pass, plmr_cost_vector_cycles(pass, plmr_cost_chunk_tokens(pass) * pass->grid->dim_x.size));
    return PLMR_OK;
}

static plmr_status scale_token_time(const plmr_step *step, plmr_cost_pass *pass)
{
    (void)step;
    plmr_cost_busy(pass, plmr_cost_vector_cycles(pass, pass->grid->dim.size) * pass->n_batch);
    return PLMR_OK;
}

const plmr_step_kind plmr_step_add_scaled = {
    .values = {add_scaled, add_scaled}, .time = {scale_prompt_time, scale_token_time}, .unpublished = {true, true}};

/* ---- decode: the scalar work of a layer beside its collectives ---- */

static plmr_status scalars_time(const plmr_step *step, plmr_cost_pass *pass)
{
    double t_cycles = pass->device->decode_layer + pass->device->decode_element * pass->grid->dim.size;
    (void)step;
    pass->grid->region->ledger.parts |= PLMR_PART_SCALARS;
    plmr_region_compute(pass->grid->region, plmr_work_name(PLMR_WORK_ELEMENTS), t_cycles * pass->n_batch);
    plmr_cost_note(pass, PLMR_WORK_ELEMENTS);
    return PLMR_OK;
}

const plmr_step_kind plmr_step_scalars = {.time = {NULL, scalars_time}};
