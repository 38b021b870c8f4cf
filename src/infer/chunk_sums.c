#include "infer/chunk_sums.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* ---- elements that are dealt out of their order: all of them become rows, which a list names ---- */

static int64_t range_elements(const plmr_matrix *m)
{
    int64_t n = 0;
    for (int i = 0; i < m->n_ranges; i++)
        n += m->ranges[i].n;
    return n;
}

/* By element of the dimension: its row among those of all ranges. */
static int32_t *list_elements(const plmr_matrix *m)
{
    int32_t *row = plmr_take((size_t)m->layout.in->n * sizeof *row + 1), n = 0;
    for (int i = 0; i < m->n_ranges; i++)
        for (int64_t k = 0; k < m->ranges[i].n; k++)
            row[m->ranges[i].first + k] = n++;
    return row;
}

static int32_t *list_rows(const plmr_matrix *m)
{
    int64_t n = plmr_part_places(&m->in, m->layout.in);
    int32_t *row = plmr_take((size_t)n * sizeof *row + 1), *of_element = list_elements(m);
    plmr_part_elements(&m->in, m->layout.in, row);
    for (int64_t place = 0; place < n; place++)
        row[place] = row[place] < 0 ? -1 : of_element[row[place]];
    free(of_element);
    return row;
}

/* ---- making sums ---- */

static void widen(const plmr_chunk_sums *s, int64_t first, plmr_matrix_range range, uint16_t *to)
{
    const plmr_matrix *m = s->matrix;
    const unsigned char *from[PLMR_PACKED_COLS];
    plmr_matrix_blocks(m, first, range.first, from);
    plmr_packed()->widen(m->stored.packing, range.n / m->stored.n_elements, m->wanted + range.first / PLMR_PACKED_PART,
                         from, NULL, to);
}

/* Places [from, to) of those from chunk number `chunk` of this rank on; rows are those of the first of them, and so on. */
static void add(const plmr_chunk_sums *s, int64_t chunk, int64_t from, int64_t to, const uint16_t *rows)
{
    int kt = s->matrix->layout.in->size;
    plmr_gemv_rows job = {.kt = kt, .first = from, .end = to, .rows = rows, .row = s->row};
    for (int i = 0; i < s->n && from < to; i++) {
        job.x = s->x + (size_t)i * s->ldx + (size_t)(chunk * kt);
        job.sums = s->sums + ((int64_t)i * s->matrix->in.n_chunks + chunk) * PLMR_PACKED_COLS;
        plmr_packed()->add_rows(&job);
    }
}

/* A run's elements follow each other: as many blocks at a time as the nearest cache has room for. After the
 * last of them, as a rule, come the next columns. */
static void sum_run(const plmr_chunk_sums *s, int64_t first, plmr_run run, int64_t chunk)
{
    const plmr_matrix *m = s->matrix;
    const unsigned char *from[PLMR_PACKED_COLS], *then[PLMR_PACKED_COLS];
    int64_t unit = m->stored.n_elements, n = (int64_t)run.count * m->layout.in->size;
    int64_t at = (int64_t)run.first * m->layout.in->size, n_held = plmr_clip(at, n, m->layout.in->n), next;
    plmr_matrix_blocks(m, first, at, from);
    for (int64_t k = 0; k < n_held; k = next, memcpy(from, then, sizeof from)) {
        int64_t begin = (at + k) / unit * unit, size = plmr_clip(begin, PLMR_PACKED_BLOCK, m->layout.in->n);
        next = begin + size - at < n_held ? begin + size - at : n_held;
        bool is_last = next == n_held;
        plmr_matrix_blocks(m, is_last ? first + PLMR_PACKED_COLS : first, is_last ? at : begin + size, then);
        plmr_packed()->widen(m->stored.packing, plmr_ceil_div(at + next - begin, unit),
                             m->wanted + begin / PLMR_PACKED_PART, from, then, s->rows);
        add(s, chunk, k, next, s->rows + (at + k - begin) * PLMR_PACKED_COLS);
    }
    add(s, chunk, n_held, n, NULL);
}

void plmr_chunk_sums_make(const plmr_chunk_sums *s, int64_t first)
{
    const plmr_matrix *m = s->matrix;
    uint16_t *to = s->rows;
    for (int i = 0; s->row && i < m->n_ranges; to += m->ranges[i++].n * PLMR_PACKED_COLS)
        widen(s, first, m->ranges[i], to);
    if (s->row)
        add(s, 0, 0, plmr_part_places(&m->in, m->layout.in), s->rows);
    int64_t chunk = 0;
    for (int run = 0; !s->row && run < m->in.n_runs; chunk += m->in.runs[run++].count)
        sum_run(s, first, m->in.runs[run], chunk);
}

/* ---- making one ---- */

plmr_chunk_sums *plmr_chunk_sums_create(const plmr_matrix *m, int n, const float *x, size_t ldx)
{
    plmr_chunk_sums *s = plmr_take(sizeof *s);
    bool is_listed = m->layout.in->element;
    size_t n_rows = is_listed ? (size_t)range_elements(m) : PLMR_PACKED_BLOCK;
    *s = (plmr_chunk_sums){
        .matrix = m,
        .n = n,
        .x = x,
        .ldx = ldx,
        .sums = plmr_take((size_t)n * (size_t)m->in.n_chunks * PLMR_PACKED_COLS * sizeof *s->sums + 1),
        .rows = plmr_take(n_rows * PLMR_PACKED_COLS * sizeof *s->rows + 1),
        .row = is_listed ? list_rows(m) : NULL,
    };
    return s;
}

void plmr_chunk_sums_destroy(plmr_chunk_sums *s)
{
    if (!s)
        return;
    free(s->row);
    free(s->rows);
    free(s->sums);
    free(s);
}
