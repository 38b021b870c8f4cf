/* text_kept.h - what plmr generate puts down to go on with, between two tokens: those that are made, how likely they were, and
 * the key-value cache. All functions are collective.
 */
#pragma once

#include "infer/generate.h"
#include "run/checkpoint.h"
#include "run/llm.h"

typedef struct plmr_text_kept {
    plmr_checkpoint checkpoint;
    plmr_llm_run *run;
    int32_t *ids; /* that are made */
    int64_t n_ids, room;
} plmr_text_kept;

/* Opens what `option` names (see plmr_checkpoint_open), for a run whose prompt is read and whose setup is chosen. What an earlier
 * run has made is then in `ids`, and its log-probabilities are the run's. */
plmr_status plmr_text_kept_open(plmr_text_kept *kept, const char *option, json_t *settings, plmr_llm_run *run);

/* The token that has just been made: puts down what is done, if it is time. A run that has been asked to stop ends the text. */
plmr_status plmr_text_keep(plmr_text_kept *kept, plmr_generation *generation);

/* See plmr_checkpoint_close. */
plmr_status plmr_text_kept_close(plmr_text_kept *kept, plmr_status status);
