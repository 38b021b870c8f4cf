/* larger.h - the smaller and the larger of two numbers: int, int64_t, size_t or double, as C would compare them. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define PLMR_BY_TYPE(name, a, b)                                                                                       \
    _Generic((a) + (b), int : name##_int, int64_t : name##_int64, size_t : name##_size, double : name##_double)(a, b)
#define plmr_smaller(a, b) PLMR_BY_TYPE(plmr_smaller, a, b)
#define plmr_larger(a, b) PLMR_BY_TYPE(plmr_larger, a, b)

/* In place, for kernels ask in their loops. */
#define PLMR_OF_TYPE(suffix, type)                                                                                     \
    static inline __attribute__((always_inline)) type plmr_smaller_##suffix(type a, type b)                            \
    {                                                                                                                  \
        return a < b ? a : b;                                                                                          \
    }                                                                                                                  \
    static inline __attribute__((always_inline)) type plmr_larger_##suffix(type a, type b)                             \
    {                                                                                                                  \
        return a > b ? a : b;                                                                                          \
    }

PLMR_OF_TYPE(int, int)
PLMR_OF_TYPE(int64, int64_t)
PLMR_OF_TYPE(size, size_t)
PLMR_OF_TYPE(double, double)

/* For qsort. */
static inline int plmr_compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}
