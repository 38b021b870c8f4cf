/* Every kernel of every instruction set that this machine has, bit for bit against plain loops: what a core computes
 * when it meets its k one after the other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/half.h"
#include "kernel/gemm_block.h"
#include "kernel/isa.h"
#include "kernel/kernel.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const isa_names[] = {"portable", "avx2", "avx512"};
enum { N_ISAS = sizeof isa_names / sizeof isa_names[0] };

/* ---- numbers ---- */

static uint32_t hash(uint32_t a, uint32_t b, uint32_t c, uint32_t d)
{
    uint32_t h = a * 0x9e3779b1u ^ b * 0x85ebca77u ^ c * 0xc2b2ae3du ^ d * 0x27d4eb2fu;
    h = (h ^ h >> 15) * 0x2c1b3c6du;
    h = (h ^ h >> 12) * 0x297a2d39u;
    return h ^ h >> 15;
}

static uint32_t random_seed = 1;

static int random_below(int n)
{
    return (int)(hash(random_seed++, 77, 7, 0) % (uint32_t)n);
}

/* Nearest f16 by way of double arithmetic: the spacing of the value's binade, or of the subnormals. */
static double nearest_f16(double value)
{
    if (isnan(value) || isinf(value) || value == 0)
        return value;
    int exponent;
    frexp(value, &exponent);
    int spacing = exponent - 11 < -24 ? -24 : exponent - 11;
    double nearest = ldexp(nearbyint(ldexp(value, -spacing)), spacing);
    return fabs(nearest) > 65504 ? copysign(INFINITY, value) : copysign(nearest, value);
}

static double value_of_f16(unsigned half)
{
    int exponent = (int)(half >> 10 & 31);
    double fraction = half & 1023, sign = half & 0x8000 ? -1 : 1;
    if (exponent == 31)
        return fraction != 0 ? NAN : sign * INFINITY;
    return sign * (exponent == 0 ? ldexp(fraction, -24) : ldexp(fraction + 1024, exponent - 25));
}

static double value_of_bf16(unsigned brain)
{
    int exponent = (int)(brain >> 7 & 255);
    double fraction = brain & 127, sign = brain & 0x8000 ? -1 : 1;
    if (exponent == 255)
        return fraction != 0 ? NAN : sign * INFINITY;
    return sign * (exponent == 0 ? ldexp(fraction, -133) : ldexp(fraction + 128, exponent - 134));
}

/* An element as it is stored. Different magnitudes, so that every other order of additions shows; some are zero. */
static uint32_t element_bits(enum plmr_dtype dtype, uint32_t h)
{
    uint32_t sign = h >> 31, low = h >> 8 & 0x7fffff, exponent = h % 12;
    if (h % 97 == 0)
        return dtype == PLMR_F32 ? sign << 31 : sign << 15;
    if (dtype == PLMR_F32)
        return sign << 31 | (118 + exponent) << 23 | low;
    if (dtype == PLMR_F16)
        return sign << 15 | (6 + exponent) << 10 | (low & 1023);
    return sign << 15 | (118 + exponent) << 7 | (low & 127);
}

static float element_value(enum plmr_dtype dtype, uint32_t bits)
{
    float value;
    if (dtype != PLMR_F32)
        return (float)(dtype == PLMR_F16 ? value_of_f16(bits) : value_of_bf16(bits));
    memcpy(&value, &bits, sizeof value);
    return value;
}

static void put_element(enum plmr_dtype dtype, void *array, size_t at, uint32_t bits)
{
    if (dtype == PLMR_F32)
        ((uint32_t *)array)[at] = bits;
    else
        ((uint16_t *)array)[at] = (uint16_t)bits;
}

static uint32_t nan_bits(enum plmr_dtype dtype)
{
    return dtype == PLMR_F32 ? 0x7fc00000u : dtype == PLMR_F16 ? 0x7e00u : 0x7fc0u;
}

static bool same_bits(float a, float b)
{
    return memcmp(&a, &b, sizeof a) == 0 || (isnan(a) && isnan(b));
}

static float multiply_add(enum plmr_dtype accumulate, float a, float b, float c)
{
    float sum = fmaf(a, b, c);
    return accumulate == PLMR_F16 ? (float)nearest_f16(sum) : sum;
}

static void *must_allocate(size_t n_bytes)
{
    void *memory = malloc(n_bytes ? n_bytes : 1);
    assert_non_null(memory);
    return memory;
}

/* ---- the batches of a GEMM ---- */

enum { MOST_RUNS = 3, MOST_SLOTS = 32 };

typedef struct product {
    plmr_gemm_block block;
    plmr_run row_runs[MOST_RUNS], col_runs[MOST_RUNS];
    uint32_t seed;
    size_t l2_bytes, l3_bytes;
} product;

static int count_chunks(const plmr_run *runs, int n)
{
    int sum = 0;
    for (int i = 0; i < n; i++)
        sum += runs[i].count;
    return sum;
}

static int chunk_at(const plmr_run *runs, int place)
{
    while (place >= runs->count)
        place -= runs++->count;
    return runs->first + place;
}

static int slot_of(const plmr_gemm_block *block, int x, int y, int t)
{
    return (block->skewed ? x + y + t : t) % block->n_slots;
}

static uint32_t factor_bits(const product *p, bool is_b, int chunk, int slot, int kk, int i)
{
    uint32_t h = hash(p->seed + is_b, (uint32_t)chunk, (uint32_t)(slot * p->block.kt + kk), (uint32_t)i);
    return element_bits(p->block.dtype, h);
}

static float factor(const product *p, bool is_b, int chunk, int slot, int kk, int i)
{
    return element_value(p->block.dtype, factor_bits(p, is_b, chunk, slot, kk, i));
}

/* Does the block multiply the k slot of this row chunk (or column chunk) in steps t0 <= t < t1? */
static bool is_needed(const product *p, bool is_b, int chunk, int slot)
{
    const plmr_gemm_block *block = &p->block;
    const plmr_run *others = is_b ? block->row_runs : block->col_runs;
    int n_others = count_chunks(others, is_b ? block->n_row_runs : block->n_col_runs);
    for (int other = 0; other < n_others; other++)
        for (int t = block->t0; t < block->t1; t++)
            if (slot_of(block, chunk, chunk_at(others, other), t) == slot)
                return true;
    return false;
}

/* Sets a line's tiles; those that the batch does not need become NaN. NULL if it needs none. */
static void *make_line(const product *p, bool is_b, int line)
{
    const plmr_gemm_block *block = &p->block;
    const plmr_run *runs = is_b ? block->col_runs : block->row_runs;
    bool aligned = is_b ? block->b_aligned : block->a_aligned, used = false;
    int n = count_chunks(runs, is_b ? block->n_col_runs : block->n_row_runs), size = is_b ? block->ns : block->ms;
    void *memory = must_allocate((size_t)(n * block->kt * size) * plmr_dtype_bytes(block->dtype));
    for (int place = 0; place < n; place++) {
        int chunk = chunk_at(runs, place), slot = aligned ? (line + chunk) % block->n_slots : line;
        bool needed = is_needed(p, is_b, chunk, slot);
        used |= needed;
        for (int kk = 0; kk < block->kt; kk++)
            for (int i = 0; i < size; i++)
                put_element(block->dtype, memory, (size_t)((place * block->kt + kk) * size + i),
                            needed ? factor_bits(p, is_b, chunk, slot, kk, i) : nan_bits(block->dtype));
    }
    if (used)
        return memory;
    free(memory);
    return NULL;
}

static void run_batch(const plmr_isa *isa, product *p, int t0, int t1)
{
    void *a_line[MOST_SLOTS], *b_line[MOST_SLOTS];
    plmr_gemm_scratch *scratch;
    p->block.t0 = t0;
    p->block.t1 = t1;
    for (int line = 0; line < p->block.n_slots; line++) {
        a_line[line] = make_line(p, false, line);
        b_line[line] = make_line(p, true, line);
    }
    p->block.a_line = (const void *const *)a_line;
    p->block.b_line = (const void *const *)b_line;
    assert_null(plmr_gemm_scratch_create(p->l2_bytes, p->l3_bytes, &scratch));
    assert_null(plmr_gemm_block_run_with(isa, &p->block, scratch));
    plmr_gemm_scratch_destroy(scratch);
    for (int line = 0; line < p->block.n_slots; line++) {
        free(a_line[line]);
        free(b_line[line]);
    }
}

static float start_value(const product *p, size_t row, size_t col)
{
    float value = element_value(PLMR_F32, element_bits(PLMR_F32, hash(p->seed, (uint32_t)row, (uint32_t)col, 99)));
    return p->block.accumulate == PLMR_F16 ? (float)nearest_f16(value) : value;
}

/* What steps t0 <= t < t1 make of one element of C. */
static float expected(const product *p, int row, int col, int t0, int t1)
{
    const plmr_gemm_block *block = &p->block;
    int x = chunk_at(block->row_runs, row / block->ms), i = row % block->ms;
    int y = chunk_at(block->col_runs, col / block->ns), j = col % block->ns;
    float c = start_value(p, (size_t)row, (size_t)col);
    for (int t = t0; t < t1; t++) {
        int slot = slot_of(block, x, y, t);
        for (int kk = 0; kk < block->kt; kk++)
            c = multiply_add(block->accumulate, factor(p, false, x, slot, kk, i), factor(p, true, y, slot, kk, j), c);
    }
    return c;
}

static void describe(const plmr_isa *isa, const product *p, int row, int col)
{
    const plmr_gemm_block *b = &p->block;
    print_error(
        "%s: element %d %d; n_slots %d kt %d ms %d ns %d skewed %d aligned %d %d dtype %d accumulate %d, t1 %d\n",
        isa->name, row, col, b->n_slots, b->kt, b->ms, b->ns, b->skewed, b->a_aligned, b->b_aligned, b->dtype,
        b->accumulate, b->t1);
    for (int i = 0; i < b->n_row_runs; i++)
        print_error("rows %d +%d\n", b->row_runs[i].first, b->row_runs[i].count);
    for (int i = 0; i < b->n_col_runs; i++)
        print_error("cols %d +%d\n", b->col_runs[i].first, b->col_runs[i].count);
}

/* Runs the batches cuts[0] <= t < cuts[1] <= ... on a C with a margin that nobody may write to. */
static void check_product(const plmr_isa *isa, product *p, const int *cuts, int n_cuts)
{
    enum { MARGIN = 3 };
    p->block.row_runs = p->row_runs;
    p->block.col_runs = p->col_runs;
    int n_rows = count_chunks(p->row_runs, p->block.n_row_runs) * p->block.ms;
    int n_cols = count_chunks(p->col_runs, p->block.n_col_runs) * p->block.ns;
    size_t ldc = (size_t)n_cols + MARGIN;
    p->block.ldc = ldc;
    p->block.c = must_allocate((size_t)n_rows * ldc * sizeof(float));
    for (size_t i = 0; i < (size_t)n_rows * ldc; i++)
        p->block.c[i] = start_value(p, i / ldc, i % ldc);
    for (int i = 0; i + 1 < n_cuts; i++)
        run_batch(isa, p, cuts[i], cuts[i + 1]);
    for (int row = 0; row < n_rows; row++)
        for (int col = 0; col < n_cols + MARGIN; col++) {
            float got = p->block.c[(size_t)row * ldc + (size_t)col];
            float want = col < n_cols ? expected(p, row, col, cuts[0], cuts[n_cuts - 1])
                                      : start_value(p, (size_t)row, (size_t)col);
            if (!same_bits(got, want)) {
                describe(isa, p, row, col);
                fail_msg("%a is not %a", (double)got, (double)want);
            }
        }
    free(p->block.c);
}

/* Runs that share no chunk, in any order: cuts the ring into pieces and takes some of them. */
static int random_runs(plmr_run *runs, int n_slots)
{
    int n = 0, at = random_below(2) * random_below(n_slots), most = 1 + random_below(MOST_RUNS);
    while (n < most && at < n_slots) {
        int count = 1 + random_below(n_slots - at);
        runs[n++] = (plmr_run){at, count};
        at += count + random_below(3);
    }
    if (n == 0)
        runs[n++] = (plmr_run){0, n_slots};
    if (n > 1 && random_below(2)) {
        plmr_run first = runs[0];
        runs[0] = runs[n - 1];
        runs[n - 1] = first;
    }
    return n;
}

static int random_of(const int *values, int n)
{
    return values[random_below(n)];
}

static product random_product(void)
{
    static const int slots[] = {1, 2, 3, 4, 5, 7, 13, 16, 18}, sizes[] = {1, 2, 3, 5, 6, 8, 13},
                     caches[] = {0, 1, 1 << 14};
    static const int depths[] = {1, 2, 3, 5, 6, 8, 13, 40};
    product p = {.seed = hash(random_seed++, 1, 2, 3)};
    plmr_gemm_block *b = &p.block;
    b->n_slots = random_of(slots, 9);
    b->ms = random_of(sizes, 7);
    b->ns = random_of(sizes, 7);
    b->kt = random_of(depths, 8);
    b->skewed = random_below(4) != 0;
    b->a_aligned = random_below(2);
    b->b_aligned = random_below(2);
    b->dtype = (enum plmr_dtype)random_below(3);
    b->accumulate = random_below(4) == 0 ? PLMR_F16 : PLMR_F32;
    b->n_row_runs = random_runs(p.row_runs, b->n_slots);
    b->n_col_runs = random_runs(p.col_runs, b->n_slots);
    p.l2_bytes = (size_t)random_of(caches, 3);
    p.l3_bytes = (size_t)random_of(caches, 3);
    return p;
}

static void any_shape(void **state)
{
    (void)state;
    for (int i = 0; i < 400; i++) {
        product p = random_product();
        int n = p.block.n_slots, t0 = random_below(n + 1) * random_below(2), cut = t0 + random_below(n + 1),
            t1 = cut + random_below(n + 1);
        for (int k = 0; k < N_ISAS; k++)
            if (plmr_isa_find(isa_names[k]))
                check_product(plmr_isa_find(isa_names[k]), &p, (int[]){t0, cut, t1}, 3);
    }
}

static product whole_product(int n_slots, int kt, int size, enum plmr_dtype dtype)
{
    product p = {.seed = 5, .row_runs = {{0, n_slots}}, .col_runs = {{0, n_slots}}};
    p.block = (plmr_gemm_block){.n_slots = n_slots,
                                .kt = kt,
                                .ms = size,
                                .ns = size,
                                .skewed = true,
                                .dtype = dtype,
                                .n_row_runs = 1,
                                .n_col_runs = 1};
    return p;
}

/* The blocks of k end inside slots that are longer than they. */
static void deep_slots(void **state)
{
    (void)state;
    static const int depths[] = {100, 255, 256, 257, 300, 1024};
    for (int i = 0; i < 6; i++)
        for (int k = 0; k < N_ISAS; k++) {
            product p = whole_product(3, depths[i], 7, PLMR_F32);
            if (plmr_isa_find(isa_names[k]))
                check_product(plmr_isa_find(isa_names[k]), &p, (int[]){0, 1, 3}, 3);
        }
}

/* One batch or any two in its stead. */
static void any_cut(void **state)
{
    (void)state;
    for (int dtype = 0; dtype < 3; dtype++)
        for (int cut = 0; cut <= 16; cut++)
            for (int k = 0; k < N_ISAS; k++) {
                product p = whole_product(16, 3, 3, (enum plmr_dtype)dtype);
                p.block.a_aligned = cut % 2;
                if (plmr_isa_find(isa_names[k]))
                    check_product(plmr_isa_find(isa_names[k]), &p, (int[]){0, cut, 16}, 3);
            }
}

/* Two runs of a rank in the middle of an interleaved ring, and a register tile's width of chunks and more. */
static void wide_block(void **state)
{
    (void)state;
    for (int k = 0; k < N_ISAS; k++) {
        product p = whole_product(28, 2, 8, PLMR_F32);
        p.row_runs[0] = (plmr_run){3, 11};
        p.row_runs[1] = (plmr_run){17, 9};
        p.block.n_row_runs = 2;
        p.block.b_aligned = true;
        if (plmr_isa_find(isa_names[k]))
            check_product(plmr_isa_find(isa_names[k]), &p, (int[]){0, 9, 28}, 3);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_shape),
        cmocka_unit_test(deep_slots),
        cmocka_unit_test(any_cut),
        cmocka_unit_test(wide_block),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
