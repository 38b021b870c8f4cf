#include "infer/strips.h"

#include <stdlib.h>
#include <string.h>

#include "base/larger.h"
#include "base/memory.h"

/* Bytes of a block, as it is multiplied, or one chunk; for few rows of A. */
enum { BLOCK_BYTES = 4 << 20, NEAR_BYTES = BLOCK_BYTES / 4, FEW_ROWS = 64 };

/* Rows of a strip that are multiplied together. */
enum { K_APART = 256 };

static int64_t rows_of(const plmr_strips *s, int place)
{
    const plmr_matrix_layout *layout = &s->matrix->layout;
    plmr_part part = plmr_part_of(layout->in, layout->in_ring, place);
    return plmr_part_places(&part, layout->in);
}

/* What a rank brings to n columns: elements, and bytes as they travel. */
static int64_t place_elements(const plmr_strips *s, int64_t n)
{
    return plmr_ceil_div(n, PLMR_STRIP_COLS) * s->n_in * PLMR_STRIP_COLS;
}

static size_t place_bytes(const plmr_strips *s, int64_t n)
{
    return (size_t)place_elements(s, n) * plmr_dtype_bytes(s->matrix->dtype);
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

static void turn_columns(const plmr_strips *s, int64_t first, int64_t n, char *to)
{
    plmr_matrix_strips(s->matrix, first, n, to, PLMR_STRIP_COLS, place_elements(s, PLMR_STRIP_COLS));
}

/* This rank's rows, and those of all others, to where they belong in the block. */
static void post(plmr_strips *s)
{
    int me = plmr_ranks_place(s->ranks, PLMR_Y);
    int64_t n = plmr_clip(s->posted, s->most, s->matrix->n_out);
    size_t n_bytes = place_bytes(s, n);
    s->turn = !s->turn;
    char *block = s->memory[s->turn];
    char *own = s->shelf ? plmr_shelf_next(s->shelf) : block + (size_t)me * n_bytes;
    turn_columns(s, s->posted, n, own);
    for (int place = 0; place < s->n_places; place++)
        if (place != me)
            trade(s, place, block + (size_t)place * n_bytes, own, n_bytes);
    s->posted += n;
}

/* ---- widening ---- */

/* Of a slot: whose rows, and the first of them. */
static plmr_strips_run run_of(const plmr_strips *s, int slot)
{
    const plmr_matrix_layout *layout = &s->matrix->layout;
    int place = 0, number = -1;
    for (; number < 0; place++) {
        plmr_part part = plmr_part_of(layout->in, layout->in_ring, place);
        number = plmr_part_index(&part, slot);
    }
    number = layout->in_order ? layout->in_order->index[slot] : number;
    return (plmr_strips_run){place - 1, (int64_t)number * layout->in->size, layout->in->size};
}

static void list_runs(plmr_strips *s)
{
    const plmr_deal *in = s->matrix->layout.in;
    s->line = plmr_take_zeroed((size_t)in->n_slots, sizeof *s->line);
    s->run = plmr_take((size_t)in->n_filled * sizeof *s->run + 1);
    for (int slot = 0; slot < in->n_filled; slot++) {
        plmr_strips_run run = run_of(s, slot), *last = s->n_runs ? &s->run[s->n_runs - 1] : NULL;
        s->line[slot] = s->wide + (int64_t)slot * in->size * PLMR_STRIP_COLS;
        if (last && last->place == run.place && last->first + last->n == run.first)
            last->n += run.n;
        else
            s->run[s->n_runs++] = run;
    }
}

/* Strip i of the block, once for all rows of A: from that of each place to the order of the slots. */
static void widen(const plmr_strips *s, int64_t i, const char *const *strip)
{
    enum plmr_dtype dtype = s->matrix->dtype;
    float *to = s->wide + i * s->stride * PLMR_STRIP_COLS;
    for (int r = 0; r < s->n_runs; to += s->run[r++].n * PLMR_STRIP_COLS) {
        const char *from =
            strip[s->run[r].place] + (size_t)(s->run[r].first * PLMR_STRIP_COLS) * plmr_dtype_bytes(dtype);
        plmr_convert_to_float(dtype, s->run[r].n * PLMR_STRIP_COLS, from, to);
    }
}

static void widen_posted(const plmr_strips *s, int64_t n)
{
    for (int place = 0; place < s->n_places; place++)
        s->strip[place] = on_shelf(s, place) ? plmr_shelf_of(s->shelf, place)
                                             : s->memory[s->turn] + (size_t)place * place_bytes(s, n);
    for (int64_t i = 0; i * PLMR_STRIP_COLS < n; i++) {
        widen(s, i, s->strip);
        for (int place = 0; place < s->n_places; place++)
            s->strip[place] += place_bytes(s, PLMR_STRIP_COLS);
    }
}

/* As many columns at a time as are widened at once, or a strip: they stay in the nearest caches. */
static int64_t own_columns(const plmr_strips *s)
{
    return plmr_matrix_is_packed(s->matrix) ? PLMR_PACKED_COLS : PLMR_STRIP_COLS;
}

static void widen_own(const plmr_strips *s, int64_t first, int64_t n)
{
    for (int64_t at = 0, now; at < n; at += now) {
        now = plmr_clip(at, own_columns(s), n);
        turn_columns(s, first + at, now, s->memory[0]);
        for (int64_t i = 0; i < now; i += PLMR_STRIP_COLS) {
            s->strip[0] = s->memory[0] + (size_t)(i / PLMR_STRIP_COLS) * place_bytes(s, PLMR_STRIP_COLS);
            widen(s, (at + i) / PLMR_STRIP_COLS, s->strip);
        }
    }
}

/* ---- making them ---- */

/* About so many chunks of columns, but, of many, as many as whole register tiles have. */
static int64_t whole_tiles(int64_t chunks, int64_t size)
{
    int64_t unit = PLMR_MOST_SIDE;
    while (unit > 1 && size * unit / 2 % PLMR_MOST_SIDE == 0)
        unit /= 2;
    return chunks > unit / 2 ? (chunks + unit / 2) / unit * unit : chunks;
}

/* An odd number of K_APART: where strips lay a power of two apart, the same k of all of them would compete for the same few
 * places in the cache. */
static int64_t stride_of(int64_t n_rows)
{
    return (plmr_ceil_div(n_rows, K_APART) | 1) * K_APART;
}

static int64_t columns_of_a_block(const plmr_strips *s, int64_t n_bytes)
{
    int64_t size = s->matrix->layout.out->size;
    size_t chunk_bytes = (size_t)(plmr_deal_places(s->matrix->layout.in) * size) * sizeof(float);
    int64_t chunks = chunk_bytes ? n_bytes / (int64_t)chunk_bytes : 1;
    return plmr_clip(0, whole_tiles(plmr_larger(chunks, 1), size) * size, s->matrix->n_out);
}

static void fill(plmr_strips *s, int64_t n_rows)
{
    for (int place = 0; place < s->n_places; place++)
        s->n_in = plmr_larger(rows_of(s, place), s->n_in);
    if (s->matrix->n_out == 0)
        return;
    s->most = columns_of_a_block(s, n_rows < FEW_ROWS ? NEAR_BYTES : BLOCK_BYTES);
    size_t n_bytes = (size_t)s->n_places * place_bytes(s, s->n_places > 1 ? s->most : own_columns(s));
    s->memory[0] = plmr_take_zeroed(s->n_places > 1 ? 2 : 1, n_bytes + 1);
    s->memory[1] = s->memory[0] + n_bytes;
    s->stride = stride_of(plmr_deal_places(s->matrix->layout.in));
    int64_t n_wide = plmr_ceil_div(s->most, PLMR_STRIP_COLS) * PLMR_STRIP_COLS * s->stride;
    s->wide = plmr_spare_take(s->spare, (size_t)n_wide * sizeof *s->wide);
    s->strip = plmr_take((size_t)s->n_places * sizeof *s->strip);
    list_runs(s);
    if (s->n_places == 1 || place_bytes(s, s->most) > PLMR_SHELF_BYTES)
        s->shelf = NULL;
    if (s->n_places == 1)
        return;
    s->words = plmr_take((size_t)s->n_places);
    s->messages = plmr_exchange_create(s->ranks, "a gather of strips");
    post(s);
}

plmr_strips *plmr_strips_create(const plmr_matrix *matrix, plmr_ranks *ranks, plmr_shelf *shelf, int64_t n_rows,
                                plmr_spare *spare)
{
    plmr_strips *s = plmr_take_zeroed(1, sizeof *s);
    const plmr_ring *ring = matrix->layout.in_ring;
    *s = (plmr_strips){.matrix = matrix,
                       .ranks = ranks,
                       .n_places = ring ? plmr_ranks_extent(ranks, PLMR_Y) : 1,
                       .shelf = shelf,
                       .spare = spare};
    fill(s, n_rows);
    return s;
}

void plmr_strips_destroy(plmr_strips *s)
{
    plmr_exchange_destroy(s->messages);
    free(s->words);
    free(s->memory[0]);
    if (s->wide)
        plmr_spare_give(s->spare);
    free(s->strip);
    free(s->run);
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
    if (!s->messages) {
        widen_own(s, *first, *n);
        return true;
    }
    plmr_exchange_wait(s->messages);
    widen_posted(s, *n);
    if (s->posted < s->matrix->n_out)
        post(s);
    return true;
}

void plmr_strips_poll(plmr_strips *s)
{
    if (s->messages)
        plmr_exchange_poll(s->messages);
}
