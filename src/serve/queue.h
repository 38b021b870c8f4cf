/* queue.h - two kinds of queues of requests, by their numbers: one sorted by priority and a policy's rank, and one in
 * which who came first is first. Local.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* A heap: the first is the one of the highest priority, then of the least rank, then of the least number. */
typedef struct plmr_ranked {
    double rank;
    int32_t priority, request;
} plmr_ranked;

typedef struct plmr_heap {
    plmr_ranked *at; /* the first is first */
    int64_t n, room;
} plmr_heap;

bool plmr_ranked_is_before(const plmr_ranked *a, const plmr_ranked *b);

void plmr_heap_push(plmr_heap *heap, plmr_ranked ranked);
int32_t plmr_heap_pop(plmr_heap *heap);
/* Takes out the one at this place. */
void plmr_heap_remove(plmr_heap *heap, int64_t place);
void plmr_heap_free(plmr_heap *heap);

typedef struct plmr_fifo {
    int32_t *at;
    int64_t first, n, room; /* it wraps around */
} plmr_fifo;

void plmr_fifo_push(plmr_fifo *fifo, int32_t request);
int32_t plmr_fifo_pop(plmr_fifo *fifo);
/* The one at this place, 0 being the first; takes it out. */
int32_t plmr_fifo_at(const plmr_fifo *fifo, int64_t place);
void plmr_fifo_remove(plmr_fifo *fifo, int64_t place);
void plmr_fifo_free(plmr_fifo *fifo);
