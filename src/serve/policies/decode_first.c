#include "serve/policy.h"

static double rank(const plmr_request *request, const plmr_slo *slo)
{
    (void)slo;
    return request->t_arrival;
}

static bool prompt_first(const plmr_serve_view *view, const plmr_slo *slo)
{
    (void)slo;
    return view->ready->t_last > view->t_last_chunk;
}

const plmr_serve_policy plmr_serve_policy_decode_first = {
    .name = "decode-first",
    .summary = "first come, first served; requests that have waited since the last chunk of a prompt have a token "
               "before the next",
    .rank = rank,
    .prompt_first = prompt_first,
};
