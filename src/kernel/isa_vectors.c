/* Compiled once for every instruction set (see meson.build). As in isa.c everything but the table is static. */
#include "kernel/isa_vectors.h"

#include "kernel/isa_vector.h"
#include "plmr/status.h"

#include <math.h>
#include <string.h>

/* An output may be one of the inputs; a loop's turns are independent all the same. */
#if defined(__clang__)
#define PLMR_INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#else
#define PLMR_INDEPENDENT _Pragma("GCC ivdep")
#endif

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
    PLMR_UNROLL for (int v = 0; v < n_vectors; v++)
    {
        sum[v] = (vf){0};
    }
    for (int k = 0; k < kt; k++, b += row_bytes) {
        PLMR_UNROLL for (int line = 0; line < n_lines && next; line++)
        {
            __builtin_prefetch(next + (size_t)k * row_bytes + line * LINE, 0, 2);
        }
        PLMR_UNROLL for (int v = 0; v < n_vectors; v++)
        {
            sum[v] = vf_step(half, x[k], vf_load_as(dtype, b, (size_t)(v * LANES)), sum[v]);
        }
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
    PLMR_UNROLL for (int v = 0; v < n_vectors; v++)
    {
        vf_store(part + v * LANES, onto ? add(half, sum[v], vf_load(onto + v * LANES)) : sum[v]);
    }
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
        PLMR_UNROLL for (int k = 0; k < n_rows; k++)
        {
            sum = vf_step(half, x[k], vf_load_as(dtype, b + (size_t)k * row_bytes, (size_t)j), sum);
        }
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

/* ---- scores ---- */

/* Rows are worked on so many at a time, the last ones fewer: 4, 2 or 1. */
enum { ROWS_AT_ONCE = 6 };

/* A panel holds vectors of keys as floats, each with all of its dimensions in one piece: whatever ldk is, the two that
 * are at work stay in the cache. A gap between them keeps the same dimension of all from competing for one place there.
 */
enum {
    KEY_VECTORS = 2,
    PANEL_VECTORS = 16,
    PANEL_GAP = 1,
    PANEL_FLOATS = (PLMR_SCORES_DIMENSIONS + PANEL_GAP) * KEY_VECTORS * 16
};
_Static_assert((int)LANES <= 16, "a panel has the room");

typedef struct scoring {
    const plmr_tree_op *ops;
    int n_ops, s;
    const float *q;
    size_t ldq;
    float *panel;
    size_t stride; /* floats from one vector of keys to the next */
    float *scores; /* of the first row and the first key of the panel */
    size_t lds;
} scoring;

PLMR_INLINE void store_scores(int n_rows, vf top[ROWS_AT_ONCE][KEY_VECTORS], int64_t n_keys, float *scores, size_t lds)
{
    PLMR_UNROLL for (int i = 0; i < n_rows; i++)
    {
        float values[KEY_VECTORS * LANES];
        float *to = n_keys < KEY_VECTORS * LANES ? values : scores + (size_t)i * lds;
        PLMR_UNROLL for (int v = 0; v < KEY_VECTORS; v++)
        {
            vf_store(to + v * LANES, top[i][v]);
        }
        if (to == values)
            memcpy(scores + (size_t)i * lds, values, (size_t)n_keys * sizeof *values);
    }
}

/* top = p_c + top; q and keys are at the first dimension of core c. */
PLMR_INLINE void add_partial(int n_rows, int s, const float *q, size_t ldq, const float *keys, size_t stride,
                             vf top[ROWS_AT_ONCE][KEY_VECTORS])
{
    vf part[ROWS_AT_ONCE][KEY_VECTORS] = {0};
    for (int e = 0; e < s; e++, q++, keys += LANES) {
        vf right[KEY_VECTORS];
        PLMR_UNROLL for (int v = 0; v < KEY_VECTORS; v++)
        {
            right[v] = vf_load(keys + (size_t)v * stride);
        }
        PLMR_UNROLL for (int i = 0; i < n_rows; i++)
        {
            PLMR_UNROLL for (int v = 0; v < KEY_VECTORS; v++)
            {
                part[i][v] = vf_fma(q[(size_t)i * ldq], right[v], part[i][v]);
            }
        }
    }
    PLMR_UNROLL for (int i = 0; i < n_rows; i++)
    {
        PLMR_UNROLL for (int v = 0; v < KEY_VECTORS; v++)
        {
            top[i][v] = part[i][v] + top[i][v];
        }
    }
}

/* The top of the stack stays in registers. PUSH c is carried out as ONTO c on top of -0, to which any p adds as p. */
PLMR_INLINE void score_block(int n_rows, int s, const scoring *job, const float *q, const float *keys,
                             vf top[ROWS_AT_ONCE][KEY_VECTORS])
{
    vf stack[PLMR_TREE_DEPTH][ROWS_AT_ONCE][KEY_VECTORS];
    int depth = 0;
    PLMR_UNROLL for (int i = 0; i < n_rows * KEY_VECTORS; i++)
    {
        top[i / KEY_VECTORS][i % KEY_VECTORS] = (vf){0};
    }
    for (int op = 0; op < job->n_ops; op++) {
        enum plmr_tree_kind kind = job->ops[op].kind;
        if (kind == PLMR_TREE_MERGE) {
            depth--;
            PLMR_UNROLL for (int i = 0; i < n_rows * KEY_VECTORS; i++)
            {
                top[i / KEY_VECTORS][i % KEY_VECTORS] += stack[depth][i / KEY_VECTORS][i % KEY_VECTORS];
            }
            continue;
        }
        if (kind == PLMR_TREE_PUSH) {
            PLMR_UNROLL for (int i = 0; i < n_rows * KEY_VECTORS; i++)
            {
                stack[depth][i / KEY_VECTORS][i % KEY_VECTORS] = top[i / KEY_VECTORS][i % KEY_VECTORS];
                top[i / KEY_VECTORS][i % KEY_VECTORS] = -(vf){0};
            }
            depth++;
        }
        size_t dimension = (size_t)job->ops[op].core * (size_t)s;
        add_partial(n_rows, s, q + dimension, job->ldq, keys + dimension * LANES, job->stride, top);
    }
}

/* Rows from number i on, and n_keys keys from vector number `vector` of the panel on. */
PLMR_INLINE void score_rows(int n_rows, const scoring *job, int i, int vector, int64_t n_keys)
{
    vf top[ROWS_AT_ONCE][KEY_VECTORS];
    const float *q = job->q + (size_t)i * job->ldq, *keys = job->panel + (size_t)vector * job->stride;
    if (job->s == 1)
        score_block(n_rows, 1, job, q, keys, top);
    else
        score_block(n_rows, job->s, job, q, keys, top);
    store_scores(n_rows, top, n_keys - vector * LANES, job->scores + (size_t)i * job->lds + vector * LANES, job->lds);
}

static void score_panel(const scoring *job, int n_rows, int64_t n_keys)
{
    for (int vector = 0; vector * LANES < n_keys; vector += KEY_VECTORS) {
        int i = 0;
        for (; i + ROWS_AT_ONCE <= n_rows; i += ROWS_AT_ONCE)
            score_rows(ROWS_AT_ONCE, job, i, vector, n_keys);
        if (i + 4 <= n_rows) {
            score_rows(4, job, i, vector, n_keys);
            i += 4;
        }
        if (i + 2 <= n_rows) {
            score_rows(2, job, i, vector, n_keys);
            i += 2;
        }
        if (i < n_rows)
            score_rows(1, job, i, vector, n_keys);
    }
}

/* A vector of which n elements are there, maybe none or more than all; zeros stand for the others. */
PLMR_INLINE vf load_some(enum plmr_dtype dtype, const void *from, size_t at, int64_t n)
{
    if (n >= LANES)
        return vf_load_as(dtype, from, at);
    float values[LANES] = {0};
    for (int64_t lane = 0; lane < n; lane++)
        values[lane] = load_as(dtype, from, at + (size_t)lane);
    return vf_load(values);
}

PLMR_INLINE void pack_keys(enum plmr_dtype dtype, const scoring *job, const void *kt, size_t ldk, int64_t from,
                           int64_t n_keys, int n_vectors)
{
    for (int op = 0; op < job->n_ops; op++)
        for (int e = 0; job->ops[op].kind != PLMR_TREE_MERGE && e < job->s; e++) {
            size_t row = (size_t)job->ops[op].core * (size_t)job->s + (size_t)e;
            for (int v = 0; v < n_vectors; v++) {
                vf keys = load_some(dtype, kt, row * ldk + (size_t)(from + v * LANES), n_keys - v * LANES);
                vf_store(job->panel + (size_t)v * job->stride + row * LANES, keys);
            }
        }
}

static void pack_panel(enum plmr_dtype dtype, const scoring *job, const void *kt, size_t ldk, int64_t from,
                       int64_t n_keys, int n_vectors)
{
    if (dtype == PLMR_F32)
        pack_keys(PLMR_F32, job, kt, ldk, from, n_keys, n_vectors);
    else if (dtype == PLMR_F16)
        pack_keys(PLMR_F16, job, kt, ldk, from, n_keys, n_vectors);
    else
        pack_keys(PLMR_BF16, job, kt, ldk, from, n_keys, n_vectors);
}

static size_t count_dimensions(const plmr_tree_op *ops, int n_ops, int s)
{
    int n_cores = 0;
    for (int op = 0; op < n_ops; op++)
        if (ops[op].kind != PLMR_TREE_MERGE && ops[op].core >= n_cores)
            n_cores = ops[op].core + 1;
    return (size_t)n_cores * (size_t)s;
}

static void attention_scores(const plmr_tree_op *ops, int n_ops, int s, int n_rows, int64_t n_keys, const float *q,
                             size_t ldq, enum plmr_dtype dtype, const void *kt, size_t ldk, float *scores, size_t lds)
{
    _Alignas(LINE) float panel[PANEL_FLOATS];
    size_t dimensions = count_dimensions(ops, n_ops, s);
    PLMR_ASSERT(dimensions <= PLMR_SCORES_DIMENSIONS);
    int most = PANEL_VECTORS;
    size_t stride = (dimensions + PANEL_GAP) * LANES;
    while (most > KEY_VECTORS && (size_t)most * stride > PANEL_FLOATS)
        most -= KEY_VECTORS;
    scoring job = {ops, n_ops, s, q, ldq, panel, stride, scores, lds};
    for (int64_t j = 0; j < n_keys; j += most * LANES, job.scores += most * LANES) {
        int64_t now = n_keys - j < most * LANES ? n_keys - j : most * LANES;
        int n_blocks = (int)plmr_ceil_div(now, KEY_VECTORS * LANES);
        pack_panel(dtype, &job, kt, ldk, j, now, n_blocks * KEY_VECTORS);
        score_panel(&job, n_rows, now);
    }
}

/* ---- weighted sums ---- */

#if defined(PLMR_ISA_AVX512)
enum { SUM_VECTORS = 4 };
#else
enum { SUM_VECTORS = 2 };
#endif

typedef struct sums {
    const float *p;
    size_t ldp;
    const plmr_span *first, *second;
    const float *v;
    size_t ldv;
    float *out;
    size_t ldo;
} sums;

/* Continues the sums of rows from number i on, in n_vectors vectors of columns, over from <= j < to. */
PLMR_INLINE void sum_span(int n_rows, int n_vectors, const sums *job, int i, size_t column, int64_t from, int64_t to)
{
    vf acc[ROWS_AT_ONCE][SUM_VECTORS];
    const float *p = job->p + (size_t)i * job->ldp, *values = job->v + column;
    float *out = job->out + (size_t)i * job->ldo + column;
    if (from >= to)
        return;
    PLMR_UNROLL for (int at = 0; at < n_rows * n_vectors; at++)
    {
        int row = at / n_vectors, v = at % n_vectors;
        acc[row][v] = vf_load(out + (size_t)row * job->ldo + v * LANES);
    }
    for (int64_t j = from; j < to; j++) {
        vf right[SUM_VECTORS];
        PLMR_UNROLL for (int v = 0; v < n_vectors; v++)
        {
            right[v] = vf_load(values + (size_t)j * job->ldv + v * LANES);
        }
        PLMR_UNROLL for (int at = 0; at < n_rows * n_vectors; at++)
        {
            int row = at / n_vectors, v = at % n_vectors;
            acc[row][v] = vf_fma(p[(size_t)row * job->ldp + (size_t)j], right[v], acc[row][v]);
        }
    }
    PLMR_UNROLL for (int at = 0; at < n_rows * n_vectors; at++)
    {
        int row = at / n_vectors, v = at % n_vectors;
        vf_store(out + (size_t)row * job->ldo + v * LANES, acc[row][v]);
    }
}

/* What all of n_rows spans have in common; none if they have nothing. */
static plmr_span common_span(int n_rows, const plmr_span *spans)
{
    plmr_span common = spans[0];
    for (int i = 1; i < n_rows; i++) {
        common.from = spans[i].from > common.from ? spans[i].from : common.from;
        common.to = spans[i].to < common.to ? spans[i].to : common.to;
    }
    return common;
}

PLMR_INLINE void sum_rows(int n_rows, int n_vectors, const sums *job, int i, size_t column)
{
    plmr_span common = common_span(n_rows, job->second + i);
    bool together = common.from < common.to;
    for (int row = i; row < i + n_rows; row++) {
        plmr_span first = job->first[row], second = job->second[row];
        memset(job->out + (size_t)row * job->ldo + column, 0, (size_t)(n_vectors * LANES) * sizeof(float));
        sum_span(1, n_vectors, job, row, column, first.from, first.to);
        sum_span(1, n_vectors, job, row, column, second.from, together ? common.from : second.to);
    }
    if (!together)
        return;
    sum_span(n_rows, n_vectors, job, i, column, common.from, common.to);
    for (int row = i; row < i + n_rows; row++)
        sum_span(1, n_vectors, job, row, column, common.to, job->second[row].to);
}

PLMR_INLINE void sum_columns(int n_vectors, const sums *job, int n_rows, size_t column)
{
    int i = 0;
    for (; i + ROWS_AT_ONCE <= n_rows; i += ROWS_AT_ONCE)
        sum_rows(ROWS_AT_ONCE, n_vectors, job, i, column);
    if (i + 4 <= n_rows) {
        sum_rows(4, n_vectors, job, i, column);
        i += 4;
    }
    if (i + 2 <= n_rows) {
        sum_rows(2, n_vectors, job, i, column);
        i += 2;
    }
    if (i < n_rows)
        sum_rows(1, n_vectors, job, i, column);
}

static float sum_element(const sums *job, int i, int column, plmr_span span, float sum)
{
    for (int64_t j = span.from; j < span.to; j++)
        sum = fmaf(job->p[(size_t)i * job->ldp + (size_t)j], job->v[(size_t)j * job->ldv + (size_t)column], sum);
    return sum;
}

static void sum_narrow(const sums *job, int n_rows, int n_cols)
{
    for (int i = 0; i < n_rows; i++)
        for (int column = 0; column < n_cols; column++)
            job->out[(size_t)i * job->ldo + (size_t)column] =
                sum_element(job, i, column, job->second[i], sum_element(job, i, column, job->first[i], 0));
}

/* The last vector may overlap the one before: what both compute is the same. */
static void weighted_sums(int n_rows, int n_cols, const float *p, size_t ldp, const plmr_span *first,
                          const plmr_span *second, const float *v, size_t ldv, float *out, size_t ldo)
{
    const sums job = {p, ldp, first, second, v, ldv, out, ldo};
    int column = 0;
    if (n_cols < LANES) {
        sum_narrow(&job, n_rows, n_cols);
        return;
    }
    for (; column + SUM_VECTORS * LANES <= n_cols; column += SUM_VECTORS * LANES)
        sum_columns(SUM_VECTORS, &job, n_rows, (size_t)column);
    for (; column + LANES <= n_cols; column += LANES)
        sum_columns(1, &job, n_rows, (size_t)column);
    if (column < n_cols)
        sum_columns(1, &job, n_rows, (size_t)(n_cols - LANES));
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
    PLMR_INDEPENDENT for (int64_t i = 0; i < n; i++)
    {
        y[i] = exp_of((x[i] - shift) * scale);
    }
}

static void silu_multiply(int64_t n, const float *gate, const float *up, float *out)
{
    PLMR_INDEPENDENT for (int64_t i = 0; i < n; i++)
    {
        out[i] = gate[i] / (1 + exp_of(-gate[i])) * up[i];
    }
}

static void scale(int64_t n, float factor, const float *weight, const float *x, float *y)
{
    PLMR_INDEPENDENT for (int64_t i = 0; i < n; i++)
    {
        y[i] = x[i] * factor * weight[i];
    }
}

static void add_to(int64_t n, const float *x, float *acc)
{
    PLMR_INDEPENDENT for (int64_t i = 0; i < n; i++)
    {
        acc[i] += x[i];
    }
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
    PLMR_INDEPENDENT for (int64_t i = 0; i < n_pairs; i++)
    {
        float x0 = x[2 * i], x1 = x[2 * i + 1];
        x[2 * i] = fmaf(x0, cosine[i], -(x1 * sine[i]));
        x[2 * i + 1] = fmaf(x0, sine[i], x1 * cosine[i]);
    }
}

const plmr_isa_vectors PLMR_ISA_VECTORS_TABLE = {
    .gemv_onto = gemv_onto,
    .scores = attention_scores,
    .weighted_sums = weighted_sums,
    .exp = vector_exp,
    .silu_multiply = silu_multiply,
    .scale = scale,
    .add_to = add_to,
    .max = max,
    .rope_rotate = rope_rotate,
};
