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

PLMR_INLINE void store_words(int32_t row, const words *value, uint16_t *to, size_t ld)
{
    if (row >= 0)
        memcpy(to + (size_t)row * ld, value, sizeof *value);
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

/* Row k of `to` gets word k of each of eight rows; of vectors with two halves, either has eight rows of its own. Three rounds bring
 * the words of each k together. */
PLMR_INLINE void turn_words(words a[TURN_K], words to[TURN_K])
{
    words b[TURN_K];
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
        to[2 * j] = PLMR_LOW_64(a[j], a[j + 4]);
        to[2 * j + 1] = PLMR_HIGH_64(a[j], a[j + 4]);
    }
}

/* Eight k of as many rows as a vector has words, `pitch` bytes apart. */
PLMR_INLINE void turn_rows(const char *from, size_t pitch, const int32_t *row, uint16_t *to, size_t ld)
{
    words a[TURN_K], turned[TURN_K];
    PLMR_UNROLL for (int j = 0; j < TURN_K; j++) a[j] = load_words(from, pitch, j);
    turn_words(a, turned);
    PLMR_EACH(k, TURN_K)
        store_words(row[k], &turned[k], to, ld);
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

/* Elements of a block of k are turned eight columns after the other, into rows of eight, as many octets of k side by side as a
 * vector has room for. With two, those of eight columns lie as
 *
 *     k 0   8   1   9   ...   7  15   16  24  ...
 *
 * A line of memory of each column is turned at once: lines a power of two apart displace each other, so each is read once. */
enum { LINE_VECTORS = PLMR_LINE_COLS / LANES, OCTETS = TURN_WIDE / TURN_K, BLOCK_K = 2 * TURN_LINE };
typedef uint16_t line_block[PLMR_LINE_COLS / TURN_K][BLOCK_K * TURN_K];

#define PLMR_OCTET(o) ((o) / OCTETS * TURN_K * TURN_WIDE + (o) % OCTETS * TURN_K)
#define PLMR_PLACES(o)                                                                                                 \
    PLMR_OCTET(o), PLMR_OCTET(o) + TURN_WIDE, PLMR_OCTET(o) + 2 * TURN_WIDE, PLMR_OCTET(o) + 3 * TURN_WIDE,            \
        PLMR_OCTET(o) + 4 * TURN_WIDE, PLMR_OCTET(o) + 5 * TURN_WIDE, PLMR_OCTET(o) + 6 * TURN_WIDE,                   \
        PLMR_OCTET(o) + 7 * TURN_WIDE
static const uint16_t place[BLOCK_K] = {PLMR_PLACES(0), PLMR_PLACES(1), PLMR_PLACES(2), PLMR_PLACES(3),
                                        PLMR_PLACES(4), PLMR_PLACES(5), PLMR_PLACES(6), PLMR_PLACES(7)};

PLMR_INLINE void turn_octets(const char *const *from, size_t at, uint16_t *to)
{
    words a[TURN_K], turned[TURN_K];
    PLMR_EACH(j, TURN_K)
        memcpy(&a[j], from[j] + at, sizeof a[j]);
    turn_words(a, turned);
    PLMR_EACH(k, TURN_K)
        memcpy(to + k * TURN_WIDE, &turned[k], sizeof turned[k]);
}

/* To places from k on. */
PLMR_INLINE void turn_line(const char *const *from, size_t at, int k, line_block block)
{
    PLMR_EACH(half, PLMR_LINE_COLS / TURN_K)
        for (int i = 0; i < TURN_LINE; i += TURN_WIDE)
            turn_octets(from + half * TURN_K, at + (size_t)i * sizeof(uint16_t), block[half] + place[k + i]);
}

/* The same of n elements, and zeros behind them. */
static __attribute__((noinline)) void turn_some(const char *const *from, size_t at, int n, int k, line_block block)
{
    char lines[PLMR_LINE_COLS][LINE] = {{0}};
    const char *line[PLMR_LINE_COLS];
    for (int j = 0; j < PLMR_LINE_COLS; j++)
        line[j] = memcpy(lines[j], from[j] + at, (size_t)n * sizeof(uint16_t));
    turn_line(line, 0, k, block);
}

/* What will be wanted comes to the cache meanwhile. Where short columns follow each other, the next ones fit in beside those at
 * hand, and come in the order in which they lie: a line of each would displace the others'. */
enum { SHORT_BYTES = 8 << 10 };

struct ahead {
    const char *const *from;
    int n_left; /* of these columns */
    size_t at;
};

PLMR_INLINE void fetch_in_order(struct ahead *a, size_t n_bytes)
{
    for (int i = 0; i < PLMR_LINE_COLS && a->n_left > 0; i++) {
        __builtin_prefetch(*a->from + a->at, 0, 2);
        a->at += LINE;
        if (a->at < n_bytes)
            continue;
        a->at = 0;
        a->from++;
        a->n_left--;
    }
}

PLMR_INLINE void fetch_lines(const plmr_gemv_lines *p, int64_t k, struct ahead *a)
{
    size_t at = (size_t)k * sizeof(uint16_t) + TURN_AHEAD, n_bytes = (size_t)p->n * sizeof(uint16_t);
    const char *const *from = at < n_bytes ? p->from : p->next;
    at -= at < n_bytes ? 0 : n_bytes;
    if (n_bytes <= SHORT_BYTES && p->from[0] + n_bytes == p->from[1])
        fetch_in_order(a, n_bytes);
    else if (from)
        PLMR_EACH(j, PLMR_LINE_COLS)
            __builtin_prefetch(from[j] + at, 0, 2);
}

/* Elements from k on, as many as are at hand then: the first few alone if a line of memory begins behind them. */
PLMR_INLINE int turn_from(const plmr_gemv_lines *p, int64_t k, struct ahead *ahead, line_block block)
{
    int64_t skew = k ? 0 : (int64_t)(-(uintptr_t)p->from[0] % LINE / sizeof(uint16_t));
    int n = (int)plmr_clip(k, skew ? skew : BLOCK_K, p->n_chunks * p->kt);
    for (int i = 0; i < n; i += TURN_LINE) {
        int held = (int)plmr_clip(k + i, n - i < TURN_LINE ? n - i : TURN_LINE, p->n);
        size_t at = held ? (size_t)(k + i) * sizeof(uint16_t) : 0;
        fetch_lines(p, k + i, ahead);
        if (held == TURN_LINE)
            turn_line(p->from, at, i, block);
        else
            turn_some(p->from, at, held, i, block);
    }
    return n;
}

/* Vector v of the columns, of element k: of eight columns at most, or of all, whose halves meet in a register. (From memory, to which
 * both have just been written, the whole would come only when both had arrived there, tens of cycles later.) */
PLMR_INLINE vf load_columns(enum plmr_dtype dtype, line_block block, int k, int v)
{
#if defined(PLMR_ISA_AVX512)
    __m256i low = _mm256_castsi128_si256(_mm_loadu_si128((const __m128i *)(block[v] + place[k])));
    return vf_from_words(dtype,
                         _mm256_inserti128_si256(low, _mm_loadu_si128((const __m128i *)(block[v + 1] + place[k])), 1));
#else
    return vf_load_as(dtype, block[v * LANES / TURN_K] + place[k], (size_t)(v * LANES % TURN_K));
#endif
}

/* n elements of a chunk, from number `first` of the block on. */
PLMR_INLINE void add_elements(enum plmr_dtype dtype, int n, const float *x, int first, line_block block, bool begins,
                              float *to)
{
    vf sum[LINE_VECTORS];
    PLMR_EACH(v, LINE_VECTORS)
        sum[v] = begins ? (vf){0} : vf_load(to + v * LANES);
    for (int k = 0; k < n; k++)
        PLMR_EACH(v, LINE_VECTORS)
            sum[v] = vf_fma(x[k], load_columns(dtype, block, first + k, v), sum[v]);
    PLMR_EACH(v, LINE_VECTORS)
        vf_store(to + v * LANES, sum[v]);
}

PLMR_INLINE void add_chunks(enum plmr_dtype dtype, int kt, int n, const float *x, int first, line_block block,
                            float *to)
{
    for (int c = 0; c < n; c++, x += kt, first += kt, to += PLMR_LINE_COLS)
        add_elements(dtype, kt, x, first, block, true, to);
}

/* A loop of its own for each of the short ones. */
PLMR_INLINE void add_whole(enum plmr_dtype dtype, int kt, int n, const float *x, int first, line_block block, float *to)
{
#define PLMR_SHORT(kt)                                                                                                 \
    case kt:                                                                                                           \
        add_chunks(dtype, kt, n, x, first, block, to);                                                                 \
        break
    switch (kt) {
        PLMR_SHORT(1);
        PLMR_SHORT(2);
        PLMR_SHORT(3);
        PLMR_SHORT(4);
        PLMR_SHORT(5);
        PLMR_SHORT(6);
        PLMR_SHORT(7);
        PLMR_SHORT(8);
    default:
        add_chunks(dtype, kt, n, x, first, block, to);
    }
#undef PLMR_SHORT
}

/* Elements k to k + n: what is left of a chunk, whole ones, and the beginning of one. */
PLMR_INLINE void add_block(enum plmr_dtype dtype, const plmr_gemv_lines *p, int64_t k, int n, line_block block)
{
    int64_t chunk = k / p->kt;
    int done = (int)(k - chunk * p->kt), left = !done ? 0 : p->kt - done < n ? p->kt - done : n;
    int n_whole = (n - left) / p->kt, last = n - left - n_whole * p->kt;
    float *to = p->sums + chunk * PLMR_LINE_COLS;
    if (left)
        add_elements(dtype, left, p->x + k, 0, block, false, to);
    to += left ? PLMR_LINE_COLS : 0;
    add_whole(dtype, p->kt, n_whole, p->x + k + left, left, block, to);
    if (last)
        add_elements(dtype, last, p->x + k + n - last, n - last, block, true, to + n_whole * PLMR_LINE_COLS);
}

PLMR_INLINE void add_onto(enum plmr_dtype dtype, const plmr_gemv_lines *p, int64_t k, int n, line_block block)
{
    for (int i = 0; i < n; i++)
        if (p->onto[k + i] >= 0)
            add_elements(dtype, 1, p->x + k + i, i, block, false, p->sums + (int64_t)p->onto[k + i] * PLMR_LINE_COLS);
}

PLMR_INLINE void run_lines(enum plmr_dtype dtype, const plmr_gemv_lines *p)
{
    line_block block;
    struct ahead ahead = {p->next, p->next ? PLMR_LINE_COLS : 0, 0};
    int n;
    for (int64_t k = 0, end = p->n_chunks * p->kt; k < end; k += n) {
        n = turn_from(p, k, &ahead, block);
        if (p->onto)
            add_onto(dtype, p, k, n, block);
        else
            add_block(dtype, p, k, n, block);
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
