/* The end of the model: the last norm, and the product with the vocabulary, in the decode region. */
#include "infer/cost.h"
#include "infer/engine.h"
#include "infer/steps.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* Rows that go through the product together: its matrix is read once for them. */
enum { ROWS_AT_ONCE = 8 };

/* Columns of a rank, as they come, to their places in rows of logits. */
static void place_columns(const plmr_engine *engine, int place, int64_t n, const float *from, float *logits)
{
    const plmr_deal *deal = &engine->decode->vocab;
    plmr_part part = plmr_part_of(deal, engine->decode->x, place);
    int64_t n_columns = (int64_t)part.n_chunks * deal->size;
    for (int c = 0; c < part.n_chunks; c++) {
        int64_t first = (int64_t)plmr_part_chunk(&part, c) * deal->size;
        size_t n_bytes = (size_t)plmr_clip(first, deal->size, deal->n) * sizeof *logits;
        for (int64_t row = 0; row < n; row++)
            memcpy(logits + row * deal->n + first, from + row * n_columns + (int64_t)c * deal->size, n_bytes);
    }
}

static int64_t column_count(const plmr_engine *engine, int place)
{
    const plmr_deal *deal = &engine->decode->vocab;
    return (int64_t)plmr_part_of(deal, engine->decode->x, place).n_chunks * deal->size;
}

/* All ranks' columns to rank 0. */
static plmr_status collect(const plmr_engine *engine, plmr_exchange *messages, int64_t n, float *columns, float *logits)
{
    int me = plmr_ranks_place(engine->ranks, PLMR_X), n_places = plmr_ranks_extent(engine->ranks, PLMR_X);
    if (me > 0) {
        plmr_exchange_send(messages, PLMR_X, 0, columns, (size_t)(n * column_count(engine, me)) * sizeof *columns);
        plmr_exchange_wait(messages);
        return PLMR_OK;
    }
    place_columns(engine, 0, n, columns, logits);
    for (int place = 1; place < n_places; place++) {
        size_t count = (size_t)(n * column_count(engine, place));
        float *theirs = plmr_take((count + 1) * sizeof *theirs);
        plmr_exchange_receive(messages, PLMR_X, place, theirs, count * sizeof *theirs);
        plmr_exchange_wait(messages);
        place_columns(engine, place, n, theirs, logits);
        free(theirs);
    }
    return PLMR_OK;
}

static plmr_status run_rows(plmr_engine *engine, int n, const float *hidden, float *logits, float *stream,
                            float *normed, float *columns, plmr_exchange *messages)
{
    const plmr_grid *grid = engine->decode;
    size_t ld = (size_t)plmr_deal_places(&grid->dim);
    int64_t dim = engine->shape->dim, n_columns = column_count(engine, plmr_ranks_place(engine->ranks, PLMR_X));
    for (int i = 0; i < n; i++)
        memcpy(stream + (size_t)i * ld, hidden + i * dim, (size_t)dim * sizeof *stream);
    PLMR_TRY(plmr_step_norm(grid, engine->shape->rms_eps, engine->output_norm, n, dim, stream, normed, ld));
    PLMR_TRY(plmr_step_multiply(grid, &engine->output, n, normed, ld, columns, (size_t)n_columns));
    return collect(engine, messages, n, columns, logits);
}

plmr_status plmr_engine_logits(plmr_engine *engine, int64_t n, const float *hidden, float *logits)
{
    int64_t dim = engine->shape->dim, vocab = engine->shape->n_vocab;
    size_t ld = (size_t)plmr_deal_places(&engine->decode->dim);
    size_t n_columns = (size_t)column_count(engine, plmr_ranks_place(engine->ranks, PLMR_X));
    float *stream = calloc(ROWS_AT_ONCE * (2 * ld + n_columns) + 1, sizeof *stream);
    plmr_exchange *messages = plmr_exchange_create(engine->ranks);
    plmr_status status = stream ? PLMR_OK : plmr_error_make(PLMR_ERROR_SYSTEM, "out of memory");
    status = plmr_agree(status);
    for (int64_t row = 0; row < n && !status; row += ROWS_AT_ONCE) {
        int now = (int)(n - row < ROWS_AT_ONCE ? n - row : ROWS_AT_ONCE);
        status = run_rows(engine, now, hidden + row * dim, logits ? logits + row * vocab : NULL, stream,
                          stream + ROWS_AT_ONCE * ld, stream + 2 * ROWS_AT_ONCE * ld, messages);
    }
    plmr_exchange_destroy(messages);
    free(stream);
    return status;
}

plmr_status plmr_output_cost(plmr_cost_pass *pass)
{
    PLMR_TRY(plmr_cost_allreduce(pass, PLMR_Y, false, 1));
    return plmr_cost_gemv(pass, PLMR_Y, PLMR_WORK_PROJECTION, pass->grid->dim.size, &pass->grid->vocab.size, 1);
}
