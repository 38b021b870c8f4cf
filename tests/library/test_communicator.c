/* plmr in a program that has started MPI itself: on a part of its ranks, again on others, and MPI goes on afterwards. */
#include <mpi.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "plmr/commands.h"
#include "plmr/ranks.h"

static void multiply(void)
{
    const char *words[] = {"gemm",    "--m", "24",    "--k",      "24",       "--n",    "24",
                           "--cores", "8x8", "--alg", "meshgemm", "--verify", "--quiet"};
    plmr_status status = plmr_commands_run(sizeof words / sizeof *words, words);
    if (status)
        fail_msg("%s", plmr_error_text(status));
}

/* Word of rank 0 of the communicator. */
static void tell(int from_world, MPI_Comm comm)
{
    int rank, n, word;
    MPI_Comm_rank(comm, &rank);
    MPI_Comm_size(comm, &n);
    assert_null(plmr_init_on(&comm));
    assert_int_equal(plmr_rank(), rank);
    assert_int_equal(plmr_rank_count(), n);
    word = rank == 0 ? from_world : -1;
    plmr_broadcast(&word, sizeof word);
    MPI_Bcast(&from_world, 1, MPI_INT, 0, comm);
    assert_int_equal(word, from_world);
    multiply();
    plmr_finalize();
}

static void test_halves(void **state)
{
    int me;
    MPI_Comm half;
    (void)state;
    MPI_Comm_rank(MPI_COMM_WORLD, &me);
    MPI_Comm_split(MPI_COMM_WORLD, me % 2, -me, &half); /* the last one first */
    tell(100 + me, half);
    tell(200 + me, half);
    MPI_Comm_free(&half);
    tell(300 + me, MPI_COMM_WORLD);
}

static void test_once(void **state)
{
    MPI_Comm world = MPI_COMM_WORLD;
    (void)state;
    assert_null(plmr_init_on(&world));
    plmr_status twice = plmr_init_on(&world), new = plmr_init(NULL, NULL);
    assert_non_null(twice);
    assert_non_null(new);
    plmr_error_free(twice);
    plmr_error_free(new);
    plmr_finalize();
    plmr_finalize();
    assert_string_equal(plmr_version(), PLMR_VERSION);
    MPI_Barrier(MPI_COMM_WORLD);
}

int main(int argc, char **argv)
{
    plmr_status before = plmr_init_on(&(MPI_Comm){MPI_COMM_WORLD});
    if (!before)
        return 1;
    plmr_error_free(before);
    MPI_Init(&argc, &argv);
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_halves), cmocka_unit_test(test_once)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    MPI_Finalize();
    return failed;
}
