/* Both phases of a model, in virtual time and with values. */
#include <float.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/wall.h"
#include "run/llm_kept.h"

/* ---- time ---- */

plmr_status plmr_llm_time_prompt(plmr_llm_run *run)
{
    double start_s = plmr_wall_s();
    if (run->kept && run->kept->has_times)
        return PLMR_OK;
    PLMR_TRY(plmr_timing_prefill(run->timing, &run->totals.prefill));
    PLMR_TRY(plmr_llm_keep_map(run, PLMR_PREFILL));
    if (run->decode && !run->setup.as_published)
        PLMR_TRY(plmr_timing_handover(run->timing, &run->totals.handover));
    run->totals.time_s += plmr_wall_s() - start_s;
    return plmr_llm_keep(run->kept, 0);
}

plmr_status plmr_llm_time_tokens(plmr_llm_run *run, int64_t n_before, int64_t n_decode)
{
    double start_s = plmr_wall_s();
    plmr_status status = PLMR_OK;
    for (int64_t i = run->totals.n_made; i < n_decode && !status; i++) {
        status = plmr_llm_totals_add_tokens(&run->totals, run->timing, n_before + i, 1);
        if (!status)
            status = plmr_llm_keep(run->kept, 0);
    }
    run->totals.time_s += plmr_wall_s() - start_s;
    PLMR_TRY(status);
    return plmr_llm_keep_map(run, PLMR_DECODE);
}

/* ---- values ---- */

static plmr_status run_prefill(plmr_llm_run *run, float *hidden)
{
    int64_t n = run->setup.n_prompt;
    plmr_status status = PLMR_OK;
    int32_t *tokens = plmr_take((size_t)n * sizeof *tokens);
    plmr_progress_begin(&run->session.progress, "prefill", 1000, run->session.shows);
    double start_s = plmr_wall_s();
    for (int b = 0; b < run->setup.n_batch && !status; b++) {
        for (int64_t i = 0; i < n; i++)
            tokens[i] = plmr_shape_token(run->shape, i + b);
        status = plmr_engine_prefill(run->engine, b, tokens, n);
        if (!status)
            plmr_engine_hidden(run->engine, n - 1, 1, hidden ? hidden + (size_t)b * (size_t)run->shape->dim : NULL);
    }
    plmr_barrier();
    run->totals.prefill_s = (plmr_wall_s() - start_s) / run->setup.n_batch;
    plmr_progress_end(&run->session.progress);
    free(tokens);
    return status;
}

static int64_t done_before(const plmr_llm_run *run)
{
    return run->kept ? run->kept->n_decoded : 0;
}

/* Rank 0's, of the last token of each request. */
static plmr_status check(const plmr_llm_run *run, const float *logits)
{
    const plmr_engine *e = run->engine;
    for (int b = 0; b < run->setup.n_batch && logits; b++)
        PLMR_TRY(plmr_engine_check(e, e->n_cached, 1, -FLT_MAX, logits + (size_t)b * (size_t)run->shape->n_vocab));
    return PLMR_OK;
}

/* Number i of those that are made. */
static plmr_status run_token(const plmr_llm_run *run, int64_t i, int32_t *tokens, float *logits)
{
    for (int b = 0; b < run->setup.n_batch; b++)
        tokens[b] = plmr_shape_token(run->shape, i * 31 + b);
    PLMR_TRY(plmr_engine_decode(run->engine, tokens));
    plmr_engine_logits(run->engine, 0, run->setup.n_batch, logits);
    return PLMR_OK;
}

static plmr_status run_decode(plmr_llm_run *run, int64_t n_decode, float *hidden)
{
    size_t n_batch = (size_t)run->setup.n_batch;
    float *logits = plmr_rank() ? NULL : plmr_take(n_batch * (size_t)run->shape->n_vocab * sizeof *logits);
    int32_t *tokens = plmr_take(n_batch * sizeof *tokens);
    plmr_status status = PLMR_OK;
    plmr_progress_begin(&run->session.progress, "decode", n_decode, run->session.shows);
    plmr_barrier();
    double start_s = plmr_wall_s() - run->totals.decode_s;
    for (int64_t i = done_before(run); i < n_decode && !status; i++) {
        status = run_token(run, i, tokens, logits);
        plmr_progress_step(&run->session.progress, i + 1);
        run->totals.decode_s = plmr_wall_s() - start_s - run->engine->turned_s;
        if (!status && i + 1 < n_decode)
            status = plmr_llm_keep(run->kept, i + 1);
    }
    plmr_barrier();
    run->totals.decode_s = plmr_wall_s() - start_s - run->engine->turned_s;
    run->totals.relayout_s += run->engine->turned_s;
    plmr_progress_end(&run->session.progress);
    if (!status && n_decode)
        status = plmr_agree(check(run, logits));
    if (!status && n_decode)
        plmr_engine_hidden(run->engine, 0, run->setup.n_batch, hidden);
    free(tokens);
    free(logits);
    return status;
}

static plmr_status relayout(plmr_llm_run *run)
{
    double start_s = plmr_wall_s();
    PLMR_TRY(plmr_engine_relayout(run->engine));
    plmr_engine_keep(run->engine);
    plmr_barrier();
    run->totals.relayout_s = plmr_wall_s() - start_s;
    return PLMR_OK;
}

static plmr_status run_phases(plmr_llm_run *run, int64_t n_decode, float *hidden)
{
    if (run->prefill && !done_before(run))
        PLMR_TRY(run_prefill(run, hidden));
    if (run->prefill && run->decode && !done_before(run))
        PLMR_TRY(relayout(run));
    return run->decode ? run_decode(run, n_decode, hidden) : PLMR_OK;
}

plmr_status plmr_llm_run_values(plmr_llm_run *run, int64_t n_before, int64_t n_decode, float *hidden)
{
    if (done_before(run)) {
        PLMR_TRY(plmr_llm_kept_resume(run->kept, run->prefill ? run->setup.n_prompt : n_before));
    } else if (!run->prefill) {
        plmr_engine_fill_cache(run->engine, n_before);
        PLMR_TRY(relayout(run)); /* not of decode's own */
    }
    plmr_session_measure(&run->session);
    plmr_status status = run_phases(run, n_decode, hidden);
    plmr_session_measured(&run->session);
    return status;
}
