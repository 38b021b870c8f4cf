#include "infer/prompt.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "infer/few.h"
#include "infer/gather.h"
#include "infer/strips.h"

/* Rows of an activation that are gathered at a time. */
enum { GATHER_ROWS = 512 };

/* ---- products ---- */

/* What is on its way while a block is multiplied. */
struct travelling {
    plmr_gather *gather;
    plmr_strips *strips;
};

static void while_multiplying(void *travelling, double share)
{
    struct travelling *t = travelling;
    (void)share;
    plmr_gather_poll(t->gather);
    plmr_strips_poll(t->strips);
}

/* Chunks [first, first + n) of a part, in its own order: their runs. */
static int runs_of(const plmr_part *part, int64_t first, int64_t n, plmr_run runs[2])
{
    int n_runs = 0;
    int64_t before = 0;
    for (int i = 0; i < part->n_runs; before += part->runs[i++].count) {
        int64_t from = first > before ? first - before : 0;
        int64_t count = plmr_clip(from, first + n - before - from, part->runs[i].count);
        if (first + n > before + from && count > 0)
            runs[n_runs++] = (plmr_run){part->runs[i].first + (int)from, (int)count};
    }
    return n_runs;
}

/* A block of A's rows, [first, first + n). */
struct rows {
    plmr_gather *gather;
    int64_t first, n;
};

static void multiply_strips(const plmr_pass *p, const plmr_step_part *part, const struct rows *rows,
                            plmr_strips *strips, int64_t first, int64_t n)
{
    const plmr_matrix *m = strips->matrix;
    const plmr_deal *in = m->layout.in, *out = m->layout.out;
    struct travelling travelling = {rows->gather, strips};
    plmr_run row_runs[2], col_runs[2];
    plmr_gemm_block block = {
        .n_slots = in->n_slots,
        .kt = in->size,
        .ms = p->ms,
        .ns = out->size,
        .rows_skewed = true,
        .cols_skewed = true,
        .a_dtype = PLMR_F32,
        .b_dtype = PLMR_F32,
        .accumulate = PLMR_F32,
        .n_row_runs = runs_of(&p->here, rows->first / p->ms, rows->n / p->ms, row_runs),
        .row_runs = row_runs,
        .n_col_runs = runs_of(&m->out, first / out->size, n / out->size, col_runs),
        .col_runs = col_runs,
        .a_line = rows->gather->line,
        .b_line = strips->line,
        .a_layout = plmr_gather_layout(rows->gather),
        .b_layout = plmr_strips_layout(strips),
        .c = p->activation[part->out] + (size_t)rows->first * p->ld[part->out] + (size_t)first,
        .ldc = p->ld[part->out],
        .t1 = in->n_slots,
        .progress = while_multiplying,
        .progress_context = &travelling,
    };
    plmr_gemm_block_run(&block, plmr_region_scratch(p->grid->region));
}

static void multiply_part(const plmr_pass *p, const plmr_step_part *part, const struct rows *rows)
{
    plmr_strips *strips = plmr_strips_create(plmr_pass_matrix(p, part->weight), p->engine->ranks, p->engine->shelf,
                                             p->n, &p->engine->columns);
    for (int64_t first, n; plmr_strips_next(strips, &first, &n);)
        if (rows->n)
            multiply_strips(p, part, rows, strips, first, n);
    plmr_strips_destroy(strips);
}

/* Blocks of rows of the rank that has most: with a rank of the column that has none left, one only brings its strips. */
static int64_t block_count(const plmr_pass *p, int64_t most)
{
    int64_t longest = 0;
    for (int place = 0; place < plmr_ranks_extent(p->engine->ranks, PLMR_Y); place++) {
        plmr_part part = plmr_pass_tokens(p, place);
        int64_t n = plmr_part_places(&part, &p->tokens);
        longest = n > longest ? n : longest;
    }
    return plmr_ceil_div(longest, most);
}

void plmr_prompt_multiply(const plmr_pass *p, const plmr_step *step)
{
    int64_t most = GATHER_ROWS / p->ms * p->ms;
    most = most > p->ms ? most : p->ms;
    for (int i = 0; i < step->n_parts; i++)
        memset(p->activation[step->part[i].out], 0, (size_t)p->n_rows * p->ld[step->part[i].out] * sizeof(float));
    struct rows rows = {.gather = plmr_gather_create(p->grid, plmr_pass_deal(p, step->in), p->activation[step->in],
                                                     p->ld[step->in], p->n_rows, most, &p->engine->rows)};
    for (int64_t block = 0; block < block_count(p, most); block++) {
        plmr_gather_next(rows.gather, &rows.first, &rows.n);
        float *few = p->n_rows <= PLMR_FEW_MOST_ROWS ? plmr_few_rows(rows.gather, rows.n) : NULL;
        for (int i = 0; i < step->n_parts; i++)
            if (few && plmr_few_fits(plmr_pass_matrix(p, step->part[i].weight), p->engine->ranks, p->n_rows))
                plmr_few_multiply(p, &step->part[i], rows.first, rows.n, few);
            else
                multiply_part(p, &step->part[i], &rows);
        free(few);
    }
    plmr_gather_destroy(rows.gather);
}

/* ---- norms ---- */

struct squares {
    const plmr_pass *p;
    const plmr_deal *deal;
    const float *x;
    size_t ld;
    plmr_part part;
};

static void make_squares(const void *context, int core, int64_t first, int64_t width, const float *onto, float *out,
                         int next)
{
    const struct squares *s = context;
    const plmr_deal *deal = s->deal;
    int chunk = plmr_ring_position(s->p->grid->x, s->p->grid->region->first[PLMR_X] + core);
    int index = plmr_part_index(&s->part, chunk);
    int n = index < 0       ? 0
            : deal->element ? deal->size /* of which some may be padding, zeros */
                            : (int)plmr_clip((int64_t)chunk * deal->size, deal->size, deal->n);
    for (int64_t i = 0; i < width; i++) {
        const float *x = s->x + (size_t)(first + i) * s->ld + (n ? (size_t)index * (size_t)deal->size : 0);
        plmr_vectors()->gemv_onto(PLMR_F32, PLMR_F32, n, 1, x, x, 1, onto ? onto + i : NULL, out + i, NULL);
    }
    (void)next;
}

void plmr_prompt_norm(const plmr_pass *p, const float *weight, enum plmr_activation from, enum plmr_activation to)
{
    const plmr_deal *deal = plmr_pass_deal(p, from);
    size_t ld = p->ld[from];
    const float *x = p->activation[from];
    float *y = p->activation[to];
    struct squares squares = {p, deal, x, ld, plmr_pass_part(p, from)};
    int64_t n_cols = plmr_part_places(&squares.part, deal);
    float *sum = plmr_take((size_t)(p->n_here + n_cols) * sizeof *sum), *picked = sum + p->n_here;
    plmr_tree_job job = {
        .tree = p->grid->tree_x,
        .accumulate = PLMR_F32,
        .n_batch = 1,
        .n = p->n_here,
        .strip = 256,
        .make = make_squares,
        .context = &squares,
        .sum = sum,
    };
    plmr_tree_run(&job);
    plmr_part_pick(&squares.part, deal, weight, picked);
    for (int64_t i = 0; i < p->n_here; i++)
        plmr_vectors()->scale(n_cols, 1 / sqrtf(sum[i] / (float)deal->n + p->engine->shape->rms_eps), picked,
                              x + (size_t)i * ld, y + (size_t)i * ld);
    free(sum);
}
