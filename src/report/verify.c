#include "report/verify.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "kernel/kernel.h"
#include "report/result.h"

/* A patch of the result is compared at a time, with so many k at a time of its rows of A and columns of B: they fit in
 * the second-level cache. */
enum { PATCH_ROWS = 64, PATCH_COLS = 256, PATCH_K = 128 };
/* Where not all elements are checked: so many in all, as a square where the result is a matrix. */
enum { SAMPLE_SIDE = 64, SAMPLE = SAMPLE_SIDE * SAMPLE_SIDE };

typedef struct wrong_element {
    int64_t index; /* row * n + col; -1: none */
    double value, reference, bound;
} wrong_element;

struct plmr_verify {
    plmr_verify_problem problem;
    bool all;
    int n_rows, n_cols; /* picked */
    int64_t rows[SAMPLE], cols[SAMPLE];
    double max_abs_err, max_reference, max_bound;
    uint64_t elements, overflows;
    wrong_element wrong; /* the one with the least index */
    double a[PATCH_ROWS * PATCH_K], b[PATCH_K * PATCH_COLS], sum[PATCH_ROWS * PATCH_COLS];
    double row_norm2[PATCH_ROWS], col_norm2[PATCH_COLS];
    float gathered[PATCH_K * PATCH_COLS];
    uint16_t stored[PATCH_K * PATCH_COLS];
};

/* ---- which elements ---- */

static int compare_picks(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

int plmr_verify_picks(int64_t extent, int chunk, int most, int64_t *picks)
{
    int n = 0, unique = 0;
    int64_t n_borders = plmr_ceil_div(extent, chunk) - 1,
            pairs = (most - 2) / 2 < n_borders ? (most - 2) / 2 : n_borders;
    if (extent <= most) {
        for (int64_t i = 0; i < extent; i++)
            picks[n++] = i;
        return n;
    }
    picks[n++] = 0;
    picks[n++] = extent - 1;
    for (int64_t t = 0; t < pairs; t++) {
        int64_t border = chunk * (1 + (pairs > 1 ? t * (n_borders - 1) / (pairs - 1) : 0));
        picks[n++] = border - 1;
        picks[n++] = border;
    }
    for (int64_t left = most - n, t = 0; t < left; t++)
        picks[n++] = (t + 1) * extent / (left + 1);
    qsort(picks, (size_t)n, sizeof *picks, compare_picks);
    for (int i = 0; i < n; i++)
        if (i == 0 || picks[i] != picks[i - 1])
            picks[unique++] = picks[i];
    return unique;
}

plmr_verify *plmr_verify_create(const plmr_verify_problem *problem)
{
    plmr_verify *verify = plmr_take_zeroed(1, sizeof *verify);
    const plmr_verify_problem *p = problem;
    verify->problem = *problem;
    verify->wrong.index = -1;
    verify->all = (double)p->m * (double)p->k * (double)p->n <= (double)p->all_below;
    if (!verify->all) {
        verify->n_rows = plmr_verify_picks(p->m, p->row_chunk, p->n == 1 ? SAMPLE : SAMPLE_SIDE, verify->rows);
        verify->n_cols = plmr_verify_picks(p->n, p->col_chunk, p->m == 1 ? SAMPLE : SAMPLE_SIDE, verify->cols);
    }
    return verify;
}

void plmr_verify_destroy(plmr_verify *verify)
{
    free(verify);
}

/* Of first <= i < first + count, up to `room` that are to be checked, from i = *next on; *next moves past them. */
static int choose(bool all, const int64_t *picks, int n_picks, int64_t first, int count, int64_t *next, int room,
                  int64_t *chosen)
{
    int n = 0;
    if (all)
        for (; n < room && *next < first + count; n++)
            chosen[n] = (*next)++;
    for (int i = 0; !all && i < n_picks && n < room && picks[i] < first + count; i++)
        if (picks[i] >= *next) {
            chosen[n++] = picks[i];
            *next = picks[i] + 1;
        }
    return n;
}

/* ---- the reference ---- */

static int run_length(const int64_t *index, int n)
{
    int length = 1;
    while (length < n && index[length] == index[0] + length)
        length++;
    return length;
}

/* Elements rows x cols of a source, as they are stored, into verify->gathered, row by row. */
static plmr_status gather(plmr_verify *verify, const plmr_source *source, const int64_t *rows, int n_rows,
                          const int64_t *cols, int n_cols)
{
    for (int r = 0, height; r < n_rows; r += height) {
        height = run_length(rows + r, n_rows - r);
        for (int c = 0, width; c < n_cols; c += width) {
            width = run_length(cols + c, n_cols - c);
            PLMR_TRY(source->get(source, rows[r], cols[c], height, width,
                                 verify->gathered + (size_t)r * (size_t)n_cols + c, (size_t)n_cols));
        }
    }
    if (verify->problem.dtype != PLMR_F32) {
        int64_t n = (int64_t)n_rows * n_cols;
        plmr_convert_from_float(verify->problem.dtype, n, verify->gathered, verify->stored);
        plmr_convert_to_float(verify->problem.dtype, n, verify->stored, verify->gathered);
    }
    return PLMR_OK;
}

typedef struct patch {
    int64_t rows[PATCH_ROWS], cols[PATCH_COLS];
    int n_rows, n_cols;
} patch;

static plmr_status gather_a(plmr_verify *verify, const patch *patch, const int64_t *k, int n_k)
{
    PLMR_TRY(gather(verify, verify->problem.a, patch->rows, patch->n_rows, k, n_k));
    for (int i = 0; i < patch->n_rows; i++)
        for (int kk = 0; kk < n_k; kk++) {
            double value = verify->gathered[i * n_k + kk];
            verify->a[i * PATCH_K + kk] = value;
            verify->row_norm2[i] += value * value;
        }
    return PLMR_OK;
}

static plmr_status gather_b(plmr_verify *verify, const patch *patch, const int64_t *k, int n_k)
{
    bool transposed = verify->problem.transpose_b;
    int n = patch->n_cols;
    if (transposed)
        PLMR_TRY(gather(verify, verify->problem.b, patch->cols, n, k, n_k));
    else
        PLMR_TRY(gather(verify, verify->problem.b, k, n_k, patch->cols, n));
    for (int kk = 0; kk < n_k; kk++)
        for (int j = 0; j < n; j++) {
            double value = verify->gathered[transposed ? j * n_k + kk : kk * n + j];
            verify->b[kk * PATCH_COLS + j] = value;
            verify->col_norm2[j] += value * value;
        }
    return PLMR_OK;
}

/* Four k at a time, so that a sum is loaded and stored once for them. a and b are padded with zeros up to there. */
static void multiply_add(plmr_verify *verify, const patch *patch, int n_k)
{
    for (int i = 0; i < patch->n_rows; i++)
        for (int kk = 0; kk < n_k; kk += 4) {
            const double *a = verify->a + i * PATCH_K + kk, *restrict b = verify->b + kk * PATCH_COLS;
            double *restrict sum = verify->sum + i * PATCH_COLS, a0 = a[0], a1 = a[1], a2 = a[2], a3 = a[3];
            for (int j = 0; j < patch->n_cols; j++)
                sum[j] +=
                    (a0 * b[j] + a1 * b[PATCH_COLS + j]) + (a2 * b[2 * PATCH_COLS + j] + a3 * b[3 * PATCH_COLS + j]);
        }
}

static plmr_status compute_patch(plmr_verify *verify, const patch *patch)
{
    memset(verify->sum, 0, sizeof verify->sum);
    memset(verify->row_norm2, 0, sizeof verify->row_norm2);
    memset(verify->col_norm2, 0, sizeof verify->col_norm2);
    for (int64_t first = 0; first < verify->problem.k; first += PATCH_K) {
        int64_t k[PATCH_K], left = verify->problem.k - first;
        int n_k = left < PATCH_K ? (int)left : PATCH_K;
        for (int kk = 0; kk < n_k; kk++)
            k[kk] = first + kk;
        if (n_k % 4) {
            memset(verify->a, 0, sizeof verify->a);
            memset(verify->b, 0, sizeof verify->b);
        }
        PLMR_TRY(gather_a(verify, patch, k, n_k));
        PLMR_TRY(gather_b(verify, patch, k, n_k));
        multiply_add(verify, patch, n_k);
    }
    return PLMR_OK;
}

/* ---- the bound ---- */

typedef struct rounding {
    double u, v, largest;
} rounding;

static rounding storage_rounding(enum plmr_dtype dtype)
{
    static const rounding roundings[] = {
        [PLMR_F32] = {0x1p-24, 0x1p-150, 0x1.fffffep127},
        [PLMR_F16] = {0x1p-11, 0x1p-25, 65504},
        [PLMR_BF16] = {0x1p-8, 0x1p-134, 0x1.fep127},
    };
    return roundings[dtype];
}

/* (1 + u)^n - 1 */
static double growth(double u, double n)
{
    return expm1(n * log1p(u));
}

double plmr_verify_bound(const plmr_verify_problem *problem, double reference, double sum_abs, bool *may_overflow)
{
    double k = (double)problem->k, depth = (double)problem->depth;
    rounding result = storage_rounding(problem->dtype), sums = storage_rounding(PLMR_F32);
    if (problem->accumulate == PLMR_F16)
        sums = (rounding){0x1p-11 + 0x1p-23, 0x1p-24, 65504};
    double g = growth(sums.u, depth), s = sum_abs * (1 + 0x1p-20); /* S itself was rounded */
    double of_sum = (g + growth(0x1p-53, k)) * s + (k + depth) * sums.v * (1 + g);
    *may_overflow = s * (1 + g) >= sums.largest || fabs(reference) + of_sum >= result.largest;
    if (problem->dtype == PLMR_F32)
        return of_sum;
    return of_sum + result.u * (fabs(reference) + of_sum) + result.v;
}

/* ---- comparing ---- */

static void judge_element(plmr_verify *verify, int64_t index, double value, double reference, double sum_abs)
{
    bool may_overflow;
    double bound = plmr_verify_bound(&verify->problem, reference, sum_abs, &may_overflow),
           error = fabs(value - reference);
    /* A user's NaN or infinity makes one of every sum that it enters. */
    bool finite_inputs = isfinite(reference) && isfinite(sum_abs),
         overflow = !isfinite(value) && (may_overflow || !finite_inputs);
    verify->elements++;
    verify->overflows += overflow;
    if (overflow)
        return;
    if (!isfinite(error))
        error = INFINITY;
    verify->max_abs_err = fmax(verify->max_abs_err, error);
    verify->max_reference = fmax(verify->max_reference, fabs(reference));
    verify->max_bound = fmax(verify->max_bound, bound);
    if (!(error <= bound) && (verify->wrong.index < 0 || index < verify->wrong.index))
        verify->wrong = (wrong_element){index, value, reference, bound};
}

static void judge_patch(plmr_verify *verify, const patch *patch, int64_t row, int64_t col, const float *values,
                        size_t ld)
{
    for (int i = 0; i < patch->n_rows; i++)
        for (int j = 0; j < patch->n_cols; j++) {
            float value = values[(size_t)(patch->rows[i] - row) * ld + (size_t)(patch->cols[j] - col)];
            judge_element(verify, patch->rows[i] * verify->problem.n + patch->cols[j], value,
                          verify->sum[i * PATCH_COLS + j], sqrt(verify->row_norm2[i]) * sqrt(verify->col_norm2[j]));
        }
}

plmr_status plmr_verify_rectangle(void *context, int64_t row, int64_t col, int n_rows, int n_cols, const float *values,
                                  size_t ld)
{
    plmr_verify *verify = context;
    patch patch;
    int64_t next_row = row, next_col;
    plmr_result_clip(verify->problem.m, verify->problem.n, row, col, &n_rows, &n_cols);
    while ((patch.n_rows =
                choose(verify->all, verify->rows, verify->n_rows, row, n_rows, &next_row, PATCH_ROWS, patch.rows)))
        for (next_col = col; (patch.n_cols = choose(verify->all, verify->cols, verify->n_cols, col, n_cols, &next_col,
                                                    PATCH_COLS, patch.cols));) {
            PLMR_TRY(compute_patch(verify, &patch));
            judge_patch(verify, &patch, row, col, values, ld);
        }
    return PLMR_OK;
}

/* The error of the wrong element with the least index, made by the rank that owns it. */
static plmr_status first_wrong(const plmr_verify *verify, double least_index)
{
    const wrong_element *wrong = &verify->wrong;
    PLMR_CHECK(wrong->index < 0 || (double)wrong->index != least_index, PLMR_ERROR_SYSTEM,
               "verification failed: element (%lld, %lld) is %.9g, not %.9g: rounding allows it to be off by %.3g",
               (long long)(wrong->index / verify->problem.n), (long long)(wrong->index % verify->problem.n),
               wrong->value, wrong->reference, wrong->bound);
    return PLMR_OK;
}

void plmr_verify_finish(plmr_verify *verify, plmr_ranks *ranks, plmr_verdict *verdict, plmr_status *wrong)
{
    double most[] = {verify->max_abs_err, verify->max_reference, verify->max_bound,
                     verify->wrong.index < 0 ? -INFINITY : -(double)verify->wrong.index};
    uint64_t counts[] = {verify->elements, verify->overflows};
    plmr_ranks_max(ranks, most, sizeof most / sizeof most[0]);
    plmr_ranks_sum(ranks, counts, sizeof counts / sizeof counts[0]);
    *verdict = (plmr_verdict){
        .max_abs_err = most[0],
        .max_rel_err = most[1] > 0 ? most[0] / most[1] : most[0],
        .bound = most[2],
        .max_reference = most[1],
        .elements = (int64_t)counts[0],
        .overflows = (int64_t)counts[1],
    };
    *wrong = plmr_agree(first_wrong(verify, -most[3]));
}
