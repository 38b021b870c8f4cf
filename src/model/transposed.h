/* transposed.h - the transpose of a source's matrix. */
#ifndef PLMR_LLM_TRANSPOSED_H
#define PLMR_LLM_TRANSPOSED_H

#include "base/values.h"

/* What a source of the transpose of `stored` answers to get(row, col, n_rows, n_cols, out, ld): element (r, c) is
 * element (c, r) of `stored`, which is asked for a few hundred elements of a row at a time. */
plmr_status plmr_source_get_transposed(const plmr_source *stored, int64_t row, int64_t col, int n_rows, int n_cols,
                                       float *out, size_t ld);

#endif
