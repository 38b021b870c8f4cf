/* The linker puts __wrap_x in the place of x: see src/smpi. */
#include "ranks/simulated.h"

#include "base/memory.h"
#include "ranks/board.h"
#include "ranks/ranks.h"

#include <mpi.h>
#include <simgrid/engine.h>
#include <smpi/smpi.h>
#include <time.h>

/* All ranks are threads of one process, one of which runs at a time, from one of its messages to the next; so one sum
 * serves them all. */
static double due_s;

void plmr_simulated_work(double t_s)
{
    due_s += t_s;
}

static void pay(void)
{
    double t_s = due_s;
    due_s = 0;
    if (t_s > 0)
        smpi_execute(t_s);
}

/* A message is not held up by a few looks at the clock: each stop of a simulated rank is most of what a message costs. They are owed,
 * by this rank, until it waits. */
static double hold(void)
{
    const double little_s = 1e-7;
    if (due_s > little_s)
        pay();
    double held_s = due_s;
    due_s = 0;
    return held_s;
}

#define PAY_BEFORE(name, parameters, arguments)                                                                        \
    int __real_##name parameters;                                                                                      \
    int __wrap_##name parameters;                                                                                      \
    int __wrap_##name parameters                                                                                       \
    {                                                                                                                  \
        pay();                                                                                                         \
        return __real_##name arguments;                                                                                \
    }

/* A message so long has values alone. Where there are none it is sent from, and comes to, memory that all ranks share, so that what
 * would be there is never taken. */
static void *memory_of(void *data, size_t n)
{
    enum { LONG_BYTES = 1 << 16 };
    static char *shared;
    static size_t n_shared;
    if (n < LONG_BYTES || !plmr_simulated_valueless())
        return data;
    if (n > n_shared) {
        shared = plmr_take(n); /* messages may be under way in what there was: it stays */
        n_shared = n;
    }
    return shared;
}

int __real_MPI_Isend(const void *data, int n, MPI_Datatype type, int to, int tag, MPI_Comm comm, MPI_Request *request);
int __wrap_MPI_Isend(const void *data, int n, MPI_Datatype type, int to, int tag, MPI_Comm comm, MPI_Request *request);
int __wrap_MPI_Isend(const void *data, int n, MPI_Datatype type, int to, int tag, MPI_Comm comm, MPI_Request *request)
{
    double held_s = hold();
    int error =
        __real_MPI_Isend(type == MPI_BYTE ? memory_of((void *)data, (size_t)n) : data, n, type, to, tag, comm, request);
    due_s = held_s;
    return error;
}

int __real_MPI_Irecv(void *data, int n, MPI_Datatype type, int from, int tag, MPI_Comm comm, MPI_Request *request);
int __wrap_MPI_Irecv(void *data, int n, MPI_Datatype type, int from, int tag, MPI_Comm comm, MPI_Request *request);
int __wrap_MPI_Irecv(void *data, int n, MPI_Datatype type, int from, int tag, MPI_Comm comm, MPI_Request *request)
{
    double held_s = hold();
    int error =
        __real_MPI_Irecv(type == MPI_BYTE ? memory_of(data, (size_t)n) : data, n, type, from, tag, comm, request);
    due_s = held_s;
    return error;
}

PAY_BEFORE(MPI_Waitall, (int n, MPI_Request *requests, MPI_Status *statuses), (n, requests, statuses))
PAY_BEFORE(MPI_Testall, (int n, MPI_Request *requests, int *done, MPI_Status *statuses), (n, requests, done, statuses))
PAY_BEFORE(MPI_Allreduce, (const void *from, void *to, int n, MPI_Datatype type, MPI_Op op, MPI_Comm comm),
           (from, to, n, type, op, comm))
PAY_BEFORE(MPI_Bcast, (void *data, int n, MPI_Datatype type, int root, MPI_Comm comm), (data, n, type, root, comm))
PAY_BEFORE(MPI_Barrier, (MPI_Comm comm), (comm))

/* Simulated messages travel by themselves. A look at them takes its time, but where nothing depends on it it is not taken: SimGrid
 * keeps what a look has found for ever, in a list that it then searches with each message. */
void __real_plmr_exchange_poll(plmr_exchange *exchange);
void __wrap_plmr_exchange_poll(plmr_exchange *exchange);

void __wrap_plmr_exchange_poll(plmr_exchange *exchange)
{
    const double look_s = 2.2e-7;
    if (plmr_simulated_valueless())
        plmr_simulated_work(look_s);
    else
        __real_plmr_exchange_poll(exchange);
}

/* Simulated ranks do not fail; this one is simulated as the real one goes. */
int __wrap_MPI_Iallreduce(const void *from, void *to, int n, MPI_Datatype type, MPI_Op op, MPI_Comm comm,
                          MPI_Request *request);
int __wrap_MPI_Iallreduce(const void *from, void *to, int n, MPI_Datatype type, MPI_Op op, MPI_Comm comm,
                          MPI_Request *request)
{
    *request = MPI_REQUEST_NULL;
    return __wrap_MPI_Allreduce(from, to, n, type, op, comm);
}

/* A look at the clock costs what SMPI charges for it, which would stop the rank each time. */
int __wrap_smpi_clock_gettime(clockid_t id, struct timespec *now);
int __wrap_smpi_clock_gettime(clockid_t id, struct timespec *now)
{
    const double read_s = 1e-8;
    double t_s = simgrid_get_clock() + due_s;
    (void)id;
    now->tv_sec = (time_t)t_s;
    now->tv_nsec = (long)(1e9 * (t_s - (double)now->tv_sec));
    due_s += read_s;
    return 0;
}

/* Ranks that read each other's memory would not pay for what they read. */
plmr_board *__wrap_plmr_board_create(plmr_ranks *ranks, size_t n_bytes);
plmr_board *__wrap_plmr_board_create(plmr_ranks *ranks, size_t n_bytes)
{
    (void)ranks, (void)n_bytes;
    return NULL;
}

bool __wrap_plmr_ranks_are_processes(void);
bool __wrap_plmr_ranks_are_processes(void)
{
    return false;
}
