/* Who is admitted to the cache, and who has to leave it. */
#include "serve/machine_internal.h"

#include <math.h>

void plmr_machine_rank(const struct plmr_machine *m, plmr_heap *heap, int32_t i)
{
    const plmr_request *r = &m->requests[i];
    plmr_heap_push(heap, (plmr_ranked){m->setup->policy->rank(r, &m->setup->slo), r->priority, i});
}

/* ---- leaving ---- */

/* Nobody is admitted before the first region is free: beginnings that are let go of until then are as old as each other. With
 * drafts they are told apart. */
static double t_used(const struct plmr_machine *m)
{
    return m->setup->draft ? m->now : fmax(m->now, m->free_at[0]);
}

static void let_go(struct plmr_machine *m, plmr_request *r)
{
    plmr_prefix *prefix = plmr_machine_prefix(m, r);
    plmr_serve_room_give(&m->room, r->n_rows);
    m->kv_tokens -= r->n_cached;
    r->n_rows = r->n_cached = 0;
    if (prefix) {
        prefix->n_users--;
        prefix->t_used = t_used(m);
    }
}

static void tell_of_loss(struct plmr_machine *m, int32_t i, bool done)
{
    if (m->setup->values.lose)
        m->setup->values.lose(m->setup->values.context, i, done);
}

/* From a wafer that reads prompts the cache goes on to another. */
void plmr_machine_leave(struct plmr_machine *m, int32_t i)
{
    plmr_request *r = &m->requests[i];
    let_go(m, r);
    if (r->n_made == r->n_output) {
        tell_of_loss(m, i, true);
        m->n_gone++;
    }
    m->n_decoding--;
    m->sums->t_end = r->t_last;
}

/* All that it has is to be read again. */
static void evict(struct plmr_machine *m, int32_t i)
{
    plmr_request *r = &m->requests[i];
    let_go(m, r);
    tell_of_loss(m, i, false);
    r->n_read = 0;
    r->n_again = r->n_made;
    m->sums->n_preempted++;
    m->sums->n_again += r->n_prompt + r->n_made;
    plmr_machine_rank(m, &m->waiting, i);
}

/* The last of those that no pass holds, by priority and policy. */
struct victim {
    plmr_ranked ranked;
    int64_t place; /* in the heap of prompts, or the queue of those that are ready; -1: there is none */
    bool in_prompts;
};

static void look_at(struct victim *v, const plmr_ranked *ranked, int64_t place, bool in_prompts)
{
    if (v->place < 0 || plmr_ranked_is_before(&v->ranked, ranked))
        *v = (struct victim){*ranked, place, in_prompts};
}

static plmr_ranked ranked_of(const struct plmr_machine *m, int32_t i)
{
    const plmr_request *r = &m->requests[i];
    return (plmr_ranked){m->setup->policy->rank(r, &m->setup->slo), r->priority, i};
}

static struct victim find_victim(const struct plmr_machine *m)
{
    struct victim v = {.place = -1};
    for (int64_t k = 0; k < m->ready.n; k++) {
        plmr_ranked ranked = ranked_of(m, plmr_fifo_at(&m->ready, k));
        look_at(&v, &ranked, k, false);
    }
    for (int64_t k = 0; k < m->prompts.n; k++)
        look_at(&v, &m->prompts.at[k], k, true);
    return v;
}

static void evict_victim(struct plmr_machine *m, const struct victim *v)
{
    if (v->in_prompts) {
        plmr_heap_remove(&m->prompts, v->place);
    } else {
        plmr_fifo_remove(&m->ready, v->place);
        m->n_decoding--;
    }
    evict(m, v->ranked.request);
}

/* ---- coming ---- */

static void let_in(struct plmr_machine *m, int32_t i)
{
    plmr_request *r = &m->requests[i];
    if (m->setup->part != PLMR_SERVE_TOKENS || r->n_again) {
        plmr_machine_rank(m, &m->prompts, i);
        return;
    }
    r->n_cached = r->n_prompt;
    m->kv_tokens += r->n_prompt;
    m->n_decoding++;
    plmr_machine_get_ready(m, i);
}

/* Where requests may be preempted, each that runs keeps room to grow by a token in every row of cores. */
static bool take_room(struct plmr_machine *m, plmr_request *r)
{
    plmr_prefix *prefix = plmr_machine_prefix(m, r);
    int64_t shared = plmr_machine_shared(m, r);
    int64_t n_to_come = m->setup->part == PLMR_SERVE_PROMPTS ? 0 : m->setup->preempts ? r->n_made : r->n_output;
    int64_t rows = plmr_machine_row(m, r->n_prompt + n_to_come - shared), more = 0;
    if (prefix) {
        prefix->n_users++;
        more = m->setup->costs->wide * plmr_machine_row(m, shared) - prefix->rows;
        more = more > 0 ? more : 0;
    }
    if (!plmr_serve_room_take(&m->room, rows + more, m->setup->preempts ? m->n_decoding : 0)) {
        if (prefix)
            prefix->n_users--;
        return false;
    }
    r->n_rows = (int32_t)rows;
    if (prefix)
        prefix->rows += more;
    return true;
}

/* The first that waits keeps those behind it waiting, so that long requests have their turn. */
void plmr_machine_admit(struct plmr_machine *m)
{
    while (m->waiting.n) {
        plmr_request *r = &m->requests[m->waiting.at[0].request];
        if (take_room(m, r)) {
            let_in(m, plmr_heap_pop(&m->waiting));
            continue;
        }
        struct victim v = m->setup->preempts ? find_victim(m) : (struct victim){.place = -1};
        if (v.place < 0 || v.ranked.priority >= r->priority)
            return;
        evict_victim(m, &v);
    }
}

/* ---- growing ---- */

bool plmr_machine_make_room(struct plmr_machine *m, int32_t i)
{
    plmr_request *r = &m->requests[i];
    int64_t n = r->n_prompt + r->n_made + plmr_machine_ahead(m, r) - plmr_machine_shared(m, r);
    int64_t rows = plmr_machine_row(m, n) - r->n_rows;
    if (rows <= 0)
        return true;
    while (!plmr_serve_room_take(&m->room, rows, 0)) {
        plmr_ranked own = ranked_of(m, i);
        struct victim v = find_victim(m);
        if (v.place < 0 || plmr_ranked_is_before(&v.ranked, &own)) {
            m->n_decoding--;
            evict(m, i);
            return false;
        }
        evict_victim(m, &v);
    }
    r->n_rows += (int32_t)rows;
    return true;
}
