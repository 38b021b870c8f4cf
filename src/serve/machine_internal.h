/* machine_internal.h - what the parts of a machine share: passes (machine.c), who is admitted (admit.c), drafts (drafts.c). */
#pragma once

#include "serve/machine.h"
#include "serve/queue.h"
#include "serve/room.h"

/* A pass on its way, or those that follow each other with the same requests; these are the next n of `riding`. */
struct plmr_flight {
    double t_end;
    int64_t n;
    bool is_chunk, ends_prompt;
};

struct plmr_machine {
    const plmr_machine_setup *setup;
    plmr_request *requests;
    const int32_t *mine;
    int64_t n, n_arrived;
    plmr_heap waiting, prompts; /* not admitted; admitted, with tokens of the prompt that no pass has taken */
    plmr_fifo to_draft, drafting;
    plmr_fifo ready, riding;     /* that could have a token; in passes under way, pass after pass */
    struct plmr_flight *flights; /* one in each region, and those between wafers */
    int64_t first_flight, n_flights, most_flights;
    double now, *free_at;                  /* by region */
    double t_burst, t_through, held_until; /* chunks: see plmr_serve_view; when the next may begin */
    double draft_free, draft_end;          /* when the draft's region is, and when its requests have their guesses */
    plmr_serve_room room;
    int64_t kv_tokens, n_decoding; /* requests whose prompts no pass is to take any more; */
    int64_t n_ending;              /* of these, those whose last chunk is in a pass */
    int64_t n_gone;                /* that were done since what is kept was looked at */
    plmr_machine_sums *sums;
};

static inline int64_t plmr_machine_row(const struct plmr_machine *m, int64_t n)
{
    return plmr_serve_costs_row(m->setup->costs, n);
}

/* Tokens of its prompt that others may have read, too: their number, and where they lie, or NULL. */
static inline int64_t plmr_machine_shared(const struct plmr_machine *m, const plmr_request *r)
{
    return m->setup->part == PLMR_SERVE_TOKENS ? 0 : r->n_prefix;
}

static inline plmr_prefix *plmr_machine_prefix(const struct plmr_machine *m, const plmr_request *r)
{
    return plmr_machine_shared(m, r) ? &m->room.prefixes[r->prefix] : NULL;
}

/* Rows of cores hold the shared ones and the others apart: n of its tokens, in the fullest row. */
static inline int64_t plmr_machine_rows(const struct plmr_machine *m, const plmr_request *r, int64_t n)
{
    int64_t shared = plmr_machine_shared(m, r);
    return plmr_machine_row(m, shared) + plmr_machine_row(m, n - shared);
}

/* Guesses for its next tokens: none that would be beyond its end. */
static inline int plmr_machine_ahead(const struct plmr_machine *m, const plmr_request *r)
{
    int left = r->n_output - r->n_made - 1, ahead = m->setup->draft ? m->setup->ahead : 0;
    return ahead < left ? ahead : left;
}

/* Requests of a pass, of those that could be: all are spread over the regions. */
int64_t plmr_machine_spread(const struct plmr_machine *m, int64_t n);

/* It waits to be admitted, or to be read. */
void plmr_machine_rank(const struct plmr_machine *m, plmr_heap *heap, int32_t request);

/* It could have a token, once some are guessed. */
void plmr_machine_get_ready(struct plmr_machine *m, int32_t request);

/* Admits whom it can. */
void plmr_machine_admit(struct plmr_machine *m);

/* Room for a request's next token and guesses, out of `ready`; false: it has lost its cache, for it is the last. */
bool plmr_machine_make_room(struct plmr_machine *m, int32_t request);

/* It is done: what it had in the cache goes. */
void plmr_machine_leave(struct plmr_machine *m, int32_t request);

/* Drafts: what is due now is ended and begun. When the next is due; INFINITY: none. What a chunk of a prompt takes. */
plmr_status plmr_machine_run_drafts(struct plmr_machine *m);
double plmr_machine_draft_due(const struct plmr_machine *m);
plmr_status plmr_machine_draft_reads(struct plmr_machine *m, int64_t n_before, int64_t n);

/* Of what was read from a file: whether a request, with what was asked for, and the machine, with so many requests of which it has
 * some, can have come about. */
bool plmr_request_is_sound(const plmr_request *request, const plmr_request *asked);
bool plmr_machine_is_sound(const struct plmr_machine *m, int64_t n_requests);

/* Of a request's guesses, those that are right. */
int plmr_machine_right(const struct plmr_machine *m, int32_t request);
