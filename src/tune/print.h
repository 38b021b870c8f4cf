/* print.h - the report of plmr tune, for people and for programs. */
#pragma once

#include <stdio.h>

#include "tune/report.h"

/* What a request takes with the best choices, or those of the paper. */
typedef struct plmr_tune_times {
    double ttft_s, tpot_s, tpr_e2e;            /* tpr_e2e: output tokens over all of the time */
    double prefill_tok_s, decode_tok_s, tok_j; /* of all requests; tok_j: tokens made, NaN where power is unknown */
    double sram_left_bytes;                    /* in the core that needs most */
} plmr_tune_times;
plmr_tune_times plmr_tune_times_of(const plmr_tune_task *task, const plmr_tune_row *prefill,
                                   const plmr_tune_row *decode);

/* All of it as a JSON object for the caller to json_decref. Local. */
json_t *plmr_tune_record(const plmr_tune_task *task, const plmr_tune_report *report);

/* `asked`: the options of plmr llm that ask for the same, an object of texts, "" where an option takes no value.
 * `cache`: a line on where results are kept; NULL: nothing to say. Local: on rank 0. */
void plmr_tune_print(FILE *out, const plmr_tune_task *task, json_t *asked, const plmr_tune_report *report,
                     const char *cache);
