#include "serve/machine.h"

#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "serve/queue.h"

/* A pass on its way; its requests are the next n of `riding`. */
struct flight {
    double t_end;
    int64_t n;
    bool is_chunk, ends_prompt;
};

struct machine {
    plmr_serve_costs *costs;
    enum plmr_machine_part part;
    const plmr_serve_policy *policy;
    const plmr_slo *slo;
    plmr_request *requests;
    const int32_t *mine;
    int64_t n, n_arrived;
    plmr_heap waiting, prompts; /* not admitted; admitted, with tokens of the prompt that no pass has taken */
    plmr_fifo ready, riding;    /* that could have a token; in passes under way, pass after pass */
    struct flight *flights;     /* at most one in each region */
    int64_t first_flight, n_flights;
    double now, *free_at;                     /* by region */
    double t_burst, t_through, held_until;    /* chunks: see plmr_serve_view; when the next may begin */
    int64_t rows_used, kv_tokens, n_decoding; /* requests that are past their prompts */
    plmr_machine_sums *sums;
};

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t rows_of(const struct machine *m, const plmr_request *r)
{
    return plmr_serve_costs_row(m->costs, (int64_t)r->n_prompt + (m->part == PLMR_SERVE_PROMPTS ? 0 : r->n_output));
}

/* ---- what happens at a moment ---- */

static void rank(const struct machine *m, plmr_heap *heap, int32_t i)
{
    const plmr_request *r = &m->requests[i];
    plmr_heap_push(heap, (plmr_ranked){m->policy->rank(r, m->slo), r->priority, i});
}

static void arrive(struct machine *m)
{
    for (; m->n_arrived < m->n && m->requests[m->mine[m->n_arrived]].t_here <= m->now; m->n_arrived++)
        rank(m, &m->waiting, m->mine[m->n_arrived]);
    m->sums->most_waiting = larger(m->sums->most_waiting, m->waiting.n);
}

static void let_in(struct machine *m, int32_t i)
{
    if (m->part != PLMR_SERVE_TOKENS) {
        rank(m, &m->prompts, i);
        return;
    }
    m->kv_tokens += m->requests[i].n_prompt;
    m->n_decoding++;
    plmr_fifo_push(&m->ready, i);
}

/* The first that waits keeps those behind it waiting, so that long requests have their turn. */
static void admit(struct machine *m)
{
    while (m->waiting.n) {
        int64_t rows = rows_of(m, &m->requests[m->waiting.at[0].request]);
        if (m->rows_used + rows > m->costs->row_room)
            break;
        m->rows_used += rows;
        let_in(m, plmr_heap_pop(&m->waiting));
    }
    m->sums->rows_peak = larger(m->sums->rows_peak, m->rows_used);
}

/* The last token made is never read. */
static void leave(struct machine *m, const plmr_request *r)
{
    m->rows_used -= rows_of(m, r);
    m->kv_tokens -= r->n_prompt + r->n_made - 1;
    m->n_decoding--;
    m->sums->t_end = r->t_last;
}

static void take_token(struct machine *m, int32_t i, double t)
{
    plmr_request *r = &m->requests[i];
    r->t_first = r->n_made++ ? r->t_first : t;
    r->t_last = t;
    if (r->n_made == r->n_output || m->part == PLMR_SERVE_PROMPTS)
        leave(m, r);
    else
        plmr_fifo_push(&m->ready, i);
}

static void land(struct machine *m)
{
    while (m->n_flights && m->flights[m->first_flight].t_end <= m->now) {
        struct flight f = m->flights[m->first_flight];
        m->first_flight = (m->first_flight + 1) % m->costs->n_stages;
        m->n_flights--;
        for (int64_t k = 0; k < f.n; k++) {
            int32_t i = plmr_fifo_pop(&m->riding);
            if (!f.is_chunk || f.ends_prompt)
                take_token(m, i, f.t_end);
        }
    }
}

/* ---- passes ---- */

/* A region is free when the next one has taken over. */
static void take_off(struct machine *m, const plmr_pass_cost *cost, struct flight f)
{
    double t = m->now;
    for (int s = 0; s < m->costs->n_stages; s++) {
        double own = plmr_serve_cost_of_stage(m->costs, cost, s), begins = fmax(t, m->free_at[s]);
        if (s > 0)
            m->free_at[s - 1] = begins;
        t = m->free_at[s] = begins + own;
        m->sums->busy_cycles += own;
    }
    m->sums->multiply_adds += cost->multiply_adds;
    m->sums->wavelet_hops += cost->wavelet_hops;
    f.t_end = t;
    m->flights[(m->first_flight + m->n_flights++) % m->costs->n_stages] = f;
    m->sums->kv_peak_tokens = larger(m->sums->kv_peak_tokens, m->kv_tokens);
}

static int32_t chunk_of(const struct machine *m, const plmr_request *r)
{
    int32_t left = r->n_prompt - r->n_read;
    return left < m->costs->chunk ? left : (int32_t)m->costs->chunk;
}

static plmr_status find_chunk(const struct machine *m, const plmr_request *r, plmr_pass_cost *cost)
{
    int32_t n = chunk_of(m, r);
    return plmr_serve_costs_chunk(m->costs, r->n_read, n, r->n_read + n == r->n_prompt, cost);
}

static void start_chunk(struct machine *m, const plmr_pass_cost *cost)
{
    int32_t i = m->prompts.at[0].request;
    plmr_request *r = &m->requests[i];
    int32_t n = chunk_of(m, r);
    r->n_read += n;
    m->kv_tokens += n;
    bool ends = r->n_read == r->n_prompt;
    if (ends) {
        plmr_heap_pop(&m->prompts);
        m->n_decoding++;
    }
    plmr_fifo_push(&m->riding, i);
    m->sums->n_chunks++;
    m->t_burst = m->now < m->t_through ? m->t_burst : m->now;
    take_off(m, cost, (struct flight){.n = 1, .is_chunk = true, .ends_prompt = ends});
    m->t_through = m->free_at[m->costs->n_stages - 1];
}

/* Requests are spread over the regions: no more to a pass than that takes. */
static plmr_status start_step(struct machine *m)
{
    int64_t n = plmr_ceil_div(m->n_decoding, m->costs->n_stages), row_tokens = 0;
    const plmr_pass_cost *cost;
    n = n < m->costs->n_batch ? n : m->costs->n_batch;
    n = n < m->ready.n ? n : m->ready.n;
    for (int64_t k = 0; k < n; k++) {
        int32_t i = plmr_fifo_pop(&m->ready);
        const plmr_request *r = &m->requests[i];
        row_tokens += plmr_serve_costs_row(m->costs, (int64_t)r->n_prompt + r->n_made);
        plmr_fifo_push(&m->riding, i);
    }
    m->kv_tokens += n;
    m->sums->n_steps++;
    PLMR_TRY(plmr_serve_costs_step(m->costs, n, plmr_ceil_div(row_tokens, n), &cost));
    take_off(m, cost, (struct flight){.n = n});
    return PLMR_OK;
}

/* ---- the loop ---- */

/* From when on the next chunk may begin; requests that make tokens here have a say. */
static double prompt_from(const struct machine *m, const plmr_pass_cost *chunk)
{
    plmr_serve_view view = {
        .now = m->now,
        .prompt = &m->requests[m->prompts.at[0].request],
        .t_chunk = plmr_serve_cost_of_all(m->costs, chunk),
        .ready = m->ready.n ? &m->requests[m->ready.at[m->ready.first]] : NULL,
        .t_burst = m->t_burst,
        .t_through = m->t_through,
    };
    return m->n_decoding && m->part != PLMR_SERVE_PROMPTS ? m->policy->prompt_from(&view, m->slo) : m->now;
}

/* Starts a pass, if there is one to start. */
static plmr_status start(struct machine *m, bool *started)
{
    plmr_pass_cost chunk;
    m->held_until = INFINITY;
    if (m->prompts.n) {
        PLMR_TRY(find_chunk(m, &m->requests[m->prompts.at[0].request], &chunk));
        m->held_until = prompt_from(m, &chunk);
    }
    *started = m->held_until <= m->now || m->ready.n;
    if (m->held_until <= m->now)
        start_chunk(m, &chunk);
    else if (m->ready.n)
        return start_step(m);
    return PLMR_OK;
}

/* The next moment at which something can begin; false: nothing is left to do. */
static bool go_on(struct machine *m, bool started)
{
    double arrival = m->n_arrived < m->n ? m->requests[m->mine[m->n_arrived]].t_here : INFINITY;
    double landing = m->n_flights ? m->flights[m->first_flight].t_end : INFINITY;
    double next = started ? m->free_at[0] : fmin(fmin(arrival, landing), m->held_until);
    m->now = fmax(m->now, next);
    return isfinite(next);
}

static plmr_status serve(struct machine *m)
{
    bool started = false;
    while (go_on(m, started)) {
        land(m);
        arrive(m);
        admit(m);
        PLMR_TRY(start(m, &started));
    }
    PLMR_ASSERT(!m->waiting.n && !m->rows_used && !m->kv_tokens);
    return PLMR_OK;
}

plmr_status plmr_machine_serve(plmr_serve_costs *costs, enum plmr_machine_part part, const plmr_serve_policy *policy,
                               const plmr_slo *slo, plmr_request *requests, const int32_t *mine, int64_t n,
                               plmr_machine_sums *sums)
{
    struct machine m = {.costs = costs, .part = part, .policy = policy, .slo = slo, .requests = requests};
    m.mine = mine;
    m.n = n;
    m.sums = sums;
    m.t_burst = m.t_through = -INFINITY;
    m.flights = plmr_take((size_t)costs->n_stages * sizeof *m.flights);
    m.free_at = plmr_take_zeroed((size_t)costs->n_stages, sizeof *m.free_at);
    plmr_status status = serve(&m);
    plmr_heap_free(&m.waiting);
    plmr_heap_free(&m.prompts);
    plmr_fifo_free(&m.ready);
    plmr_fifo_free(&m.riding);
    free(m.flights);
    free(m.free_at);
    return status;
}
