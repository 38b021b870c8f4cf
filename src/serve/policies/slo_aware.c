#include "serve/policy.h"

/* All have the same time for their first token: the first to come is the first due. */
static double rank(const plmr_request *request, const plmr_slo *slo)
{
    return request->t_arrival + slo->ttft;
}

/* What is due sooner; a prompt that is late already has nothing more to lose. */
static double prompt_from(const plmr_serve_view *view, const plmr_slo *slo)
{
    double prompt_due = rank(view->prompt, slo) - view->t_chunk;
    if (view->now > prompt_due)
        return plmr_serve_prompt_turn(view);
    return !view->ready || prompt_due < view->ready->t_last + slo->tpot ? view->now : prompt_due;
}

const plmr_serve_policy plmr_serve_policy_slo_aware = {
    .name = "slo-aware",
    .summary = "what is due first by --slo: a prompt or a token; prompts that are late already wait for tokens",
    .needs_slo = true,
    .rank = rank,
    .prompt_from = prompt_from,
};
