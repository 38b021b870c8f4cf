/* Quantised blocks to rows of f16: see packed.h. Compiled once for every instruction set, as isa_vectors.c is. */
#include "kernel/isa.h"
#include "kernel/isa_vector.h"

#include <string.h>

/* Eight columns are worked on at a time, or 16, a lane for each: a word of theirs is four bytes of a block. */
#if defined(PLMR_ISA_AVX512)
enum { WIDE = 16 };
#else
enum { WIDE = 8 };
#endif
typedef float wf __attribute__((vector_size(4 * WIDE)));
typedef int32_t wi __attribute__((vector_size(4 * WIDE)));
typedef uint32_t wu __attribute__((vector_size(4 * WIDE)));

/* ---- bytes of columns to words with a lane for each ---- */

#define PLMR_LOW_32(a, b) __builtin_shufflevector(a, b, 0, 8, 1, 9, 4, 12, 5, 13)
#define PLMR_HIGH_32(a, b) __builtin_shufflevector(a, b, 2, 10, 3, 11, 6, 14, 7, 15)
#define PLMR_LOW_64(a, b) __builtin_shufflevector(a, b, 0, 1, 8, 9, 4, 5, 12, 13)
#define PLMR_HIGH_64(a, b) __builtin_shufflevector(a, b, 2, 3, 10, 11, 6, 7, 14, 15)

typedef int32_t eight __attribute__((vector_size(32)));

/* 16 bytes from each of eight columns: word i becomes word[i]. A vector holds those of columns j and j + 4. */
PLMR_INLINE void turn_eight(const unsigned char *const *from, size_t at, eight word[4])
{
    typedef int32_t four __attribute__((vector_size(16)));
    eight a[4], b[4];
    PLMR_EACH(j, 4) {
        four low, high;
        memcpy(&low, from[j] + at, sizeof low);
        memcpy(&high, from[j + 4] + at, sizeof high);
        a[j] = __builtin_shufflevector(low, high, 0, 1, 2, 3, 4, 5, 6, 7);
    }
    PLMR_EACH(i, 2) {
        b[i] = i ? PLMR_HIGH_32(a[0], a[1]) : PLMR_LOW_32(a[0], a[1]);
        b[i + 2] = i ? PLMR_HIGH_32(a[2], a[3]) : PLMR_LOW_32(a[2], a[3]);
    }
    PLMR_EACH(i, 2) {
        word[2 * i] = PLMR_LOW_64(b[i], b[i + 2]);
        word[2 * i + 1] = PLMR_HIGH_64(b[i], b[i + 2]);
    }
}

PLMR_INLINE void turn_16(const unsigned char *const *from, size_t at, wi word[4])
{
#if defined(PLMR_ISA_AVX512)
    eight low[4], high[4];
    turn_eight(from, at, low);
    turn_eight(from + 8, at, high);
    PLMR_EACH(i, 4)
        word[i] = __builtin_shufflevector(low[i], high[i], 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
#else
    turn_eight(from, at, word);
#endif
}

PLMR_INLINE void turn_32(const unsigned char *const *from, size_t at, wi word[8])
{
    turn_16(from, at, word);
    turn_16(from, at + 16, word + 4);
}

/* ---- numbers ---- */

PLMR_INLINE void load_f16(const unsigned char *const *from, size_t at, wf *value)
{
    uint16_t half[WIDE];
    PLMR_EACH(j, WIDE)
        memcpy(&half[j], from[j] + at, sizeof half[j]);
#if defined(PLMR_ISA_AVX512) || defined(PLMR_ISA_AVX2)
    *value = vf_load_as(PLMR_F16, half, 0);
#else
    for (int j = 0; j < WIDE; j++)
        (*value)[j] = plmr_float_from_f16(half[j]);
#endif
}

/* Rounded to f16, and stored. */
PLMR_INLINE void store(const wf *value, uint16_t *to)
{
#if defined(PLMR_ISA_AVX512)
    __m256i half = _mm512_cvtps_ph((__m512)*value, _MM_FROUND_TO_NEAREST_INT);
    __asm__("" : "+x"(half)); /* AMD's processors take twice as long over the instruction that stores as well */
    _mm256_storeu_si256((__m256i *)to, half);
#elif defined(PLMR_ISA_AVX2)
    __m128i half = _mm256_cvtps_ph((__m256)*value, _MM_FROUND_TO_NEAREST_INT);
    __asm__("" : "+x"(half)); /* as above */
    _mm_storeu_si128((__m128i *)to, half);
#else
    for (int j = 0; j < WIDE; j++)
        to[j] = plmr_f16_from_float((*value)[j]);
#endif
}

/* step * q - least, of which the product is exact. */
PLMR_INLINE void store_above(const wf *step, const wi *q, const wf *least, uint16_t *to)
{
    wf value = __builtin_convertvector(*q, wf);
#if defined(PLMR_ISA_AVX512)
    value = (wf)_mm512_fmsub_ps((__m512)*step, (__m512)value, (__m512)*least);
#elif defined(PLMR_ISA_AVX2)
    value = (wf)_mm256_fmsub_ps((__m256)*step, (__m256)value, (__m256)*least);
#else
    value = *step * value - *least;
#endif
    store(&value, to);
}

/* Numbers stay where they are in a word: byte b of it is 2^(8 b) times as much as it says, and a step that is so much less,
 * exactly, saves the shift. */
enum { BYTES = 4 };
static const float less[BYTES] = {1, 0x1p-8f, 0x1p-16f, 0x1p-24f};

PLMR_INLINE void lessen(const wf *step, wf by[BYTES])
{
    PLMR_EACH(b, BYTES)
        by[b] = *step * less[b];
}

/* Byte b of each word, as a number without or with a sign. */
#define PLMR_BYTE(word, b) (((word) >> 8 * (b)) & 0xff)
#define PLMR_SIGNED_BYTE(word, b) ((wi)((wu)(word) << 8 * (3 - (b))) >> 24)

/* ---- the types: a block of each column ---- */

enum { ROW = PLMR_PACKED_COLS };

/* Four bytes in each word, those of elements 0 to 3. */
PLMR_INLINE void store_bytes(const wi *word, const wf step[BYTES], const wf *least, uint16_t *to)
{
    PLMR_EACH(b, BYTES) {
        wi q = *word & (0x3f << 8 * b);
        store_above(&step[b], &q, least, to + b * ROW);
    }
}

/* The six-bit scales and minima of eight sub-blocks, four to a word. */
PLMR_INLINE void unpack_scales(const wi word[4], wi scale[2], wi minimum[2])
{
    scale[0] = word[1] & 0x3f3f3f3f;
    minimum[0] = word[2] & 0x3f3f3f3f;
    scale[1] = (word[3] & 0x0f0f0f0f) | (word[1] >> 2 & 0x30303030);
    minimum[1] = (word[3] >> 4 & 0x0f0f0f0f) | (word[2] >> 2 & 0x30303030);
}

/* Sub-blocks 2 i and 2 i + 1 are the low and the high halves of the same 32 bytes. */
static void widen_q4_k(const unsigned char *const *from, const unsigned char *wanted, uint16_t *to)
{
    wi word[8], scale[2], minimum[2];
    wf d, m;
    load_f16(from, 0, &d);
    load_f16(from, 2, &m);
    turn_16(from, 0, word);
    unpack_scales(word, scale, minimum);
    PLMR_EACH(pair, 4) {
        int j = 2 * pair;
        bool has[2] = {wanted[j], wanted[j + 1]};
        if (!has[0] && !has[1])
            continue;
        wf step[2][BYTES], least[2];
        PLMR_EACH(i, 2) {
            wf whole = d * __builtin_convertvector(PLMR_BYTE(scale[j / 4], (j + i) % 4), wf);
            least[i] = m * __builtin_convertvector(PLMR_BYTE(minimum[j / 4], (j + i) % 4), wf);
            lessen(&whole, step[i]);
        }
        turn_32(from, 16 + (size_t)j * 16, word);
        for (int i = 0; i < 8; i++) {
            wi low = word[i] & 0x0f0f0f0f, high = word[i] >> 4 & 0x0f0f0f0f;
            if (has[0])
                store_bytes(&low, step[0], &least[0], to + (j * 32 + i * BYTES) * ROW);
            if (has[1])
                store_bytes(&high, step[1], &least[1], to + (j * 32 + 32 + i * BYTES) * ROW);
        }
    }
}

/* 32 elements of which the parts of 16 have a scale each: byte 2 * pair and the next of `scale`. */
PLMR_INLINE void widen_group(const wf *d, const wi *scale, int pair, const wi *low, int low_shift, const wi *high,
                             int high_shift, uint16_t *to)
{
    for (int part = 0; part < 2; part++) {
        wf step[BYTES], whole = *d * __builtin_convertvector((wi)((wu)*scale << (24 - 16 * pair - 8 * part)) >> 24, wf);
        lessen(&whole, step);
        PLMR_EACH(i, 4) {
            wi q = low[4 * part + i] >> low_shift & 0x0f0f0f0f;
            q |= high[4 * part + i] >> high_shift << 4 & 0x30303030;
            PLMR_EACH(b, BYTES) {
                wf value = __builtin_convertvector(q & (0x3f << 8 * b), wf) - (float)(32 << 8 * b);
                value *= step[b];
                store(&value, to + ((4 * part + i) * BYTES + b) * ROW);
            }
        }
    }
}

/* Six bits of 256 q, the low four and the high two apart: 64 bytes have the low ones of 128, 32 the high ones. */
static void widen_q6_k(const unsigned char *const *from, const unsigned char *wanted, uint16_t *to)
{
    wi scale[4];
    wf d;
    turn_16(from, 192, scale);
    load_f16(from, 208, &d);
    PLMR_EACH(half, 2) {
        const unsigned char *these = wanted + half * 4;
        wi low[2][8], high[8];
        if (!(these[0] | these[1] | these[2] | these[3]))
            continue;
        turn_32(from, (size_t)(half * 64), low[0]);
        turn_32(from, (size_t)(half * 64 + 32), low[1]);
        turn_32(from, (size_t)(128 + half * 32), high);
        PLMR_EACH(group, 4)
            if (these[group])
                widen_group(&d, &scale[half * 2 + group / 2], group % 2, low[group % 2], group / 2 * 4, high, group * 2,
                            to + (half * 4 + group) * 32 * ROW);
    }
}

static void widen_q8_0(const unsigned char *const *from, const unsigned char *wanted, uint16_t *to)
{
    wi word[8];
    wf d;
    if (!*wanted)
        return;
    load_f16(from, 0, &d);
    turn_32(from, 2, word);
    PLMR_EACH(i, 8) {
        PLMR_EACH(b, BYTES) {
            wi q = PLMR_SIGNED_BYTE(word[i], b);
            wf value = d * __builtin_convertvector(q, wf);
            store(&value, to + (i * BYTES + b) * ROW);
        }
    }
}

/* ---- all columns ---- */

typedef void widen_block(const unsigned char *const *from, const unsigned char *wanted, uint16_t *to);

typedef struct type {
    widen_block *widen;
    size_t n_bytes;
    int n_elements;
} type;

/* What has no blocks. */
static const unsigned char nothing[256];

static void clear_column(int64_t n, uint16_t *to)
{
    for (int64_t k = 0; k < n; k++)
        to[k * ROW] = 0;
}

/* No prefetcher sees so many streams. A block's first line is the last of the one before it, or all its own. */
PLMR_INLINE void fetch(const unsigned char *const *from, size_t n_bytes)
{
    int n_lines = (int)((n_bytes + PLMR_LINE_BYTES - 1) / PLMR_LINE_BYTES);
    PLMR_EACH(j, WIDE) {
        PLMR_EACH(i, n_lines) {
            size_t at = (size_t)i * PLMR_LINE_BYTES + PLMR_LINE_BYTES - 1;
            __builtin_prefetch(from[j] + (at < n_bytes ? at : n_bytes - 1));
        }
    }
}

/* Of each row, so many bytes on. */
PLMR_INLINE void find_blocks(const unsigned char *const *from, size_t n_bytes, const unsigned char **at)
{
    for (int j = 0; j < PLMR_PACKED_COLS; j++)
        at[j] = from && from[j] ? from[j] + n_bytes : nothing;
}

PLMR_INLINE void widen_all(type t, int64_t n_blocks, const unsigned char *wanted, const unsigned char *const *from,
                           const unsigned char *const *next, uint16_t *to)
{
    const unsigned char *at[PLMR_PACKED_COLS], *ahead[PLMR_PACKED_COLS];
    find_blocks(from, 0, ahead);
    for (int64_t block = 0; block < n_blocks; block++) {
        bool is_last = block + 1 == n_blocks;
        memcpy(at, ahead, sizeof at);
        find_blocks(is_last ? next : from, is_last ? 0 : (size_t)(block + 1) * t.n_bytes, ahead);
        for (int j = 0; j < PLMR_PACKED_COLS; j += WIDE) {
            fetch(ahead + j, t.n_bytes);
            t.widen(at + j, wanted, to + j);
        }
        for (int j = 0; j < PLMR_PACKED_COLS; j++)
            if (!from[j])
                clear_column(t.n_elements, to + j);
        wanted += t.n_elements / PLMR_PACKED_PART;
        to += t.n_elements * ROW;
    }
}

/* A type's figures are constants for the compiler. */
static void widen(enum plmr_packing packing, int64_t n_blocks, const unsigned char *wanted,
                  const unsigned char *const *from, const unsigned char *const *next, uint16_t *to)
{
    if (packing == PLMR_PACKING_Q4_K)
        widen_all((type){widen_q4_k, 144, 256}, n_blocks, wanted, from, next, to);
    else if (packing == PLMR_PACKING_Q6_K)
        widen_all((type){widen_q6_k, 210, 256}, n_blocks, wanted, from, next, to);
    else
        widen_all((type){widen_q8_0, 34, 32}, n_blocks, wanted, from, next, to);
}

/* ---- products with rows ---- */

enum { VECTORS_OF_ROW = PLMR_PACKED_COLS / LANES };
static const uint16_t zeros[PLMR_PACKED_COLS];

PLMR_INLINE void add_row(float x, const uint16_t *row, vf sum[VECTORS_OF_ROW])
{
    PLMR_EACH(v, VECTORS_OF_ROW)
        sum[v] = vf_fma(x, vf_load_as(PLMR_F16, row, (size_t)(v * LANES)), sum[v]);
}

/* Places [k, end) of one chunk. */
PLMR_INLINE void add_chunk(const plmr_gemv_rows *p, bool listed, int64_t k, int64_t end, bool begins, float *sums)
{
    vf sum[VECTORS_OF_ROW];
    PLMR_EACH(v, VECTORS_OF_ROW)
        sum[v] = begins ? (vf){0} : vf_load(sums + v * LANES);
    const uint16_t *row = p->rows ? p->rows + (k - p->first) * ROW : zeros;
    for (; k < end; k++, row += p->rows ? ROW : 0)
        add_row(p->x[k], !listed ? row : p->row[k] < 0 ? zeros : p->rows + (int64_t)p->row[k] * ROW, sum);
    PLMR_EACH(v, VECTORS_OF_ROW)
        vf_store(sums + v * LANES, sum[v]);
}

PLMR_INLINE void add_chunks(const plmr_gemv_rows *p, bool listed)
{
    int64_t chunk = p->first / p->kt, k = p->first;
    for (int64_t next; k < p->end; k = next, chunk++) {
        next = (chunk + 1) * p->kt < p->end ? (chunk + 1) * p->kt : p->end;
        add_chunk(p, listed, k, next, k == chunk * p->kt, p->sums + chunk * ROW);
    }
}

static void add_rows(const plmr_gemv_rows *p)
{
    if (p->row)
        add_chunks(p, true);
    else
        add_chunks(p, false);
}

const plmr_packed_functions PLMR_ISA_PACKED_TABLE = {
    .widen = widen,
    .add_rows = add_rows,
};
