/* Verification finds what is wrong, and lets pass what rounding explains, on any ranks. */
#include "../support.h"

#include <math.h>

#include "base/values.h"
#include "kernel/kernel.h"
#include "ranks/ranks.h"
#include "report/verify.h"

/* ---- picks ---- */

static void test_picks(void **state)
{
    (void)state;
    const int64_t extents[] = {1, 2, 63, 64, 65, 100, 1000, 2147483647};
    for (size_t e = 0; e < sizeof extents / sizeof extents[0]; e++)
        for (int chunk = 1; chunk < 300; chunk += 37) {
            int64_t picks[64], extent = extents[e];
            int n = plmr_verify_picks(extent, chunk, 64, picks);
            assert_true(n >= 1 && n <= 64);
            assert_true(extent > 64 || n == extent);
            assert_true(picks[0] == 0 && picks[n - 1] == extent - 1);
            for (int i = 1; i < n; i++)
                assert_true(picks[i] > picks[i - 1]);
        }
}

static bool contains(const int64_t *picks, int n, int64_t value)
{
    for (int i = 0; i < n; i++)
        if (picks[i] == value)
            return true;
    return false;
}

static void test_picks_borders(void **state)
{
    (void)state;
    int64_t picks[64];
    int n = plmr_verify_picks(1000, 100, 64, picks);
    for (int border = 100; border < 1000; border += 100)
        assert_true(contains(picks, n, border) && contains(picks, n, border - 1));
}

/* ---- the bound ---- */

static void test_bound(void **state)
{
    (void)state;
    bool overflow;
    plmr_verify_problem p = {.m = 1, .k = 100, .n = 1, .depth = 100, .dtype = PLMR_F32, .accumulate = PLMR_F32};
    double f32 = plmr_verify_bound(&p, 5, 20, &overflow);
    assert_true(f32 > 100 * 0x1p-24 * 20 && f32 < 101 * 0x1p-24 * 20);
    assert_false(overflow);
    p.dtype = PLMR_F16;
    double f16 = plmr_verify_bound(&p, 5, 20, &overflow);
    assert_true(f16 > 5 * 0x1p-11 && f16 < 5 * 0x1p-11 + 2 * f32);
    p.dtype = PLMR_BF16;
    double bf16 = plmr_verify_bound(&p, 5, 20, &overflow);
    assert_true(bf16 > 5 * 0x1p-8 && bf16 < 5 * 0x1p-8 + 2 * f32);
    p.accumulate = PLMR_F16;
    p.depth = p.k = 100000; /* far beyond 1/u: the bound is large, but still a number */
    assert_true(isfinite(plmr_verify_bound(&p, 5, 20, &overflow)));
    plmr_verify_bound(&p, 5, 65504, &overflow);
    assert_true(overflow);
}

/* ---- products ---- */

enum { M = 40, K = 70, N = 300 };

struct product {
    plmr_verify_problem problem;
    plmr_source a, b;
    float values[M * N];
};

/* C as a core computes it: a chain of multiply-adds in f32, or rounded to f16 after each. */
static void compute(struct product *p)
{
    static float a[M * K], b[K * N];
    enum plmr_dtype dtype = p->problem.dtype;
    static uint16_t half[K * N];
    must(p->a.get(&p->a, 0, 0, M, K, a, K));
    if (p->problem.transpose_b) {
        static float transposed[N * K];
        must(p->b.get(&p->b, 0, 0, N, K, transposed, K));
        for (int k = 0; k < K; k++)
            for (int j = 0; j < N; j++)
                b[k * N + j] = transposed[j * K + k];
    } else {
        must(p->b.get(&p->b, 0, 0, K, N, b, N));
    }
    if (dtype != PLMR_F32) {
        plmr_convert_from_float(dtype, M * K, a, half);
        plmr_convert_to_float(dtype, M * K, half, a);
        plmr_convert_from_float(dtype, K * N, b, half);
        plmr_convert_to_float(dtype, K * N, half, b);
    }
    for (int i = 0; i < M; i++)
        for (int j = 0; j < N; j++) {
            float sum = 0;
            for (int k = 0; k < K; k++) {
                sum = fmaf(a[i * K + k], b[k * N + j], sum);
                if (p->problem.accumulate == PLMR_F16) {
                    plmr_convert_from_float(PLMR_F16, 1, &sum, half);
                    plmr_convert_to_float(PLMR_F16, 1, half, &sum);
                }
            }
            if (dtype != PLMR_F32) {
                plmr_convert_from_float(dtype, 1, &sum, half);
                plmr_convert_to_float(dtype, 1, half, &sum);
            }
            p->values[i * N + j] = sum;
        }
}

static void make(struct product *p, enum plmr_dtype dtype, enum plmr_dtype accumulate, bool transposed,
                 int64_t all_below)
{
    plmr_source_synthetic(&p->a, 5, M, K);
    plmr_source_synthetic(&p->b, 6, transposed ? N : K, transposed ? K : N);
    p->problem = (plmr_verify_problem){
        .a = &p->a,
        .b = &p->b,
        .transpose_b = transposed,
        .m = M,
        .k = K,
        .n = N,
        .row_chunk = 7,
        .col_chunk = 9,
        .depth = K,
        .dtype = dtype,
        .accumulate = accumulate,
        .all_below = all_below,
    };
    compute(p);
}

/* Every rank checks its share of the columns, in rectangles that are a little larger than the matrix. */
static plmr_verdict check(const struct product *p, plmr_status *wrong)
{
    plmr_ranks *ranks;
    plmr_verify *verify;
    plmr_verdict verdict;
    int first, count;
    must(plmr_ranks_create(1, plmr_rank_count(), M, N, &ranks));
    verify = plmr_verify_create(&p->problem);
    plmr_ranks_share(N, plmr_rank_count(), plmr_rank(), &first, &count);
    must(plmr_verify_rectangle(verify, 0, first, M - 5, count, p->values + first, N));
    must(plmr_verify_rectangle(verify, M - 5, first, 8, first + count == N ? count + 9 : count,
                               p->values + (M - 5) * N + first, N));
    plmr_verify_finish(verify, ranks, &verdict, wrong);
    plmr_verify_destroy(verify);
    plmr_ranks_destroy(ranks);
    return verdict;
}

static struct product product;

static void test_right(void **state)
{
    (void)state;
    for (int dtype = PLMR_F32; dtype <= PLMR_BF16; dtype++)
        for (int accumulate = PLMR_F32; accumulate <= PLMR_F16; accumulate++)
            for (int transposed = 0; transposed < 2; transposed++) {
                plmr_status wrong;
                make(&product, (enum plmr_dtype)dtype, (enum plmr_dtype)accumulate, transposed, M * K * N);
                plmr_verdict verdict = check(&product, &wrong);
                must(wrong);
                assert_true(verdict.elements == M * N);
                assert_true(verdict.max_abs_err > 0 && verdict.max_abs_err <= verdict.bound);
                assert_true(verdict.max_rel_err < (accumulate == PLMR_F16 || dtype != PLMR_F32 ? 1e-1 : 1e-6));
                assert_true(verdict.overflows == 0);
            }
}

static void test_sample(void **state)
{
    (void)state;
    plmr_status wrong;
    make(&product, PLMR_F32, PLMR_F32, false, 1);
    plmr_verdict all = check(&product, &wrong);
    must(wrong);
    assert_true(all.elements == M * 64); /* M is few enough for all rows */
    product.values[(M - 1) * N + N - 1] += 1;
    check(&product, &wrong);
    must_fail(wrong, PLMR_ERROR_SYSTEM, "element (39, 299)");
}

/* Of several wrong elements, on different ranks, the first in the matrix is named. */
static void test_wrong(void **state)
{
    (void)state;
    plmr_status wrong;
    make(&product, PLMR_F16, PLMR_F32, false, M * K * N);
    product.values[17 * N + 299] += 0.5f;
    product.values[17 * N + 3] = NAN;
    product.values[20 * N] = 9;
    plmr_verdict verdict = check(&product, &wrong);
    must_fail(wrong, PLMR_ERROR_SYSTEM, "element (17, 3) is nan");
    assert_false(isfinite(verdict.max_abs_err));
}

/* A neighbour in place of the element itself is found, whatever the type. */
static void test_swapped(void **state)
{
    (void)state;
    for (int dtype = PLMR_F32; dtype <= PLMR_BF16; dtype++) {
        plmr_status wrong;
        make(&product, (enum plmr_dtype)dtype, PLMR_F32, false, M * K * N);
        product.values[100] = product.values[101];
        check(&product, &wrong);
        must_fail(wrong, PLMR_ERROR_SYSTEM, "element (0, 100)");
    }
}

static plmr_status get_large(const plmr_source *source, int64_t row, int64_t col, int n_rows, int n_cols, float *out,
                             size_t ld)
{
    (void)source, (void)row, (void)col;
    for (int i = 0; i < n_rows; i++)
        for (int j = 0; j < n_cols; j++)
            out[(size_t)i * ld + (size_t)j] = 200;
    return PLMR_OK;
}

static void test_overflow(void **state)
{
    (void)state;
    plmr_status wrong;
    make(&product, PLMR_F16, PLMR_F32, false, M * K * N);
    product.a.get = product.b.get = get_large;
    compute(&product); /* 70 * 40,000 is more than f16 can hold */
    plmr_verdict verdict = check(&product, &wrong);
    must(wrong);
    assert_true(verdict.overflows == M * N);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_picks),   cmocka_unit_test(test_picks_borders), cmocka_unit_test(test_bound),
        cmocka_unit_test(test_right),   cmocka_unit_test(test_sample),        cmocka_unit_test(test_wrong),
        cmocka_unit_test(test_swapped), cmocka_unit_test(test_overflow),
    };
    must(plmr_init(&argc, &argv));
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    plmr_finalize();
    return failed;
}
