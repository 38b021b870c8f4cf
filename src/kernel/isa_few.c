/* Compiled once for every instruction set (see meson.build). As in isa.c everything but the table is static.
 *
 * A vector holds rows, and an element of a column is spread over it: so columns are widened as they lie, and nothing is turned.
 * Some k of all columns are widened at a time, and stay in the nearest cache while all rows' sums run through them. */
#include "kernel/isa.h"

#include "kernel/isa_turns.h"
#include "kernel/isa_vector.h"

#include <string.h>

/* k that are widened at a time, elements by which lines are fetched ahead, and vectors of rows that are worked on together. */
enum { COLS_ALL = PLMR_FEW_COLS, BLOCK_K = 64, AHEAD = 4 * BLOCK_K, MOST_VECTORS = 3 };

/* Elements from k on: of column j, those of k kk are at block[j * col + kk * row]. */
struct block {
    int64_t k, end;
    const char *const *fetch; /* by column: that line is to be fetched, from byte fetch_at on; NULL: none */
    size_t fetch_at;
    float of[COLS_ALL * BLOCK_K];
};

/* ---- columns ---- */

/* What is read so far behind k: of this turn, of the second, or of the columns that follow. */
PLMR_INLINE void find_ahead(enum plmr_dtype dtype, const plmr_few_product *p, const struct turn *t, struct block *b)
{
    int64_t at = b->k + AHEAD, end = t->second ? t->hi : p->n_k;
    const char *const *from = at < end || !t->second ? p->from : p->next;
    at = at < end ? at : at - end + (t->second ? t->lo : 0);
    b->fetch = at < p->n_k ? from : NULL;
    b->fetch_at = (size_t)at * plmr_dtype_bytes(dtype);
}

PLMR_INLINE void widen_lines(enum plmr_dtype dtype, const plmr_few_product *p, struct block *b)
{
    size_t at = (size_t)b->k * plmr_dtype_bytes(dtype);
    for (int j = 0; j < COLS_ALL; j++)
        if (b->end - b->k == BLOCK_K)
            to_float_as(dtype, BLOCK_K, p->from[j] + at, b->of + j * BLOCK_K);
        else
            to_float_as(dtype, b->end - b->k, p->from[j] + at, b->of + j * BLOCK_K);
}

PLMR_INLINE void widen_strip(enum plmr_dtype dtype, const plmr_few_product *p, struct block *b)
{
    size_t at = (size_t)b->k * COLS_ALL * plmr_dtype_bytes(dtype);
    to_float_as(dtype, (b->end - b->k) * COLS_ALL, (const char *)p->strip + at, b->of);
}

/* ---- sums ---- */

/* Columns whose sums are in registers together. */
enum { MOST_GROUP = 8 };

PLMR_INLINE int group_of(int vectors)
{
    return vectors == 1 ? MOST_GROUP : MOST_GROUP / 2;
}

/* Elements k <= kk < end of a group of columns, for so many vectors of rows. */
struct piece {
    int64_t k, end;
    const float *a, *b;
    const int32_t *start;
    float *sums;
    size_t pitch;
};

PLMR_INLINE void load_sums(int vectors, const struct piece *p, vf sum[MOST_GROUP][MOST_VECTORS])
{
    const int group = group_of(vectors);
    PLMR_EACH(j, group)
        PLMR_EACH(v, vectors)
            sum[j][v] = vf_load(p->sums + (size_t)j * p->pitch + v * LANES);
}

PLMR_INLINE void store_sums(int vectors, vf sum[MOST_GROUP][MOST_VECTORS], const struct piece *p)
{
    const int group = group_of(vectors);
    PLMR_EACH(j, group)
        PLMR_EACH(v, vectors)
            vf_store(p->sums + (size_t)j * p->pitch + v * LANES, sum[j][v]);
}

PLMR_INLINE void add_k(int vectors, int col, const float *a, const float *b, vf sum[MOST_GROUP][MOST_VECTORS])
{
    const int group = group_of(vectors);
    PLMR_EACH(j, group)
        PLMR_EACH(v, vectors)
            sum[j][v] = vf_fma(b[j * col], vf_load(a + v * LANES), sum[j][v]);
}

/* For all chains. */
PLMR_INLINE void add_all(int vectors, int row, int col, const struct piece *p)
{
    vf sum[MOST_GROUP][MOST_VECTORS];
    load_sums(vectors, p, sum);
    const float *a = p->a, *b = p->b;
    for (int64_t k = p->k; k < p->end; k++, a += p->pitch, b += row)
        add_k(vectors, col, a, b, sum);
    store_sums(vectors, sum, p);
}

/* The same of a whole block, whose columns' lines are fetched meanwhile: the processor drops what comes faster. */
PLMR_INLINE void add_and_fetch(int vectors, size_t element, const struct piece *p, const char *const *fetch, size_t at)
{
    enum { K = BLOCK_K / MOST_GROUP };
    vf sum[MOST_GROUP][MOST_VECTORS];
    load_sums(vectors, p, sum);
    const float *a = p->a, *b = p->b;
    for (int line = 0; line < MOST_GROUP; line++) {
        if (line < group_of(vectors))
            for (size_t byte = 0; byte < BLOCK_K * element; byte += PLMR_LINE_BYTES)
                __builtin_prefetch(fetch[line] + at + byte, 0, 2);
        PLMR_EACH(k, K) {
            add_k(vectors, BLOCK_K, a, b, sum);
            a += p->pitch;
            b++;
        }
    }
    store_sums(vectors, sum, p);
}

PLMR_INLINE void add_some(int vectors, bool second, int row, int col, const struct piece *p)
{
    const int group = group_of(vectors);
    vf sum[MOST_GROUP][MOST_VECTORS];
    load_sums(vectors, p, sum);
    const float *a = p->a, *b = p->b;
    for (int32_t k = (int32_t)p->k; k < (int32_t)p->end; k++, a += p->pitch, b += row)
        PLMR_EACH(j, group)
            PLMR_EACH(v, vectors) {
                vmask mask = takes_k(second, p->start + (size_t)j * p->pitch + v * LANES, k);
                sum[j][v] = vf_step_where(mask, false, b[j * col], vf_load(a + v * LANES), sum[j][v]);
            }
    store_sums(vectors, sum, p);
}

PLMR_INLINE struct piece piece_of(const plmr_few_product *p, const struct block *b, int row, int col, int first_row,
                                  int first_col, struct stretch s)
{
    size_t at = (size_t)first_col * p->pitch + (size_t)first_row;
    return (struct piece){s.k,
                          s.end,
                          p->a + (size_t)s.k * p->pitch + first_row,
                          b->of + first_col * col + (s.k - b->k) * row,
                          p->start + at,
                          p->sums + at,
                          p->pitch};
}

PLMR_INLINE void add_group(int vectors, bool lines, size_t element, const plmr_few_product *p, const struct turn *t,
                           const struct block *b, int first_row, int first_col)
{
    const int row = lines ? 1 : COLS_ALL, col = lines ? BLOCK_K : 1;
    struct piece some = piece_of(p, b, row, col, first_row, first_col, some_of(t, b->k, b->end));
    struct piece all = piece_of(p, b, row, col, first_row, first_col, all_of(t, b->k, b->end));
    if (!t->second && some.k < some.end)
        add_some(vectors, false, row, col, &some);
    if (lines && b->fetch && first_row == 0 && all.end - all.k == BLOCK_K)
        add_and_fetch(vectors, element, &all, b->fetch + first_col, b->fetch_at);
    else if (all.k < all.end)
        add_all(vectors, row, col, &all);
    if (t->second && some.k < some.end)
        add_some(vectors, true, row, col, &some);
}

PLMR_INLINE void add_columns(int vectors, bool lines, size_t element, const plmr_few_product *p, const struct turn *t,
                             const struct block *b, int first_row)
{
    for (int col = 0; col < COLS_ALL; col += group_of(vectors))
        add_group(vectors, lines, element, p, t, b, first_row, col);
}

/* A loop of its own for every number of vectors. */
PLMR_INLINE void add_rows(bool lines, size_t element, const plmr_few_product *p, const struct turn *t,
                          const struct block *b)
{
    for (int row = 0; row < (int)p->pitch; row += MOST_VECTORS * LANES)
        switch (((int)p->pitch - row) / LANES) {
        case 1:
            add_columns(1, lines, element, p, t, b, row);
            break;
        case 2:
            add_columns(2, lines, element, p, t, b, row);
            break;
        default:
            add_columns(3, lines, element, p, t, b, row);
        }
}

/* ---- turns ---- */

PLMR_INLINE void add_block(enum plmr_dtype dtype, bool lines, const plmr_few_product *p, const struct turn *t,
                           int64_t k, int64_t end)
{
    _Alignas(PLMR_LINE_BYTES) struct block b;
    b.k = k;
    b.end = plmr_smaller(k + BLOCK_K, end);
    if (lines) {
        find_ahead(dtype, p, t, &b);
        widen_lines(dtype, p, &b);
    } else
        widen_strip(dtype, p, &b);
    add_rows(lines, plmr_dtype_bytes(dtype), p, t, &b);
}

PLMR_INLINE void run(enum plmr_dtype dtype, bool lines, const plmr_few_product *p)
{
    size_t n = COLS_ALL * p->pitch;
    struct turn t = first_turn(n, p->start, p->n_k);
    memset(p->sums, 0, n * sizeof *p->sums);
    for (int64_t k = t.lo / BLOCK_K * BLOCK_K; k < p->n_k; k += BLOCK_K)
        add_block(dtype, lines, p, &t, k, p->n_k);
    add_zeros(p->padded ? n : 0, p->start, 0, p->sums);
    t.second = true;
    for (int64_t k = 0; k < t.hi; k += BLOCK_K)
        add_block(dtype, lines, p, &t, k, t.hi);
    add_zeros(p->padded ? n : 0, p->start, p->n_k + 1, p->sums);
}

static void multiply(enum plmr_dtype dtype, const plmr_few_product *p)
{
#define PLMR_FEW(constant, lines)                                                                                      \
    if (dtype == constant && !p->from == !lines)                                                                       \
    run(constant, lines, p)
    PLMR_FEW(PLMR_F32, true);
    PLMR_FEW(PLMR_F16, true);
    PLMR_FEW(PLMR_BF16, true);
    PLMR_FEW(PLMR_F32, false);
    PLMR_FEW(PLMR_F16, false);
    PLMR_FEW(PLMR_BF16, false);
#undef PLMR_FEW
}

const plmr_few_functions PLMR_ISA_FEW_ROWS_TABLE = {.lanes = LANES, .multiply = multiply};
