#include "infer/matrix.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "kernel/kernel.h"

/* Columns that are turned together; elements of a row of the store that are, a whole number of blocks of any type; what
 * ranges are apart at least: less is read and left out; what begins and ends at a multiple of so many elements is turned
 * fastest; rows of a block, at least, in units of what is decoded together (decoding some twice must not cost much). */
enum { COLUMNS = 16, ELEMENTS = 512, APART = 64, TURNED = 8, LEAST_ROWS = 192, LEAST_UNITS = 16 };

/* ---- what is held ---- */

/* By element of a dimension: its place in the part, -1: not held. `at` gives the first place of a chunk. */
static int32_t *list_places(const plmr_matrix *m, const plmr_deal *deal, const plmr_part *part, bool is_in)
{
    int32_t *place = plmr_take((size_t)deal->n * sizeof *place + 1);
    memset(place, -1, (size_t)deal->n * sizeof *place);
    for (int c = 0; c < part->n_chunks; c++) {
        int chunk = plmr_part_chunk(part, c);
        int64_t first = is_in ? plmr_matrix_row(m, chunk) : (int64_t)c * deal->size;
        for (int i = 0; i < deal->size; i++) {
            int64_t element = plmr_deal_element(deal, (int64_t)chunk * deal->size + i);
            if (element >= 0)
                place[element] = (int32_t)(first + i);
        }
    }
    return place;
}

/* How many are held. */
static int64_t count_held(const int32_t *place, int64_t n)
{
    int64_t n_held = 0;
    for (int64_t i = 0; i < n; i++)
        n_held += place[i] >= 0;
    return n_held;
}

/* Moves what is held to the front: an own store has nothing else. */
static void close_gaps(int32_t *place, int64_t n)
{
    int64_t n_held = 0;
    for (int64_t i = 0; i < n; i++)
        if (place[i] >= 0)
            place[n_held++] = place[i];
}

/* Of the store's columns, n of them: where ranges begin and end. */
static int64_t unit_of(const plmr_matrix *m)
{
    return m->stored.n_elements > 1 ? m->stored.n_elements : TURNED;
}

/* From the first to the last element of the block, cut where too many are not of it. row: of all n elements. */
static void find_ranges(plmr_matrix *m, plmr_matrix_block *block, const int32_t *row, int64_t n)
{
    int64_t unit = unit_of(m), last = -1;
    for (int64_t i = 0; i < n; i++) {
        if (row[i] < block->first || row[i] >= block->first + block->n)
            continue;
        if (last < 0 || i - last > APART) {
            block->ranges = plmr_take_more(block->ranges, (size_t)(block->n_ranges + 1) * sizeof *block->ranges);
            block->ranges[block->n_ranges++] = (plmr_matrix_range){.first = i / unit * unit};
        }
        last = (i / unit + 1) * unit;
        last = last < n ? last : n;
        block->ranges[block->n_ranges - 1].n = last - block->ranges[block->n_ranges - 1].first;
    }
}

static void list_rows(const plmr_matrix_block *block, const plmr_matrix_range *range, const int32_t *row)
{
    for (int64_t i = 0; i < range->n; i++) {
        int64_t at = row[range->first + i] - block->first;
        range->row[i] = row[range->first + i] >= 0 && at >= 0 && at < block->n ? (int32_t)at : -1;
    }
}

static void add_block(plmr_matrix *m, int64_t first, int64_t n_rows, const int32_t *row, int64_t n)
{
    m->blocks = plmr_take_more(m->blocks, (size_t)(m->n_blocks + 1) * sizeof *m->blocks);
    plmr_matrix_block *block = &m->blocks[m->n_blocks++];
    *block = (plmr_matrix_block){.first = first, .n = n_rows};
    find_ranges(m, block, row, n);
    for (plmr_matrix_range *range = block->ranges; range < block->ranges + block->n_ranges; range++) {
        range->row = plmr_take((size_t)range->n * sizeof *range->row);
        list_rows(block, range, row);
    }
}

/* A block ends where its elements leave no gap, so that no element is read for two. */
static void make_blocks(plmr_matrix *m, const int32_t *row, int64_t n)
{
    int64_t unit = m->stored.n_elements, least = unit > 1 ? LEAST_UNITS * unit : LEAST_ROWS, first = 0;
    const int32_t *element = m->element;
    int64_t low = n, high = -1, n_elements = 0;
    for (int64_t i = 0; i < m->n_in; i++) {
        if (element[i] >= 0) {
            low = element[i] < low ? element[i] : low;
            high = element[i] > high ? element[i] : high;
            n_elements++;
        }
        bool whole = (i + 1) % m->layout.in->size == 0 && n_elements == high - low + 1 && i + 1 - first >= least;
        if (!whole && i + 1 < m->n_in)
            continue;
        add_block(m, first, i + 1 - first, row, n);
        first = i + 1;
        low = n, high = -1, n_elements = 0;
    }
}

static void list_elements(plmr_matrix *m, const int32_t *row, int64_t n)
{
    m->element = plmr_take((size_t)m->n_in * sizeof *m->element + 1);
    memset(m->element, -1, (size_t)m->n_in * sizeof *m->element);
    for (int64_t i = 0; i < n; i++)
        if (row[i] >= 0)
            m->element[row[i]] = (int32_t)i;
}

/* Rows from `first` on, n at most, whose elements lie one after the other. */
static int64_t count_together(const plmr_matrix *m, int64_t first, int64_t n)
{
    int64_t i = 0;
    while (i < n && first + i < m->n_in && m->element[first] >= 0 && m->element[first + i] == m->element[first] + i)
        i++;
    return i;
}

static void make_runs(plmr_matrix *m, int64_t n_cols)
{
    int64_t rows = (int64_t)PLMR_PARTIAL_CORES * m->layout.in->size, n = plmr_ceil_div(m->n_in, rows);
    if (m->stored.n_elements > 1 || m->dtype == PLMR_F32 || m->layout.in->element)
        return;
    m->runs = plmr_take((size_t)n * sizeof *m->runs + 1);
    for (int64_t i = 0; i < n; i++) {
        plmr_matrix_run *last = m->n_runs ? &m->runs[m->n_runs - 1] : NULL;
        int64_t together = count_together(m, i * rows, rows), element = together ? m->element[i * rows] : -1;
        bool lies = together == rows && element + rows + PLMR_PARTIAL_BEYOND / (int64_t)sizeof(uint16_t) <= n_cols;
        if (lies && last && last->element >= 0 && element == last->element + last->n * rows)
            last->n++;
        else
            m->runs[m->n_runs++] = (plmr_matrix_run){i, 1, lies ? element : -1, together};
    }
}

/* Rows in which no element lies. */
static void find_padding(plmr_matrix *m, const int32_t *row)
{
    bool *used = plmr_take_zeroed((size_t)m->n_in + 1, sizeof *used);
    for (int64_t i = 0; i < m->layout.in->n; i++)
        if (row[i] >= 0)
            used[row[i]] = true;
    m->padding = plmr_take((size_t)m->n_in * sizeof *m->padding + 1);
    for (int64_t i = 0; i < m->n_in; i++)
        if (!used[i])
            m->padding[m->n_padding++] = (int32_t)i;
    free(used);
}

/* The lists of the store's rows and columns: of all elements of the model, or of those that are held. */
static void make_lists(plmr_matrix *m)
{
    const plmr_deal *in = m->layout.in, *out = m->layout.out;
    int32_t *place = list_places(m, out, &m->out, false), *row = list_places(m, in, &m->in, true);
    int64_t n_cols = in->n, n_held = 0;
    find_padding(m, row);
    m->column = plmr_take((size_t)m->n_out * sizeof *m->column + 1);
    memset(m->column, -1, (size_t)m->n_out * sizeof *m->column);
    for (int64_t i = 0; i < out->n; i++)
        if (place[i] >= 0)
            m->column[place[i]] = (int32_t)(m->own ? n_held++ : i);
    free(place);
    if (m->own) {
        n_cols = count_held(row, in->n);
        close_gaps(row, in->n);
    }
    list_elements(m, row, n_cols);
    make_blocks(m, row, n_cols);
    make_runs(m, n_cols);
    free(row);
}

/* ---- an own store ---- */

/* Reads the elements of a row that are held, run by run of them. */
static plmr_status read_row(const plmr_source *source, int64_t row, const int32_t *place, int64_t n, float *to)
{
    for (int64_t i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && (place[end] >= 0) == (place[i] >= 0);)
            end++;
        if (place[i] < 0)
            continue;
        PLMR_TRY(source->get(source, row, i, 1, (int)(end - i), to, (size_t)(end - i)));
        to += end - i;
    }
    return PLMR_OK;
}

static plmr_status keep_rows(plmr_matrix *m, const plmr_source *source, const int32_t *out, const int32_t *in)
{
    float *values = plmr_take((size_t)m->layout.in->n * sizeof *values + 1);
    plmr_status status = PLMR_OK;
    char *to = m->own;
    for (int64_t i = 0; i < m->layout.out->n && !status; i++) {
        if (out[i] < 0)
            continue;
        status = read_row(source, i, in, m->layout.in->n, values);
        plmr_convert_from_float(m->dtype, (int64_t)m->stored.row_bytes / m->stored.n_bytes, values, to);
        to += m->stored.row_bytes;
    }
    free(values);
    return status;
}

static plmr_status keep(plmr_matrix *m, const plmr_source *source)
{
    int32_t *out = list_places(m, m->layout.out, &m->out, false), *in = list_places(m, m->layout.in, &m->in, true);
    size_t element = plmr_dtype_bytes(m->dtype), row_bytes = (size_t)count_held(in, m->layout.in->n) * element;
    size_t n_bytes = (size_t)count_held(out, m->layout.out->n) * row_bytes;
    m->own = plmr_slab_create(n_bytes + 1);
    m->stored = (plmr_stored){(unsigned char *)m->own, row_bytes, 1, (int)element, NULL};
    plmr_status status =
        m->own ? keep_rows(m, source, out, in)
               : plmr_error_make(PLMR_ERROR_SYSTEM, "out of memory for weights: %zu bytes on this rank; use more ranks",
                                 n_bytes);
    free(in);
    free(out);
    return status;
}

/* ---- making one ---- */

static void lay_out(plmr_matrix *m, const plmr_matrix_layout *layout)
{
    m->layout = *layout;
    m->in = plmr_part_here(layout->in, layout->in_ring);
    m->out = plmr_part_here(layout->out, layout->out_ring);
    m->n_in = (int64_t)m->in.n_chunks * layout->in->size;
    m->n_out = (int64_t)m->out.n_chunks * layout->out->size;
}

plmr_status plmr_matrix_create(const plmr_matrix_layout *layout, enum plmr_dtype dtype, const plmr_source *source,
                               plmr_matrix *matrix)
{
    *matrix = (plmr_matrix){.dtype = dtype, .stored = source->stored};
    lay_out(matrix, layout);
    plmr_status status = source->stored.data ? PLMR_OK : keep(matrix, source);
    if (status)
        plmr_matrix_free(matrix);
    else
        make_lists(matrix);
    return status;
}

static void free_lists(plmr_matrix *m)
{
    for (int b = 0; b < m->n_blocks; b++) {
        for (int i = 0; i < m->blocks[b].n_ranges; i++)
            free(m->blocks[b].ranges[i].row);
        free(m->blocks[b].ranges);
    }
    free(m->blocks);
    free(m->runs);
    free(m->element);
    free(m->column);
    free(m->padding);
    m->column = m->padding = NULL;
    m->blocks = NULL;
    m->runs = NULL;
    m->element = NULL;
    m->n_blocks = m->n_runs = 0;
    m->n_padding = 0;
}

void plmr_matrix_free(plmr_matrix *m)
{
    free_lists(m);
    plmr_slab_destroy(m->own);
    m->own = NULL;
}

static bool holds_all(const plmr_matrix *m)
{
    return m->in.n_chunks == m->layout.in->n_filled && m->out.n_chunks == m->layout.out->n_filled;
}

plmr_status plmr_matrix_move(plmr_matrix *matrix, const plmr_matrix_layout *layout, const plmr_source *source)
{
    plmr_matrix to = {.dtype = matrix->dtype, .stored = matrix->stored};
    lay_out(&to, layout);
    if (matrix->own && !(holds_all(matrix) && holds_all(&to)))
        PLMR_TRY(plmr_matrix_create(layout, matrix->dtype, source, &to));
    else {
        to.own = matrix->own;
        matrix->own = NULL;
        make_lists(&to);
    }
    plmr_matrix_free(matrix);
    *matrix = to;
    return PLMR_OK;
}

/* ---- columns ---- */

struct reader {
    const plmr_matrix *m;
    size_t element;
    char *blocks; /* COLUMNS x ELEMENTS, of what has to be widened */
    char *to;
    int64_t pitch;
};

static const char zeros[ELEMENTS * sizeof(float)];

/* Where n elements of a row of the store begin, widened if they must be. */
static const char *row_at(const struct reader *r, int32_t row, int64_t first, int64_t n, char *room)
{
    const plmr_stored *s = &r->m->stored;
    if (row < 0)
        return zeros;
    const unsigned char *at = s->data + (size_t)row * s->row_bytes;
    if (s->n_elements == 1)
        return (const char *)at + first * s->n_bytes;
    float values[ELEMENTS];
    s->decode(at + first / s->n_elements * s->n_bytes, n / s->n_elements, values);
    plmr_convert_from_float(r->m->dtype, n, values, room);
    return room;
}

/* Elements of a range, of up to COLUMNS columns, which are `offset` columns into what is made. */
static void turn_some(const struct reader *r, int64_t col, int n, int64_t offset, const plmr_matrix_range *range)
{
    const char *from[COLUMNS];
    for (int j = 0; j < n; j++)
        from[j] = row_at(r, col + j < r->m->n_out ? r->m->column[col + j] : -1, range->first, range->n,
                         r->blocks + (size_t)j * ELEMENTS * r->element);
    plmr_vectors()->turn(r->element, n, range->n, from, range->row, r->to + (size_t)offset * r->element,
                         (size_t)r->pitch);
}

static void turn_columns(const struct reader *r, const plmr_matrix_block *block, int64_t col, int n, int64_t offset)
{
    for (const plmr_matrix_range *range = block->ranges; range < block->ranges + block->n_ranges; range++)
        for (int64_t at = 0; at < range->n; at += ELEMENTS) {
            int64_t now = range->n - at < ELEMENTS ? range->n - at : ELEMENTS;
            turn_some(r, col, n, offset, &(plmr_matrix_range){range->first + at, now, range->row + at});
        }
}

static void clear_padding(const plmr_matrix *m, const plmr_matrix_block *block, int64_t n, char *to, int64_t pitch)
{
    size_t element = plmr_dtype_bytes(m->dtype);
    for (int64_t i = 0; i < m->n_padding; i++) {
        int64_t row = m->padding[i] - block->first;
        if (row >= 0 && row < block->n)
            memset(to + (size_t)(row * pitch) * element, 0, (size_t)n * element);
    }
}

void plmr_matrix_block_columns(const plmr_matrix *m, const plmr_matrix_block *block, int64_t first, int64_t n, void *to,
                               int64_t pitch)
{
    char blocks[COLUMNS * ELEMENTS * sizeof(uint16_t)];
    struct reader r = {m, plmr_dtype_bytes(m->dtype), blocks, to, pitch};
    clear_padding(m, block, n, to, pitch);
    for (int64_t i = 0; i < n; i += COLUMNS) {
        int now = (int)(n - i < COLUMNS ? n - i : COLUMNS);
        turn_columns(&r, block, first + i, now, i);
    }
}

void plmr_matrix_columns(const plmr_matrix *m, int64_t first, int64_t n, void *to, int64_t pitch)
{
    for (const plmr_matrix_block *block = m->blocks; block < m->blocks + m->n_blocks; block++) {
        size_t at = (size_t)(block->first * pitch) * plmr_dtype_bytes(m->dtype);
        plmr_matrix_block_columns(m, block, first, n, (char *)to + at, pitch);
    }
}

int64_t plmr_matrix_most_rows(const plmr_matrix *m)
{
    int64_t most = 0;
    for (int i = 0; i < m->n_blocks; i++)
        most = m->blocks[i].n > most ? m->blocks[i].n : most;
    return most;
}
