#include "gemm/gemm.h"
#include "infer/cost.h"
#include "time/clock.h"
#include "verbs/verbs.h"

/* Tokens of a chunk. */
static int64_t chunk_tokens(const plmr_cost_pass *pass)
{
    return plmr_ceil_div(pass->n_tokens, pass->grid->rows);
}

static plmr_status busy(plmr_cost_pass *pass, double t_cycles)
{
    plmr_region_compute(pass->grid->region, plmr_work_name(PLMR_WORK_ELEMENTS), t_cycles);
    return plmr_cost_note(pass, PLMR_WORK_ELEMENTS);
}

/* A stand-alone vector operation. */
static double vector_cycles(const plmr_cost_pass *pass, int64_t n)
{
    return pass->device->vector_start + plmr_device_vector_cycles(pass->device, pass->dtype, n) -
           pass->device->vector_issue;
}

static int64_t wavelets_of(const plmr_cost_pass *pass, int64_t n_elements)
{
    return plmr_device_wavelets(pass->device, n_elements * (int64_t)plmr_dtype_bytes(pass->dtype));
}

static plmr_status allreduce(plmr_cost_pass *pass, const plmr_reduce_plan *tree, int64_t n)
{
    plmr_region *region = pass->grid->region;
    if (pass->plan->allreduce)
        PLMR_TRY(pass->plan->allreduce(region, PLMR_X, wavelets_of(pass, n)));
    else
        plmr_allreduce_time(region, PLMR_X, tree, n, plmr_dtype_bytes(pass->dtype));
    return plmr_cost_note(pass, PLMR_WORK_ALLREDUCE);
}

/* What a core multiplies in a step: n_a tiles (ms, kt) of A, each with one of n_b tiles (kt, ns) of B. */
struct tiles {
    int64_t n_a, n_b, ms, kt, ns;
};

/* A product as the plan has it, with room for the next step's tiles. */
static plmr_status planned(plmr_cost_pass *pass, const struct tiles *t, enum plmr_work work)
{
    plmr_region *region = pass->grid->region;
    int64_t a = t->n_a * t->ms * t->kt, b = t->n_b * t->kt * t->ns, element = (int64_t)plmr_dtype_bytes(pass->dtype);
    plmr_plan_product product = {
        .n_steps = pass->grid->rows,
        .words_a = wavelets_of(pass, a),
        .words_b = wavelets_of(pass, b),
        .multiply_cycles = (double)t->n_a * plmr_device_multiply_cycles(pass->device, pass->dtype, t->ms, t->kt, t->ns),
        .n_macs = t->n_a * t->ms * t->kt * t->ns,
    };
    int64_t n_bytes = (2 * (a + b) + t->n_a * t->ms * t->ns) * element;
    PLMR_TRY(plmr_region_charge(region, "a product's tiles", n_bytes));
    PLMR_TRY(pass->plan->multiply(region, &product));
    plmr_region_release(region, n_bytes);
    return plmr_cost_note(pass, work);
}

static plmr_status gemm(plmr_cost_pass *pass, int64_t k, int64_t n, bool transpose_b, enum plmr_work work)
{
    int side = pass->grid->rows;
    if (pass->plan->multiply)
        return planned(pass, &(struct tiles){1, 1, chunk_tokens(pass), plmr_ceil_div(k, side), plmr_ceil_div(n, side)},
                       work);
    plmr_gemm_problem problem = {
        .m = pass->n_tokens,
        .k = k,
        .n = n,
        .rows = pass->grid->rows,
        .cols = pass->grid->cols,
        .dtype = pass->dtype,
        .accumulate = pass->dtype,
        .transpose_b = transpose_b,
    };
    PLMR_TRY(plmr_gemm_time(&problem, pass->grid->x, pass->grid->y));
    return plmr_cost_note(pass, work);
}

plmr_status plmr_cost_gemm(plmr_cost_pass *pass, int64_t k, int64_t n)
{
    return gemm(pass, k, n, false, PLMR_WORK_PROJECTION);
}

plmr_status plmr_cost_prefill_norm(plmr_cost_pass *pass)
{
    int64_t ms = chunk_tokens(pass), n = pass->grid->dim_x.size;
    if (pass->as_published)
        return PLMR_OK;
    busy(pass, (double)ms * (double)n * pass->device->reduce_element);
    PLMR_TRY(allreduce(pass, pass->grid->plan_x, ms));
    return busy(pass, (double)ms * (2 * pass->device->scalar_function + 2 * vector_cycles(pass, n)));
}

plmr_status plmr_cost_prefill_silu(plmr_cost_pass *pass)
{
    int64_t n = chunk_tokens(pass) * pass->grid->ffn.size;
    return pass->as_published ? PLMR_OK
                              : busy(pass, (double)n * pass->device->scalar_function + 2 * vector_cycles(pass, n));
}

/* Where a core has an odd number of a head's elements, pairs lie on neighbours, which exchange them. */
plmr_status plmr_cost_prefill_rope(plmr_cost_pass *pass)
{
    const plmr_heads *heads = &pass->grid->heads;
    int64_t n = chunk_tokens(pass) * heads->n_per_core * (heads->n_rep + 1) * heads->n_dims;
    if (pass->as_published)
        return PLMR_OK;
    if (heads->n_dims % 2) {
        plmr_flow pairs = plmr_flow_exchange(pass->grid->x, "exchange", "pairs");
        plmr_flow_run(&pairs, wavelets_of(pass, n));
    }
    return busy(pass, 4 * vector_cycles(pass, n));
}

/* ---- attention: all heads at once, each on its own columns of cores ---- */

/* One step: every core multiplies tiles; the keys or values that it holds pass on to the row before; and the scores
 * are added up inside each head's cores, or spread there. */
struct step {
    plmr_cost_pass *pass;
    double multiply_cycles;
    int64_t n_macs, tile_words, score_words;
    bool spreads; /* from the core that keeps a score to its head's; else adds up, and sends on to that core */
};

static plmr_status attention_step(void *context)
{
    const struct step *step = context;
    const plmr_grid *grid = step->pass->grid;
    plmr_flow shift = plmr_flow_exchange(grid->y, "shift", step->spreads ? "values" : "keys");
    plmr_flow scores = plmr_flow_half(grid->region, PLMR_X, grid->plan_heads, step->spreads, "scores");
    plmr_flow_begin(&shift, step->tile_words);
    if (step->spreads)
        plmr_flow_begin(&scores, step->score_words);
    plmr_region_multiply(grid->region, step->multiply_cycles, step->n_macs);
    if (!step->spreads)
        plmr_flow_begin(&scores, step->score_words);
    plmr_flow_end(&shift);
    plmr_clock_settle(grid->region->clock);
    return PLMR_OK;
}

static plmr_status attention_product(plmr_cost_pass *pass, bool scores)
{
    const plmr_heads *heads = &pass->grid->heads;
    int64_t ms = chunk_tokens(pass), n_run, n_heads = (int64_t)heads->n_per_core * heads->n_rep;
    int64_t k = scores ? heads->n_dims : ms, n = scores ? ms : heads->n_dims;
    if (pass->plan->multiply)
        return planned(pass, &(struct tiles){n_heads, heads->n_per_core, ms, k, n}, PLMR_WORK_ATTENTION);
    struct step step = {
        .pass = pass,
        .multiply_cycles = (double)n_heads * plmr_device_multiply_cycles(pass->device, pass->dtype, ms, k, n),
        .n_macs = n_heads * ms * ms * heads->n_dims,
        .tile_words = wavelets_of(pass, ms * heads->n_per_core * heads->n_dims),
        .score_words = wavelets_of(pass, ms * ms * n_heads),
        .spreads = !scores,
    };
    PLMR_TRY(plmr_region_repeat(pass->grid->region, "step", pass->grid->rows, attention_step, &step, &n_run));
    return plmr_cost_note(pass, PLMR_WORK_ATTENTION);
}

/* A core keeps the scores of its share of the tokens, for the tokens of its row and the heads that it works for. */
static plmr_status softmax(plmr_cost_pass *pass)
{
    const plmr_heads *heads = &pass->grid->heads;
    int64_t ms = chunk_tokens(pass), rows = ms * heads->n_per_core * heads->n_rep;
    int64_t kept = rows * plmr_ceil_div(pass->grid->rows, heads->span) * ms;
    busy(pass, (double)kept * pass->device->reduce_element);
    PLMR_TRY(allreduce(pass, pass->grid->plan_heads, rows));
    busy(pass, (double)kept * (pass->device->scalar_function + pass->device->reduce_element));
    PLMR_TRY(allreduce(pass, pass->grid->plan_heads, rows));
    return busy(pass, (double)rows * (pass->device->scalar_function + vector_cycles(pass, heads->n_dims)));
}

plmr_status plmr_cost_prefill_attention(plmr_cost_pass *pass)
{
    int64_t dim = pass->grid->queries.n;
    if (pass->as_published) {
        PLMR_TRY(gemm(pass, dim, pass->n_tokens, true, PLMR_WORK_ATTENTION));
        return gemm(pass, pass->n_tokens, dim, false, PLMR_WORK_ATTENTION);
    }
    int64_t n_tokens = plmr_ceil_div(pass->grid->rows, pass->grid->heads.span) * chunk_tokens(pass);
    int64_t n_bytes = chunk_tokens(pass) * n_tokens * pass->grid->heads.n_per_core * pass->grid->heads.n_rep *
                      (int64_t)plmr_dtype_bytes(pass->dtype);
    PLMR_TRY(plmr_region_charge(pass->grid->region, "the scores", n_bytes));
    PLMR_TRY(attention_product(pass, true));
    PLMR_TRY(softmax(pass));
    PLMR_TRY(attention_product(pass, false));
    plmr_region_release(pass->grid->region, n_bytes);
    return PLMR_OK;
}
