#include "region/profile.h"
#include "time/busy.h"
#include "time/clock.h"
#include "time/trace.h"

/* What is to be done n times. */
struct turns {
    const char *what;
    int64_t n;
    plmr_status (*turn)(void *context);
    void *context;
};

/* What `times` more turns are charged, each what the last one was. */
static void charge_more(plmr_ledger *ledger, const plmr_ledger *before, int64_t times)
{
    uint64_t *hops[] = {&ledger->wavelet_hops, &ledger->border_hops},
             was[] = {before->wavelet_hops, before->border_hops};
    for (int i = 0; i < 2; i++)
        *hops[i] = plmr_count_more(*hops[i], *hops[i] - was[i], (uint64_t)times);
    ledger->hops += (ledger->hops - before->hops) * times;
    ledger->stages += (ledger->stages - before->stages) * times;
    ledger->steps += (ledger->steps - before->steps) * times;
    ledger->multiply_adds += (ledger->multiply_adds - before->multiply_adds) * (double)times;
    ledger->compute_cycles += (ledger->compute_cycles - before->compute_cycles) * (double)times;
}

static plmr_status run_turn(plmr_region *region, plmr_status (*turn)(void *context), void *context, double *advance)
{
    *advance = -1;
    if (region->options.every_step || region->options.values)
        return turn(context);
    plmr_clock_mark mark = plmr_clock_mark_create(region->clock);
    plmr_status status = turn(context);
    if (!status)
        *advance = plmr_clock_mark_since(region->clock, &mark);
    plmr_clock_mark_free(&mark);
    return status;
}

/* One turn, and `n_more` if it turns out that they do not differ. */
static plmr_status run_marked(plmr_region *region, const plmr_profile *mark, const struct turns *turns, int64_t index,
                              bool *is_steady)
{
    double advance;
    int64_t n_more = turns->n - index - 1;
    plmr_region_close_paths(region);
    plmr_ledger before = region->ledger;
    plmr_trace_begin(region->trace);
    PLMR_TRY(run_turn(region, turns->turn, turns->context, &advance));
    plmr_trace_end(region->trace, turns->what, index);
    *is_steady = advance >= 0;
    if (!*is_steady)
        return PLMR_OK;
    plmr_region_close_paths(region);
    charge_more(&region->ledger, &before, n_more);
    plmr_trace_skip(region->trace, turns->what, n_more, advance);
    plmr_clock_add(region->clock, advance * (double)n_more);
    if (mark)
        plmr_profile_repeat(region->profile, mark, n_more);
    return PLMR_OK;
}

static plmr_status run_once(plmr_region *region, const struct turns *turns, int64_t index, bool *is_steady)
{
    plmr_profile *mark = region->profile ? plmr_profile_mark(region->profile) : NULL;
    plmr_status status = run_marked(region, mark, turns, index, is_steady);
    plmr_profile_destroy(mark);
    return status;
}

plmr_status plmr_region_repeat(plmr_region *region, const char *what, int64_t n, plmr_status (*turn)(void *context),
                               void *context, int64_t *n_run)
{
    struct turns turns = {what, n, turn, context};
    plmr_status status = PLMR_OK;
    bool is_steady = false;
    for (*n_run = 0; *n_run < n && !is_steady && !status; ++*n_run)
        status = run_once(region, &turns, *n_run, &is_steady);
    return status;
}
