#include "ranks/dealing.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "ranks/board.h"
#include "ranks/deal.h"
#include "ranks/internal.h"

/* Less than that goes by messages as fast, and needs no room that is shared. */
enum { MUCH_BYTES = 1 << 15 };

struct plmr_dealing {
    plmr_ranks *ranks;
    int n_ranks, me;
    size_t element_bytes;
    int64_t *n_out, *n_in, *first_out, *first_in; /* by rank; [n_ranks] of the latter two: all of them */
    int64_t *theirs, *of_all; /* by rank: where in its room what it has for this one begins, and how many it has */
    plmr_board *board;        /* NULL: all goes by messages */
    char *out, *in;           /* what goes by messages */
    char *words;              /* by rank: has been told that it has begun; what it has said */
    int room;                 /* the one of two that is in use */
    plmr_exchange *messages;  /* NULL: it has not begun */
};

static void sum_before(const int64_t *count, int n, int64_t *first)
{
    first[0] = 0;
    for (int i = 0; i < n; i++)
        first[i + 1] = first[i] + count[i];
}

/* All ranks learn where in others' rooms their own begins. */
static void share(plmr_dealing *d)
{
    int n = d->n_ranks;
    size_t n_bytes = (size_t)d->first_out[n] * d->element_bytes;
    double most = (double)n_bytes;
    plmr_ranks_max(d->ranks, &most, 1);
    if (most < MUCH_BYTES)
        return;
    d->board = plmr_board_create(d->ranks, 2 * n_bytes);
    int64_t *all = plmr_take((size_t)n * sizeof *all);
    for (int rank = 0; rank < n; rank++)
        all[rank] = d->first_out[n];
    plmr_deal_count_in(d->ranks, d->first_out, d->theirs);
    plmr_deal_count_in(d->ranks, all, d->of_all);
    free(all);
}

plmr_dealing *plmr_dealing_create(plmr_ranks *ranks, const int64_t *n_out, const int64_t *n_in, size_t element_bytes)
{
    plmr_dealing *d = plmr_take(sizeof *d);
    size_t n = (size_t)plmr_deal_count(ranks);
    *d = (plmr_dealing){.ranks = ranks, .n_ranks = (int)n, .me = plmr_deal_me(ranks), .element_bytes = element_bytes};
    d->n_out = plmr_take_zeroed(6 * n + 2, sizeof *d->n_out);
    d->n_in = d->n_out + n;
    d->first_out = d->n_in + n;
    d->first_in = d->first_out + n + 1;
    d->theirs = d->first_in + n + 1;
    d->of_all = d->theirs + n;
    memcpy(d->n_out, n_out, n * sizeof *n_out);
    memcpy(d->n_in, n_in, n * sizeof *n_in);
    sum_before(n_out, (int)n, d->first_out);
    sum_before(n_in, (int)n, d->first_in);
    share(d);
    d->words = plmr_take_zeroed(2 * n, 1);
    d->in = plmr_take((size_t)d->first_in[n] * element_bytes + 1);
    d->out = d->board ? NULL : plmr_take((size_t)d->first_out[n] * element_bytes + 1);
    return d;
}

void plmr_dealing_destroy(plmr_dealing *d)
{
    if (!d)
        return;
    if (d->messages)
        plmr_dealing_end(d);
    plmr_board_destroy(d->board);
    free(d->n_out);
    free(d->words);
    free(d->out);
    free(d->in);
    free(d);
}

/* What is written, or was last. */
static char *room_of(const plmr_dealing *d)
{
    return d->board ? plmr_board_mine(d->board) + (size_t)(d->room * d->first_out[d->n_ranks]) * d->element_bytes
                    : d->out;
}

/* What is written next goes into the other room. */
void *plmr_dealing_out(plmr_dealing *d)
{
    d->room = !d->room;
    return room_of(d);
}

static bool is_shared(const plmr_dealing *d, int rank)
{
    return d->board && plmr_board_of(d->board, rank);
}

/* A byte to a rank that reads the room says that it may, and that this one has read what was in that rank's other. */
static void send(plmr_dealing *d, int to)
{
    if (is_shared(d, to))
        plmr_exchange_send(d->messages, PLMR_EVERY_RANK, to, &d->words[to], d->n_out[to] || d->n_in[to]);
    else
        plmr_exchange_send(d->messages, PLMR_EVERY_RANK, to, room_of(d) + (size_t)d->first_out[to] * d->element_bytes,
                           (size_t)d->n_out[to] * d->element_bytes);
}

static void receive(plmr_dealing *d, int from)
{
    if (is_shared(d, from))
        plmr_exchange_receive(d->messages, PLMR_EVERY_RANK, from, &d->words[d->n_ranks + from],
                              d->n_out[from] || d->n_in[from]);
    else
        plmr_exchange_receive(d->messages, PLMR_EVERY_RANK, from, d->in + (size_t)d->first_in[from] * d->element_bytes,
                              (size_t)d->n_in[from] * d->element_bytes);
}

void plmr_dealing_begin(plmr_dealing *d)
{
    atomic_thread_fence(memory_order_seq_cst);
    d->messages = plmr_exchange_create(d->ranks, "a deal to all ranks");
    for (int turn = 1; turn < d->n_ranks; turn++) {
        send(d, (d->me + turn) % d->n_ranks);
        receive(d, (d->me + d->n_ranks - turn) % d->n_ranks);
    }
}

void plmr_dealing_end(plmr_dealing *d)
{
    plmr_exchange_wait(d->messages);
    plmr_exchange_destroy(d->messages);
    d->messages = NULL;
    atomic_thread_fence(memory_order_seq_cst);
}

const void *plmr_dealing_in(const plmr_dealing *d, int rank)
{
    if (!is_shared(d, rank))
        return d->in + (size_t)d->first_in[rank] * d->element_bytes;
    return plmr_board_of(d->board, rank) + (size_t)(d->room * d->of_all[rank] + d->theirs[rank]) * d->element_bytes;
}
