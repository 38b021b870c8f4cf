#include "infer/cost.h"
#include "verbs/verbs.h"

/* A plan without homes fetches what it multiplies. */
static plmr_status fetch(plmr_cost_pass *pass, int64_t n_elements, enum plmr_dtype dtype, enum plmr_work work)
{
    if (!pass->plan->fetch)
        return PLMR_OK;
    int64_t n_bytes = n_elements * (int64_t)plmr_dtype_bytes(dtype);
    PLMR_TRY(pass->plan->fetch(pass->grid->region, plmr_device_wavelets(pass->device, n_bytes)));
    return plmr_cost_note(pass, work);
}

/* The products of n tiles (k, n_columns) with a vector each. */
static plmr_status multiply(plmr_cost_pass *pass, int64_t n, int64_t k, int64_t n_columns, enum plmr_work work)
{
    double t_cycles = (double)n * plmr_device_gemv_cycles(pass->device, pass->dtype, k, n_columns);
    plmr_region_multiply(pass->grid->region, t_cycles * pass->n_batch, n * k * n_columns * pass->n_batch);
    return plmr_cost_note(pass, work);
}

plmr_status plmr_cost_allreduce(plmr_cost_pass *pass, enum plmr_axis axis, bool heads, int64_t n)
{
    const plmr_grid *grid = pass->grid;
    int64_t n_bytes = n * pass->n_batch * (int64_t)plmr_dtype_bytes(pass->dtype);
    if (pass->plan->allreduce) {
        PLMR_TRY(pass->plan->allreduce(grid->region, axis, plmr_device_wavelets(pass->device, n_bytes)));
        return plmr_cost_note(pass, PLMR_WORK_ALLREDUCE);
    }
    const plmr_reduce_plan *plan = heads ? grid->plan_heads : axis == PLMR_X ? grid->plan_x : grid->plan_y;
    plmr_allreduce_time(grid->region, axis, plan, n * pass->n_batch, plmr_dtype_bytes(pass->dtype));
    return plmr_cost_note(pass, PLMR_WORK_ALLREDUCE);
}

plmr_status plmr_cost_gemv(plmr_cost_pass *pass, enum plmr_axis axis, enum plmr_work work, int k, const int *n,
                           int n_products)
{
    int64_t columns = 0;
    for (int i = 0; i < n_products; i++) {
        columns += n[i];
        if (!pass->unfused && i + 1 < n_products)
            continue;
        PLMR_TRY(fetch(pass, k * columns, pass->dtype, work));
        PLMR_TRY(multiply(pass, 1, k, columns, work));
        PLMR_TRY(plmr_cost_allreduce(pass, axis, false, columns));
        columns = 0;
    }
    return PLMR_OK;
}

plmr_status plmr_cost_cache_shift(plmr_cost_pass *pass)
{
    const plmr_heads *heads = &pass->grid->heads;
    int64_t n_bytes = (int64_t)2 * heads->n_per_core * heads->n_dims * (int64_t)plmr_dtype_bytes(pass->cache_dtype);
    if (!pass->shifts || pass->as_published)
        return PLMR_OK;
    plmr_flow shift = plmr_flow_exchange(pass->grid->line_y, "shift", "cache");
    plmr_flow_run(&shift, plmr_device_wavelets(pass->device, n_bytes * pass->n_batch));
    return plmr_cost_note(pass, PLMR_WORK_SHIFT);
}

/* Each core has its elements of the keys and values of its row's tokens. Scores are added up inside a head's cores; the
 * softmax's maximum and sum, and the weighted values, over all rows. */
plmr_status plmr_cost_decode_attention(plmr_cost_pass *pass)
{
    const plmr_heads *heads = &pass->grid->heads;
    int n_heads = heads->n_per_core * heads->n_rep, dims = heads->n_dims;
    int64_t scores = n_heads * pass->row_tokens;
    int64_t kept = (int64_t)heads->n_per_core * dims * pass->row_tokens * pass->n_batch; /* keys, and as many values */
    PLMR_TRY(fetch(pass, kept, pass->cache_dtype, PLMR_WORK_ATTENTION));
    PLMR_TRY(multiply(pass, n_heads, dims, pass->row_tokens, PLMR_WORK_ATTENTION));
    PLMR_TRY(plmr_cost_allreduce(pass, PLMR_X, true, scores));
    PLMR_TRY(plmr_cost_allreduce(pass, PLMR_Y, false, n_heads));
    PLMR_TRY(plmr_cost_allreduce(pass, PLMR_Y, false, n_heads));
    PLMR_TRY(fetch(pass, kept, pass->cache_dtype, PLMR_WORK_ATTENTION));
    PLMR_TRY(multiply(pass, n_heads, pass->row_tokens, dims, PLMR_WORK_ATTENTION));
    return plmr_cost_allreduce(pass, PLMR_Y, false, (int64_t)n_heads * dims);
}

plmr_status plmr_cost_decode_scalars(plmr_cost_pass *pass)
{
    double t_cycles = pass->device->decode_layer + pass->device->decode_element * pass->grid->dim.size;
    plmr_region_compute(pass->grid->region, plmr_work_name(PLMR_WORK_ELEMENTS), t_cycles * pass->n_batch);
    return plmr_cost_note(pass, PLMR_WORK_ELEMENTS);
}
