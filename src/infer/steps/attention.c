/* Attention on the heads' cores: rope, the key-value cache, softmax, weighted values. */
#include "infer/attention.h"
#include "infer/regroup.h"
#include "infer/step.h"

#include "time/clock.h"
#include "verbs/verbs.h"

/* ---- values: each head by the ranks that work on it ---- */

static plmr_regroup regroup_of(const plmr_pass *p, enum plmr_activation which, float **head)
{
    return (plmr_regroup){.grid = p->grid,
                          .deal = plmr_pass_deal(p, which),
                          .owner = p->engine->owner,
                          .n_rows = p->n_here,
                          .columns = p->activation[which],
                          .ld = p->ld[which],
                          .head = head};
}

static plmr_status to_heads(const plmr_step *step, plmr_pass *p)
{
    const plmr_regroup all[] = {regroup_of(p, PLMR_QUERY, p->heads.query), regroup_of(p, PLMR_KEY, p->heads.key),
                                regroup_of(p, PLMR_VALUE, p->heads.value)};
    plmr_regroup_run(all, sizeof all / sizeof *all, true);
    (void)step;
    return PLMR_OK;
}

const plmr_step_kind plmr_step_to_heads = {.values = {to_heads, to_heads}};

static plmr_status from_heads(const plmr_step *step, const plmr_pass *p)
{
    plmr_regroup back = regroup_of(p, step->part[0].out, p->heads.query);
    plmr_regroup_run(&back, 1, false);
    return plmr_pass_dump(p, step->part[0].out, step->part[0].name);
}

static plmr_status prompt(const plmr_step *step, plmr_pass *p)
{
    plmr_attend_prompt(p);
    return from_heads(step, p);
}

static plmr_status token(const plmr_step *step, plmr_pass *p)
{
    plmr_attend_token(p);
    return from_heads(step, p);
}

/* ---- time of prefill: all heads at once, each on its own columns of cores ---- */

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

static plmr_status repeat_steps(plmr_cost_pass *pass, const void *context)
{
    int64_t n_run;
    return plmr_region_repeat(pass->grid->region, "step", pass->grid->rows, attention_step, (void *)context, &n_run);
}

/* Of a token's keys, or values, in a core. */
static int64_t half_elements(const plmr_cost_pass *pass)
{
    return (int64_t)pass->grid->heads.n_per_core * pass->grid->heads.n_dims;
}

static int64_t half_bytes(const plmr_cost_pass *pass)
{
    return plmr_cost_cache_bytes(&pass->grid->heads, pass->cache_dtype, pass->cache_packed, 2 * half_elements(pass)) /
           2;
}

/* Keys or values of a row's tokens as they go round: packed, or in the type that is multiplied with. */
static int64_t passed_words(const plmr_cost_pass *pass, int64_t n_tokens)
{
    return pass->cache_packed ? plmr_device_wavelets(pass->device, n_tokens * half_bytes(pass))
                              : plmr_cost_wavelets(pass, n_tokens * half_elements(pass));
}

/* Packs n tokens' new keys and values, an operation as widening is; for a scale the greatest of a head is found on all its
 * cores. */
static plmr_status pack(plmr_cost_pass *pass, int64_t n_tokens)
{
    int64_t n = 2 * n_tokens * half_elements(pass);
    if (!pass->cache_packed)
        return PLMR_OK;
    plmr_cost_busy(pass, plmr_device_widen_cycles(pass->device, pass->cache_packed, n));
    if (pass->cache_packed != PLMR_I8)
        return PLMR_OK;
    plmr_cost_busy(pass, (double)n * pass->device->reduce_element);
    return plmr_cost_allreduce(pass, PLMR_X, true, 2 * n_tokens / pass->n_batch * pass->grid->heads.n_per_core);
}

static plmr_status attention_product(plmr_cost_pass *pass, bool scores)
{
    const plmr_heads *heads = &pass->grid->heads;
    int64_t ms = plmr_cost_chunk_tokens(pass), seen = plmr_cost_chunk_seen(pass);
    int64_t n_heads = (int64_t)heads->n_per_core * heads->n_rep;
    int64_t k = scores ? heads->n_dims : seen, n = scores ? seen : heads->n_dims;
    plmr_cost_product product = {n_heads, heads->n_per_core, ms, k, n, {0}};
    struct step step = {
        .pass = pass,
        .multiply_cycles = (double)n_heads * plmr_device_multiply_cycles(pass->device, pass->dtype, ms, k, n) +
                           plmr_device_widen_cycles(pass->device, pass->cache_packed, half_elements(pass) * seen),
        .n_macs = n_heads * ms * seen * heads->n_dims,
        .tile_words = passed_words(pass, seen),
        .score_words = plmr_cost_wavelets(pass, ms * seen * n_heads),
        .spreads = !scores,
    };
    return plmr_cost_planned(pass, &product, PLMR_WORK_ATTENTION, repeat_steps, &step);
}

/* Where a core has an odd number of a head's elements, pairs lie on neighbours, which exchange them. */
static void rope(plmr_cost_pass *pass)
{
    const plmr_heads *heads = &pass->grid->heads;
    int64_t n = plmr_cost_chunk_tokens(pass) * heads->n_per_core * (heads->n_rep + 1) * heads->n_dims;
    if (heads->n_dims % 2) {
        plmr_flow pairs = plmr_flow_exchange(pass->grid->x, "exchange", "pairs");
        plmr_flow_run(&pairs, plmr_cost_wavelets(pass, n));
    }
    plmr_cost_busy(pass, 4 * plmr_cost_vector_cycles(pass, n));
}

/* A core keeps the scores of its share of the tokens, for the tokens of its row and the heads that it works for. */
static plmr_status softmax(plmr_cost_pass *pass)
{
    const plmr_heads *heads = &pass->grid->heads;
    int64_t ms = plmr_cost_chunk_tokens(pass), rows = ms * heads->n_per_core * heads->n_rep;
    int64_t kept = rows * plmr_ceil_div(pass->grid->rows, heads->span) * plmr_cost_chunk_seen(pass);
    if (pass->shape->score_cap != 0)
        plmr_cost_busy(pass, plmr_cost_cap_cycles(pass, kept));
    plmr_cost_busy(pass, (double)kept * pass->device->reduce_element);
    PLMR_TRY(plmr_cost_allreduce(pass, PLMR_X, true, rows));
    plmr_cost_busy(pass, (double)kept * (pass->device->scalar_function + pass->device->reduce_element));
    PLMR_TRY(plmr_cost_allreduce(pass, PLMR_X, true, rows));
    plmr_cost_busy(pass, (double)rows * (pass->device->scalar_function + plmr_cost_vector_cycles(pass, heads->n_dims)));
    return PLMR_OK;
}

static plmr_status prompt_time(const plmr_step *step, plmr_cost_pass *pass)
{
    (void)step;
    int64_t dim = pass->grid->queries.n;
    if (pass->as_published) {
        PLMR_TRY(plmr_cost_gemm(pass, dim, pass->n_tokens, true, PLMR_WORK_ATTENTION));
        return plmr_cost_gemm(pass, pass->n_tokens, dim, false, PLMR_WORK_ATTENTION);
    }
    if (plmr_shape_turns(pass->shape, pass->layer))
        rope(pass);
    PLMR_TRY(pack(pass, plmr_cost_chunk_tokens(pass)));
    int64_t n_tokens = plmr_ceil_div(pass->grid->rows, pass->grid->heads.span) * plmr_cost_chunk_seen(pass);
    int64_t n_bytes = plmr_cost_chunk_tokens(pass) * n_tokens * pass->grid->heads.n_per_core * pass->grid->heads.n_rep *
                      (int64_t)plmr_dtype_bytes(pass->dtype);
    PLMR_TRY(plmr_region_charge(pass->grid->region, "the scores", n_bytes));
    PLMR_TRY(attention_product(pass, true));
    PLMR_TRY(softmax(pass));
    PLMR_TRY(attention_product(pass, false));
    plmr_region_release(pass->grid->region, n_bytes);
    return PLMR_OK;
}

/* ---- time of decode ---- */

static void shift_cache(plmr_cost_pass *pass)
{
    int64_t n_bytes = 2 * half_bytes(pass);
    plmr_flow shift = plmr_flow_exchange(pass->grid->line_y, "shift", "cache");
    plmr_flow_run(&shift, plmr_device_wavelets(pass->device, n_bytes * pass->n_batch));
    plmr_cost_note(pass, PLMR_WORK_SHIFT);
}

/* Each core has its elements of the keys and values of its row's tokens. Scores are added up inside a head's cores; the
 * softmax's maximum and sum, and the weighted values, over all rows. */
static plmr_status token_time(const plmr_step *step, plmr_cost_pass *pass)
{
    const plmr_heads *heads = &pass->grid->heads;
    int64_t n_heads = (int64_t)heads->n_per_core * heads->n_rep, dims = heads->n_dims,
            tokens = plmr_cost_row_tokens(pass);
    int64_t kept = tokens * pass->n_batch;
    plmr_cost_held held = {kept * half_bytes(pass),
                           plmr_device_widen_cycles(pass->device, pass->cache_packed, kept * half_elements(pass))};
    (void)step;
    PLMR_TRY(pack(pass, pass->n_batch));
    if (pass->shifts && !pass->as_published)
        shift_cache(pass);
    PLMR_TRY(plmr_cost_tiles(pass, held, n_heads, dims, tokens, PLMR_WORK_ATTENTION));
    PLMR_TRY(plmr_cost_allreduce(pass, PLMR_X, true, n_heads * tokens));
    if (pass->shape->score_cap != 0)
        plmr_cost_busy(pass, plmr_cost_cap_cycles(pass, n_heads * tokens) * pass->n_batch);
    PLMR_TRY(plmr_cost_allreduce(pass, PLMR_Y, false, n_heads));
    PLMR_TRY(plmr_cost_allreduce(pass, PLMR_Y, false, n_heads));
    PLMR_TRY(plmr_cost_tiles(pass, held, n_heads, tokens, dims, PLMR_WORK_ATTENTION));
    return plmr_cost_allreduce(pass, PLMR_Y, false, n_heads * dims);
}

static void needs(const int64_t extent[PLMR_N_DIMENSIONS], plmr_needs *needs)
{
    needs->cache += 2 * extent[PLMR_KEYS];
    needs->context_macs += 2 * extent[PLMR_QUERIES];
}

const plmr_step_kind plmr_step_attention = {
    .values = {prompt, token}, .time = {prompt_time, token_time}, .needs = needs};
