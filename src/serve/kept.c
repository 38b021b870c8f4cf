#include "serve/kept.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "serve/machine_internal.h"

#define MOST_COUNT (INT64_C(1) << 53)
enum { MOST_TEXT_BYTES = 1 << 30, MOST_FLIGHTS = 1 << 24 };
enum { LOOK_MOMENTS = 256 }; /* between two looks for signals, where there are no values: a moment takes microseconds */

/* One description serves both ways: values are put down, or taken in the same order. */
struct stream {
    plmr_checkpoint *checkpoint;
    bool takes;
};

static plmr_status pass(struct stream *s, void *at, size_t n)
{
    if (s->takes && n > 0)
        return plmr_checkpoint_read(s->checkpoint, at, n);
    if (!s->takes && n > 0 && plmr_rank() == 0) /* an array of none may be NULL */
        plmr_checkpoint_put(s->checkpoint, at, n);
    return PLMR_OK;
}

/* What is taken must hold. */
static plmr_status check(const struct stream *s, bool holds)
{
    return holds || !s->takes ? PLMR_OK : plmr_checkpoint_damaged(s->checkpoint);
}

/* As it lies in memory: it is no bool. */
static bool is_bool(const bool *at)
{
    unsigned char byte;
    memcpy(&byte, at, sizeof byte);
    return byte <= 1;
}

#define PASS(lvalue) PLMR_TRY(pass(s, &(lvalue), sizeof(lvalue)))

/* A number, from `least` to `most`. */
#define PASS_IN(lvalue, least, most)                                                                                   \
    do {                                                                                                               \
        PASS(lvalue);                                                                                                  \
        PLMR_TRY(check(s, (lvalue) >= (least) && (lvalue) <= (most)));                                                 \
    } while (0)

/* An array, of which there is as much room as it needs when it is taken. */
#define PASS_MANY(n, least, most, array)                                                                               \
    do {                                                                                                               \
        PASS_IN(n, least, most);                                                                                       \
        if (s->takes) {                                                                                                \
            free(array);                                                                                               \
            (array) = plmr_take((size_t)(n) * sizeof *(array) + 1);                                                    \
        }                                                                                                              \
        PLMR_TRY(pass(s, (array), (size_t)(n) * sizeof *(array)));                                                     \
    } while (0)

/* ---- what passes cost ---- */

static bool is_cost(const plmr_pass_cost *c)
{
    const double of[] = {c->layers,      c->each,         c->hop,    c->end,           c->cross,
                         c->cross_bytes, c->shared_bytes, c->shared, c->multiply_adds, c->wavelet_hops};
    bool sound = is_bool(&c->known);
    for (size_t i = 0; i < sizeof of / sizeof *of; i++)
        sound &= of[i] >= 0 && of[i] <= DBL_MAX;
    return sound && c->known;
}

static plmr_status pass_table(struct stream *s, plmr_pass_cost *table, int64_t n)
{
    int64_t n_known = 0;
    for (int64_t i = 0; i < n; i++)
        n_known += table[i].known;
    PASS_IN(n_known, 0, n);
    for (int64_t i = 0, k = 0; k < n_known; i++, k++) {
        while (!s->takes && !table[i].known)
            i++;
        PASS_IN(i, 0, n - 1);
        PASS(table[i]);
        PLMR_TRY(check(s, is_cost(&table[i])));
    }
    return PLMR_OK;
}

static plmr_status pass_costs(struct stream *s, plmr_serve_costs *c)
{
    if (!c->timing)
        return PLMR_OK;
    plmr_region *region = plmr_timing_region(c->timing, PLMR_DECODE);
    PASS(region->ledger.parts);
    PASS_IN(c->n_found, 0, MOST_COUNT);
    PASS_IN(c->n_used, 0, MOST_COUNT);
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
    int64_t n_cached = t->cache.n_cached, n = (int64_t)t->n_prompt + t->n_ids - 1;
    PASS_IN(n_cached, n, n);
    if (s->takes)
        return plmr_serve_texts_resume(texts, t, n_cached, plmr_checkpoint_get, s->checkpoint);
    plmr_engine_swap_cache(texts->engine, &t->cache);
    plmr_state_put_cache(texts->engine, put_bytes, s->checkpoint);
    plmr_engine_swap_cache(texts->engine, &t->cache);
    return PLMR_OK;
}

/* What the machine has of it is there already. */
static plmr_status pass_text(struct stream *s, plmr_serve_texts *texts, plmr_serve_text *t, const plmr_request *r)
{
    int begun = t->begun, end = (int)t->end, is_under_way = r->n_made < r->n_output,
        has_begun = is_under_way && r->n_made > r->n_again;
    bool has_read = is_under_way && r->n_read == r->n_prompt + r->n_again;
    PASS_IN(begun, has_begun, has_begun);
    PASS_IN(t->n_read, has_read ? r->n_read : 0, r->n_read);
    PASS_IN(end, PLMR_NOT_ENDED, PLMR_ENDED_LENGTH);
    t->end = (enum plmr_text_end)end;
    PASS_MANY(t->n_ids, end ? 0 : r->n_made, r->n_made, t->ids);
    for (int i = 0; i < t->n_ids; i++)
        PLMR_TRY(check(s, t->ids[i] >= 0 && t->ids[i] < texts->engine->shape->n_vocab));
    PASS(t->n_bytes);
    PLMR_TRY(check(s, t->n_bytes <= MOST_TEXT_BYTES));
    if (s->takes)
        t->text = plmr_take_more(t->text, t->n_bytes + 1);
    PLMR_TRY(pass(s, t->text, t->n_bytes));
    t->text[t->n_bytes] = 0;
    return begun ? pass_cache(s, texts, t) : PLMR_OK;
}

/* ---- a run ---- */

static plmr_status pass_sums(struct stream *s, plmr_machine_sums *sums)
{
    double *reals[] = {&sums->t_end,        &sums->busy_cycles, &sums->multiply_adds,
                       &sums->wavelet_hops, &sums->link_bytes,  &sums->t_ways};
    int64_t *counts[] = {&sums->n_ways,    &sums->n_steps,      &sums->n_chunks,    &sums->kv_peak_tokens,
                         &sums->rows_peak, &sums->most_waiting, &sums->n_preempted, &sums->n_again,
                         &sums->n_shared,  &sums->n_guessed,    &sums->n_right};
    for (size_t i = 0; i < sizeof reals / sizeof *reals; i++)
        PASS_IN(*reals[i], 0, DBL_MAX);
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        PASS_IN(*counts[i], 0, MOST_COUNT);
    return PLMR_OK;
}

/* Which requests, in which order: each once. */
static plmr_status pass_order(struct stream *s, plmr_serve_at *at, int64_t n_requests)
{
    PASS_IN(at->n, 0, n_requests);
    PLMR_TRY(pass(s, at->order, (size_t)at->n * sizeof *at->order));
    bool *seen = plmr_take_zeroed((size_t)n_requests + 1, sizeof *seen), sound = true;
    for (int64_t i = 0; i < at->n && sound; i++) {
        int32_t request = at->order[i];
        sound = request >= 0 && request < n_requests && !seen[request];
        if (sound)
            seen[request] = true;
    }
    free(seen);
    return check(s, sound);
}

static plmr_status take_requests(struct stream *s, plmr_request *requests, int64_t n)
{
    plmr_request *read = plmr_take((size_t)n * sizeof *read);
    plmr_status status = pass(s, read, (size_t)n * sizeof *read);
    for (int64_t i = 0; i < n && !status; i++) {
        status = check(s, plmr_request_is_sound(&read[i], &requests[i]));
        requests[i] = read[i];
    }
    free(read);
    return status;
}

static plmr_status pass_requests(struct stream *s, plmr_request *requests, int64_t n)
{
    return s->takes ? take_requests(s, requests, n) : pass(s, requests, (size_t)n * sizeof *requests);
}

/* From the part that a run starts with on, if that is one of two. */
static plmr_status pass_place(struct stream *s, plmr_serve_at *at, const plmr_serve_place *place)
{
    int part = at->part, n_prompt = place->n_prompt;
    PASS_IN(part, n_prompt ? PLMR_SERVE_PROMPTS : PLMR_SERVE_ALL, n_prompt ? PLMR_SERVE_TOKENS : PLMR_SERVE_ALL);
    PASS_IN(at->replica, 0, (part == PLMR_SERVE_PROMPTS ? n_prompt : place->n_replicas - n_prompt) - 1);
    at->part = part;
    return PLMR_OK;
}

static plmr_status pass_run(struct stream *s, plmr_serve_kept *kept)
{
    PLMR_TRY(pass_costs(s, &kept->place->costs));
    PLMR_TRY(pass_costs(s, &kept->place->draft));
    PLMR_TRY(pass_place(s, kept->at, kept->place));
    PLMR_TRY(pass_order(s, kept->at, kept->n_requests));
    PLMR_TRY(pass_sums(s, kept->sums));
    PLMR_TRY(pass_requests(s, kept->requests, kept->n_requests));
    for (int64_t i = 0; kept->texts && i < kept->n_requests; i++)
        PLMR_TRY(pass_text(s, kept->texts, &kept->texts->texts[i], &kept->requests[i]));
    return PLMR_OK;
}

/* ---- a machine ---- */

static plmr_status pass_heap(struct stream *s, plmr_heap *heap, int64_t most)
{
    PASS_MANY(heap->n, 0, most, heap->at);
    heap->room = s->takes ? heap->n : heap->room;
    return PLMR_OK;
}

static plmr_status pass_fifo(struct stream *s, plmr_fifo *fifo)
{
    int64_t n = fifo->n;
    PASS_IN(n, 0, INT32_MAX);
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
    PLMR_TRY(pass_heap(s, &m->waiting, m->n));
    PLMR_TRY(pass_heap(s, &m->prompts, m->n));
    plmr_fifo *fifos[] = {&m->to_draft, &m->drafting, &m->ready, &m->riding};
    for (size_t i = 0; i < sizeof fifos / sizeof *fifos; i++)
        PLMR_TRY(pass_fifo(s, fifos[i]));
    return PLMR_OK;
}

static plmr_status pass_clocks(struct stream *s, struct plmr_machine *m)
{
    PASS_IN(m->now, 0, DBL_MAX);
    PASS_IN(m->t_burst, -INFINITY, DBL_MAX);
    PASS_IN(m->t_through, -INFINITY, DBL_MAX);
    PASS_IN(m->held_until, 0, INFINITY);
    PASS_IN(m->draft_free, 0, DBL_MAX);
    PASS_IN(m->draft_end, 0, DBL_MAX);
    for (int i = 0; i < m->setup->costs->n_stages; i++)
        PASS_IN(m->free_at[i], 0, DBL_MAX);
    return PLMR_OK;
}

static plmr_status pass_flights(struct stream *s, struct plmr_machine *m)
{
    PASS_MANY(m->most_flights, m->setup->costs->n_stages + 1, MOST_FLIGHTS, m->flights);
    PASS_IN(m->first_flight, 0, m->most_flights - 1);
    PASS_IN(m->n_flights, 0, m->most_flights);
    for (int64_t i = 0; i < m->most_flights; i++)
        PLMR_TRY(check(s, is_bool(&m->flights[i].is_chunk) && is_bool(&m->flights[i].ends_prompt)));
    return PLMR_OK;
}

static plmr_status pass_machine(struct stream *s, struct plmr_machine *m)
{
    PASS_IN(m->n_arrived, 0, m->n);
    PASS_IN(m->kv_tokens, 0, MOST_COUNT);
    PASS_IN(m->n_decoding, 0, m->n);
    PASS_IN(m->n_ending, 0, m->n_decoding);
    PASS_IN(m->room.used, 0, m->room.most);
    PASS_IN(m->room.peak, m->room.used, m->room.most);
    PLMR_TRY(pass(s, m->room.prefixes, (size_t)m->room.n_prefixes * sizeof *m->room.prefixes));
    PLMR_TRY(pass_sums(s, m->sums));
    PLMR_TRY(pass_queues(s, m));
    PLMR_TRY(pass_clocks(s, m));
    return pass_flights(s, m);
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
    plmr_status status = json_array_size(json_object_get(state, "rates")) <= PLMR_MOST_RATES
                             ? PLMR_OK
                             : plmr_checkpoint_damaged(&kept->checkpoint);
    json_array_foreach(json_object_get(state, "rates"), i, answer)
    {
        if (!status)
            plmr_serve_kept_add_rate(kept, json_is_true(answer));
    }
    json_decref(state);
    return status;
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
    PLMR_TRY(pass_machine(&s, m));
    return check(&s, plmr_machine_is_sound(m, kept->n_requests));
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
