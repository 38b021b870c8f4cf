/* avx512_in_c.h - AVX-512's instructions that kernels use, by two of AVX2's or one by one: kernels are compiled with it for AVX-512, and
 * tested on machines that have none. Included before all else.
 */
#ifndef PLMR_TESTS_KERNEL_AVX512_IN_C_H
#define PLMR_TESTS_KERNEL_AVX512_IN_C_H

#include <immintrin.h>
#include <stdint.h>
#include <string.h>

/* Copied into every loop, these would take the compiler minutes. */
#define IN_C static __attribute__((noinline, unused))

/* A vector's low and high half. */
typedef struct in_c_halves {
    __m256 of[2];
} in_c_halves;

static inline in_c_halves in_c_split(__m512 vector)
{
    in_c_halves halves;
    memcpy(&halves, &vector, sizeof halves);
    return halves;
}

IN_C __m512 in_c_join(in_c_halves halves)
{
    __m512 vector;
    memcpy(&vector, &halves, sizeof vector);
    return vector;
}

IN_C __m512 in_c_set1(float value)
{
    return in_c_join((in_c_halves){{_mm256_set1_ps(value), _mm256_set1_ps(value)}});
}

IN_C __m512 in_c_fmadd(__m512 a, __m512 b, __m512 c)
{
    in_c_halves x = in_c_split(a), y = in_c_split(b), z = in_c_split(c);
    for (int i = 0; i < 2; i++)
        z.of[i] = _mm256_fmadd_ps(x.of[i], y.of[i], z.of[i]);
    return in_c_join(z);
}

IN_C __m512 in_c_widen(__m256i halves)
{
    return in_c_join((in_c_halves){
        {_mm256_cvtph_ps(_mm256_castsi256_si128(halves)), _mm256_cvtph_ps(_mm256_extracti128_si256(halves, 1))}});
}

IN_C __m256i in_c_narrow(__m512 floats)
{
    in_c_halves x = in_c_split(floats);
    return _mm256_set_m128i(_mm256_cvtps_ph(x.of[1], _MM_FROUND_TO_NEAREST_INT),
                            _mm256_cvtps_ph(x.of[0], _MM_FROUND_TO_NEAREST_INT));
}

IN_C __m512i in_c_widen_words(__m256i words)
{
    uint16_t from[16];
    uint32_t to[16];
    __m512i vector;
    memcpy(from, &words, sizeof from);
    for (int i = 0; i < 16; i++)
        to[i] = from[i];
    memcpy(&vector, to, sizeof vector);
    return vector;
}

IN_C __m512i in_c_shift_left(__m512i vector, int n)
{
    uint32_t words[16];
    memcpy(words, &vector, sizeof words);
    for (int i = 0; i < 16; i++)
        words[i] <<= n;
    memcpy(&vector, words, sizeof words);
    return vector;
}

IN_C __mmask16 in_c_less(__m512i vector, uint32_t limit)
{
    uint32_t words[16];
    unsigned mask = 0;
    memcpy(words, &vector, sizeof words);
    for (int i = 0; i < 16; i++)
        mask |= (unsigned)(words[i] < limit) << i;
    return (__mmask16)mask;
}

/* b where the mask is set, else a. */
IN_C __m512 in_c_choose(__m512 a, __mmask16 mask, __m512 b)
{
    float x[16], y[16];
    memcpy(x, &a, sizeof x);
    memcpy(y, &b, sizeof y);
    for (int i = 0; i < 16; i++)
        x[i] = mask >> i & 1 ? y[i] : x[i];
    memcpy(&a, x, sizeof x);
    return a;
}

#undef _mm512_cvtps_ph
#undef _mm512_slli_epi32
#undef _mm512_cmplt_epu32_mask
#define _mm512_set1_ps in_c_set1
#define _mm512_set1_epi32(value) ((uint32_t)(value))
#define _mm512_fmadd_ps in_c_fmadd
#define _mm512_fmsub_ps(a, b, c) in_c_fmadd(a, b, -(c))
#define _mm512_mask3_fmadd_ps(a, b, c, mask) in_c_choose(c, mask, in_c_fmadd(a, b, c))
#define _mm512_mask_mov_ps in_c_choose
#define _mm512_cvtph_ps in_c_widen
#define _mm512_cvtps_ph(floats, rounding) in_c_narrow(floats)
#define _mm512_cvtepu16_epi32 in_c_widen_words
#define _mm512_slli_epi32 in_c_shift_left
#define _mm512_cmplt_epu32_mask in_c_less

#endif
