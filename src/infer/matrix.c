#include "infer/matrix.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "kernel/kernel.h"

/* Columns that are turned together; elements of a row of the store that are, a whole number of blocks of any type; what
 * ranges are apart at least: less is read and left out. */
enum { COLUMNS = 16, ELEMENTS = 512, APART = 64 };

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

/* Of the store's columns, n of them: from the first to the last that are held, cut where too many are not. */
static void find_ranges(plmr_matrix *m, int64_t n)
{
    int64_t unit = m->stored.n_elements, last = -1;
    m->ranges = plmr_take((size_t)(n / APART + 1) * sizeof *m->ranges);
    for (int64_t i = 0; i < n; i++) {
        if (m->row[i] < 0)
            continue;
        if (last < 0 || i - last > APART)
            m->ranges[m->n_ranges++].first = i / unit * unit;
        plmr_matrix_range *range = &m->ranges[m->n_ranges - 1];
        last = (i / unit + 1) * unit;
        last = last < n ? last : n;
        range->n = last - range->first;
    }
}

static void find_wanted(plmr_matrix *m, int64_t n)
{
    m->wanted = plmr_take_zeroed((size_t)n / PLMR_PACKED_PART + 1, sizeof *m->wanted);
    for (int64_t i = 0; i < n; i++)
        if (m->row[i] >= 0)
            m->wanted[i / PLMR_PACKED_PART] = 1;
}

/* Rows in which no element lies. */
static void find_padding(plmr_matrix *m)
{
    bool *used = plmr_take_zeroed((size_t)m->n_in + 1, sizeof *used);
    for (int64_t i = 0; i < m->layout.in->n; i++)
        if (m->row[i] >= 0)
            used[m->row[i]] = true;
    m->padding = plmr_take((size_t)m->n_in * sizeof *m->padding + 1);
    for (int64_t row = 0; row < m->n_in; row++)
        if (!used[row])
            m->padding[m->n_padding++] = (int32_t)row;
    free(used);
}

/* The lists of the store's rows and columns: of all elements of the model, or of those that are held. */
static void make_lists(plmr_matrix *m)
{
    const plmr_deal *in = m->layout.in, *out = m->layout.out;
    int32_t *place = list_places(m, out, &m->out, false);
    int64_t n_cols = in->n, n_held = 0;
    m->row = list_places(m, in, &m->in, true);
    find_padding(m);
    m->column = plmr_take((size_t)m->n_out * sizeof *m->column + 1);
    memset(m->column, -1, (size_t)m->n_out * sizeof *m->column);
    for (int64_t i = 0; i < out->n; i++)
        if (place[i] >= 0)
            m->column[place[i]] = (int32_t)(m->own ? n_held++ : i);
    free(place);
    if (m->own) {
        n_cols = count_held(m->row, in->n);
        close_gaps(m->row, in->n);
    }
    find_ranges(m, n_cols);
    find_wanted(m, n_cols);
}

/* ---- an own store ---- */

/* Runs of elements that are held. */
static plmr_matrix_range *list_runs(const int32_t *place, int64_t n, int *n_runs)
{
    plmr_matrix_range *runs = plmr_take((size_t)(n / 2 + 1) * sizeof *runs);
    *n_runs = 0;
    for (int64_t i = 0; i < n; i++) {
        if (place[i] < 0)
            continue;
        if (i > 0 && place[i - 1] >= 0)
            runs[*n_runs - 1].n++;
        else
            runs[(*n_runs)++] = (plmr_matrix_range){i, 1};
    }
    return runs;
}

static plmr_status read_row(const plmr_source *source, int64_t row, int n_runs, const plmr_matrix_range *runs,
                            float *to)
{
    for (int i = 0; i < n_runs; to += runs[i++].n)
        PLMR_TRY(source->get(source, row, runs[i].first, 1, (int)runs[i].n, to, (size_t)runs[i].n));
    return PLMR_OK;
}

static plmr_status keep_rows(plmr_matrix *m, const plmr_source *source, const int32_t *out, const int32_t *in)
{
    int n_runs;
    float *values = plmr_take((size_t)m->layout.in->n * sizeof *values + 1);
    plmr_matrix_range *runs = list_runs(in, m->layout.in->n, &n_runs);
    plmr_status status = PLMR_OK;
    char *to = m->own;
    for (int64_t i = 0; i < m->layout.out->n && !status; i++) {
        if (out[i] < 0)
            continue;
        status = read_row(source, i, n_runs, runs, values);
        plmr_convert_from_float(m->dtype, (int64_t)m->stored.row_bytes / m->stored.n_bytes, values, to);
        to += m->stored.row_bytes;
    }
    free(runs);
    free(values);
    return status;
}

static plmr_status keep(plmr_matrix *m, const plmr_source *source)
{
    int32_t *out = list_places(m, m->layout.out, &m->out, false), *in = list_places(m, m->layout.in, &m->in, true);
    size_t element = plmr_dtype_bytes(m->dtype), row_bytes = (size_t)count_held(in, m->layout.in->n) * element;
    size_t n_bytes = (size_t)count_held(out, m->layout.out->n) * row_bytes;
    m->own = plmr_slab_create(n_bytes + 1);
    m->stored = (plmr_stored){(unsigned char *)m->own, row_bytes, 1, (int)element, NULL, PLMR_PACKING_NONE};
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
                               plmr_pool *pool, plmr_matrix *matrix)
{
    *matrix = (plmr_matrix){.dtype = dtype, .stored = source->stored, .pool = pool};
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
    free(m->column);
    free(m->row);
    free(m->padding);
    free(m->ranges);
    free(m->wanted);
    m->wanted = NULL;
    m->column = m->row = m->padding = NULL;
    m->ranges = NULL;
    m->n_ranges = 0;
    m->n_padding = 0;
}

void plmr_matrix_free(plmr_matrix *m)
{
    free_lists(m);
    plmr_slab_destroy(m->own);
    plmr_pool_give(m->pool, m->kept);
    m->own = m->kept = NULL;
    m->n_kept = 0;
}

static bool holds_all(const plmr_matrix *m)
{
    return m->in.n_chunks == m->layout.in->n_filled && m->out.n_chunks == m->layout.out->n_filled;
}

plmr_status plmr_matrix_move(plmr_matrix *matrix, const plmr_matrix_layout *layout, const plmr_source *source)
{
    plmr_matrix to = {.dtype = matrix->dtype, .stored = matrix->stored, .pool = matrix->pool};
    lay_out(&to, layout);
    if (matrix->own && !(holds_all(matrix) && holds_all(&to)))
        PLMR_TRY(plmr_matrix_create(layout, matrix->dtype, source, matrix->pool, &to));
    else {
        to.own = matrix->own;
        matrix->own = NULL;
        make_lists(&to);
    }
    plmr_matrix_free(matrix);
    *matrix = to;
    return PLMR_OK;
}

/* Runs of whole rows: parts of them are less than pages, and others' lie between. */
void plmr_matrix_touch(const plmr_matrix *m)
{
    int n_runs;
    if (m->own || m->n_ranges != 1 || m->ranges[0].n < m->layout.in->n)
        return;
    int32_t *place = list_places(m, m->layout.out, &m->out, false);
    plmr_matrix_range *runs = list_runs(place, m->layout.out->n, &n_runs);
    for (int i = 0; i < n_runs; i++)
        plmr_memory_touch(m->stored.data + (size_t)runs[i].first * m->stored.row_bytes,
                          (size_t)runs[i].n * m->stored.row_bytes);
    free(runs);
    free(place);
}

/* ---- columns ---- */

struct reader {
    const plmr_matrix *m;
    size_t element;
    char *blocks; /* COLUMNS x ELEMENTS or ELEMENTS x PLMR_PACKED_COLS, of what has to be widened */
    char *to;
    int64_t pitch, apart; /* elements from a row to the next; from one strip of so many columns to the next */
};

static const char zeros[ELEMENTS * sizeof(float)];

/* Where n elements of a row of the store begin, widened if they must be. */
static const char *row_at(const struct reader *r, int32_t row, int64_t first, int64_t n, char *room)
{
    const plmr_stored *s = &r->m->stored;
    if (row < 0)
        return zeros;
    const unsigned char *at = s->data + (size_t)row * s->row_bytes + (size_t)(first / s->n_elements * s->n_bytes);
    if (s->n_elements == 1)
        return (const char *)at;
    float values[ELEMENTS];
    s->decode(at, n / s->n_elements, values);
    plmr_convert_from_float(r->m->dtype, n, values, room);
    return room;
}

/* Columns of n_k rows, PLMR_PACKED_COLS apart. */
static inline void copy_columns(int64_t n, int64_t n_k, const uint16_t *rows, const int32_t *row, uint16_t *to,
                                int64_t pitch)
{
    for (int64_t k = 0; k < n_k; k++, rows += PLMR_PACKED_COLS)
        if (row[k] >= 0)
            memcpy(to + row[k] * pitch, rows, (size_t)n * sizeof *to);
}

/* What kernels widen is turned already. */
static void widen_some(const struct reader *r, int64_t col, int n, int64_t offset, plmr_matrix_range range,
                       const int32_t *row)
{
    const plmr_stored *s = &r->m->stored;
    const unsigned char *from[PLMR_PACKED_COLS];
    const uint16_t *rows = (const uint16_t *)r->blocks;
    plmr_matrix_blocks(r->m, col, range.first, from);
    plmr_packed()->widen(s->packing, range.n / s->n_elements, r->m->wanted + range.first / PLMR_PACKED_PART, from, NULL,
                         (uint16_t *)r->blocks);
    for (int64_t j = 0, now; j < n; j += now) {
        int64_t strip = (offset + j) / r->pitch, within = (offset + j) % r->pitch;
        uint16_t *to = (uint16_t *)r->to + strip * r->apart + within;
        now = n - j < r->pitch - within ? n - j : r->pitch - within;
        if (now == COLUMNS)
            copy_columns(COLUMNS, range.n, rows + j, row, to, r->pitch);
        else
            copy_columns(now, range.n, rows + j, row, to, r->pitch);
    }
}

/* Elements of a range, of up to COLUMNS columns, which are `offset` columns into what is made. */
static void turn_some(const struct reader *r, int64_t col, int n, int64_t offset, plmr_matrix_range range,
                      const int32_t *row)
{
    const char *from[COLUMNS];
    if (plmr_matrix_is_packed(r->m)) {
        widen_some(r, col, n, offset, range, row);
        return;
    }
    for (int j = 0; j < n; j++)
        from[j] = row_at(r, col + j < r->m->n_out ? r->m->column[col + j] : -1, range.first, range.n,
                         r->blocks + (size_t)j * ELEMENTS * r->element);
    plmr_lines()->turn(r->element, n, range.n, from, row, r->to + (size_t)offset * r->element, (size_t)r->pitch);
}

/* Of n columns. The last few are turned with some that have been: less than are turned together take longer. */
static void turn_range(const struct reader *r, int64_t col, int64_t n, plmr_matrix_range range, const int32_t *row)
{
    bool widens = plmr_matrix_is_packed(r->m);
    int64_t most = widens ? PLMR_PACKED_COLS : COLUMNS;
    for (int64_t i = 0; i < n; i += most) {
        int64_t from = n - i < most && n > most && !widens ? n - most : i;
        turn_some(r, col + from, (int)plmr_clip(from, most, n), from, range, row);
    }
}

static void clear_padding(const struct reader *r, int64_t n, char *to)
{
    for (int64_t i = 0; i < r->m->n_padding; i++)
        memset(to + (size_t)(r->m->padding[i] * r->pitch) * r->element, 0, (size_t)n * r->element);
}

static void turn_columns(const struct reader *r, int64_t first, int64_t n)
{
    const plmr_matrix *m = r->m;
    for (int64_t i = 0; i < n; i += r->pitch)
        clear_padding(r, plmr_clip(i, r->pitch, n), r->to + (size_t)(i / r->pitch * r->apart) * r->element);
    for (int i = 0; i < m->n_ranges; i++)
        for (int64_t at = 0; at < m->ranges[i].n; at += ELEMENTS) { /* what all columns' go to stays in the cache */
            int64_t element = m->ranges[i].first + at, now = plmr_clip(at, ELEMENTS, m->ranges[i].n);
            turn_range(r, first, n, (plmr_matrix_range){element, now}, m->row + element);
        }
}

void plmr_matrix_columns(const plmr_matrix *m, int64_t first, int64_t n, void *to, int64_t pitch)
{
    char blocks[PLMR_PACKED_COLS * ELEMENTS * sizeof(uint16_t)];
    struct reader r = {m, plmr_dtype_bytes(m->dtype), blocks, to, pitch, 0};
    turn_columns(&r, first, n);
}

/* As many strips at a time as are widened at once. */
void plmr_matrix_strips(const plmr_matrix *m, int64_t first, int64_t n, void *to, int64_t width, int64_t apart)
{
    char blocks[PLMR_PACKED_COLS * ELEMENTS * sizeof(uint16_t)];
    struct reader r = {m, plmr_dtype_bytes(m->dtype), blocks, to, width, apart};
    int64_t most = plmr_matrix_is_packed(m) && width < PLMR_PACKED_COLS ? PLMR_PACKED_COLS / width * width : width;
    for (int64_t i = 0; i < n; i += most, r.to += (size_t)(most / width * apart) * r.element)
        turn_columns(&r, first + i, plmr_clip(i, most, n));
}

/* ---- lines ---- */

/* No chunk goes back, or has padding. */
static bool rises(const plmr_deal *deal)
{
    for (int64_t place = 0; place < plmr_deal_places(deal); place++) {
        int32_t before = place % deal->size ? deal->element[place - 1] : -1;
        if (deal->element[place] <= before)
            return false;
    }
    return true;
}

void plmr_matrix_read_in_place(plmr_matrix *m)
{
    const plmr_deal *in = m->layout.in;
    m->in_place = m->stored.data && m->stored.n_elements == 1 && plmr_dtype_bytes(m->dtype) == sizeof(uint16_t) &&
                  (!in->element || rises(in)) && !m->kept;
}

/* An own store has the runs one after the other. */
int64_t plmr_matrix_run_begins(const plmr_matrix *m, int run)
{
    int64_t chunk = m->own ? (run ? m->in.runs[0].count : 0) : m->in.runs[run].first;
    return chunk * m->layout.in->size;
}

static void find_lines(const plmr_matrix *m, int64_t first, int64_t element, const char *nothing,
                       const char *line[PLMR_LINE_COLS])
{
    size_t at = (size_t)element * plmr_dtype_bytes(m->dtype);
    for (int j = 0; j < PLMR_LINE_COLS; j++) {
        int32_t row = first + j < m->n_out ? m->column[first + j] : -1;
        line[j] = row < 0 ? nothing : (const char *)m->stored.data + (size_t)row * m->stored.row_bytes + at;
    }
}

bool plmr_matrix_lines(const plmr_matrix *m, int64_t first, int64_t element, const char *nothing,
                       const char *line[PLMR_LINE_COLS], const char *next[PLMR_LINE_COLS])
{
    find_lines(m, first, element, nothing, line);
    find_lines(m, first + PLMR_LINE_COLS, element, nothing, next);
    return first + PLMR_LINE_COLS < m->n_out;
}

bool plmr_matrix_is_packed(const plmr_matrix *m)
{
    return m->stored.packing && m->dtype == PLMR_F16;
}

void plmr_matrix_blocks(const plmr_matrix *m, int64_t first, int64_t element,
                        const unsigned char *block[PLMR_PACKED_COLS])
{
    const plmr_stored *s = &m->stored;
    size_t at = (size_t)(element / s->n_elements * s->n_bytes);
    for (int j = 0; j < PLMR_PACKED_COLS; j++) {
        int32_t row = first + j < m->n_out ? m->column[first + j] : -1;
        block[j] = row < 0 ? NULL : s->data + (size_t)row * s->row_bytes + at;
    }
}

/* ---- strips ---- */

enum { STRIP = PLMR_PROGRAM_COLS };

/* Bytes of the strips before one. */
static size_t strip_at(const plmr_matrix *m, int64_t strip)
{
    return (size_t)(strip * STRIP * m->n_in) * plmr_dtype_bytes(m->dtype);
}

/* What is quantised stays so. */
static bool can_keep(plmr_matrix *m)
{
    if (!m->kept && m->stored.n_elements == 1)
        m->kept =
            plmr_pool_take(m->pool, (size_t)(plmr_strip_cols(m->n_out) * m->n_in) * plmr_dtype_bytes(m->dtype) + 1);
    return m->kept != NULL;
}

bool plmr_matrix_is_kept(const plmr_matrix *m)
{
    return m->kept && m->n_kept * STRIP >= m->n_out;
}

const char *plmr_matrix_strip(plmr_matrix *m, int64_t first, char *room)
{
    int64_t strip = first / STRIP, n = m->n_out - first < STRIP ? plmr_strip_cols(m->n_out - first) : STRIP;
    bool keeps = can_keep(m);
    char *to = keeps ? m->kept + strip_at(m, strip) : room;
    if (!keeps || strip == m->n_kept) {
        plmr_matrix_columns(m, first, n, to, n);
        m->n_kept += keeps;
    }
    if (plmr_matrix_is_kept(m)) {
        plmr_slab_destroy(m->own);
        m->own = NULL;
    }
    return to;
}

void plmr_matrix_keep(plmr_matrix *m)
{
    for (int64_t strip = m->n_kept; !m->in_place && can_keep(m) && strip * STRIP < m->n_out; strip++)
        plmr_matrix_strip(m, strip * STRIP, NULL);
}
