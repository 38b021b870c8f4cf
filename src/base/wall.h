/* wall.h - wall time, for what the user waits for; it never enters virtual time. */
#pragma once

#include <time.h>

/* Seconds since some moment of the past. */
static inline double plmr_wall_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}
