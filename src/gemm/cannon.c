#include "gemm/gemm.h"

const plmr_gemm_algorithm plmr_gemm_cannon = {
    .name = "cannon",
    .summary = "compute-shift on natural rings: the wrap-around message crosses N hops, O(1) routes, O(1/N^2) memory",
    .ring = PLMR_NATURAL,
    .delivery = {PLMR_BY_RING, PLMR_BY_RING},
    .b_skewed = true,
    .n_buffers = 1,
    .run = plmr_gemm_compute_shift,
};
