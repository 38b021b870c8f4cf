/* Compiled once for every instruction set (see meson.build). Everything but the table at the end is static: no function
 * of one instruction set can stand in for another's. */
#include "kernel/isa.h"

#include "base/half.h"
#include "plmr/status.h"

#include <math.h>
#if defined(PLMR_ISA_AVX512) || defined(PLMR_ISA_AVX2)
#include <immintrin.h>
#endif

#if defined(PLMR_ISA_AVX512)
#define PLMR_ISA_TABLE plmr_isa_avx512
#define PLMR_ISA_NAME "avx512"
enum { LANES = 16, ROWS = 16, VECTORS = 1, STRIP_ROWS = 8 };
#elif defined(PLMR_ISA_AVX2)
#define PLMR_ISA_TABLE plmr_isa_avx2
#define PLMR_ISA_NAME "avx2"
enum { LANES = 8, ROWS = 6, VECTORS = 2, STRIP_ROWS = 6 };
#else
#define PLMR_ISA_TABLE plmr_isa_portable
#define PLMR_ISA_NAME "portable"
enum { LANES = 4, ROWS = 8, VECTORS = 2, STRIP_ROWS = 8 };
#endif

#if defined(__clang__)
#define PLMR_UNROLL _Pragma("unroll")
#else
#define PLMR_UNROLL _Pragma("GCC unroll 32")
#endif
#define PLMR_INLINE static inline __attribute__((always_inline))

enum {
    COLS = VECTORS * LANES,
    GEMV_VECTORS = 8, /* of one strip of columns, whose sums stay in registers */
};
_Static_assert((int)ROWS <= (int)PLMR_MOST_ROWS && (int)COLS <= (int)PLMR_MOST_COLS, "the tile fits the common code's");

typedef float vf __attribute__((vector_size(4 * LANES)));
typedef int32_t vi __attribute__((vector_size(4 * LANES)));
typedef uint32_t vu __attribute__((vector_size(4 * LANES)));
typedef vf vf_anywhere __attribute__((aligned(4), may_alias));
typedef vi vi_anywhere __attribute__((aligned(4), may_alias));

PLMR_INLINE vf load(const float *from)
{
    return *(const vf_anywhere *)from;
}

PLMR_INLINE void store(float *to, vf value)
{
    *(vf_anywhere *)to = value;
}

PLMR_INLINE vf fma_lanes(float a, vf b, vf c)
{
#if defined(PLMR_ISA_AVX512)
    return (vf)_mm512_fmadd_ps(_mm512_set1_ps(a), (__m512)b, (__m512)c);
#elif defined(PLMR_ISA_AVX2)
    return (vf)_mm256_fmadd_ps(_mm256_set1_ps(a), (__m256)b, (__m256)c);
#else
    for (int lane = 0; lane < LANES; lane++)
        c[lane] = fmaf(a, b[lane], c[lane]);
    return c;
#endif
}

PLMR_INLINE vf round_lanes(vf value)
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

PLMR_INLINE vf step(bool half, float a, vf b, vf c)
{
    vf sum = fma_lanes(a, b, c);
    return half ? round_lanes(sum) : sum;
}

/* n_k k from a and b on. */
PLMR_INLINE void multiply_some(bool half, int n_k, const float *restrict a, const float *restrict b,
                               vf acc[ROWS][VECTORS])
{
    for (int k = 0; k < n_k; k++, a += ROWS, b += COLS) {
        vf right[VECTORS];
        PLMR_UNROLL for (int v = 0; v < VECTORS; v++) right[v] = load(b + v * LANES);
        PLMR_UNROLL for (int i = 0; i < ROWS; i++) PLMR_UNROLL for (int v = 0; v < VECTORS; v++) acc[i][v] =
            step(half, a[i], right[v], acc[i][v]);
    }
}

PLMR_INLINE void multiply(bool half, int n_k, const float *restrict a, const float *restrict b, float *restrict c,
                          size_t ldc, const plmr_fetch *fetch)
{
    enum { K_PER_LINE = PLMR_K_PER_LINE, K_PER_ROW = VECTORS * K_PER_LINE };
    vf acc[ROWS][VECTORS];
    PLMR_UNROLL for (int i = 0; i < ROWS; i++) PLMR_UNROLL for (int v = 0; v < VECTORS; v++) acc[i][v] =
        load(c + (size_t)i * ldc + v * LANES);
    for (int i = 0; i < fetch->n; i++, a += K_PER_LINE * ROWS, b += K_PER_LINE * COLS) {
        __builtin_prefetch(fetch->line[i]);
        multiply_some(half, K_PER_LINE, a, b, acc);
    }
    const float *next = fetch->c;
    for (int i = 0; i < fetch->n_rows; i++, a += K_PER_ROW * ROWS, b += K_PER_ROW * COLS, next += fetch->ldc) {
        PLMR_UNROLL for (int v = 0; v < VECTORS; v++)
            __builtin_prefetch(next + (v + 1) * LANES - 1); /* what lies before is this tile's last line */
        multiply_some(half, K_PER_ROW, a, b, acc);
    }
    multiply_some(half, n_k - fetch->n * K_PER_LINE - fetch->n_rows * K_PER_ROW, a, b, acc);
    PLMR_UNROLL for (int i = 0; i < ROWS; i++) PLMR_UNROLL for (int v = 0; v < VECTORS; v++)
        store(c + (size_t)i * ldc + v * LANES, acc[i][v]);
}

static void multiply_f32(int n_k, const float *a, const float *b, float *c, size_t ldc, const plmr_fetch *fetch)
{
    multiply(false, n_k, a, b, c, ldc, fetch);
}

static void multiply_f16(int n_k, const float *a, const float *b, float *c, size_t ldc, const plmr_fetch *fetch)
{
    multiply(true, n_k, a, b, c, ldc, fetch);
}

static void copy_tile(const float *restrict from, size_t ldfrom, float *restrict to, size_t ldto)
{
    PLMR_UNROLL for (int i = 0; i < ROWS; i++) PLMR_UNROLL for (int v = 0; v < VECTORS; v++)
        store(to + (size_t)i * ldto + v * LANES, load(from + (size_t)i * ldfrom + v * LANES));
}

#if defined(PLMR_ISA_AVX512)
typedef __mmask16 lanes;
#else
typedef vi lanes;
#endif

/* The lanes whose element is at work in one of its steps: 0 <= step < n_steps. */
PLMR_INLINE lanes at_work(vi step, int n_steps)
{
#if defined(PLMR_ISA_AVX512)
    return _mm512_cmplt_epu32_mask((__m512i)step, _mm512_set1_epi32(n_steps));
#else
    return (vi)((vu)step < (vu){0} + (uint32_t)n_steps);
#endif
}

PLMR_INLINE vf choose(lanes mask, vf yes, vf no)
{
#if defined(PLMR_ISA_AVX512)
    return (vf)_mm512_mask_blend_ps(mask, (__m512)no, (__m512)yes);
#elif defined(PLMR_ISA_AVX2)
    return (vf)_mm256_blendv_ps((__m256)no, (__m256)yes, (__m256)mask);
#else
    return (vf)((mask & (vi)yes) | (~mask & (vi)no));
#endif
}

PLMR_INLINE vf step_where(lanes mask, bool half, float a, vf b, vf c)
{
#if defined(PLMR_ISA_AVX512)
    if (!half)
        return (vf)_mm512_mask3_fmadd_ps(_mm512_set1_ps(a), (__m512)b, (__m512)c, mask);
#endif
    return choose(mask, step(half, a, b, c), c);
}

/* One vector of STRIP_ROWS rows of the register tile, in the slots from <= slot < to. `same`: all rows start together.
 */
PLMR_INLINE void multiply_strip(bool half, bool same, const plmr_ramp *ramp, int from, int to, const int32_t *row_phase,
                                vi late, const float *restrict a, const float *restrict b, float *restrict c,
                                size_t ldc)
{
    vf acc[STRIP_ROWS];
    PLMR_UNROLL for (int i = 0; i < STRIP_ROWS; i++) acc[i] = load(c + (size_t)i * ldc);
    for (int slot = from; slot < to; slot++) {
        int k = slot * ramp->kt < ramp->k ? ramp->k : slot * ramp->kt;
        int k_end = (slot + 1) * ramp->kt > ramp->k_end ? ramp->k_end : (slot + 1) * ramp->kt;
        lanes mask[STRIP_ROWS];
        PLMR_UNROLL for (int i = 0; i < STRIP_ROWS; i++) mask[i] =
            same && i > 0 ? mask[0] : at_work(slot - late - row_phase[i], ramp->n_steps);
        for (k -= ramp->k; k < k_end - ramp->k; k++) {
            vf right = load(b + k * COLS);
            PLMR_UNROLL for (int i = 0; i < STRIP_ROWS; i++) acc[i] =
                step_where(mask[i], half, a[k * ROWS + i], right, acc[i]);
        }
    }
    PLMR_UNROLL for (int i = 0; i < STRIP_ROWS; i++) store(c + (size_t)i * ldc, acc[i]);
}

PLMR_INLINE void multiply_ramp(bool half, const plmr_ramp *ramp, const float *a, const float *b, float *c, size_t ldc)
{
    for (int part = 0; part < ROWS / STRIP_ROWS * VECTORS; part++) {
        int row = part / VECTORS * STRIP_ROWS, col = part % VECTORS * LANES;
        const int32_t *row_phase = ramp->row_phase + row, *col_phase = ramp->col_phase + col;
        vi late = *(const vi_anywhere *)col_phase;
        int32_t last_row = row_phase[STRIP_ROWS - 1];
        int from = row_phase[0] + col_phase[0], to = last_row + col_phase[LANES - 1] + ramp->n_steps;
        float *at = c + (size_t)row * ldc + col;
        from = from < ramp->slot ? ramp->slot : from;
        to = to > ramp->slot_end ? ramp->slot_end : to;
        if (from < to && row_phase[0] == last_row)
            multiply_strip(half, true, ramp, from, to, row_phase, late, a + row, b + col, at, ldc);
        else if (from < to)
            multiply_strip(half, false, ramp, from, to, row_phase, late, a + row, b + col, at, ldc);
    }
}

static void multiply_ramp_f32(const plmr_ramp *ramp, const float *a, const float *b, float *c, size_t ldc)
{
    multiply_ramp(false, ramp, a, b, c, ldc);
}

static void multiply_ramp_f16(const plmr_ramp *ramp, const float *a, const float *b, float *c, size_t ldc)
{
    multiply_ramp(true, ramp, a, b, c, ldc);
}

/* LANES elements as floats. */
PLMR_INLINE vf load_as_float(enum plmr_dtype dtype, const void *from, size_t at)
{
    if (dtype == PLMR_F32)
        return load((const float *)from + at);
    const uint16_t *words = (const uint16_t *)from + at;
#if defined(PLMR_ISA_AVX512)
    __m256i raw = _mm256_loadu_si256((const __m256i *)words);
    return dtype == PLMR_F16 ? (vf)_mm512_cvtph_ps(raw) : (vf)_mm512_slli_epi32(_mm512_cvtepu16_epi32(raw), 16);
#elif defined(PLMR_ISA_AVX2)
    __m128i raw = _mm_loadu_si128((const __m128i *)words);
    return dtype == PLMR_F16 ? (vf)_mm256_cvtph_ps(raw) : (vf)_mm256_slli_epi32(_mm256_cvtepu16_epi32(raw), 16);
#else
    vf value;
    for (int lane = 0; lane < LANES; lane++)
        value[lane] = dtype == PLMR_F16 ? plmr_float_from_f16(words[lane]) : plmr_float_from_bf16(words[lane]);
    return value;
#endif
}

PLMR_INLINE void to_float_as(enum plmr_dtype dtype, int64_t n, const void *restrict from, float *restrict to)
{
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        store(to + i, load_as_float(dtype, from, (size_t)i));
    const uint16_t *words = from;
    for (; i < n; i++)
        to[i] = dtype == PLMR_F16 ? plmr_float_from_f16(words[i]) : plmr_float_from_bf16(words[i]);
}

static void to_float(enum plmr_dtype dtype, int64_t n, const void *restrict from, float *restrict to)
{
    if (dtype == PLMR_F32)
        memcpy(to, from, (size_t)n * sizeof *to);
    else if (dtype == PLMR_F16)
        to_float_as(PLMR_F16, n, from, to);
    else
        to_float_as(PLMR_BF16, n, from, to);
}

static void from_float(enum plmr_dtype dtype, int64_t n, const float *restrict from, void *restrict to)
{
    uint16_t *words = to;
    if (dtype == PLMR_F32)
        memcpy(to, from, (size_t)n * sizeof *from);
    else if (dtype == PLMR_F16)
        for (int64_t i = 0; i < n; i++)
            words[i] = plmr_f16_from_float(from[i]);
    else
        for (int64_t i = 0; i < n; i++)
            words[i] = plmr_bf16_from_float(from[i]);
}

PLMR_INLINE void copy_rows(int n_k, size_t n, size_t stride, const float *restrict from, size_t width,
                           float *restrict to)
{
    for (int k = 0; k < n_k; k++, from += stride, to += width)
        memcpy(to, from, n * sizeof *to);
}

/* copy_rows for elements of any type; rows that lie side by side are converted as one: long loops, whatever n is. */
PLMR_INLINE void pack_rows(enum plmr_dtype dtype, int n_k, size_t n, size_t stride, const void *from, size_t width,
                           float *to)
{
    enum { AT_ONCE = 512 };
    float floats[AT_ONCE];
    if (dtype == PLMR_F32) {
        copy_rows(n_k, n, stride, from, width, to);
        return;
    }
    int most = stride == n ? AT_ONCE / (int)n : 1;
    const uint16_t *words = from;
    for (int k = 0, now; k < n_k; k += now, words += (size_t)now * stride, to += (size_t)now * width) {
        now = n_k - k < most ? n_k - k : most;
        to_float(dtype, (int64_t)now * (int64_t)n, words, floats);
        copy_rows(now, n, n, floats, width, to);
    }
}

PLMR_INLINE void pack_slots(const plmr_strip *strip, size_t n)
{
    size_t element = plmr_dtype_bytes(strip->dtype);
    float *to = strip->to;
    int line = strip->line, skip = strip->kk;
    for (int left = strip->n_k, now; left > 0; left -= now, to += (size_t)now * strip->width, skip = 0) {
        const char *from = strip->lines[line];
        PLMR_ASSERT(from);
        now = strip->kt - skip < left ? strip->kt - skip : left;
        pack_rows(strip->dtype, now, n, strip->stride, from + (strip->at + (size_t)skip * strip->stride) * element,
                  strip->width, to);
        line = line + 1 < strip->n_lines ? line + 1 : 0;
    }
}

/* A loop of its own for every common n: the copy of a row is then a few instructions. */
static void pack(const plmr_strip *strip)
{
    switch (strip->n) {
#define PLMR_PACK(constant)                                                                                            \
    case constant:                                                                                                     \
        pack_slots(strip, constant);                                                                                   \
        break;
        PLMR_PACK(1)
        PLMR_PACK(2)
        PLMR_PACK(3)
        PLMR_PACK(4)
        PLMR_PACK(5)
        PLMR_PACK(6)
        PLMR_PACK(7)
        PLMR_PACK(8)
        PLMR_PACK(16)
        PLMR_PACK(32)
#undef PLMR_PACK
    default:
        pack_slots(strip, strip->n);
    }
}

/* n_vectors vectors of y = fma chain; b points at their first element of row 0. */
PLMR_INLINE void gemv_strip(int n_vectors, enum plmr_dtype dtype, bool half, int kt, const float *restrict x,
                            const void *restrict b, size_t at, size_t ldb, float *restrict part)
{
    vf acc[GEMV_VECTORS];
    PLMR_UNROLL for (int v = 0; v < n_vectors; v++) acc[v] = (vf){0};
    for (int k = 0; k < kt; k++, at += ldb)
        PLMR_UNROLL for (int v = 0; v < n_vectors; v++) acc[v] =
            step(half, x[k], load_as_float(dtype, b, at + (size_t)v * LANES), acc[v]);
    PLMR_UNROLL for (int v = 0; v < n_vectors; v++) store(part + v * LANES, acc[v]);
}

/* The last n < LANES columns, through a full vector. */
PLMR_INLINE void gemv_rest(enum plmr_dtype dtype, bool half, int kt, const float *restrict x, const void *restrict b,
                           size_t at, size_t ldb, int n, float *restrict part)
{
    float row[LANES] = {0}, sum[LANES];
    vf acc = {0};
    for (int k = 0; k < kt; k++, at += ldb) {
        to_float(dtype, n, (const char *)b + at * plmr_dtype_bytes(dtype), row);
        acc = step(half, x[k], load(row), acc);
    }
    store(sum, acc);
    memcpy(part, sum, (size_t)n * sizeof *part);
}

PLMR_INLINE void gemv(enum plmr_dtype dtype, bool half, int kt, int64_t n, const float *x, const void *b, size_t ldb,
                      float *part)
{
    int64_t j = 0;
    for (; j + GEMV_VECTORS * LANES <= n; j += GEMV_VECTORS * LANES)
        gemv_strip(GEMV_VECTORS, dtype, half, kt, x, b, (size_t)j, ldb, part + j);
    for (; j + LANES <= n; j += LANES)
        gemv_strip(1, dtype, half, kt, x, b, (size_t)j, ldb, part + j);
    if (j < n)
        gemv_rest(dtype, half, kt, x, b, (size_t)j, ldb, (int)(n - j), part + j);
}

static void gemv_row(enum plmr_dtype dtype, enum plmr_dtype accumulate, int kt, int64_t n, const float *x,
                     const void *b, size_t ldb, float *part)
{
    if (accumulate == PLMR_F16)
        switch (dtype) {
        case PLMR_F32:
            gemv(PLMR_F32, true, kt, n, x, b, ldb, part);
            break;
        case PLMR_F16:
            gemv(PLMR_F16, true, kt, n, x, b, ldb, part);
            break;
        case PLMR_BF16:
            gemv(PLMR_BF16, true, kt, n, x, b, ldb, part);
            break;
        }
    else
        switch (dtype) {
        case PLMR_F32:
            gemv(PLMR_F32, false, kt, n, x, b, ldb, part);
            break;
        case PLMR_F16:
            gemv(PLMR_F16, false, kt, n, x, b, ldb, part);
            break;
        case PLMR_BF16:
            gemv(PLMR_BF16, false, kt, n, x, b, ldb, part);
            break;
        }
}

static void vector_add(enum plmr_dtype accumulate, int64_t n, const float *restrict part, float *restrict acc)
{
    if (accumulate == PLMR_F16)
        for (int64_t j = 0; j < n; j++)
            acc[j] = plmr_f16_round(acc[j] + part[j]);
    else
        for (int64_t j = 0; j < n; j++)
            acc[j] += part[j];
}

const plmr_isa PLMR_ISA_TABLE = {
    .name = PLMR_ISA_NAME,
    .rows = ROWS,
    .cols = COLS,
    .lanes = LANES,
    .multiply = {multiply_f32, multiply_f16},
    .copy_tile = copy_tile,
    .multiply_ramp = {multiply_ramp_f32, multiply_ramp_f16},
    .pack = pack,
    .gemv_row = gemv_row,
    .vector_add = vector_add,
    .to_float = to_float,
    .from_float = from_float,
};
