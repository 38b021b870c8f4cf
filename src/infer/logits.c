/* The end of the model: the last norm, and the product with the vocabulary, in the decode region. */
#include "infer/engine.h"
#include "infer/token.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "ranks/redistribute.h"

/* Rows that go through the product together: its matrix is read once for them; bytes on their way to rank 0. */
enum { ROWS_AT_ONCE = 8, MOST_BYTES = 16 << 20 };

/* Columns of rows of logits that a rank computes, in the order of its part; rank 0 wants all. */
static int64_t list_columns(const void *context, int place, int32_t *elements)
{
    const plmr_engine *engine = context;
    const plmr_deal *deal = &engine->decode->vocab;
    plmr_part part = plmr_part_of(deal, engine->decode->x, place);
    if (elements)
        plmr_part_elements(&part, deal, elements);
    return (int64_t)part.n_chunks * deal->size;
}

static int64_t list_all(const void *context, int place, int32_t *elements)
{
    int64_t n = place == 0 ? ((const plmr_engine *)context)->shape->n_vocab : 0;
    for (int64_t i = 0; i < n && elements; i++)
        elements[i] = (int32_t)i;
    return n;
}

struct rows {
    float *first;
    int64_t ld;
};

static void *at_row(const void *context, int64_t row, int64_t col)
{
    const struct rows *rows = context;
    return rows->first + row * rows->ld + col;
}

/* All ranks' columns to rank 0. */
static void collect(const plmr_engine *engine, int64_t n, float *columns, int64_t n_columns, float *logits)
{
    int64_t vocab = engine->shape->n_vocab;
    struct rows from = {columns, n_columns}, to = {logits, vocab};
    plmr_dealt rows = {.axis = PLMR_WHOLE, .n = n};
    plmr_spread_matrix before = {rows, {PLMR_X, vocab, list_columns, engine}, at_row, INT64_MAX, &from};
    plmr_spread_matrix after = {rows, {PLMR_X, vocab, list_all, engine}, at_row, INT64_MAX, &to};
    plmr_redistribute(engine->ranks, &before, &after, sizeof(float), MOST_BYTES);
}

static void run_rows(plmr_engine *engine, int n, const float *hidden, float *logits, float *stream, float *normed,
                     float *columns)
{
    const plmr_grid *grid = engine->decode;
    size_t ld = (size_t)plmr_deal_places(&grid->dim);
    int64_t dim = engine->shape->dim, n_columns = list_columns(engine, plmr_ranks_place(engine->ranks, PLMR_X), NULL);
    for (int i = 0; i < n; i++)
        memcpy(stream + (size_t)i * ld, hidden + i * dim, (size_t)dim * sizeof *stream);
    plmr_token_norm(grid, engine->shape->rms_eps, engine->output_norm, n, dim, stream, normed, ld);
    plmr_token_multiply(grid, &(plmr_token_product){&engine->output, columns, (size_t)n_columns}, 1, n, normed, ld);
    collect(engine, n, columns, n_columns, logits);
}

plmr_status plmr_engine_logits(plmr_engine *engine, int64_t n, const float *hidden, float *logits)
{
    int64_t dim = engine->shape->dim, vocab = engine->shape->n_vocab;
    size_t ld = (size_t)plmr_deal_places(&engine->decode->dim);
    size_t n_columns = (size_t)list_columns(engine, plmr_ranks_place(engine->ranks, PLMR_X), NULL);
    float *stream = plmr_take_zeroed(ROWS_AT_ONCE * (2 * ld + n_columns) + 1, sizeof *stream);
    for (int64_t row = 0; row < n; row += ROWS_AT_ONCE) {
        int now = (int)(n - row < ROWS_AT_ONCE ? n - row : ROWS_AT_ONCE);
        run_rows(engine, now, hidden + row * dim, logits ? logits + row * vocab : NULL, stream,
                 stream + ROWS_AT_ONCE * ld, stream + 2 * ROWS_AT_ONCE * ld);
    }
    free(stream);
    return PLMR_OK;
}
