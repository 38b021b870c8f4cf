/* Products with a small matrix that every core of a line wants whole: each core multiplies the elements that it has, and
 * the tree adds up, along the axis that the elements are dealt to. */
#include "infer/prompt.h"
#include "infer/step.h"
#include "infer/token.h"

#include "verbs/verbs.h"

#include <stdlib.h>

#include "base/memory.h"

/* Outcomes of a core that are made at a time, about. */
enum { STRIP = 256 };

struct product {
    const plmr_pass *p;
    const plmr_matrix *matrix;
    const char *rows; /* as dealt, all columns of each */
    const float *x;
    size_t ld;
};

/* A vector has the outcomes of all tokens, one token after the other. */
static void make_partial(const void *context, int core, int64_t first, int64_t width, const float *onto, float *out,
                         int next)
{
    const struct product *s = context;
    const plmr_matrix *m = s->matrix;
    int64_t n_out = m->n_out;
    int chunk = plmr_ring_position(s->p->grid->x, s->p->grid->region->first[PLMR_X] + core);
    int64_t row = plmr_matrix_row(m, chunk);
    const char *b = s->rows + (size_t)((row < 0 ? 0 : row) * n_out) * plmr_dtype_bytes(m->dtype);
    for (int64_t i = 0; i < width; i += n_out) {
        const float *x = s->x + (size_t)((first + i) / n_out) * s->ld + (row < 0 ? 0 : row);
        plmr_vectors()->gemv_onto(m->dtype, PLMR_F32, row < 0 ? 0 : m->layout.in->size, n_out, x, b, (size_t)n_out,
                                  onto ? onto + i : NULL, out + i, NULL);
    }
    (void)next;
}

static void multiply_prompt(const plmr_pass *p, enum plmr_activation in, const plmr_step_part *part)
{
    const plmr_matrix *m = plmr_pass_matrix(p, part->weight);
    int64_t n_out = m->n_out, n_bytes = m->n_in * n_out * (int64_t)plmr_dtype_bytes(m->dtype);
    char *rows = plmr_take((size_t)n_bytes + 1);
    float *sum = plmr_take((size_t)(p->n_here * n_out) * sizeof *sum + 1);
    plmr_matrix_columns(m, 0, n_out, rows, n_out);
    struct product product = {p, m, rows, p->activation[in], p->ld[in]};
    plmr_tree_job job = {
        .tree = p->grid->tree_x,
        .accumulate = PLMR_F32,
        .n_batch = 1,
        .n = p->n_here * n_out,
        .strip = n_out < STRIP ? STRIP / n_out * n_out : n_out,
        .make = make_partial,
        .context = &product,
        .sum = sum,
    };
    plmr_tree_run(&job);
    for (int64_t i = 0; i < p->n_here; i++)
        for (int64_t j = 0; j < n_out; j++)
            p->activation[part->out][(size_t)i * p->ld[part->out] + (size_t)j] = sum[i * n_out + j];
    free(sum);
    free(rows);
}

static plmr_status run(const plmr_step *step, plmr_pass *p)
{
    for (int i = 0; i < step->n_parts; i++) {
        const plmr_step_part *part = &step->part[i];
        plmr_token_product product = {plmr_pass_matrix(p, part->weight), p->activation[part->out], p->ld[part->out]};
        if (p->phase == PLMR_PREFILL)
            multiply_prompt(p, step->in, part);
        else
            plmr_token_multiply(p->grid, &product, 1, (int)p->n, p->activation[step->in], p->ld[step->in]);
        plmr_pass_add_bias(p, part);
        PLMR_TRY(plmr_pass_dump(p, part->out, part->name));
    }
    return PLMR_OK;
}

/* ---- time ---- */

/* Of every token of a row of cores, on the elements that a core has of it. */
static plmr_status prompt_time(const plmr_step *step, plmr_cost_pass *pass)
{
    int64_t ms = plmr_cost_chunk_tokens(pass), k = pass->grid->dim_x.size;
    for (int i = 0; i < step->n_parts; i++) {
        int64_t n = plmr_grid_chunk(pass->grid, plmr_weight_infos[step->part[i].weight].rows);
        plmr_region_multiply(pass->grid->region, plmr_device_multiply_cycles(pass->device, pass->dtype, ms, k, n),
                             ms * k * n);
        plmr_cost_note(pass, PLMR_WORK_PROJECTION);
        PLMR_TRY(plmr_cost_allreduce(pass, PLMR_X, false, ms * n));
    }
    return PLMR_OK;
}

static plmr_status token_time(const plmr_step *step, plmr_cost_pass *pass)
{
    for (int i = 0; i < step->n_parts; i++)
        PLMR_TRY(plmr_cost_gemv(pass, step->part[i].weight, PLMR_Y, pass->grid->dim.size,
                                plmr_grid_chunk(pass->grid, plmr_weight_infos[step->part[i].weight].rows)));
    return PLMR_OK;
}

const plmr_step_kind plmr_step_everywhere = {.values = {run, run}, .time = {prompt_time, token_time}};
