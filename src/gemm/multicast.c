#include "gemm/gemm.h"

plmr_status plmr_gemm_multicast_begin(plmr_gemm *g, int step, int n_routes)
{
    PLMR_TRY(plmr_multicast_begin(g->a, step, n_routes));
    return plmr_multicast_begin(g->b, step, n_routes);
}

void plmr_gemm_multicast_end(plmr_gemm *g)
{
    plmr_multicast_end(g->a);
    plmr_multicast_end(g->b);
}
