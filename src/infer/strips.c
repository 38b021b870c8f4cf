#include "infer/strips.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* Bytes of a block, of which two are in memory, or one chunk; for few rows of A. */
enum { BLOCK_BYTES = 2 << 20, NEAR_BYTES = BLOCK_BYTES / 4, FEW_ROWS = 64 };

static int64_t rows_of(const plmr_strips *s, int place)
{
    const plmr_matrix_layout *layout = &s->matrix->layout;
    plmr_part part = plmr_part_of(layout->in, layout->in_ring, place);
    return plmr_part_places(&part, layout->in);
}

static size_t row_bytes(const plmr_strips *s, int64_t n_columns)
{
    return (size_t)n_columns * plmr_dtype_bytes(s->matrix->dtype);
}

/* What a rank brings to n columns. */
static size_t place_bytes(const plmr_strips *s, int64_t n)
{
    return (size_t)(plmr_ceil_div(n, PLMR_STRIP_COLS) * s->n_in) * row_bytes(s, PLMR_STRIP_COLS);
}

static bool on_shelf(const plmr_strips *s, int place)
{
    return s->shelf && plmr_shelf_reaches(s->shelf, place);
}

/* This rank's rows are there for those that see them; the others are sent them. */
static void trade(plmr_strips *s, int place, char *to, const char *own, size_t n_bytes)
{
    static const char word = 1;
    bool sees = on_shelf(s, place);
    plmr_exchange_receive(s->messages, PLMR_Y, place, sees ? &s->words[place] : to, sees ? 1 : n_bytes);
    plmr_exchange_send(s->messages, PLMR_Y, place, sees ? &word : own, sees ? 1 : n_bytes);
}

/* This rank's rows, and those of all others, to where they belong in the block. */
static void post(plmr_strips *s)
{
    int me = s->messages ? plmr_ranks_place(s->ranks, PLMR_Y) : 0;
    int64_t n = plmr_clip(s->posted, s->most, s->matrix->n_out);
    size_t n_bytes = place_bytes(s, n);
    s->turn = s->messages ? !s->turn : 0;
    char *block = s->memory[s->turn];
    char *own = s->shelf ? plmr_shelf_next(s->shelf) : block + (size_t)me * n_bytes, *to = own;
    for (int64_t i = 0; i < n; i += PLMR_STRIP_COLS, to += place_bytes(s, PLMR_STRIP_COLS))
        plmr_matrix_columns(s->matrix, s->posted + i, plmr_clip(i, PLMR_STRIP_COLS, n), to, PLMR_STRIP_COLS);
    for (int place = 0; place < s->n_places; place++)
        if (place != me)
            trade(s, place, block + (size_t)place * n_bytes, own, n_bytes);
    s->posted += n;
}

/* Where the rows of a place begin, in its first strip. */
static void list_place(const plmr_strips *s, int place, const char *at)
{
    const plmr_matrix_layout *layout = &s->matrix->layout;
    plmr_part part = plmr_part_of(layout->in, layout->in_ring, place);
    for (int i = 0; i < part.n_chunks; i++) {
        int slot = plmr_part_chunk(&part, i), number = layout->in_order ? layout->in_order->index[slot] : i;
        s->line[slot] = at + (size_t)((int64_t)number * layout->in->size) * row_bytes(s, PLMR_STRIP_COLS);
    }
}

static void list_lines(const plmr_strips *s, const char *block, int64_t n)
{
    for (int place = 0; place < s->n_places; place++)
        list_place(s, place,
                   on_shelf(s, place) ? plmr_shelf_of(s->shelf, place) : block + (size_t)place * place_bytes(s, n));
}

/* About so many chunks of columns, but, of many, as many as whole register tiles have. */
static int64_t whole_tiles(int64_t chunks, int64_t size)
{
    int64_t unit = PLMR_MOST_SIDE;
    while (unit > 1 && size * unit / 2 % PLMR_MOST_SIDE == 0)
        unit /= 2;
    return chunks > unit / 2 ? (chunks + unit / 2) / unit * unit : chunks;
}

static int64_t columns_of_a_block(const plmr_strips *s, int64_t n_bytes)
{
    int64_t size = s->matrix->layout.out->size;
    size_t chunk_bytes = (size_t)(s->n_places * s->n_in) * row_bytes(s, size);
    int64_t chunks = chunk_bytes ? n_bytes / (int64_t)chunk_bytes : 1;
    return plmr_clip(0, whole_tiles(chunks < 1 ? 1 : chunks, size) * size, s->matrix->n_out);
}

static void fill(plmr_strips *s, int64_t n_rows)
{
    for (int place = 0; place < s->n_places; place++)
        s->n_in = rows_of(s, place) > s->n_in ? rows_of(s, place) : s->n_in;
    s->line = plmr_take_zeroed((size_t)s->matrix->layout.in->n_slots, sizeof *s->line);
    if (s->matrix->n_out == 0)
        return;
    s->most = columns_of_a_block(s, n_rows < FEW_ROWS ? NEAR_BYTES : BLOCK_BYTES);
    size_t n_bytes = (size_t)s->n_places * place_bytes(s, s->most);
    s->memory[0] = plmr_take_zeroed(s->n_places > 1 ? 2 : 1, n_bytes + 1);
    s->memory[1] = s->memory[0] + n_bytes;
    if (s->n_places == 1 || place_bytes(s, s->most) > PLMR_SHELF_BYTES)
        s->shelf = NULL;
    if (s->n_places == 1)
        return;
    s->words = plmr_take((size_t)s->n_places);
    s->messages = plmr_exchange_create(s->ranks, "a gather of strips");
    post(s);
}

plmr_strips *plmr_strips_create(const plmr_matrix *matrix, plmr_ranks *ranks, plmr_shelf *shelf, int64_t n_rows)
{
    plmr_strips *s = plmr_take_zeroed(1, sizeof *s);
    const plmr_ring *ring = matrix->layout.in_ring;
    *s = (plmr_strips){
        .matrix = matrix, .ranks = ranks, .n_places = ring ? plmr_ranks_extent(ranks, PLMR_Y) : 1, .shelf = shelf};
    fill(s, n_rows);
    return s;
}

void plmr_strips_destroy(plmr_strips *s)
{
    plmr_exchange_destroy(s->messages);
    free(s->words);
    free(s->memory[0]);
    free(s->line);
    free(s);
}

bool plmr_strips_next(plmr_strips *s, int64_t *first, int64_t *n)
{
    *first = s->taken;
    *n = plmr_clip(s->taken, s->most, s->matrix->n_out);
    s->taken += *n;
    if (*n == 0)
        return false;
    if (s->messages)
        plmr_exchange_wait(s->messages);
    else
        post(s);
    list_lines(s, s->memory[s->turn], *n);
    if (s->messages && s->posted < s->matrix->n_out)
        post(s);
    return true;
}

void plmr_strips_poll(plmr_strips *s)
{
    if (s->messages)
        plmr_exchange_poll(s->messages);
}
