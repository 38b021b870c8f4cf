#include "infer/few_starts.h"

#include "base/memory.h"

int *plmr_few_slots(const plmr_pass *pass, const plmr_matrix *matrix, int64_t first, int64_t n, int64_t n_all)
{
    int *slot = plmr_take((size_t)n_all * sizeof *slot + 1);
    for (int64_t i = 0; i < n_all; i++) {
        int64_t row = first + (i < n ? i : n - 1);
        slot[i] = plmr_part_chunk(&pass->here, (int)(row / pass->ms)) % matrix->layout.in->n_slots;
    }
    return slot;
}

void plmr_few_starts_find(const plmr_few_starts *s, int64_t first)
{
    const plmr_matrix *m = s->matrix;
    const plmr_deal *in = m->layout.in, *out = m->layout.out;
    for (int64_t j = 0; j < s->n_cols; j++) {
        int64_t column = first + j < m->n_out ? first + j : m->n_out - 1;
        int y = plmr_part_chunk(&m->out, (int)(column / out->size)) % in->n_slots;
        for (int64_t i = 0; i < s->n_rows; i++) {
            int slot = s->slot[i] + y;
            s->start[(size_t)i * s->row_apart + (size_t)j * s->col_apart] =
                (slot < in->n_slots ? slot : slot - in->n_slots) * in->size;
        }
    }
}
