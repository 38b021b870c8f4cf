#include "ranks/deal.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/wall.h"
#include "ranks/internal.h"

int plmr_deal_me(const plmr_ranks *ranks)
{
    return ranks->place[PLMR_Y] * ranks->extent[PLMR_X] + ranks->place[PLMR_X];
}

int plmr_deal_count(const plmr_ranks *ranks)
{
    return ranks->extent[PLMR_X] * ranks->extent[PLMR_Y];
}

/* Where those of each rank begin: sums of the counts before. */
static int64_t *sum_before(const int64_t *count, int n)
{
    int64_t *first = plmr_take((size_t)(n + 1) * sizeof *first);
    first[0] = 0;
    for (int i = 0; i < n; i++)
        first[i + 1] = first[i] + count[i];
    return first;
}

void plmr_deal_count_in(plmr_ranks *ranks, const int64_t *out, int64_t *in)
{
    double begin_s = plmr_wall_s();
    PLMR_MPI(MPI_Alltoall(out, 1, MPI_INT64_T, in, 1, MPI_INT64_T, ranks->grid));
    plmr_ranks_end_wait(ranks, begin_s);
}

void *plmr_deal_sort(void *records, size_t record_bytes, int64_t n, const int32_t *to, int n_to)
{
    int64_t *next = plmr_take_zeroed((size_t)n_to + 1, sizeof *next);
    char *sorted = plmr_take((size_t)n * record_bytes + 1);
    for (int64_t i = 0; i < n; i++)
        next[to[i] + 1]++;
    for (int i = 0; i < n_to; i++)
        next[i + 1] += next[i];
    for (int64_t i = 0; i < n; i++)
        memcpy(sorted + (size_t)next[to[i]]++ * record_bytes, (char *)records + (size_t)i * record_bytes, record_bytes);
    free(next);
    free(records);
    return sorted;
}

/* In turns, each rank with another. */
plmr_exchange *plmr_deal_begin(plmr_ranks *ranks, const void *out, const int64_t *n_out, void *in, const int64_t *n_in,
                               size_t element_bytes)
{
    int n = plmr_deal_count(ranks), me = plmr_deal_me(ranks);
    int64_t *first_out = sum_before(n_out, n), *first_in = sum_before(n_in, n);
    plmr_exchange *messages = plmr_exchange_create(ranks, "a deal to all ranks");
    for (int turn = 0; turn < n; turn++) {
        int to = (me + turn) % n, from = (me + n - turn) % n;
        const char *piece = (const char *)out + (size_t)first_out[to] * element_bytes;
        char *room = (char *)in + (size_t)first_in[from] * element_bytes;
        if (turn == 0) {
            memcpy(room, piece, (size_t)n_out[me] * element_bytes);
            continue;
        }
        plmr_exchange_send(messages, PLMR_EVERY_RANK, to, piece, (size_t)n_out[to] * element_bytes);
        plmr_exchange_receive(messages, PLMR_EVERY_RANK, from, room, (size_t)n_in[from] * element_bytes);
    }
    free(first_in);
    free(first_out);
    return messages;
}

void plmr_deal_end(plmr_exchange *messages)
{
    plmr_exchange_wait(messages);
    plmr_exchange_destroy(messages);
}

void *plmr_deal(plmr_ranks *ranks, void *records, size_t record_bytes, int64_t n, const int32_t *to, int64_t *n_got)
{
    int n_ranks = plmr_deal_count(ranks);
    *n_got = n;
    if (n_ranks == 1)
        return records;
    int64_t *count = plmr_take_zeroed(2 * (size_t)n_ranks, sizeof *count), *come = count + n_ranks;
    for (int64_t i = 0; i < n; i++)
        count[to[i]]++;
    plmr_deal_count_in(ranks, count, come);
    *n_got = 0;
    for (int rank = 0; rank < n_ranks; rank++)
        *n_got += come[rank];
    char *sorted = plmr_deal_sort(records, record_bytes, n, to, n_ranks);
    char *got = plmr_take((size_t)*n_got * record_bytes + 1);
    plmr_deal_end(plmr_deal_begin(ranks, sorted, count, got, come, record_bytes));
    free(sorted);
    free(count);
    return got;
}

void *plmr_deal_to_all(plmr_ranks *ranks, void *records, size_t record_bytes, int64_t n, int64_t *n_got)
{
    int n_ranks = plmr_deal_count(ranks), me = plmr_deal_me(ranks);
    *n_got = n;
    if (n_ranks == 1)
        return records;
    int64_t *count = plmr_take_zeroed(2 * (size_t)n_ranks, sizeof *count), *come = count + n_ranks;
    for (int rank = 0; rank < n_ranks; rank++)
        count[rank] = n;
    plmr_deal_count_in(ranks, count, come);
    int64_t *in = sum_before(come, n_ranks);
    *n_got = in[n_ranks];
    char *got = plmr_take((size_t)*n_got * record_bytes + 1);
    plmr_exchange *messages = plmr_exchange_create(ranks, "a deal to all ranks");
    for (int turn = 1; turn < n_ranks; turn++) {
        int to = (me + turn) % n_ranks, from = (me + n_ranks - turn) % n_ranks;
        plmr_exchange_send(messages, PLMR_EVERY_RANK, to, records, (size_t)n * record_bytes);
        plmr_exchange_receive(messages, PLMR_EVERY_RANK, from, got + (size_t)in[from] * record_bytes,
                              (size_t)come[from] * record_bytes);
    }
    memcpy(got + (size_t)in[me] * record_bytes, records, (size_t)n * record_bytes);
    plmr_exchange_wait(messages);
    plmr_exchange_destroy(messages);
    free(records);
    free(in);
    free(count);
    return got;
}
