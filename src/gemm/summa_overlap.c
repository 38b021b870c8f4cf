#include "gemm/gemm.h"

/* SUMMA with a second buffer for each operand: the tiles of step k + 1 travel while those of step k are multiplied. */
static plmr_status run(plmr_gemm *g)
{
    int n_routes = plmr_region_multicast_routes(g->region);
    PLMR_TRY(plmr_gemm_multicast_begin(g, 0, n_routes));
    for (int step = 0; step < g->layout.n_slots; step++) {
        plmr_gemm_multicast_end(g);
        if (step + 1 < g->layout.n_slots)
            PLMR_TRY(plmr_gemm_multicast_begin(g, step + 1, n_routes));
        plmr_multiply_add(g->c);
    }
    return PLMR_OK;
}

const plmr_gemm_algorithm plmr_gemm_summa_overlap = {
    .name = "summa-overlap",
    .summary = "SUMMA whose multicasts travel while the tiles before are multiplied: one more working set of tiles",
    .ring = PLMR_NATURAL,
    .delivery = {PLMR_BY_MULTICAST, PLMR_BY_MULTICAST},
    .n_buffers = 2,
    .run = run,
};
