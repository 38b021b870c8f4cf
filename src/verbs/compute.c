#include "plmr/cores.h"

#include <stdlib.h>

#include "base/given.h"
#include "base/memory.h"
#include "plmr/tiles.h"
#include "region/profile.h"
#include "time/busy.h"
#include "time/clock.h"
#include "time/trace.h"

/* What the cores of this rank say, row by row; the longest, and the sum in 1/64 cycles: in 2^32 of them, and what is left of each.
 * In one word two thousand cores of 2^47 cycles would not fit, and in a double their order would count. */
struct step {
    double *cycles, longest;
    uint64_t sum[2];
};

static plmr_status ask(const plmr_region *region, plmr_cycles t_cycles, void *context, struct step *step)
{
    double most = 0x1p47 - region->ledger.compute_cycles, *next = step->cycles;
    for (int row = region->first[PLMR_Y]; row < region->first[PLMR_Y] + region->count[PLMR_Y]; row++)
        for (int col = region->first[PLMR_X]; col < region->first[PLMR_X] + region->count[PLMR_X]; col++) {
            double cycles = t_cycles(context, row, col);
            *next = plmr_region_core_cycles(region, row, col, cycles);
            PLMR_CHECK(cycles >= 0 && *next <= most, PLMR_ERROR_INPUT,
                       "core (%d,%d) cannot compute for %g cycles after %g: give 0 or more, and at most 2^47 in all",
                       row, col, cycles, region->ledger.compute_cycles);
            step->longest = *next > step->longest ? *next : step->longest;
            uint64_t parts = (uint64_t)(*next++ * 64);
            step->sum[0] += parts >> 32;
            step->sum[1] += parts & UINT32_MAX;
        }
    return PLMR_OK;
}

static void charge(plmr_region *region, const struct step *step)
{
    region->ledger.compute_cycles += step->longest;
    region->ledger.steps++;
    if (region->profile)
        region->profile->compute_cycles += ((double)step->sum[0] * 0x1p32 + (double)step->sum[1]) / 64 /
                                           ((double)region->extent[PLMR_X] * region->extent[PLMR_Y]);
    if (region->options.on_step && !region->options.values)
        region->options.on_step(region->options.on_step_context, region->ledger.steps);
}

plmr_status plmr_compute_each(plmr_region *region, plmr_cycles t_cycles, void (*work)(void *context, int row, int col),
                              void *context)
{
    PLMR_TRY(plmr_region_check(region, __func__));
    PLMR_GIVEN(t_cycles);
    int n_rows = region->count[PLMR_Y], n_cols = region->count[PLMR_X];
    struct step step = {.cycles = plmr_take((size_t)n_rows * (size_t)n_cols * sizeof *step.cycles)};
    plmr_status status = plmr_agree(ask(region, t_cycles, context, &step));
    if (!status) {
        plmr_ranks_max(region->ranks, &step.longest, 1);
        plmr_ranks_sum(region->ranks, step.sum, 2);
        plmr_trace_verb(region, "compute", NULL);
        plmr_clock_busy_each(region->clock, step.cycles);
        charge(region, &step);
    }
    free(step.cycles);
    return status ? status : plmr_each(region, work, context);
}

struct list {
    const plmr_region *region;
    const double *t_cycles;
};

static double from_list(void *context, int row, int col)
{
    const struct list *list = context;
    const plmr_region *region = list->region;
    return list->t_cycles[(row - region->first[PLMR_Y]) * region->count[PLMR_X] + col - region->first[PLMR_X]];
}

plmr_status plmr_compute_listed(plmr_region *region, const double *t_cycles)
{
    PLMR_GIVEN(t_cycles);
    return plmr_compute_each(region, from_list, NULL, &(struct list){region, t_cycles});
}
