#include "serve/kept.h"

#include <stdlib.h>

#include "base/memory.h"
#include "serve/machine_internal.h"

enum { LOOK_MOMENTS = 256 }; /* between two looks for signals, where there are no values: a moment takes microseconds */

/* One description serves both ways: values are put down, or taken in the same order. */
struct stream {
    plmr_checkpoint *checkpoint;
    bool takes;
};

static plmr_status pass(struct stream *s, void *at, size_t n)
{
    if (s->takes)
        return plmr_checkpoint_read(s->checkpoint, at, n);
    if (plmr_rank() == 0)
        plmr_checkpoint_put(s->checkpoint, at, n);
    return PLMR_OK;
}

#define PASS(lvalue) PLMR_TRY(pass(s, &(lvalue), sizeof(lvalue)))

/* An array, of which there is as much room as it needs when it is taken. */
#define PASS_MANY(n, array)                                                                                            \
    do {                                                                                                               \
        PASS(n);                                                                                                       \
        if (s->takes) {                                                                                                \
            free(array);                                                                                               \
            (array) = plmr_take((size_t)(n) * sizeof *(array) + 1);                                                    \
        }                                                                                                              \
        PLMR_TRY(pass(s, (array), (size_t)(n) * sizeof *(array)));                                                     \
    } while (0)

/* ---- what passes cost ---- */

static plmr_status pass_table(struct stream *s, plmr_pass_cost *table, int64_t n)
{
    int64_t n_known = 0;
    for (int64_t i = 0; i < n; i++)
        n_known += table[i].known;
    PASS(n_known);
    for (int64_t i = 0, k = 0; k < n_known; i++, k++) {
        while (!s->takes && !table[i].known)
            i++;
        PASS(i);
        PASS(table[i]);
    }
    return PLMR_OK;
}

static plmr_status pass_costs(struct stream *s, plmr_serve_costs *c)
{
    if (!c->timing)
        return PLMR_OK;
    plmr_region *region = plmr_timing_region(c->timing, true);
    PASS(region->ledger.parts);
    PASS(c->n_found);
    PASS(c->n_used);
    PLMR_TRY(pass_table(s, c->steps, c->n_batch * c->row_most));
    return pass_table(s, c->chunks, plmr_serve_costs_row(c, c->chunk) * c->parts * c->row_most);
}

/* ---- texts ---- */

static void put_bytes(void *checkpoint, const void *bytes, size_t n)
{
    plmr_checkpoint_put(checkpoint, bytes, n);
}

/* The cache of a text that is under way. */
static plmr_status pass_cache(struct stream *s, plmr_serve_texts *texts, plmr_serve_text *t)
{
    int64_t n_cached = t->cache.n_cached;
    PASS(n_cached);
    if (s->takes)
        return plmr_serve_texts_resume(texts, t, n_cached, plmr_checkpoint_get, s->checkpoint);
    plmr_engine_swap_cache(texts->engine, &t->cache);
    plmr_state_put_cache(texts->engine, put_bytes, s->checkpoint);
    plmr_engine_swap_cache(texts->engine, &t->cache);
    return PLMR_OK;
}

static plmr_status pass_text(struct stream *s, plmr_serve_texts *texts, plmr_serve_text *t)
{
    bool begun = t->begun;
    PASS(begun);
    PASS(t->n_read);
    PASS(t->end);
    PASS_MANY(t->n_ids, t->ids);
    PASS(t->n_bytes);
    if (s->takes)
        t->text = plmr_take_more(t->text, t->n_bytes + 1);
    PLMR_TRY(pass(s, t->text, t->n_bytes));
    t->text[t->n_bytes] = 0;
    return begun ? pass_cache(s, texts, t) : PLMR_OK;
}

/* ---- a run ---- */

static plmr_status pass_run(struct stream *s, plmr_serve_kept *kept)
{
    PLMR_TRY(pass_costs(s, &kept->place->costs));
    PLMR_TRY(pass_costs(s, &kept->place->draft));
    PASS(kept->at->part);
    PASS(kept->at->replica);
    PASS(kept->at->n);
    PLMR_TRY(pass(s, kept->at->order, (size_t)kept->at->n * sizeof *kept->at->order));
    PASS(*kept->sums);
    PLMR_TRY(pass(s, kept->requests, (size_t)kept->n_requests * sizeof *kept->requests));
    for (int64_t i = 0; kept->texts && i < kept->n_requests; i++)
        PLMR_TRY(pass_text(s, kept->texts, &kept->texts->texts[i]));
    return PLMR_OK;
}

/* ---- a machine ---- */

static plmr_status pass_heap(struct stream *s, plmr_heap *heap)
{
    PASS_MANY(heap->n, heap->at);
    heap->room = s->takes ? heap->n : heap->room;
    return PLMR_OK;
}

static plmr_status pass_fifo(struct stream *s, plmr_fifo *fifo)
{
    int64_t n = fifo->n;
    PASS(n);
    for (int64_t i = 0; i < n; i++) {
        int32_t request = s->takes ? 0 : plmr_fifo_at(fifo, i);
        PASS(request);
        if (s->takes)
            plmr_fifo_push(fifo, request);
    }
    return PLMR_OK;
}

static plmr_status pass_queues(struct stream *s, struct plmr_machine *m)
{
    PLMR_TRY(pass_heap(s, &m->waiting));
    PLMR_TRY(pass_heap(s, &m->prompts));
    plmr_fifo *fifos[] = {&m->to_draft, &m->drafting, &m->ready, &m->riding};
    for (size_t i = 0; i < sizeof fifos / sizeof *fifos; i++)
        PLMR_TRY(pass_fifo(s, fifos[i]));
    return PLMR_OK;
}

static plmr_status pass_clocks(struct stream *s, struct plmr_machine *m)
{
    int n_stages = m->setup->costs->n_stages;
    PASS(m->now);
    PASS(m->t_burst);
    PASS(m->t_through);
    PASS(m->held_until);
    PASS(m->draft_free);
    PASS(m->draft_end);
    PLMR_TRY(pass(s, m->free_at, (size_t)n_stages * sizeof *m->free_at));
    PASS(m->first_flight);
    PASS(m->n_flights);
    PASS_MANY(m->most_flights, m->flights);
    return PLMR_OK;
}

static plmr_status pass_machine(struct stream *s, struct plmr_machine *m)
{
    PASS(m->n_arrived);
    PASS(m->kv_tokens);
    PASS(m->n_decoding);
    PASS(m->n_ending);
    PASS(m->room.used);
    PASS(m->room.peak);
    PLMR_TRY(pass(s, m->room.prefixes, (size_t)m->room.n_prefixes * sizeof *m->room.prefixes));
    PASS(*m->sums);
    PLMR_TRY(pass_queues(s, m));
    return pass_clocks(s, m);
}

/* ---- rates ---- */

void plmr_serve_kept_add_rate(plmr_serve_kept *kept, bool meets)
{
    if (!kept)
        return;
    PLMR_ASSERT(kept->n_rates < PLMR_MOST_RATES);
    kept->meets[kept->n_rates++] = meets;
}

bool plmr_serve_kept_rate(plmr_serve_kept *kept, int i, bool *meets)
{
    if (!kept || i >= kept->n_rates)
        return false;
    *meets = kept->meets[i];
    return true;
}

/* ---- taking ---- */

plmr_status plmr_serve_kept_open(plmr_serve_kept *kept, const char *option, json_t *settings)
{
    json_t *state, *answer;
    size_t i;
    PLMR_TRY(plmr_checkpoint_open(&kept->checkpoint, option, "serve", settings, &state));
    kept->resumes = state != NULL;
    kept->n_done = kept->checkpoint.n_steps;
    json_array_foreach(json_object_get(state, "rates"), i, answer)
    {
        plmr_serve_kept_add_rate(kept, json_is_true(answer));
    }
    json_decref(state);
    return PLMR_OK;
}

plmr_status plmr_serve_kept_take(plmr_serve_kept *kept)
{
    struct stream s = {kept ? &kept->checkpoint : NULL, true};
    return kept && kept->resumes ? pass_run(&s, kept) : PLMR_OK;
}

plmr_status plmr_serve_kept_begin(plmr_serve_kept *kept, struct plmr_machine *m)
{
    if (!kept || !kept->resumes)
        return PLMR_OK;
    struct stream s = {&kept->checkpoint, true};
    kept->resumes = false;
    return pass_machine(&s, m);
}

/* ---- putting ---- */

struct both {
    plmr_serve_kept *kept;
    struct plmr_machine *machine;
};

static json_t *state_of(const void *context)
{
    const plmr_serve_kept *kept = ((const struct both *)context)->kept;
    json_t *rates = plmr_take_made(json_array());
    for (int i = 0; i < kept->n_rates; i++)
        json_array_append_new(rates, json_boolean(kept->meets[i]));
    return plmr_take_made(json_pack("{so}", "rates", rates));
}

static plmr_status put(plmr_checkpoint *checkpoint, void *context)
{
    struct both *b = context;
    struct stream s = {checkpoint, false};
    PLMR_TRY(pass_run(&s, b->kept));
    return pass_machine(&s, b->machine);
}

plmr_status plmr_serve_keep(plmr_serve_kept *kept, struct plmr_machine *m)
{
    struct both both = {kept, m};
    if (!kept)
        return PLMR_OK;
    if (++kept->n_looked < (kept->texts ? 1 : LOOK_MOMENTS) && !(kept->checkpoint.every && m->n_gone))
        return PLMR_OK;
    kept->n_looked = 0;
    kept->n_done += m->n_gone;
    m->n_gone = 0;
    return plmr_checkpoint_keep(&kept->checkpoint, kept->n_done, state_of, put, &both);
}
