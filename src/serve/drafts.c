/* Tokens that a small model guesses, on a region of its own: it reads prompts, too, and guesses for one batch after the
 * other. */
#include "serve/arrivals.h"
#include "serve/machine_internal.h"

#include <math.h>

double plmr_machine_draft_due(const struct plmr_machine *m)
{
    return m->drafting.n ? m->draft_end : m->to_draft.n ? m->draft_free : INFINITY;
}

static plmr_status add_pass(struct plmr_machine *m, int64_t n, int64_t row_tokens)
{
    plmr_pass_cost cost;
    PLMR_TRY(plmr_serve_costs_step(m->setup->draft, n, plmr_ceil_div(row_tokens, n), &cost));
    m->draft_free += plmr_serve_cost_of_all(m->setup->draft, &cost);
    m->sums->multiply_adds += cost.multiply_adds;
    m->sums->wavelet_hops += cost.wavelet_hops;
    return PLMR_OK;
}

static plmr_status begin(struct plmr_machine *m)
{
    int64_t n = plmr_machine_spread(m, m->to_draft.n), count[PLMR_MOST_AHEAD] = {0}, rows[PLMR_MOST_AHEAD] = {0};
    n = n < m->setup->draft->n_batch ? n : m->setup->draft->n_batch;
    for (int64_t k = 0; k < n; k++) {
        int32_t i = plmr_fifo_pop(&m->to_draft);
        const plmr_request *r = &m->requests[i];
        for (int j = 0; j < plmr_machine_ahead(m, r); j++) {
            count[j]++;
            rows[j] += plmr_machine_rows(m, r, (int64_t)r->n_prompt + r->n_made + j);
        }
        plmr_fifo_push(&m->drafting, i);
    }
    m->draft_free = m->now;
    for (int j = 0; j < m->setup->ahead && count[j]; j++)
        PLMR_TRY(add_pass(m, count[j], rows[j]));
    m->draft_end = m->draft_free;
    return PLMR_OK;
}

plmr_status plmr_machine_run_drafts(struct plmr_machine *m)
{
    if (m->drafting.n && m->draft_end <= m->now)
        while (m->drafting.n)
            plmr_fifo_push(&m->ready, plmr_fifo_pop(&m->drafting));
    return !m->drafting.n && m->to_draft.n && m->draft_free <= m->now ? begin(m) : PLMR_OK;
}

plmr_status plmr_machine_draft_reads(struct plmr_machine *m, int64_t n_before, int64_t n)
{
    plmr_pass_cost cost;
    if (!m->setup->draft)
        return PLMR_OK;
    PLMR_TRY(plmr_serve_costs_chunk(m->setup->draft, n_before, n, false, &cost));
    m->draft_free = fmax(m->draft_free, m->now) + plmr_serve_cost_of_all(m->setup->draft, &cost);
    m->sums->multiply_adds += cost.multiply_adds;
    m->sums->wavelet_hops += cost.wavelet_hops;
    return PLMR_OK;
}

/* The first numbers of a request are its arrival and lengths. */
int plmr_machine_right(const struct plmr_machine *m, int32_t i)
{
    const plmr_request *r = &m->requests[i];
    int n = plmr_machine_ahead(m, r), right = 0;
    while (right < n && plmr_serve_random(m->setup->seed, i, (uint32_t)(8 + r->n_made + right)) <= m->setup->accept)
        right++;
    return right;
}
