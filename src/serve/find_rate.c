#include "serve/find_rate.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "plmr/ranks.h"
#include "serve/kept.h"

/* Requests a second: one in 17 minutes is seldom disturbed by another; what is served well twice a microsecond knows no limit. */
static const double least_rate = 1.0 / 1024, most_rate = 1 << 19;

/* Steps of less SRAM that are looked at: powers of the root of 2 bytes, the first ones below what there is. */
enum { N_LESS = 3 };

struct search {
    plmr_serve_place *place;
    plmr_serve_plan *plan;
    plmr_arrivals arrivals;
    plmr_request *requests;
    plmr_serve_outcome *outcome;
    double least; /* rate that is tried */
    int n_asked;
};

static void make_requests(struct search *s, double rate)
{
    s->arrivals.rate = rate;
    if (plmr_rank() == 0)
        plmr_arrivals_make(&s->arrivals, s->requests);
    plmr_broadcast(s->requests, (size_t)s->arrivals.n * sizeof *s->requests);
}

/* The least of the rates at which all requests come while times can tell them. */
static double least_of(struct search *s)
{
    make_requests(s, 1);
    double last = s->requests[s->arrivals.n - 1].t_arrival * s->plan->clock;
    return fmax(least_rate, exp2(ceil(log2(last / PLMR_SERVE_CYCLES))));
}

static plmr_status serve_at(struct search *s, double rate, bool *meets)
{
    if (plmr_serve_kept_rate(s->plan->kept, s->n_asked++, meets))
        return PLMR_OK;
    make_requests(s, rate);
    PLMR_TRY(plmr_serve_run(s->place, s->plan, s->requests, s->arrivals.n, s->outcome));
    const plmr_serve_outcome *o = s->outcome;
    *meets = o->n_good * 100 >= s->arrivals.n * 99;
    if (s->plan->tried)
        json_array_append_new(s->plan->tried,
                              json_pack("[f, f, f, f, f]", rate, o->ttft.p99, isfinite(o->tpot.p99) ? o->tpot.p99 : 0,
                                        o->n_tokens / o->t_all_s, (double)o->n_good / (double)s->arrivals.n));
    plmr_serve_kept_add_rate(s->plan->kept, *meets);
    return PLMR_OK;
}

/* From the least on, twice as many until the SLO is missed, then half-way between; 0: it is always missed. */
static plmr_status climb(struct search *s, double *good)
{
    double bad = 0, rate;
    bool meets;
    *good = 0;
    for (rate = s->least; bad == 0 && rate <= most_rate; rate *= 2) {
        PLMR_TRY(serve_at(s, rate, &meets));
        *(meets ? good : &bad) = rate;
    }
    while (bad > 0 && *good > 0 && bad > *good * 1.01) {
        rate = sqrt(*good * bad);
        PLMR_TRY(serve_at(s, rate, &meets));
        *(meets ? good : &bad) = rate;
    }
    return PLMR_OK;
}

static void use(struct search *s, plmr_serve_place *place)
{
    s->place = place;
    s->plan->n_prompt = place->n_prompt;
}

/* Rates that were tried, from `first` on; those from `last` on are left out. */
static void keep_tried(const struct search *s, size_t first, size_t last)
{
    json_t *tried = s->plan->tried;
    while (tried && json_array_size(tried) > last)
        json_array_remove(tried, last);
    for (size_t i = 0; tried && i < first; i++)
        json_array_remove(tried, 0);
}

/* Takes another placement, if its rate is higher. Frees the one that is left over. */
static plmr_status consider(struct search *s, plmr_serve_place *other, plmr_serve_place *best, double *good)
{
    size_t n_tried = json_array_size(s->plan->tried);
    double rate;
    use(s, other);
    plmr_status status = climb(s, &rate);
    bool is_better = !status && rate > *good;
    keep_tried(s, is_better ? n_tried : 0, is_better ? SIZE_MAX : n_tried);
    if (is_better) {
        plmr_serve_place was = *best;
        *best = *other;
        best->best = was.best;
        was.best = NULL;
        *other = was;
        *good = rate;
    }
    plmr_serve_place_free(other);
    use(s, best);
    return status;
}

/* What the machine would come to with fewer wafers, once and as often as it can; the first placement, on all, has been looked at. */
static plmr_status try_fewer(struct search *s, const plmr_serve_where *w, const plmr_serve_place *all,
                             plmr_serve_place *best, double *good)
{
    plmr_serve_place fewer;
    for (int i = 2 * all->n_wafers - 1; i >= 2; i--) {
        PLMR_TRY(plmr_serve_place_fewer(w->ranks, w->device, w->shape, w->setup, w->wish, all, i / 2, i % 2, &fewer));
        if (fewer.costs.timing)
            PLMR_TRY(consider(s, &fewer, best, good));
    }
    return PLMR_OK;
}

/* The same with less SRAM: what fits that fits. */
static plmr_status try_less(struct search *s, plmr_serve_where w, const plmr_device *less, plmr_serve_place *best,
                            double *good, bool *fits)
{
    plmr_serve_place all, kept;
    w.device = less;
    plmr_status status = plmr_serve_place_find(w.ranks, less, w.shape, w.setup, w.wish, &all);
    *fits = !status;
    if (status && plmr_error_code(status) == PLMR_ERROR_LIMIT) {
        plmr_error_free(status);
        return PLMR_OK;
    }
    PLMR_TRY(status);
    kept = all;
    all.best = NULL;
    status = consider(s, &all, best, good);
    if (!status)
        status = try_fewer(s, &w, &kept, best, good);
    free(kept.best);
    return status;
}

plmr_status plmr_serve_find_rate(const plmr_serve_where *w, plmr_serve_place *place, plmr_serve_plan *plan,
                                 const plmr_arrivals *arrivals, plmr_request *requests, int64_t n,
                                 plmr_serve_outcome *outcome)
{
    struct search search = {place, plan, *arrivals, requests, outcome, 0, 0};
    const plmr_serve_place all = *place;
    double good = 0, sram = w->device->sram;
    bool meets, fits = true;
    search.arrivals.n = n;
    search.least = least_of(&search);
    PLMR_TRY(climb(&search, &good));
    PLMR_TRY(try_fewer(&search, w, &all, place, &good));
    for (int i = 0; i < N_LESS && fits; i++) {
        plmr_device less = *w->device;
        sram = exp2((ceil(2 * log2(sram)) - 1) / 2);
        less.sram = floor(sram);
        PLMR_TRY(try_less(&search, *w, &less, place, &good, &fits));
    }
    PLMR_CHECK(good > 0, PLMR_ERROR_LIMIT,
               "the --slo cannot be met: requests take longer even where one comes in %.4g s", 1 / search.least);
    PLMR_TRY(serve_at(&search, good, &meets));
    outcome->meets_all = good >= most_rate;
    return PLMR_OK;
}
