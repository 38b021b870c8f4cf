/* isa_vector.h - vectors of floats of the instruction set that isa.c is compiled for, and the size of its register
 * tile.
 *
 * PLMR_ISA_AVX512 or PLMR_ISA_AVX2 is defined where the flags of the compiler allow for it; without both the code is
 * what any processor runs, lane by lane where there is no vector operation that every compiler knows, or, where every
 * processor has SSE2 as on x86-64, of its operations.
 */
#pragma once

#include "base/half.h"
#include "kernel/isa.h"
#include "plmr/types.h"

#include <math.h>
#if defined(PLMR_ISA_AVX512) || defined(PLMR_ISA_AVX2)
#include <immintrin.h>
#elif defined(__SSE2__) && !defined(__FP_FAST_FMAF)
#define PLMR_ISA_SSE2 /* vectors as such, but no fused multiply-add */
#include <emmintrin.h>
#endif

/* The register tile has ROWS rows of VECTORS vectors; with PLMR_ISA_FEW defined as many as few rows of C fill better. On a
 * ramp, STRIP_ROWS rows are worked on together. */
#if defined(PLMR_ISA_FEW)
#define PLMR_ISA_ROWS(most, few) few
#else
#define PLMR_ISA_ROWS(most, few) most
#endif
#if defined(PLMR_ISA_AVX512)
#ifndef PLMR_ISA
#define PLMR_ISA avx512
#endif
enum { LANES = 16, VECTORS = 1, ROWS = PLMR_ISA_ROWS(16, 8), STRIP_ROWS = 8 };
#elif defined(PLMR_ISA_AVX2)
#define PLMR_ISA avx2
enum { LANES = 8, VECTORS = 2, ROWS = PLMR_ISA_ROWS(6, 4), STRIP_ROWS = ROWS };
#else
#define PLMR_ISA portable
enum { LANES = 4, VECTORS = 2, ROWS = PLMR_ISA_ROWS(8, 4), STRIP_ROWS = ROWS };
#endif

/* What a build of these files defines. */
#define PLMR_JOIN_NOW(a, b) a##b
#define PLMR_JOIN(a, b) PLMR_JOIN_NOW(a, b)
#define PLMR_QUOTE_NOW(a) #a
#define PLMR_QUOTE(a) PLMR_QUOTE_NOW(a)
#define PLMR_ISA_NAME PLMR_QUOTE(PLMR_ISA)
#define PLMR_ISA_FEW_TABLE PLMR_JOIN(PLMR_JOIN(plmr_isa_, PLMR_ISA), _few)
#if defined(PLMR_ISA_FEW)
#define PLMR_ISA_TABLE PLMR_ISA_FEW_TABLE
#else
#define PLMR_ISA_TABLE PLMR_JOIN(plmr_isa_, PLMR_ISA)
#endif
#define PLMR_ISA_VECTORS_TABLE PLMR_JOIN(plmr_isa_vectors_, PLMR_ISA)
#define PLMR_ISA_LINES_TABLE PLMR_JOIN(plmr_isa_lines_, PLMR_ISA)
#define PLMR_ISA_ATTENTION_TABLE PLMR_JOIN(plmr_isa_attention_, PLMR_ISA)
#define PLMR_ISA_FEW_ROWS_TABLE PLMR_JOIN(plmr_isa_few_rows_, PLMR_ISA)
#define PLMR_ISA_PACKED_TABLE PLMR_JOIN(plmr_isa_packed_, PLMR_ISA)
#define PLMR_ISA_FEW_PACKED_TABLE PLMR_JOIN(plmr_isa_few_packed_, PLMR_ISA)
extern const plmr_isa PLMR_ISA_TABLE, PLMR_ISA_FEW_TABLE;
extern const plmr_vector_functions PLMR_ISA_VECTORS_TABLE;
extern const plmr_line_functions PLMR_ISA_LINES_TABLE;
extern const plmr_attention_functions PLMR_ISA_ATTENTION_TABLE;
extern const plmr_few_functions PLMR_ISA_FEW_ROWS_TABLE;
extern const plmr_packed_functions PLMR_ISA_PACKED_TABLE;
extern const plmr_few_packed_functions PLMR_ISA_FEW_PACKED_TABLE;
enum { COLS = VECTORS * LANES };

/* For i < n: with a constant n and vectors that should stay in registers; or where turns are independent, though an
 * output may be one of the inputs. */
#if defined(__clang__)
#define PLMR_UNROLL _Pragma("unroll")
#define PLMR_INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#elif defined(__OPTIMIZE__)
#define PLMR_UNROLL _Pragma("GCC unroll 32")
#define PLMR_INDEPENDENT _Pragma("GCC ivdep")
#else
#define PLMR_UNROLL
#define PLMR_INDEPENDENT
#endif
#define PLMR_EACH(i, n) PLMR_UNROLL for (int i = 0; i < (n); i++)
#define PLMR_EACH_APART(i, n) PLMR_INDEPENDENT for (int64_t i = 0; i < (n); i++)

/* So that arguments that are constants become constants: one loop in the source, several in the program. */
#define PLMR_INLINE static inline __attribute__((always_inline))

/* What is an instruction, and in the portable code a page of them: copied into every loop, a compiler takes half a minute over
 * it. */
#if defined(PLMR_ISA_AVX512) || defined(PLMR_ISA_AVX2)
#define PLMR_CALLED PLMR_INLINE
#else
#define PLMR_CALLED static __attribute__((noinline, unused))
#endif

typedef float vf __attribute__((vector_size(4 * LANES)));
typedef int32_t vi __attribute__((vector_size(4 * LANES)));
typedef uint32_t vu __attribute__((vector_size(4 * LANES)));
typedef vf vf_anywhere __attribute__((aligned(4), may_alias));
typedef vi vi_anywhere __attribute__((aligned(4), may_alias));

#if defined(PLMR_ISA_AVX512)
typedef __mmask16 vmask;
#else
typedef vi vmask;
#endif

PLMR_INLINE vf vf_load(const float *from)
{
    return *(const vf_anywhere *)from;
}

PLMR_INLINE void vf_store(float *to, vf value)
{
    *(vf_anywhere *)to = value;
}

PLMR_INLINE vi vi_load(const int32_t *from)
{
    return *(const vi_anywhere *)from;
}

#if defined(PLMR_ISA_SSE2)
static __attribute__((noinline, unused, cold)) vf vf_fma_by_lanes(float a, vf b, vf c)
{
    for (int lane = 0; lane < LANES; lane++)
        c[lane] = fmaf(a, b[lane], c[lane]);
    return c;
}

/* Whether two roundings of these sums of doubles, the second to a float, may differ from one: where a sum is a tie between floats,
 * which the first may have made, or where the float is below 2^-126. Moved by three bits, the upper half of the bits below a
 * float's are then 0x8000, or the exponent as a signed number is below 2^-126's. 0, infinity and what rounds to 0 stay out. */
PLMR_INLINE bool vd_doubtful(__m128d low, __m128d high)
{
    const short never = INT16_MIN, tie = INT16_MIN + 1, small = (short)(0xc080 - 0x10000);
    __m128i least = _mm_min_epi16(_mm_slli_epi32(_mm_castpd_si128(low), 3), _mm_slli_epi32(_mm_castpd_si128(high), 3));
    __m128i limits = _mm_setr_epi16(never, tie, never, small, never, tie, never, small);
    return __builtin_expect(_mm_movemask_epi8(_mm_cmplt_epi16(least, limits)), 0) != 0;
}

/* A product of floats is exact in double, and their sum is rounded twice, which is seldom not what one rounding gives. */
PLMR_INLINE vf vf_fma_by_doubles(float a, vf b, vf c)
{
    __m128d x = _mm_set1_pd((double)a);
    __m128 right = (__m128)b, sum = (__m128)c;
    __m128d low = x * _mm_cvtps_pd(right) + _mm_cvtps_pd(sum);
    __m128d high = x * _mm_cvtps_pd(_mm_movehl_ps(right, right)) + _mm_cvtps_pd(_mm_movehl_ps(sum, sum));
    if (vd_doubtful(low, high))
        return vf_fma_by_lanes(a, b, c);
    return (vf)_mm_movelh_ps(_mm_cvtpd_ps(low), _mm_cvtpd_ps(high));
}
#endif

PLMR_INLINE vf vf_fma(float a, vf b, vf c)
{
#if defined(PLMR_ISA_AVX512)
    return (vf)_mm512_fmadd_ps(_mm512_set1_ps(a), (__m512)b, (__m512)c);
#elif defined(PLMR_ISA_AVX2)
    return (vf)_mm256_fmadd_ps(_mm256_set1_ps(a), (__m256)b, (__m256)c);
#elif defined(PLMR_ISA_SSE2)
    return vf_fma_by_doubles(a, b, c);
#else
    for (int lane = 0; lane < LANES; lane++)
        c[lane] = fmaf(a, b[lane], c[lane]);
    return c;
#endif
}

/* To the nearest f16. */
PLMR_CALLED vf vf_round(vf value)
{
#if defined(PLMR_ISA_AVX512)
    return (vf)_mm512_cvtph_ps(_mm512_cvtps_ph((__m512)value, _MM_FROUND_TO_NEAREST_INT));
#elif defined(PLMR_ISA_AVX2)
    return (vf)_mm256_cvtph_ps(_mm256_cvtps_ph((__m256)value, _MM_FROUND_TO_NEAREST_INT));
#else
    for (int lane = 0; lane < LANES; lane++)
        value[lane] = plmr_f16_round(value[lane]);
    return value;
#endif
}

/* One step of a chain; `half` chains are rounded to f16. */
PLMR_INLINE vf vf_step(bool half, float a, vf b, vf c)
{
    vf sum = vf_fma(a, b, c);
    return half ? vf_round(sum) : sum;
}

/* The lanes that are at least 0 and less than `end`. */
PLMR_INLINE vmask vi_within(vi value, int end)
{
#if defined(PLMR_ISA_AVX512)
    return _mm512_cmplt_epu32_mask((__m512i)value, _mm512_set1_epi32(end));
#else
    return (vi)((vu)value < (vu){0} + (uint32_t)end);
#endif
}

/* vf_step in the lanes of the mask, c in the others. */
PLMR_INLINE vf vf_step_where(vmask mask, bool half, float a, vf b, vf c)
{
#if defined(PLMR_ISA_AVX512)
    if (!half)
        return (vf)_mm512_mask3_fmadd_ps(_mm512_set1_ps(a), (__m512)b, (__m512)c, mask);
    return (vf)_mm512_mask_mov_ps((__m512)c, mask, (__m512)vf_step(half, a, b, c));
#elif defined(PLMR_ISA_AVX2)
    return (vf)_mm256_blendv_ps((__m256)c, (__m256)vf_step(half, a, b, c), (__m256)mask);
#else
    return (vf)((mask & (vi)vf_step(half, a, b, c)) | (~mask & (vi)c));
#endif
}

#if defined(PLMR_ISA_SSE2)
/* The exponent's bias grows by a factor, which makes floats of what f16 has below 2^-14, too. */
PLMR_INLINE vf vf_from_f16(const uint16_t *words)
{
    const __m128i greatest = _mm_set1_epi32(0x0f7fffff), infinite = _mm_set1_epi32(0x70000000);
    __m128i bits = _mm_unpacklo_epi16(_mm_setzero_si128(), _mm_loadl_epi64((const __m128i *)words));
    bits = _mm_and_si128(_mm_srai_epi32(bits, 3), _mm_set1_epi32((int)0x8fffe000u));
    __m128i beyond = _mm_cmpgt_epi32(_mm_and_si128(bits, _mm_set1_epi32(INT32_MAX)), greatest);
    bits = _mm_or_si128(bits, _mm_and_si128(beyond, infinite));
    return (vf)_mm_mul_ps(_mm_castsi128_ps(bits), _mm_set1_ps(0x1p112f));
}
#elif !defined(PLMR_ISA_AVX512) && !defined(PLMR_ISA_AVX2)
PLMR_CALLED vf vf_from_f16(const uint16_t *words)
{
    vf value;
    for (int lane = 0; lane < LANES; lane++)
        value[lane] = plmr_float_from_f16(words[lane]);
    return value;
}
#endif

#if defined(PLMR_ISA_AVX512)
PLMR_INLINE vf vf_from_words(enum plmr_dtype dtype, __m256i words)
{
    return dtype == PLMR_F16 ? (vf)_mm512_cvtph_ps(words) : (vf)_mm512_slli_epi32(_mm512_cvtepu16_epi32(words), 16);
}
#endif

/* LANES elements, the first of them number `at`. */
PLMR_INLINE vf vf_load_as(enum plmr_dtype dtype, const void *from, size_t at)
{
    if (dtype == PLMR_F32)
        return vf_load((const float *)from + at);
    const uint16_t *words = (const uint16_t *)from + at;
#if defined(PLMR_ISA_AVX512)
    return vf_from_words(dtype, _mm256_loadu_si256((const __m256i *)words));
#elif defined(PLMR_ISA_AVX2)
    __m128i raw = _mm_loadu_si128((const __m128i *)words);
    return dtype == PLMR_F16 ? (vf)_mm256_cvtph_ps(raw) : (vf)_mm256_slli_epi32(_mm256_cvtepu16_epi32(raw), 16);
#else
    if (dtype == PLMR_F16)
        return vf_from_f16(words);
    vf value;
    for (int lane = 0; lane < LANES; lane++)
        value[lane] = plmr_float_from_bf16(words[lane]);
    return value;
#endif
}

PLMR_INLINE float load_as(enum plmr_dtype dtype, const void *from, size_t at)
{
    const uint16_t *words = (const uint16_t *)from;
    if (dtype == PLMR_F32)
        return ((const float *)from)[at];
    return dtype == PLMR_F16 ? plmr_float_from_f16(words[at]) : plmr_float_from_bf16(words[at]);
}

PLMR_INLINE void to_float_as(enum plmr_dtype dtype, int64_t n, const void *restrict from, float *restrict to)
{
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        vf_store(to + i, vf_load_as(dtype, from, (size_t)i));
    for (; i < n; i++)
        to[i] = load_as(dtype, from, (size_t)i);
}
