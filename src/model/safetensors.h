/* safetensors.h - reads the tensors of a safetensors file: a JSON header of names, types, shapes and places, and the data.
 * Nothing in it is trusted; errors are as the GGUF reader's. All functions are local. */
#pragma once

#include "model/gguf.h"

/* The tensors as those of a GGUF file without keys, under their own names; of types F32, F16 and BF16 alone. */
plmr_status plmr_safetensors_open(const char *path, plmr_gguf **gguf);

/* The same for a file's bytes in memory, which must outlive *gguf. */
plmr_status plmr_safetensors_parse(const void *bytes, size_t n_bytes, const char *path, plmr_gguf **gguf);
