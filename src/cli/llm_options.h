/* llm_options.h - the options that the commands of language models share. */
#ifndef PLMR_LLM_OPTIONS_H
#define PLMR_LLM_OPTIONS_H

#include "cli/options.h"
#include "infer/setup.h"

/* The first member of a command's own options. */
typedef struct plmr_llm_options {
    const char *model, *device;
    const char *text, *ids; /* the prompt: one of them; NULL: not given */
    plmr_llm_setup setup;
    bool quiet;                /* no warnings of where the ranks run */
    const char *json, *report; /* NULL: not given */
} plmr_llm_options;

/* For argp's children: the model and the prompt; where it runs and what it writes. */
extern const struct argp plmr_prompt_argp, plmr_wafer_argp;

/* For the commands that tell of virtual time. */
extern const struct argp plmr_report_argp;

void plmr_llm_options_init(plmr_llm_options *options);

#endif
