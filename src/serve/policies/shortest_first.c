#include "serve/policy.h"

static double rank(const plmr_request *request, const plmr_slo *slo)
{
    (void)slo;
    return request->n_prompt;
}

static bool prompt_first(const plmr_serve_view *view, const plmr_slo *slo)
{
    (void)view;
    (void)slo;
    return true;
}

const plmr_serve_policy plmr_serve_policy_shortest_first = {
    .name = "shortest-first",
    .summary = "the shortest prompt that waits is first; prompts go before tokens",
    .rank = rank,
    .prompt_first = prompt_first,
};
