#include "infer/line_sums.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* ---- making sums ---- */

/* The columns at hand from an element on, and those that come next. */
static void sum_lines(const plmr_line_sums *s, int64_t first, int64_t element, plmr_gemv_lines *lines)
{
    const plmr_matrix *m = s->matrix;
    const char *from[PLMR_LINE_COLS], *next[PLMR_LINE_COLS];
    bool goes_on = plmr_matrix_lines(m, first, element, s->nothing, from, next);
    lines->from = from;
    lines->next = goes_on ? next : NULL;
    plmr_lines()->gemv_lines(m->dtype, lines);
}

static void sum_run(const plmr_line_sums *s, int64_t first, int run, int64_t before)
{
    const plmr_deal *in = s->matrix->layout.in;
    plmr_run r = s->matrix->in.runs[run];
    plmr_gemv_lines lines = {
        .kt = in->size,
        .n_chunks = r.count,
        .n = plmr_clip((int64_t)r.first * in->size, (int64_t)r.count * in->size, in->n),
        .x = s->x + before * in->size,
        .sums = s->sums + before * PLMR_LINE_COLS,
    };
    sum_lines(s, first, plmr_matrix_run_begins(s->matrix, run), &lines);
}

static void sum_range(const plmr_line_sums *s, int64_t first, plmr_matrix_range range)
{
    plmr_gemv_lines lines = {
        .kt = 1,
        .n_chunks = range.n,
        .n = range.n,
        .x = s->x_there + range.first,
        .onto = s->onto + range.first,
        .sums = s->sums,
    };
    sum_lines(s, first, range.first, &lines);
}

static void sum_runs(const plmr_line_sums *s, int64_t first)
{
    const plmr_part *in = &s->matrix->in;
    int64_t before = 0;
    for (int run = 0; run < in->n_runs; before += in->runs[run++].count)
        sum_run(s, first, run, before);
}

static void sum_ranges(const plmr_line_sums *s, int64_t first)
{
    const plmr_matrix *m = s->matrix;
    memset(s->sums, 0, (size_t)m->in.n_chunks * PLMR_LINE_COLS * sizeof *s->sums);
    for (int i = 0; i < m->n_ranges; i++)
        sum_range(s, first, m->ranges[i]);
}

void plmr_line_sums_make(const plmr_line_sums *s, int64_t first)
{
    if (s->onto)
        sum_ranges(s, first);
    else
        sum_runs(s, first);
}

/* ---- making one ---- */

/* By chunk in the order of the matrix's rows: which of those dealt it is. */
static int32_t *list_chunks(const plmr_matrix *m)
{
    int32_t *dealt = plmr_take((size_t)m->in.n_chunks * sizeof *dealt + 1);
    for (int c = 0; c < m->in.n_chunks; c++)
        dealt[plmr_matrix_row(m, plmr_part_chunk(&m->in, c)) / m->layout.in->size] = c;
    return dealt;
}

static void list_elements(plmr_line_sums *s)
{
    const plmr_matrix *m = s->matrix;
    int size = m->layout.in->size;
    int32_t *dealt = list_chunks(m);
    s->onto = plmr_take((size_t)m->layout.in->n * sizeof *s->onto + 1);
    s->x_there = plmr_take_zeroed((size_t)m->layout.in->n + 1, sizeof *s->x_there);
    for (int i = 0; i < m->n_ranges; i++)
        for (int64_t k = m->ranges[i].first; k < m->ranges[i].first + m->ranges[i].n; k++) {
            int32_t row = m->row[k];
            s->onto[k] = row < 0 ? -1 : dealt[row / size];
            s->x_there[k] = row < 0 ? 0 : s->x[(int64_t)s->onto[k] * size + row % size];
        }
    free(dealt);
}

plmr_line_sums *plmr_line_sums_create(const plmr_matrix *m, const float *x)
{
    plmr_line_sums *s = plmr_take(sizeof *s);
    *s = (plmr_line_sums){
        .matrix = m,
        .x = x,
        .sums = plmr_take((size_t)m->in.n_chunks * PLMR_LINE_COLS * sizeof *s->sums + 1),
        .nothing = plmr_take_zeroed((size_t)plmr_deal_places(m->layout.in) + 1, sizeof(uint16_t)),
    };
    if (m->layout.in->element)
        list_elements(s);
    return s;
}

void plmr_line_sums_destroy(plmr_line_sums *s)
{
    if (!s)
        return;
    free(s->x_there);
    free(s->onto);
    free(s->nothing);
    free(s->sums);
    free(s);
}
