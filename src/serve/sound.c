/* Whether a machine that was read from a file can have come about: what does not hold here ends in an assertion later, or beyond
 * an array. */
#include <float.h>
#include <stdlib.h>

#include "base/memory.h"
#include "serve/machine_internal.h"

static bool is_time(double t)
{
    return t >= 0 && t <= DBL_MAX;
}

static bool is_in(int64_t x, int64_t least, int64_t most)
{
    return x >= least && x <= most;
}

static bool is_what_was_asked(const plmr_request *r, const plmr_request *asked)
{
    return r->t_arrival == asked->t_arrival && r->n_prompt == asked->n_prompt && r->priority == asked->priority &&
           r->prefix == asked->prefix && r->n_prefix == asked->n_prefix && is_in(r->n_output, 1, asked->n_output);
}

bool plmr_request_is_sound(const plmr_request *r, const plmr_request *asked)
{
    return is_what_was_asked(r, asked) && is_in(r->n_made, 0, r->n_output) && is_in(r->n_again, 0, r->n_made) &&
           is_in(r->n_read, 0, (int64_t)r->n_prompt + r->n_again) && r->n_cached >= 0 && r->n_rows >= 0 &&
           is_time(r->t_here) && is_time(r->t_first) && is_time(r->t_last);
}

/* ---- where requests are ---- */

/* By request, in how many queues it is; those in passes that do not end a prompt are in that of prompts, too. */
struct places {
    const struct plmr_machine *m;
    int64_t n_all; /* requests */
    int *n;
    bool sound;
};

static void see(struct places *p, int32_t i, bool holds_room, bool counts)
{
    bool is_one = i >= 0 && i < p->n_all;
    p->sound &= is_one && (p->m->requests[i].n_rows > 0) == holds_room;
    if (is_one && counts)
        p->n[i]++;
}

static void see_heap(struct places *p, const plmr_heap *heap, bool holds_room)
{
    for (int64_t k = 0; k < heap->n; k++) {
        const plmr_ranked *ranked = &heap->at[k];
        see(p, ranked->request, holds_room, true);
        p->sound &= ranked->rank == ranked->rank;
    }
}

static void see_fifo(struct places *p, const plmr_fifo *fifo)
{
    for (int64_t k = 0; k < fifo->n; k++)
        see(p, plmr_fifo_at(fifo, k), true, true);
}

/* Returns how many of them are past their prompts. */
static int64_t see_flights(struct places *p)
{
    const struct plmr_machine *m = p->m;
    int64_t n_seen = 0, n_past = 0;
    for (int64_t k = 0; k < m->n_flights && p->sound; k++) {
        const struct plmr_flight *f = &m->flights[(m->first_flight + k) % m->most_flights];
        bool past = !f->is_chunk || f->ends_prompt;
        p->sound &= is_time(f->t_end) && f->n >= 1 && f->n <= m->riding.n - n_seen;
        for (int64_t i = 0; i < f->n && p->sound; i++)
            see(p, plmr_fifo_at(&m->riding, n_seen++), true, past);
        n_past += past ? f->n : 0;
    }
    p->sound &= n_seen == m->riding.n;
    return n_past;
}

static bool is_left(const struct plmr_machine *m, int64_t place)
{
    const plmr_request *r = &m->requests[m->mine[place]];
    bool done = r->n_made == r->n_output || (m->setup->part == PLMR_SERVE_PROMPTS && r->n_made);
    return place < m->n_arrived && !done;
}

/* Each that is here and not done is in one queue, and nobody else. */
static bool are_in_place(const struct places *p)
{
    const struct plmr_machine *m = p->m;
    int64_t n_left = 0, n_placed = 0;
    for (int64_t k = 0; k < m->n; k++) {
        n_left += is_left(m, k);
        if (p->n[m->mine[k]] != is_left(m, k))
            return false;
    }
    for (int64_t i = 0; i < p->n_all; i++)
        n_placed += p->n[i];
    for (int64_t k = 0; k < m->prompts.n; k++) {
        const plmr_request *r = &m->requests[m->prompts.at[k].request];
        if (r->n_read >= r->n_prompt + r->n_again)
            return false;
    }
    return n_placed == n_left;
}

static bool queues_are_sound(const struct plmr_machine *m, int64_t n_requests)
{
    struct places p = {m, n_requests, plmr_take_zeroed((size_t)n_requests + 1, sizeof *p.n), true};
    see_heap(&p, &m->waiting, false);
    see_heap(&p, &m->prompts, true);
    see_fifo(&p, &m->to_draft);
    see_fifo(&p, &m->drafting);
    see_fifo(&p, &m->ready);
    int64_t n_past = see_flights(&p) + m->to_draft.n + m->drafting.n + m->ready.n;
    bool sound = p.sound && n_past == m->n_decoding && are_in_place(&p);
    free(p.n);
    return sound;
}

/* ---- what they hold ---- */

/* Rows, and tokens in the cache: of requests, and of what their prompts have in common, with its users. */
static bool room_is_sound(const struct plmr_machine *m, int64_t n_requests)
{
    int64_t n_rows = 0, n_tokens = 0, *n_users = plmr_take_zeroed((size_t)m->room.n_prefixes + 1, sizeof *n_users);
    bool sound = true;
    for (int64_t i = 0; i < n_requests; i++) {
        const plmr_request *r = &m->requests[i];
        n_rows += r->n_rows;
        n_tokens += r->n_cached;
        if (r->n_rows && plmr_machine_shared(m, r))
            n_users[r->prefix]++;
    }
    for (int64_t i = 0; i < m->room.n_prefixes; i++) {
        const plmr_prefix *p = &m->room.prefixes[i];
        sound &= p->n_users == n_users[i] && is_in(p->rows, 0, m->room.most) && is_in(p->n_read, 0, INT32_MAX) &&
                 is_time(p->t_used);
        n_rows += sound ? p->rows : 0;
        n_tokens += sound ? p->n_read : 0;
    }
    free(n_users);
    return sound && m->room.used == n_rows && n_rows <= m->room.most && m->kv_tokens == n_tokens;
}

bool plmr_machine_is_sound(const struct plmr_machine *m, int64_t n_requests)
{
    return queues_are_sound(m, n_requests) && room_is_sound(m, n_requests);
}
