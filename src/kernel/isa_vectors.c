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
enum { LINE = PLMR_LINE_BYTES, GEMV_NARROW = 1024, GEMV_SHORT = 4096, GEMV_ROWS = 8, GEMV_COLS = 16384 };

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
PLMR_INLINE void program_core(enum plmr_dtype dtype, int n_cols, const plmr_gemv_program *p, int core, int strip,
                              bool onto, float *top)
{
    const int n = n_cols / LANES, n_lines = (int)plmr_ceil_div(n_cols * (int)plmr_dtype_bytes(dtype), LINE);
    vf sum[PLMR_PROGRAM_COLS / LANES];
    int64_t row = p->row[core];
    int kt = row < 0 ? 0 : p->kt;
    const float *x = p->x + (row < 0 ? 0 : p->place[core]);
    const char *b = (const char *)p->b[strip] + (size_t)((row < 0 ? 0 : row) * n_cols) * plmr_dtype_bytes(dtype);
    PLMR_EACH(v, n)
        sum[v] = (vf){0};
    for (int k = 0; k < kt; k++, b += (size_t)n_cols * plmr_dtype_bytes(dtype)) {
        PLMR_EACH(line, n_lines)
            __builtin_prefetch(b + PROGRAM_AHEAD + line * LINE, 0, 3);
        PLMR_EACH(v, n)
            sum[v] = vf_fma(x[k], vf_load_as(dtype, b, (size_t)(v * LANES)), sum[v]);
    }
    top += strip * n_cols;
    PLMR_EACH(v, n)
        vf_store(top + v * LANES, onto ? sum[v] + vf_load(top + v * LANES) : sum[v]);
}

PLMR_INLINE void program(enum plmr_dtype dtype, int n_cols, const plmr_gemv_program *p, float *top)
{
    int level = p->n_strips * n_cols;
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
            program_core(dtype, n_cols, p, op->core, strip, onto, top);
    }
}

PLMR_INLINE void program_of(enum plmr_dtype dtype, const plmr_gemv_program *p, float *stack)
{
    switch (p->n_cols / PLMR_PROGRAM_LEAST) {
#define PLMR_PROGRAM(n)                                                                                                \
    case n:                                                                                                            \
        program(dtype, n *PLMR_PROGRAM_LEAST, p, stack);                                                               \
        break;
        PLMR_PROGRAM(1)
        PLMR_PROGRAM(2)
        PLMR_PROGRAM(3)
        PLMR_PROGRAM(4)
#undef PLMR_PROGRAM
    }
}

static void gemv_program(enum plmr_dtype dtype, const plmr_gemv_program *p, float *stack)
{
    if (dtype == PLMR_F32)
        program_of(PLMR_F32, p, stack);
    else if (dtype == PLMR_F16)
        program_of(PLMR_F16, p, stack);
    else
        program_of(PLMR_BF16, p, stack);
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

/* Lanes hold chunks. */
static void squares(int64_t n, int kt, const float *x, float *sums)
{
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        float sum[LANES] = {0};
        const float *at = x + i * kt;
        for (int kk = 0; kk < kt; kk++)
            PLMR_EACH(lane, LANES)
                sum[lane] = fmaf(at[lane * kt + kk], at[lane * kt + kk], sum[lane]);
        memcpy(sums + i, sum, sizeof sum);
    }
    for (; i < n; i++) {
        sums[i] = 0;
        for (int kk = 0; kk < kt; kk++)
            sums[i] = fmaf(x[i * kt + kk], x[i * kt + kk], sums[i]);
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
    .exp = vector_exp,
    .silu_multiply = silu_multiply,
    .clipped_multiply = clipped_multiply,
    .gelu_multiply = gelu_multiply,
    .squares = squares,
    .scale = scale,
    .add_to = add_to,
    .max = max,
    .rope_rotate = rope_rotate,
};
