#include "time/busy.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "base/memory.h"
#include "base/wall.h"
#include "region/profile.h"
#include "time/clock.h"
#include "time/trace.h"

/* Slow cores take longer; returns what the busiest core takes. */
static double busy_slowly(plmr_region *region, double t_cycles)
{
    const plmr_defects *d = region->defects;
    size_t rows = (size_t)region->count[PLMR_Y], cols = (size_t)region->count[PLMR_X];
    double *cycles = plmr_take(rows * cols * sizeof *cycles), *next = cycles, others = plmr_device_quantise(t_cycles);
    for (size_t row = 0; row < rows; row++) {
        const double *slow = d->slow + ((size_t)region->first[PLMR_Y] + row) * (size_t)d->cols + region->first[PLMR_X];
        for (size_t col = 0; col < cols; col++)
            *next++ = slow[col] == 1 ? others : plmr_device_quantise(t_cycles * slow[col]);
    }
    plmr_clock_busy_each(region->clock, cycles);
    free(cycles);
    return plmr_device_quantise(t_cycles * d->slowest);
}

void plmr_region_compute(plmr_region *region, const char *what, double t_cycles)
{
    double cycles = plmr_device_quantise(t_cycles);
    plmr_trace_verb(region, what, NULL);
    if (region->defects && region->defects->slow)
        cycles = busy_slowly(region, cycles);
    else
        plmr_clock_busy(region->clock, cycles, false);
    region->ledger.compute_cycles += cycles;
    region->ledger.steps++;
    if (region->profile)
        region->profile->compute_cycles += cycles;
    if (region->options.on_step && !region->options.values)
        region->options.on_step(region->options.on_step_context, region->ledger.steps);
}

void plmr_region_multiply(plmr_region *region, double t_cycles, int64_t n_macs)
{
    region->ledger.parts |= PLMR_PART_TILES;
    region->ledger.multiply_adds += (double)n_macs * region->extent[PLMR_X] * region->extent[PLMR_Y];
    if (region->profile)
        region->profile->multiply_adds += (double)n_macs;
    plmr_region_compute(region, "multiply", t_cycles);
}

void plmr_region_move(plmr_region *region, enum plmr_move move, double t_cycles)
{
    double cycles = plmr_device_quantise(t_cycles);
    region->ledger.parts |= move == PLMR_MOVE_REDUCE ? PLMR_PART_COLLECTIVE : PLMR_PART_EXCHANGE;
    if (region->profile)
        region->profile->moving_cycles[move] += cycles;
    plmr_clock_busy(region->clock, cycles, true);
}

static void sleep_until_s(double wall_s)
{
    struct timespec when = {(time_t)wall_s, (long)((wall_s - (double)(time_t)wall_s) * 1e9)};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, NULL) == EINTR)
        ;
}

void plmr_region_pace(plmr_region *region)
{
    if (region->options.pace <= 0)
        return;
    double virtual_s = plmr_clock_block_max(region->clock) / region->device->clock;
    if (region->wall_start_s == 0)
        region->wall_start_s = plmr_wall_s() - region->options.pace * virtual_s;
    sleep_until_s(region->wall_start_s + region->options.pace * virtual_s);
}
