#include "gemv/gemv.h"

const plmr_gemv_algorithm plmr_gemv_ring = {
    .name = "ring",
    .summary = "partial results round the interleaved ring twice",
    .reduce = "ring",
};
