/* products.h - GEMM and GEMV runs of Figures 6 and 8 to 10. */
#pragma once

#include "paper/paper.h"

/* A product of square f16 matrices, or a vector by one, on side x side cores, by the named algorithm, with what M and R
 * forbid allowed or, for routes, not. Time plane; collective. */
plmr_status plmr_paper_gemm(plmr_paper *paper, const char *algorithm, int64_t size, int side, bool allow_routes,
                            plmr_cost *cost);
plmr_status plmr_paper_gemv(plmr_paper *paper, const char *algorithm, int64_t size, int side, int n_levels,
                            int n_groups, plmr_cost *cost);
