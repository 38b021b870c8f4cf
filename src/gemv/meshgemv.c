#include "gemv/gemv.h"

const plmr_gemv_algorithm plmr_gemv_meshgemv = {
    .name = "meshgemv",
    .summary = "partial results through a K-tree of chains: N hops, few stages",
    .reduce = "ktree",
};
