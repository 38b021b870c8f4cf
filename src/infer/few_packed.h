/* few_packed.h - products of few rows (few.h) with columns of a quantised matrix that kernels widen (plmr_matrix_is_packed):
 * PLMR_PACKED_COLS columns at a time become f16, once, in a cache, and all rows meet them there. */
#pragma once

#include "infer/pass.h"

/* As plmr_few_multiply; element k of row i is a[k * pitch + i], k in the order in which the dimension is dealt. Local. */
void plmr_few_packed_multiply(const plmr_pass *pass, const plmr_step_part *part, int64_t first, int64_t n_rows,
                              const float *a, size_t pitch);
