#include "baseline/plans.h"

/* Software's cycles at each hop of a fetch beside the relay's own: to find out where in the shared memory the words
 * are, to ask, to answer. Calibrated on LLaMA3-8B's three prefill and three decode figures in WaferLLM's Tables 3
 * and 4. */
#define FETCH_CYCLES 495

static plmr_status fetch(plmr_region *region, int64_t wavelets)
{
    plmr_flow flow = plmr_flow_fetch(region, FETCH_CYCLES);
    plmr_flow_begin(&flow, wavelets);
    return PLMR_OK;
}

/* Sums are left to the fabric's best allreduce, so that fetching alone tells this plan from WaferLLM's. Every step's
 * tiles are fetched, one after the other, and then multiplied. */
static plmr_status multiply(plmr_region *region, const plmr_llm_plan_product *product)
{
    for (int i = 0; i < product->n_steps; i++) {
        PLMR_TRY(fetch(region, product->words_a));
        PLMR_TRY(fetch(region, product->words_b));
        plmr_region_multiply(region, product->multiply_cycles, product->n_macs);
    }
    return PLMR_OK;
}

const plmr_llm_plan plmr_llm_plan_ladder = {
    .name = "ladder",
    .summary = "Ladder-like: the wafer as one shared memory; every tile is fetched from wherever it lies",
    .keeps_grid = true,
    .multiply = multiply,
    .fetch = fetch,
};
