/* Products with weights of what one activation holds: queries, keys and values, or gate and up, or one alone. */
#include "infer/prompt.h"
#include "infer/step.h"
#include "infer/token.h"

void plmr_pass_add_bias(const plmr_pass *p, const plmr_step_part *part)
{
    const float *bias = plmr_pass_bias(p, part->bias);
    const plmr_deal *deal = plmr_pass_deal(p, part->out);
    plmr_part columns = plmr_pass_part(p, part->out);
    for (int c = 0; c < columns.n_chunks && bias; c++)
        for (int i = 0; i < deal->size; i++) {
            int64_t element = plmr_deal_element(deal, (int64_t)plmr_part_chunk(&columns, c) * deal->size + i);
            for (int64_t row = 0; row < p->n_here && element >= 0; row++)
                p->activation[part->out][(size_t)row * p->ld[part->out] + (size_t)c * (size_t)deal->size + (size_t)i] +=
                    bias[element];
        }
}

static plmr_status finish(const plmr_step *step, const plmr_pass *p)
{
    for (int i = 0; i < step->n_parts; i++) {
        plmr_pass_add_bias(p, &step->part[i]);
        PLMR_TRY(plmr_pass_dump(p, step->part[i].out, step->part[i].name));
    }
    return PLMR_OK;
}

static plmr_status prompt(const plmr_step *step, plmr_pass *p)
{
    plmr_prompt_multiply(p, step);
    return finish(step, p);
}

/* In decode: parts that are one product with one reduction: all, or, unfused, one. */
static int fused_parts(const plmr_step *step, bool unfused)
{
    return unfused ? 1 : step->n_parts;
}

static plmr_status token(const plmr_step *step, plmr_pass *p)
{
    int together = fused_parts(step, p->engine->setup.phase[PLMR_DECODE].unfused);
    plmr_token_product products[PLMR_MOST_PARTS];
    for (int i = 0; i < step->n_parts; i++) {
        enum plmr_activation out = step->part[i].out;
        products[i] = (plmr_token_product){plmr_pass_matrix(p, step->part[i].weight), p->activation[out], p->ld[out]};
    }
    for (int i = 0; i < step->n_parts; i += together)
        plmr_token_multiply(p->grid, products + i, together, (int)p->n, p->activation[step->in], p->ld[step->in]);
    return finish(step, p);
}

/* ---- time ---- */

/* With a matrix that lies (out, in), as decode has it: tokens change places with elements, and back. */
static plmr_status turned_time(plmr_cost_pass *pass, enum plmr_weight which)
{
    const plmr_weight_info *info = &plmr_weight_infos[which];
    int64_t ms = plmr_cost_chunk_tokens(pass), element = (int64_t)plmr_dtype_bytes(pass->dtype);
    int64_t n_in = ms * plmr_grid_chunk(pass->grid, info->cols), n_out = ms * plmr_grid_chunk(pass->grid, info->rows);
    plmr_cost_relayout(pass, n_in * element);
    PLMR_TRY(plmr_cost_weight_gemm_turned(pass, which));
    plmr_cost_relayout(pass, n_out * element);
    plmr_cost_busy(pass, plmr_cost_vector_cycles(pass, n_out));
    return PLMR_OK;
}

static plmr_status prompt_time(const plmr_step *step, plmr_cost_pass *pass)
{
    for (int i = 0; i < step->n_parts; i++) {
        enum plmr_weight which = step->part[i].weight;
        bool turned = pass->as_decode && plmr_weight_infos[which].cols != PLMR_MODEL_DIM;
        PLMR_TRY(turned ? turned_time(pass, which) : plmr_cost_weight_gemm(pass, which));
    }
    return PLMR_OK;
}

static plmr_status token_time(const plmr_step *step, plmr_cost_pass *pass)
{
    int together = fused_parts(step, pass->unfused);
    enum plmr_dimension in = plmr_weight_infos[step->part[0].weight].cols;
    for (int i = 0; i < step->n_parts; i += together) {
        int64_t columns = 0;
        for (int j = i; j < i + together; j++)
            columns += plmr_grid_chunk(pass->grid, plmr_weight_infos[step->part[j].weight].rows);
        PLMR_TRY(plmr_cost_gemv(pass, step->part[i].weight, in == PLMR_MODEL_DIM ? PLMR_Y : PLMR_X,
                                plmr_grid_chunk(pass->grid, in), columns));
    }
    return PLMR_OK;
}

const plmr_step_kind plmr_step_products = {.values = {prompt, token}, .time = {prompt_time, token_time}};
