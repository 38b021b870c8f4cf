/* llm_bars.h - --text: a language model's run as bars. */
#ifndef PLMR_LLM_BARS_H
#define PLMR_LLM_BARS_H

#include "cli/llm_summary.h"

/* Cycles by kind of work, and tokens per second. On rank 0. */
void plmr_llm_bars(FILE *out, const plmr_llm_summary *summary, const plmr_llm_record *record);

#endif
