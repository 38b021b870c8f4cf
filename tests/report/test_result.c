/* Checksum and file of a result that ranks hold in rectangles. */
#include "../support.h"

#include <unistd.h>

#include "base/hash.h"
#include "ranks/ranks.h"
#include "ranks/shared_npy.h"
#include "report/npy_source.h"
#include "report/result.h"
#include "tests/drafts.h"

enum { M = 7, N = 11, PADDED_M = 9, PADDED_N = 14 };

static float element(int64_t row, int64_t col)
{
    return (float)(row * 100 + col) / 8; /* exact in f16 */
}

/* This rank's rows of the padded matrix, in two rectangles. */
static plmr_status visit(plmr_visit each, void *context)
{
    float values[PADDED_M * PADDED_N];
    int first, count;
    plmr_ranks_share(PADDED_M, plmr_rank_count(), plmr_rank(), &first, &count);
    for (int i = 0; i < count; i++)
        for (int j = 0; j < PADDED_N; j++)
            values[i * PADDED_N + j] = element(first + i, j);
    PLMR_TRY(each(context, first, 0, count, 5, values, PADDED_N));
    return each(context, first, 5, count, PADDED_N - 5, values + 5, PADDED_N);
}

static uint64_t expected_checksum(enum plmr_dtype dtype)
{
    uint64_t sum = 0;
    for (int i = 0; i < M; i++)
        for (int j = 0; j < N; j++) {
            float value = element(i, j);
            uint32_t bits;
            uint16_t half;
            memcpy(&bits, &value, sizeof bits);
            if (dtype != PLMR_F32) {
                plmr_convert_from_float(dtype, 1, &value, &half);
                bits = half;
            }
            sum += plmr_checksum_element((uint64_t)(i * N + j), bits);
        }
    return sum;
}

static void test_checksum(void **state)
{
    (void)state;
    plmr_ranks *ranks;
    must(plmr_ranks_create(plmr_rank_count(), 1, PADDED_M, PADDED_N, &ranks));
    for (int dtype = PLMR_F32; dtype <= PLMR_BF16; dtype++) {
        plmr_checksum checksum = {.m = M, .n = N, .dtype = (enum plmr_dtype)dtype};
        must(visit(plmr_checksum_rectangle, &checksum));
        plmr_ranks_sum(ranks, &checksum.sum, 1);
        assert_true(checksum.sum == expected_checksum((enum plmr_dtype)dtype));
    }
    plmr_ranks_destroy(ranks);
}

static void test_clip(void **state)
{
    (void)state;
    int n_rows = 4, n_cols = 4;
    plmr_result_clip(M, N, 5, 10, &n_rows, &n_cols);
    assert_int_equal(n_rows, 2);
    assert_int_equal(n_cols, 1);
    plmr_result_clip(M, N, 7, 20, &n_rows, &n_cols);
    assert_int_equal(n_rows, 0);
    assert_int_equal(n_cols, 0);
}

static void make_path(char path[64])
{
    if (plmr_rank() == 0)
        snprintf(path, 64, "/tmp/plmr-result-%d.npy", (int)getpid());
    plmr_broadcast(path, 64);
}

static void check_file(const char *path, enum plmr_dtype stored)
{
    plmr_npy npy;
    plmr_source source;
    float values[M * 20] = {0};
    must(plmr_npy_open(path, &npy));
    assert_int_equal(npy.dtype, stored);
    assert_int_equal(npy.rows, M);
    assert_int_equal(npy.cols, N);
    plmr_source_npy(&source, &npy);
    must(source.get(&source, 1, 2, M - 1, N - 2, values, 20));
    for (int i = 1; i < M; i++)
        for (int j = 2; j < N; j++)
            assert_true(values[(i - 1) * 20 + j - 2] == element(i, j));
    must(plmr_npy_close(&npy));
}

static void test_output(void **state)
{
    (void)state;
    char path[64];
    make_path(path);
    for (int dtype = PLMR_F32; dtype <= PLMR_BF16; dtype++) {
        plmr_npy output;
        must(plmr_output_open("--out", path, (enum plmr_dtype)dtype, 2, M, N, &output));
        must(visit(plmr_output_rectangle, &output));
        must(plmr_shared_npy_commit(&output, PLMR_OK));
        plmr_barrier();
        check_file(path, dtype == PLMR_F16 ? PLMR_F16 : PLMR_F32);
        plmr_barrier();
        if (plmr_rank() == 0)
            unlink(path);
    }
}

static void test_discarded(void **state)
{
    (void)state;
    char path[64];
    plmr_npy output;
    make_path(path);
    must(plmr_output_open("--out", path, PLMR_F32, 2, M, N, &output));
    assert_int_equal(count_drafts(path), 1);
    plmr_barrier();
    plmr_npy_discard(&output);
    plmr_barrier();
    assert_int_equal(count_drafts(path), 0);
    assert_int_not_equal(access(path, F_OK), 0);
    must_fail(plmr_output_open("--out", "/nonexistent/C.npy", PLMR_F32, 2, M, N, &output), PLMR_ERROR_INPUT,
              "--out: /nonexistent/C.npy");
    must(plmr_output_open("--out", NULL, PLMR_F32, 2, M, N, &output));
    assert_null(output.path);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_checksum),
        cmocka_unit_test(test_clip),
        cmocka_unit_test(test_output),
        cmocka_unit_test(test_discarded),
    };
    must(plmr_init(&argc, &argv));
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    plmr_finalize();
    return failed;
}
