#include "infer/partials.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum { COLS = PLMR_PROGRAM_COLS, CORES = PLMR_PARTIAL_CORES };

/* Bytes of a column that are read ahead, at least. */
enum { AHEAD_BYTES = 4096 };

/* ---- columns as they lie: one vector, plain words ---- */

static bool is_plain(const plmr_partials *p)
{
    return p->n == 1 && p->matrix->runs;
}

/* x(kk, core) for CORES cores at a time; zeros for what they are more than there are. */
static void deal_vector(plmr_partials *p)
{
    int64_t kt = p->matrix->layout.in->size, n_in = p->matrix->n_in;
    for (int64_t i = 0; i < n_in; i++) {
        int64_t core = i / kt, kk = i % kt;
        p->dealt[(core / CORES * kt + kk) * CORES + core % CORES] = p->x[i];
    }
}

/* Elements of a run side by side, with zeros behind them. */
static void gather(const plmr_partials *p, const plmr_matrix_run *run, const char *from)
{
    const plmr_matrix *m = p->matrix;
    int64_t rows = CORES * (int64_t)m->layout.in->size, first = run->first * rows,
            n = plmr_clip(first, run->n * rows, m->n_in);
    uint16_t *to = (uint16_t *)p->room;
    memset(to, 0, (size_t)(run->n * rows) * sizeof *to);
    if (run->together)
        memcpy(to, from + m->element[first] * (int64_t)sizeof *to, (size_t)run->together * sizeof *to);
    for (int64_t i = run->together; i < n; i++)
        if (m->element[first + i] >= 0)
            memcpy(&to[i], from + m->element[first + i] * (int64_t)sizeof *to, sizeof *to);
}

static const char *column_at(const plmr_matrix *m, int64_t col)
{
    return col < m->n_out && m->column[col] >= 0
               ? (const char *)m->stored.data + (size_t)m->column[col] * m->stored.row_bytes
               : NULL;
}

static void make_column(const plmr_partials *p, int64_t col, float *part)
{
    const plmr_matrix *m = p->matrix;
    int kt = m->layout.in->size;
    const char *from = column_at(m, col), *ahead = column_at(m, col + 1 + AHEAD_BYTES / (m->n_in * 2 + 1));
    if (!from)
        memset(part, 0, (size_t)p->n_values * sizeof *part);
    for (const plmr_matrix_run *run = m->runs; from && run < m->runs + m->n_runs; run++) {
        size_t at = (size_t)(run->element < 0 ? 0 : run->element) * sizeof(uint16_t);
        if (run->element < 0)
            gather(p, run, from);
        plmr_vectors()->gemv_partials(m->dtype, kt, (int)(run->n * CORES), p->dealt + run->first * CORES * kt,
                                      run->element < 0 ? p->room : from + at, ahead ? ahead + at : from,
                                      part + run->first * CORES);
    }
}

static void make_plain(const plmr_partials *p)
{
    size_t pitch = (size_t)p->n_values;
    for (int j = 0; j < COLS; j++)
        make_column(p, p->column + j, p->by_column + (size_t)j * pitch);
    plmr_vectors()->turn_partials((int)p->n_values - 1, p->by_column, pitch, p->values);
}

/* ---- columns that are turned, block by block, so that what is turned is still in the nearest cache ---- */

static void make_turned(const plmr_partials *p)
{
    const plmr_matrix *m = p->matrix;
    int kt = m->layout.in->size;
    for (const plmr_matrix_block *block = m->blocks; block < m->blocks + m->n_blocks; block++) {
        plmr_matrix_block_columns(m, block, p->column, COLS, p->room, COLS);
        for (int i = 0; i < p->n; i++)
            plmr_vectors()->gemv_turned(m->dtype, kt, (int)(block->n / kt),
                                        p->x + (size_t)i * p->ldx + (size_t)block->first, p->room,
                                        p->values + (i * p->n_values + block->first / kt) * COLS);
    }
}

/* ---- both ---- */

const float *plmr_partials_of(plmr_partials *p, int64_t first, int i)
{
    if (p->column != first) {
        p->column = first;
        if (is_plain(p))
            make_plain(p);
        else
            make_turned(p);
    }
    return p->values + i * p->n_values * COLS;
}

void plmr_partials_create(const plmr_matrix *m, int n, const float *x, size_t ldx, plmr_partials *p)
{
    int64_t chunks = plmr_ceil_div(m->in.n_chunks, CORES) * CORES, all = chunks * m->layout.in->size;
    int64_t most = plmr_matrix_most_rows(m) * COLS;
    *p = (plmr_partials){.matrix = m, .n = n, .x = x, .ldx = ldx, .column = -1, .n_values = chunks + 1};
    p->values = plmr_take_zeroed((size_t)(n * p->n_values), COLS * sizeof *p->values);
    p->room = plmr_take((size_t)(most > all ? most : all) * sizeof(float) + PLMR_PARTIAL_BEYOND);
    if (!is_plain(p))
        return;
    p->dealt = plmr_take_zeroed((size_t)all + 1, sizeof *p->dealt);
    p->by_column = plmr_take_zeroed((size_t)p->n_values, COLS * sizeof *p->by_column);
    deal_vector(p);
}

void plmr_partials_free(plmr_partials *p)
{
    free(p->by_column);
    free(p->dealt);
    free(p->room);
    free(p->values);
}
