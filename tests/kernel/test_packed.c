/* The functions of packed.h in every instruction set that this machine has, bit for bit against the decoders of quant.c and plain
 * loops. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/half.h"
#include "kernel/packed.h"
#include "model/quant.h"
#include "reference.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    COLS = PLMR_PACKED_COLS,
    GROUP = PLMR_PACKED_PART,
    N_BLOCKS = 5,
    MISSING = 3,
    MOST_TYPES = PLMR_QUANT_MOST_TYPES
};

/* Bytes of random blocks: every 16 bits occur as a scale, infinities, NaNs, zeros of both signs and subnormals among them, at
 * addresses that are not aligned. One column is not there. */
static unsigned char *make_blocks(const plmr_quant *quant, uint32_t seed, const unsigned char *from[COLS])
{
    static const uint16_t scales[] = {0x0000, 0x8000, 0x7c00, 0xfc00, 0x7e00, 0x0001, 0x8001, 0x03ff, 0x7bff, 0xfbff};
    size_t row_bytes = (size_t)(quant->n_bytes * N_BLOCKS) + 1, n = row_bytes * COLS;
    unsigned char *bytes = must_allocate(n);
    for (size_t i = 0; i < n; i++)
        bytes[i] = (unsigned char)hash(seed, (uint32_t)i, 1, 2);
    for (int j = 0; j < COLS; j++)
        from[j] = j == MISSING ? NULL : bytes + (size_t)j * row_bytes;
    for (int i = 0; i < 10; i++) { /* where Q4_K has d, and m, and others something else; where Q6_K has d */
        unsigned char *at = bytes + (size_t)(i + 5) * row_bytes;
        memcpy(at, &scales[i], 2);
        memcpy(at + quant->n_bytes + 2, &scales[i], 2);
        memcpy(at + 3 * quant->n_bytes - 2, &scales[i], 2);
    }
    return bytes;
}

static bool same_half(uint16_t a, uint16_t b)
{
    return a == b || ((a & 0x7fff) > 0x7c00 && (b & 0x7fff) > 0x7c00);
}

static void check_widen(const plmr_isa *isa, const plmr_quant *quant, uint32_t seed)
{
    const unsigned char *from[COLS];
    int n = quant->n_elements * N_BLOCKS;
    unsigned char wanted[N_BLOCKS * PLMR_PACKED_BLOCK / GROUP];
    unsigned char *blocks = make_blocks(quant, seed, from);
    uint16_t *rows = must_allocate((size_t)(n * COLS) * sizeof *rows);
    float *values = must_allocate((size_t)n * sizeof *values);
    for (int i = 0; i < n / GROUP; i++)
        wanted[i] = seed % 3 == 0 || hash(seed, (uint32_t)i, 5, 6) % 3 > 0;
    memset(rows, 0x55, (size_t)(n * COLS) * sizeof *rows);
    isa->packed->widen(quant->packing, N_BLOCKS, wanted, from, seed % 2 ? from : NULL, rows);
    for (int j = 0; j < COLS; j++) {
        if (from[j])
            quant->decode(from[j], N_BLOCKS, values);
        for (int k = 0; k < n; k++)
            if (wanted[k / GROUP])
                assert_true(same_half(rows[k * COLS + j], from[j] ? plmr_f16_from_float(values[k]) : 0));
            else if (from[j])
                assert_int_equal(rows[k * COLS + j], 0x5555);
    }
    free(values);
    free(rows);
    free(blocks);
}

static void blocks_widen_as_they_are_decoded(void **state)
{
    int n_packings = 0;
    (void)state;
    for (uint32_t type = 0; type < MOST_TYPES; type++) {
        const plmr_quant *quant = plmr_quant_find(type);
        if (!quant || !quant->packing)
            continue;
        n_packings++;
        for (int i = 0; i < N_ISAS; i++)
            for (uint32_t seed = 0; isa_number(i) && seed < 20; seed++)
                check_widen(isa_number(i), quant, seed);
    }
    assert_int_equal(n_packings, PLMR_N_PACKINGS - 1);
}

/* Places [first, end) of chunks of kt, in two pieces; listed: by rows in another order, some of which are zeros. */
static void check_add(const plmr_isa *isa, int kt, int first, int middle, int end, bool listed)
{
    uint16_t *rows = must_allocate((size_t)(end * COLS) * sizeof *rows);
    int32_t *row = must_allocate((size_t)end * sizeof *row);
    float *x = must_allocate((size_t)end * sizeof *x),
          *sums = must_allocate((size_t)((end / kt + 1) * COLS) * sizeof *sums),
          *want = must_allocate(COLS * sizeof *want);
    for (int i = 0; i < end * COLS; i++)
        rows[i] = (uint16_t)element_bits(PLMR_F16, false, hash(7, (uint32_t)i, 3, 4));
    for (int k = 0; k < end; k++) {
        row[k] = k % 5 == 2 ? -1 : (k + 11) % end;
        x[k] = element_value(PLMR_F32, element_bits(PLMR_F32, false, hash(8, (uint32_t)k, 3, 4)));
    }
    plmr_gemv_rows job = {kt, first, middle, x, listed ? rows : rows + first * COLS, listed ? row : NULL, sums};
    isa->packed->add_rows(&job);
    job.first = middle;
    job.end = end;
    job.rows = listed ? rows : NULL; /* zeros */
    isa->packed->add_rows(&job);
    for (int c = first / kt; c * kt < end; c++) {
        memset(want, 0, COLS * sizeof *want);
        for (int k = c * kt; k < end && k < (c + 1) * kt; k++)
            for (int j = 0; j < COLS; j++) {
                int at = listed ? row[k] : k < middle ? k : -1;
                want[j] = fmaf(x[k], at < 0 ? 0 : plmr_float_from_f16(rows[at * COLS + j]), want[j]);
            }
        for (int j = 0; j < COLS; j++)
            assert_true(same_bits(sums[c * COLS + j], want[j]));
    }
    free(want);
    free(sums);
    free(x);
    free(row);
    free(rows);
}

static void rows_are_added(void **state)
{
    static const int cases[][4] = {
        {1, 0, 3, 5}, {6, 6, 100, 160}, {16, 0, 64, 64}, {7, 14, 15, 161}, {40, 0, 999, 1000}};
    (void)state;
    for (int i = 0; i < N_ISAS; i++)
        for (int j = 0; isa_number(i) && j < 10; j++) {
            const int *c = cases[j / 2];
            check_add(isa_number(i), c[0], c[1], c[2], c[3], j % 2);
        }
}

/* ---- products of few rows ---- */

typedef struct few_case {
    int n_rows, n_k, n_zeros;
    bool listed, tiny; /* tiny: products are less than the least float, so that sums are zeros of either sign */
} few_case;

static float few_element(const plmr_packed_product *p, int k, int j)
{
    int row = k >= p->n_k ? -1 : p->row ? p->row[k] : k;
    return row < 0 ? 0 : plmr_float_from_f16(p->rows[row * COLS + j]);
}

static void check_few_sums(const plmr_isa *isa, const few_case *c, const plmr_packed_product *p)
{
    for (int at = 0, n = c->n_k + c->n_zeros; at < c->n_rows * COLS; at++) {
        float sum = 0;
        for (int turn = 0, k = p->start[at]; turn < n; turn++, k = (k + 1) % n)
            sum = fmaf(k < c->n_k ? p->a[(size_t)k * p->pitch + (size_t)(at / COLS)] : 0, few_element(p, k, at % COLS),
                       sum);
        if (!same_bits(p->sums[at], sum))
            fail_msg("%s: %d rows, %d k, %d zeros, listed %d: sum %d of row %d is %a, not %a", isa->name, c->n_rows,
                     c->n_k, c->n_zeros, c->listed, at % COLS, at / COLS, (double)p->sums[at], (double)sum);
    }
}

/* Chains start within `span` places from `first` on. */
static void check_few(const plmr_isa *isa, const few_case *c, int first, int span)
{
    size_t pitch = (size_t)(c->n_rows + first % 3), n_sums = (size_t)(c->n_rows * COLS), n_a = (size_t)c->n_k * pitch;
    float *a = must_allocate(n_a * sizeof *a), *sums = must_allocate(n_sums * sizeof *sums);
    uint16_t *rows = must_allocate((size_t)(c->n_k * COLS) * sizeof *rows);
    int32_t *row = must_allocate((size_t)c->n_k * sizeof *row), *start = must_allocate(n_sums * sizeof *start);
    for (size_t i = 0; i < n_a; i++) {
        float value = element_value(PLMR_F32, element_bits(PLMR_F32, false, hash(9, (uint32_t)i, 3, 4)));
        a[i] = !c->tiny ? value : i % 3 ? 1e-45F : -1e-45F;
    }
    for (int i = 0; i < c->n_k * COLS; i++)
        rows[i] = (uint16_t)element_bits(PLMR_F16, false, hash(7, (uint32_t)i, 3, 4));
    for (int k = 0; k < c->n_k; k++)
        row[k] = k % 5 == 2 ? -1 : (k + 11) % c->n_k;
    for (size_t i = 0; i < n_sums; i++)
        start[i] = (first + (int)(i * 7 % (size_t)span)) % (c->n_k + c->n_zeros);
    plmr_packed_product p = {c->n_rows, pitch, c->n_k, c->n_zeros > 0, start, a, rows, c->listed ? row : NULL, sums};
    isa->few_packed->multiply(&p);
    check_few_sums(isa, c, &p);
    free(start);
    free(row);
    free(rows);
    free(sums);
    free(a);
}

static void few_rows_meet_columns(void **state)
{
    enum { N_ROWS = 7, N_LENGTHS = 5, EACH = N_ROWS * N_LENGTHS * 6 };
    static const int rows[N_ROWS] = {1, 2, 3, 5, 8, 13, 16}, lengths[N_LENGTHS] = {1, 5, 64, 100, 333};
    (void)state;
    for (int i = 0; i < N_ISAS * EACH; i++) {
        const plmr_isa *isa = isa_number(i / EACH);
        few_case c = {rows[i / 30 % N_ROWS], lengths[i / 6 % N_LENGTHS], i % 3 * 3, i % 2, i % 6 == 4 || i % 6 == 5};
        for (int first = 0; isa && first < c.n_k + c.n_zeros; first += 1 + c.n_k / 7)
            check_few(isa, &c, first, 1 + i % (c.n_k + 2));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_widen_as_they_are_decoded),
        cmocka_unit_test(rows_are_added),
        cmocka_unit_test(few_rows_meet_columns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
