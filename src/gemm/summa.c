#include "gemm/gemm.h"

static plmr_status begin(plmr_gemm *g, int step, int n_routes)
{
    PLMR_TRY(plmr_multicast_begin(g->a, step, n_routes));
    return plmr_multicast_begin(g->b, step, n_routes);
}

static void end(plmr_gemm *g)
{
    plmr_multicast_end(g->a);
    plmr_multicast_end(g->b);
}

/* Step k's tiles come from the owners of slot k; those of step k + 1 travel while it is multiplied. */
static plmr_status run(plmr_gemm *g)
{
    int n_routes = plmr_gemm_multicast_routes(g);
    begin(g, 0, n_routes);
    for (int step = 0; step < g->n_slots; step++) {
        end(g);
        if (step + 1 < g->n_slots)
            begin(g, step + 1, n_routes);
        PLMR_TRY(plmr_multiply_add(g->c));
    }
    return PLMR_OK;
}

const plmr_gemm_algorithm plmr_gemm_summa = {
    .name = "summa",
    .summary = "owners multicast along rows and columns: O(N) routes or relays, one more working set of tiles",
    .ring = PLMR_NATURAL,
    .delivery = PLMR_BY_MULTICAST,
    .n_buffers = 2,
    .run = run,
};
