/* symbols.h - merges neighbouring symbols of a text, the best pair first: what every kind of BPE has in common.
 *
 * A symbol is a stretch of the text; together they cover it, in order. Time is n log n in the number of symbols. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "plmr/status.h"

typedef struct plmr_symbol {
    int32_t start, n_bytes; /* in the text; 0 bytes: merged into the one before */
    int32_t id;             /* its token, or PLMR_TOKEN_NONE */
    int32_t before, after;  /* neighbours, -1 at the ends */
} plmr_symbol;

/* Two neighbours that may become one. */
typedef struct plmr_pair {
    uint32_t rank;         /* the lowest is merged first, of equal ones the leftmost */
    int32_t left, n_bytes; /* the first symbol, and the bytes of both */
    int32_t id;            /* what they become */
} plmr_pair;

typedef struct plmr_symbols {
    plmr_symbol *list;
    plmr_pair *heap;
    int32_t n, n_heap;
    size_t list_room, heap_room;
} plmr_symbols;

/* Whether the neighbours may merge; if so, sets the pair's rank and id. */
typedef bool plmr_pair_fn(void *context, const plmr_symbol *left, const plmr_symbol *right, plmr_pair *pair);

/* Empties the list and makes room for n_most symbols. The struct starts as {0}. */
void plmr_symbols_begin(plmr_symbols *symbols, size_t n_most);

void plmr_symbols_free(plmr_symbols *symbols);

/* Adds a symbol behind those that are there. */
void plmr_symbols_add(plmr_symbols *symbols, int32_t n_bytes, int32_t id);

/* Merges until no pair may. The symbols that are left are list[0], the one after it, and so on. */
void plmr_symbols_merge(plmr_symbols *symbols, plmr_pair_fn *may_merge, void *context);

/* The array, of *room elements, grown to hold at least n (and never 0); its address may change. */
void *plmr_array_grow(void *array, size_t *room, size_t n, size_t element_size);
