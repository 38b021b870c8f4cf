#include "serve/machine_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/larger.h"
#include "base/memory.h"
#include "serve/kept.h"
#include "serve/timeline.h"

int64_t plmr_machine_spread(const struct plmr_machine *m, int64_t n)
{
    return plmr_smaller(n, plmr_ceil_div(m->n_decoding, m->setup->costs->n_stages));
}

/* ---- what happens at a moment ---- */

static int32_t of_mine(const struct plmr_machine *m, int64_t i)
{
    return m->mine ? m->mine[i] : (int32_t)i;
}

static void arrive(struct plmr_machine *m)
{
    for (; m->n_arrived < m->n && m->requests[of_mine(m, m->n_arrived)].t_here <= m->now; m->n_arrived++)
        plmr_machine_rank(m, &m->waiting, of_mine(m, m->n_arrived));
}

void plmr_machine_get_ready(struct plmr_machine *m, int32_t i)
{
    plmr_fifo_push(plmr_machine_ahead(m, &m->requests[i]) ? &m->to_draft : &m->ready, i);
}

/* The last token made is never read. */
static plmr_status take_tokens(struct plmr_machine *m, int32_t i, int n, double t)
{
    const plmr_machine_values *values = &m->setup->values;
    plmr_request *r = &m->requests[i];
    bool ended = false;
    if (values->make)
        PLMR_TRY(values->make(values->context, i, n, &ended));
    r->t_first = r->n_made ? r->t_first : t;
    r->t_last = t;
    r->n_made += n;
    r->n_cached += n - 1;
    m->kv_tokens += n - 1;
    r->n_output = ended ? r->n_made : r->n_output;
    if (r->n_made == r->n_output || m->setup->part == PLMR_SERVE_PROMPTS)
        plmr_machine_leave(m, i);
    else
        plmr_machine_get_ready(m, i);
    return PLMR_OK;
}

static plmr_status land_request(struct plmr_machine *m, const struct plmr_flight *f, int32_t i)
{
    int right = f->is_chunk ? 0 : plmr_machine_right(m, i);
    if (f->is_chunk && !f->ends_prompt)
        return PLMR_OK;
    m->n_ending -= f->is_chunk;
    m->sums->n_guessed += f->is_chunk ? 0 : plmr_machine_ahead(m, &m->requests[i]);
    m->sums->n_right += right;
    return take_tokens(m, i, 1 + right, f->t_end);
}

static plmr_status land(struct plmr_machine *m)
{
    while (m->n_flights && m->flights[m->first_flight].t_end <= m->now) {
        struct plmr_flight f = m->flights[m->first_flight];
        m->first_flight = (m->first_flight + 1) % m->most_flights;
        m->n_flights--;
        for (int64_t k = 0; k < f.n; k++)
            PLMR_TRY(land_request(m, &f, plmr_fifo_pop(&m->riding)));
    }
    return PLMR_OK;
}

/* ---- passes ---- */

/* A region is free when the next one has taken over; the first also waits for the link that all regions share: passes do not
 * follow each other faster than it lets them. */
static void pass_through(struct plmr_machine *m, const plmr_pass_cost *cost)
{
    double t = m->now, linked = fmax(t, m->free_at[0]) + cost->shared;
    for (int s = 0; s < m->setup->costs->n_stages; s++) {
        double own = plmr_serve_cost_of_stage(m->setup->costs, cost, s);
        bool crossed = s > 0 && plmr_serve_crosses(m->setup->costs, s - 1);
        double flight = crossed ? m->setup->costs->cross_latency : 0, begins = fmax(t + flight, m->free_at[s]);
        if (s > 0)
            m->free_at[s - 1] = begins - flight;
        m->sums->link_bytes += crossed ? cost->cross_bytes : 0;
        t = m->free_at[s] = begins + own;
        m->sums->busy_cycles += own;
        if (m->setup->timeline)
            plmr_timeline_work(m->setup->timeline, s, begins, t);
    }
    m->free_at[0] = fmax(m->free_at[0], linked);
    m->sums->multiply_adds += cost->multiply_adds;
    m->sums->wavelet_hops += cost->wavelet_hops;
    m->sums->link_bytes += cost->shared_bytes;
}

/* Room for one more: those from the first on are moved to the end. */
static void make_room_for_flight(struct plmr_machine *m)
{
    int64_t most = m->most_flights, behind = most - m->first_flight;
    if (m->n_flights < most)
        return;
    m->flights = plmr_take_more(m->flights, (size_t)most * 2 * sizeof *m->flights);
    memmove(m->flights + 2 * most - behind, m->flights + m->first_flight, (size_t)behind * sizeof *m->flights);
    m->first_flight = 2 * most - behind;
    m->most_flights = 2 * most;
}

static void take_off(struct plmr_machine *m, struct plmr_flight f)
{
    make_room_for_flight(m);
    f.t_end = m->free_at[m->setup->costs->n_stages - 1];
    m->flights[(m->first_flight + m->n_flights++) % m->most_flights] = f;
    m->sums->kv_peak_tokens = plmr_larger(m->sums->kv_peak_tokens, m->kv_tokens);
}

/* What others have read, or what is on its way before it, it need not read. */
static void catch_up(struct plmr_machine *m, plmr_request *r)
{
    const plmr_prefix *prefix = plmr_machine_prefix(m, r);
    int64_t n = prefix ? plmr_smaller(prefix->n_read, r->n_prefix) : 0;
    if (n <= r->n_read)
        return;
    m->sums->n_shared += n - r->n_read;
    r->n_read = (int32_t)n;
}

static int64_t chunk_of(const struct plmr_machine *m, const plmr_request *r)
{
    return plmr_smaller(r->n_prompt + r->n_again - r->n_read, m->setup->costs->chunk);
}

static bool ends(const struct plmr_machine *m, const plmr_request *r)
{
    return r->n_read + chunk_of(m, r) == r->n_prompt + r->n_again;
}

/* Returns how many tokens of what it shares with others these are the first to read. */
static int64_t read_chunk(struct plmr_machine *m, int32_t i, int64_t n)
{
    plmr_request *r = &m->requests[i];
    plmr_prefix *prefix = plmr_machine_prefix(m, r);
    int64_t shared = plmr_machine_shared(m, r), own;
    if (m->setup->values.read)
        m->setup->values.read(m->setup->values.context, i, r->n_read, n);
    r->n_read += (int32_t)n;
    own = plmr_larger(0, r->n_read - shared);
    m->kv_tokens += own - r->n_cached;
    r->n_cached = (int32_t)own;
    if (!prefix)
        return 0;
    own = plmr_larger(prefix->n_read, plmr_smaller(r->n_read, shared));
    int64_t n_new = own - prefix->n_read;
    m->kv_tokens += n_new;
    prefix->n_read = own;
    return n_new;
}

/* What prompts have in common goes on to all wafers that share experts, over the link of the one that reads it. */
static void copy_prefix(const struct plmr_machine *m, int64_t n_tokens, plmr_pass_cost *cost)
{
    const plmr_serve_costs *c = m->setup->costs;
    double bytes = m->setup->token_bytes * (double)(n_tokens * (c->wide - 1));
    cost->shared_bytes += bytes;
    cost->shared += c->cross_byte * bytes;
}

static plmr_status start_chunk(struct plmr_machine *m, plmr_pass_cost *cost)
{
    int32_t i = m->prompts.at[0].request;
    plmr_request *r = &m->requests[i];
    struct plmr_flight f = {.n = 1, .is_chunk = true, .ends_prompt = ends(m, r)};
    int64_t n = chunk_of(m, r);
    PLMR_TRY(plmr_machine_draft_reads(m, r->n_read, n));
    copy_prefix(m, read_chunk(m, i, n), cost);
    if (f.ends_prompt) {
        plmr_heap_pop(&m->prompts);
        m->n_decoding++;
        m->n_ending++;
    }
    plmr_fifo_push(&m->riding, i);
    m->sums->n_chunks++;
    m->t_burst = m->now < m->t_through ? m->t_burst : m->now;
    pass_through(m, cost);
    take_off(m, f);
    m->t_through = m->free_at[m->setup->costs->n_stages - 1];
    return PLMR_OK;
}

/* Requests of a pass, and tokens of theirs in the fullest row: of their next tokens, and of each guess behind them. */
struct step {
    int64_t n[PLMR_MOST_AHEAD + 1], rows[PLMR_MOST_AHEAD + 1];
};

static void ride(struct plmr_machine *m, int32_t i, struct step *step)
{
    plmr_request *r = &m->requests[i];
    for (int j = 0; j <= plmr_machine_ahead(m, r); j++) {
        step->n[j]++;
        step->rows[j] += plmr_machine_rows(m, r, (int64_t)r->n_prompt + r->n_made + j);
    }
    r->n_cached++;
    m->kv_tokens++;
    plmr_fifo_push(&m->riding, i);
}

/* Requests are spread over the regions: no more to a pass than that takes. */
static plmr_status start_step(struct plmr_machine *m)
{
    int64_t most = plmr_smaller(plmr_machine_spread(m, m->ready.n), m->setup->costs->n_batch);
    plmr_pass_cost cost;
    struct step step = {{0}, {0}};
    while (step.n[0] < most && m->ready.n) {
        int32_t i = plmr_fifo_pop(&m->ready);
        if (!m->setup->preempts || plmr_machine_make_room(m, i))
            ride(m, i, &step);
    }
    for (int j = 0; j <= PLMR_MOST_AHEAD && step.n[j]; j++) {
        m->sums->n_steps++;
        PLMR_TRY(plmr_serve_costs_step(m->setup->costs, step.n[j], plmr_ceil_div(step.rows[j], step.n[j]), &cost));
        pass_through(m, &cost);
    }
    if (step.n[0])
        take_off(m, (struct plmr_flight){.n = step.n[0]});
    return PLMR_OK;
}

/* ---- the loop ---- */

/* From when on the next chunk may begin; requests that make tokens here have a say. */
static double prompt_from(const struct plmr_machine *m, const plmr_pass_cost *chunk)
{
    plmr_serve_view view = {
        .now = m->now,
        .prompt = &m->requests[m->prompts.at[0].request],
        .t_chunk = plmr_serve_cost_of_all(m->setup->costs, chunk),
        .ready = m->ready.n ? &m->requests[plmr_fifo_at(&m->ready, 0)] : NULL,
        .t_burst = m->t_burst,
        .t_through = m->t_through,
    };
    return m->n_decoding && m->setup->part != PLMR_SERVE_PROMPTS ? m->setup->policy->prompt_from(&view, &m->setup->slo)
                                                                 : m->now;
}

/* Starts a pass, if there is one to start. */
static plmr_status start(struct plmr_machine *m)
{
    plmr_pass_cost chunk;
    m->held_until = INFINITY;
    if (m->prompts.n) {
        plmr_request *r = &m->requests[m->prompts.at[0].request];
        catch_up(m, r);
        PLMR_TRY(plmr_serve_costs_chunk(m->setup->costs, r->n_read, chunk_of(m, r), ends(m, r), &chunk));
        m->held_until = prompt_from(m, &chunk);
    }
    if (m->held_until <= m->now)
        return start_chunk(m, &chunk);
    return m->ready.n ? start_step(m) : PLMR_OK;
}

/* The next moment at which something begins or ends, or one more is here; false: nothing is left to do. */
static bool go_on(struct plmr_machine *m)
{
    double arrival = m->n_arrived < m->n ? m->requests[of_mine(m, m->n_arrived)].t_here : INFINITY;
    double landing = m->n_flights ? m->flights[m->first_flight].t_end : INFINITY;
    double pass = m->free_at[0] > m->now ? m->free_at[0] : m->held_until;
    double next = fmin(fmin(arrival, landing), pass);
    if (m->setup->draft)
        next = fmin(next, plmr_machine_draft_due(m));
    m->now = isfinite(next) ? fmax(m->now, next) : m->now;
    return isfinite(next);
}

/* Tells how it stands, now that all that happens at this moment has, and asks whether more have come. false: the machine is to
 * stop. */
static bool ask_for_more(struct plmr_machine *m, bool idle)
{
    const plmr_machine_values *values = &m->setup->values;
    plmr_machine_view view = {.now = m->now,
                              .idle = idle,
                              .n_waiting = m->waiting.n,
                              .n_reading = m->prompts.n + m->n_ending,
                              .n_decoding = m->n_decoding - m->n_ending,
                              .kv_tokens = m->kv_tokens,
                              .row_room = m->room.most,
                              .rows_used = m->room.used,
                              .n_stages = m->setup->costs->n_stages,
                              .free_at = m->free_at};
    m->sums->most_waiting = plmr_larger(m->sums->most_waiting, view.n_waiting);
    if (m->setup->timeline)
        plmr_timeline_see(m->setup->timeline, &view);
    int64_t n = values->more ? values->more(values->context, &view, &m->requests) : idle ? -1 : m->n;
    m->n = n < 0 ? m->n : n;
    return n >= 0;
}

static plmr_status serve(struct plmr_machine *m)
{
    for (bool idle = false; ask_for_more(m, idle);) {
        PLMR_TRY(plmr_serve_keep(m->setup->kept, m));
        idle = !go_on(m);
        if (idle)
            continue;
        PLMR_TRY(land(m));
        arrive(m);
        PLMR_TRY(plmr_machine_run_drafts(m));
        if (m->free_at[0] > m->now)
            continue;
        plmr_machine_admit(m);
        PLMR_TRY(plmr_machine_run_drafts(m));
        PLMR_TRY(start(m));
    }
    m->sums->rows_peak = m->room.peak;
    PLMR_ASSERT(m->setup->values.more ||
                (!m->waiting.n && plmr_serve_room_take(&m->room, m->room.most, 0) && !m->kv_tokens));
    return PLMR_OK;
}

static void free_machine(struct plmr_machine *m)
{
    plmr_heap_free(&m->waiting);
    plmr_heap_free(&m->prompts);
    plmr_fifo_free(&m->to_draft);
    plmr_fifo_free(&m->drafting);
    plmr_fifo_free(&m->ready);
    plmr_fifo_free(&m->riding);
    free(m->flights);
    free(m->free_at);
    free(m->room.prefixes);
}

plmr_status plmr_machine_serve(const plmr_machine_setup *setup, plmr_request *requests, const int32_t *mine, int64_t n,
                               plmr_machine_sums *sums)
{
    struct plmr_machine m = {.setup = setup, .requests = requests, .mine = mine, .n = n, .sums = sums};
    m.t_burst = m.t_through = -INFINITY;
    m.held_until = INFINITY;
    m.room = (plmr_serve_room){.most = setup->costs->row_room, .n_prefixes = setup->n_prefixes};
    m.room.kv_tokens = &m.kv_tokens;
    m.room.prefixes = plmr_take_zeroed((size_t)setup->n_prefixes + 1, sizeof *m.room.prefixes);
    m.most_flights = setup->costs->n_stages + 1;
    m.flights = plmr_take_zeroed((size_t)m.most_flights, sizeof *m.flights);
    m.free_at = plmr_take_zeroed((size_t)setup->costs->n_stages, sizeof *m.free_at);
    plmr_status status = plmr_serve_kept_begin(setup->kept, &m);
    if (!status)
        status = serve(&m);
    free_machine(&m);
    return status;
}
