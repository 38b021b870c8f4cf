#include "gemv/gemv.h"

const plmr_gemv_algorithm plmr_gemv_pipeline = {
    .name = "pipeline",
    .summary = "partial results through a chain of all cores, then back: 2N hops, N stages",
    .reduce = "chain",
};
