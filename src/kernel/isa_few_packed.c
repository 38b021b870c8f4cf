/* Products of few rows with columns that are quantised, once these are widened: see packed.h. Compiled once for every instruction
 * set, as isa_vectors.c is.
 *
 * A vector holds columns, as widening leaves them side by side, and an element of a row is spread over it: so what a product
 * takes grows with its rows, and one row takes about what a vector does. */
#include "kernel/isa.h"
#include "kernel/isa_turns.h"
#include "kernel/isa_vector.h"

#include <string.h>

/* k that are at hand at a time, vectors of all columns, and rows whose sums are in registers together. */
enum { ALL_COLS = PLMR_PACKED_COLS, BLOCK_K = 64, ALL_VECTORS = ALL_COLS / LANES };
#if defined(PLMR_ISA_AVX512)
enum { MOST_GROUP = 8 };
#elif defined(PLMR_ISA_AVX2)
enum { MOST_GROUP = 3 };
#else
enum { MOST_GROUP = 1 };
#endif
enum { HALF_GROUP = (MOST_GROUP + 1) / 2 };

/* Of elements k <= kk < end of all columns, those of kk are row number kk - k of `of`. */
struct block {
    int64_t k, end;
    const void *of;
};

/* ---- sums ---- */

PLMR_INLINE void load_sums(int n, const float *from, vf sum[MOST_GROUP][ALL_VECTORS])
{
    PLMR_EACH(i, n)
        PLMR_EACH(v, ALL_VECTORS)
            sum[i][v] = vf_load(from + i * ALL_COLS + v * LANES);
}

PLMR_INLINE void store_sums(int n, vf sum[MOST_GROUP][ALL_VECTORS], float *to)
{
    PLMR_EACH(i, n)
        PLMR_EACH(v, ALL_VECTORS)
            vf_store(to + i * ALL_COLS + v * LANES, sum[i][v]);
}

/* For all chains. */
PLMR_INLINE void add_all(int n, enum plmr_dtype dtype, const plmr_packed_product *p, int first, struct block b)
{
    vf sum[MOST_GROUP][ALL_VECTORS];
    load_sums(n, p->sums + first * ALL_COLS, sum);
    const float *a = p->a + (size_t)b.k * p->pitch + first;
    for (size_t row = 0, end = (size_t)(b.end - b.k); row < end; row++, a += p->pitch)
        PLMR_EACH(v, ALL_VECTORS) {
            vf x = vf_load_as(dtype, b.of, row * ALL_COLS + (size_t)(v * LANES));
            PLMR_EACH(i, n)
                sum[i][v] = vf_fma(a[i], x, sum[i][v]);
        }
    store_sums(n, sum, p->sums + first * ALL_COLS);
}

PLMR_INLINE void add_some(enum plmr_dtype dtype, const plmr_packed_product *p, const struct turn *t, int i,
                          struct block b)
{
    vf sum[MOST_GROUP][ALL_VECTORS];
    load_sums(1, p->sums + i * ALL_COLS, sum);
    for (int32_t k = (int32_t)b.k; k < (int32_t)b.end; k++)
        PLMR_EACH(v, ALL_VECTORS) {
            vmask mask = takes_k(t->second, p->start + i * ALL_COLS + v * LANES, k);
            vf x = vf_load_as(dtype, b.of, (size_t)((k - b.k) * ALL_COLS + v * LANES));
            sum[0][v] = vf_step_where(mask, false, p->a[(size_t)k * p->pitch + (size_t)i], x, sum[0][v]);
        }
    store_sums(1, sum, p->sums + i * ALL_COLS);
}

PLMR_INLINE struct block between(enum plmr_dtype dtype, const struct block *b, struct stretch s)
{
    return (struct block){s.k, s.end,
                          (const char *)b->of + (size_t)((s.k - b->k) * ALL_COLS) * plmr_dtype_bytes(dtype)};
}

/* A loop of its own for every number of rows that are worked on together. */
PLMR_INLINE void add_block(enum plmr_dtype dtype, const plmr_packed_product *p, const struct turn *t,
                           const struct block *b)
{
    struct block some = between(dtype, b, some_of(t, b->k, b->end));
    struct block all = between(dtype, b, all_of(t, b->k, b->end));
    for (int i = 0; i < p->n_rows && !t->second && some.k < some.end; i++)
        add_some(dtype, p, t, i, some);
    for (int i = 0, n; i < p->n_rows && all.k < all.end; i += n) {
        n = p->n_rows - i >= MOST_GROUP ? MOST_GROUP : p->n_rows - i >= HALF_GROUP ? HALF_GROUP : 1;
        if (n == MOST_GROUP)
            add_all(MOST_GROUP, dtype, p, i, all);
        else if (n == HALF_GROUP)
            add_all(HALF_GROUP, dtype, p, i, all);
        else
            add_all(1, dtype, p, i, all);
    }
    for (int i = 0; i < p->n_rows && t->second && some.k < some.end; i++)
        add_some(dtype, p, t, i, some);
}

/* ---- turns ---- */

PLMR_INLINE void widen(bool listed, const plmr_packed_product *p, const struct block *b, float *to)
{
    static const uint16_t zeros[ALL_COLS];
    for (int64_t k = b->k; k < b->end; k++, to += ALL_COLS) {
        const uint16_t *row = !listed ? p->rows + k * ALL_COLS : p->row[k] < 0 ? zeros : p->rows + p->row[k] * ALL_COLS;
        PLMR_EACH(v, ALL_VECTORS)
            vf_store(to + v * LANES, vf_load_as(PLMR_F16, row, (size_t)(v * LANES)));
    }
}

/* What a few rows want once is not widened beforehand. */
static void add_from(const plmr_packed_product *p, const struct turn *t, int64_t k, int64_t end)
{
    _Alignas(PLMR_LINE_BYTES) float wide[BLOCK_K * ALL_COLS];
    struct block b = {k, plmr_smaller(k + BLOCK_K, end), wide};
    if (p->row)
        widen(true, p, &b, wide);
    else if (p->n_rows > MOST_GROUP)
        widen(false, p, &b, wide);
    else {
        b.of = p->rows + k * ALL_COLS;
        add_block(PLMR_F16, p, t, &b);
        return;
    }
    add_block(PLMR_F32, p, t, &b);
}

static void multiply(const plmr_packed_product *p)
{
    size_t n = (size_t)(p->n_rows * ALL_COLS);
    struct turn t = first_turn(n, p->start, p->n_k);
    memset(p->sums, 0, n * sizeof *p->sums);
    for (int64_t k = t.lo; k < p->n_k; k += BLOCK_K)
        add_from(p, &t, k, p->n_k);
    add_zeros(p->padded ? n : 0, p->start, 0, p->sums);
    t.second = true;
    for (int64_t k = 0; k < t.hi; k += BLOCK_K)
        add_from(p, &t, k, t.hi);
    add_zeros(p->padded ? n : 0, p->start, p->n_k + 1, p->sums);
}

const plmr_few_packed_functions PLMR_ISA_FEW_PACKED_TABLE = {.multiply = multiply};
