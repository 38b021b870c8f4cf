/* gemm_block.h - what kernel.h offers, on an instruction set of the caller's choice; for tests and benchmarks. */
#pragma once

#include "kernel/isa.h"
#include "kernel/kernel.h"

plmr_status plmr_gemm_block_run_with(const plmr_isa *isa, const plmr_gemm_block *block, plmr_gemm_scratch *scratch);

void plmr_tile_product_add_with(const plmr_isa *isa, enum plmr_dtype dtype, enum plmr_dtype accumulate, int kt, int m,
                                int n, const void *a, const void *b, float *acc, size_t ldacc);
