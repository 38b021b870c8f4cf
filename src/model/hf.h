/* hf.h - models as Hugging Face has them: a folder of config.json, safetensors in one file or several with an index,
 * tokenizer.json, and generation_config.json, which says what ends a text. What they say becomes the keys and tensors of a
 * GGUF file, by the names that one has, so all else is read from that. All functions are local; errors are of one line,
 * "FILE: what is wrong". */
#pragma once

#include <stdbool.h>

#include "model/gguf.h"

/* Keys that GGUF files do not have: whether rope turns halves whatever the architecture says, as these files' rows are not
 * permuted; whether the output projection is the embedding; whether queries, keys and values have biases; ids that end a text.
 * And, behind the architecture, the window of a llama, whose GGUF files have none. */
#define PLMR_HF_HALVES "plmr.halves"
#define PLMR_HF_TIED "plmr.tied"
#define PLMR_HF_BIASES "plmr.biases"
#define PLMR_HF_ENDS "plmr.end_ids"
#define PLMR_HF_WINDOW "plmr.window"

/* Likewise of vocabularies, for text/tokenizer.h's spec: what tokens take with them, where a space is put in front and what
 * becomes of others, whether words that are tokens stay whole, whether merges count and not scores, and ids around texts. */
#define PLMR_HF_STRIPS "plmr.token_strips"
#define PLMR_HF_PREFIX "plmr.space_prefix"
#define PLMR_HF_SPACES "plmr.spaces"
#define PLMR_HF_KEEPS_TOKENS "plmr.keeps_tokens"
#define PLMR_HF_BY_MERGES "plmr.by_merges"
#define PLMR_HF_BEFORE "plmr.ids_before"
#define PLMR_HF_BEHIND "plmr.ids_behind"

/* Whether it is a folder, as a path or with a config.json; or a file whose name ends in .safetensors: then the folder that
 * has it. */
bool plmr_hf_is_folder(const char *path);

plmr_status plmr_hf_open(const char *path, plmr_gguf **gguf);

/* Whether a JSON text is a config.json; then its keys, without tensors. */
bool plmr_hf_is_config(const char *text);
plmr_status plmr_hf_parse_config(const char *text, const char *path, plmr_gguf **gguf);
