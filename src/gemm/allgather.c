#include "gemm/gemm.h"

/* All communication first, then all computation. */
static plmr_status run(plmr_gemm *g)
{
    int n_routes = plmr_region_multicast_routes(g->region);
    PLMR_TRY(plmr_gather_begin(g->a, n_routes));
    PLMR_TRY(plmr_gather_begin(g->b, n_routes));
    plmr_gather_end(g->a);
    plmr_gather_end(g->b);
    for (int step = 0; step < g->layout.n_slots; step++) {
        plmr_select(g->a, step);
        plmr_select(g->b, step);
        plmr_multiply_add(g->c);
    }
    return PLMR_OK;
}

const plmr_gemm_algorithm plmr_gemm_allgather = {
    .name = "allgather",
    .summary = "every core gathers all tiles of its row and column first: O(N) routes or relays, O(1/N) memory",
    .ring = PLMR_NATURAL,
    .delivery = {PLMR_BY_MULTICAST, PLMR_BY_MULTICAST},
    .gathers_all = true,
    .run = run,
};
