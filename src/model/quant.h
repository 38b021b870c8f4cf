/* quant.h - how GGUF tensors are stored: plain floats, or blocks of small integers with scales.
 *
 * A row is a sequence of blocks. The layouts are those of ggml (https://github.com/ggml-org/ggml, src/ggml-common.h):
 *   F32 F16 BF16   one element
 *   Q8_0           32 elements in 34 bytes: scale d (f16), 32 int8 q; element = d * q
 *   Q4_K          256 elements in 144 bytes: d, m (f16), 8 pairs of 6-bit (s, t) in 12 bytes, 256 4-bit q; element of
 *                 sub-block j of 32 = d * s[j] * q - m * t[j]
 *   Q6_K          256 elements in 210 bytes: the low 4 bits and the high 2 bits of 256 q, 16 int8 s, d (f16); element
 * of sub-block j of 16 = d * s[j] * (q - 32)
 */
#ifndef PLMR_LLM_QUANT_H
#define PLMR_LLM_QUANT_H

#include "plmr/types.h"

enum { PLMR_QUANT_MOST_ELEMENTS = 256 }; /* of a block */

typedef struct plmr_quant {
    const char *name;
    int n_elements, n_bytes;                                                  /* of a block */
    enum plmr_dtype dtype;                                                    /* what a core stores such elements in */
    void (*decode)(const unsigned char *blocks, int64_t n_blocks, float *to); /* needs no alignment */
} plmr_quant;

/* The type of this number in a file, or NULL if plmr does not read it. */
const plmr_quant *plmr_quant_find(uint32_t number);

/* The name of a type that plmr may not read; "unknown" where it has not heard of it. */
const char *plmr_quant_name(uint32_t number);

#endif
