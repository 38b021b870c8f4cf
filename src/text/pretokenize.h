/* pretokenize.h - cuts a text into the words within which a byte-level BPE merges.
 *
 * What a word is, a regular expression says; vocabularies name theirs (`tokenizer.ggml.pre`). A text need not be valid
 * UTF-8: it is cut at bytes that belong to no character, each run of them is a word of its own, and the stretches
 * between are cut as if each were a text. So every byte of the text is in exactly one word. All functions are local.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "plmr/status.h"

typedef struct plmr_pretokenizer plmr_pretokenizer;

/* Takes one word, of at least one byte. */
typedef plmr_status plmr_word_fn(void *context, const char *word, size_t n_bytes);

/* NULL means "default", which cuts as llama.cpp does where a vocabulary names none. Fails on an unknown name with a list of those known. */
plmr_status plmr_pretokenizer_create(const char *name, plmr_pretokenizer **pretokenizer);

/* NULL is allowed. */
void plmr_pretokenizer_destroy(plmr_pretokenizer *pretokenizer);

/* Whether a word that is a token of the vocabulary stays whole, whatever the merges say. */
bool plmr_pretokenizer_keeps_tokens(const plmr_pretokenizer *pretokenizer);

/* Whether texts begin with the BOS token unless the vocabulary says otherwise. */
bool plmr_pretokenizer_adds_bos(const plmr_pretokenizer *pretokenizer);

/* Gives the words of a text to `take`, in order; stops at its first error. A word that takes the regular expression
 * too many steps, such as tens of millions of spaces, is an error too. */
plmr_status plmr_pretokenizer_split(const plmr_pretokenizer *pretokenizer, const char *text, size_t n_bytes,
                                    plmr_word_fn *take, void *context);
