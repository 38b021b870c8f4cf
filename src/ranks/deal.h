/* deal.h - records to the ranks that want them. Ranks are numbered row by row on the grid. */
#pragma once

#include "ranks/ranks.h"

/* This rank's number on the grid, and how many there are. */
int plmr_deal_me(const plmr_ranks *ranks);
int plmr_deal_count(const plmr_ranks *ranks);

/* Record i of n goes to rank to[i]. Takes ownership of the records; returns those for this rank, for free(): by the
 * rank that gave them, each rank's in its order. Collective. */
void *plmr_deal(plmr_ranks *ranks, void *records, size_t record_bytes, int64_t n, const int32_t *to, int64_t *n_got);

/* Record i of n goes to place to[i] of n_to; returns them by place, those of each in their order. Frees what it gets. */
void *plmr_deal_sort(void *records, size_t record_bytes, int64_t n, const int32_t *to, int n_to);

/* How many each rank sends to this one, of how many this one sends to each. Collective. */
void plmr_deal_count_in(plmr_ranks *ranks, const int64_t *out, int64_t *in);

/* Every rank gets all records, in the same order. Collective. */
void *plmr_deal_to_all(plmr_ranks *ranks, void *records, size_t record_bytes, int64_t n, int64_t *n_got);

/* Starts to send n_out[rank] elements to each rank, which lie one after the other in `out`, and to receive n_in[rank] in
 * `in` likewise. Both stay as they are until the end, which waits. */
plmr_exchange *plmr_deal_begin(plmr_ranks *ranks, const void *out, const int64_t *n_out, void *in, const int64_t *n_in,
                               size_t element_bytes);
void plmr_deal_end(plmr_exchange *messages);
