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

/* The factors of a product, and where it goes. */
struct factors {
    const plmr_isa *isa;
    enum plmr_dtype dtype, accumulate;
    int kt, m, n;
    const void *a, *b;
};

/* One register tile, from row `row` and column `col` on, onto what there is. */
static void multiply_tile(const struct factors *f, int row, int col, float *product)
{
    const plmr_isa *isa = f->isa;
    _Alignas(PLMR_LINE_BYTES) float a_panel[K_AT_ONCE * PLMR_MOST_ROWS], b_panel[K_AT_ONCE * PLMR_MOST_COLS];
    for (int k = 0; k < f->kt; k += K_AT_ONCE) {
        int n_k = f->kt - k < K_AT_ONCE ? f->kt - k : K_AT_ONCE;
        pack_factor(isa, f->dtype, f->a, f->m, f->kt, k, n_k, row, isa->rows, a_panel);
        pack_factor(isa, f->dtype, f->b, f->n, f->kt, k, n_k, col, isa->cols, b_panel);
        isa->multiply[f->accumulate == PLMR_F16](n_k, a_panel, b_panel, product, (size_t)isa->cols, &(plmr_fetch){0});
    }
}

static void multiply(const struct factors *f, bool onto, float *acc, size_t ldacc)
{
    const plmr_isa *isa = f->isa;
    for (int row = 0; row < f->m; row += isa->rows)
        for (int col = 0; col < f->n; col += isa->cols) {
            _Alignas(PLMR_LINE_BYTES) float product[PLMR_MOST_ROWS * PLMR_MOST_COLS] = {0};
            int n_rows = f->m - row < isa->rows ? f->m - row : isa->rows;
            int n_cols = f->n - col < isa->cols ? f->n - col : isa->cols;
            float *at = acc + (size_t)row * ldacc + (size_t)col;
            for (int i = 0; i < n_rows && onto; i++)
                memcpy(product + i * isa->cols, at + (size_t)i * ldacc, (size_t)n_cols * sizeof *product);
            multiply_tile(f, row, col, product);
            for (int i = 0; i < n_rows && onto; i++)
                memcpy(at + (size_t)i * ldacc, product + i * isa->cols, (size_t)n_cols * sizeof *product);
            for (int i = 0; i < n_rows && !onto; i++)
                isa->vector_add(f->accumulate, n_cols, product + i * isa->cols, at + (size_t)i * ldacc);
        }
}

void plmr_tile_product_add(const plmr_isa *isa, enum plmr_dtype dtype, enum plmr_dtype accumulate, int kt, int m, int n,
                           const void *a, const void *b, float *acc, size_t ldacc)
{
    struct factors f = {isa ? isa : plmr_isa_chosen(), dtype, accumulate, kt, m, n, a, b};
    multiply(&f, false, acc, ldacc);
}

void plmr_tile_product_onto(const plmr_isa *isa, enum plmr_dtype dtype, enum plmr_dtype accumulate, int kt, int m,
                            int n, const void *a, const void *b, float *acc, size_t ldacc)
{
    struct factors f = {isa ? isa : plmr_isa_chosen(), dtype, accumulate, kt, m, n, a, b};
    multiply(&f, true, acc, ldacc);
}
