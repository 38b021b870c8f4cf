#include "serve/queue.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/memory.h"

static bool is_before(const plmr_ranked *a, const plmr_ranked *b)
{
    if (a->priority != b->priority)
        return a->priority > b->priority;
    return a->rank != b->rank ? a->rank < b->rank : a->request < b->request;
}

static void swap(plmr_ranked *a, plmr_ranked *b)
{
    plmr_ranked c = *a;
    *a = *b;
    *b = c;
}

void plmr_heap_push(plmr_heap *heap, plmr_ranked ranked)
{
    if (heap->n == heap->room) {
        heap->room = 2 * heap->room + 16;
        heap->at = plmr_take_more(heap->at, (size_t)heap->room * sizeof *heap->at);
    }
    int64_t i = heap->n++;
    heap->at[i] = ranked;
    for (; i > 0 && is_before(&heap->at[i], &heap->at[(i - 1) / 2]); i = (i - 1) / 2)
        swap(&heap->at[i], &heap->at[(i - 1) / 2]);
}

int32_t plmr_heap_pop(plmr_heap *heap)
{
    int32_t first = heap->at[0].request;
    heap->at[0] = heap->at[--heap->n];
    for (int64_t i = 0, child; (child = 2 * i + 1) < heap->n; i = child) {
        child += child + 1 < heap->n && is_before(&heap->at[child + 1], &heap->at[child]);
        if (!is_before(&heap->at[child], &heap->at[i]))
            break;
        swap(&heap->at[child], &heap->at[i]);
    }
    return first;
}

void plmr_heap_free(plmr_heap *heap)
{
    free(heap->at);
    *heap = (plmr_heap){0};
}

static void grow(plmr_fifo *fifo)
{
    int64_t room = 2 * fifo->room + 16;
    int32_t *at = plmr_take((size_t)room * sizeof *at);
    for (int64_t i = 0; i < fifo->n; i++)
        at[i] = fifo->at[(fifo->first + i) % fifo->room];
    free(fifo->at);
    *fifo = (plmr_fifo){at, 0, fifo->n, room};
}

void plmr_fifo_push(plmr_fifo *fifo, int32_t request)
{
    if (fifo->n == fifo->room)
        grow(fifo);
    fifo->at[(fifo->first + fifo->n++) % fifo->room] = request;
}

int32_t plmr_fifo_pop(plmr_fifo *fifo)
{
    int32_t request = fifo->at[fifo->first];
    fifo->first = (fifo->first + 1) % fifo->room;
    fifo->n--;
    return request;
}

void plmr_fifo_free(plmr_fifo *fifo)
{
    free(fifo->at);
    *fifo = (plmr_fifo){0};
}
