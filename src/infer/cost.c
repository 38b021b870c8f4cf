#include "infer/cost.h"

#include <math.h>

#include "gemm/gemm.h"
#include "time/clock.h"
#include "time/trace.h"
#include "verbs/verbs.h"

const char *plmr_work_name(enum plmr_work work)
{
    static const char *const names[PLMR_N_WORKS] = {"projection", "attention", "elements", "allreduce", "kv shift",
                                                    "relayout",   "experts",   "stages",   "outside"};
    return names[work];
}

void plmr_cost_note(plmr_cost_pass *pass, enum plmr_work work)
{
    double now = plmr_clock_max(pass->grid->region->clock);
    pass->work[work] += now - pass->t_cycles;
    pass->t_cycles = now;
    plmr_trace_section(pass->grid->region->trace, plmr_work_name(work));
}

const plmr_llm_plan plmr_llm_plan_waferllm = {
    .name = "waferllm",
    .summary = "MeshGEMM on interleaved rings, MeshGEMV with K-tree allreduces, a grid of its own for each phase",
};

/* ---- what cores hold ---- */

int64_t plmr_cost_weight_bytes(const plmr_model_shape *shape, const plmr_grid *grid, enum plmr_weight which, int64_t k,
                               int64_t n_columns)
{
    enum plmr_dimension in = plmr_weight_infos[which].cols;
    if (!plmr_weight_is_packed(shape, which))
        return k * n_columns * (int64_t)plmr_dtype_bytes(shape->dtype);
    int64_t n_groups = plmr_grid_groups(grid, in) * plmr_ceil_div(k, plmr_grid_chunk(grid, in));
    return plmr_packed_bytes(shape->packed, k * n_columns, n_columns * n_groups);
}

int64_t plmr_cost_cache_bytes(const plmr_heads *heads, enum plmr_dtype dtype, enum plmr_packed packed,
                              int64_t n_elements)
{
    int64_t n_scales = packed == PLMR_I8 ? 2 * (int64_t)heads->n_per_core : 0;
    return packed ? plmr_packed_bytes(packed, n_elements, n_scales) : n_elements * (int64_t)plmr_dtype_bytes(dtype);
}

static double widen_cycles(const plmr_cost_pass *pass, enum plmr_weight which, int64_t n)
{
    bool is_packed = plmr_weight_is_packed(pass->shape, which);
    return is_packed ? plmr_device_widen_cycles(pass->device, pass->shape->packed, n) : 0;
}

/* ---- in both phases ---- */

void plmr_cost_note_link(plmr_cost_pass *pass, double words)
{
    pass->hottest->link = fmax(pass->hottest->link, words);
}

void plmr_cost_note_core(plmr_cost_pass *pass, double share)
{
    pass->hottest->core = fmax(pass->hottest->core, share);
}

void plmr_cost_busy(plmr_cost_pass *pass, double t_cycles)
{
    pass->grid->region->ledger.parts |= PLMR_PART_ELEMENTS;
    plmr_region_compute(pass->grid->region, plmr_work_name(PLMR_WORK_ELEMENTS), t_cycles);
    plmr_cost_note(pass, PLMR_WORK_ELEMENTS);
}

double plmr_cost_vector_cycles(const plmr_cost_pass *pass, int64_t n)
{
    return pass->device->vector_start + plmr_device_vector_cycles(pass->device, pass->dtype, n) -
           pass->device->vector_issue;
}

double plmr_cost_cap_cycles(const plmr_cost_pass *pass, int64_t n)
{
    return (double)n * 2 * pass->device->scalar_function + 3 * plmr_cost_vector_cycles(pass, n);
}

int64_t plmr_cost_wavelets(const plmr_cost_pass *pass, int64_t n_elements)
{
    return plmr_device_wavelets(pass->device, n_elements * (int64_t)plmr_dtype_bytes(pass->dtype));
}

int64_t plmr_cost_chunk_tokens(const plmr_cost_pass *pass)
{
    return plmr_ceil_div(pass->n_tokens, pass->grid->rows);
}

int64_t plmr_cost_chunk_seen(const plmr_cost_pass *pass)
{
    return plmr_ceil_div(pass->n_before + pass->n_tokens, pass->grid->rows);
}

int64_t plmr_cost_row_tokens(const plmr_cost_pass *pass)
{
    return plmr_shape_has_window(pass->shape, pass->layer) ? pass->window_tokens : pass->row_tokens;
}

plmr_status plmr_cost_allreduce(plmr_cost_pass *pass, enum plmr_axis axis, bool heads, int64_t n)
{
    const plmr_grid *grid = pass->grid;
    const plmr_reduce_plan *plan = heads ? grid->plan_heads : axis == PLMR_X ? grid->plan_x : grid->plan_y;
    n *= pass->n_batch;
    if (pass->plan->allreduce)
        PLMR_TRY(pass->plan->allreduce(grid->region, axis, plmr_cost_wavelets(pass, n)));
    else
        plmr_allreduce_time(grid->region, axis, plan, n, plmr_dtype_bytes(pass->dtype));
    plmr_cost_note(pass, PLMR_WORK_ALLREDUCE);
    return PLMR_OK;
}

plmr_status plmr_cost_route(const plmr_grid *grid, const plmr_llm_plan *plan, enum plmr_llm_phase phase,
                            bool as_published)
{
    plmr_region *region = grid->region;
    plmr_flow shift = plmr_flow_exchange(grid->line_y, "shift", "cache");
    bool decodes = phase == PLMR_DECODE;
    if (plan->multiply)
        PLMR_TRY(plmr_relay_route(region));
    if (plan->allreduce)
        return PLMR_OK;
    if (decodes)
        PLMR_TRY(plmr_reduce_route(region, PLMR_Y, grid->plan_y, "the allreduces along y"));
    if (decodes && !as_published)
        PLMR_TRY(plmr_flow_route(&shift, "the cache's shift"));
    if (decodes || !as_published)
        PLMR_TRY(plmr_reduce_route(region, PLMR_X, grid->plan_x, "the allreduces along x"));
    return as_published ? PLMR_OK : plmr_reduce_route(region, PLMR_X, grid->plan_heads, "the heads' allreduces");
}

/* ---- decode ---- */

/* A plan without homes fetches what it multiplies. */
plmr_status plmr_cost_tiles(plmr_cost_pass *pass, plmr_cost_held held, int64_t n, int64_t k, int64_t n_columns,
                            enum plmr_work work)
{
    plmr_region *region = pass->grid->region;
    double t_cycles = (double)n * plmr_device_gemv_cycles(pass->device, pass->dtype, k, n_columns);
    if (pass->plan->fetch) {
        PLMR_TRY(pass->plan->fetch(region, plmr_device_wavelets(pass->device, held.n_bytes)));
        plmr_cost_note(pass, work);
    }
    plmr_region_multiply(region, t_cycles * pass->n_batch + held.widen_cycles, n * k * n_columns * pass->n_batch);
    plmr_cost_note(pass, work);
    return PLMR_OK;
}

plmr_status plmr_cost_weight_tiles(plmr_cost_pass *pass, enum plmr_weight which, int64_t k, int64_t n_columns)
{
    plmr_cost_held held = {plmr_cost_weight_bytes(pass->shape, pass->grid, which, k, n_columns),
                           widen_cycles(pass, which, k * n_columns)};
    return plmr_cost_tiles(pass, held, 1, k, n_columns, PLMR_WORK_PROJECTION);
}

plmr_status plmr_cost_gemv(plmr_cost_pass *pass, enum plmr_weight which, enum plmr_axis axis, int64_t k,
                           int64_t n_columns)
{
    PLMR_TRY(plmr_cost_weight_tiles(pass, which, k, n_columns));
    return plmr_cost_allreduce(pass, axis, false, n_columns);
}

plmr_status plmr_output_cost(plmr_cost_pass *pass)
{
    int64_t n = pass->grid->vocab.size;
    PLMR_TRY(plmr_cost_allreduce(pass, PLMR_Y, false, 1));
    PLMR_TRY(plmr_cost_gemv(pass, PLMR_OUTPUT, PLMR_Y, pass->grid->dim.size, n));
    if (pass->shape->logit_scale != 1)
        plmr_cost_busy(pass, plmr_cost_vector_cycles(pass, n) * pass->n_batch);
    if (pass->shape->logit_cap != 0)
        plmr_cost_busy(pass, plmr_cost_cap_cycles(pass, n) * pass->n_batch);
    return PLMR_OK;
}

/* ---- prefill ---- */

/* With room for the next step's tiles. */
static plmr_status run_planned(plmr_cost_pass *pass, const plmr_cost_product *t)
{
    plmr_region *region = pass->grid->region;
    int64_t element = (int64_t)plmr_dtype_bytes(pass->dtype), a = t->n_a * t->ms * t->kt * element;
    int64_t b = t->n_b * (t->packed.n_bytes ? t->packed.n_bytes : t->kt * t->ns * element);
    plmr_llm_plan_product product = {
        .n_steps = pass->grid->rows,
        .words_a = plmr_device_wavelets(pass->device, a),
        .words_b = plmr_device_wavelets(pass->device, b),
        .multiply_cycles =
            (double)t->n_a * plmr_device_multiply_cycles(pass->device, pass->dtype, t->ms, t->kt, t->ns) +
            (double)t->n_b * t->packed.widen_cycles,
        .n_macs = t->n_a * t->ms * t->kt * t->ns,
    };
    int64_t widened = t->packed.n_bytes ? t->kt * t->ns * element : 0;
    int64_t n_bytes = 2 * (a + b) + t->n_a * t->ms * t->ns * element + widened;
    PLMR_TRY(plmr_region_charge(region, "a product's tiles", n_bytes));
    PLMR_TRY(pass->plan->multiply(region, &product));
    plmr_region_release(region, n_bytes);
    return PLMR_OK;
}

plmr_status plmr_cost_planned(plmr_cost_pass *pass, const plmr_cost_product *product, enum plmr_work work,
                              plmr_status (*otherwise)(plmr_cost_pass *pass, const void *context), const void *context)
{
    PLMR_TRY(pass->plan->multiply ? run_planned(pass, product) : otherwise(pass, context));
    plmr_cost_note(pass, work);
    return PLMR_OK;
}

struct product {
    plmr_gemm_problem problem;
    plmr_packed_tile packed[2];
};

struct sliced {
    plmr_cost_pass *pass;
    struct product what;
};

static plmr_status mesh_gemm(plmr_cost_pass *pass, const void *context)
{
    const struct product *what = context;
    return plmr_gemm_time(&what->problem, what->packed, pass->grid->x, pass->grid->y);
}

static plmr_status multiply(plmr_cost_pass *pass, struct product what, enum plmr_work work)
{
    plmr_gemm_problem *p = &what.problem;
    int side = p->rows = p->cols = pass->grid->rows;
    p->dtype = p->accumulate = pass->dtype;
    plmr_cost_product product = {
        1, 1, plmr_ceil_div(p->m, side), plmr_ceil_div(p->k, side), plmr_ceil_div(p->n, side), what.packed[1]};
    return plmr_cost_planned(pass, &product, work, mesh_gemm, &what);
}

plmr_status plmr_cost_gemm(plmr_cost_pass *pass, int64_t k, int64_t n, bool transpose_b, enum plmr_work work)
{
    struct product what = {.problem = {.m = pass->n_tokens, .k = k, .n = n, .transpose_b = transpose_b}};
    return multiply(pass, what, work);
}

/* A slice of a weight is some of every tile's k. */
static plmr_status multiply_slice(void *context)
{
    const struct sliced *s = context;
    return multiply(s->pass, s->what, PLMR_WORK_PROJECTION);
}

static plmr_status multiply_weight(plmr_cost_pass *pass, struct product what)
{
    int64_t n = pass->n_slices > 1 ? pass->n_slices : 1, n_run;
    what.problem.k = plmr_ceil_div(what.problem.k, n);
    for (int i = 0; i < 2; i++) {
        what.packed[i].n_bytes = plmr_ceil_div(what.packed[i].n_bytes, n);
        what.packed[i].widen_cycles /= (double)n;
    }
    struct sliced slices = {pass, what};
    if (n == 1)
        return multiply_slice(&slices);
    PLMR_TRY(plmr_region_repeat(pass->grid->region, "slice", n, multiply_slice, &slices, &n_run));
    plmr_cost_note(pass, PLMR_WORK_PROJECTION);
    return PLMR_OK;
}

/* Elements of a dealt dimension with its padding: what the cores compute. */
static int64_t padded(const plmr_cost_pass *pass, enum plmr_dimension dimension)
{
    return pass->grid->cols * plmr_grid_chunk(pass->grid, dimension);
}

static plmr_packed_tile tile_of(const plmr_cost_pass *pass, enum plmr_weight which)
{
    const plmr_weight_info *info = &plmr_weight_infos[which];
    int64_t k = plmr_grid_chunk(pass->grid, info->cols), n = plmr_grid_chunk(pass->grid, info->rows);
    if (!plmr_weight_is_packed(pass->shape, which))
        return (plmr_packed_tile){0};
    return (plmr_packed_tile){plmr_cost_weight_bytes(pass->shape, pass->grid, which, k, n),
                              widen_cycles(pass, which, k * n)};
}

plmr_status plmr_cost_weight_gemm(plmr_cost_pass *pass, enum plmr_weight which)
{
    const plmr_weight_info *info = &plmr_weight_infos[which];
    struct product what = {
        .problem = {.m = pass->n_tokens, .k = padded(pass, info->cols), .n = padded(pass, info->rows)},
        .packed[1] = tile_of(pass, which)};
    return multiply_weight(pass, what);
}

plmr_status plmr_cost_weight_gemm_turned(plmr_cost_pass *pass, enum plmr_weight which)
{
    const plmr_weight_info *info = &plmr_weight_infos[which];
    struct product what = {
        .problem = {.m = padded(pass, info->rows), .k = padded(pass, info->cols), .n = pass->n_tokens},
        .packed[0] = tile_of(pass, which)};
    return multiply_weight(pass, what);
}

/* ---- between them ---- */

/* Rounds of the exchange that brings every tile half the way round. */
static void rotate(const plmr_ring *ring, int64_t wavelets)
{
    plmr_flow flow = plmr_flow_exchange(ring, "relayout", NULL);
    for (int round = 0; round < plmr_ring_slots(ring) / 2; round++)
        plmr_flow_run(&flow, wavelets);
}

void plmr_cost_relayout(plmr_cost_pass *pass, int64_t n_bytes)
{
    int64_t wavelets = plmr_device_wavelets(pass->device, n_bytes);
    rotate(pass->grid->x, wavelets);
    rotate(pass->grid->y, wavelets);
    plmr_cost_note(pass, PLMR_WORK_RELAYOUT);
}

void plmr_cost_settle(plmr_cost_pass *pass, int64_t n_bytes)
{
    rotate(pass->grid->y, plmr_device_wavelets(pass->device, n_bytes));
    plmr_cost_note(pass, PLMR_WORK_RELAYOUT);
}
