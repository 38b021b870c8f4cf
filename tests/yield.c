/* Loaded before Open MPI into the tests' processes, of which there are more than cores: a rank that has waited a while
 * for a message sleeps between looks. Open MPI would look all the time, for no shorter than a time slice of whoever else
 * has work to do. */
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { LOOKS = 10, APART_NS = 200000, SLEEP_NS = 50000 };

int sched_yield(void);

int sched_yield(void)
{
    static __thread int n_looks;
    static __thread int64_t last_ns;
    struct timespec now, sleep = {.tv_nsec = SLEEP_NS};
    clock_gettime(CLOCK_MONOTONIC, &now);
    int64_t now_ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
    n_looks = now_ns - last_ns < APART_NS ? n_looks + 1 : 0;
    last_ns = now_ns;
    return n_looks < LOOKS ? (int)syscall(SYS_sched_yield) : nanosleep(&sleep, NULL);
}
