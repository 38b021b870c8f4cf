#include "text/symbols.h"

#include <stdlib.h>

#include "base/memory.h"

void *plmr_array_grow(void *array, size_t *room, size_t n, size_t element_size)
{
    enum { LEAST = 16 };
    if (array && n <= *room)
        return array;
    size_t wanted = *room + *room / 2;
    wanted = wanted > n ? wanted : n;
    *room = wanted > LEAST ? wanted : LEAST;
    return plmr_take_more(array, *room * element_size);
}

void plmr_symbols_begin(plmr_symbols *symbols, size_t n_most)
{
    PLMR_ASSERT(n_most <= INT32_MAX / 2);
    symbols->n = symbols->n_heap = 0;
    symbols->list = plmr_array_grow(symbols->list, &symbols->list_room, n_most, sizeof *symbols->list);
    /* At most one pair for each two neighbours, and then two more for each that is taken out. */
    symbols->heap = plmr_array_grow(symbols->heap, &symbols->heap_room, 2 * n_most, sizeof *symbols->heap);
}

void plmr_symbols_free(plmr_symbols *symbols)
{
    free(symbols->list);
    free(symbols->heap);
}

void plmr_symbols_add(plmr_symbols *symbols, int32_t n_bytes, int32_t id)
{
    int32_t at = symbols->n++, start = 0;
    if (at > 0) {
        plmr_symbol *before = &symbols->list[at - 1];
        before->after = at;
        start = before->start + before->n_bytes;
    }
    symbols->list[at] = (plmr_symbol){start, n_bytes, id, at - 1, -1};
}

static bool goes_first(const plmr_pair *a, const plmr_pair *b)
{
    return a->rank < b->rank || (a->rank == b->rank && a->left < b->left);
}

static void push(plmr_symbols *symbols, plmr_pair pair)
{
    plmr_pair *heap = symbols->heap;
    int32_t at = symbols->n_heap++;
    while (at > 0 && goes_first(&pair, &heap[(at - 1) / 2])) {
        heap[at] = heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    heap[at] = pair;
}

static plmr_pair pop(plmr_symbols *symbols)
{
    plmr_pair *heap = symbols->heap, first = heap[0], last = heap[--symbols->n_heap];
    int32_t at = 0;
    for (;;) {
        int32_t child = 2 * at + 1;
        if (child + 1 < symbols->n_heap && goes_first(&heap[child + 1], &heap[child]))
            child++;
        if (child >= symbols->n_heap || goes_first(&last, &heap[child]))
            break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = last;
    return first;
}

static void consider(plmr_symbols *symbols, int32_t left, plmr_pair_fn *may_merge, void *context)
{
    if (left < 0 || symbols->list[left].after < 0)
        return;
    const plmr_symbol *a = &symbols->list[left], *b = &symbols->list[a->after];
    plmr_pair pair = {.left = left, .n_bytes = a->n_bytes + b->n_bytes};
    if (may_merge(context, a, b, &pair))
        push(symbols, pair);
}

/* Symbols only grow, so a pair has changed since it was pushed if and only if its bytes do not add up any more. */
static bool still_stands(const plmr_symbols *symbols, const plmr_pair *pair)
{
    const plmr_symbol *left = &symbols->list[pair->left];
    return left->n_bytes > 0 && left->after >= 0 && left->n_bytes + symbols->list[left->after].n_bytes == pair->n_bytes;
}

static void join(plmr_symbols *symbols, const plmr_pair *pair)
{
    plmr_symbol *left = &symbols->list[pair->left], *right = &symbols->list[left->after];
    left->n_bytes = pair->n_bytes;
    left->id = pair->id;
    left->after = right->after;
    if (right->after >= 0)
        symbols->list[right->after].before = pair->left;
    right->n_bytes = 0;
}

void plmr_symbols_merge(plmr_symbols *symbols, plmr_pair_fn *may_merge, void *context)
{
    for (int32_t i = 0; i + 1 < symbols->n; i++)
        consider(symbols, i, may_merge, context);
    while (symbols->n_heap > 0) {
        plmr_pair pair = pop(symbols);
        if (!still_stands(symbols, &pair))
            continue;
        join(symbols, &pair);
        consider(symbols, symbols->list[pair.left].before, may_merge, context);
        consider(symbols, pair.left, may_merge, context);
    }
}
