#include "time/busy.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "base/memory.h"
#include "base/wall.h"
#include "region/profile.h"
#include "time/clock.h"
#include "time/trace.h"

double plmr_region_core_cycles(const plmr_region *region, int row, int col, double t_cycles)
{
    const plmr_defects *d = region->defects;
    return plmr_device_quantise(d && d->slow ? t_cycles * d->slow[(size_t)row * (size_t)d->cols + (size_t)col]
                                             : t_cycles);
}

/* Returns what the busiest core takes. */
static double busy_slowly(plmr_region *region, double t_cycles)
{
    const int *first = region->first, *count = region->count;
    double *cycles = plmr_take((size_t)count[PLMR_Y] * (size_t)count[PLMR_X] * sizeof *cycles), *next = cycles;
    for (int row = first[PLMR_Y]; row < first[PLMR_Y] + count[PLMR_Y]; row++)
        for (int col = first[PLMR_X]; col < first[PLMR_X] + count[PLMR_X]; col++)
            *next++ = plmr_region_core_cycles(region, row, col, t_cycles);
    plmr_clock_busy_each(region->clock, cycles);
    free(cycles);
    return plmr_device_quantise(t_cycles * region->defects->slowest);
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
