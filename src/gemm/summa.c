#include "gemm/gemm.h"

/* Step k's tiles come from the owners of slot k. A core has one buffer for each operand, so the next ones wait until it
 * has multiplied. */
static plmr_status run(plmr_gemm *g)
{
    int n_routes = plmr_region_multicast_routes(g->region);
    for (int step = 0; step < g->layout.n_slots; step++) {
        PLMR_TRY(plmr_gemm_multicast_begin(g, step, n_routes));
        plmr_gemm_multicast_end(g);
        plmr_multiply_add(g->c);
    }
    return PLMR_OK;
}

const plmr_gemm_algorithm plmr_gemm_summa = {
    .name = "summa",
    .summary = "owners multicast along rows and columns, then all multiply: O(N) routes or relays, O(1/N^2) memory",
    .ring = PLMR_NATURAL,
    .delivery = {PLMR_BY_MULTICAST, PLMR_BY_MULTICAST},
    .n_buffers = 1,
    .run = run,
};
