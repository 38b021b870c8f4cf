#include "infer/strips.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* Bytes of a block, of which two are in memory; a strip at least. */
enum { BLOCK_BYTES = 4 << 20 };

static size_t element_bytes(const plmr_strips *s)
{
    return plmr_dtype_bytes(s->matrix->dtype);
}

static int64_t rows_of(const plmr_strips *s, int place)
{
    const plmr_matrix_layout *layout = &s->matrix->layout;
    plmr_part part = plmr_part_of(layout->in, layout->in_ring, place);
    return plmr_part_places(&part, layout->in);
}

static size_t row_bytes(const plmr_strips *s)
{
    return (size_t)s->matrix->pitch * element_bytes(s);
}

/* This rank's strips, and those of all others, to where they belong in the block. */
static void post(plmr_strips *s)
{
    int me = plmr_ranks_place(s->ranks, PLMR_Y);
    int64_t n = plmr_clip(s->posted, s->most, s->n_all);
    s->turn = !s->turn;
    for (int64_t i = 0; i < n; i++) {
        char *to = s->memory[s->turn] + (size_t)(i * s->n_in) * row_bytes(s);
        const char *own = plmr_matrix_at(s->matrix, s->posted + i, 0);
        size_t own_bytes = (size_t)s->matrix->n_in * row_bytes(s);
        for (int place = 0; place < s->n_places; to += (size_t)rows_of(s, place++) * row_bytes(s)) {
            if (place == me && own_bytes)
                memcpy(to, own, own_bytes);
            if (place == me)
                continue;
            plmr_exchange_receive(s->messages, PLMR_Y, place, to, (size_t)rows_of(s, place) * row_bytes(s));
            plmr_exchange_send(s->messages, PLMR_Y, place, own, own_bytes);
        }
    }
    s->posted += n;
}

/* Rows of a place begin `first` rows into a strip. */
static void list_place(const plmr_strips *s, int place, const char *strip, int64_t first)
{
    const plmr_matrix_layout *layout = &s->matrix->layout;
    plmr_part part = plmr_part_of(layout->in, layout->in_ring, place);
    for (int i = 0; i < part.n_chunks; i++) {
        int slot = plmr_part_chunk(&part, i), number = layout->in_order ? layout->in_order->index[slot] : i;
        s->line[slot] = strip + (size_t)(first + (int64_t)number * layout->in->size) * row_bytes(s);
    }
}

static void list_lines(const plmr_strips *s, const char *strip)
{
    int64_t first = 0;
    for (int place = 0; place < s->n_places; first += rows_of(s, place++))
        list_place(s, place, strip, first);
}

static void fill(plmr_strips *s)
{
    const plmr_matrix *m = s->matrix;
    for (int place = 0; place < s->n_places; place++)
        s->n_in += rows_of(s, place);
    s->line = plmr_take_zeroed((size_t)m->layout.in->n_slots, sizeof *s->line);
    s->strip_stride = s->n_in * m->pitch;
    s->n_all = m->n_out ? plmr_ceil_div(m->n_out, m->strip) : 0;
    s->most = s->n_all;
    if (s->n_places == 1 || s->n_all == 0)
        return;
    size_t strip_bytes = (size_t)s->n_in * row_bytes(s);
    s->most = (int64_t)(BLOCK_BYTES / strip_bytes);
    s->most = s->most < 1 ? 1 : s->most < s->n_all ? s->most : s->n_all;
    s->memory[0] = plmr_take(2 * (size_t)s->most * strip_bytes);
    s->memory[1] = s->memory[0] + (size_t)s->most * strip_bytes;
    s->messages = plmr_exchange_create(s->ranks);
    post(s);
}

plmr_strips *plmr_strips_create(const plmr_matrix *matrix, plmr_ranks *ranks)
{
    plmr_strips *s = plmr_take_zeroed(1, sizeof *s);
    const plmr_ring *ring = matrix->layout.in_ring;
    *s = (plmr_strips){.matrix = matrix, .ranks = ranks, .n_places = ring ? plmr_ranks_extent(ranks, PLMR_Y) : 1};
    fill(s);
    return s;
}

void plmr_strips_destroy(plmr_strips *s)
{
    plmr_exchange_destroy(s->messages);
    free(s->memory[0]);
    free(s->line);
    free(s);
}

bool plmr_strips_next(plmr_strips *s, int64_t *first, int64_t *n)
{
    *first = s->taken;
    *n = plmr_clip(s->taken, s->most, s->n_all);
    s->taken += *n;
    if (*n == 0)
        return false;
    if (!s->messages) {
        list_lines(s, plmr_matrix_at(s->matrix, 0, 0));
        return true;
    }
    plmr_exchange_wait(s->messages);
    list_lines(s, s->memory[s->turn]);
    if (s->posted < s->n_all)
        post(s);
    return true;
}

void plmr_strips_poll(plmr_strips *s)
{
    if (s->messages)
        plmr_exchange_poll(s->messages);
}
