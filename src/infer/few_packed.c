#include "infer/few_packed.h"

#include <stdlib.h>

#include "base/memory.h"

enum { COLS = PLMR_PACKED_COLS };

/* A product, and its columns at hand. */
struct columns {
    const plmr_matrix *m;
    int64_t first_column;
    uint16_t *rows;
    int32_t *start;
    int *slot; /* by row: where cores that have column 0 begin */
    plmr_packed_product product;
};

static void widen(const struct columns *c)
{
    const plmr_matrix *m = c->m;
    const unsigned char *from[COLS], *next[COLS];
    bool is_last = c->first_column + COLS >= m->n_out;
    plmr_matrix_blocks(m, c->first_column, 0, from);
    plmr_matrix_blocks(m, is_last ? c->first_column : c->first_column + COLS, 0, next);
    plmr_packed()->widen(m->stored.packing, m->layout.in->n / m->stored.n_elements, from, is_last ? NULL : next,
                         c->rows);
}

/* Core (x, y) begins in slot x + y of the ring. */
static void find_starts(const struct columns *c)
{
    const plmr_deal *in = c->m->layout.in, *out = c->m->layout.out;
    for (int j = 0; j < COLS; j++) {
        int64_t column = c->first_column + j < c->m->n_out ? c->first_column + j : c->m->n_out - 1;
        int y = plmr_part_chunk(&c->m->out, (int)(column / out->size)) % in->n_slots;
        for (int i = 0; i < c->product.n_rows; i++) {
            int slot = c->slot[i] + y;
            c->start[i * COLS + j] = (slot < in->n_slots ? slot : slot - in->n_slots) * in->size;
        }
    }
}

static void multiply_columns(const struct columns *c, float *to, size_t ld)
{
    widen(c);
    find_starts(c);
    plmr_few_packed()->multiply(&c->product);
    for (int i = 0; i < c->product.n_rows; i++)
        for (int64_t j = 0; j < plmr_clip(c->first_column, COLS, c->m->n_out); j++)
            to[(size_t)i * ld + (size_t)(c->first_column + j)] = c->product.sums[i * COLS + j];
}

/* By row; rows of the pass come in chunks. */
static int *list_slots(const plmr_pass *p, int n_slots, int64_t first, int64_t n_rows)
{
    int *slot = plmr_take((size_t)n_rows * sizeof *slot + 1);
    for (int64_t i = 0; i < n_rows; i++)
        slot[i] = plmr_part_chunk(&p->here, (int)((first + i) / p->ms)) % n_slots;
    return slot;
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
    int32_t *row = list_rows(m);
    int64_t n_k = row ? m->n_in : in->n;
    struct columns c = {
        .m = m,
        .rows = plmr_take((size_t)in->n * COLS * sizeof *c.rows + 1),
        .start = plmr_take(n_sums * sizeof *c.start + 1),
        .slot = list_slots(p, in->n_slots, first, n_rows),
        .product =
            {
                .n_rows = (int)n_rows,
                .pitch = pitch,
                .n_k = n_k,
                .padded = n_k < (int64_t)in->n_slots * in->size,
                .a = a,
                .row = row,
                .sums = plmr_take(n_sums * sizeof(float) + 1),
            },
    };
    c.product.rows = c.rows;
    c.product.start = c.start;
    for (; c.first_column < m->n_out && n_rows; c.first_column += COLS)
        multiply_columns(&c, p->activation[part->out] + (size_t)first * ld, ld);
    free(c.product.sums);
    free(c.slot);
    free(c.start);
    free(c.rows);
    free(row);
}
