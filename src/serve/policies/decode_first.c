#include "serve/policy.h"

static double rank(const plmr_request *request, const plmr_slo *slo)
{
    (void)slo;
    return request->t_arrival;
}

static bool prompt_first(const plmr_serve_view *view, const plmr_slo *slo)
{
    (void)slo;
    return view->n_since >= view->n_decoding;
}

const plmr_serve_policy plmr_serve_policy_decode_first = {
    .name = "decode-first",
    .summary = "first come, first served; between two chunks of prompts all running requests have a token",
    .rank = rank,
    .prompt_first = prompt_first,
};
