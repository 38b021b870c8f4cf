#include "serve/serve.h"

#include <math.h>
#include <stdlib.h>

#include "base/memory.h"

plmr_serve_load plmr_serve_load_of(const plmr_request *requests, int64_t n)
{
    plmr_serve_load load = {0};
    for (int64_t i = 0; i < n; i++) {
        int64_t length = (int64_t)requests[i].n_prompt + requests[i].n_output;
        load.mean_prompt += (double)requests[i].n_prompt / (double)n;
        load.mean_output += (double)requests[i].n_output / (double)n;
        load.longest = length > load.longest ? length : load.longest;
    }
    return load;
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static void add_sums(plmr_machine_sums *all, const plmr_machine_sums *one)
{
    all->t_end = fmax(all->t_end, one->t_end);
    all->busy_cycles += one->busy_cycles;
    all->multiply_adds += one->multiply_adds;
    all->wavelet_hops += one->wavelet_hops;
    all->n_steps += one->n_steps;
    all->n_chunks += one->n_chunks;
    all->kv_peak_tokens = larger(all->kv_peak_tokens, one->kv_peak_tokens);
    all->rows_peak = larger(all->rows_peak, one->rows_peak);
    all->most_waiting = larger(all->most_waiting, one->most_waiting);
}

static plmr_status serve_replica(plmr_serve_place *place, int replica, const plmr_serve_policy *policy,
                                 const plmr_slo *slo, plmr_request *requests, int64_t n, plmr_machine_sums *sums)
{
    int32_t *mine = plmr_take((size_t)(n + 1) * sizeof *mine);
    int64_t n_mine = 0;
    for (int64_t i = replica; i < n; i += place->n_replicas)
        mine[n_mine++] = (int32_t)i;
    plmr_status status = plmr_machine_serve(&place->costs, policy, slo, requests, mine, n_mine, sums);
    free(mine);
    return status;
}

plmr_status plmr_serve_run(plmr_serve_place *place, const plmr_serve_policy *policy, const plmr_slo *slo, double clock,
                           plmr_request *requests, int64_t n, plmr_serve_outcome *outcome)
{
    *outcome = (plmr_serve_outcome){0};
    for (int64_t i = 0; i < n; i++)
        requests[i].t_arrival *= clock;
    for (int replica = 0; replica < place->n_replicas; replica++) {
        plmr_machine_sums sums = {0};
        PLMR_TRY(serve_replica(place, replica, policy, slo, requests, n, &sums));
        add_sums(&outcome->sums, &sums);
    }
    plmr_serve_summarise(requests, n, slo, clock, outcome);
    outcome->utilisation =
        outcome->sums.busy_cycles / (outcome->sums.t_end * place->costs.n_stages * place->n_replicas);
    return PLMR_OK;
}
