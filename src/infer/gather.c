#include "infer/gather.h"

#include <stdlib.h>

#include "base/larger.h"
#include "base/memory.h"

static int n_places(const plmr_gather *g)
{
    return plmr_ranks_extent(g->grid->ranks, PLMR_X);
}

static int64_t columns_of(const plmr_gather *g, int place)
{
    plmr_part part = plmr_part_of(g->deal, g->grid->x, place);
    return (int64_t)part.n_chunks * g->deal->size;
}

static int64_t block_rows(const plmr_gather *g, int64_t first)
{
    int64_t left = g->n_rows - first;
    return left < g->most_rows ? left : g->most_rows;
}

/* What a rank brings to n rows, in floats. */
static int64_t place_size(const plmr_gather *g, int64_t n)
{
    return plmr_ceil_div(n, g->width) * g->n_cols * g->width;
}

/* This rank's columns of a strip, k-major; a few rows at a time, so that they stay in the cache meanwhile. */
static void transpose_strip(const plmr_gather *g, const float *from, int64_t n_rows, float *to)
{
    enum { ROWS = 16 };
    int64_t n_cols = columns_of(g, plmr_ranks_place(g->grid->ranks, PLMR_X));
    for (int64_t row = 0; row < n_rows; row += ROWS) {
        int64_t end = row + plmr_clip(row, ROWS, n_rows);
        for (int64_t c = 0; c < n_cols; c++)
            for (int64_t r = row; r < end; r++)
                to[c * g->width + r] = from[(size_t)r * g->ld + (size_t)c];
    }
}

static void transpose(const plmr_gather *g, int64_t first, int64_t n, float *to)
{
    for (int64_t row = 0; row < n; row += g->width)
        transpose_strip(g, g->values + (size_t)(first + row) * g->ld, plmr_clip(row, g->width, n),
                        to + row * g->n_cols);
}

static void post(plmr_gather *g, int turn)
{
    int64_t n = block_rows(g, g->posted), n_floats = place_size(g, n);
    int me = plmr_ranks_place(g->grid->ranks, PLMR_X);
    float *block = g->memory[turn], *own = block + me * n_floats;
    transpose(g, g->posted, n, own);
    for (int place = 0; place < n_places(g); place++) {
        if (place == me)
            continue;
        plmr_exchange_receive(g->messages, PLMR_X, place, block + place * n_floats, (size_t)n_floats * sizeof *own);
        plmr_exchange_send(g->messages, PLMR_X, place, own, (size_t)n_floats * sizeof *own);
    }
    g->posted += n;
}

static void fill(plmr_gather *g)
{
    for (int place = 0; place < n_places(g); place++)
        g->n_cols = plmr_larger(columns_of(g, place), g->n_cols);
    int64_t n = block_rows(g, 0);
    int64_t n_floats = n_places(g) * place_size(g, n);
    g->memory[0] = plmr_spare_take(g->spare, (g->n_rows > n ? 2 : 1) * (size_t)n_floats * sizeof *g->memory[0]);
    g->memory[1] = g->memory[0] + n_floats;
    g->line = plmr_take_zeroed((size_t)g->deal->n_slots, sizeof *g->line);
    g->messages = plmr_exchange_create(g->grid->ranks, "a gather of activations");
}

plmr_gather *plmr_gather_create(const plmr_grid *grid, const plmr_deal *deal, const float *values, size_t ld,
                                int64_t n_rows, int64_t most_rows, plmr_spare *spare)
{
    plmr_gather *g = plmr_take_zeroed(1, sizeof *g);
    *g = (plmr_gather){.grid = grid,
                       .deal = deal,
                       .values = values,
                       .ld = ld,
                       .n_rows = n_rows,
                       .most_rows = most_rows,
                       .width = grid->strip_rows,
                       .spare = spare};
    fill(g);
    post(g, 0);
    return g;
}

void plmr_gather_destroy(plmr_gather *g)
{
    if (!g)
        return;
    plmr_exchange_destroy(g->messages);
    free(g->line);
    plmr_spare_give(g->spare);
    free(g);
}

bool plmr_gather_next(plmr_gather *g, int64_t *first, int64_t *n)
{
    int64_t end = g->posted, last_end = end ? (end - 1) / g->most_rows * g->most_rows : 0;
    plmr_exchange_wait(g->messages);
    *first = last_end;
    *n = g->turn < 0 ? 0 : end - last_end;
    if (*n == 0)
        return false;
    for (int slot = 0; slot < g->deal->n_filled; slot++) {
        int place = plmr_ring_owner(g->grid->x, slot);
        plmr_part part = plmr_part_of(g->deal, g->grid->x, place);
        g->line[slot] = g->memory[g->turn] + place * place_size(g, *n) +
                        (int64_t)plmr_part_index(&part, slot) * g->deal->size * g->width;
    }
    bool more = end < g->n_rows;
    if (more)
        post(g, !g->turn);
    g->turn = more ? !g->turn : -1;
    return true;
}

void plmr_gather_poll(plmr_gather *g)
{
    plmr_exchange_poll(g->messages);
}
