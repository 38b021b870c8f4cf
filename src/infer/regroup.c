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

/* A regroup as a move between two sides. */
struct sides {
    struct pieces pieces;
    plmr_spread_matrix columns, heads;
};

static void make_sides(const plmr_regroup *r, struct sides *s)
{
    const plmr_heads *heads = &r->grid->heads;
    struct pieces *p = &s->pieces;
    *p = (struct pieces){r, r->deal->size / heads->n_per_core, plmr_take((size_t)heads->n_kv * sizeof *p->kv)};
    for (int kv = 0, n = 0; kv < heads->n_kv; kv++)
        if (r->owner[kv] == plmr_ranks_place(r->grid->ranks, PLMR_X))
            p->kv[n++] = kv;
    plmr_dealt rows = {.axis = PLMR_WHOLE, .n = r->n_rows};
    plmr_dealt cols = {PLMR_X, (int64_t)heads->n_kv * heads->span, list_columns, p};
    s->columns = (plmr_spread_matrix){rows, cols, at_columns, 1, p};
    s->heads = (plmr_spread_matrix){rows, cols, at_heads, 1, p};
    s->heads.cols.list = list_heads;
}

/* ---- where all pieces of this rank's columns are its own heads', and all of those heads' ---- */

static bool stays_here(const plmr_regroup *r)
{
    const plmr_heads *heads = &r->grid->heads;
    plmr_part part = plmr_part_here(r->deal, r->grid->x);
    for (int kv = 0; kv < heads->n_kv; kv++) {
        int first = kv / heads->n_per_core * heads->span, n = 0;
        for (int run = 0; run < part.n_runs; run++) {
            int from = part.runs[run].first, to = from + part.runs[run].count;
            from = from > first ? from : first;
            to = to < first + heads->span ? to : first + heads->span;
            n += to > from ? to - from : 0;
        }
        if (n != (r->owner[kv] == plmr_ranks_place(r->grid->ranks, PLMR_X) ? heads->span : 0))
            return false;
    }
    return true;
}

/* A run of chunks, whose first begins at `column`. */
static void copy_run(const plmr_regroup *r, plmr_run run, int64_t row, float *column, bool to_heads)
{
    const plmr_heads *heads = &r->grid->heads;
    int width = r->deal->size / heads->n_per_core, group = run.first / heads->span, part = run.first % heads->span;
    for (int c = 0; c < run.count; c++) {
        for (int kv = group * heads->n_per_core; kv < (group + 1) * heads->n_per_core; kv++, column += width) {
            if (kv >= heads->n_kv)
                continue;
            float *piece = r->head[kv] + (row * heads->span + part) * width;
            for (int i = 0; i < width; i++)
                *(to_heads ? &piece[i] : &column[i]) = to_heads ? column[i] : piece[i];
        }
        group += ++part == heads->span;
        part = part == heads->span ? 0 : part;
    }
}

static void copy_here(const plmr_regroup *r, bool to_heads)
{
    plmr_part part = plmr_part_here(r->deal, r->grid->x);
    for (int64_t row = 0; row < r->n_rows; row++) {
        float *column = r->columns + (size_t)row * r->ld;
        for (int run = 0; run < part.n_runs; column += part.runs[run++].count * r->deal->size)
            copy_run(r, part.runs[run], row, column, to_heads);
    }
}

/* Other ranks do not hear of what stays here. */
void plmr_regroup_run(const plmr_regroup *regroups, int n_all, bool to_heads)
{
    struct sides *sides = plmr_take((size_t)n_all * sizeof *sides);
    plmr_redistribution *moves = plmr_take((size_t)n_all * sizeof *moves);
    int n = 0;
    for (int i = 0; i < n_all; i++) {
        if (stays_here(&regroups[i])) {
            copy_here(&regroups[i], to_heads);
            continue;
        }
        struct sides *s = &sides[n];
        make_sides(&regroups[i], s);
        moves[n++] = (plmr_redistribution){to_heads ? &s->columns : &s->heads, to_heads ? &s->heads : &s->columns,
                                           (size_t)s->pieces.width * sizeof(float)};
    }
    if (n)
        plmr_redistribute_all(regroups->grid->ranks, moves, n, MOST_BYTES);
    for (int i = 0; i < n; i++)
        free(sides[i].pieces.kv);
    free(moves);
    free(sides);
}
