/* llm_kept.h - what a run of plmr llm puts down to go on with, between two of its tokens: the virtual times so far; and, once
 * values are decoded, the key-value cache. All functions are collective.
 */
#pragma once

#include "run/checkpoint.h"
#include "run/llm.h"

typedef struct plmr_llm_kept {
    plmr_checkpoint checkpoint;
    plmr_llm_run *run;
    bool has_times;    /* of the prompt, and of as many tokens as the run's totals say */
    int64_t n_decoded; /* tokens of each request whose values are there */
    int64_t n_looked;  /* tokens, of both planes, when signals were last looked for */
} plmr_llm_kept;

/* Opens what `option` names (see plmr_checkpoint_open), for a run that is placed, and takes the virtual times that are there; for
 * a report and a trace they are found again. From here on the run keeps, where its phases say so. */
plmr_status plmr_llm_kept_open(plmr_llm_kept *kept, const char *option, json_t *settings, plmr_llm_run *run);

/* The cache that was put down, in an engine that is loaded and has run nothing; n_before tokens were there before decode. Only
 * if n_decoded is not 0. */
plmr_status plmr_llm_kept_resume(plmr_llm_kept *kept, int64_t n_before);

/* Between two tokens: n_decoded of them have values. Puts down what is done, if it is time; an error if the run has been asked
 * to stop. kept NULL: nothing. */
plmr_status plmr_llm_keep(plmr_llm_kept *kept, int64_t n_decoded);
