/* half.h - IEEE binary16 and bfloat16 to and from float, bit for bit, without hardware support.
 *
 * To 16 bit rounds to nearest, ties to even; overflow goes to infinity, subnormals are kept, a NaN stays a (quiet) NaN
 * of the same sign. To float is exact. Every function is free of branches, so that a loop over it becomes vector code.
 */
#pragma once

#include <stdint.h>
#include <string.h>

static inline uint32_t plmr_float_bits(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static inline float plmr_float_from_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline float plmr_float_from_f16(uint16_t half)
{
    uint32_t magnitude = half & 0x7fffu;
    uint32_t normal = (magnitude << 13) + 0x38000000u; /* exponent bias 127 - 15 */
    uint32_t special = (magnitude << 13) | (magnitude > 0x7c00u ? 0x7fc00000u : 0x7f800000u);
    uint32_t subnormal = plmr_float_bits((float)(int32_t)magnitude * 0x1p-24f); /* never a subnormal float */
    uint32_t bits = magnitude < 0x0400u ? subnormal : normal;
    bits = magnitude >= 0x7c00u ? special : bits;
    return plmr_float_from_bits(bits | (uint32_t)(half & 0x8000u) << 16);
}

static inline uint16_t plmr_f16_from_float(float value)
{
    uint32_t bits = plmr_float_bits(value), magnitude = bits & 0x7fffffffu;
    uint32_t normal = (magnitude - 0x38000000u + 0x0fffu + (magnitude >> 13 & 1)) >> 13;
    /* Below 2^-14 the spacing is 2^-24, which is that of floats in [0.5, 1): the addition does the rounding. */
    uint32_t subnormal = plmr_float_bits(plmr_float_from_bits(magnitude) + 0.5f) - 0x3f000000u;
    uint32_t nan = 0x7e00u | (magnitude >> 13 & 0x03ffu);
    uint32_t half = magnitude < 0x38800000u ? subnormal : normal;
    half = magnitude >= 0x47800000u ? 0x7c00u : half;
    half = magnitude > 0x7f800000u ? nan : half;
    return (uint16_t)(half | (bits >> 16 & 0x8000u));
}

/* The float nearest to `value` that a binary16 can hold: from_f16(from_float(value)) in one go. */
static inline float plmr_f16_round(float value)
{
    uint32_t bits = plmr_float_bits(value), magnitude = bits & 0x7fffffffu;
    uint32_t normal = (magnitude + 0x0fffu + (magnitude >> 13 & 1)) & ~0x1fffu;
    uint32_t subnormal = plmr_float_bits(plmr_float_from_bits(magnitude) + 0.5f - 0.5f);
    uint32_t rounded = magnitude < 0x38800000u ? subnormal : normal;
    rounded = rounded >= 0x47800000u ? 0x7f800000u : rounded;
    rounded = magnitude > 0x7f800000u ? (magnitude & ~0x1fffu) | 0x00400000u : rounded;
    return plmr_float_from_bits(rounded | (bits & 0x80000000u));
}

static inline float plmr_float_from_bf16(uint16_t brain)
{
    return plmr_float_from_bits((uint32_t)brain << 16);
}

static inline uint16_t plmr_bf16_from_float(float value)
{
    uint32_t bits = plmr_float_bits(value);
    uint32_t rounded = (bits + 0x7fffu + (bits >> 16 & 1)) >> 16;
    uint32_t nan = bits >> 16 | 0x0040u;
    return (uint16_t)((bits & 0x7fffffffu) > 0x7f800000u ? nan : rounded);
}
