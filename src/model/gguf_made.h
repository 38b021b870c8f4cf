/* gguf_made.h - makes a GGUF header out of what files of other kinds say, so that all behind it is read by one reader.
 *
 *     plmr_made made = {0};
 *     plmr_made_text(&made, "general.architecture", "llama");
 *     plmr_made_array(&made, "tokenizer.ggml.tokens", PLMR_GGUF_TEXT, 2), plmr_made_put_text(&made, "a", 1), ...
 *     plmr_made_finish(&made, "models/mine", &gguf);
 *
 * All functions are local.
 */
#pragma once

#include "model/gguf_internal.h"

typedef struct plmr_made {
    unsigned char *bytes;
    size_t n_bytes, room;
    uint64_t n_keys;
} plmr_made;

/* Keys and their values. */
void plmr_made_int(plmr_made *made, const char *key, int64_t value);
void plmr_made_real(plmr_made *made, const char *key, double value);
void plmr_made_truth(plmr_made *made, const char *key, bool value);
void plmr_made_text(plmr_made *made, const char *key, const char *value);

/* A key that is an array: its elements, as they lie in a file, are put behind it. */
void plmr_made_array(plmr_made *made, const char *key, enum plmr_gguf_value_type type, uint64_t n);
void plmr_made_put(plmr_made *made, const void *bytes, size_t n_bytes);
void plmr_made_put_text(plmr_made *made, const char *text, size_t n_bytes);

/* A file of these keys without tensors, which errors call `path`; takes over what was made, also where it fails. */
plmr_status plmr_made_finish(plmr_made *made, const char *path, plmr_gguf **gguf);
