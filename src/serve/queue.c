#include "serve/queue.h"

#include <stdlib.h>

#include "base/memory.h"

bool plmr_ranked_is_before(const plmr_ranked *a, const plmr_ranked *b)
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
    for (; i > 0 && plmr_ranked_is_before(&heap->at[i], &heap->at[(i - 1) / 2]); i = (i - 1) / 2)
        swap(&heap->at[i], &heap->at[(i - 1) / 2]);
}

static void sink(plmr_heap *heap, int64_t i)
{
    for (int64_t child; (child = 2 * i + 1) < heap->n; i = child) {
        child += child + 1 < heap->n && plmr_ranked_is_before(&heap->at[child + 1], &heap->at[child]);
        if (!plmr_ranked_is_before(&heap->at[child], &heap->at[i]))
            break;
        swap(&heap->at[child], &heap->at[i]);
    }
}

int32_t plmr_heap_pop(plmr_heap *heap)
{
    int32_t first = heap->at[0].request;
    heap->at[0] = heap->at[--heap->n];
    sink(heap, 0);
    return first;
}

/* First up to the top, past those that are before all below them. */
void plmr_heap_remove(plmr_heap *heap, int64_t i)
{
    for (; i > 0; i = (i - 1) / 2)
        swap(&heap->at[i], &heap->at[(i - 1) / 2]);
    plmr_heap_pop(heap);
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

int32_t plmr_fifo_at(const plmr_fifo *fifo, int64_t place)
{
    return fifo->at[(fifo->first + place) % fifo->room];
}

void plmr_fifo_remove(plmr_fifo *fifo, int64_t place)
{
    for (int64_t i = place; i > 0; i--)
        fifo->at[(fifo->first + i) % fifo->room] = plmr_fifo_at(fifo, i - 1);
    plmr_fifo_pop(fifo);
}

void plmr_fifo_free(plmr_fifo *fifo)
{
    free(fifo->at);
    *fifo = (plmr_fifo){0};
}
