/* Compiled once for every instruction set (see meson.build). As in isa.c everything but the table is static. */
#include "kernel/isa.h"

#include "kernel/isa_vector.h"
#include "plmr/status.h"

#include <math.h>
#include <string.h>

/* ---- products of vectors and matrices ---- */

#if defined(PLMR_ISA_AVX512)
enum { GEMV_VECTORS = 16 }; /* of sums at a time, half of the registers */
#else
enum { GEMV_VECTORS = 8 };
#endif

/* Blocks with rows of at most so many bytes are read column by column, with the sums in registers; with longer ones
 * they are read row by row, with the sums of GEMV_COLS columns in the cache: one row at a time where short rows are one
 * stream, else several, to keep enough reads under way. */
enum { LINE = 64, GEMV_NARROW = 1024, GEMV_SHORT = 4096, GEMV_ROWS = 8, GEMV_COLS = 16384 };

/* The same columns of the next block, if there is one, are fetched to the second level of the cache, which can have
 * more lines under way than the first. */
PLMR_INLINE void gemv_sums(int n_vectors, enum plmr_dtype dtype, bool half, int kt, const float *x, const char *b,
                           size_t row_bytes, const char *next, vf sum[GEMV_VECTORS])
{
    const int n_lines = (int)plmr_ceil_div(n_vectors * LANES * (int)plmr_dtype_bytes(dtype), LINE);
    PLMR_EACH(v, n_vectors)
        sum[v] = (vf){0};
    for (int k = 0; k < kt; k++, b += row_bytes) {
        if (next)
            PLMR_EACH(line, n_lines)
                __builtin_prefetch(next + (size_t)k * row_bytes + line * LINE, 0, 2);
        PLMR_EACH(v, n_vectors)
            sum[v] = vf_step(half, x[k], vf_load_as(dtype, b, (size_t)(v * LANES)), sum[v]);
    }
}

PLMR_INLINE vf add(bool half, vf a, vf b)
{
    return half ? vf_round(a + b) : a + b;
}

PLMR_INLINE void gemv_vectors(int n_vectors, enum plmr_dtype dtype, bool half, int kt, const float *x, const char *b,
                              size_t row_bytes, const float *onto, float *part, const char *next)
{
    vf sum[GEMV_VECTORS];
    gemv_sums(n_vectors, dtype, half, kt, x, b, row_bytes, next, sum);
    PLMR_EACH(v, n_vectors)
        vf_store(part + v * LANES, onto ? add(half, sum[v], vf_load(onto + v * LANES)) : sum[v]);
}

static void gemv_elements(enum plmr_dtype dtype, bool half, int kt, int64_t n, const float *x, const char *b,
                          size_t row_bytes, const float *onto, float *part)
{
    for (int64_t j = 0; j < n; j++) {
        float sum = 0;
        for (int k = 0; k < kt; k++) {
            sum = fmaf(x[k], load_as(dtype, b + (size_t)k * row_bytes, (size_t)j), sum);
            sum = half ? plmr_f16_round(sum) : sum;
        }
        sum = onto ? sum + onto[j] : sum;
        part[j] = half ? plmr_f16_round(sum) : sum;
    }
}

/* Less than a vector at the end of n columns. If there is room, a whole one is computed, and its end stored. */
PLMR_INLINE void gemv_rest(enum plmr_dtype dtype, bool half, int kt, int64_t n, const float *x, const char *b,
                           size_t row_bytes, const float *onto, float *part, const char *next)
{
    size_t rest = (size_t)(n % LANES), whole = (size_t)n - rest;
    if (whole == 0) {
        gemv_elements(dtype, half, kt, n, x, b, row_bytes, onto, part);
        return;
    }
    float values[LANES];
    vf sum[GEMV_VECTORS];
    size_t at = ((size_t)n - LANES) * plmr_dtype_bytes(dtype);
    gemv_sums(1, dtype, half, kt, x, b + at, row_bytes, next ? next + at : NULL, sum);
    vf_store(values, onto ? add(half, sum[0], vf_load(onto + n - LANES)) : sum[0]);
    memcpy(part + whole, values + LANES - rest, rest * sizeof *values);
}

/* Of n columns that are left, so many are next. */
PLMR_INLINE int64_t gemv_width(int64_t n)
{
    for (int n_vectors = GEMV_VECTORS; n_vectors > 0; n_vectors /= 2)
        if (n >= n_vectors * LANES)
            return n_vectors * LANES;
    return n;
}

PLMR_INLINE void gemv_narrow(enum plmr_dtype dtype, bool half, int kt, int64_t n, const float *x, const char *b,
                             size_t row_bytes, const float *onto, float *part, const char *next)
{
    size_t element = plmr_dtype_bytes(dtype);
    for (int64_t j = 0, width; j < n; j += width) {
        width = gemv_width(n - j);
        const char *next_at = next ? next + (size_t)j * element : NULL;
        const char *at = b + (size_t)j * element;
        const float *more = onto ? onto + j : NULL;
        switch (width / LANES) {
#define PLMR_GEMV(constant)                                                                                            \
    case constant:                                                                                                     \
        gemv_vectors(constant, dtype, half, kt, x, at, row_bytes, more, part + j, next_at);                            \
        break;
            PLMR_GEMV(1)
            PLMR_GEMV(2)
            PLMR_GEMV(4)
            PLMR_GEMV(8)
#if defined(PLMR_ISA_AVX512)
            PLMR_GEMV(16)
#endif
#undef PLMR_GEMV
        default:
            gemv_rest(dtype, half, kt, n, x, b, row_bytes, onto, part, next);
        }
    }
}

/* Continues the chains of n columns, a whole number of vectors, over n_rows rows. */
PLMR_INLINE void gemv_rows(int n_rows, enum plmr_dtype dtype, bool half, int64_t n, const float *x, const char *b,
                           size_t row_bytes, const char *next, float *sums)
{
    for (int64_t j = 0; j < n; j += LANES) {
        if (next)
            __builtin_prefetch(next + (size_t)j * plmr_dtype_bytes(dtype), 0, 2);
        vf sum = vf_load(sums + j);
        PLMR_EACH(k, n_rows)
            sum = vf_step(half, x[k], vf_load_as(dtype, b + (size_t)k * row_bytes, (size_t)j), sum);
        vf_store(sums + j, sum);
    }
}

PLMR_INLINE void gemv_wide(enum plmr_dtype dtype, bool half, int kt, int64_t n, const float *x, const char *b,
                           size_t row_bytes, const float *onto, float *part, const char *next)
{
    float sums[GEMV_COLS];
    int64_t whole = n - n % LANES;
    bool one_stream = row_bytes == (size_t)n * plmr_dtype_bytes(dtype) && row_bytes < GEMV_SHORT;
    for (int64_t j = 0; j < whole; j += GEMV_COLS) {
        const char *at = b + (size_t)j * plmr_dtype_bytes(dtype);
        int64_t cols = whole - j < GEMV_COLS ? whole - j : GEMV_COLS;
        int k = 0;
        memset(sums, 0, (size_t)cols * sizeof *sums);
        for (; !one_stream && k + GEMV_ROWS <= kt; k += GEMV_ROWS)
            gemv_rows(GEMV_ROWS, dtype, half, cols, x + k, at + (size_t)k * row_bytes, row_bytes, NULL, sums);
        for (; k < kt; k++)
            gemv_rows(1, dtype, half, cols, x + k, at + (size_t)k * row_bytes, row_bytes,
                      one_stream && next ? next + (size_t)k * row_bytes : NULL, sums);
        for (int64_t i = 0; i < cols; i += LANES)
            vf_store(part + j + i, onto ? add(half, vf_load(sums + i), vf_load(onto + j + i)) : vf_load(sums + i));
    }
    if (whole < n)
        gemv_rest(dtype, half, kt, n, x, b, row_bytes, onto, part, NULL);
}

/* A next block that follows this one in memory the processor fetches sooner by itself. */
PLMR_INLINE void gemv(enum plmr_dtype dtype, bool half, int kt, int64_t n, const float *x, const char *b, size_t ldb,
                      const float *onto, float *part, const char *next)
{
    size_t row_bytes = ldb * plmr_dtype_bytes(dtype);
    if (ldb == (size_t)n && next == b + (size_t)kt * row_bytes)
        next = NULL;
    if ((size_t)n * plmr_dtype_bytes(dtype) <= GEMV_NARROW)
        gemv_narrow(dtype, half, kt, n, x, b, row_bytes, onto, part, next);
    else
        gemv_wide(dtype, half, kt, n, x, b, row_bytes, onto, part, next);
}

static void gemv_onto(enum plmr_dtype dtype, enum plmr_dtype accumulate, int kt, int64_t n, const float *x,
                      const void *b, size_t ldb, const float *onto, float *part, const void *next)
{
    bool half = accumulate == PLMR_F16;
#define PLMR_GEMV(constant, rounds)                                                                                    \
    if (dtype == constant && half == rounds)                                                                           \
    gemv(constant, rounds, kt, n, x, b, ldb, onto, part, next)
    PLMR_GEMV(PLMR_F32, false);
    PLMR_GEMV(PLMR_F16, false);
    PLMR_GEMV(PLMR_BF16, false);
    PLMR_GEMV(PLMR_F32, true);
    PLMR_GEMV(PLMR_F16, true);
    PLMR_GEMV(PLMR_BF16, true);
#undef PLMR_GEMV
}

/* Programs read a strip from its beginning to its end where its rows lie in their order: so far ahead. From 1 KB on it helps less. */
enum { PROGRAM_AHEAD = 512 };

/* Part of a program: what a core adds to a strip, on top of the stack. */
PLMR_INLINE void program_core(enum plmr_dtype dtype, const plmr_gemv_program *p, int core, int strip, bool onto,
                              float *top)
{
    enum { N = PLMR_PROGRAM_COLS / LANES, ROW = PLMR_PROGRAM_COLS };
    vf sum[N];
    int64_t row = p->row[core];
    int kt = row < 0 ? 0 : p->kt;
    const float *x = p->x + (row < 0 ? 0 : p->place[core]);
    const char *b = (const char *)p->b[strip] + (size_t)(row < 0 ? 0 : row) * ROW * plmr_dtype_bytes(dtype);
    PLMR_UNROLL for (int v = 0; v < N; v++)
    {
        sum[v] = (vf){0};
    }
    for (int k = 0; k < kt; k++, b += ROW * plmr_dtype_bytes(dtype)) {
        PLMR_UNROLL for (int line = 0; line < (int)(ROW * plmr_dtype_bytes(dtype)) / LINE; line++)
        {
            __builtin_prefetch(b + PROGRAM_AHEAD + line * LINE, 0, 3);
        }
        PLMR_UNROLL for (int v = 0; v < N; v++)
        {
            sum[v] = vf_fma(x[k], vf_load_as(dtype, b, (size_t)(v * LANES)), sum[v]);
        }
    }
    top += strip * ROW;
    PLMR_UNROLL for (int v = 0; v < N; v++)
    {
        vf_store(top + v * LANES, onto ? sum[v] + vf_load(top + v * LANES) : sum[v]);
    }
}

PLMR_INLINE void program(enum plmr_dtype dtype, const plmr_gemv_program *p, float *top)
{
    int level = p->n_strips * PLMR_PROGRAM_COLS;
    top -= level;
    for (const plmr_tree_op *op = p->ops; op < p->ops + p->n_ops; op++) {
        if (op->kind == PLMR_TREE_MERGE) {
            top -= level;
            for (int i = 0; i < level; i++)
                top[i] += top[i + level];
            continue;
        }
        bool onto = op->kind == PLMR_TREE_ONTO;
        top += onto ? 0 : level;
        for (int strip = 0; strip < p->n_strips; strip++)
            program_core(dtype, p, op->core, strip, onto, top);
    }
}

static void gemv_program(enum plmr_dtype dtype, const plmr_gemv_program *p, float *stack)
{
    if (dtype == PLMR_F32)
        program(PLMR_F32, p, stack);
    else if (dtype == PLMR_F16)
        program(PLMR_F16, p, stack);
    else
        program(PLMR_BF16, p, stack);
}

/* ---- rows to columns ---- */

enum { TURN_COLS = 16, TURN_K = 8, TURN_LINE = LINE / 2, TURN_AHEAD = 4 * LINE };
typedef uint16_t half_words __attribute__((vector_size(TURN_COLS)));
#if defined(PLMR_ISA_AVX512) || defined(PLMR_ISA_AVX2)
enum { TURN_WIDE = TURN_COLS }; /* words of a vector */
#else
enum { TURN_WIDE = TURN_COLS / 2 };
#endif
typedef uint16_t words __attribute__((vector_size(2 * TURN_WIDE)));

/* The lower, or the higher, halves of both vectors' halves of 16 bytes, in units of 16, 32 or 64 bit by turns. */
#if defined(PLMR_ISA_AVX512) || defined(PLMR_ISA_AVX2)
#define PLMR_LOW_16(a, b) __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 8, 24, 9, 25, 10, 26, 11, 27)
#define PLMR_HIGH_16(a, b) __builtin_shufflevector(a, b, 4, 20, 5, 21, 6, 22, 7, 23, 12, 28, 13, 29, 14, 30, 15, 31)
#define PLMR_LOW_32(a, b) __builtin_shufflevector(a, b, 0, 1, 16, 17, 2, 3, 18, 19, 8, 9, 24, 25, 10, 11, 26, 27)
#define PLMR_HIGH_32(a, b) __builtin_shufflevector(a, b, 4, 5, 20, 21, 6, 7, 22, 23, 12, 13, 28, 29, 14, 15, 30, 31)
#define PLMR_LOW_64(a, b) __builtin_shufflevector(a, b, 0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27)
#define PLMR_HIGH_64(a, b) __builtin_shufflevector(a, b, 4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31)
#else
#define PLMR_LOW_16(a, b) __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11)
#define PLMR_HIGH_16(a, b) __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15)
#define PLMR_LOW_32(a, b) __builtin_shufflevector(a, b, 0, 1, 8, 9, 2, 3, 10, 11)
#define PLMR_HIGH_32(a, b) __builtin_shufflevector(a, b, 4, 5, 12, 13, 6, 7, 14, 15)
#define PLMR_LOW_64(a, b) __builtin_shufflevector(a, b, 0, 1, 2, 3, 8, 9, 10, 11)
#define PLMR_HIGH_64(a, b) __builtin_shufflevector(a, b, 4, 5, 6, 7, 12, 13, 14, 15)
#endif

/* To the row of that number; without numbers they follow each other. */
PLMR_INLINE void store_words(const int32_t *row, int k, const words *value, uint16_t *to, size_t ld)
{
    if (!row)
        memcpy(to + (size_t)k * ld, value, sizeof *value);
    else if (row[k] >= 0)
        memcpy(to + (size_t)row[k] * ld, value, sizeof *value);
}

/* Lines of 16 rows that lie side by side: rows a power of two apart displace each other from the nearest cache, so each is
 * read once, and what follows comes to the next one. */
PLMR_INLINE void bring_lines(const char *const *from, size_t at, char lines[TURN_COLS * LINE])
{
    PLMR_UNROLL for (int j = 0; j < TURN_COLS; j++)
    {
        memcpy(lines + j * LINE, from[j] + at, LINE);
    }
}

/* Eight k of row j, and in a vector that has the room of row j + 8. */
PLMR_INLINE words load_words(const char *from, size_t pitch, int j)
{
    half_words low;
    memcpy(&low, from + (size_t)j * pitch, sizeof low);
#if defined(PLMR_ISA_AVX512) || defined(PLMR_ISA_AVX2)
    half_words high;
    memcpy(&high, from + (size_t)(j + TURN_K) * pitch, sizeof high);
    return __builtin_shufflevector(low, high, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
#else
    return low;
#endif
}

/* Eight k of as many rows as a vector has words, `pitch` bytes apart: three rounds bring the rows of each k together. */
PLMR_INLINE void turn_rows(const char *from, size_t pitch, const int32_t *row, uint16_t *to, size_t ld)
{
    words a[TURN_K], b[TURN_K];
    PLMR_UNROLL for (int j = 0; j < TURN_K; j++) a[j] = load_words(from, pitch, j);
    PLMR_UNROLL for (int j = 0; j < TURN_K; j += 2)
    {
        b[j] = PLMR_LOW_16(a[j], a[j + 1]);
        b[j + 1] = PLMR_HIGH_16(a[j], a[j + 1]);
    }
    PLMR_UNROLL for (int j = 0; j < TURN_K; j += 4)
    {
        a[j] = PLMR_LOW_32(b[j], b[j + 2]);
        a[j + 1] = PLMR_HIGH_32(b[j], b[j + 2]);
        a[j + 2] = PLMR_LOW_32(b[j + 1], b[j + 3]);
        a[j + 3] = PLMR_HIGH_32(b[j + 1], b[j + 3]);
    }
    PLMR_UNROLL for (int j = 0; j < TURN_K / 2; j++)
    {
        words low = PLMR_LOW_64(a[j], a[j + 4]), high = PLMR_HIGH_64(a[j], a[j + 4]);
        store_words(row, 2 * j, &low, to, ld);
        store_words(row, 2 * j + 1, &high, to, ld);
    }
}

/* Eight k of 16 rows. */
PLMR_INLINE void turn_block(const char *from, size_t pitch, const int32_t *row, uint16_t *to, size_t ld)
{
    PLMR_EACH(part, TURN_COLS / TURN_WIDE)
        turn_rows(from + (size_t)part * TURN_WIDE * pitch, pitch, row, to + part * TURN_WIDE, ld);
}

PLMR_INLINE void turn_element(size_t element_bytes, const char *from, int64_t k, int32_t row, char *to, size_t ld,
                              int j)
{
    if (row >= 0)
        memcpy(to + ((size_t)row * ld + (size_t)j) * element_bytes, from + (size_t)k * element_bytes, element_bytes);
}

/* k from <= k < n_k, one by one. */
PLMR_INLINE void turn_rest(size_t element_bytes, int n, int64_t from_k, int64_t n_k, const char *const *from,
                           const int32_t *row, char *to, size_t ld)
{
    for (int64_t k = from_k; k < n_k; k++)
        for (int j = 0; j < n; j++)
            turn_element(element_bytes, from[j], k, row[k], to, ld, j);
}

static void turn(size_t element_bytes, int n, int64_t n_k, const char *const *from, const int32_t *row, void *to,
                 size_t ld)
{
    int64_t k = 0;
    char lines[TURN_COLS * LINE];
    if (element_bytes == sizeof(uint16_t) && n == TURN_COLS)
        for (; k + TURN_LINE <= n_k; k += TURN_LINE) {
            PLMR_UNROLL for (int j = 0; j < TURN_COLS; j++)
                __builtin_prefetch(from[j] + (size_t)k * sizeof(uint16_t) + TURN_AHEAD, 0, 2);
            bring_lines(from, (size_t)k * sizeof(uint16_t), lines);
            for (int i = 0; i < TURN_LINE; i += TURN_K)
                turn_block(lines + (size_t)i * sizeof(uint16_t), LINE, row + k + i, to, ld);
        }
    if (element_bytes == sizeof(uint16_t))
        turn_rest(sizeof(uint16_t), n, k, n_k, from, row, to, ld);
    else
        turn_rest(sizeof(float), n, k, n_k, from, row, to, ld);
}

/* ---- products with columns that are lines ---- */

enum { LINE_VECTORS = PLMR_LINE_COLS / LANES };

PLMR_INLINE void fetch_lines(const plmr_gemv_lines *p, int64_t k)
{
    size_t at = (size_t)k * sizeof(uint16_t) + TURN_AHEAD, end = (size_t)p->n * sizeof(uint16_t);
    const char *const *from = at < end ? p->from : p->next;
    at -= at < end ? 0 : end;
    if (from)
        PLMR_UNROLL for (int j = 0; j < PLMR_LINE_COLS; j++) __builtin_prefetch(from[j] + at, 0, 2);
}

/* Elements from k on, zeros behind the last. */
PLMR_INLINE void bring_elements(const plmr_gemv_lines *p, int64_t k, char lines[TURN_COLS * LINE])
{
    size_t at = (size_t)k * sizeof(uint16_t), n = k < p->n ? (size_t)(p->n - k) * sizeof(uint16_t) : 0;
    if (n >= LINE) {
        bring_lines(p->from, at, lines);
        return;
    }
    memset(lines, 0, TURN_COLS * LINE);
    for (int j = 0; j < PLMR_LINE_COLS && n; j++)
        memcpy(lines + j * LINE, p->from[j] + at, n);
}

/* A chunk's sums, and how many of its k are still to come. */
struct chunk_sum {
    vf sum[LINE_VECTORS];
    int left;
    float *to;
};

PLMR_INLINE void start_chunk(const plmr_gemv_lines *p, struct chunk_sum *c)
{
    PLMR_UNROLL for (int v = 0; v < LINE_VECTORS; v++) c->sum[v] = (vf){0};
    c->left = p->kt;
}

PLMR_INLINE void add_k(enum plmr_dtype dtype, const plmr_gemv_lines *p, float x, const uint16_t *row,
                       struct chunk_sum *c)
{
    PLMR_UNROLL for (int v = 0; v < LINE_VECTORS; v++) c->sum[v] =
        vf_fma(x, vf_load_as(dtype, row, (size_t)(v * LANES)), c->sum[v]);
    if (--c->left > 0)
        return;
    PLMR_UNROLL for (int v = 0; v < LINE_VECTORS; v++) vf_store(c->to + v * LANES, c->sum[v]);
    c->to += PLMR_LINE_COLS;
    start_chunk(p, c);
}

PLMR_INLINE void add_block(enum plmr_dtype dtype, const plmr_gemv_lines *p, int n, const float *x,
                           const uint16_t *block, struct chunk_sum *c)
{
    if (n == TURN_K) {
        PLMR_EACH(k, TURN_K)
            add_k(dtype, p, x[k], block + k * PLMR_LINE_COLS, c);
        return;
    }
    for (int k = 0; k < n; k++)
        add_k(dtype, p, x[k], block + k * PLMR_LINE_COLS, c);
}

PLMR_INLINE void run_lines(enum plmr_dtype dtype, const plmr_gemv_lines *p)
{
    char lines[TURN_COLS * LINE];
    uint16_t block[TURN_K * PLMR_LINE_COLS];
    struct chunk_sum chunk = {.to = p->sums};
    start_chunk(p, &chunk);
    for (int64_t k = 0, end = p->n_chunks * p->kt; k < end; k += TURN_LINE) {
        int now = end - k < TURN_LINE ? (int)(end - k) : TURN_LINE;
        fetch_lines(p, k);
        bring_elements(p, k, lines);
        for (int i = 0; i < now; i += TURN_K) {
            turn_block(lines + (size_t)i * sizeof(uint16_t), LINE, NULL, block, PLMR_LINE_COLS);
            add_block(dtype, p, now - i < TURN_K ? now - i : TURN_K, p->x + k + i, block, &chunk);
        }
    }
}

static void gemv_lines(enum plmr_dtype dtype, const plmr_gemv_lines *p)
{
    if (dtype == PLMR_F16)
        run_lines(PLMR_F16, p);
    else
        run_lines(PLMR_BF16, p);
}

/* The top of the stack stays in registers. */
PLMR_INLINE void add_columns(int n_cols, const plmr_tree_op *ops, int n_ops, const int32_t *at, const float *sums,
                             float *stack)
{
    static const float zeros[PLMR_PACKED_COLS];
    vf top[PLMR_PACKED_COLS / LANES] = {{0}};
    float *below = stack - 2 * n_cols; /* where what comes next on the stack is put */
    for (const plmr_tree_op *op = ops; op < ops + n_ops; op++) {
        bool merges = op->kind == PLMR_TREE_MERGE, pushes = op->kind == PLMR_TREE_PUSH;
        const float *part = merges ? below : at[op->core] < 0 ? zeros : sums + at[op->core];
        below += merges ? -n_cols : pushes ? n_cols : 0;
        PLMR_EACH(v, n_cols / LANES) {
            if (pushes && op > ops)
                vf_store(below + v * LANES, top[v]);
            top[v] = pushes ? vf_load(part + v * LANES) : vf_load(part + v * LANES) + top[v];
        }
    }
    PLMR_EACH(v, n_cols / LANES)
        vf_store(stack + v * LANES, top[v]);
}

static void add_lines(int n_cols, const plmr_tree_op *ops, int n_ops, const int32_t *at, const float *sums,
                      float *stack)
{
    if (n_cols == PLMR_LINE_COLS)
        add_columns(PLMR_LINE_COLS, ops, n_ops, at, sums, stack);
    else
        add_columns(PLMR_PACKED_COLS, ops, n_ops, at, sums, stack);
}

/* ---- vector functions: loops that the compiler turns into vector code ---- */

/* exp(t) = 2^n * exp(r) with a whole n and |r| <= ln(2) / 2. Beyond the limits of t, the result is 0 or infinite. */
PLMR_INLINE float exp_of(float t)
{
    const float to_whole = 0x1.8p23f; /* added, it leaves no bits for fractions, and the whole number in the low bits */
    t = t > 89 ? 89 : t;
    t = t < -104 ? -104 : t;
    float shifted = fmaf(t, 0x1.715476p0f, to_whole), n = shifted - to_whole;
    float r = fmaf(n, -0x1.7f7d1cp-20f, fmaf(n, -0x1.62e4p-1f, t));
    float sum = 1.9875691500e-4f;
    sum = fmaf(sum, r, 1.3981999507e-3f);
    sum = fmaf(sum, r, 8.3334519073e-3f);
    sum = fmaf(sum, r, 4.1665795894e-2f);
    sum = fmaf(sum, r, 1.6666665459e-1f);
    sum = fmaf(sum, r, 5.0000001201e-1f);
    sum = fmaf(sum, r * r, r) + 1;
    /* In two factors, for 2^n itself may be no float. */
    int32_t whole = (int32_t)(plmr_float_bits(shifted) - plmr_float_bits(to_whole)), low = whole >> 1;
    float scale = plmr_float_from_bits((uint32_t)(low + 127) << 23);
    return sum * scale * plmr_float_from_bits((uint32_t)(whole - low + 127) << 23);
}

static void vector_exp(int64_t n, float scale, float shift, const float *x, float *y)
{
    PLMR_EACH_APART(i, n)
        y[i] = exp_of((x[i] - shift) * scale);
}

static void silu_multiply(int64_t n, const float *gate, const float *up, float *out)
{
    PLMR_EACH_APART(i, n)
        out[i] = gate[i] / (1 + exp_of(-gate[i])) * up[i];
}

static void clipped_multiply(int64_t n, const float *gate, const float *up, float *out)
{
    PLMR_EACH_APART(i, n) {
        float g = gate[i] < 7 ? gate[i] : 7, u = up[i] < -7 ? -7 : up[i] > 7 ? 7 : up[i];
        out[i] = g / (1 + exp_of(-1.702f * g)) * (1 + u);
    }
}

static void gelu_multiply(int64_t n, const float *gate, const float *up, float *out)
{
    PLMR_INDEPENDENT for (int64_t i = 0; i < n; i++)
    {
        float x = plmr_f16_round(gate[i]), t = -1.5957691216f * fmaf(0.044715f * x * x, x, x);
        float y = plmr_f16_round(x / (1 + exp_of(t)));
        out[i] = (gate[i] <= -10 ? 0 : gate[i] >= 10 ? gate[i] : y) * up[i];
    }
}

static void scale(int64_t n, float factor, const float *weight, const float *x, float *y)
{
    PLMR_EACH_APART(i, n)
        y[i] = x[i] * factor * weight[i];
}

static void add_to(int64_t n, const float *x, float *acc)
{
    PLMR_EACH_APART(i, n)
        acc[i] += x[i];
}

/* Which of two zeros comes out would depend on the order: + 0 makes them one. */
static float max(int64_t n, const float *x)
{
    enum { AT_ONCE = 64 };
    float most[AT_ONCE], result = -INFINITY;
    for (int lane = 0; lane < AT_ONCE; lane++)
        most[lane] = -INFINITY;
    int64_t i = 0;
    for (; i + AT_ONCE <= n; i += AT_ONCE)
        for (int lane = 0; lane < AT_ONCE; lane++)
            most[lane] = x[i + lane] > most[lane] ? x[i + lane] : most[lane];
    for (; i < n; i++)
        result = x[i] > result ? x[i] : result;
    for (int lane = 0; lane < AT_ONCE; lane++)
        result = most[lane] > result ? most[lane] : result;
    return result + 0;
}

static void rope_rotate(int64_t n_pairs, const float *cosine, const float *sine, float *x)
{
    PLMR_EACH_APART(i, n_pairs) {
        float x0 = x[2 * i], x1 = x[2 * i + 1];
        x[2 * i] = fmaf(x0, cosine[i], -(x1 * sine[i]));
        x[2 * i + 1] = fmaf(x0, sine[i], x1 * cosine[i]);
    }
}

const plmr_vector_functions PLMR_ISA_VECTORS_TABLE = {
    .gemv_onto = gemv_onto,
    .gemv_program = gemv_program,
    .gemv_lines = gemv_lines,
    .add_lines = add_lines,
    .turn = turn,
    .exp = vector_exp,
    .silu_multiply = silu_multiply,
    .clipped_multiply = clipped_multiply,
    .gelu_multiply = gelu_multiply,
    .scale = scale,
    .add_to = add_to,
    .max = max,
    .rope_rotate = rope_rotate,
};
