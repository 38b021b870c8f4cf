/* A rank that waits too long ends the job: nothing else would, if messages never come. A timer looks whether the rank is
 * still in the call in which it was before; so waits need not look at the clock. */
#include "ranks/internal.h"

#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { TICKS = 8, LAST_WORDS_S = 5, MOST_NAMED = 4 };

/* Of this rank: a handler of signals is given nothing else. */
static struct {
    volatile uint64_t n_calls;            /* of the message layer */
    volatile int depth;                   /* this rank is in one; what a call is given may have needed another */
    const plmr_awaited *volatile awaited; /* NULL: all ranks */
    uint64_t seen;                        /* calls, at the last tick */
    int n_ticks, most_s;
} watch;

void plmr_call_begin(const plmr_awaited *awaited)
{
    watch.n_calls++;
    if (watch.depth == 0)
        watch.awaited = awaited;
    watch.depth++;
}

void plmr_call_end(void)
{
    watch.depth--;
}

/* "rank 3"; "ranks 3, 5, 7, 9 and more". */
static void name_awaited(const plmr_awaited *awaited, char *text, size_t size)
{
    int n_named = awaited->n < MOST_NAMED ? awaited->n : MOST_NAMED, n = 0;
    for (int i = 0; i < n_named && n < (int)size; i++)
        n += snprintf(text + n, size - (size_t)n, "%s%d",
                      i                ? ", "
                      : awaited->n > 1 ? "ranks "
                                       : "rank ",
                      awaited->ranks[i]);
    if (awaited->n > n_named && n < (int)size)
        snprintf(text + n, size - (size_t)n, " and more");
}

/* What is called here may wait for what the interrupted call holds: then the alarm ends this rank, and so the job. */
static void end_stalled(void)
{
    const plmr_awaited *awaited = watch.awaited;
    char whom[100] = "all ranks";
    signal(SIGALRM, SIG_DFL);
    alarm(LAST_WORDS_S);
    if (awaited && awaited->n)
        name_awaited(awaited, whom, sizeof whom);
    else if (awaited)
        snprintf(whom, sizeof whom, "those that it has sent to");
    plmr_end_job("has waited for %s for more than %d s, in %s: has one stopped? (--stall says how long to wait)", whom,
                 watch.most_s, awaited ? awaited->verb : "what all ranks do together");
}

static void tick(int number)
{
    (void)number;
    watch.n_ticks = watch.depth > 0 && watch.n_calls == watch.seen ? watch.n_ticks + 1 : 0;
    watch.seen = watch.n_calls;
    if (watch.n_ticks > TICKS)
        end_stalled();
}

void plmr_ranks_stall_after(int most_s)
{
    static timer_t timer;
    static bool has_timer;
    long long every_ns = most_s * 1000000000LL / TICKS;
    struct itimerspec every = {0};
    every.it_interval.tv_sec = every.it_value.tv_sec = (time_t)(every_ns / 1000000000);
    every.it_interval.tv_nsec = every.it_value.tv_nsec = (long)(every_ns % 1000000000);
    watch.most_s = most_s;
    if (!has_timer) {
        struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN + 5};
        struct sigaction action = {.sa_handler = tick, .sa_flags = SA_RESTART};
        has_timer = sigaction(SIGRTMIN + 5, &action, NULL) == 0 && timer_create(CLOCK_MONOTONIC, &event, &timer) == 0;
    }
    if (has_timer)
        timer_settime(timer, 0, &every, NULL);
}
