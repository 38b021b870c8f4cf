/* ranks.h - what the fabric asks of the message layer. "Place" is a coordinate on an axis of the rank grid. */
#pragma once

#include "plmr/ranks.h"
#include "ranks/mapping.h"

/* Part `place` of n cores dealt to `parts` ranks: [*first, *first + *count), sizes differ by one at most. */
static inline void plmr_ranks_share(int n, int parts, int place, int *first, int *count)
{
    *first = (int)((int64_t)n * place / parts);
    *count = (int)((int64_t)n * (place + 1) / parts) - *first;
}

/* The place whose share of n cores holds core i. */
static inline int plmr_ranks_owner(int n, int parts, int i)
{
    if (parts == 1) /* spares a division on paths that are taken for every core */
        return 0;
    int place = (int)(((int64_t)i * parts) / n);
    while ((int64_t)n * (place + 1) / parts <= i)
        place++;
    return place;
}

/* plmr_ranks_create, but where traffic is not NULL grid and nodes' places are those that plmr_mapping_choose finds for it.
 * Collective. */
plmr_status plmr_ranks_create_for(int rank_rows, int rank_cols, int rows, int cols, const plmr_rank_traffic *traffic,
                                  plmr_ranks **ranks);

/* Ranks for a rectangle of rows x cols cores of a region: the grid itself, or where it is larger one of several equal
 * grids that it is cut into, each of which has all of those cores. Destroyed by plmr_ranks_destroy if it is another.
 * Collective. */
plmr_ranks *plmr_ranks_cut(plmr_ranks *ranks, int rows, int cols);

/* Whether plmr_init has been called. Before that the functions of plmr/ranks.h that need no grid do what they do on a
 * rank alone, and plmr_rank and plmr_rank_count are what the launcher has said. Local. */
bool plmr_ranks_started(void);

/* Until these ranks are destroyed this rank is a job of its own, as plmr_rank_count() and plmr_agree have it: for work
 * that is dealt to ranks whole. To be destroyed before anything is asked of other ranks again. Local. */
plmr_status plmr_ranks_create_alone(plmr_ranks **ranks);

/* plmr_agree where an error is of one of many things that ranks share, with a number from 0 to 2^32 - 1:
 * that of the lowest number, so that which rank has what does not tell. Collective. */
plmr_status plmr_agree_on(plmr_status mine, int64_t number);

/* A rank that waits in one call of the message layer for more than most_s seconds says so, for whom and in which verb,
 * and ends the job; 0: it waits for ever. Local. */
void plmr_ranks_stall_after(int most_s);

/* A set of sends and receives under way along axes of the grid. Buffers must stay untouched until the wait. Messages
 * between two ranks arrive in the order in which both sides posted them. Any size. `verb` is what errors say of them. */
typedef struct plmr_exchange plmr_exchange;
plmr_exchange *plmr_exchange_create(plmr_ranks *ranks, const char *verb);

/* Waits for what is under way, which must come soon: all ranks are here alike, or the job ends. */
void plmr_exchange_destroy(plmr_exchange *exchange);
void plmr_exchange_send(plmr_exchange *exchange, enum plmr_axis axis, int place, const void *data, size_t n_bytes);
void plmr_exchange_receive(plmr_exchange *exchange, enum plmr_axis axis, int place, void *data, size_t n_bytes);
void plmr_exchange_wait(plmr_exchange *exchange);

/* Lets messages travel on while their ranks compute: the message layer moves them only when it is called. */
void plmr_exchange_poll(plmr_exchange *exchange);

/* Copies n_bytes from `place` to all ranks of this rank's line along the axis. Collective over the line. */
void plmr_ranks_line_broadcast(plmr_ranks *ranks, enum plmr_axis axis, int place, void *data, size_t n_bytes);

/* Copies n_bytes from the rank at `place` (by axis) to the one at place 0, 0, which is rank 0 unless these are a part of the ranks;
 * any other rank's data stays as it is. Called on all ranks; n_bytes counts on those two. */
void plmr_ranks_bring(plmr_ranks *ranks, const int place[2], void *data, size_t n_bytes);

/* Element-wise maximum over the ranks of the line, in place. Collective over the line. */
void plmr_ranks_line_max(plmr_ranks *ranks, enum plmr_axis axis, double *values, int n);

/* Element-wise reductions over all ranks, in place. Collective. */
void plmr_ranks_max(plmr_ranks *ranks, double *values, int n);
void plmr_ranks_sum(plmr_ranks *ranks, uint64_t *values, int n);

/* Ranks on this rank's node, itself included. Local. */
int plmr_ranks_here(const plmr_ranks *ranks);

/* Fails where n_bytes, dealt to all ranks alike, are more than this rank's host has left, and says how many such hosts would
 * do. Local. */
plmr_status plmr_ranks_room(const plmr_ranks *ranks, double n_bytes, const char *what);

/* The same as an error of all ranks, before any of them takes of it; a little is not asked for. Collective. */
plmr_status plmr_ranks_ask_room(const plmr_ranks *ranks, double n_bytes, const char *what);

/* What a rank's messages have taken, in wall seconds. The rest of its time is its own work. */
typedef struct plmr_ranks_times {
    double exchange_s; /* in posting and polling messages */
    double wait_s;     /* blocked, until messages have come or other ranks are there */
    double flight_s;   /* from a message's posting to the moment that this rank knew it had come, waiting included;
                          those posted together count once */
    uint64_t messages, n_bytes; /* sent by exchanges and broadcasts */
} plmr_ranks_times;

/* Of this rank so far. Local. */
plmr_ranks_times plmr_ranks_times_now(const plmr_ranks *ranks);

/* A figure of all ranks; ranks are numbered as plmr_rank() does. */
typedef struct plmr_spread {
    double least, most, mean;
    int rank_least, rank_most;
} plmr_spread;

/* What a part of a run took on all ranks. The three times of a rank add up to wall_s. */
typedef struct plmr_ranks_usage {
    double wall_s; /* of the slowest rank */
    plmr_spread compute_s, exchange_s, wait_s;
    uint64_t messages, n_bytes;
    double hidden_share;    /* of the time that messages were on their way: when the receiver did not wait; NAN: none */
    int64_t rss_peak_bytes; /* memory of the largest rank at its peak since it started */
} plmr_ranks_usage;

/* Of what has run since `before`, own_s seconds on this rank. Collective. */
void plmr_ranks_usage_since(plmr_ranks *ranks, const plmr_ranks_times *before, double own_s, plmr_ranks_usage *usage);
