#include "infer/totals.h"

#include <math.h>

plmr_phase_cost plmr_llm_totals_sum(const plmr_llm_totals *totals)
{
    plmr_phase_cost sum = totals->prefill;
    plmr_phase_cost_add(&sum, &totals->handover);
    plmr_phase_cost_add(&sum, &totals->decode);
    return sum;
}

double plmr_tokens_per_joule(const plmr_device *device, double n_tokens, int64_t wafers, double t_cycles)
{
    double joules = device->power * (double)wafers * t_cycles / device->clock;
    return joules > 0 ? n_tokens / joules : NAN;
}

static void halve(plmr_llm_spans *s)
{
    for (int i = 0; i < s->n / 2; i++) {
        s->spans[i] = s->spans[2 * i];
        s->spans[i].n_tokens += s->spans[2 * i + 1].n_tokens;
        plmr_phase_cost_add(&s->spans[i].cost, &s->spans[2 * i + 1].cost);
    }
    s->n /= 2;
    s->n_least *= 2;
}

static void add_to_spans(plmr_llm_spans *s, const plmr_phase_cost *token)
{
    plmr_llm_span *last = s->n ? &s->spans[s->n - 1] : NULL;
    bool alike = last && last->cost.t_cycles == token->t_cycles * (double)last->n_tokens;
    if (!last || (last->n_tokens >= s->n_least && !alike)) {
        if (s->n == PLMR_LLM_SPANS)
            halve(s);
        s->spans[s->n++] = (plmr_llm_span){1, *token};
        return;
    }
    last->n_tokens++;
    plmr_phase_cost_add(&last->cost, token);
}

plmr_status plmr_llm_totals_add_tokens(plmr_llm_totals *totals, plmr_timing *timing, int64_t n_before, int64_t n)
{
    bool as_published = plmr_timing_setup(timing)->as_published; /* then the cache does not grow */
    for (int64_t i = 0; i < n; i++) {
        const plmr_phase_cost *token;
        PLMR_TRY(plmr_timing_fits(timing, n_before + i + !as_published));
        PLMR_TRY(plmr_timing_token(timing, n_before + i, &token));
        plmr_phase_cost_add(&totals->decode, token);
        if (totals->spans)
            add_to_spans(totals->spans, token);
        totals->first_cycles = totals->n_made ? totals->first_cycles : token->t_cycles;
        totals->last_cycles = token->t_cycles;
        totals->n_made++;
    }
    return PLMR_OK;
}
