#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "reference.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__)
extern const plmr_isa plmr_isa_avx512_in_c;
#endif

const plmr_isa *isa_number(int i)
{
    static const char *const names[] = {"portable", "avx2", "avx512"};
    if (i < N_ISAS - 1)
        return plmr_isa_find(names[i]);
#if defined(__x86_64__)
    return plmr_isa_find("avx2") && !plmr_isa_find("avx512") ? &plmr_isa_avx512_in_c : NULL;
#else
    return NULL;
#endif
}

uint32_t hash(uint32_t a, uint32_t b, uint32_t c, uint32_t d)
{
    uint32_t h = a * 0x9e3779b1u ^ b * 0x85ebca77u ^ c * 0xc2b2ae3du ^ d * 0x27d4eb2fu;
    h = (h ^ h >> 15) * 0x2c1b3c6du;
    h = (h ^ h >> 12) * 0x297a2d39u;
    return h ^ h >> 15;
}

int random_below(int n)
{
    static uint32_t count;
    return (int)(hash(count++, 77, 7, 0) % (uint32_t)n);
}

/* Sign, exponent and fraction of a type with so many fraction bits, and the exponent of its smallest subnormal. */
static double value_of(unsigned bits, int fraction_bits, int exponent_bits, int smallest)
{
    int exponent = (int)(bits >> fraction_bits) & ((1 << exponent_bits) - 1);
    double fraction = bits & ((1u << fraction_bits) - 1), sign = bits & 0x8000 ? -1 : 1;
    if (exponent == (1 << exponent_bits) - 1)
        return fraction != 0 ? NAN : sign * INFINITY;
    if (exponent == 0)
        return sign * ldexp(fraction, smallest);
    return sign * ldexp(fraction + (1 << fraction_bits), smallest + exponent - 1);
}

double value_of_f16(unsigned half)
{
    return value_of(half, 10, 5, -24);
}

double value_of_bf16(unsigned brain)
{
    return value_of(brain, 7, 8, -133);
}

/* Values are `significant` bits apart in their binade, or 2^smallest, and less than 2^limit. */
static double nearest(double value, int significant, int smallest, int limit)
{
    int exponent;
    if (isnan(value) || isinf(value) || value == 0)
        return value;
    frexp(value, &exponent);
    int spacing = exponent - significant < smallest ? smallest : exponent - significant;
    double rounded = ldexp(nearbyint(ldexp(value, -spacing)), spacing);
    return fabs(rounded) >= ldexp(1, limit) ? copysign(INFINITY, value) : copysign(rounded, value);
}

double nearest_f16(double value)
{
    return nearest(value, 11, -24, 16);
}

double nearest_bf16(double value)
{
    return nearest(value, 8, -133, 128);
}

uint32_t element_bits(enum plmr_dtype dtype, bool wild, uint32_t h)
{
    uint32_t sign = h >> 31, low = h >> 8 & 0x7fffff, exponent = h % 12;
    if (h % 97 == 0)
        return dtype == PLMR_F32 ? sign << 31 : sign << 15;
    if (dtype == PLMR_F16)
        return sign << 15 | (wild ? h % 31 : 6 + exponent) << 10 | (low & 1023);
    exponent = wild ? h % 255 : 118 + exponent;
    return dtype == PLMR_F32 ? sign << 31 | exponent << 23 | low : sign << 15 | exponent << 7 | (low & 127);
}

/* Each value that two bytes have. */
static const float *short_values(enum plmr_dtype dtype)
{
    static float values[2][1 << 16];
    static bool known;
    for (unsigned bits = 0; !known && bits < 1 << 16; bits++) {
        values[0][bits] = (float)value_of_f16(bits);
        values[1][bits] = (float)value_of_bf16(bits);
    }
    known = true;
    return values[dtype == PLMR_BF16];
}

float element_value(enum plmr_dtype dtype, uint32_t bits)
{
    float value;
    if (dtype != PLMR_F32)
        return short_values(dtype)[bits];
    memcpy(&value, &bits, sizeof value);
    return value;
}

void put_element(enum plmr_dtype dtype, void *array, size_t at, uint32_t bits)
{
    if (dtype == PLMR_F32)
        ((uint32_t *)array)[at] = bits;
    else
        ((uint16_t *)array)[at] = (uint16_t)bits;
}

float multiply_add(enum plmr_dtype accumulate, float a, float b, float c)
{
    float sum = fmaf(a, b, c);
    return accumulate == PLMR_F16 ? (float)nearest_f16(sum) : sum;
}

bool same_bits(float a, float b)
{
    return memcmp(&a, &b, sizeof a) == 0 || (isnan(a) && isnan(b));
}

void *must_allocate(size_t n_bytes)
{
    void *memory = malloc(n_bytes ? n_bytes : 1);
    assert_non_null(memory);
    return memory;
}
