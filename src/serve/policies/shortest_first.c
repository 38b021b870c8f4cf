#include "serve/policy.h"

static double rank(const plmr_request *request, const plmr_slo *slo)
{
    (void)slo;
    return request->n_prompt;
}

static double prompt_from(const plmr_serve_view *view, const plmr_slo *slo)
{
    (void)slo;
    return view->now;
}

const plmr_serve_policy plmr_serve_policy_shortest_first = {
    .name = "shortest-first",
    .summary = "the shortest prompt that waits is first; prompts go before tokens",
    .rank = rank,
    .prompt_from = prompt_from,
};
