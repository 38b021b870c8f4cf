#include "infer/gather.h"

#include <stdlib.h>

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

/* This rank's columns of a block, k-major; a few rows at a time, so that they stay in the cache meanwhile. */
static void transpose(const plmr_gather *g, int64_t first, int64_t n, float *to)
{
    enum { ROWS = 16 };
    int64_t n_cols = columns_of(g, plmr_ranks_place(g->grid->ranks, PLMR_X));
    for (int64_t row = 0; row < n; row += ROWS) {
        int64_t end = row + ROWS < n ? row + ROWS : n;
        for (int64_t c = 0; c < n_cols; c++)
            for (int64_t r = row; r < end; r++)
                to[c * n + r] = g->values[(size_t)(first + r) * g->ld + (size_t)c];
    }
}

static void post(plmr_gather *g, int turn)
{
    int64_t n = block_rows(g, g->posted);
    int me = plmr_ranks_place(g->grid->ranks, PLMR_X);
    transpose(g, g->posted, n, g->part[turn][me]);
    for (int place = 0; place < n_places(g); place++) {
        size_t theirs = (size_t)(columns_of(g, place) * n) * sizeof(float);
        size_t mine = (size_t)(columns_of(g, me) * n) * sizeof(float);
        if (place == me)
            continue;
        plmr_exchange_receive(g->messages, PLMR_X, place, g->part[turn][place], theirs);
        plmr_exchange_send(g->messages, PLMR_X, place, g->part[turn][me], mine);
    }
    g->posted += n;
}

static void fill(plmr_gather *g)
{
    int64_t n_all = 0;
    for (int place = 0; place < n_places(g); place++)
        n_all += columns_of(g, place);
    int64_t rows = block_rows(g, 0);
    g->memory = plmr_take((size_t)(2 * n_all * rows) * sizeof *g->memory);
    g->line = plmr_take_zeroed((size_t)g->deal->n_slots, sizeof *g->line);
    g->part[0] = plmr_take_zeroed(2 * (size_t)n_places(g), sizeof *g->part[0]);
    g->part[1] = g->part[0] + n_places(g);
    float *at = g->memory;
    for (int turn = 0; turn < 2; turn++)
        for (int place = 0; place < n_places(g); at += columns_of(g, place++) * rows)
            g->part[turn][place] = at;
    g->messages = plmr_exchange_create(g->grid->ranks, "a gather of activations");
}

plmr_gather *plmr_gather_create(const plmr_grid *grid, const plmr_deal *deal, const float *values, size_t ld,
                                int64_t n_rows, int64_t most_rows)
{
    plmr_gather *g = plmr_take_zeroed(1, sizeof *g);
    *g =
        (plmr_gather){.grid = grid, .deal = deal, .values = values, .ld = ld, .n_rows = n_rows, .most_rows = most_rows};
    fill(g);
    post(g, 0);
    return g;
}

void plmr_gather_destroy(plmr_gather *g)
{
    if (!g)
        return;
    plmr_exchange_destroy(g->messages);
    free(g->part[0]);
    free(g->line);
    free(g->memory);
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
        g->line[slot] = g->part[g->turn][place] + (int64_t)plmr_part_index(&part, slot) * g->deal->size * *n;
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
