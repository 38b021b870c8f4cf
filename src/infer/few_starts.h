/* few_starts.h - where the chains of a product of few rows (few.h) begin on the ring: core (x, y) begins in slot x + y. */
#pragma once

#include "infer/pass.h"

/* By row: the slot in which its cores begin that have the first chunk of columns. Of rows [first, first + n) of the pass, and, for what
 * fills up vectors, of the last of them again: n_all in all. The caller frees it. Local. */
int *plmr_few_slots(const plmr_pass *pass, const plmr_matrix *matrix, int64_t first, int64_t n, int64_t n_all);

/* Of n_rows rows and n_cols columns from `first` on, which beyond the matrix's are as its last: that of row i and column j is
 * start[i * row_apart + j * col_apart], in elements of the ring. Local. */
typedef struct plmr_few_starts {
    const plmr_matrix *matrix;
    const int *slot;
    int64_t n_rows, n_cols;
    size_t row_apart, col_apart;
    int32_t *start;
} plmr_few_starts;
void plmr_few_starts_find(const plmr_few_starts *starts, int64_t first);
