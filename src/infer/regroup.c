#include "infer/regroup.h"

#include <stdlib.h>

#include "base/memory.h"
#include "ranks/redistribute.h"

/* What one core holds of one key-value head is a piece; pieces are numbered by head, then by core. */
struct pieces {
    const plmr_regroup *r;
    int width; /* elements of a row */
    int *kv;   /* the heads of which this rank is the owner */
};

/* Messages under way take no more than the activations themselves. */
enum { MOST_BYTES = 16 << 20 };

static int64_t list_columns(const void *context, int place, int32_t *elements)
{
    const plmr_regroup *r = ((const struct pieces *)context)->r;
    const plmr_heads *heads = &r->grid->heads;
    plmr_part part = plmr_part_of(r->deal, r->grid->x, place);
    for (int c = 0; c < part.n_chunks && elements; c++)
        for (int j = 0; j < heads->n_per_core; j++) {
            int chunk = plmr_part_chunk(&part, c), kv = chunk / heads->span * heads->n_per_core + j;
            *elements++ = kv < heads->n_kv ? kv * heads->span + chunk % heads->span : -1;
        }
    return (int64_t)part.n_chunks * heads->n_per_core;
}

static void *at_columns(const void *context, int64_t row, int64_t number)
{
    const struct pieces *p = context;
    return p->r->columns + (size_t)row * p->r->ld + number * p->width;
}

static int64_t list_heads(const void *context, int place, int32_t *elements)
{
    const plmr_regroup *r = ((const struct pieces *)context)->r;
    int span = r->grid->heads.span, n = 0;
    for (int kv = 0; kv < r->grid->heads.n_kv; kv++)
        for (int part = 0; part < span && r->owner[kv] == place; part++, n++)
            if (elements)
                elements[n] = kv * span + part;
    return n;
}

static void *at_heads(const void *context, int64_t row, int64_t number)
{
    const struct pieces *p = context;
    int span = p->r->grid->heads.span;
    return p->r->head[p->kv[number / span]] + row * span * p->width + number % span * p->width;
}

void plmr_regroup_run(const plmr_regroup *r, bool to_heads)
{
    const plmr_heads *heads = &r->grid->heads;
    struct pieces p = {.r = r, .width = r->deal->size / heads->n_per_core};
    p.kv = plmr_take((size_t)heads->n_kv * sizeof *p.kv);
    for (int kv = 0, n = 0; kv < heads->n_kv; kv++)
        if (r->owner[kv] == plmr_ranks_place(r->grid->ranks, PLMR_X))
            p.kv[n++] = kv;
    plmr_dealt rows = {.axis = PLMR_WHOLE, .n = r->n_rows};
    plmr_dealt cols = {PLMR_X, (int64_t)heads->n_kv * heads->span, list_columns, &p};
    plmr_spread_matrix columns = {rows, cols, at_columns, 1, &p}, by_heads = {rows, cols, at_heads, 1, &p};
    by_heads.cols.list = list_heads;
    plmr_redistribute(r->grid->ranks, to_heads ? &columns : &by_heads, to_heads ? &by_heads : &columns,
                      (size_t)p.width * sizeof(float), MOST_BYTES);
    free(p.kv);
}
