#include "ranks/internal.h"

#ifdef PLMR_ACCOUNTS
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum { SENT, RECEIVED, REQUESTS, WAITS, N_COUNTS };

/* What a rank has done in a verb with another one; its requests and waits, whoever was there, are in a row with itself. */
struct row {
    char verb[40];
    int rank, peer;
    uint64_t n[N_COUNTS], n_bytes[2]; /* bytes sent and received */
};

struct plmr_account {
    struct row *rows;
    int n, room;
};

static struct row *find(const plmr_account *a, const char *verb, int rank, int peer)
{
    for (int i = 0; i < a->n; i++)
        if (a->rows[i].rank == rank && a->rows[i].peer == peer && strcmp(a->rows[i].verb, verb) == 0)
            return &a->rows[i];
    return NULL;
}

static struct row *row_of(plmr_account **account, const char *verb, int peer)
{
    char name[sizeof(((struct row *)0)->verb)];
    plmr_account *a = *account = *account ? *account : plmr_take_zeroed(1, sizeof *a);
    snprintf(name, sizeof name, "%s", verb);
    struct row *row = find(a, name, plmr_rank(), peer);
    if (row)
        return row;
    if (a->n == a->room) {
        a->room = 2 * a->room + 16;
        a->rows = plmr_take_more(a->rows, (size_t)a->room * sizeof *a->rows);
    }
    row = &a->rows[a->n++];
    memset(row, 0, sizeof *row);
    memcpy(row->verb, name, sizeof name);
    row->rank = plmr_rank();
    row->peer = peer;
    return row;
}

void plmr_account_post(plmr_account **account, const char *verb, int peer, bool sends, size_t n_bytes)
{
    struct row *row = row_of(account, verb, peer);
    row->n[sends ? SENT : RECEIVED]++;
    row->n_bytes[sends ? SENT : RECEIVED] += n_bytes;
    row_of(account, verb, plmr_rank())->n[REQUESTS]++;
}

void plmr_account_done(plmr_account **account, const char *verb, int n_requests)
{
    row_of(account, verb, plmr_rank())->n[WAITS] += (uint64_t)n_requests;
}

/* ---- the end ---- */

/* All ranks' rows. */
static plmr_account gather(plmr_ranks *ranks)
{
    const plmr_account *own = ranks->account;
    int n = ranks->extent[0] * ranks->extent[1], mine = own ? own->n * (int)sizeof(struct row) : 0, all_bytes = 0;
    int *sizes = plmr_take((size_t)n * sizeof(int)), *at = plmr_take((size_t)n * sizeof(int));
    PLMR_MPI(MPI_Allgather(&mine, 1, MPI_INT, sizes, 1, MPI_INT, ranks->grid));
    for (int i = 0; i < n; i++) {
        at[i] = all_bytes;
        all_bytes += sizes[i];
    }
    plmr_account all = {plmr_take((size_t)all_bytes + 1), all_bytes / (int)sizeof(struct row), 0};
    PLMR_MPI(MPI_Allgatherv(own ? own->rows : NULL, mine, MPI_BYTE, all.rows, sizes, at, MPI_BYTE, ranks->grid));
    free(sizes);
    free(at);
    return all;
}

static void compare(const struct row *row, const struct row *other, int way)
{
    static const char *const ways[] = {"sent to", "received from"};
    static const struct row none;
    other = other ? other : &none;
    if (row->n[way] != other->n[!way] || row->n_bytes[way] != other->n_bytes[!way])
        plmr_end_job("message accounting: %s: %llu messages of %llu bytes %s rank %d, for which they are %llu of %llu",
                     row->verb, (unsigned long long)row->n[way], (unsigned long long)row->n_bytes[way], ways[way],
                     row->peer, (unsigned long long)other->n[!way], (unsigned long long)other->n_bytes[!way]);
}

/* A row of this rank's, against the other's. */
static void check(const plmr_account *all, const struct row *row)
{
    const struct row *other = find(all, row->verb, row->peer, row->rank);
    if (row->n[REQUESTS] != row->n[WAITS])
        plmr_end_job("message accounting: %s: %llu requests, and %llu were waited for", row->verb,
                     (unsigned long long)row->n[REQUESTS], (unsigned long long)row->n[WAITS]);
    compare(row, other, SENT);
    compare(row, other, RECEIVED);
}

void plmr_account_close(plmr_ranks *ranks)
{
    plmr_account all = gather(ranks);
    for (int i = 0; i < all.n; i++)
        if (all.rows[i].rank == plmr_rank())
            check(&all, &all.rows[i]);
    free(all.rows);
    if (ranks->account)
        free(ranks->account->rows);
    free(ranks->account);
}
#endif
