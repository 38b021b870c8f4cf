/* quant.h - how GGUF tensors are stored: plain floats, or blocks of small integers with scales.
 *
 * A row is a sequence of blocks, whose layouts are those of ggml (https://github.com/ggml-org/ggml, src/ggml-common.h).
 * A type is a decoder in quant.c and a row of its table; what names the types takes them from there.
 */
#pragma once

#include "base/values.h"

enum { PLMR_QUANT_MOST_ELEMENTS = 256 }; /* of a block */
enum { PLMR_QUANT_MOST_TYPES = 64 };     /* more than there are */

typedef struct plmr_quant {
    const char *name;
    int n_elements, n_bytes;                                                  /* of a block */
    enum plmr_dtype dtype;                                                    /* what a core stores such elements in */
    void (*decode)(const unsigned char *blocks, int64_t n_blocks, float *to); /* needs no alignment */
    enum plmr_packing packing;                                                /* what kernels know it by */
} plmr_quant;

/* The type of this number in a file, or NULL if plmr does not read it. */
const plmr_quant *plmr_quant_find(uint32_t number);

/* "F32, F16, ...": all that plmr reads, by their numbers. */
typedef struct plmr_quant_names {
    char s[200];
} plmr_quant_names;
plmr_quant_names plmr_quant_list(void);

/* The name of a type that plmr may not read; "unknown" where it has not heard of it. */
const char *plmr_quant_name(uint32_t number);
