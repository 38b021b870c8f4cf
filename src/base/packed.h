/* packed.h - elements in fewer bits than cores compute with: what they take, and which values are left of them.
 *
 * Weights come in groups of PLMR_PACKED_GROUP elements of a row of (out, in) that share a scale in binary16; an element
 * is the scale times a number of the type:
 *
 *     f8  e4m3: 448 at most, steps of 2^-9 near 0    scale = largest / 448
 *     i8  -127 to 127                                scale = largest / 127
 *     i4  -7 to 7                                    scale = largest / 7
 *
 * `largest` is that of the group's magnitudes. The scale is rounded to binary16 first, the quotient then to the nearest
 * number of the type (halves to even), beyond the largest to that. A core widens an element to binary16 before it
 * multiplies with it: scale times number, rounded once. For example the i4 group {0.7, -0.26, 0, ...} has the scale
 * 0.1 -> 0.0999756, numbers {7, -3, 0, ...} and the values {0.69971, -0.29993, 0, ...}.
 */
#pragma once

#include "plmr/types.h"

enum plmr_packed { PLMR_UNPACKED, PLMR_F8, PLMR_I8, PLMR_I4, PLMR_N_PACKED };

enum { PLMR_PACKED_GROUP = 32, PLMR_SCALE_BYTES = 2 };

/* "f8", "i8", "i4". */
const char *plmr_packed_name(enum plmr_packed packed);

/* What is left of n values, in place, once they were packed and widened again: one group, its scale by its largest; or
 * without a scale, which suits f8 alone. */
void plmr_packed_round(enum plmr_packed packed, bool scaled, int64_t n, float *values);

/* Bytes that n elements with so many scales take in a core: whole words of 4 bytes. */
int64_t plmr_packed_bytes(enum plmr_packed packed, int64_t n, int64_t n_scales);
