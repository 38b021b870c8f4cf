/* Steps element by element. */
#include "infer/step.h"

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

static plmr_status gate_time(const plmr_step *step, plmr_cost_pass *pass)
{
    int64_t n = plmr_cost_chunk_tokens(pass) * pass->grid->ffn.size;
    (void)step;
    plmr_cost_busy(pass, (double)n * pass->device->scalar_function + 2 * plmr_cost_vector_cycles(pass, n));
    return PLMR_OK;
}

const plmr_step_kind plmr_step_gate = {.values = {gate, gate}, .time = {gate_time}, .unpublished = {true}};

/* ---- onto the residual stream: in prefill the product's last step adds it ---- */

static plmr_status add(const plmr_step *step, plmr_pass *p)
{
    enum plmr_activation out = step->part[0].out;
    plmr_vectors()->add_to(element_count(p, out), p->activation[step->in], p->activation[out]);
    return PLMR_OK;
}

const plmr_step_kind plmr_step_add = {.values = {add, add}};

/* ---- decode: the scalar work of a layer beside its collectives ---- */

static plmr_status scalars_time(const plmr_step *step, plmr_cost_pass *pass)
{
    double t_cycles = pass->device->decode_layer + pass->device->decode_element * pass->grid->dim.size;
    (void)step;
    plmr_cost_busy(pass, t_cycles * pass->n_batch);
    return PLMR_OK;
}

const plmr_step_kind plmr_step_scalars = {.time = {NULL, scalars_time}};
