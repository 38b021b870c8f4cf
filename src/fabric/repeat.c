#include "fabric/clock.h"
#include "fabric/trace.h"

/* What `times` more turns are charged, each what the last one was. */
static void charge_more(plmr_ledger *ledger, const plmr_ledger *before, int64_t times)
{
    ledger->wavelet_hops += (ledger->wavelet_hops - before->wavelet_hops) * (uint64_t)times;
    ledger->hops += (ledger->hops - before->hops) * times;
    ledger->stages += (ledger->stages - before->stages) * times;
    ledger->steps += (ledger->steps - before->steps) * times;
    ledger->multiply_adds += (ledger->multiply_adds - before->multiply_adds) * (double)times;
    ledger->compute_cycles += (ledger->compute_cycles - before->compute_cycles) * (double)times;
}

static plmr_status run_turn(plmr_region *region, plmr_status (*turn)(void *context), void *context, double *advance)
{
    plmr_clock_mark mark;
    *advance = -1;
    if (region->options.every_step || region->options.values)
        return turn(context);
    PLMR_TRY(plmr_clock_mark_create(region->clock, &mark));
    plmr_status status = turn(context);
    if (!status)
        status = plmr_clock_mark_since(region->clock, &mark, advance);
    plmr_clock_mark_free(&mark);
    return status;
}

plmr_status plmr_region_repeat(plmr_region *region, const char *what, int64_t n, plmr_status (*turn)(void *context),
                               void *context, int64_t *n_run)
{
    *n_run = 0;
    while (*n_run < n) {
        double advance;
        plmr_region_close_paths(region);
        plmr_ledger before = region->ledger;
        plmr_trace_begin(region->trace);
        PLMR_TRY(run_turn(region, turn, context, &advance));
        plmr_trace_end(region->trace, what, *n_run);
        ++*n_run;
        if (advance < 0)
            continue;
        plmr_region_close_paths(region);
        charge_more(&region->ledger, &before, n - *n_run);
        plmr_trace_skip(region->trace, what, n - *n_run, advance);
        plmr_clock_add(region->clock, advance * (double)(n - *n_run));
        break;
    }
    return PLMR_OK;
}
