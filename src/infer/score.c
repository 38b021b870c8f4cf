#include "infer/score.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* Rows of logits that are held at a time. */
enum { ROWS_AT_ONCE = 32 };

/* Rank 0's, the first of which foretells a token at `position`. */
static plmr_status check(const plmr_engine *engine, int64_t position, int64_t n, const float *logits)
{
    return plmr_agree(logits ? plmr_engine_check(engine, position, n, -FLT_MAX, logits) : PLMR_OK);
}

static plmr_status prefill(plmr_engine *engine, const int32_t *ids, int n, float *logits)
{
    PLMR_TRY(plmr_engine_prefill(engine, 0, ids, n));
    plmr_engine_logits(engine, 0, n, logits);
    return PLMR_OK;
}

static plmr_status decode(plmr_engine *engine, const int32_t *ids, int n, float *logits)
{
    engine->n_given = n;
    for (int i = 0; i < n; i++) {
        PLMR_TRY(plmr_engine_decode(engine, &ids[i]));
        plmr_engine_logits(engine, 0, 1, logits ? logits + (size_t)i * (size_t)engine->shape->n_vocab : NULL);
    }
    return PLMR_OK;
}

plmr_status plmr_score_logits(plmr_engine *engine, const int32_t *ids, int n, float *logits)
{
    PLMR_TRY(engine->prefill ? prefill(engine, ids, n, logits) : decode(engine, ids, n, logits));
    return check(engine, 1, n, logits);
}

/* ---- windows ---- */

plmr_score plmr_score_windows(int n_ids, int size)
{
    plmr_score score = {.n_windows = n_ids / size > 1 ? n_ids / size : 1, .size = n_ids < size ? n_ids : size};
    score.first = score.n_windows > 1 ? size / 2 + 1 : 1;
    return score;
}

/* -log of the probability of `id`. */
static double surprise(const float *logits, int n_vocab, int32_t id)
{
    double most = logits[0], sum = 0;
    for (int i = 1; i < n_vocab; i++)
        most = logits[i] > most ? logits[i] : most;
    for (int i = 0; i < n_vocab; i++)
        sum += exp(logits[i] - most);
    return log(sum) + most - logits[id];
}

/* What a window is worked on in. */
struct window {
    plmr_engine *engine;
    int32_t *ids;
    float *logits; /* on rank 0 */
};

/* Row i of the logits foretells ids[at + i]. */
static void score_rows(const struct window *w, int at, int n, plmr_score *score)
{
    int n_vocab = w->engine->shape->n_vocab;
    for (int i = 0; i < n && w->logits; i++) {
        double nll = surprise(w->logits + (size_t)i * (size_t)n_vocab, n_vocab, w->ids[at + i]);
        score->sum += nll;
        score->sum_squares += nll * nll;
    }
    score->n_scored += n;
}

static plmr_status score_window(const struct window *w, plmr_score *score)
{
    int n_rows = score->size - score->first; /* each by the token before */
    PLMR_TRY(plmr_engine_prefill(w->engine, 0, w->ids, score->size));
    for (int row = 0; row < n_rows; row += ROWS_AT_ONCE) {
        int n = n_rows - row < ROWS_AT_ONCE ? n_rows - row : ROWS_AT_ONCE;
        plmr_engine_logits(w->engine, score->first - 1 + row, n, w->logits);
        PLMR_TRY(check(w->engine, score->first + row, n, w->logits));
        score_rows(w, score->first + row, n, score);
    }
    return PLMR_OK;
}

plmr_status plmr_score_run(plmr_engine *engine, const int32_t *ids, bool keeps_first, plmr_score *score,
                           plmr_score_pause *pause, void *context)
{
    const plmr_model_shape *shape = engine->shape;
    struct window w = {.engine = engine};
    plmr_status status = PLMR_OK;
    w.ids = plmr_take((size_t)score->size * sizeof *w.ids);
    w.logits = plmr_rank() ? NULL : plmr_take((size_t)ROWS_AT_ONCE * (size_t)shape->n_vocab * sizeof *w.logits);
    while (score->n_done < score->n_windows && !status) {
        memcpy(w.ids, ids + (int64_t)score->n_done * score->size, (size_t)score->size * sizeof *w.ids);
        if (keeps_first)
            w.ids[0] = ids[0];
        status = score_window(&w, score);
        score->n_done++;
        if (!status && pause && score->n_done < score->n_windows)
            status = pause(context, score);
    }
    free(w.logits);
    free(w.ids);
    return status;
}

double plmr_score_mean(const plmr_score *score)
{
    return score->sum / (double)score->n_scored;
}

double plmr_score_error(const plmr_score *score)
{
    double n = (double)score->n_scored, mean = plmr_score_mean(score), variance = score->sum_squares / n - mean * mean;
    return n < 2 ? -1 : sqrt(fmax(variance, 0) / (n - 1));
}
