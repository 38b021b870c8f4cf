#include "serve/find_rate.h"

#include <math.h>

#include "plmr/ranks.h"
#include "serve/kept.h"

struct search {
    plmr_serve_place *place;
    const plmr_serve_plan *plan;
    plmr_arrivals arrivals;
    plmr_request *requests;
    plmr_serve_outcome *outcome;
    int n_asked;
};

static plmr_status serve_at(struct search *s, double rate, bool *meets)
{
    if (plmr_serve_kept_rate(s->plan->kept, s->n_asked++, meets))
        return PLMR_OK;
    s->arrivals.rate = rate;
    if (plmr_rank() == 0)
        plmr_arrivals_make(&s->arrivals, s->requests);
    plmr_broadcast(s->requests, (size_t)s->arrivals.n * sizeof *s->requests);
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

/* From a request in 16 minutes on, twice as many until the SLO is missed, then half-way between. */
plmr_status plmr_serve_find_rate(plmr_serve_place *place, const plmr_serve_plan *plan, const plmr_arrivals *arrivals,
                                 plmr_request *requests, int64_t n, plmr_serve_outcome *outcome)
{
    struct search search = {place, plan, *arrivals, requests, outcome, 0};
    double good = 0, bad = 0, least = 1.0 / 1024, most = 1e6, rate;
    bool meets;
    search.arrivals.n = n;
    for (rate = least; bad == 0 && rate < most; rate *= 2) {
        PLMR_TRY(serve_at(&search, rate, &meets));
        *(meets ? &good : &bad) = rate;
    }
    PLMR_CHECK(good > 0, PLMR_ERROR_LIMIT, "the --slo cannot be met: one request at a time takes longer");
    while (bad > 0 && bad > good * 1.01) {
        rate = sqrt(good * bad);
        PLMR_TRY(serve_at(&search, rate, &meets));
        *(meets ? &good : &bad) = rate;
    }
    return serve_at(&search, good, &meets);
}
