#include "baseline/plans.h"
#include "time/clock.h"
#include "verbs/reduce.h"

/* Software's cycles at a core of an allreduce's chain, beside the way in and out; the device's own add-and-forward
 * takes `stage`. Calibrated on the three decode figures of LLaMA3-8B in WaferLLM's Table 4. Prefill needs no constant.
 */
#define STAGE_CYCLES 2.17

static void step(plmr_region *region, const plmr_ring *x, const plmr_ring *y, const plmr_llm_plan_product *product)
{
    plmr_flow a = plmr_flow_relayed(x), b = plmr_flow_relayed(y);
    plmr_flow_begin(&a, product->words_a);
    plmr_flow_begin(&b, product->words_b);
    plmr_region_multiply(region, product->multiply_cycles, product->n_macs);
    plmr_flow_end(&a);
    plmr_flow_end(&b);
}

/* Compute-shift on rings of cores in the order of their numbers: the ring's last message goes all the way back. */
static plmr_status multiply(plmr_region *region, const plmr_llm_plan_product *product)
{
    plmr_ring *x = NULL, *y = NULL;
    plmr_status status = plmr_ring_create(region, PLMR_X, PLMR_NATURAL, 1, &x);
    if (!status)
        status = plmr_ring_create(region, PLMR_Y, PLMR_NATURAL, 1, &y);
    for (int i = 0; i < product->n_steps && !status; i++)
        step(region, x, y, product);
    plmr_clock_settle(region->clock);
    plmr_ring_destroy(y);
    plmr_ring_destroy(x);
    return status;
}

static plmr_status allreduce(plmr_region *region, enum plmr_axis axis, int64_t wavelets)
{
    plmr_reduce_plan *plan;
    plmr_flow flow = plmr_flow_chain(region, axis, STAGE_CYCLES, &plan);
    plmr_flow_begin(&flow, wavelets);
    plmr_reduce_plan_destroy(plan);
    return PLMR_OK;
}

const plmr_llm_plan plmr_llm_plan_t10 = {
    .name = "t10",
    .summary = "T10-like: compute-shift over cores by number, as on a crossbar; far partners are relayed in software",
    .keeps_grid = true,
    .multiply = multiply,
    .allreduce = allreduce,
};
