#include "gemm/gemm.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>

#include "base/memory.h"

static int64_t gcd(int64_t a, int64_t b)
{
    return b ? gcd(b, a % b) : a;
}

plmr_gemm_layout plmr_gemm_layout_of(const plmr_gemm_problem *p)
{
    int n_slots = (int)(p->rows / gcd(p->rows, p->cols) * p->cols), n_k = p->transpose_b ? p->cols : n_slots;
    return (plmr_gemm_layout){
        .n_slots = n_slots,
        .n_k = n_k,
        .ms = (int)plmr_ceil_div(p->m, n_slots),
        .kt = (int)plmr_ceil_div(p->k, n_k),
        .ns = (int)plmr_ceil_div(p->n, n_slots),
    };
}

/* A core that emulates more logical cores than this spends its SRAM and time on padding. */
enum { LOGICAL_PER_CORE = 64 };

static plmr_status check_grid(const plmr_gemm_problem *p)
{
    int64_t lcm = p->rows / gcd(p->rows, p->cols) * p->cols, side = p->rows < p->cols ? p->rows : p->cols;
    PLMR_CHECK(p->rows >= 3 && p->cols >= 3, PLMR_ERROR_INPUT,
               "%dx%d cores are too few: a ring needs 3 along each axis", p->rows, p->cols);
    PLMR_CHECK(lcm / p->rows * (lcm / p->cols) <= LOGICAL_PER_CORE, PLMR_ERROR_INPUT,
               "%dx%d cores form a logical grid of lcm(%d, %d) = %lld a side, which is mostly padding: use %lldx%lld",
               p->rows, p->cols, p->rows, p->cols, (long long)lcm, (long long)side, (long long)side);
    return PLMR_OK;
}

/* Bytes are counted in 64 bits: what one core would need must stay far below. */
static plmr_status check_tiles(const plmr_gemm_problem *p)
{
    double ms = ceil((double)p->m / p->rows), kt = ceil((double)p->k / p->cols), ns = ceil((double)p->n / p->cols);
    PLMR_CHECK(
        (kt * (ms + ns) * (plmr_gemm_layout_of(p).n_slots + 4) + ms * ns) * 4 < 0x1p60, PLMR_ERROR_INPUT,
        "matrices of %lld x %lld x %lld are too large for %dx%d cores, whatever their memory: choose a larger --cores",
        (long long)p->m, (long long)p->k, (long long)p->n, p->rows, p->cols);
    return PLMR_OK;
}

plmr_status plmr_gemm_check_form(const plmr_gemm_algorithm *algorithm, bool transpose_b)
{
    PLMR_CHECK(!transpose_b || algorithm->run_transposed, PLMR_ERROR_INPUT,
               "%s has no form for a transposed B: use --alg meshgemm", algorithm->name);
    return PLMR_OK;
}

plmr_status plmr_gemm_check(const plmr_gemm_algorithm *algorithm, const plmr_gemm_problem *p)
{
    PLMR_CHECK(p->m >= 1 && p->k >= 1 && p->n >= 1, PLMR_ERROR_INPUT, "m, k and n must be at least 1");
    PLMR_CHECK(p->m <= INT_MAX && p->k <= INT_MAX && p->n <= INT_MAX, PLMR_ERROR_INPUT,
               "m, k and n must be below 2^31");
    PLMR_TRY(plmr_gemm_check_form(algorithm, p->transpose_b));
    PLMR_TRY(check_grid(p));
    return check_tiles(p);
}

/* What one more step of the window costs in flight, for an operand whose tile has `tile_bytes`, per slot of all ranks'
 * own: a line ahead of each of a rank's runs of slots, in this window and the next. Of two ranks, each has but one run.
 */
static int64_t flight_bytes(const plmr_ranks *ranks, enum plmr_axis axis, int64_t tile_bytes)
{
    int parts = plmr_ranks_extent(ranks, axis);
    return parts == 1 ? 0 : 2 * tile_bytes * parts * (parts == 2 ? 1 : 2);
}

/* Windows of one size: a last one that is nearly empty costs as much packing as a full one. A window grows by a sixth
 * at most. */
static int even_window(int n_slots, int window)
{
    int n_windows = (n_slots - window / 3 + window - 1) / window;
    return (int)plmr_ceil_div(n_slots, n_windows < 2 ? 2 : n_windows);
}

/* Steps to fetch other ranks' lines for at a time: as many as keep what is in flight to a quarter of operands and
 * result. */
static int choose_window(const plmr_gemm *g)
{
    const plmr_ranks *ranks = g->region->ranks;
    int64_t element = (int64_t)plmr_dtype_bytes(g->problem.dtype), l = g->layout.n_slots;
    int64_t ms = g->layout.ms, kt = g->layout.kt, ns = g->layout.ns;
    int64_t a = ms * kt * element, b = ns * kt * element, c = ms * ns * 4;
    int64_t flight = flight_bytes(ranks, PLMR_X, a) + flight_bytes(ranks, PLMR_Y, b);
    int64_t window = flight ? (a + b + c) * l / (4 * flight) : l;
    return window < 1 ? 1 : window >= l ? (int)l : even_window((int)l, (int)window);
}

/* Slots' worth of tiles of an operand whose tiles go round the ring that a core holds beside its own. */
static int count_buffers(const plmr_gemm *g, const plmr_gemm_algorithm *algorithm, const plmr_ring *ring)
{
    return algorithm->gathers_all ? g->layout.n_slots - ring->slots : algorithm->n_buffers;
}

/* Of operands and result, and where they are split a quarter of that for what is on its way. */
static plmr_status ask_room(const plmr_gemm *g)
{
    double m = (double)g->layout.ms * g->layout.n_slots, k = (double)g->layout.kt * g->layout.n_k,
           n = (double)g->layout.ns * g->layout.n_slots, element = (double)plmr_dtype_bytes(g->problem.dtype);
    double n_bytes = (m * k + k * n) * element + m * n * sizeof(float);
    return plmr_ranks_ask_room(g->region->ranks, plmr_rank_count() > 1 ? 1.25 * n_bytes : n_bytes,
                               "a product of these sizes");
}

/* For C = A B^T, A stays where it is and B (n, k) moves along y; k is cut into one chunk per column of cores. */
static plmr_status make_operands(plmr_gemm *g, const plmr_gemm_algorithm *algorithm)
{
    const plmr_ranks *ranks = g->region->ranks;
    const plmr_gemm_layout *layout = &g->layout;
    bool transposed = g->problem.transpose_b;
    plmr_tensor a = {
        .region = g->region,
        .name = "A",
        .dtype = g->problem.dtype,
        .depth_ring = transposed ? g->k : g->x,
        .width_ring = g->y,
        .depth = layout->kt,
        .width = layout->ms,
        .n_buffers = transposed ? 0 : count_buffers(g, algorithm, g->x),
        .depth_is_cols = true,
        .by_blocks = !transposed && (plmr_ranks_extent(ranks, PLMR_X) > 1) != (plmr_ranks_extent(ranks, PLMR_Y) > 1),
        .window = choose_window(g),
        .delivery = transposed ? PLMR_BY_NOBODY : algorithm->delivery[0],
        .packed = g->packed[0],
    };
    plmr_tensor b = a;
    b.name = "B";
    b.depth_ring = g->y;
    b.width_ring = transposed ? g->k : g->x;
    b.depth = transposed ? layout->ns : layout->kt;
    b.width = transposed ? layout->kt : layout->ns;
    b.n_buffers = count_buffers(g, algorithm, g->y);
    b.depth_is_cols = false;
    b.width_major = transposed;
    b.delivery = algorithm->delivery[1];
    b.packed = g->packed[1];
    PLMR_TRY(plmr_tensor_create(&a, &g->a));
    PLMR_TRY(plmr_tensor_create(&b, &g->b));
    if (g->region->options.values)
        PLMR_TRY(ask_room(g));
    return transposed ? plmr_product_create_transposed(g->a, g->b, g->x, g->problem.accumulate, &g->c)
                      : plmr_product_create(g->a, g->b, g->problem.accumulate, &g->c);
}

static plmr_status make_rings(plmr_gemm *g, enum plmr_ring_kind kind)
{
    const plmr_gemm_problem *p = &g->problem;
    g->layout = plmr_gemm_layout_of(p);
    if (p->transpose_b)
        PLMR_TRY(plmr_ring_create(g->region, PLMR_X, kind, 1, &g->k));
    PLMR_TRY(plmr_ring_create(g->region, PLMR_X, kind, g->layout.n_slots / p->cols, &g->x));
    return plmr_ring_create(g->region, PLMR_Y, kind, g->layout.n_slots / p->rows, &g->y);
}

static plmr_status fill_gemm(plmr_gemm *g, const plmr_gemm_algorithm *algorithm, const plmr_source *a,
                             const plmr_source *b)
{
    PLMR_TRY(make_rings(g, algorithm->ring));
    PLMR_TRY(make_operands(g, algorithm));
    PLMR_TRY(plmr_tensor_fill(g->a, a, false));
    return plmr_tensor_fill(g->b, b, algorithm->b_skewed && !g->problem.transpose_b);
}

plmr_status plmr_gemm_open(const plmr_gemm_algorithm *algorithm, const plmr_gemm_problem *problem, plmr_region *region,
                           const plmr_source *a, const plmr_source *b, plmr_gemm **out)
{
    PLMR_TRY(plmr_gemm_check(algorithm, problem));
    PLMR_ASSERT(problem->rows == region->extent[PLMR_Y] && problem->cols == region->extent[PLMR_X]);
    plmr_gemm *g = plmr_take_zeroed(1, sizeof *g);
    g->problem = *problem;
    g->region = region;
    plmr_status status = plmr_agree(fill_gemm(g, algorithm, a, b));
    if (!status && g->b->aligned && region->options.values)
        plmr_tensor_fetch(g->b); /* what is aligned needs nothing but its neighbours' lines, at once */
    if (status)
        plmr_gemm_close(g);
    else
        *out = g;
    return status;
}

static void destroy_operands(plmr_gemm *g)
{
    plmr_product_destroy(g->c);
    plmr_tensor_destroy(g->b);
    plmr_tensor_destroy(g->a);
}

void plmr_gemm_close(plmr_gemm *g)
{
    if (!g)
        return;
    destroy_operands(g);
    free(g->arrivals);
    plmr_ring_destroy(g->k);
    plmr_ring_destroy(g->y);
    plmr_ring_destroy(g->x);
    free(g);
}

plmr_status plmr_gemm_run(const plmr_gemm_algorithm *algorithm, plmr_gemm *g)
{
    PLMR_TRY((g->problem.transpose_b ? algorithm->run_transposed : algorithm->run)(g));
    plmr_product_flush(g->c);
    return PLMR_OK;
}

static plmr_status time_shared(plmr_gemm *g)
{
    PLMR_ASSERT(!g->region->options.values && g->problem.rows == g->problem.cols);
    const plmr_gemm_algorithm *meshgemm = plmr_gemm_find("meshgemm");
    PLMR_TRY(make_operands(g, meshgemm));
    return plmr_gemm_run(meshgemm, g);
}

plmr_status plmr_gemm_time(const plmr_gemm_problem *problem, const plmr_packed_tile packed[2], plmr_ring *x,
                           plmr_ring *y)
{
    plmr_gemm g = {.problem = *problem,
                   .layout = plmr_gemm_layout_of(problem),
                   .packed = {packed[0], packed[1]},
                   .region = x->region,
                   .x = x,
                   .y = y,
                   .k = x};
    plmr_region_span_begin(x->region);
    plmr_status status = time_shared(&g);
    plmr_region_span_end(x->region);
    destroy_operands(&g);
    return status;
}
