/* llm_run.h - a language model opened for a command: file, vocabulary, device, ranks and the engine. */
#ifndef PLMR_LLM_RUN_H
#define PLMR_LLM_RUN_H

#include "cli/llm_options.h"
#include "infer/engine.h"
#include "infer/timing.h"
#include "report/progress.h"
#include "report/ranks.h"
#include "text/tokenizer_gguf.h"

typedef struct plmr_llm_run {
    const plmr_llm_options *options;
    plmr_llm_setup setup; /* of the options, completed by the command */
    plmr_device device;
    plmr_model *model;
    const plmr_model_shape *shape;
    plmr_tokenizer *tokenizer; /* NULL: the model has none */
    plmr_ranks *ranks;
    plmr_rank_map topology; /* rank 0 */
    plmr_engine *engine;
    plmr_progress progress;
    bool interactive; /* progress is drawn: rank 0, on a terminal */
} plmr_llm_run;

/* Opens model, vocabulary, device and ranks. On failure nothing is left. Collective. */
plmr_status plmr_llm_open(const plmr_llm_options *options, plmr_llm_run *run);
void plmr_llm_close(plmr_llm_run *run);

/* What a command does with a prompt: token ids of --tokens or of --prompt, at least one, each of the model's. */
typedef plmr_status (*plmr_llm_action)(void *command, plmr_llm_run *run, const int32_t *ids, int n_ids);

/* Opens the model, reads the prompt, acts, closes. Collective. */
plmr_status plmr_llm_with_prompt(const plmr_llm_options *options, plmr_llm_action act, void *command);

/* Loads the weights. Collective. */
plmr_status plmr_llm_load(plmr_llm_run *run);

#endif
