/* Messages beyond 2^31 bytes: into which pieces they are cut, by an MPI that takes note of them and moves nothing. */
#include "tests/support.h"

#include <limits.h>
#include <mpi.h>

#include "ranks/ranks.h"

static struct {
    bool notes;
    const char *begin;
    size_t n_bytes;
    int n_pieces;
} taken;

/* Pieces lie one behind the other, and MPI's counts can say how long each is. */
static bool take(const void *data, int count, MPI_Datatype type)
{
    if (!taken.notes)
        return false;
    assert_true(type == MPI_BYTE && count > 0);
    assert_ptr_equal(data, taken.begin + taken.n_bytes);
    taken.n_bytes += (size_t)count;
    taken.n_pieces++;
    return true;
}

int MPI_Isend(const void *data, int n, MPI_Datatype type, int to, int tag, MPI_Comm comm, MPI_Request *request)
{
    *request = MPI_REQUEST_NULL;
    return take(data, n, type) ? MPI_SUCCESS : PMPI_Isend(data, n, type, to, tag, comm, request);
}

int MPI_Irecv(void *data, int n, MPI_Datatype type, int from, int tag, MPI_Comm comm, MPI_Request *request)
{
    *request = MPI_REQUEST_NULL;
    return take(data, n, type) ? MPI_SUCCESS : PMPI_Irecv(data, n, type, from, tag, comm, request);
}

int MPI_Send(const void *data, int n, MPI_Datatype type, int to, int tag, MPI_Comm comm)
{
    return take(data, n, type) ? MPI_SUCCESS : PMPI_Send(data, n, type, to, tag, comm);
}

int MPI_Recv(void *data, int n, MPI_Datatype type, int from, int tag, MPI_Comm comm, MPI_Status *status)
{
    return take(data, n, type) ? MPI_SUCCESS : PMPI_Recv(data, n, type, from, tag, comm, status);
}

int MPI_Bcast(void *data, int n, MPI_Datatype type, int root, MPI_Comm comm)
{
    return take(data, n, type) ? MPI_SUCCESS : PMPI_Bcast(data, n, type, root, comm);
}

int MPI_Ibcast(void *data, int n, MPI_Datatype type, int root, MPI_Comm comm, MPI_Request *request)
{
    *request = MPI_REQUEST_NULL;
    return take(data, n, type) ? MPI_SUCCESS : PMPI_Ibcast(data, n, type, root, comm, request);
}

/* Begins to take note of a message that nobody will look into, and ends: it was of n bytes. */
static char *begin(void)
{
    static char anywhere;
    memset(&taken, 0, sizeof taken);
    taken.begin = &anywhere;
    taken.notes = true;
    return &anywhere;
}

static void end(size_t n_bytes)
{
    taken.notes = false;
    assert_int_equal(taken.n_bytes, n_bytes);
    assert_int_equal(taken.n_pieces, (n_bytes + (1u << 30) - 1) >> 30);
}

static const size_t sizes[] = {1, (size_t)1 << 30, ((size_t)1 << 31) - 1, (size_t)1 << 31, ((size_t)5 << 30) + 3};
enum { N_SIZES = sizeof sizes / sizeof *sizes };

static void messages_are_cut(void **state)
{
    (void)state;
    plmr_ranks *ranks;
    must(plmr_ranks_create(0, 0, 100, 100, &ranks));
    plmr_exchange *exchange = plmr_exchange_create(ranks, "a test");
    for (int i = 0; i < N_SIZES; i++) {
        plmr_exchange_send(exchange, PLMR_X, 0, begin(), sizes[i]);
        end(sizes[i]);
        plmr_exchange_receive(exchange, PLMR_X, 0, begin(), sizes[i]);
        end(sizes[i]);
        plmr_exchange_wait(exchange);
    }
    plmr_ranks_times times = plmr_ranks_times_now(ranks);
    size_t all = 0;
    for (int i = 0; i < N_SIZES; i++)
        all += sizes[i];
    assert_int_equal(times.n_bytes, all);
    plmr_exchange_destroy(exchange);
    plmr_ranks_destroy(ranks);
}

static void broadcasts_are_cut(void **state)
{
    (void)state;
    plmr_ranks *ranks;
    must(plmr_ranks_create(1, plmr_rank_count(), 100, 100, &ranks));
    for (int i = 0; i < N_SIZES; i++) {
        plmr_broadcast(begin(), sizes[i]);
        end(sizes[i]);
        plmr_ranks_line_broadcast(ranks, PLMR_X, 0, begin(), sizes[i]);
        end(plmr_rank_count() > 1 ? sizes[i] : 0);
        plmr_ranks_bring(ranks, (const int[2]){[PLMR_X] = plmr_rank_count() - 1}, begin(), sizes[i]);
        end(plmr_rank_count() > 1 ? sizes[i] : 0);
    }
    plmr_ranks_destroy(ranks);
}

/* What all ranks of a host would take together is held against what it has. */
static void room_is_asked_for(void **state)
{
    (void)state;
    plmr_ranks *ranks;
    must(plmr_ranks_create(0, 0, 100, 100, &ranks));
    must(plmr_ranks_ask_room(ranks, 1e6, "a little"));
    must(plmr_ranks_ask_room(ranks, 0x1p28, "a quarter of 1 GB"));
    must_fail(plmr_ranks_ask_room(ranks, 1e18, "much"), PLMR_ERROR_LIMIT, "much takes 1000000000.0 GB of memory, 10");
    plmr_ranks_destroy(ranks);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(messages_are_cut),
    cmocka_unit_test(broadcasts_are_cut),
    cmocka_unit_test(room_is_asked_for),
};

TEST_MAIN(tests)
