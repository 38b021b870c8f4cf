/* deal.h - how the dimensions of a language model are dealt to the cores along an axis of a region.
 *
 * A dimension is cut into chunks of equal size, chunk i at position i of the axis's ring; the last chunks may be partly
 * or wholly empty. The dimensions of heads are dealt so that a head is never mixed with another: see plmr_heads.
 */
#pragma once

#include "model/shape.h"
#include "ranks/redistribute.h"
#include "region/ring.h"

typedef struct plmr_deal {
    int n_slots;      /* positions on the axis */
    int size;         /* elements of a chunk */
    int n_filled;     /* the chunks that hold anything: the first ones */
    int64_t n;        /* elements of the dimension */
    int32_t *element; /* by place, n_filled * size of them: which element lies there, -1: none. NULL: element i at i */
} plmr_deal;

/* Element at a place, or -1. */
static inline int64_t plmr_deal_element(const plmr_deal *deal, int64_t place)
{
    return deal->element ? deal->element[place] : place < deal->n ? place : -1;
}

/* Groups of so many elements in a row that a chunk has a part of, at most. */
int64_t plmr_deal_groups(const plmr_deal *deal, int64_t size);

/* Places of a deal: chunks that hold anything, padding included. */
static inline int64_t plmr_deal_places(const plmr_deal *deal)
{
    return (int64_t)deal->n_filled * deal->size;
}

/* n elements in order, ceil(n / n_slots) to a chunk. */
plmr_deal plmr_deal_plain(int64_t n, int n_slots);

/* Heads on cores. A key-value head, with the n_rep query heads that use it, has a group of `span` neighbouring cores;
 * each of them holds the same n_dims elements of all these heads, so that nothing moves when queries meet keys. Where
 * there are more key-value heads than cores, a core holds n_per_core of them whole. Inside a head, elements that rope
 * turns together lie side by side. */
typedef struct plmr_heads {
    int n_kv, n_rep, head_dim;
    int n_per_core; /* key-value heads of a core; 1 if span > 1 */
    int span;       /* cores that share a key-value head; 1 if n_per_core > 1 */
    int n_dims;     /* elements of a head that a core holds */
    bool halves;    /* elements (i, i + rope_dim / 2) lie side by side, else (2 i, 2 i + 1); */
    int rope_dim;   /* elements from here on lie in their order */
} plmr_heads;

plmr_heads plmr_heads_of(const plmr_model_shape *shape, int n_slots);

/* Columns of cores that have a head, or a part of one. */
int plmr_heads_columns(const plmr_heads *heads);

/* Element of a head at its d-th place, d < span * n_dims, or -1. */
int plmr_heads_element(const plmr_heads *heads, int d);

/* The deals of queries (and of what attention gives) and of keys (and values). A core's chunk holds, for each of its
 * key-value heads, for each of the query heads that use it, n_dims elements. Destroy with plmr_deal_free. */
void plmr_deal_queries(const plmr_heads *heads, int n_slots, plmr_deal *deal);
void plmr_deal_keys(const plmr_heads *heads, int n_slots, plmr_deal *deal);
void plmr_deal_free(plmr_deal *deal);

/* Who of `parts` has each of a ring's first `far` positions, of which one dimension fills the first `near` and another all: a run
 * of the ones and a run of the others, so that all parts have as many of either dimension, but for one. For example near = 4,
 * far = 10 and 3 parts: 0 1 2 2 2 2 1 1 0 0. */
void plmr_deal_runs(int near, int far, int parts, int *owner);

/* The chunks of a deal that a rank holds, in local order. */
typedef struct plmr_part {
    int n_runs, n_chunks;
    plmr_run runs[2];
} plmr_part;

/* What the rank at `place` holds of a dimension that is dealt to the ring; all of it if ring is NULL. */
plmr_part plmr_part_of(const plmr_deal *deal, const plmr_ring *ring, int place);

/* The same of this rank. */
plmr_part plmr_part_here(const plmr_deal *deal, const plmr_ring *ring);

/* What place `place` of n_places holds of chunks that are dealt as to an interleaved ring of n_filled cores. */
plmr_part plmr_part_folded(const plmr_deal *deal, int n_places, int place);

/* Chunk number i of the part; and the number of a chunk, or -1 if the part lacks it. */
int plmr_part_chunk(const plmr_part *part, int i);
int plmr_part_index(const plmr_part *part, int chunk);

/* An order of chunks other than that of the part which holds them: chunk c is number index[c] of the rank that has it;
 * -1: it is empty. */
typedef struct plmr_order {
    int n_slots;
    int *index;
} plmr_order;

/* Place, in the deal, of the i-th place of the part. */
static inline int64_t plmr_part_place(const plmr_part *part, const plmr_deal *deal, int64_t i)
{
    return (int64_t)plmr_part_chunk(part, (int)(i / deal->size)) * deal->size + i % deal->size;
}

/* Fills a list with the part's elements, -1 for padding: n_chunks * size of them. */
void plmr_part_elements(const plmr_part *part, const plmr_deal *deal, int32_t *elements);

/* Elements of a part: n_chunks * size. */
static inline int64_t plmr_part_places(const plmr_part *part, const plmr_deal *deal)
{
    return (int64_t)part->n_chunks * deal->size;
}

/* A dimension as it is dealt to a ring, for plmr_redistribute: by its elements. `laid` must outlive what is made of it. */
typedef struct plmr_laid {
    const plmr_deal *deal;
    const plmr_ring *ring;
} plmr_laid;
plmr_dealt plmr_laid_dealt(const plmr_laid *laid);

/* The part's elements of a whole vector; 0 in the padding. */
void plmr_part_pick(const plmr_part *part, const plmr_deal *deal, const float *elements, float *picked);
