/* Collectives between ranks: of the whole job, and of a line of the grid. */
#include "ranks/internal.h"

#include "base/wall.h"

/* A call that blocks, or the one that does not where ranks that wait must sleep. */
#define TOGETHER(blocks, begins, ...)                                                                                  \
    do {                                                                                                               \
        MPI_Request request = MPI_REQUEST_NULL;                                                                        \
        if (plmr_ranks_outnumber_cores())                                                                              \
            PLMR_MPI(begins(__VA_ARGS__, &request));                                                                   \
        else                                                                                                           \
            PLMR_MPI(blocks(__VA_ARGS__));                                                                             \
        plmr_requests_wait(1, &request, NULL);                                                                         \
    } while (0)

static void broadcast(MPI_Comm comm, int root, void *data, size_t n_bytes)
{
    for (size_t done = 0; done < n_bytes; done += PLMR_PIECE_BYTES) {
        size_t piece = n_bytes - done < PLMR_PIECE_BYTES ? n_bytes - done : PLMR_PIECE_BYTES;
        TOGETHER(MPI_Bcast, MPI_Ibcast, (char *)data + done, (int)piece, MPI_BYTE, root, comm);
    }
}

void plmr_broadcast(void *data, size_t n_bytes)
{
    if (plmr_ranks_started())
        broadcast(plmr_world(), 0, data, n_bytes);
}

void plmr_barrier(void)
{
    if (plmr_ranks_started())
        TOGETHER(MPI_Barrier, MPI_Ibarrier, plmr_world());
}

static void reduce(void *values, int n, MPI_Datatype type, MPI_Op op, MPI_Comm comm)
{
    TOGETHER(MPI_Allreduce, MPI_Iallreduce, MPI_IN_PLACE, values, n, type, op, comm);
}

void plmr_ranks_end_wait(plmr_ranks *ranks, double begin_s)
{
    double took_s = plmr_wall_s() - begin_s;
    ranks->times.wait_s += took_s;
    ranks->times.flight_s += took_s;
}

void plmr_ranks_line_broadcast(plmr_ranks *ranks, enum plmr_axis axis, int place, void *data, size_t n_bytes)
{
    if (ranks->extent[axis] == 1)
        return;
    double begin_s = plmr_wall_s();
    broadcast(ranks->line[axis], place, data, n_bytes);
    plmr_ranks_end_wait(ranks, begin_s);
    if (place == ranks->place[axis]) {
        ranks->times.messages++;
        ranks->times.n_bytes += n_bytes;
    }
}

void plmr_ranks_bring(plmr_ranks *ranks, const int place[2], void *data, size_t n_bytes)
{
    int coords[2] = {place[PLMR_Y], place[PLMR_X]}, from, me;
    PLMR_MPI(MPI_Cart_rank(ranks->grid, coords, &from));
    PLMR_MPI(MPI_Comm_rank(ranks->grid, &me));
    static const char verb[] = "a piece for rank 0";
    for (size_t done = 0; done < n_bytes && from != 0 && (me == 0 || me == from); done += PLMR_PIECE_BYTES) {
        int piece = n_bytes - done < PLMR_PIECE_BYTES ? (int)(n_bytes - done) : PLMR_PIECE_BYTES;
        if (me == from)
            PLMR_MPI(MPI_Send((char *)data + done, piece, MPI_BYTE, 0, 0, ranks->grid));
        else
            PLMR_MPI(MPI_Recv((char *)data + done, piece, MPI_BYTE, from, 0, ranks->grid, MPI_STATUS_IGNORE));
        plmr_account_post(&ranks->account, verb, ranks->numbers[me == from ? 0 : from], me == from, (size_t)piece);
        plmr_account_done(&ranks->account, verb, 1);
    }
}

void plmr_ranks_line_max(plmr_ranks *ranks, enum plmr_axis axis, double *values, int n)
{
    if (ranks->extent[axis] == 1)
        return;
    double begin_s = plmr_wall_s();
    reduce(values, n, MPI_DOUBLE, MPI_MAX, ranks->line[axis]);
    plmr_ranks_end_wait(ranks, begin_s);
}

void plmr_ranks_max(plmr_ranks *ranks, double *values, int n)
{
    double begin_s = plmr_wall_s();
    reduce(values, n, MPI_DOUBLE, MPI_MAX, ranks->grid);
    plmr_ranks_end_wait(ranks, begin_s);
}

void plmr_ranks_sum(plmr_ranks *ranks, uint64_t *values, int n)
{
    double begin_s = plmr_wall_s();
    reduce(values, n, MPI_UINT64_T, MPI_SUM, ranks->grid);
    plmr_ranks_end_wait(ranks, begin_s);
}
