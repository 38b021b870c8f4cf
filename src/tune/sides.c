#include "tune/tune.h"

#include <stdlib.h>

#include "base/larger.h"
#include "base/memory.h"

/* Marks the sides with which n elements are dealt in smaller chunks than with one core fewer. */
static void mark_dimension(int64_t n, int most, bool *marked)
{
    for (int side = 1; side <= most; side++)
        marked[side] |= side == 1 || plmr_ceil_div(n, side) < plmr_ceil_div(n, side - 1);
}

/* A key-value head lies on as many columns as there are for each. */
static void mark_heads(const plmr_model_shape *shape, int most, bool *marked)
{
    for (int span = 1; (int64_t)span * shape->n_kv_heads <= most; span++)
        marked[span * shape->n_kv_heads] |=
            plmr_ceil_div(shape->head_dim, span) < plmr_ceil_div(shape->head_dim, span > 1 ? span - 1 : 1) || span == 1;
}

int plmr_tune_least_side(const plmr_device *device)
{
    int eighth = (int)plmr_smaller(device->rows, device->cols) / 8;
    return eighth < PLMR_TUNE_LEAST_SIDE ? PLMR_TUNE_LEAST_SIDE : plmr_smaller(eighth, PLMR_TUNE_MOST_LEAST);
}

int *plmr_tune_sides(const plmr_tune_task *task, bool finely, int most, int *n_sides)
{
    const plmr_model_shape *shape = task->shape;
    int least = plmr_tune_least_side(task->device);
    bool *marked = plmr_take_zeroed((size_t)most + 1, sizeof *marked);
    int *sides = plmr_take(((size_t)most + 1) * sizeof *sides);
    mark_dimension(shape->dim, most, marked);
    mark_dimension(shape->n_ffn, most, marked);
    mark_dimension(task->decode ? task->setup.n_tokens : task->setup.n_prompt, most, marked);
    mark_heads(shape, most, marked);
    if (finely)
        mark_dimension(shape->n_vocab, most, marked);
    marked[least] = true;
    *n_sides = 0;
    for (int side = least; side <= most; side++)
        if (marked[side])
            sides[(*n_sides)++] = side;
    free(marked);
    return sides;
}
