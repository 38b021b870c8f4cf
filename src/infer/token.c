#include "infer/token.h"

#include <math.h>
#include <stdlib.h>

#include "base/memory.h"

/* ---- products with vectors ---- */

struct product {
    const plmr_matrix *matrix;
    const plmr_ring *ring; /* along the in dimension */
    int first;             /* this rank's first core along it */
    int n;
    const float *x;
    size_t ldx;
};

/* First row of a core's tile in this rank's memory; -1: the core has none. */
static int64_t row_of(const struct product *p, int core)
{
    return plmr_matrix_row(p->matrix, plmr_ring_position(p->ring, p->first + core));
}

/* Where the tile's part of x lies: x is in the order in which chunks are dealt. */
static int64_t place_of(const struct product *p, int core)
{
    int chunk = plmr_ring_position(p->ring, p->first + core);
    return (int64_t)plmr_part_index(&p->matrix->in, chunk) * p->matrix->layout.in->size;
}

static void make_partial(const void *context, int core, int64_t first, int64_t width, const float *onto, float *out,
                         int next)
{
    const struct product *p = context;
    const plmr_matrix *m = p->matrix;
    int64_t row = row_of(p, core), next_row = next < 0 ? -1 : row_of(p, next), strip = first / m->strip;
    int kt = row < 0 ? 0 : m->layout.in->size;
    int64_t place = row < 0 ? 0 : place_of(p, core);
    row = row < 0 ? 0 : row;
    const char *b = plmr_matrix_at(m, strip, row);
    const char *then = next_row < 0 ? NULL : plmr_matrix_at(m, strip, next_row);
    for (int i = 0; i < p->n; i++)
        plmr_vectors()->gemv_onto(m->dtype, PLMR_F32, kt, width, p->x + (size_t)i * p->ldx + place, b, (size_t)m->pitch,
                                  onto ? onto + i * width : NULL, out + i * width, i ? NULL : then);
}

void plmr_token_multiply(const plmr_grid *grid, const plmr_token_product *products, int n_products, int n,
                         const float *x, size_t ldx)
{
    const plmr_ring *ring = products->matrix->layout.in_ring;
    struct product of[PLMR_TOKEN_PRODUCTS];
    plmr_tree_job jobs[PLMR_TOKEN_PRODUCTS];
    for (int i = 0; i < n_products; i++) {
        const plmr_matrix *m = products[i].matrix;
        of[i] = (struct product){m, ring, grid->region->first[ring->axis], n, x, ldx};
        jobs[i] = (plmr_tree_job){
            .tree = ring->axis == PLMR_X ? grid->tree_x : grid->tree_y,
            .accumulate = PLMR_F32,
            .n_batch = n,
            .n = m->n_out,
            .strip = m->strip,
            .pitch = m->pitch,
            .make = make_partial,
            .context = &of[i],
            .sum = products[i].y,
            .ld_sum = products[i].ldy,
        };
    }
    plmr_tree_run_fused(jobs, n_products);
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
