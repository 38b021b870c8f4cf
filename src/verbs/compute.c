#include "plmr/cores.h"

#include <stdlib.h>

#include "base/given.h"
#include "base/larger.h"
#include "base/memory.h"
#include "plmr/tiles.h"
#include "region/profile.h"
#include "time/busy.h"
#include "time/clock.h"
#include "time/trace.h"

/* What the cores of this rank say, row by row, and the sum in 1/64 cycles: in 2^32 of them, and what is left of each. In one
 * word two thousand cores of 2^47 cycles would not fit, and in a double their order would count. */
struct step {
    double *cycles;
    uint64_t sum[2];
    int64_t core; /* that was asked last */
};

static plmr_status ask(const plmr_region *region, plmr_cycles t_cycles, void *context, struct step *step)
{
    double most = 0x1p47 - region->ledger.compute_cycles, *next = step->cycles;
    for (int row = region->first[PLMR_Y]; row < region->first[PLMR_Y] + region->count[PLMR_Y]; row++)
        for (int col = region->first[PLMR_X]; col < region->first[PLMR_X] + region->count[PLMR_X]; col++) {
            double cycles = t_cycles(context, row, col);
            step->core = (int64_t)row * region->extent[PLMR_X] + col;
            *next = plmr_region_core_cycles(region, row, col, cycles);
            PLMR_CHECK(cycles >= 0 && *next <= most, PLMR_ERROR_INPUT,
                       "core (%d,%d) cannot compute for %g cycles after %g: give 0 or more, and at most 2^47 in all",
                       row, col, cycles, region->ledger.compute_cycles);
            uint64_t parts = (uint64_t)(*next++ * 64);
            step->sum[0] += parts >> 32;
            step->sum[1] += parts & UINT32_MAX;
        }
    return PLMR_OK;
}

/* Steps one after the other take as long as the slowest core of each; the busiest core may have less to do in all. */
static void count(plmr_region *region, const double *cycles)
{
    size_t n_cores = (size_t)region->count[PLMR_Y] * (size_t)region->count[PLMR_X];
    double most[2] = {0}; /* in this step, in all of them */
    if (!region->by_core)
        region->by_core = plmr_take_zeroed(n_cores, sizeof *region->by_core);
    for (size_t core = 0; core < n_cores; core++) {
        most[0] = plmr_larger(cycles[core], most[0]);
        most[1] = plmr_larger(region->by_core[core] += cycles[core], most[1]);
    }
    plmr_ranks_max(region->ranks, most, 2);
    region->ledger.compute_cycles += most[0];
    region->ledger.beside_cycles += most[0] - (most[1] - region->most_by_core);
    region->most_by_core = most[1];
    region->is_uneven = true;
}

static void charge(plmr_region *region, const struct step *step)
{
    count(region, step->cycles);
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
    plmr_status status = ask(region, t_cycles, context, &step);
    status = plmr_agree_on(status, step.core);
    if (!status) {
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
    PLMR_TRY(plmr_region_check(region, __func__));
    PLMR_GIVEN(t_cycles);
    return plmr_compute_each(region, from_list, NULL, &(struct list){region, t_cycles});
}
