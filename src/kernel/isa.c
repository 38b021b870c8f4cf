/* Compiled once for every instruction set (see meson.build). Everything but the table at the end is static: no function
 * of one instruction set can stand in for another's. */
#include "kernel/isa.h"

#include "kernel/isa_vector.h"

#include <string.h>

_Static_assert((int)ROWS <= (int)PLMR_MOST_ROWS && (int)COLS <= (int)PLMR_MOST_COLS, "the common code has the room");
_Static_assert(ROWS % STRIP_ROWS == 0, "strips make up a tile");

PLMR_INLINE void load_tile(const float *c, size_t ldc, vf acc[ROWS][VECTORS])
{
    PLMR_EACH(i, ROWS)
        PLMR_EACH(v, VECTORS)
            acc[i][v] = vf_load(c + (size_t)i * ldc + v * LANES);
}

PLMR_INLINE void store_tile(vf acc[ROWS][VECTORS], float *c, size_t ldc)
{
    PLMR_EACH(i, ROWS)
        PLMR_EACH(v, VECTORS)
            vf_store(c + (size_t)i * ldc + v * LANES, acc[i][v]);
}

PLMR_INLINE void multiply_some(bool half, int n_k, const float *a, const float *b, vf acc[ROWS][VECTORS])
{
    for (int k = 0; k < n_k; k++, a += ROWS, b += COLS) {
        vf right[VECTORS];
        PLMR_EACH(v, VECTORS)
            right[v] = vf_load(b + v * LANES);
        PLMR_EACH(i, ROWS)
            PLMR_EACH(v, VECTORS)
                acc[i][v] = vf_step(half, a[i], right[v], acc[i][v]);
    }
}

PLMR_INLINE void multiply(bool half, int n_k, const float *restrict a, const float *restrict b, float *restrict c,
                          size_t ldc, const plmr_fetch *fetch)
{
    enum { K_PER_LINE = PLMR_K_PER_LINE, K_PER_ROW = VECTORS * K_PER_LINE };
    vf acc[ROWS][VECTORS];
    load_tile(c, ldc, acc);
    for (int i = 0; i < fetch->n_lines; i++, a += K_PER_LINE * ROWS, b += K_PER_LINE * COLS) {
        __builtin_prefetch(fetch->lines[i]);
        multiply_some(half, K_PER_LINE, a, b, acc);
    }
    const float *row = fetch->c;
    for (int i = 0; i < fetch->n_rows; i++, a += K_PER_ROW * ROWS, b += K_PER_ROW * COLS, row += fetch->ldc) {
        PLMR_EACH(v, VECTORS)
            __builtin_prefetch(row + (v + 1) * LANES - 1); /* the line before belongs to this tile, too */
        multiply_some(half, K_PER_ROW, a, b, acc);
    }
    multiply_some(half, n_k - fetch->n_lines * K_PER_LINE - fetch->n_rows * K_PER_ROW, a, b, acc);
    store_tile(acc, c, ldc);
}

static void multiply_f32(int n_k, const float *a, const float *b, float *c, size_t ldc, const plmr_fetch *fetch)
{
    multiply(false, n_k, a, b, c, ldc, fetch);
}

static void multiply_f16(int n_k, const float *a, const float *b, float *c, size_t ldc, const plmr_fetch *fetch)
{
    multiply(true, n_k, a, b, c, ldc, fetch);
}

/* One vector of STRIP_ROWS rows of the register tile, in the slots from <= slot < to. `same`: all rows start together.
 */
PLMR_INLINE void multiply_strip(bool half, bool same, const plmr_ramp *ramp, int from, int to, const int32_t *row_phase,
                                vi late, const float *restrict a, const float *restrict b, float *restrict c,
                                size_t ldc)
{
    vf acc[STRIP_ROWS];
    PLMR_EACH(i, STRIP_ROWS)
        acc[i] = vf_load(c + (size_t)i * ldc);
    for (int slot = from; slot < to; slot++) {
        int k = slot * ramp->kt < ramp->k ? ramp->k : slot * ramp->kt;
        int k_end = (slot + 1) * ramp->kt > ramp->k_end ? ramp->k_end : (slot + 1) * ramp->kt;
        vmask mask[STRIP_ROWS];
        PLMR_EACH(i, STRIP_ROWS)
            mask[i] = same && i > 0 ? mask[0] : vi_within(slot - late - row_phase[i], ramp->n_steps);
        for (k -= ramp->k; k < k_end - ramp->k; k++) {
            vf right = vf_load(b + k * COLS);
            PLMR_EACH(i, STRIP_ROWS)
                acc[i] = vf_step_where(mask[i], half, a[k * ROWS + i], right, acc[i]);
        }
    }
    PLMR_EACH(i, STRIP_ROWS)
        vf_store(c + (size_t)i * ldc, acc[i]);
}

PLMR_INLINE void multiply_ramp(bool half, const plmr_ramp *ramp, const float *a, const float *b, float *c, size_t ldc)
{
    for (int strip = 0; strip < ROWS / STRIP_ROWS * VECTORS; strip++) {
        int row = strip / VECTORS * STRIP_ROWS, col = strip % VECTORS * LANES;
        const int32_t *row_phase = ramp->row_phase + row, *col_phase = ramp->col_phase + col;
        int first_row = row_phase[0], last_row = row_phase[STRIP_ROWS - 1];
        int from = first_row + col_phase[0], to = last_row + col_phase[LANES - 1] + ramp->n_steps;
        from = from < ramp->slot ? ramp->slot : from;
        to = to > ramp->slot_end ? ramp->slot_end : to;
        if (from >= to)
            continue;
        float *at = c + (size_t)row * ldc + col;
        if (first_row == last_row)
            multiply_strip(half, true, ramp, from, to, row_phase, vi_load(col_phase), a + row, b + col, at, ldc);
        else
            multiply_strip(half, false, ramp, from, to, row_phase, vi_load(col_phase), a + row, b + col, at, ldc);
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

static void to_float(enum plmr_dtype dtype, int64_t n, const void *restrict from, float *restrict to)
{
    if (dtype == PLMR_F32)
        memcpy(to, from, (size_t)n * sizeof *to);
    else if (dtype == PLMR_F16)
        to_float_as(PLMR_F16, n, from, to);
    else
        to_float_as(PLMR_BF16, n, from, to);
}

/* As many as whole vectors hold. */
PLMR_INLINE int64_t to_f16_vectors(int64_t n, const float *restrict from, uint16_t *restrict to)
{
    int64_t i = 0;
#if defined(PLMR_ISA_AVX512)
    for (; i + LANES <= n; i += LANES)
        _mm256_storeu_si256((__m256i *)(to + i), _mm512_cvtps_ph((__m512)vf_load(from + i), _MM_FROUND_TO_NEAREST_INT));
#elif defined(PLMR_ISA_AVX2)
    for (; i + LANES <= n; i += LANES)
        _mm_storeu_si128((__m128i *)(to + i), _mm256_cvtps_ph((__m256)vf_load(from + i), _MM_FROUND_TO_NEAREST_INT));
#else
    (void)n, (void)from, (void)to;
#endif
    return i;
}

static void from_float(enum plmr_dtype dtype, int64_t n, const float *restrict from, void *restrict to)
{
    uint16_t *words = to;
    if (dtype == PLMR_F32)
        memcpy(to, from, (size_t)n * sizeof *from);
    else if (dtype == PLMR_F16)
        for (int64_t i = to_f16_vectors(n, from, words); i < n; i++)
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

/* Rows of whole vectors. */
PLMR_INLINE void convert_vectors(enum plmr_dtype dtype, int n_k, size_t n, size_t stride, const uint16_t *restrict from,
                                 size_t width, float *restrict to)
{
    for (int k = 0; k < n_k; k++, from += stride, to += width)
        for (size_t i = 0; i < n; i += LANES)
            vf_store(to + i, vf_load_as(dtype, from, i));
}

/* Rows that lie side by side, or are laid so, are converted as one: long loops, whatever n is. */
PLMR_INLINE void convert_rows(enum plmr_dtype dtype, int n_k, size_t n, size_t stride, const uint16_t *from,
                              size_t width, float *to)
{
    enum { AT_ONCE = 512 };
    float floats[AT_ONCE];
    uint16_t words[AT_ONCE];
    int most = AT_ONCE / (int)n;
    for (int k = 0, now; k < n_k; k += now, from += (size_t)now * stride, to += (size_t)now * width) {
        now = n_k - k < most ? n_k - k : most;
        for (int i = 0; stride != n && i < now; i++)
            memcpy(words + (size_t)i * n, from + (size_t)i * stride, n * sizeof *words);
        to_float(dtype, (int64_t)now * (int64_t)n, stride == n ? from : words, floats);
        copy_rows(now, n, n, floats, width, to);
    }
}

PLMR_INLINE void pack_rows(enum plmr_dtype dtype, int n_k, size_t n, size_t stride, const void *from, size_t width,
                           float *to)
{
    if (dtype == PLMR_F32)
        copy_rows(n_k, n, stride, from, width, to);
    else if (n % LANES != 0)
        convert_rows(dtype, n_k, n, stride, from, width, to);
    else if (dtype == PLMR_F16)
        convert_vectors(PLMR_F16, n_k, n, stride, from, width, to);
    else
        convert_vectors(PLMR_BF16, n_k, n, stride, from, width, to);
}

PLMR_INLINE void clear_rows(int n_k, size_t n, size_t width, float *to)
{
    for (int k = 0; k < n_k; k++, to += width)
        memset(to, 0, n * sizeof *to);
}

PLMR_INLINE void pack_lines(const plmr_strip *strip, size_t n)
{
    size_t element = plmr_dtype_bytes(strip->dtype);
    float *to = strip->to;
    int line = strip->line, kk = strip->kk;
    for (int left = strip->n_k, now; left > 0; left -= now, to += (size_t)now * strip->width, kk = 0) {
        const char *from = strip->lines[line];
        now = strip->kt - kk < left ? strip->kt - kk : left;
        if (from)
            pack_rows(strip->dtype, now, n, strip->stride, from + (strip->at + (size_t)kk * strip->stride) * element,
                      strip->width, to);
        else
            clear_rows(now, n, strip->width, to);
        line = line + 1 < strip->n_lines ? line + 1 : 0;
    }
}

/* A loop of its own for every common n: the copy of a row is then a few instructions. */
static void pack(const plmr_strip *strip)
{
    switch (strip->n) {
#define PLMR_PACK(constant)                                                                                            \
    case constant:                                                                                                     \
        pack_lines(strip, constant);                                                                                   \
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
#undef PLMR_PACK
    default:
        pack_lines(strip, strip->n);
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
    .vectors = VECTORS,
    .multiply = {multiply_f32, multiply_f16},
    .multiply_ramp = {multiply_ramp_f32, multiply_ramp_f16},
    .pack = pack,
    .vector_add = vector_add,
    .to_float = to_float,
    .from_float = from_float,
    .on_vectors = &PLMR_ISA_VECTORS_TABLE,
    .lines = &PLMR_ISA_LINES_TABLE,
    .attention = &PLMR_ISA_ATTENTION_TABLE,
    .few_rows = &PLMR_ISA_FEW_ROWS_TABLE,
    .packed = &PLMR_ISA_PACKED_TABLE,
    .few_packed = &PLMR_ISA_FEW_PACKED_TABLE,
#if !defined(PLMR_ISA_FEW)
    .few = &PLMR_ISA_FEW_TABLE,
#endif
};
