/* clocks.h - clocks that tests set. */
#pragma once

#include "time/clock_internal.h"

/* Sets the clock of a core of this block; of at least one core on every rank. row, col local. */
static inline void test_clock_set(plmr_clock *clock, int row, int col, double t_cycles)
{
    plmr_clock_forget_pattern(clock);
    plmr_clock_spread(clock);
    clock->all.t[(size_t)row * (size_t)clock->all.cols + (size_t)col] = t_cycles - clock->origin - clock->lag;
}
