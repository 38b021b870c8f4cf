/* Virtual time of a prompt's experts. Where the layer's region has them, every core with a slice of each, tokens go round
 * the ring along y once, and a core takes those whose expert's row it is; experts multiply one after the other, each its
 * tokens as a prompt of their own; then what came out goes round, and the token's core adds up what its experts made of
 * it. Where neighbouring regions share them each does this with its part of the tokens, at the same time. */
#include "infer/experts_parts.h"

#include "time/clock.h"
#include "verbs/verbs.h"

#include <math.h>
#include <string.h>

static void rotate(plmr_cost_pass *pass, const char *what, int64_t n_elements)
{
    const plmr_grid *grid = pass->grid;
    plmr_flow flow = plmr_flow_exchange(grid->y, what, "tokens");
    for (int step = 0; step < grid->rows; step++)
        plmr_flow_run(&flow, plmr_cost_wavelets(pass, n_elements));
    plmr_cost_note(pass, PLMR_WORK_ROUTE);
}

struct expert {
    plmr_cost_pass *pass;
    const plmr_step *step;
    int64_t n_tokens;
    double last[PLMR_N_WORKS];
};

static plmr_status multiply(const plmr_step *step, plmr_cost_pass *pass)
{
    for (int i = 0; i < step->n_parts; i++) {
        if (i == 2) {
            int64_t n = plmr_cost_chunk_tokens(pass) * pass->grid->expert_ffn.size;
            plmr_cost_busy(pass, (double)n * pass->device->scalar_function + 2 * plmr_cost_vector_cycles(pass, n));
        }
        PLMR_TRY(plmr_cost_weight_gemm(pass, step->part[i].weight));
    }
    return PLMR_OK;
}

static plmr_status run_expert(void *context)
{
    struct expert *e = context;
    plmr_cost_pass *pass = e->pass;
    int64_t n_tokens = pass->n_tokens;
    double before[PLMR_N_WORKS];
    memcpy(before, pass->work, sizeof before);
    pass->n_tokens = e->n_tokens;
    plmr_status status = multiply(e->step, pass);
    pass->n_tokens = n_tokens;
    for (int i = 0; i < PLMR_N_WORKS; i++)
        e->last[i] = pass->work[i] - before[i];
    return status;
}

/* n experts with as many tokens. */
static plmr_status run_alike(struct expert *e, int64_t n)
{
    int64_t n_run;
    PLMR_TRY(plmr_region_repeat(e->pass->grid->region, "expert", n, run_expert, e, &n_run));
    for (int i = 0; i < PLMR_N_WORKS; i++)
        e->pass->work[i] += e->last[i] * (double)(n - n_run);
    e->pass->t_cycles = plmr_clock_max(e->pass->grid->region->clock);
    return PLMR_OK;
}

plmr_status plmr_experts_multiply_prompt(const plmr_step *step, plmr_cost_pass *pass, int64_t tokens[PLMR_MOST_EXPERTS])
{
    int n = pass->shape->n_experts;
    for (int e = 0; e < n; e++) {
        int64_t n_alike = 0;
        struct expert expert = {.pass = pass, .step = step, .n_tokens = tokens[e]};
        for (int i = e; i < n; i++)
            if (tokens[i] == expert.n_tokens && expert.n_tokens > 0) {
                n_alike++;
                tokens[i] = 0;
            }
        PLMR_TRY(n_alike ? run_alike(&expert, n_alike) : PLMR_OK);
    }
    return PLMR_OK;
}

/* A part of n_tokens, which go round with n_there elements of a core, and with n_back. */
static plmr_status run_part(const plmr_step *step, plmr_cost_pass *pass, int part, int64_t n_tokens, int64_t n_there,
                            int64_t n_back)
{
    int64_t tokens[PLMR_MOST_EXPERTS];
    plmr_part_experts(pass, part, n_tokens, tokens);
    int64_t n_bytes = 2 * n_back * (int64_t)plmr_dtype_bytes(pass->dtype);
    PLMR_TRY(plmr_region_charge(pass->grid->region, "tokens at their experts", n_bytes));
    rotate(pass, "dispatch", n_there);
    PLMR_TRY(plmr_experts_multiply_prompt(step, pass, tokens));
    rotate(pass, "combine", n_back);
    plmr_region_release(pass->grid->region, n_bytes);
    return PLMR_OK;
}

static void cross(plmr_cost_pass *pass, const plmr_part_loads *loads, int64_t kept, const char *what)
{
    if (plmr_expert_spread_of(&pass->experts->setup) == PLMR_EXPERTS_ON_WAFERS)
        plmr_experts_cross_wafers(pass, loads, what);
    else
        plmr_experts_cross(pass, loads, 1, pass->n_tokens, kept, what);
}

/* The part that has most is run; the others are busy meanwhile, and the ledger has their work, too: of wafers with a prompt
 * each, one's share. */
static plmr_status run_shared(const plmr_step *step, plmr_cost_pass *pass, int64_t kept)
{
    plmr_part_loads loads;
    plmr_ledger *ledger = &pass->grid->region->ledger;
    int64_t n_tokens = pass->n_tokens * pass->n_beside;
    plmr_part_loads_fill(pass, n_tokens, &loads);
    int64_t pairs = loads.pairs[loads.busiest], n_there = kept * loads.tokens[loads.busiest];
    plmr_cost_note_core(pass, (double)(pairs * loads.n) / (double)loads.n_pairs);
    cross(pass, &loads, kept, "dispatch");
    double macs = ledger->multiply_adds, others = (double)loads.n_pairs / pass->n_beside / (double)pairs - 1;
    uint64_t hops = ledger->wavelet_hops;
    PLMR_TRY(run_part(step, pass, loads.busiest, n_tokens, plmr_ceil_div(n_there, pass->n_tokens),
                      plmr_ceil_div(kept * pairs, pass->n_tokens)));
    ledger->multiply_adds += round((ledger->multiply_adds - macs) * others);
    double moved = (double)(ledger->wavelet_hops - hops) * (1 + others);
    ledger->wavelet_hops = hops + (uint64_t)round(moved);
    cross(pass, &loads, kept, "combine");
    return PLMR_OK;
}

plmr_status plmr_experts_prompt_time(const plmr_step *step, plmr_cost_pass *pass)
{
    int64_t kept = plmr_cost_chunk_tokens(pass) * pass->grid->dim_x.size, n_used = pass->shape->n_used;
    if (pass->experts->grid)
        PLMR_TRY(plmr_experts_blocks_prompt_time(step, pass));
    else if (pass->experts->n_parts > 1)
        PLMR_TRY(run_shared(step, pass, kept));
    else {
        plmr_cost_note_core(pass, 1);
        PLMR_TRY(run_part(step, pass, 0, pass->n_tokens, kept, kept * n_used));
    }
    plmr_cost_busy(pass, n_used * plmr_cost_vector_cycles(pass, kept));
    return PLMR_OK;
}
