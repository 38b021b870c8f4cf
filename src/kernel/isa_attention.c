/* Attention: scores and weighted sums. Compiled once for every instruction set, as isa_vectors.c is. */
#include "kernel/isa.h"
#include "kernel/isa_vector.h"
#include "plmr/status.h"

#include <math.h>
#include <string.h>

/* ---- scores ---- */

/* Rows are worked on so many at a time, the last ones fewer: 4, 2 or 1. */
enum { ROWS_AT_ONCE = 6 };

/* Does `some(n)` for n rows from number i on, until all are done: a loop of its own for each n. */
#define PLMR_BY_ROWS(n_rows, some)                                                                                     \
    {                                                                                                                  \
        int i = 0;                                                                                                     \
        for (; i + ROWS_AT_ONCE <= (n_rows); i += ROWS_AT_ONCE)                                                        \
            some(ROWS_AT_ONCE);                                                                                        \
        if (i + 4 <= (n_rows)) {                                                                                       \
            some(4);                                                                                                   \
            i += 4;                                                                                                    \
        }                                                                                                              \
        if (i + 2 <= (n_rows)) {                                                                                       \
            some(2);                                                                                                   \
            i += 2;                                                                                                    \
        }                                                                                                              \
        if (i < (n_rows))                                                                                              \
            some(1);                                                                                                   \
    }

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
    PLMR_EACH(i, n_rows) {
        float values[KEY_VECTORS * LANES];
        float *to = n_keys < KEY_VECTORS * LANES ? values : scores + (size_t)i * lds;
        PLMR_EACH(v, KEY_VECTORS)
            vf_store(to + v * LANES, top[i][v]);
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
        PLMR_EACH(v, KEY_VECTORS)
            right[v] = vf_load(keys + (size_t)v * stride);
        PLMR_EACH(i, n_rows)
            PLMR_EACH(v, KEY_VECTORS)
                part[i][v] = vf_fma(q[(size_t)i * ldq], right[v], part[i][v]);
    }
    PLMR_EACH(i, n_rows)
        PLMR_EACH(v, KEY_VECTORS)
            top[i][v] = part[i][v] + top[i][v];
}

/* The top of the stack stays in registers. PUSH c is carried out as ONTO c on top of -0, to which any p adds as p. */
PLMR_INLINE void score_block(int n_rows, int s, const scoring *job, const float *q, const float *keys,
                             vf top[ROWS_AT_ONCE][KEY_VECTORS])
{
    vf stack[PLMR_TREE_DEPTH][ROWS_AT_ONCE][KEY_VECTORS];
    int depth = 0;
    PLMR_EACH(i, n_rows * KEY_VECTORS)
        top[i / KEY_VECTORS][i % KEY_VECTORS] = (vf){0};
    for (int op = 0; op < job->n_ops; op++) {
        enum plmr_tree_kind kind = job->ops[op].kind;
        if (kind == PLMR_TREE_MERGE) {
            depth--;
            PLMR_EACH(i, n_rows * KEY_VECTORS)
                top[i / KEY_VECTORS][i % KEY_VECTORS] += stack[depth][i / KEY_VECTORS][i % KEY_VECTORS];
            continue;
        }
        if (kind == PLMR_TREE_PUSH) {
            PLMR_EACH(i, n_rows * KEY_VECTORS) {
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
#define SCORE_ROWS(n) score_rows(n, job, i, vector, n_keys)
        PLMR_BY_ROWS(n_rows, SCORE_ROWS)
#undef SCORE_ROWS
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

/* Keys that few rows meet are widened where they lie: to pack them takes as long as the rows do. Rows and vectors of keys that are
 * worked on together leave their sums in registers; meanwhile the next line of the same dimension is fetched. */
enum { FEW_ROWS = 8, FEW_VECTORS = 4 };

typedef struct lying {
    const scoring *job;
    const char *kt;
    size_t row_bytes;
} lying;

/* Of each dimension the elements of n rows from number i on, side by side where panels have no keys yet. */
PLMR_INLINE const float *pack_queries(int n_rows, const scoring *job, int i)
{
    float *packed = job->panel;
    for (const plmr_tree_op *op = job->ops; op < job->ops + job->n_ops; op++)
        for (int e = 0; op->kind != PLMR_TREE_MERGE && e < job->s; e++) {
            size_t dimension = (size_t)op->core * (size_t)job->s + (size_t)e;
            PLMR_EACH(row, n_rows)
                packed[dimension * (size_t)n_rows + (size_t)row] = job->q[(size_t)(i + row) * job->ldq + dimension];
        }
    return packed;
}

/* top = p_c + top, for n vectors of keys from one on. q, row: of core c's first dimension. */
PLMR_INLINE void add_lying(enum plmr_dtype dtype, int n_rows, int n, int s, const float *q, const char *row,
                           size_t row_bytes, vf top[FEW_ROWS])
{
    vf part[FEW_ROWS] = {0}, right[FEW_VECTORS];
    if (s == 1) {
        __builtin_prefetch(row + PLMR_LINE_BYTES, 0, 3);
        PLMR_EACH(v, n)
            right[v] = vf_load_as(dtype, row, (size_t)v * LANES);
        PLMR_EACH(at, n_rows * n)
            top[at] = vf_fma(q[at / n], right[at % n], (vf){0}) + top[at];
        return;
    }
    for (int e = 0; e < s; e++, q += n_rows, row += row_bytes) {
        __builtin_prefetch(row + PLMR_LINE_BYTES, 0, 3);
        PLMR_EACH(v, n)
            right[v] = vf_load_as(dtype, row, (size_t)v * LANES);
        PLMR_EACH(at, n_rows * n)
            part[at] = vf_fma(q[at / n], right[at % n], part[at]);
    }
    PLMR_EACH(at, n_rows * n)
        top[at] = part[at] + top[at];
}

PLMR_INLINE void score_lying(enum plmr_dtype dtype, int n_rows, int n, int s, const lying *keys, const float *q, int i,
                             size_t key)
{
    vf stack[PLMR_TREE_DEPTH][FEW_ROWS], top[FEW_ROWS] = {0};
    const scoring *job = keys->job;
    float *scores = job->scores + (size_t)i * job->lds + key;
    const char *kt = keys->kt + key * plmr_dtype_bytes(dtype);
    size_t row_bytes = keys->row_bytes;
    int depth = 0;
    for (const plmr_tree_op *op = job->ops, *end = op + job->n_ops; op < end; op++) {
        if (op->kind == PLMR_TREE_MERGE) {
            depth--;
            PLMR_EACH(at, n_rows * n)
                top[at] += stack[depth][at];
            continue;
        }
        if (op->kind == PLMR_TREE_PUSH) {
            PLMR_EACH(at, n_rows * n) {
                stack[depth][at] = top[at];
                top[at] = -(vf){0};
            }
            depth++;
        }
        size_t dimension = (size_t)op->core * (size_t)s;
        add_lying(dtype, n_rows, n, s, q + dimension * (size_t)n_rows, kt + dimension * row_bytes, row_bytes, top);
    }
    PLMR_EACH(at, n_rows * n)
        vf_store(scores + (size_t)(at / n) * job->lds + (size_t)(at % n) * LANES, top[at]);
}

/* Rows from number i on, of n_keys keys, a whole number of FEW_VECTORS vectors. */
PLMR_INLINE void score_few(enum plmr_dtype dtype, int n_rows, const lying *keys, int i, size_t n_keys)
{
    int n = FEW_ROWS / n_rows < FEW_VECTORS ? FEW_ROWS / n_rows : FEW_VECTORS;
    const float *q = pack_queries(n_rows, keys->job, i);
    for (size_t key = 0; key < n_keys; key += (size_t)n * LANES)
        if (keys->job->s == 1)
            score_lying(dtype, n_rows, n, 1, keys, q, i, key);
        else
            score_lying(dtype, n_rows, n, keys->job->s, keys, q, i, key);
}

PLMR_INLINE void score_all_few(enum plmr_dtype dtype, const lying *keys, int n_rows, size_t n_keys)
{
    int i = 0;
    for (; i + FEW_ROWS <= n_rows; i += FEW_ROWS)
        score_few(dtype, FEW_ROWS, keys, i, n_keys);
    for (; i + 4 <= n_rows; i += 4)
        score_few(dtype, 4, keys, i, n_keys);
    for (; i + 2 <= n_rows; i += 2)
        score_few(dtype, 2, keys, i, n_keys);
    for (; i < n_rows; i++)
        score_few(dtype, 1, keys, i, n_keys);
}

/* Scores of the first keys, if there are few rows; returns of how many. */
static int64_t score_where_keys_lie(enum plmr_dtype dtype, const scoring *job, int n_rows, int64_t n_keys,
                                    const void *kt, size_t ldk)
{
    const lying keys = {job, kt, ldk * plmr_dtype_bytes(dtype)};
    int64_t n = n_rows > FEW_ROWS ? 0 : n_keys - n_keys % (FEW_VECTORS * LANES);
    if (dtype == PLMR_F32)
        score_all_few(PLMR_F32, &keys, n_rows, (size_t)n);
    else if (dtype == PLMR_F16)
        score_all_few(PLMR_F16, &keys, n_rows, (size_t)n);
    else
        score_all_few(PLMR_BF16, &keys, n_rows, (size_t)n);
    return n;
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
    _Alignas(PLMR_LINE_BYTES) float panel[PANEL_FLOATS];
    size_t dimensions = count_dimensions(ops, n_ops, s);
    PLMR_ASSERT(dimensions <= PLMR_SCORES_DIMENSIONS);
    int most = PANEL_VECTORS;
    size_t stride = (dimensions + PANEL_GAP) * LANES;
    while (most > KEY_VECTORS && (size_t)most * stride > PANEL_FLOATS)
        most -= KEY_VECTORS;
    scoring job = {ops, n_ops, s, q, ldq, panel, stride, scores, lds};
    int64_t j = score_where_keys_lie(dtype, &job, n_rows, n_keys, kt, ldk);
    for (job.scores += j; j < n_keys; j += most * LANES, job.scores += most * LANES) {
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
    PLMR_EACH(at, n_rows * n_vectors) {
        int row = at / n_vectors, v = at % n_vectors;
        acc[row][v] = vf_load(out + (size_t)row * job->ldo + v * LANES);
    }
    for (int64_t j = from; j < to; j++) {
        vf right[SUM_VECTORS];
        PLMR_EACH(v, n_vectors)
            right[v] = vf_load(values + (size_t)j * job->ldv + v * LANES);
        PLMR_EACH(at, n_rows * n_vectors) {
            int row = at / n_vectors, v = at % n_vectors;
            acc[row][v] = vf_fma(p[(size_t)row * job->ldp + (size_t)j], right[v], acc[row][v]);
        }
    }
    PLMR_EACH(at, n_rows * n_vectors) {
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
#define SUM_ROWS(n) sum_rows(n, n_vectors, job, i, column)
    PLMR_BY_ROWS(n_rows, SUM_ROWS)
#undef SUM_ROWS
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

/* ---- weighted sums of cores ---- */

/* Of so many queries and vectors of columns at a time the chains and what they are added to stay in registers. */
enum { WEIGHTED_ROWS = 4, WEIGHTED_VECTORS = 2 };

typedef struct weighted {
    int n_rows, n_vectors;
    size_t column;
    int64_t n; /* columns from there on */
    bool ones; /* weights alone */
} weighted;

/* top = p_c + top, for a core that has keys. p: of the first query and key. */
PLMR_INLINE void add_weighted(enum plmr_dtype dtype, weighted w, const plmr_weighted_program *job, const float *p,
                              int64_t from, int64_t to, vf top[WEIGHTED_ROWS][WEIGHTED_VECTORS])
{
    vf part[WEIGHTED_ROWS][WEIGHTED_VECTORS] = {0};
    for (int64_t j = from; j < to; j++) {
        vf right[WEIGHTED_VECTORS];
        PLMR_EACH(v, w.n_vectors)
            right[v] =
                w.ones ? 1 - (vf){0}
                       : load_some(dtype, job->v, (size_t)j * job->ldv + w.column + (size_t)v * LANES, w.n - v * LANES);
        PLMR_EACH(i, w.n_rows)
            PLMR_EACH(v, w.n_vectors)
                part[i][v] = vf_fma(p[(size_t)i * job->ldp + (size_t)j], right[v], part[i][v]);
    }
    PLMR_EACH(i, w.n_rows)
        PLMR_EACH(v, w.n_vectors)
            top[i][v] = part[i][v] + top[i][v];
}

/* PUSH c is carried out as ONTO c on top of -0, as in scores. */
PLMR_INLINE void weigh_block(enum plmr_dtype dtype, weighted w, const plmr_weighted_program *job, const float *p,
                             vf top[WEIGHTED_ROWS][WEIGHTED_VECTORS])
{
    vf stack[PLMR_TREE_DEPTH][WEIGHTED_ROWS][WEIGHTED_VECTORS];
    int depth = 0;
    PLMR_EACH(at, w.n_rows * w.n_vectors)
        top[at / w.n_vectors][at % w.n_vectors] = (vf){0};
    for (const plmr_tree_op *op = job->ops; op < job->ops + job->n_ops; op++) {
        if (op->kind == PLMR_TREE_MERGE) {
            depth--;
            PLMR_EACH(at, w.n_rows * w.n_vectors)
                top[at / w.n_vectors][at % w.n_vectors] += stack[depth][at / w.n_vectors][at % w.n_vectors];
            continue;
        }
        int64_t from = job->first[op->core], to = job->first[op->core + 1];
        if (op->kind == PLMR_TREE_PUSH) {
            PLMR_EACH(at, w.n_rows * w.n_vectors) {
                stack[depth][at / w.n_vectors][at % w.n_vectors] = top[at / w.n_vectors][at % w.n_vectors];
                top[at / w.n_vectors][at % w.n_vectors] = -(vf){0};
            }
            depth++;
        } else if (from == to)
            continue;
        add_weighted(dtype, w, job, p, from, to, top);
    }
}

/* Queries from number i on. */
PLMR_INLINE void weigh_rows(enum plmr_dtype dtype, weighted w, const plmr_weighted_program *job, int i)
{
    vf top[WEIGHTED_ROWS][WEIGHTED_VECTORS];
    weigh_block(dtype, w, job, job->p + (size_t)i * job->ldp, top);
    PLMR_EACH(row, w.n_rows)
        PLMR_EACH(v, w.n_vectors) {
            float values[LANES];
            int64_t n = w.n - v * LANES < LANES ? w.n - v * LANES : LANES;
            vf_store(values, top[row][v]);
            memcpy(job->sums + (size_t)(i + row) * (size_t)(job->n_cols + 1) + w.column + (size_t)v * LANES, values,
                   (size_t)n * sizeof *values);
        }
}

PLMR_INLINE void weigh_columns(enum plmr_dtype dtype, int n_vectors, const plmr_weighted_program *job, int column,
                               int64_t n, bool ones)
{
    int i = 0;
    for (; i + WEIGHTED_ROWS <= job->n_rows; i += WEIGHTED_ROWS)
        weigh_rows(dtype, (weighted){WEIGHTED_ROWS, n_vectors, (size_t)column, n, ones}, job, i);
    for (; i < job->n_rows; i++)
        weigh_rows(dtype, (weighted){1, n_vectors, (size_t)column, n, ones}, job, i);
}

PLMR_INLINE void weigh(enum plmr_dtype dtype, const plmr_weighted_program *job)
{
    int column = 0;
    for (; column + WEIGHTED_VECTORS * LANES <= job->n_cols; column += WEIGHTED_VECTORS * LANES)
        weigh_columns(dtype, WEIGHTED_VECTORS, job, column, WEIGHTED_VECTORS * LANES, false);
    for (; column < job->n_cols; column += LANES)
        weigh_columns(dtype, 1, job, column, job->n_cols - column, false);
    weigh_columns(dtype, 1, job, job->n_cols, 1, true);
}

static void weighted_program(const plmr_weighted_program *job)
{
    if (job->dtype == PLMR_F32)
        weigh(PLMR_F32, job);
    else if (job->dtype == PLMR_F16)
        weigh(PLMR_F16, job);
    else
        weigh(PLMR_BF16, job);
}

const plmr_attention_functions PLMR_ISA_ATTENTION_TABLE = {
    .scores = attention_scores,
    .weighted_sums = weighted_sums,
    .weighted_program = weighted_program,
};
