/* Virtual time of a token's experts. Where neighbouring regions share them, every core sends its elements of the tokens to
 * the core at the same place of the regions that have their experts, and takes back what these add up; regions do this
 * for each other's layers at the same time, as many as have requests, and all wait for the one that has most to do. */
#include "infer/experts_parts.h"

#include <math.h>

/* Of so many layers at work, the region that has most pairs: *pairs, and *tokens that bring them. */
static void find_busiest(const plmr_part_loads *parts, int n_layers, int64_t *pairs, int64_t *tokens)
{
    *pairs = *tokens = 0;
    for (int region = 0; region < parts->n; region++) {
        int64_t sum = 0, n = 0;
        for (int layer = 0; layer < n_layers; layer++) {
            int part = (region + parts->n - layer) % parts->n;
            sum += parts->pairs[part];
            n += parts->tokens[part];
        }
        if (sum > *pairs) {
            *pairs = sum;
            *tokens = n;
        }
    }
}

plmr_status plmr_experts_multiply_token(const plmr_step *step, plmr_cost_pass *pass, int64_t n_tokens, int64_t n_used,
                                        bool adds_up)
{
    int64_t chunk = pass->grid->expert_ffn.size, n = n_used * chunk, dim = pass->grid->dim.size;
    int n_batch = pass->n_batch;
    pass->n_batch = (int)n_tokens;
    plmr_status status = plmr_cost_gemv(pass, step->part[0].weight, PLMR_Y, dim, 2 * n);
    plmr_cost_busy(pass, (double)n_tokens * ((double)n * pass->device->scalar_function +
                                             3 * (double)n_used * plmr_cost_vector_cycles(pass, chunk)));
    if (!status)
        status = plmr_cost_weight_tiles(pass, step->part[2].weight, n, dim);
    if (!status && adds_up)
        status = plmr_cost_allreduce(pass, PLMR_X, false, dim);
    pass->n_batch = n_batch;
    return status;
}

/* Wafers do this with each other's tokens; the ledger has one's share of their work. */
static plmr_status run_on_wafers(const plmr_step *step, plmr_cost_pass *pass)
{
    plmr_part_loads parts;
    plmr_ledger *ledger = &pass->grid->region->ledger;
    double macs = ledger->multiply_adds;
    plmr_part_loads_fill(pass, (int64_t)pass->n_batch * pass->n_beside, &parts);
    int64_t pairs = parts.pairs[parts.busiest], tokens = parts.tokens[parts.busiest];
    plmr_cost_note_core(pass, (double)(pairs * parts.n) / (double)parts.n_pairs);
    plmr_experts_cross_wafers(pass, &parts, "dispatch");
    PLMR_TRY(plmr_experts_multiply_token(step, pass, tokens, plmr_ceil_div(pairs, tokens), true));
    ledger->multiply_adds =
        macs + round((ledger->multiply_adds - macs) * (double)parts.n_pairs / pass->n_beside / (double)pairs);
    plmr_experts_cross_wafers(pass, &parts, "combine");
    plmr_cost_busy(pass, pass->n_batch * (parts.n - 1) * plmr_cost_vector_cycles(pass, pass->grid->dim.size));
    return PLMR_OK;
}

plmr_status plmr_experts_token_time(const plmr_step *step, plmr_cost_pass *pass)
{
    plmr_part_loads parts;
    int n_parts = pass->experts->n_parts, n_layers = pass->n_busy < n_parts ? pass->n_busy : n_parts;
    int64_t pairs, tokens, n_held = pass->n_batch * pass->grid->dim.size;
    if (pass->experts->grid)
        return plmr_experts_blocks_token_time(step, pass);
    if (n_parts == 1) {
        plmr_cost_note_core(pass, 1);
        return plmr_experts_multiply_token(step, pass, pass->n_batch, pass->shape->n_used, true);
    }
    if (plmr_expert_spread_of(&pass->experts->setup) == PLMR_EXPERTS_ON_WAFERS)
        return run_on_wafers(step, pass);
    plmr_part_loads_fill(pass, pass->n_batch, &parts);
    find_busiest(&parts, n_layers, &pairs, &tokens);
    plmr_cost_note_core(pass, (double)(pairs * n_parts) / (double)(parts.n_pairs * n_layers));
    plmr_experts_cross(pass, &parts, n_layers, pass->n_batch, n_held, "dispatch");
    PLMR_TRY(plmr_experts_multiply_token(step, pass, tokens, plmr_ceil_div(pairs, tokens), true));
    plmr_experts_cross(pass, &parts, n_layers, pass->n_batch, n_held, "combine");
    plmr_cost_busy(pass, pass->n_batch * (n_parts - 1) * plmr_cost_vector_cycles(pass, pass->grid->dim.size));
    return PLMR_OK;
}
