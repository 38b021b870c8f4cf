#include "gemm/gemm.h"

/* C = A B^T: no alignment; A stays, B moves two hops along y, and each step's products are added along x to the core
 * that keeps them, which moves with the step. */
static plmr_status run_transposed(plmr_gemm *g)
{
    for (int step = 0; step < g->layout.n_slots; step++) {
        PLMR_TRY(plmr_shift_begin(g->b));
        PLMR_TRY(plmr_multiply_converge(g->c));
        plmr_shift_end(g->b);
    }
    return PLMR_OK;
}

const plmr_gemm_algorithm plmr_gemm_meshgemm = {
    .name = "meshgemm",
    .summary = "compute-shift on interleaved rings: two-hop exchanges, O(1) routes, O(1/N^2) memory",
    .ring = PLMR_INTERLEAVED,
    .delivery = {PLMR_BY_RING, PLMR_BY_RING},
    .b_skewed = true,
    .n_buffers = 1,
    .run = plmr_gemm_compute_shift,
    .run_transposed = run_transposed,
};
