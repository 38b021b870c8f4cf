#include "infer/stream.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "ranks/redistribute.h"

/* Bytes under way at a time. */
enum { MOST_BYTES = 16 << 20 };

void plmr_stream_free(plmr_stream *stream)
{
    free(stream->values);
    stream->values = NULL;
}

/* ---- lists ---- */

/* The first place has all. */
static int64_t list_all(const void *context, int place, int32_t *elements)
{
    int64_t n = place == 0 ? *(const int64_t *)context : 0;
    for (int64_t i = 0; i < n && elements; i++)
        elements[i] = (int32_t)i;
    return n;
}

/* Of rows [first, first + n) those that a place has. */
struct rows {
    const plmr_stream *stream;
    int64_t first, n;
    int32_t *local; /* of this rank: which of its rows they are */
};

static int64_t list_rows(const void *context, int place, int32_t *elements)
{
    const struct rows *r = context;
    const plmr_deal *tokens = &r->stream->tokens;
    plmr_part part = plmr_part_folded(tokens, plmr_ranks_extent(r->stream->grid->ranks, PLMR_Y), place);
    int64_t n = 0;
    for (int64_t i = 0; i < plmr_part_places(&part, tokens); i++) {
        int64_t row = plmr_part_place(&part, tokens, i);
        if (row < r->first || row >= r->first + r->n || row >= tokens->n)
            continue;
        if (elements)
            elements[n] = (int32_t)(row - r->first);
        n++;
    }
    return n;
}

static void find_local(struct rows *r)
{
    const plmr_deal *tokens = &r->stream->tokens;
    int32_t n = 0;
    for (int64_t i = 0; i < plmr_part_places(&r->stream->rows, tokens); i++) {
        int64_t row = plmr_part_place(&r->stream->rows, tokens, i);
        if (row >= r->first && row < r->first + r->n && row < tokens->n)
            r->local[n++] = (int32_t)i;
    }
}

/* ---- memory ---- */

struct memory {
    float *values;
    size_t ld;
    const int32_t *row; /* NULL: rows as they are numbered */
};

static void *at(const void *context, int64_t row, int64_t col)
{
    const struct memory *m = context;
    return m->values + (size_t)(m->row ? m->row[row] : row) * m->ld + (size_t)col;
}

/* ---- moves ---- */

static void from_prompt(const plmr_stream *s, const plmr_grid *grid, int64_t first, int64_t n, float *rows, size_t ld)
{
    struct rows chosen = {s, first, n, plmr_take((size_t)n * sizeof *chosen.local)};
    plmr_laid x = {&s->grid->dim_x, s->grid->x}, y = {&grid->dim, grid->y};
    find_local(&chosen);
    struct memory from = {s->values, s->ld, chosen.local}, to = {rows, ld, NULL};
    plmr_spread_matrix before = {{PLMR_Y, n, list_rows, &chosen}, plmr_laid_dealt(&x), at, INT64_MAX, &from};
    plmr_spread_matrix after = {{PLMR_WHOLE, n, NULL, NULL}, plmr_laid_dealt(&y), at, INT64_MAX, &to};
    plmr_redistribute(grid->ranks, &before, &after, sizeof *rows, MOST_BYTES);
    free(chosen.local);
}

void plmr_stream_rows(const plmr_stream *s, const plmr_grid *grid, int64_t first, int64_t n, float *rows, size_t ld)
{
    plmr_part part = plmr_part_here(&grid->dim, grid->y);
    size_t n_bytes = (size_t)plmr_part_places(&part, &grid->dim) * sizeof *rows;
    PLMR_ASSERT(s->values && first + n <= s->tokens.n);
    if (s->phase == PLMR_PREFILL)
        from_prompt(s, grid, first, n, rows, ld);
    for (int64_t i = 0; i < n && s->phase == PLMR_DECODE; i++)
        memcpy(rows + (size_t)i * ld, s->values + (size_t)(first + i) * s->ld, n_bytes);
}

void plmr_bring_rows(const plmr_grid *grid, const plmr_deal *deal, const plmr_ring *ring, int64_t n, float *rows,
                     size_t ld, float *whole)
{
    int other = ring->axis == PLMR_X ? PLMR_Y : PLMR_X;
    plmr_laid cols = {deal, ring};
    struct memory from = {rows, ld, NULL}, to = {whole, (size_t)deal->n, NULL};
    plmr_spread_matrix before = {{PLMR_WHOLE, n, NULL, NULL}, plmr_laid_dealt(&cols), at, INT64_MAX, &from};
    plmr_spread_matrix after = {
        {other, n, list_all, &n}, {(int)ring->axis, deal->n, list_all, &deal->n}, at, INT64_MAX, &to};
    plmr_redistribute(grid->ranks, &before, &after, sizeof *rows, MOST_BYTES);
}
