/* Columns that lie in memory each as a line: turned to rows, or multiplied where they lie. Compiled once for every instruction
 * set, as isa_vectors.c is. */
#include "kernel/isa.h"
#include "kernel/isa_vector.h"
#include "plmr/status.h"

#include <string.h>

enum { LINE = PLMR_LINE_BYTES };

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

const plmr_line_functions PLMR_ISA_LINES_TABLE = {
    .gemv_lines = gemv_lines,
    .add_lines = add_lines,
    .turn = turn,
};
