#include "gemv/gemv.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

plmr_status plmr_gemv_check(const plmr_gemv_problem *p)
{
    PLMR_CHECK(p->k >= 1 && p->n >= 1, PLMR_ERROR_INPUT, "k and n must be at least 1");
    PLMR_CHECK(p->k <= INT_MAX && p->n <= INT_MAX, PLMR_ERROR_INPUT, "k and n must be below 2^31");
    PLMR_CHECK(p->rows >= 3 && p->cols >= 1, PLMR_ERROR_INPUT, "%dx%d cores are too few: a GEMV needs 3 rows", p->rows,
               p->cols);
    return PLMR_OK;
}

/* x, B and y in storage, and the partial result as it is accumulated. */
static plmr_status charge(plmr_gemv *g)
{
    int64_t element = (int64_t)plmr_dtype_bytes(g->problem.dtype),
            sum = (int64_t)plmr_dtype_bytes(g->problem.accumulate);
    int64_t x_bytes = g->kt * element, b_bytes = x_bytes * g->nt, y_bytes = g->nt * sum;
    PLMR_TRY(plmr_region_charge(g->region, "x", x_bytes));
    PLMR_TRY(plmr_region_charge(g->region, "B", b_bytes));
    PLMR_TRY(plmr_region_charge(g->region, "y", y_bytes));
    g->core_bytes = x_bytes + b_bytes + y_bytes;
    return PLMR_OK;
}

/* ---- loading ---- */

/* This block's part of a source, rows [row, row + n_rows) from column col, stored with zeros beyond the matrix. */
static plmr_status load_rows(const plmr_source *source, enum plmr_dtype dtype, int64_t row, int64_t n_rows, int64_t col,
                             int64_t n_cols, char *to)
{
    size_t row_bytes = (size_t)n_cols * plmr_dtype_bytes(dtype);
    int have = (int)plmr_clip(col, n_cols, source->cols);
    float *values = plmr_take_zeroed((size_t)n_cols, sizeof *values);
    plmr_status status = PLMR_OK;
    for (int64_t r = 0; r < n_rows && !status; r++) {
        bool inside = row + r < source->rows && have > 0;
        if (inside)
            status = source->get(source, row + r, col, 1, have, values, (size_t)n_cols);
        else
            memset(values, 0, (size_t)n_cols * sizeof *values);
        plmr_convert_from_float(dtype, n_cols, values, to + (size_t)r * row_bytes);
    }
    free(values);
    return status;
}

/* Columns of a strip: partial results of all cores for so many stay in cache until they are added up, and kernels hold a row's sums in
 * registers, so that they read memory from one end to the other. */
enum { STRIP = 64 };

/* A core's rows lie where the tree meets it. */
static void order_rows(plmr_gemv *g)
{
    int n = g->region->count[PLMR_Y];
    g->place = plmr_take(sizeof(int) * (size_t)n);
    for (int core = 0; core < n; core++)
        g->place[core] = core;
    if (g->plan->ring)
        return;
    g->tree = plmr_tree_create(g->region, PLMR_Y, g->plan);
    for (int i = 0, place = 0; i < g->tree->first[g->tree->n_values]; i++)
        if (g->tree->ops[i].kind != PLMR_TREE_MERGE)
            g->place[g->tree->ops[i].core] = place++;
}

/* First element of a core's rows in the strip from column col on, which is n wide. */
static char *rows_of(const plmr_gemv *g, int core, int64_t col, int64_t n)
{
    int64_t k_local = (int64_t)g->region->count[PLMR_Y] * g->kt;
    return g->b + (size_t)(col * k_local + (int64_t)g->place[core] * g->kt * n) * plmr_dtype_bytes(g->problem.dtype);
}

static plmr_status load_strips(plmr_gemv *g, const plmr_source *b, int64_t k_first)
{
    int64_t n_first = (int64_t)g->region->first[PLMR_X] * g->nt;
    for (int64_t col = 0; col < g->n_local; col += g->strip)
        for (int core = 0; core < g->region->count[PLMR_Y]; core++) {
            int64_t n = plmr_clip(col, g->strip, g->n_local);
            PLMR_TRY(load_rows(b, g->problem.dtype, k_first + (int64_t)core * g->kt, g->kt, n_first + col, n,
                               rows_of(g, core, col, n)));
        }
    return PLMR_OK;
}

static plmr_status load(plmr_gemv *g, const plmr_source *x, const plmr_source *b)
{
    enum plmr_dtype dtype = g->problem.dtype;
    int64_t k_first = (int64_t)g->region->first[PLMR_Y] * g->kt, k_local = (int64_t)g->region->count[PLMR_Y] * g->kt;
    size_t element = plmr_dtype_bytes(dtype), b_bytes = (size_t)k_local * (size_t)g->n_local * element;
    g->b = plmr_slab_create(b_bytes);
    PLMR_CHECK(g->b, PLMR_ERROR_SYSTEM, "out of memory for B: %zu bytes on this rank; use more ranks", b_bytes);
    g->x = plmr_take((size_t)k_local * sizeof(float));
    g->y = plmr_take_zeroed((size_t)g->n_local, sizeof(float));
    char *stored = plmr_take((size_t)k_local * element);
    plmr_status status = load_rows(x, dtype, 0, 1, k_first, k_local, stored);
    if (!status)
        plmr_convert_to_float(dtype, k_local, stored, g->x);
    free(stored);
    return status ? status : load_strips(g, b, k_first);
}

static plmr_status fill_gemv(plmr_gemv *g, const plmr_gemv_algorithm *algorithm, const plmr_source *x,
                             const plmr_source *b)
{
    const plmr_gemv_problem *p = &g->problem;
    g->kt = (int)plmr_ceil_div(p->k, p->rows);
    g->nt = (int)plmr_ceil_div(p->n, p->cols);
    g->n_local = (int64_t)g->region->count[PLMR_X] * g->nt;
    g->strip = g->nt < STRIP ? STRIP / g->nt * g->nt : g->nt;
    PLMR_TRY(charge(g));
    PLMR_TRY(plmr_reduce_plan_create(plmr_reduce_find(algorithm->reduce), g->region->device, PLMR_Y, p->rows,
                                     &p->reduce, &g->plan));
    PLMR_TRY(plmr_reduce_route(g->region, PLMR_Y, g->plan, "the allreduce"));
    if (!g->region->options.values)
        return PLMR_OK;
    double b_bytes = (double)p->k * (double)p->n * (double)plmr_dtype_bytes(p->dtype);
    PLMR_TRY(plmr_ranks_ask_room(g->region->ranks, b_bytes, "a matrix of this size"));
    order_rows(g);
    return load(g, x, b);
}

plmr_status plmr_gemv_open(const plmr_gemv_algorithm *algorithm, const plmr_gemv_problem *problem, plmr_region *region,
                           const plmr_source *x, const plmr_source *b, plmr_gemv **out)
{
    PLMR_TRY(plmr_gemv_check(problem));
    plmr_gemv *g = plmr_take_zeroed(1, sizeof *g);
    g->problem = *problem;
    g->region = region;
    plmr_status status = plmr_agree(fill_gemv(g, algorithm, x, b));
    if (status)
        plmr_gemv_close(g);
    else
        *out = g;
    return status;
}

void plmr_gemv_close(plmr_gemv *g)
{
    if (!g)
        return;
    plmr_tree_destroy(g->tree);
    free(g->place);
    plmr_reduce_plan_destroy(g->plan);
    plmr_slab_destroy(g->b);
    free(g->y);
    free(g->x);
    free(g);
}

/* ---- running ---- */

/* A core's partial results for columns [col, col + n). */
static void make_partial(const void *context, int core, int64_t col, int64_t n, const float *onto, float *out, int next)
{
    const plmr_gemv *g = context;
    plmr_vectors()->gemv_onto(g->problem.dtype, g->problem.accumulate, g->kt, n, g->x + (size_t)core * (size_t)g->kt,
                              rows_of(g, core, col, n), (size_t)n, onto, out,
                              next < 0 ? NULL : rows_of(g, next, col, n));
}

static void multiply_by_tree(plmr_gemv *g)
{
    plmr_tree_job job = {
        .tree = g->tree,
        .accumulate = g->problem.accumulate,
        .n_batch = 1,
        .n = g->n_local,
        .strip = g->strip,
        .make = make_partial,
        .context = g,
        .sum = g->y,
        .ld_sum = (size_t)g->n_local,
    };
    plmr_tree_run(&job);
}

/* Partial results of all cores for a strip, then their sums along y, round the ring. */
static void multiply_strip(plmr_gemv *g, int64_t col, int64_t n, float *partial)
{
    for (int core = 0; core < g->region->count[PLMR_Y]; core++)
        make_partial(g, core, col, n, NULL, partial + (size_t)core * (size_t)n, -1);
    plmr_allreduce_values(g->region, PLMR_Y, g->plan, g->problem.accumulate, g->nt, n / g->nt, partial, g->y + col);
}

static void multiply_by_ring(plmr_gemv *g)
{
    float *partial = plmr_take(sizeof(float) * (size_t)g->region->count[PLMR_Y] * (size_t)g->strip);
    for (int64_t col = 0; col < g->n_local; col += g->strip)
        multiply_strip(g, col, plmr_clip(col, g->strip, g->n_local), partial);
    free(partial);
}

void plmr_gemv_run(plmr_gemv *g)
{
    const plmr_gemv_problem *p = &g->problem;
    double t_cycles = plmr_device_gemv_cycles(g->region->device, p->dtype, g->kt, g->nt);
    plmr_region_multiply(g->region, t_cycles, (int64_t)g->kt * g->nt);
    plmr_allreduce_time(g->region, PLMR_Y, g->plan, g->nt, plmr_dtype_bytes(p->dtype));
    if (g->region->options.values)
        (g->tree ? multiply_by_tree : multiply_by_ring)(g);
}

/* Elements leave the core in the result's type. */
plmr_status plmr_gemv_visit(plmr_gemv *g, plmr_visit visit, void *context)
{
    void *stored = plmr_take((size_t)g->n_local * sizeof(float));
    plmr_convert_from_float(g->problem.dtype, g->n_local, g->y, stored);
    plmr_convert_to_float(g->problem.dtype, g->n_local, stored, g->y);
    free(stored);
    if (plmr_ranks_place(g->region->ranks, PLMR_Y) > 0)
        return PLMR_OK;
    return visit(context, 0, (int64_t)g->region->first[PLMR_X] * g->nt, 1, (int)g->n_local, g->y, (size_t)g->n_local);
}
