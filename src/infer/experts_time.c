/* Virtual time of a prompt's experts, of which every core has a slice. Tokens go round the ring along y once, and a core
 * takes those whose expert's row it is; experts multiply one after the other, each its tokens as a prompt of their own;
 * then what came out goes round, and the token's core adds up what its experts made of it. */
#include "infer/step.h"
#include "model/experts.h"

#include "time/clock.h"
#include "verbs/verbs.h"

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

plmr_status plmr_experts_prompt_time(const plmr_step *step, plmr_cost_pass *pass)
{
    const plmr_model_shape *shape = pass->shape;
    int64_t tokens[PLMR_MOST_EXPERTS], ms = plmr_cost_chunk_tokens(pass), kept = ms * pass->grid->dim_x.size;
    int n = shape->n_experts, n_used = shape->n_used;
    plmr_expert_load_deal(pass->load, shape, pass->layer, pass->n_tokens, tokens);
    int64_t n_bytes = 2 * kept * n_used * (int64_t)plmr_dtype_bytes(pass->dtype);
    PLMR_TRY(plmr_region_charge(pass->grid->region, "tokens at their experts", n_bytes));
    rotate(pass, "dispatch", kept);
    for (int e = 0; e < n; e++) {
        int64_t n_alike = 0;
        struct expert expert = {.pass = pass, .step = step, .n_tokens = tokens[e]};
        for (int i = e; i < n; i++)
            if (tokens[i] == tokens[e] && tokens[e] > 0) {
                n_alike++;
                tokens[i] = i == e ? tokens[i] : 0;
            }
        PLMR_TRY(n_alike ? run_alike(&expert, n_alike) : PLMR_OK);
    }
    rotate(pass, "combine", kept * n_used);
    plmr_cost_busy(pass, n_used * plmr_cost_vector_cycles(pass, kept));
    plmr_region_release(pass->grid->region, n_bytes);
    return PLMR_OK;
}
