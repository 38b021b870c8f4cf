/* llm_run.h - a language model opened for a command: file, vocabulary, device, ranks and the engine. */
#ifndef PLMR_LLM_RUN_H
#define PLMR_LLM_RUN_H

#include "cli/llm_options.h"
#include "infer/engine.h"
#include "llm/tokenizer_gguf.h"
#include "report/progress.h"

typedef struct plmr_llm_run {
    const plmr_llm_options *options;
    plmr_device device;
    plmr_model *model;
    const plmr_model_shape *shape;
    plmr_tokenizer *tokenizer; /* NULL: the model has none */
    plmr_mesh *mesh;
    plmr_engine *engine;
    plmr_progress progress;
    bool interactive; /* progress is drawn: rank 0, on a terminal */
} plmr_llm_run;

/* Opens model, vocabulary, device and ranks. On failure nothing is left. Collective. */
plmr_status plmr_llm_open(const plmr_llm_options *options, plmr_llm_run *run);
void plmr_llm_close(plmr_llm_run *run);

/* The prompt's token ids, of --tokens or of --prompt; at least one, each of the model's; the caller frees them. */
plmr_status plmr_llm_prompt(const plmr_llm_run *run, int32_t **ids, int *n_ids);

/* Loads the weights, with room for n_tokens in the key-value cache. `prefills`: with a prefill region. Collective. */
plmr_status plmr_llm_load(plmr_llm_run *run, int64_t n_tokens, int n_batch, bool prefills);

#endif
