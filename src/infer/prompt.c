#include "infer/prompt.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "infer/gather.h"

/* Rows of an activation that are gathered at a time. */
enum { GATHER_ROWS = 512 };

/* ---- products ---- */

static void while_multiplying(void *gather, double share)
{
    (void)share;
    plmr_gather_poll(gather);
}

/* The layout that the kernel knows: see plmr_gemm_block. */
static void list_lines(const plmr_matrix *m, int n_slots, const void **line)
{
    memset(line, 0, (size_t)n_slots * sizeof *line);
    for (int slot = 0; slot < m->layout.in->n_filled; slot++)
        line[slot] = plmr_matrix_at(m, 0, plmr_matrix_row(m, slot));
}

static void multiply_block(const plmr_pass *p, const plmr_step *step, int i, plmr_gather *gather, int64_t first,
                           int64_t n, const void **line)
{
    enum plmr_activation c = step->part[i].out;
    const plmr_matrix *m = &plmr_pass_weights(p)->matrix[step->part[i].weight];
    const plmr_deal *in = gather->deal, *out = m->layout.out;
    plmr_run rows = {(int)(first / p->ms), (int)(n / p->ms)};
    if (m->n_out == 0)
        return;
    list_lines(m, in->n_slots, line);
    int chunks = (int)(m->strip / out->size);
    plmr_gemm_block block = {
        .n_slots = in->n_slots,
        .kt = in->size,
        .ms = p->ms,
        .ns = out->size,
        .rows_skewed = true,
        .cols_skewed = true,
        .a_dtype = PLMR_F32,
        .b_dtype = m->dtype,
        .accumulate = PLMR_F32,
        .n_row_runs = 1,
        .row_runs = &rows,
        .n_col_runs = m->out.n_runs,
        .col_runs = m->out.runs,
        .a_line = gather->line,
        .b_line = line,
        .a_layout = {rows.count, 0, (size_t)n},
        .b_layout = {chunks, (size_t)(m->n_in * m->pitch), (size_t)m->pitch},
        .c = p->activation[c] + (size_t)first * p->ld[c],
        .ldc = p->ld[c],
        .t1 = in->n_slots,
        .progress = while_multiplying,
        .progress_context = gather,
    };
    plmr_gemm_block_run(&block, plmr_region_scratch(p->grid->region));
}

static void multiply_blocks(const plmr_pass *p, const plmr_step *step, plmr_gather *gather)
{
    const void **line = plmr_take((size_t)p->grid->cols * sizeof *line);
    int64_t first, n;
    while (plmr_gather_next(gather, &first, &n))
        for (int i = 0; i < step->n_parts; i++)
            multiply_block(p, step, i, gather, first, n, line);
    free(line);
}

void plmr_prompt_multiply(const plmr_pass *p, const plmr_step *step)
{
    int64_t most = GATHER_ROWS / p->ms * p->ms;
    for (int i = 0; i < step->n_parts; i++)
        memset(p->activation[step->part[i].out], 0, (size_t)p->n_rows * p->ld[step->part[i].out] * sizeof(float));
    plmr_gather *gather = plmr_gather_create(p->grid, plmr_pass_deal(p, step->in), p->activation[step->in],
                                             p->ld[step->in], p->n_rows, most > p->ms ? most : p->ms);
    multiply_blocks(p, step, gather);
    plmr_gather_destroy(gather);
}

/* ---- norms ---- */

struct squares {
    const plmr_pass *p;
    const float *x;
    plmr_part part;
};

static void make_squares(const void *context, int core, int64_t first, int64_t width, const float *onto, float *out,
                         int next)
{
    const struct squares *s = context;
    const plmr_deal *deal = &s->p->grid->dim_x;
    int chunk = plmr_ring_position(s->p->grid->x, s->p->grid->region->first[PLMR_X] + core);
    int index = plmr_part_index(&s->part, chunk);
    int n = index < 0 ? 0 : (int)plmr_clip((int64_t)chunk * deal->size, deal->size, deal->n);
    for (int64_t i = 0; i < width; i++) {
        const float *x =
            s->x + (size_t)(first + i) * s->p->ld[PLMR_STREAM] + (n ? (size_t)index * (size_t)deal->size : 0);
        plmr_vectors()->gemv_onto(PLMR_F32, PLMR_F32, n, 1, x, x, 1, onto ? onto + i : NULL, out + i, NULL);
    }
    (void)next;
}

void plmr_prompt_pick(const plmr_grid *grid, const plmr_deal *deal, const float *elements, float *picked)
{
    plmr_part part = plmr_grid_part(grid, deal);
    for (int c = 0; c < part.n_chunks; c++)
        for (int i = 0; i < deal->size; i++) {
            int64_t element = plmr_deal_element(deal, (int64_t)plmr_part_chunk(&part, c) * deal->size + i);
            *picked++ = element < 0 ? 0 : elements[element];
        }
}

void plmr_prompt_norm(const plmr_pass *p, const float *weight, const float *x, float *y)
{
    const plmr_model_shape *shape = p->engine->shape;
    size_t ld = p->ld[PLMR_STREAM];
    struct squares squares = {p, x, plmr_grid_part(p->grid, &p->grid->dim_x)};
    float *sum = plmr_take(((size_t)p->n + ld) * sizeof *sum), *picked = sum + p->n;
    plmr_tree_job job = {
        .tree = p->grid->tree_x,
        .accumulate = PLMR_F32,
        .n_batch = 1,
        .n = p->n,
        .strip = 256,
        .make = make_squares,
        .context = &squares,
        .sum = sum,
    };
    plmr_tree_run(&job);
    plmr_prompt_pick(p->grid, &p->grid->dim_x, weight, picked);
    for (int64_t i = 0; i < p->n; i++)
        plmr_vectors()->scale((int64_t)ld, 1 / sqrtf(sum[i] / (float)shape->dim + shape->rms_eps), picked,
                              x + (size_t)i * ld, y + (size_t)i * ld);
    free(sum);
}

/* ---- the stream ---- */

void plmr_prompt_collect(const plmr_pass *p, int64_t n_last, float *hidden)
{
    const plmr_deal *deal = &p->grid->dim_x;
    size_t ld = p->ld[PLMR_STREAM];
    const float *last = p->activation[PLMR_STREAM] + (size_t)(p->n - n_last) * ld;
    plmr_gather *gather = plmr_gather_create(p->grid, deal, last, ld, n_last, GATHER_ROWS);
    for (int64_t first, n; plmr_gather_next(gather, &first, &n);)
        for (int64_t k = 0; k < deal->n; k++) {
            const float *line = (const float *)gather->line[k / deal->size] + k % deal->size * n;
            for (int64_t row = 0; row < n; row++)
                hidden[(first + row) * deal->n + k] = line[row];
        }
    plmr_gather_destroy(gather);
}
