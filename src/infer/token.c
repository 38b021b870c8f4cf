#include "infer/token.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "infer/partials.h"

/* ---- products with vectors ---- */

struct product {
    plmr_partials partials;
    const int32_t *at; /* by core: which of the partial values are its own */
};

static void list_cores(const plmr_partials *p, const plmr_ring *ring, int first, int count, int32_t *at)
{
    for (int core = 0; core < count; core++) {
        int index = plmr_part_index(&p->matrix->in, plmr_ring_position(ring, first + core));
        at[core] = index < 0 ? plmr_partials_zeros(p) : index;
    }
}

static void run_program(const void *context, const plmr_tree_op *ops, int n_ops, int64_t first, int64_t width,
                        float *stack)
{
    struct product *p = (struct product *)context;
    for (int i = 0; i < p->partials.n; i++, stack += width) {
        float result[PLMR_PROGRAM_COLS];
        plmr_vectors()->run_program(ops, n_ops, p->at, plmr_partials_of(&p->partials, first, i), result);
        memcpy(stack, result, (size_t)width * sizeof *result);
    }
}

void plmr_token_multiply(const plmr_grid *grid, const plmr_token_product *products, int n_products, int n,
                         const float *x, size_t ldx)
{
    const plmr_ring *ring = products->matrix->layout.in_ring;
    struct product *of = plmr_take((size_t)n_products * sizeof *of);
    plmr_tree_job *jobs = plmr_take((size_t)n_products * sizeof *jobs);
    size_t n_cores = (size_t)grid->region->count[ring->axis];
    int32_t *at = plmr_take(n_cores * sizeof *at);
    for (int i = 0; i < n_products; i++) {
        plmr_partials_create(products[i].matrix, n, x, ldx, &of[i].partials);
        of[i].at = at;
        jobs[i] = (plmr_tree_job){
            .tree = ring->axis == PLMR_X ? grid->tree_x : grid->tree_y,
            .accumulate = PLMR_F32,
            .n_batch = n,
            .n = products[i].matrix->n_out,
            .strip = PLMR_PROGRAM_COLS,
            .run = run_program,
            .context = &of[i],
            .sum = products[i].y,
            .ld_sum = products[i].ldy,
        };
    }
    list_cores(&of[0].partials, ring, grid->region->first[ring->axis], (int)n_cores, at);
    plmr_tree_run_fused(jobs, n_products);
    for (int i = 0; i < n_products; i++)
        plmr_partials_free(&of[i].partials);
    free(at);
    free(jobs);
    free(of);
}

/* ---- sums of products ---- */

struct sum {
    int n;
    plmr_partials *of; /* by matrix */
    const int32_t *at;
    int64_t first; /* column of the values at hand; -1: none */
    float *values; /* by core, of all matrices */
};

/* A core's value is that of its first matrix, onto which the others' are added; only then does it meet other cores'. */
static void add_matrices(struct sum *s, int64_t first)
{
    int64_t n = s->of[0].n_values * PLMR_PROGRAM_COLS;
    s->first = first;
    memcpy(s->values, plmr_partials_of(&s->of[0], first, 0), (size_t)n * sizeof *s->values);
    for (int i = 1; i < s->n; i++)
        plmr_vector_add(PLMR_F32, n, plmr_partials_of(&s->of[i], first, 0), s->values);
}

static void run_sum(const void *context, const plmr_tree_op *ops, int n_ops, int64_t first, int64_t width, float *stack)
{
    struct sum *s = (struct sum *)context;
    float result[PLMR_PROGRAM_COLS];
    if (s->first != first)
        add_matrices(s, first);
    plmr_vectors()->run_program(ops, n_ops, s->at, s->values, result);
    memcpy(stack, result, (size_t)width * sizeof *result);
}

void plmr_token_multiply_sum(const plmr_grid *grid, plmr_matrix *const *matrices, int n, const float *x, size_t ldx,
                             float *y)
{
    const plmr_ring *ring = matrices[0]->layout.in_ring;
    int n_cores = grid->region->count[ring->axis];
    int32_t *at = plmr_take((size_t)n_cores * sizeof *at);
    struct sum sum = {.n = n, .of = plmr_take((size_t)n * sizeof *sum.of), .at = at, .first = -1};
    for (int i = 0; i < n; i++)
        plmr_partials_create(matrices[i], 1, x + (size_t)i * ldx, ldx, &sum.of[i]);
    sum.values = plmr_take((size_t)sum.of[0].n_values * PLMR_PROGRAM_COLS * sizeof *sum.values);
    list_cores(&sum.of[0], ring, grid->region->first[ring->axis], n_cores, at);
    plmr_tree_job job = {
        .tree = ring->axis == PLMR_X ? grid->tree_x : grid->tree_y,
        .accumulate = PLMR_F32,
        .n_batch = 1,
        .n = matrices[0]->n_out,
        .strip = PLMR_PROGRAM_COLS,
        .run = run_sum,
        .context = &sum,
        .sum = y,
        .ld_sum = (size_t)matrices[0]->n_out,
    };
    plmr_tree_run(&job);
    for (int i = 0; i < n; i++)
        plmr_partials_free(&sum.of[i]);
    free(sum.values);
    free(sum.of);
    free(at);
}

/* ---- norms ---- */

struct squares {
    const plmr_grid *grid;
    plmr_part part;
    int n;
    const float *x;
    size_t ld;
};

static void make_square(const void *context, int core, int64_t first, int64_t width, const float *onto, float *out,
                        int next)
{
    const struct squares *s = context;
    const plmr_deal *deal = &s->grid->dim;
    int chunk = plmr_ring_position(s->grid->y, s->grid->region->first[PLMR_Y] + core);
    int index = plmr_part_index(&s->part, chunk);
    int n = index < 0 ? 0 : (int)plmr_clip((int64_t)chunk * deal->size, deal->size, deal->n);
    for (int i = 0; i < s->n; i++) {
        const float *x = s->x + (size_t)i * s->ld + (n ? (size_t)index * (size_t)deal->size : 0);
        plmr_vectors()->gemv_onto(PLMR_F32, PLMR_F32, n, 1, x, x, 1, onto ? onto + i : NULL, out + i, NULL);
    }
    (void)first, (void)width, (void)next;
}

void plmr_token_norm(const plmr_grid *grid, float eps, const float *weight, int n, const float *x, float *y, size_t ld)
{
    struct squares squares = {grid, plmr_part_here(&grid->dim, grid->y), n, x, ld};
    int64_t n_here = plmr_part_places(&squares.part, &grid->dim);
    float *sum = plmr_take((size_t)(n + n_here) * sizeof *sum), *picked = sum + n;
    plmr_tree_job job = {
        .tree = grid->tree_y,
        .accumulate = PLMR_F32,
        .n_batch = n,
        .n = 1,
        .strip = 1,
        .make = make_square,
        .context = &squares,
        .sum = sum,
        .ld_sum = 1,
    };
    plmr_tree_run(&job);
    plmr_part_pick(&squares.part, &grid->dim, weight, picked);
    for (int i = 0; i < n; i++)
        plmr_vectors()->scale(n_here, 1 / sqrtf(sum[i] / (float)grid->dim.n + eps), picked, x + (size_t)i * ld,
                              y + (size_t)i * ld);
    free(sum);
}
