/* plmr/types.h - element types and the words shared by all of plmr. */
#ifndef PLMR_TYPES_H
#define PLMR_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* How an element is stored in a core's SRAM: IEEE binary32, IEEE binary16, or bfloat16. */
enum plmr_dtype { PLMR_F32, PLMR_F16, PLMR_BF16 };

/* Bytes of one element. */
static inline size_t plmr_dtype_bytes(enum plmr_dtype dtype)
{
    return dtype == PLMR_F32 ? 4 : 2;
}

/* "f32", "f16" or "bf16"; "unknown" of any other. */
const char *plmr_dtype_name(enum plmr_dtype dtype);

/* x runs along a row of cores (over columns), y along a column of cores (over rows). */
enum plmr_axis { PLMR_X, PLMR_Y };

static inline int64_t plmr_ceil_div(int64_t a, int64_t b)
{
    return a / b + (a % b > 0);
}

#ifdef __cplusplus
}
#endif
#endif
