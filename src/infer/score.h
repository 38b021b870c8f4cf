/* score.h - what a model says of a given text: its logits after each token, and how well it foretells the text. */
#pragma once

#include "infer/engine.h"

/* The logits after each of n tokens, n x vocab, on rank 0 (NULL elsewhere): all at once by prefill; by an engine that
 * has no prefill, by decode, one after the other. Fails where one is not a finite number. Collective. */
plmr_status plmr_score_logits(plmr_engine *engine, const int32_t *ids, int n, float *logits);

/* A text of n_ids tokens in windows, each of which starts from an empty cache. Scored is the second half of each, given
 * all that comes before it in the window; of a single window all tokens but the first. */
typedef struct plmr_score {
    int size, n_windows; /* tokens of a window */
    int first;           /* the first token of a window that is scored */
    int64_t n_scored;
    double sum, sum_squares; /* of -log p; on rank 0 */
    int n_done;              /* windows that these come from; the next that is scored */
} plmr_score;

/* Whole windows of `size`, or one that is as long as the text. */
plmr_score plmr_score_windows(int n_ids, int size);

/* Called on all ranks when a window is done and others are left, unless it is NULL; an error ends it. */
typedef plmr_status plmr_score_pause(void *context, plmr_score *score);

/* Scores all windows that are not done. With keeps_first the text's first token takes the place of every window's.
 * Fails where a logit is not a finite number. Collective. */
plmr_status plmr_score_run(plmr_engine *engine, const int32_t *ids, bool keeps_first, plmr_score *score,
                           plmr_score_pause *pause, void *context);

/* The mean of -log p, and its standard error: negative, there is none, of one token. On rank 0. */
double plmr_score_mean(const plmr_score *score);
double plmr_score_error(const plmr_score *score);
