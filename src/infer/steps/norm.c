/* Norms of every token's row of an activation; or, if the weight is of a head's size, of every head of its own,
 * between to_heads and attention. */
#include "infer/prompt.h"
#include "infer/step.h"
#include "infer/token.h"

#include <math.h>

static bool is_of_heads(const plmr_step *step)
{
    return plmr_weight_infos[step->part[0].weight].cols == PLMR_HEAD;
}

/* In decode; else along x, as in prefill. */
static bool is_along_y(const plmr_step *step)
{
    return plmr_weight_infos[step->part[0].weight].cols == PLMR_MODEL_DIM;
}

/* ---- values of heads: each by the ranks that work on it ---- */

/* n_rep heads of a token, by cores: each core adds up its elements' squares, the head's tree adds up the cores. */
static void norm_heads(const plmr_pass *p, const float *weight, int n_rep, float *by_cores)
{
    const plmr_heads *heads = &p->grid->heads;
    float squares[PLMR_MOST_HEAD_DIM];
    size_t n = (size_t)heads->n_dims, pitch = n * (size_t)n_rep;
    for (int r = 0; r < n_rep; r++, by_cores += n) {
        for (int core = 0; core < heads->span; core++) {
            const float *x = by_cores + (size_t)core * pitch;
            plmr_vectors()->gemv_onto(PLMR_F32, PLMR_F32, heads->n_dims, 1, x, x, 1, NULL, &squares[core], NULL);
        }
        float mean = plmr_heads_sum(p->grid->tree_head, squares) / (float)heads->head_dim;
        for (int core = 0; core < heads->span; core++)
            plmr_vectors()->scale(heads->n_dims, 1 / sqrtf(mean + p->engine->shape->rms_eps), weight + (size_t)core * n,
                                  by_cores + (size_t)core * pitch, by_cores + (size_t)core * pitch);
    }
}

static void norm_all_heads(const plmr_step *step, plmr_pass *p)
{
    const plmr_heads *heads = &p->grid->heads;
    int dims = plmr_heads_dims(heads);
    for (int i = 0; i < step->n_parts; i++) {
        bool queries = step->part[i].out == PLMR_QUERY;
        const float *weight = plmr_pass_weights(p)->vector[step->part[i].weight];
        float dealt[PLMR_MOST_HEAD_DIM], **head = queries ? p->heads.query : p->heads.key;
        int n_rep = queries ? heads->n_rep : 1;
        for (int d = 0; d < dims; d++)
            dealt[d] = plmr_heads_element(heads, d) < 0 ? 0 : weight[plmr_heads_element(heads, d)];
        for (int kv = 0; kv < heads->n_kv; kv++)
            for (int64_t token = 0; token < p->n_here && head[kv]; token++)
                norm_heads(p, dealt, n_rep, head[kv] + token * n_rep * dims);
    }
}

/* ---- values ---- */

static plmr_status prompt(const plmr_step *step, plmr_pass *p)
{
    const plmr_step_part *part = &step->part[0];
    if (is_of_heads(step)) {
        norm_all_heads(step, p);
        return PLMR_OK;
    }
    plmr_prompt_norm(p, plmr_pass_weights(p)->vector[part->weight], step->in, part->out);
    return plmr_pass_dump(p, part->out, part->name);
}

static plmr_status token(const plmr_step *step, plmr_pass *p)
{
    const plmr_step_part *part = &step->part[0];
    const plmr_model_shape *shape = p->engine->shape;
    if (!is_along_y(step))
        return prompt(step, p);
    plmr_token_norm(p->grid, shape->rms_eps, plmr_pass_weights(p)->vector[part->weight], (int)p->n,
                    p->activation[step->in], p->activation[part->out], p->ld[step->in]);
    return plmr_pass_dump(p, part->out, part->name);
}

/* ---- time ---- */

/* Rows of n elements in each core that are normed, n_rows of them for each request: squares, their sums over all cores
 * along the axis that have elements of a row, and the scaling. */
static plmr_status rows_time(plmr_cost_pass *pass, enum plmr_axis axis, int64_t n_rows, int64_t n, bool heads)
{
    double rows = (double)n_rows * pass->n_batch;
    plmr_cost_busy(pass, rows * (double)n * pass->device->reduce_element);
    PLMR_TRY(plmr_cost_allreduce(pass, axis, heads, n_rows));
    plmr_cost_busy(pass, rows * (2 * pass->device->scalar_function + 2 * plmr_cost_vector_cycles(pass, n)));
    return PLMR_OK;
}

/* Of the queries and keys that a core has elements of, for n_tokens. */
static plmr_status heads_time(plmr_cost_pass *pass, int64_t n_tokens)
{
    const plmr_heads *heads = &pass->grid->heads;
    return rows_time(pass, PLMR_X, n_tokens * heads->n_per_core * (heads->n_rep + 1), heads->n_dims, true);
}

static plmr_status prompt_time(const plmr_step *step, plmr_cost_pass *pass)
{
    int64_t ms = plmr_cost_chunk_tokens(pass);
    enum plmr_dimension row = plmr_weight_infos[step->part[0].weight].cols;
    return is_of_heads(step) ? heads_time(pass, ms)
                             : rows_time(pass, PLMR_X, ms, plmr_grid_deal(pass->grid, row, PLMR_PREFILL)->size, false);
}

/* The scalar work of the stream's norms is in that of the layer. */
static plmr_status token_time(const plmr_step *step, plmr_cost_pass *pass)
{
    enum plmr_dimension row = plmr_weight_infos[step->part[0].weight].cols;
    if (step->in == PLMR_STREAM)
        return plmr_cost_allreduce(pass, PLMR_Y, false, 1);
    if (pass->as_published)
        return PLMR_OK;
    return is_of_heads(step)
               ? heads_time(pass, 1)
               : rows_time(pass, is_along_y(step) ? PLMR_Y : PLMR_X, 1, plmr_grid_chunk(pass->grid, row), false);
}

const plmr_step_kind plmr_step_norm = {
    .values = {prompt, token}, .time = {prompt_time, token_time}, .unpublished = {true, false}};
