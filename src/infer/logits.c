/* The end of the model: the last norm, and the product with the vocabulary, in the decode region. */
#include "infer/candidates.h"
#include "infer/engine.h"
#include "infer/heads.h"
#include "infer/token.h"

#include <math.h>
#include <stdlib.h>

#include "base/memory.h"

/* Rows that go through the product together: its matrix is read once for them. */
enum { ROWS_AT_ONCE = 8 };

struct room {
    float *stream, *normed, *columns; /* ROWS_AT_ONCE rows of each; this rank's parts */
    size_t ld, n_columns;
};

/* The model's scale and cap. */
static void finish(const plmr_model_shape *shape, int64_t n, float *logits)
{
    for (int64_t i = 0; i < n && shape->logit_scale != 1; i++)
        logits[i] *= 1 / shape->logit_scale;
    if (shape->logit_cap != 0)
        plmr_vector_cap(n, shape->logit_cap, 1, logits);
}

static void run_rows(plmr_engine *engine, int64_t first, int n, const struct room *room)
{
    const plmr_grid *grid = engine->decode;
    plmr_stream_rows(&engine->stream, grid, first, n, room->stream, room->ld);
    plmr_token_norm(grid, engine->shape->rms_eps, engine->output_norm, n, room->stream, room->normed, room->ld);
    plmr_token_multiply(grid, &(plmr_token_product){&engine->output, room->columns, room->n_columns}, 1, n,
                        room->normed, room->ld);
    finish(engine->shape, n * (int64_t)room->n_columns, room->columns);
}

/* Zeroed: the padding stays so. */
static struct room make_room(const plmr_grid *grid)
{
    plmr_part dim = plmr_part_here(&grid->dim, grid->y), vocab = plmr_part_here(&grid->vocab, grid->x);
    struct room room = {.ld = (size_t)plmr_part_places(&dim, &grid->dim),
                        .n_columns = (size_t)plmr_part_places(&vocab, &grid->vocab)};
    room.stream = plmr_take_zeroed(ROWS_AT_ONCE * (2 * room.ld + room.n_columns) + 1, sizeof *room.stream);
    room.normed = room.stream + ROWS_AT_ONCE * room.ld;
    room.columns = room.normed + ROWS_AT_ONCE * room.ld;
    return room;
}

void plmr_engine_logits(plmr_engine *engine, int64_t first, int64_t n, float *logits)
{
    const plmr_grid *grid = engine->decode;
    struct room room = make_room(grid);
    for (int64_t row = 0; row < n; row += ROWS_AT_ONCE) {
        int now = (int)plmr_clip(row, ROWS_AT_ONCE, n);
        run_rows(engine, first + row, now, &room);
        plmr_bring_rows(grid, &grid->vocab, grid->x, now, room.columns, room.n_columns,
                        logits ? logits + row * engine->shape->n_vocab : NULL);
    }
    free(room.stream);
}

plmr_status plmr_engine_check(const plmr_engine *engine, int64_t position, int64_t n, float least, const float *logits)
{
    int64_t n_vocab = engine->shape->n_vocab;
    for (int64_t i = 0; i < n * n_vocab; i++)
        PLMR_CHECK(
            logits[i] >= least && logits[i] < INFINITY, PLMR_ERROR_INPUT,
            "%.255s: the logit of token %lld at position %lld is %s: weights are damaged, or too large to compute "
            "with; copy, download or convert the model again",
            engine->shape->name, (long long)(i % n_vocab), (long long)(position + i / n_vocab),
            isnan(logits[i]) ? "not a number" : "infinite");
    return PLMR_OK;
}

void plmr_engine_likely(plmr_engine *engine, int64_t row, int n, float *logits)
{
    if (n < 1 || n > PLMR_MOST_CANDIDATES || plmr_ranks_extent(engine->ranks, PLMR_X) == 1) {
        plmr_engine_logits(engine, row, 1, logits);
        return;
    }
    struct room room = make_room(engine->decode);
    run_rows(engine, row, 1, &room);
    plmr_candidates_bring(engine->decode, n, room.columns, logits);
    free(room.stream);
}

void plmr_engine_hidden(const plmr_engine *engine, int64_t first, int64_t n, float *hidden)
{
    const plmr_grid *grid = engine->decode;
    plmr_part dim = plmr_part_here(&grid->dim, grid->y);
    size_t ld = (size_t)plmr_part_places(&dim, &grid->dim);
    float *rows = plmr_take_zeroed((size_t)n * ld + 1, sizeof *rows);
    plmr_stream_rows(&engine->stream, grid, first, n, rows, ld);
    plmr_bring_rows(grid, &grid->dim, grid->y, n, rows, ld, hidden);
    free(rows);
}
