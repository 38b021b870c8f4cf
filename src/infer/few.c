#include "infer/few.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "infer/few_packed.h"
#include "infer/few_starts.h"

enum { COLS = PLMR_FEW_COLS };

/* Elements lie in the file as chains meet them. */
static bool reads_lines(const plmr_matrix *m)
{
    return m->stored.data && m->stored.n_elements == 1 && plmr_dtype_bytes(m->dtype) == (size_t)m->stored.n_bytes &&
           !m->layout.in->element;
}

/* Others' columns are turned, to the order in which chains meet elements unless there is one of their own. */
static bool takes(const plmr_matrix *m)
{
    return reads_lines(m) || plmr_matrix_is_packed(m) || !m->layout.in_order;
}

bool plmr_few_fits(const plmr_matrix *m, plmr_ranks *ranks, int64_t n_rows)
{
    bool has_all = !m->layout.in_ring || plmr_ranks_extent(ranks, PLMR_Y) == 1;
    return n_rows <= PLMR_FEW_MOST_ROWS && has_all && m->in.n_runs == 1 && takes(m);
}

static int64_t pitch_of(int64_t n_rows)
{
    return plmr_ceil_div(n_rows, plmr_few()->lanes) * plmr_few()->lanes;
}

/* Element kk of row i is at line[at[i] + kk * width] of a gathered slot. */
static void find_rows(const plmr_gather *g, int64_t n_rows, int64_t at[PLMR_FEW_MOST_ROWS])
{
    for (int64_t row = 0; row < n_rows; row++)
        at[row] = row / g->width * g->n_cols * g->width + row % g->width;
}

float *plmr_few_rows(const plmr_gather *g, int64_t n_rows)
{
    const plmr_deal *deal = g->deal;
    int64_t pitch = pitch_of(n_rows), at[PLMR_FEW_MOST_ROWS];
    float *a = plmr_take_zeroed((size_t)(plmr_deal_places(deal) * pitch) + 1, sizeof *a), *to = a;
    find_rows(g, n_rows, at);
    for (int slot = 0; slot < deal->n_filled; slot++)
        for (int kk = 0; kk < deal->size; kk++, to += pitch)
            for (int64_t row = 0; row < n_rows; row++)
                to[row] = ((const float *)g->line[slot])[at[row] + kk * g->width];
    return a;
}

/* A product, and where its columns at hand go. */
struct columns {
    const plmr_matrix *m;
    int64_t n_rows;
    plmr_few_starts starts;
    char *strip; /* room for COLS columns, or a line of zeros */
    plmr_few_product product;
};

static void multiply_columns(struct columns *c, int64_t first, float *to, size_t ld)
{
    const plmr_matrix *m = c->m;
    const char *from[COLS], *next[COLS];
    plmr_few_starts_find(&c->starts, first);
    if (reads_lines(m)) {
        bool goes_on = plmr_matrix_lines(m, first, plmr_matrix_run_begins(m, 0), c->strip, from, next);
        c->product.from = from;
        c->product.next = goes_on ? next : NULL;
    } else
        plmr_matrix_columns(m, first, plmr_clip(first, COLS, m->n_out), c->strip, COLS);
    plmr_few()->multiply(m->dtype, &c->product);
    for (int64_t i = 0; i < c->n_rows; i++)
        for (int64_t j = 0; j < plmr_clip(first, COLS, m->n_out); j++)
            to[(size_t)i * ld + (size_t)j] = c->product.sums[(size_t)j * c->product.pitch + (size_t)i];
}

void plmr_few_multiply(const plmr_pass *p, const plmr_step_part *part, int64_t first, int64_t n_rows, const float *a)
{
    const plmr_matrix *m = plmr_pass_matrix(p, part->weight);
    const plmr_deal *in = m->layout.in;
    size_t pitch = (size_t)pitch_of(n_rows), ld = p->ld[part->out];
    if (plmr_matrix_is_packed(m)) {
        plmr_few_packed_multiply(p, part, first, n_rows, a, pitch);
        return;
    }
    int64_t n_k = reads_lines(m) ? in->n : plmr_deal_places(in);
    int *slot = plmr_few_slots(p, m, first, n_rows, (int64_t)pitch);
    float *sums = plmr_take(COLS * pitch * (sizeof *sums + sizeof(int32_t)));
    int32_t *start = (int32_t *)(sums + COLS * pitch);
    struct columns c = {.m = m, .n_rows = n_rows, .starts = {m, slot, (int64_t)pitch, COLS, 1, pitch, start}};
    c.strip = plmr_take_zeroed((size_t)plmr_deal_places(in) * (reads_lines(m) ? 1 : COLS) + 1, sizeof(float));
    c.product = (plmr_few_product){
        .pitch = pitch,
        .n_k = n_k,
        .padded = n_k < (int64_t)in->n_slots * in->size,
        .start = start,
        .a = a,
        .strip = c.strip,
        .sums = sums,
    };
    for (int64_t col = 0; col < m->n_out && n_rows; col += COLS)
        multiply_columns(&c, col, p->activation[part->out] + (size_t)first * ld + (size_t)col, ld);
    free(c.strip);
    free(sums);
    free(slot);
}
