#include "kernel/isa.h"

#include <string.h>

enum { K_AT_ONCE = 64 };

/* k from <= k < from + n_k of `width` rows (of n that there are from row `first` on) of a k-major factor of `stride`
 * rows. */
static void pack_factor(const plmr_isa *isa, enum plmr_dtype dtype, const void *factor, int stride, int kt, int from,
                        int n_k, int first, int width, float *panel)
{
    int n = stride - first < width ? stride - first : width;
    if (n < width)
        memset(panel, 0, (size_t)n_k * (size_t)width * sizeof *panel);
    plmr_strip strip = {
        .dtype = dtype,
        .lines = &factor,
        .n_lines = 1,
        .kt = kt,
        .kk = from,
        .n_k = n_k,
        .at = (size_t)first,
        .stride = (size_t)stride,
        .n = (size_t)n,
        .width = (size_t)width,
        .to = panel,
    };
    isa->pack(&strip);
}

void plmr_tile_product_add(const plmr_isa *isa, enum plmr_dtype dtype, enum plmr_dtype accumulate, int kt, int m, int n,
                           const void *a, const void *b, float *acc, size_t ldacc)
{
    isa = isa ? isa : plmr_isa_chosen();
    _Alignas(PLMR_LINE_BYTES) float a_panel[K_AT_ONCE * PLMR_MOST_ROWS], b_panel[K_AT_ONCE * PLMR_MOST_COLS];
    for (int row = 0; row < m; row += isa->rows)
        for (int col = 0; col < n; col += isa->cols) {
            _Alignas(PLMR_LINE_BYTES) float product[PLMR_MOST_ROWS * PLMR_MOST_COLS] = {0};
            int n_rows = m - row < isa->rows ? m - row : isa->rows, n_cols = n - col < isa->cols ? n - col : isa->cols;
            for (int k = 0; k < kt; k += K_AT_ONCE) {
                int n_k = kt - k < K_AT_ONCE ? kt - k : K_AT_ONCE;
                pack_factor(isa, dtype, a, m, kt, k, n_k, row, isa->rows, a_panel);
                pack_factor(isa, dtype, b, n, kt, k, n_k, col, isa->cols, b_panel);
                isa->multiply[accumulate == PLMR_F16](n_k, a_panel, b_panel, product, (size_t)isa->cols,
                                                      &(plmr_fetch){0});
            }
            for (int i = 0; i < n_rows; i++)
                isa->vector_add(accumulate, n_cols, product + i * isa->cols,
                                acc + (size_t)(row + i) * ldacc + (size_t)col);
        }
}
