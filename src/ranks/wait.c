/* Waiting for messages, on a core that other ranks may want. */
#include "ranks/internal.h"

#include <time.h>
#include <unistd.h>

#include "ranks/launcher.h"

enum { PATIENT_LOOKS = 20, LEAST_SLEEP_NS = 20000, MOST_SLEEP_NS = 1000000 };

bool plmr_ranks_outnumber_cores(void)
{
    static int known; /* 1: no, 2: yes */
    if (!known)
        known = plmr_launched_as().count_here > sysconf(_SC_NPROCESSORS_ONLN) ? 2 : 1;
    return known == 2;
}

/* A wait becomes a quarter longer at most, and a long one costs the others' cores few wake-ups. */
static void sleep_longer(struct timespec *pause)
{
    nanosleep(pause, NULL);
    pause->tv_nsec += pause->tv_nsec < MOST_SLEEP_NS ? pause->tv_nsec / 4 : 0;
}

void plmr_requests_wait(int n, MPI_Request *requests, const plmr_awaited *awaited)
{
    if (!plmr_ranks_outnumber_cores()) {
        PLMR_MPI_FOR(awaited, MPI_Waitall(n, requests, MPI_STATUSES_IGNORE));
        return;
    }
    int done = 0;
    struct timespec pause = {0, LEAST_SLEEP_NS};
    plmr_call_begin(awaited);
    for (int looks = 0; !done; looks++) {
        plmr_mpi_must(MPI_Testall(n, requests, &done, MPI_STATUSES_IGNORE), __FILE__, __LINE__);
        if (!done && looks >= PATIENT_LOOKS)
            sleep_longer(&pause);
    }
    plmr_call_end();
}
