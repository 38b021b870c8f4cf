#include "gemm/gemm.h"

int plmr_gemm_multicast_routes(const plmr_gemm *g)
{
    int most = g->problem.rows > g->problem.cols ? g->problem.rows : g->problem.cols;
    int left = plmr_region_routes_left(g->region);
    if (g->region->options.allow_routes || left >= g->problem.rows + g->problem.cols)
        return most;
    return left < 2 ? 1 : left / 2;
}

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
