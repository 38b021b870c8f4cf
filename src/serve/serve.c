#include "serve/serve.h"

#include <math.h>
#include <stdlib.h>

#include "base/larger.h"
#include "base/memory.h"
#include "infer/step.h"
#include "serve/apart.h"
#include "serve/kept.h"
#include "serve/timeline.h"

double plmr_serve_token_bytes(const plmr_model_shape *shape, const plmr_llm_setup *setup)
{
    plmr_heads all = {.n_per_core = shape->n_kv_heads};
    int64_t n_elements = plmr_model_layer_needs(shape).cache;
    return (double)shape->n_layers *
           (double)plmr_cost_cache_bytes(&all, setup->cache_dtype, setup->cache_packed, n_elements);
}

plmr_serve_load plmr_serve_load_of(const plmr_request *requests, int64_t n)
{
    plmr_serve_load load = {.n = n};
    for (int64_t i = 0; i < n; i++) {
        int64_t length = (int64_t)requests[i].n_prompt + requests[i].n_output;
        load.mean_prompt += (double)requests[i].n_prompt / (double)n;
        load.mean_output += (double)requests[i].n_output / (double)n;
        load.longest = plmr_larger(length, load.longest);
        load.shares |= requests[i].n_prefix > 0;
    }
    for (int64_t i = 0; i < n; i++)
        load.spread += pow((double)requests[i].n_output / load.mean_output - 1, 2) / (double)n;
    load.spread = sqrt(load.spread);
    return load;
}

static void add_sums(plmr_machine_sums *all, const plmr_machine_sums *one)
{
    all->t_end = fmax(all->t_end, one->t_end);
    all->busy_cycles += one->busy_cycles;
    all->multiply_adds += one->multiply_adds;
    all->wavelet_hops += one->wavelet_hops;
    all->link_bytes += one->link_bytes;
    all->t_ways += one->t_ways;
    all->n_ways += one->n_ways;
    all->n_steps += one->n_steps;
    all->n_chunks += one->n_chunks;
    all->kv_peak_tokens = plmr_larger(all->kv_peak_tokens, one->kv_peak_tokens);
    all->rows_peak = plmr_larger(all->rows_peak, one->rows_peak);
    all->most_waiting = plmr_larger(all->most_waiting, one->most_waiting);
    all->n_preempted += one->n_preempted;
    all->n_again += one->n_again;
    all->n_shared += one->n_shared;
    all->n_guessed += one->n_guessed;
    all->n_right += one->n_right;
}

struct serving {
    plmr_serve_place *place;
    const plmr_serve_plan *plan;
    plmr_request *requests;
    int64_t n, n_prefixes;
    plmr_machine_sums *sums;
    plmr_serve_at at;
};

/* Every n_replicas-th of the order from the one's own. */
static plmr_status serve_replica(const struct serving *s, int n_replicas)
{
    int32_t *mine = plmr_take((size_t)(s->at.n / n_replicas + 1) * sizeof *mine);
    int64_t n_mine = 0;
    plmr_machine_sums sums = {0};
    for (int64_t i = s->at.replica; i < s->at.n; i += n_replicas)
        mine[n_mine++] = s->at.order[i];
    plmr_machine_setup setup = {.costs = &s->place->costs,
                                .draft = s->place->draft.timing ? &s->place->draft : NULL,
                                .part = (enum plmr_machine_part)s->at.part,
                                .policy = s->plan->policy,
                                .slo = s->plan->slo,
                                .preempts = s->plan->preempts,
                                .n_prefixes = s->n_prefixes,
                                .token_bytes = s->plan->token_bytes,
                                .ahead = s->plan->ahead,
                                .accept = s->plan->accept,
                                .seed = s->plan->seed,
                                .values = s->plan->values,
                                .kept = s->plan->kept,
                                .timeline = s->plan->timeline};
    if (setup.timeline)
        plmr_timeline_begin(setup.timeline, setup.part == PLMR_SERVE_TOKENS ? s->place->costs.n_stages : 0);
    plmr_status status = plmr_machine_serve(&setup, s->requests, mine, n_mine, &sums);
    add_sums(s->sums, &sums);
    free(mine);
    return status;
}

static plmr_status serve_part(struct serving *s, int n_replicas)
{
    for (; s->at.replica < n_replicas; s->at.replica++)
        PLMR_TRY(serve_replica(s, n_replicas));
    return PLMR_OK;
}

static plmr_status serve_all(struct serving *s)
{
    int n_replicas = s->place->n_replicas, n_prompt = s->plan->n_prompt;
    if (s->at.part == PLMR_SERVE_PROMPTS) {
        PLMR_TRY(serve_part(s, n_prompt));
        int64_t n = plmr_serve_hand_over(s->place, s->plan, s->requests, s->n, s->at.order, s->sums);
        s->at = (plmr_serve_at){PLMR_SERVE_TOKENS, 0, n, s->at.order};
    }
    return serve_part(s, n_replicas - n_prompt);
}

/* From where an earlier run was, if there is such a run. */
static plmr_status go_on(struct serving *s)
{
    plmr_serve_kept *kept = s->plan->kept;
    if (kept) {
        kept->place = s->place;
        kept->requests = s->requests;
        kept->n_requests = s->n;
        kept->at = &s->at;
        kept->sums = s->sums;
        PLMR_TRY(plmr_serve_kept_take(kept));
    }
    return serve_all(s);
}

static int compare_prefixes(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

/* Gives prefixes numbers from 0 on, in the order of those that they have; returns how many there are. The last token of a
 * prompt is always read, for what it gives. */
static int64_t number_prefixes(plmr_request *requests, int64_t n)
{
    int32_t *all = plmr_take((size_t)(n + 1) * sizeof *all);
    int64_t n_all = 0, n_different = 0;
    for (int64_t i = 0; i < n; i++)
        if (requests[i].n_prefix)
            all[n_all++] = requests[i].prefix;
    qsort(all, (size_t)n_all, sizeof *all, compare_prefixes);
    for (int64_t i = 0; i < n_all; i++)
        if (i == 0 || all[i] != all[n_different - 1])
            all[n_different++] = all[i];
    for (int64_t i = 0; i < n; i++) {
        plmr_request *r = &requests[i];
        if (r->n_prefix == r->n_prompt)
            r->n_prefix--;
        if (r->n_prefix)
            r->prefix =
                (int32_t)((int32_t *)bsearch(&r->prefix, all, (size_t)n_different, sizeof *all, compare_prefixes) -
                          all);
    }
    free(all);
    return n_different;
}

static plmr_status check_times(const plmr_request *requests, int64_t n, double clock)
{
    double last = requests[n - 1].t_arrival;
    PLMR_CHECK(
        last * clock <= PLMR_SERVE_CYCLES, PLMR_ERROR_LIMIT,
        "the last request comes after %.3g s, but beyond %.3g s times no longer tell cycles of %.3g Hz apart: let "
        "requests come at a higher rate, or fewer of them",
        last, PLMR_SERVE_CYCLES / clock, clock);
    return PLMR_OK;
}

plmr_status plmr_serve_run(plmr_serve_place *place, const plmr_serve_plan *plan, plmr_request *requests, int64_t n,
                           plmr_serve_outcome *outcome)
{
    PLMR_TRY(check_times(requests, n, plan->clock));
    int32_t *order = plmr_take((size_t)n * sizeof *order);
    plmr_serve_at start = {plan->n_prompt ? PLMR_SERVE_PROMPTS : PLMR_SERVE_ALL, 0, n, order};
    struct serving s = {place, plan, requests, n, number_prefixes(requests, n), &outcome->sums, start};
    *outcome = (plmr_serve_outcome){0};
    if (plan->timeline)
        plmr_timeline_clear(plan->timeline, place->costs.n_stages * (plan->n_prompt ? 2 : 1));
    for (int64_t i = 0; i < n; i++) {
        requests[i].t_here = requests[i].t_arrival *= plan->clock;
        order[i] = (int32_t)i;
    }
    plmr_status status = go_on(&s);
    free(order);
    PLMR_TRY(status);
    plmr_serve_summarise(requests, n, &plan->slo, plan->clock, outcome);
    const plmr_machine_sums *sums = &outcome->sums;
    outcome->way_s = plan->n_prompt ? sums->t_ways / plan->clock / fmax(1, (double)sums->n_ways) : NAN;
    outcome->utilisation =
        outcome->sums.busy_cycles / (outcome->sums.t_end * place->costs.n_stages * place->n_replicas);
    return PLMR_OK;
}
