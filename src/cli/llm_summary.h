/* llm_summary.h - what a run of a language model comes to: sizes by default, the record, the summary for people. */
#ifndef PLMR_LLM_SUMMARY_H
#define PLMR_LLM_SUMMARY_H

#include <stdio.h>

#include "cli/llm_run.h"
#include "infer/timing.h"
#include "report/record.h"

/* Tokens that decode has made one after the other, each at the same cost; or, of a long run, at costs close by. */
typedef struct plmr_llm_span {
    int64_t n_tokens;
    plmr_phase_cost cost; /* of all of them */
} plmr_llm_span;

enum { PLMR_LLM_SPANS = 4096 }; /* at most: then neighbours become one */

typedef struct plmr_llm_spans {
    plmr_llm_span spans[PLMR_LLM_SPANS];
    int n, n_least; /* spans of fewer tokens than n_least grow, whatever the cost */
} plmr_llm_spans;

/* A run in virtual time, and in wall time where there are values. */
typedef struct plmr_llm_summary {
    const plmr_placement *prefill, *decode;              /* NULL: there is no such phase */
    plmr_phase_cost prefill_cost, handover, decode_cost; /* of the prompt, and of all tokens made */
    double first_cycles, last_cycles;                    /* of a token */
    int64_t n_made;                                      /* tokens that decode has made, of each request */
    double load_s, prefill_s, relayout_s, decode_s;      /* wall time; 0: not run */
    plmr_llm_spans *spans;                               /* of these tokens, for a report; NULL: not kept */
    plmr_ranks_profile before;                           /* of this rank, when measuring began */
    double before_s;
    plmr_ranks_usage usage; /* of what was measured; wall_s 0: nothing was */
} plmr_llm_summary;

/* Checks of what was asked for: a square prefill region; a prompt that fits the model's
 * context; a model that fits one wafer, unless --allow M. Local. */
plmr_status plmr_llm_check_cores(const plmr_llm_options *options);
plmr_status plmr_llm_check_context(const plmr_llm_run *run, int64_t n_tokens);
plmr_status plmr_llm_check_wafer(const plmr_llm_run *run, const plmr_llm_summary *summary);

/* Adds the virtual time of `n` tokens of each request that decode makes, the first with n_before in the cache. Fails
 * where the cache is full. Collective. */
plmr_status plmr_llm_add_tokens(const plmr_llm_run *run, plmr_llm_summary *summary, plmr_timing *timing,
                                int64_t n_before, int64_t n);

/* Measures what lies between on all ranks: where their time goes, and messages. Collective. */
void plmr_llm_measure_begin(const plmr_llm_run *run, plmr_llm_summary *summary);
void plmr_llm_measure_end(const plmr_llm_run *run, plmr_llm_summary *summary);

/* The record, but for command, mode and what is measured. Texts of *texts must outlive it; free them. Local. */
typedef struct plmr_llm_texts {
    char layers[32], groups[2][96];
    plmr_provenance provenance;
    char *placement; /* NULL but on rank 0 */
} plmr_llm_texts;
void plmr_llm_texts_free(plmr_llm_texts *texts);
plmr_llm_record plmr_llm_record_of(const plmr_llm_run *run, const plmr_llm_summary *summary, plmr_llm_texts *texts);

/* Prints it. On rank 0. */
void plmr_llm_print(FILE *out, const plmr_llm_run *run, const plmr_llm_summary *summary, const plmr_llm_record *record);

#endif
