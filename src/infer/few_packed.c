#include "infer/few_packed.h"

#include <stdlib.h>

#include "base/memory.h"
#include "infer/few_starts.h"

enum { COLS = PLMR_PACKED_COLS };

/* A product, and its columns at hand. */
struct columns {
    const plmr_matrix *m;
    int64_t first_column;
    uint16_t *rows;
    plmr_few_starts starts;
    plmr_packed_product product;
};

static void widen(const struct columns *c)
{
    const plmr_matrix *m = c->m;
    const unsigned char *from[COLS], *next[COLS];
    bool is_last = c->first_column + COLS >= m->n_out;
    plmr_matrix_blocks(m, c->first_column, 0, from);
    plmr_matrix_blocks(m, is_last ? c->first_column : c->first_column + COLS, 0, next);
    plmr_packed()->widen(m->stored.packing, m->layout.in->n / m->stored.n_elements, m->wanted, from,
                         is_last ? NULL : next, c->rows);
}

static void multiply_columns(const struct columns *c, float *to, size_t ld)
{
    widen(c);
    plmr_few_starts_find(&c->starts, c->first_column);
    plmr_few_packed()->multiply(&c->product);
    for (int i = 0; i < c->product.n_rows; i++)
        for (int64_t j = 0; j < plmr_clip(c->first_column, COLS, c->m->n_out); j++)
            to[(size_t)i * ld + (size_t)(c->first_column + j)] = c->product.sums[i * COLS + j];
}

/* Elements that are dealt in their order are met as they are widened. */
static int32_t *list_rows(const plmr_matrix *m)
{
    int32_t *row = m->layout.in->element ? plmr_take((size_t)m->n_in * sizeof *row + 1) : NULL;
    if (row)
        plmr_part_elements(&m->in, m->layout.in, row);
    return row;
}

void plmr_few_packed_multiply(const plmr_pass *p, const plmr_step_part *part, int64_t first, int64_t n_rows,
                              const float *a, size_t pitch)
{
    const plmr_matrix *m = plmr_pass_matrix(p, part->weight);
    const plmr_deal *in = m->layout.in;
    size_t ld = p->ld[part->out], n_sums = (size_t)n_rows * COLS;
    int32_t *row = list_rows(m), *start = plmr_take(n_sums * sizeof *start + 1);
    int *slot = plmr_few_slots(p, m, first, n_rows, n_rows);
    int64_t n_k = row ? m->n_in : in->n;
    struct columns c = {
        .m = m,
        .rows = plmr_take((size_t)in->n * COLS * sizeof *c.rows + 1),
        .starts = {m, slot, n_rows, COLS, COLS, 1, start},
        .product =
            {
                .n_rows = (int)n_rows,
                .pitch = pitch,
                .n_k = n_k,
                .padded = n_k < (int64_t)in->n_slots * in->size,
                .start = start,
                .a = a,
                .row = row,
                .sums = plmr_take(n_sums * sizeof(float) + 1),
            },
    };
    c.product.rows = c.rows;
    for (; c.first_column < m->n_out && n_rows; c.first_column += COLS)
        multiply_columns(&c, p->activation[part->out] + (size_t)first * ld, ld);
    free(c.product.sums);
    free(slot);
    free(start);
    free(c.rows);
    free(row);
}
