/* llm_options.h - the options that the commands of language models share. */
#ifndef PLMR_LLM_OPTIONS_H
#define PLMR_LLM_OPTIONS_H

#include "cli/options.h"
#include "run/llm.h"

/* For argp's children: the model and the prompt; where it runs and what it writes. */
extern const struct argp plmr_prompt_argp, plmr_wafer_argp;

/* For the commands that tell of virtual time. */
extern const struct argp plmr_report_argp;

void plmr_llm_options_init(plmr_llm_options *options);

#endif
