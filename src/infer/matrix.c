#include "infer/matrix.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "ranks/redistribute.h"

/* Columns of a strip, about: partial results of so many stay in the first-level cache. Elements of a row that begin and
 * end with a cache line, whatever their type. */
enum { STRIP = 256, LINE = 32 };

static int64_t round_up(int64_t n, int64_t unit)
{
    return plmr_ceil_div(n, unit) * unit;
}

/* Chunks of a strip: of nearly equal strips, but of such as fill their lines if there are any not much wider. */
static int64_t choose_chunks(int64_t size, int64_t n_chunks)
{
    int64_t n_strips = plmr_ceil_div(n_chunks * size, STRIP > size ? STRIP : size);
    int64_t even = n_strips ? plmr_ceil_div(n_chunks, n_strips) : 1;
    for (int64_t chunks = even; chunks <= 2 * even && chunks < n_chunks; chunks++)
        if (chunks * size % LINE == 0)
            return chunks;
    return even;
}

static void choose_strip(plmr_matrix *m)
{
    m->strip = choose_chunks(m->layout.out->size, m->out.n_chunks) * m->layout.out->size;
    m->pitch = m->strip < LINE ? m->strip : round_up(m->strip, LINE);
}

static int64_t count_strips(const plmr_matrix *m)
{
    return plmr_ceil_div(m->n_out, m->strip);
}

static size_t byte_count(const plmr_matrix *m)
{
    return (size_t)(count_strips(m) * m->pitch * m->n_in) * plmr_dtype_bytes(m->dtype);
}

plmr_status plmr_matrix_create(const plmr_matrix_layout *layout, enum plmr_dtype dtype, plmr_matrix *matrix)
{
    *matrix = (plmr_matrix){
        .layout = *layout,
        .dtype = dtype,
        .in = plmr_part_here(layout->in, layout->in_ring),
        .out = plmr_part_here(layout->out, layout->out_ring),
    };
    matrix->n_in = (int64_t)matrix->in.n_chunks * layout->in->size;
    matrix->n_out = (int64_t)matrix->out.n_chunks * layout->out->size;
    choose_strip(matrix);
    size_t n_bytes = byte_count(matrix);
    if (n_bytes == 0)
        return PLMR_OK;
    matrix->data = plmr_slab_create(n_bytes);
    PLMR_CHECK(matrix->data, PLMR_ERROR_SYSTEM, "out of memory for weights: %zu bytes on this rank; use more ranks",
               n_bytes);
    if (matrix->n_out % matrix->pitch)
        memset(matrix->data, 0, n_bytes);
    return PLMR_OK;
}

void plmr_matrix_free(plmr_matrix *matrix)
{
    plmr_slab_destroy(matrix->data);
    matrix->data = NULL;
}

/* Elements of rows, as they are stored: -1 is padding. */
static void list_rows(const plmr_matrix *m, int32_t *elements)
{
    const plmr_deal *deal = m->layout.in;
    for (int c = 0; c < m->in.n_chunks; c++) {
        int chunk = plmr_part_chunk(&m->in, c);
        int32_t *to = elements + plmr_matrix_row(m, chunk);
        for (int i = 0; i < deal->size; i++)
            to[i] = (int32_t)plmr_deal_element(deal, (int64_t)chunk * deal->size + i);
    }
}

/* ---- loading ---- */

/* Columns that are read from the source together: a cache line of 16-bit elements is then written in one go. */
enum { AT_ONCE = 32 };

struct loader {
    plmr_matrix *m;
    const plmr_source *source;
    int32_t *in, *out;              /* elements of rows and columns */
    int64_t *at;                    /* by row: where its element lies in what is read of a column, -1: nowhere */
    int n_ranges;                   /* of elements that are read: of each run of chunks */
    int64_t low[2], high[2], width; /* width: of all ranges */
    int64_t ld;                     /* from column to column of rows: no power of two, so all fit the cache together */
    float *rows;                    /* AT_ONCE x width: the source's */
};

/* The elements of rows of a run: first and last of them. */
static void add_range(struct loader *l, const plmr_run *run)
{
    const plmr_matrix *m = l->m;
    int64_t low = INT64_MAX, high = 0;
    for (int c = 0; c < run->count; c++) {
        int64_t row = plmr_matrix_row(m, run->first + c);
        for (int64_t r = row; r < row + m->layout.in->size; r++)
            if (l->in[r] >= 0) {
                low = l->in[r] < low ? l->in[r] : low;
                high = l->in[r] >= high ? l->in[r] + 1 : high;
            }
    }
    for (int c = 0; c < run->count && low < high; c++) {
        int64_t row = plmr_matrix_row(m, run->first + c);
        for (int64_t r = row; r < row + m->layout.in->size; r++)
            l->at[r] = l->in[r] < 0 ? -1 : l->width + l->in[r] - low;
    }
    l->low[l->n_ranges] = low;
    l->high[l->n_ranges] = high;
    l->width += low < high ? high - low : 0;
    l->n_ranges += low < high;
}

static plmr_status read_columns(const struct loader *l, int64_t first, int64_t n)
{
    for (int64_t c = 0; c < n; c++) {
        float *row = l->rows + c * l->ld;
        if (l->out[first + c] < 0)
            memset(row, 0, (size_t)l->width * sizeof *row);
        for (int i = 0; i < l->n_ranges && l->out[first + c] >= 0; row += l->high[i] - l->low[i], i++)
            PLMR_TRY(l->source->get(l->source, l->out[first + c], l->low[i], 1, (int)(l->high[i] - l->low[i]), row,
                                    (size_t)l->width));
    }
    return PLMR_OK;
}

static void store_columns(const struct loader *l, int64_t first, int64_t n)
{
    plmr_matrix *m = l->m;
    int64_t strip = first / m->strip, col = first % m->strip;
    size_t element = plmr_dtype_bytes(m->dtype);
    for (int64_t r = 0; r < m->n_in; r++) {
        float values[AT_ONCE];
        const float *from = l->rows + (l->at[r] < 0 ? 0 : l->at[r]);
        for (int64_t c = 0; c < n; c++)
            values[c] = l->at[r] < 0 ? 0 : from[c * l->ld];
        char *to = m->data + (size_t)((strip * m->n_in + r) * m->pitch + col) * element;
        plmr_convert_from_float(m->dtype, n, values, to);
    }
}

static plmr_status load(struct loader *l)
{
    plmr_matrix *m = l->m;
    for (int i = 0; i < m->in.n_runs; i++)
        add_range(l, &m->in.runs[i]);
    l->ld = round_up(l->width, LINE) + LINE / 2;
    l->rows = plmr_take((size_t)(AT_ONCE * l->ld) * sizeof *l->rows);
    for (int64_t first = 0, n; first < m->n_out; first += n) {
        int64_t left = m->strip - first % m->strip;
        n = left < AT_ONCE ? left : AT_ONCE;
        n = n < m->n_out - first ? n : m->n_out - first;
        PLMR_TRY(read_columns(l, first, n));
        store_columns(l, first, n);
    }
    return PLMR_OK;
}

plmr_status plmr_matrix_load(plmr_matrix *m, const plmr_source *source)
{
    if (!m->data)
        return PLMR_OK;
    struct loader l = {.m = m, .source = source};
    l.in = plmr_take((size_t)m->n_in * sizeof *l.in);
    l.out = plmr_take((size_t)m->n_out * sizeof *l.out);
    l.at = plmr_take((size_t)m->n_in * sizeof *l.at);
    memset(l.at, -1, (size_t)m->n_in * sizeof *l.at);
    list_rows(m, l.in);
    plmr_part_elements(&m->out, m->layout.out, l.out);
    plmr_status status = load(&l);
    free(l.rows);
    free(l.at);
    free(l.out);
    free(l.in);
    return status;
}

/* ---- moving ---- */

/* Messages under way at a time: of a matrix that takes many times as much. */
enum { MOST_BYTES = 16 << 20 };

struct dimension {
    const plmr_deal *deal;
    const plmr_ring *ring;
};

static int64_t list_dimension(const void *context, int place, int32_t *elements)
{
    const struct dimension *d = context;
    plmr_part part = plmr_part_of(d->deal, d->ring, place);
    if (elements)
        plmr_part_elements(&part, d->deal, elements);
    return (int64_t)part.n_chunks * d->deal->size;
}

static void *element_at(const void *context, int64_t number, int64_t col)
{
    const plmr_matrix *m = context;
    int depth = m->layout.in->size;
    int64_t row = plmr_matrix_row(m, plmr_part_chunk(&m->in, (int)(number / depth))) + number % depth;
    size_t at = (size_t)((col / m->strip * m->n_in + row) * m->pitch + col % m->strip);
    return m->data + at * plmr_dtype_bytes(m->dtype);
}

static plmr_dealt dealt(const struct dimension *d)
{
    return (plmr_dealt){d->ring ? (int)d->ring->axis : PLMR_WHOLE, d->deal->n, list_dimension, d};
}

static void move(const plmr_matrix *from, const plmr_matrix *to, plmr_ranks *ranks)
{
    const plmr_matrix_layout *a = &from->layout, *b = &to->layout;
    struct dimension in[2] = {{a->in, a->in_ring}, {b->in, b->in_ring}};
    struct dimension out[2] = {{a->out, a->out_ring}, {b->out, b->out_ring}};
    plmr_spread_matrix before = {dealt(&in[0]), dealt(&out[0]), element_at, from->strip, from};
    plmr_spread_matrix after = {dealt(&in[1]), dealt(&out[1]), element_at, to->strip, to};
    plmr_redistribute(ranks, &before, &after, plmr_dtype_bytes(from->dtype), MOST_BYTES);
}

static bool same_deal(const plmr_deal *a, const plmr_deal *b)
{
    return a->size == b->size && a->n_filled == b->n_filled && a->n_slots == b->n_slots && !a->element == !b->element;
}

static bool same_part(const plmr_part *a, const plmr_part *b)
{
    bool same = a->n_runs == b->n_runs;
    for (int i = 0; i < a->n_runs && same; i++)
        same = a->runs[i].first == b->runs[i].first && a->runs[i].count == b->runs[i].count;
    return same;
}

static bool same_order(const plmr_order *a, const plmr_order *b)
{
    if (!a || !b || a == b)
        return a == b;
    return a->n_slots == b->n_slots && memcmp(a->index, b->index, (size_t)a->n_slots * sizeof *a->index) == 0;
}

/* Does a matrix lie in this rank's memory as the other layout has it? */
static bool stays(const plmr_matrix *m, const plmr_matrix_layout *layout)
{
    plmr_part in = plmr_part_here(layout->in, layout->in_ring), out = plmr_part_here(layout->out, layout->out_ring);
    return same_deal(m->layout.in, layout->in) && same_deal(m->layout.out, layout->out) && same_part(&m->in, &in) &&
           same_part(&m->out, &out) && same_order(m->layout.in_order, layout->in_order);
}

plmr_status plmr_matrix_move(plmr_matrix *matrix, const plmr_matrix_layout *layout, plmr_ranks *ranks)
{
    double moves = stays(matrix, layout) ? 0 : 1;
    plmr_ranks_max(ranks, &moves, 1);
    if (moves == 0) {
        matrix->layout = *layout;
        return PLMR_OK;
    }
    plmr_matrix to = {0};
    PLMR_TRY(plmr_agree(plmr_matrix_create(layout, matrix->dtype, &to)));
    if (to.data)
        memset(to.data, 0, byte_count(&to));
    move(matrix, &to, ranks);
    plmr_matrix_free(matrix);
    *matrix = to;
    return PLMR_OK;
}
