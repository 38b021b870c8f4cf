/* tokenizer_gguf.h - the tokenizer of a model's file (its keys `tokenizer.ggml.*`). All functions are local; the
 * tokenizer keeps nothing of the file, which may be closed. */
#pragma once

#include "model/shape.h"
#include "text/tokenizer.h"

/* Makes the tokenizer of a model. Fails where there is none, with the advice to give token ids instead of text (a shape
 * without weights, a file without a vocabulary), where the file is wrong, and where the vocabulary has tokens that the
 * model has no embedding for. It may have fewer: embeddings are often padded, and a model may give ids without text. */
plmr_status plmr_tokenizer_open(const plmr_model *model, plmr_tokenizer **tokenizer);

/* The same for any GGUF file, also one that is a vocabulary alone. */
plmr_status plmr_tokenizer_read(const plmr_gguf *gguf, plmr_tokenizer **tokenizer);

/* What the file calls its kind of vocabulary, in printable ASCII: "llama", "gpt2"; false where there is none. */
bool plmr_tokenizer_kind(const plmr_gguf *gguf, char *kind, size_t size);
