#include "serve/policy.h"

/* Of what a burst of chunks took, through all regions: how long tokens then have them to themselves. */
static const double share = 0.25;

double plmr_serve_prompt_turn(const plmr_serve_view *view)
{
    double first_through = view->t_burst + view->t_chunk;
    bool in_burst = view->now < view->t_through && view->prompt->t_here < first_through;
    return in_burst ? view->now : fmax(view->now, view->t_through + share * (view->t_through - view->t_burst));
}

static double rank(const plmr_request *request, const plmr_slo *slo)
{
    (void)slo;
    return request->t_arrival;
}

static double prompt_from(const plmr_serve_view *view, const plmr_slo *slo)
{
    (void)slo;
    return plmr_serve_prompt_turn(view);
}

const plmr_serve_policy plmr_serve_policy_decode_first = {
    .name = "decode-first",
    .summary = "first come, first served; prompts go together, and tokens then have the regions to themselves for a "
               "quarter as long",
    .rank = rank,
    .prompt_from = prompt_from,
};
