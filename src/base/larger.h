/* larger.h - the smaller and the larger of two numbers: int, int64_t, size_t or double, as C would compare them. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define PLMR_BY_TYPE(name, a, b)                                                                                       \
    _Generic((a) + (b), int : name##_int, int64_t : name##_int64, size_t : name##_size, double : name##_double)(a, b)
#define plmr_smaller(a, b) PLMR_BY_TYPE(plmr_smaller, a, b)
#define plmr_larger(a, b) PLMR_BY_TYPE(plmr_larger, a, b)

static inline int plmr_smaller_int(int a, int b)
{
    return a < b ? a : b;
}

static inline int plmr_larger_int(int a, int b)
{
    return a > b ? a : b;
}

static inline int64_t plmr_smaller_int64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static inline int64_t plmr_larger_int64(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static inline size_t plmr_smaller_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

static inline size_t plmr_larger_size(size_t a, size_t b)
{
    return a > b ? a : b;
}

static inline double plmr_smaller_double(double a, double b)
{
    return a < b ? a : b;
}

static inline double plmr_larger_double(double a, double b)
{
    return a > b ? a : b;
}

/* For qsort. */
static inline int plmr_compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}
