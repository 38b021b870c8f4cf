/* What requests that are done come to. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/larger.h"
#include "base/memory.h"
#include "serve/serve.h"

/* Sorts them; nothing is known of none. */
static plmr_serve_quantiles quantiles_of(double *values, int64_t n)
{
    plmr_serve_quantiles q = {NAN, NAN, NAN, NAN};
    double *const to[] = {&q.p50, &q.p90, &q.p99}, share[] = {0.5, 0.9, 0.99};
    if (n == 0)
        return q;
    qsort(values, (size_t)n, sizeof *values, plmr_compare_doubles);
    q.mean = 0;
    for (int64_t i = 0; i < n; i++)
        q.mean += values[i] / (double)n;
    for (int k = 0; k < 3; k++)
        *to[k] = values[(int64_t)ceil(share[k] * (double)n) - 1];
    return q;
}

static double ttft(const plmr_request *r)
{
    return r->t_first - r->t_arrival;
}

static double e2e(const plmr_request *r)
{
    return r->t_last - r->t_arrival;
}

/* Of a request with one token: none, which is not a number. */
static double tpot(const plmr_request *r)
{
    return r->n_output > 1 ? (r->t_last - r->t_first) / (r->n_output - 1) : NAN;
}

static bool is_good(const plmr_request *r, const plmr_slo *slo)
{
    return (slo->ttft == 0 || ttft(r) <= slo->ttft) && (slo->tpot == 0 || r->n_output == 1 || tpot(r) <= slo->tpot);
}

static plmr_serve_quantiles of_all(const plmr_request *requests, int64_t n, double clock,
                                   double (*value)(const plmr_request *request))
{
    double *values = plmr_take((size_t)(n + 1) * sizeof *values);
    int64_t n_values = 0;
    for (int64_t i = 0; i < n; i++) {
        double x = value(&requests[i]) / clock;
        if (isfinite(x))
            values[n_values++] = x;
    }
    plmr_serve_quantiles q = quantiles_of(values, n_values);
    free(values);
    return q;
}

static void summarise_urgent(const plmr_request *requests, int64_t n, double clock, plmr_serve_outcome *o)
{
    double *values = plmr_take((size_t)n * sizeof *values);
    int32_t least = requests[0].priority, most = least;
    for (int64_t i = 0; i < n; i++) {
        least = plmr_smaller(requests[i].priority, least);
        most = plmr_larger(requests[i].priority, most);
    }
    o->n_urgent = 0;
    for (int64_t i = 0; i < n && most > least; i++)
        if (requests[i].priority == most)
            values[o->n_urgent++] = e2e(&requests[i]) / clock;
    o->urgent_e2e = quantiles_of(values, o->n_urgent);
    free(values);
}

void plmr_serve_summarise(const plmr_request *requests, int64_t n, const plmr_slo *slo, double clock,
                          plmr_serve_outcome *o)
{
    o->n_requests = n;
    o->ttft = of_all(requests, n, clock, ttft);
    o->tpot = of_all(requests, n, clock, tpot);
    o->e2e = of_all(requests, n, clock, e2e);
    for (int64_t i = 0; i < n; i++) {
        o->n_good += is_good(&requests[i], slo);
        o->n_prompt_tokens += requests[i].n_prompt;
        o->n_tokens += requests[i].n_output;
    }
    summarise_urgent(requests, n, clock, o);
    o->t_all_s = o->sums.t_end / clock;
    o->rate = requests[n - 1].t_arrival > 0 ? (double)n / (requests[n - 1].t_arrival / clock) : NAN;
}

plmr_status plmr_slo_parse(const char *option, const char *text, plmr_slo *slo)
{
    plmr_slo all = {0};
    const char *at = text;
    for (int more = 1; more;) {
        double *value = strncmp(at, "ttft=", 5) == 0 ? &all.ttft : strncmp(at, "tpot=", 5) == 0 ? &all.tpot : NULL;
        char *end = (char *)at;
        PLMR_CHECK(!value || *value == 0, PLMR_ERROR_INPUT, "%s: '%.60s' says %.4s more than once", option, text, at);
        if (value)
            *value = strtod(at + 5, &end);
        PLMR_CHECK(value && end > at + 5 && *value > 0 && *value < 1e9 && (!*end || *end == ','), PLMR_ERROR_INPUT,
                   "%s: '%.60s' is not ttft=S,tpot=S or one of them, in seconds: e.g. ttft=0.5,tpot=0.02", option,
                   text);
        more = *end == ',';
        at = end + 1;
    }
    slo->ttft = all.ttft > 0 ? all.ttft : slo->ttft;
    slo->tpot = all.tpot > 0 ? all.tpot : slo->tpot;
    return PLMR_OK;
}
