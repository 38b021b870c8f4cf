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

/* PLMR_HF_STRIPS has a sum for each token: white space that a control, unknown or user-defined one takes with it where it is
 * found in a text. */
enum { PLMR_STRIPS_BEFORE = 1, PLMR_STRIPS_BEHIND = 2 };

/* Values of PLMR_HF_PREFIX: what has a space put in front. No text; each stretch of it between special tokens; each that does
 * not begin with one; the first, if it is the text's beginning and does not begin with one. */
enum plmr_space_prefix {
    PLMR_PREFIX_UNSAID,
    PLMR_PREFIX_NEVER,
    PLMR_PREFIX_ALWAYS,
    PLMR_PREFIX_UNLESS_THERE,
    PLMR_PREFIX_FIRST,
    PLMR_N_PREFIXES,
};

/* PLMR_HF_SPACES is a sum, of what becomes of white space: that at a stretch's beginning and end is dropped; of several spaces
 * one is left; all white space parts words, each of which has one space in front. */
enum {
    PLMR_SPACES_BEFORE = 1,
    PLMR_SPACES_BEHIND = 2,
    PLMR_SPACES_MERGE = 4,
    PLMR_SPACES_PART = 8,
    PLMR_SPACES_ALL = 15
};

enum { PLMR_VOCAB_MOST_AROUND = 16 }; /* tokens in front of a text, and behind it */

/* Whether it is a folder, as a path or with a config.json; or a file whose name ends in .safetensors: then the folder that
 * has it. */
bool plmr_hf_is_folder(const char *path);

plmr_status plmr_hf_open(const char *path, plmr_gguf **gguf);

/* Whether a JSON text is a config.json; then its keys, without tensors. */
bool plmr_hf_is_config(const char *text);
plmr_status plmr_hf_parse_config(const char *text, const char *path, plmr_gguf **gguf);
