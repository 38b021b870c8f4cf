/* The functions of vector.h in every instruction set that this machine has, bit for bit against plain loops. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/half.h"
#include "kernel/vector.h"
#include "reference.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void *make_elements(enum plmr_dtype dtype, size_t n, bool wild, uint32_t seed)
{
    void *elements = must_allocate(n * plmr_dtype_bytes(dtype));
    for (size_t i = 0; i < n; i++)
        put_element(dtype, elements, i, element_bits(dtype, wild, hash(seed, (uint32_t)i, 3, 4)));
    return elements;
}

static void *random_elements(enum plmr_dtype dtype, size_t n, uint32_t seed)
{
    return make_elements(dtype, n, false, seed);
}

static float element(enum plmr_dtype dtype, const void *elements, size_t at)
{
    return element_value(dtype,
                         dtype == PLMR_F32 ? ((const uint32_t *)elements)[at] : ((const uint16_t *)elements)[at]);
}

/* ---- products of vectors and matrices ---- */

enum onto { NOTHING, ANOTHER, ITSELF, N_ONTO };

typedef struct gemv_case {
    enum plmr_dtype dtype, accumulate;
    int kt, n, gap;
    enum onto onto;
    bool has_next;
} gemv_case;

static float gemv_element(const gemv_case *c, const float *x, const void *b, int j, float onto)
{
    float sum = 0;
    for (int k = 0; k < c->kt; k++)
        sum = multiply_add(c->accumulate, x[k], element(c->dtype, b, (size_t)(k * (c->n + c->gap) + j)), sum);
    return c->onto == NOTHING ? sum : multiply_add(c->accumulate, 1, sum, onto);
}

static void check_gemv(const plmr_isa *isa, const gemv_case *c)
{
    size_t n_b = (size_t)(c->kt * (c->n + c->gap) - (c->kt > 0 ? c->gap : 0)), n = (size_t)c->n;
    void *b = random_elements(c->dtype, n_b, 1), *next = random_elements(c->dtype, n_b, 2);
    float *x = random_elements(PLMR_F32, (size_t)c->kt, 3), *onto = random_elements(PLMR_F32, n, 4);
    float *part = must_allocate((n + 1) * sizeof *part);
    memcpy(part, onto, n * sizeof *part);
    part[n] = 77;
    isa->on_vectors->gemv_onto(c->dtype, c->accumulate, c->kt, c->n, x, b, n + (size_t)c->gap,
                               c->onto == NOTHING   ? NULL
                               : c->onto == ANOTHER ? onto
                                                    : part,
                               part, c->has_next ? next : NULL);
    for (int j = 0; j < c->n; j++) {
        float want = gemv_element(c, x, b, j, onto[j]);
        if (!same_bits(part[j], want))
            fail_msg("%s: kt %d n %d gap %d dtype %d accumulate %d onto %d: part[%d] is %a, not %a", isa->name, c->kt,
                     c->n, c->gap, (int)c->dtype, (int)c->accumulate, (int)c->onto, j, (double)part[j], (double)want);
    }
    assert_true(part[n] == 77);
    free(b);
    free(next);
    free(x);
    free(onto);
    free(part);
}

static void gemv_onto(void **state)
{
    (void)state;
    static const int lengths[] = {1, 3, 7, 8, 15, 16, 17, 33, 64, 100, 255, 256, 257, 700, 2100},
                     depths[] = {0, 1, 2, 8, 23};
    for (int i = 0; i < N_ISAS * 6 * N_ONTO; i++) {
        const plmr_isa *isa = isa_number(i / 6 / N_ONTO);
        for (int j = 0; isa && j < 15 * 5; j++) {
            gemv_case c = {.dtype = (enum plmr_dtype)(i % 3),
                           .accumulate = i / 3 % 2 ? PLMR_F16 : PLMR_F32,
                           .kt = depths[j / 15],
                           .n = lengths[j % 15],
                           .gap = j % 3,
                           .onto = (enum onto)(i / 6 % N_ONTO),
                           .has_next = j % 2};
            check_gemv(isa, &c);
            c.n = 16500 + j;
            if (j >= 72) /* more columns than are summed up together */
                check_gemv(isa, &c);
        }
    }
}

/* ---- programs, and what they read ---- */

enum { PROGRAM_CORES = 5, DEPTH = 6 };

/* Column j, of all strips, of a core's partial value, operation by operation. */
static float program_element(enum plmr_dtype dtype, const plmr_gemv_program *p, int core, int j)
{
    const void *b = p->b[j / p->n_cols];
    float sum = 0;
    for (int k = 0; k < p->kt && p->row[core] >= 0; k++)
        sum = fmaf(p->x[p->place[core] + k],
                   element(dtype, b, (size_t)((p->row[core] + k) * p->n_cols + j % p->n_cols)), sum);
    return sum;
}

/* (p2 + p0) + (p4 + (p1 + p3)): cores in no order, one without rows. */
static void check_program(const plmr_isa *isa, enum plmr_dtype dtype, int n_strips, int n_cols)
{
    static const plmr_tree_op ops[] = {{PLMR_TREE_PUSH, 0}, {PLMR_TREE_ONTO, 2}, {PLMR_TREE_PUSH, 3},
                                       {PLMR_TREE_ONTO, 1}, {PLMR_TREE_ONTO, 4}, {.kind = PLMR_TREE_MERGE}};
    static const int32_t row[PROGRAM_CORES] = {12, 0, 6, -1, 18}, place[PROGRAM_CORES] = {0, 6, 18, -6, 12};
    float *x = random_elements(PLMR_F32, PROGRAM_CORES * DEPTH, 5), p[PROGRAM_CORES],
          stack[2 * PLMR_PROGRAM_STRIPS * PLMR_PROGRAM_COLS];
    void *a = random_elements(dtype, PROGRAM_CORES * DEPTH * PLMR_PROGRAM_COLS, 6),
         *b = random_elements(dtype, PROGRAM_CORES * DEPTH * PLMR_PROGRAM_COLS, 7);
    plmr_gemv_program program = {ops, 6, DEPTH, row, place, x, n_cols, n_strips, {b, a}};
    isa->on_vectors->gemv_program(dtype, &program, stack);
    for (int j = 0; j < n_strips * n_cols; j++) {
        for (int core = 0; core < PROGRAM_CORES; core++)
            p[core] = program_element(dtype, &program, core, j);
        assert_true(same_bits(stack[j], (p[2] + p[0]) + (p[4] + (p[1] + p[3]))));
    }
    free(b);
    free(a);
    free(x);
}

static void programs(void **state)
{
    (void)state;
    for (int i = 0; i < N_ISAS * 3; i++)
        for (int n_strips = 1; n_strips <= PLMR_PROGRAM_STRIPS && isa_number(i / 3); n_strips++)
            for (int n_cols = PLMR_PROGRAM_LEAST; n_cols <= PLMR_PROGRAM_COLS; n_cols += PLMR_PROGRAM_LEAST)
                check_program(isa_number(i / 3), (enum plmr_dtype)(i % 3), n_strips, n_cols);
}

/* Element k of a line, of n. */
static float in_line(enum plmr_dtype dtype, const char *const *from, int64_t n, int64_t k, int j)
{
    return k < n ? element(dtype, from[j], (size_t)k) : 0;
}

typedef struct line_case {
    int kt, n, apart, skew; /* elements between columns; and from a line of memory to the first of them */
    bool ends;              /* nothing comes next */
} line_case;

static void check_line_sums(const line_case *c, enum plmr_dtype dtype, const plmr_gemv_lines *p)
{
    for (int64_t i = 0; i < p->n_chunks * PLMR_LINE_COLS; i++) {
        float sum = 0;
        int64_t first = i / PLMR_LINE_COLS * c->kt;
        for (int64_t k = first; k < first + c->kt; k++)
            sum = fmaf(p->x[k], in_line(dtype, p->from, c->n, k, i % PLMR_LINE_COLS), sum);
        assert_true(same_bits(p->sums[i], sum));
    }
}

/* Elements go round the chunks, some to none; sums begin with what is there. */
static void check_dealt_sums(const plmr_isa *isa, enum plmr_dtype dtype, const plmr_gemv_lines *lines)
{
    enum { COLS = PLMR_LINE_COLS, N_CHUNKS = 7, NONE = 5 };
    int32_t *onto = must_allocate((size_t)lines->n * sizeof *onto);
    float sums[N_CHUNKS * COLS], want[N_CHUNKS * COLS];
    for (int i = 0; i < N_CHUNKS * COLS; i++)
        sums[i] = want[i] = (float)(i % 3) - 1;
    for (int64_t k = 0; k < lines->n; k++) {
        onto[k] = k % N_CHUNKS == NONE ? -1 : (int32_t)(k % N_CHUNKS);
        for (int j = 0; j < COLS && onto[k] >= 0; j++) {
            float *sum = &want[onto[k] * COLS + j];
            *sum = fmaf(lines->x[k], in_line(dtype, lines->from, lines->n, k, j), *sum);
        }
    }
    plmr_gemv_lines p = {1, lines->n, lines->n, lines->x, lines->from, lines->next, onto, sums};
    isa->lines->gemv_lines(dtype, &p);
    for (int i = 0; i < N_CHUNKS * COLS; i++)
        assert_true(same_bits(sums[i], want[i]));
    free(onto);
}

/* Chunks of kt elements of n in all, the last of which some miss; then p_last + (p_nothing + p_0). */
static void check_lines(const plmr_isa *isa, enum plmr_dtype dtype, const line_case *c)
{
    enum { COLS = PLMR_LINE_COLS };
    static const plmr_tree_op ops[] = {
        {PLMR_TREE_PUSH, 2}, {PLMR_TREE_ONTO, 1}, {PLMR_TREE_PUSH, 0}, {.kind = PLMR_TREE_MERGE}};
    int n_chunks = (c->n + c->kt - 1) / c->kt, last = n_chunks - 1, pitch = c->n + c->apart;
    const int32_t at[] = {last * COLS, -1, 0};
    float *x = random_elements(PLMR_F32, (size_t)(n_chunks * c->kt), 5),
          *sums = must_allocate((size_t)(n_chunks * COLS) * sizeof *sums);
    float stack[3 * COLS];
    void *b = random_elements(dtype, (size_t)(COLS * pitch + PLMR_LINE_BYTES), 6);
    const char *from[COLS], *line = (const char *)b + (-(uintptr_t)b % PLMR_LINE_BYTES);
    for (int j = 0; j < COLS; j++)
        from[j] = line + (size_t)(j * pitch + c->skew) * sizeof(uint16_t);
    plmr_gemv_lines p = {c->kt, n_chunks, c->n, x, from, c->ends ? NULL : from, NULL, sums};
    isa->lines->gemv_lines(dtype, &p);
    check_line_sums(c, dtype, &p);
    check_dealt_sums(isa, dtype, &p);
    isa->lines->add_lines(COLS, ops, 4, at, sums, stack);
    for (int j = 0; j < COLS; j++)
        assert_true(same_bits(stack[j], (0 + sums[j]) + sums[last * COLS + j]));
    free(b);
    free(sums);
    free(x);
}

static void lines(void **state)
{
    static const line_case cases[] = {
        {1, 5, 3, 1, false},    {2, 90, 0, 16, false},  {3, 32, 3, 0, true},     {3, 2048, 0, 0, false},
        {4, 96, 0, 31, true},   {5, 200, 1, 5, false},  {6, 100, 3, 1, false},   {6, 2048, 0, 16, true},
        {7, 161, 3, 1, true},   {8, 256, 32, 0, false}, {9, 4500, 0, 16, false}, {16, 64, 3, 1, false},
        {40, 1000, 3, 1, true}, {64, 130, 0, 0, true},  {80, 1000, 0, 7, false}, {300, 250, 1, 16, true}};
    enum { N_CASES = sizeof cases / sizeof *cases };
    (void)state;
    for (int i = 0; i < N_ISAS * 2 * N_CASES; i++)
        if (isa_number(i / (2 * N_CASES)))
            check_lines(isa_number(i / (2 * N_CASES)), i / N_CASES % 2 ? PLMR_F16 : PLMR_BF16, &cases[i % N_CASES]);
}

/* ---- few rows ---- */

typedef struct few_case {
    enum plmr_dtype dtype;
    bool is_strip, tiny; /* tiny: products are less than the least float, so that sums are zeros of either sign */
    int n_rows, n_k, n_zeros;
} few_case;

static float few_element(const few_case *c, const plmr_few_product *p, int k, int j)
{
    if (k >= c->n_k)
        return 0;
    return p->from ? element(c->dtype, p->from[j], (size_t)k)
                   : element(c->dtype, p->strip, (size_t)(k * PLMR_FEW_COLS + j));
}

static void check_few_sums(const plmr_isa *isa, const few_case *c, const plmr_few_product *p)
{
    for (int at = 0, n = c->n_k + c->n_zeros; at < c->n_rows * PLMR_FEW_COLS; at++) {
        int i = at / PLMR_FEW_COLS, j = at % PLMR_FEW_COLS;
        float sum = 0;
        for (int turn = 0, k = p->start[(size_t)j * p->pitch + (size_t)i]; turn < n; turn++, k = (k + 1) % n)
            sum = fmaf(k < c->n_k ? p->a[(size_t)k * p->pitch + (size_t)i] : 0, few_element(c, p, k, j), sum);
        if (!same_bits(p->sums[(size_t)j * p->pitch + (size_t)i], sum))
            fail_msg("%s: %d rows, %d k, %d zeros, dtype %d, strip %d: sum %d of row %d is %a, not %a", isa->name,
                     c->n_rows, c->n_k, c->n_zeros, (int)c->dtype, c->is_strip, j, i,
                     (double)p->sums[(size_t)j * p->pitch + (size_t)i], (double)sum);
    }
}

/* Chains start within `span` elements of each other, anywhere on the ring. */
static void check_few(const plmr_isa *isa, const few_case *c, int first, int span)
{
    size_t lanes = (size_t)isa->few_rows->lanes, pitch = ((size_t)c->n_rows + lanes - 1) / lanes * lanes;
    size_t element_bytes = plmr_dtype_bytes(c->dtype), n_sums = pitch * PLMR_FEW_COLS;
    float *a = make_elements(PLMR_F32, (size_t)c->n_k * pitch, false, 5), *sums = must_allocate(n_sums * sizeof *sums);
    for (size_t i = 0; i < (size_t)c->n_k * pitch && c->tiny; i++)
        a[i] = i % 3 ? 1e-45F : -1e-45F;
    void *b = random_elements(c->dtype, (size_t)c->n_k * PLMR_FEW_COLS, 6);
    int32_t *start = must_allocate(n_sums * sizeof *start);
    const char *from[PLMR_FEW_COLS];
    for (int j = 0; j < PLMR_FEW_COLS; j++)
        from[j] = (const char *)b + (size_t)(j * c->n_k) * element_bytes;
    for (size_t i = 0; i < n_sums; i++)
        start[i] = (first + (int)(i * 7 % (size_t)span)) % (c->n_k + c->n_zeros);
    plmr_few_product p = {
        .pitch = pitch, .n_k = c->n_k, .padded = c->n_zeros > 0, .start = start, .a = a, .strip = b, .sums = sums};
    p.from = c->is_strip ? NULL : from;
    p.next = first % 2 ? from : NULL;
    isa->few_rows->multiply(c->dtype, &p);
    check_few_sums(isa, c, &p);
    free(start);
    free(b);
    free(sums);
    free(a);
}

static void few_rows(void **state)
{
    static const int rows[] = {1, 3, 4, 8, 13, 16, 30}, lengths[] = {1, 5, 64, 100, 333};
    (void)state;
    for (int i = 0; i < N_ISAS * 7 * 5 * 12; i++) {
        const plmr_isa *isa = isa_number(i / (7 * 5 * 12));
        int n_k = lengths[i / 12 % 5], n_zeros = i % 3 * 3;
        few_case c = {(enum plmr_dtype)(i / 2 % 3), i % 2, i % 12 > 8, rows[i / 60 % 7], n_k, n_zeros};
        for (int first = 0; isa && first < n_k + n_zeros; first += 1 + n_k / 7)
            check_few(isa, &c, first, 1 + i % (n_k + 2));
    }
}

/* n rows of n_k words, at any address, to rows 2 k + 1; every seventh is left out. */
static void check_turn(const plmr_isa *isa, size_t bytes, int n, int n_k)
{
    enum { PITCH = 19 };
    unsigned char *words = must_allocate((size_t)(n * (n_k + 1)) * bytes + 1);
    unsigned char *to = must_allocate((size_t)(2 * n_k + 2) * PITCH * bytes);
    int32_t *row = must_allocate((size_t)(n_k + 1) * sizeof *row);
    const char *from[16];
    for (size_t i = 0; i < (size_t)(n * (n_k + 1)) * bytes + 1; i++)
        words[i] = (unsigned char)hash(7, (uint32_t)i, 3, 4);
    memset(to, 0, (size_t)(2 * n_k + 2) * PITCH * bytes);
    for (int k = 0; k < n_k; k++)
        row[k] = k % 7 == 6 ? -1 : 2 * k + 1;
    for (int j = 0; j < n; j++)
        from[j] = (const char *)words + 1 + (size_t)(j * (n_k + 1)) * bytes;
    isa->lines->turn(bytes, n, n_k, from, row, to, PITCH);
    for (int k = 0; k < n_k; k++)
        for (int j = 0; j < PITCH; j++) {
            const unsigned char *at = to + (size_t)((2 * k + 1) * PITCH + j) * bytes;
            static const char nothing[4];
            assert_memory_equal(at, j < n && row[k] >= 0 ? from[j] + (size_t)k * bytes : nothing, bytes);
        }
    free(row);
    free(to);
    free(words);
}

static void turns(void **state)
{
    static const int lengths[] = {0, 1, 8, 31, 32, 100};
    (void)state;
    for (int i = 0; i < N_ISAS * 2 * 3 * 6; i++) {
        const plmr_isa *isa = isa_number(i / 36);
        if (isa)
            check_turn(isa, i / 18 % 2 ? 4 : 2, (const int[]){1, 7, 16}[i / 6 % 3], lengths[i % 6]);
    }
}

/* ---- scores ---- */

enum { MOST_CORES = 40, MOST_OPS = 2 * MOST_CORES };

typedef struct tree {
    plmr_tree_op ops[MOST_OPS];
    int n_ops;
} tree;

static void add_op(tree *tree, enum plmr_tree_kind kind, int core)
{
    tree->ops[tree->n_ops++] = (plmr_tree_op){kind, core};
}

/* From core `from` one by one to core `to`, which may be either the lower or the higher. */
static void add_chain(tree *tree, int from, int to)
{
    int step = from < to ? 1 : -1;
    add_op(tree, PLMR_TREE_PUSH, from);
    for (int core = from; core != to; core += step)
        add_op(tree, PLMR_TREE_ONTO, core + step);
}

static tree one_core(int n_cores)
{
    tree t = {.n_ops = 0};
    add_op(&t, PLMR_TREE_PUSH, n_cores - 1);
    return t;
}

/* Chains from both ends, the middle core in the lower one. */
static tree to_the_middle(int n_cores)
{
    tree t = {.n_ops = 0};
    add_chain(&t, 0, n_cores / 2);
    if (n_cores / 2 + 1 < n_cores) {
        add_chain(&t, n_cores - 1, n_cores / 2 + 1);
        add_op(&t, PLMR_TREE_MERGE, 0);
    }
    return t;
}

/* Groups of five, each summed up in a chain, and the groups' sums from the last to the first. */
static tree two_levels(int n_cores)
{
    tree t = {.n_ops = 0};
    for (int from = (n_cores - 1) / 5 * 5; from >= 0; from -= 5) {
        add_chain(&t, from, from + 5 < n_cores ? from + 4 : n_cores - 1);
        if (t.ops[0].core != from)
            add_op(&t, PLMR_TREE_MERGE, 0);
    }
    return t;
}

/* As many values on the stack as there may be. */
static tree deep(int n_cores)
{
    tree t = {.n_ops = 0};
    int depth = n_cores < PLMR_TREE_DEPTH ? n_cores : PLMR_TREE_DEPTH;
    for (int core = 0; core < n_cores; core++)
        add_op(&t, core < depth ? PLMR_TREE_PUSH : PLMR_TREE_ONTO, core);
    for (int i = 1; i < depth; i++)
        add_op(&t, PLMR_TREE_MERGE, 0);
    return t;
}

static tree (*const trees[])(int n_cores) = {one_core, to_the_middle, two_levels, deep};
enum { N_TREES = sizeof trees / sizeof trees[0] };

typedef struct scores_case {
    tree tree;
    int s, n_rows, n_keys, gap;
    enum plmr_dtype dtype;
    bool wild; /* products underflow, to -0 too */
} scores_case;

typedef struct scores_data {
    float *q, *scores;
    void *kt;
    size_t ldq, ldk, lds;
} scores_data;

static float partial(const scores_case *c, const scores_data *data, int core, int i, int j)
{
    float sum = 0;
    for (int d = core * c->s; d < (core + 1) * c->s; d++)
        sum = fmaf(data->q[(size_t)i * data->ldq + (size_t)d],
                   element(c->dtype, data->kt, (size_t)d * data->ldk + (size_t)j), sum);
    return sum;
}

static float score(const scores_case *c, const scores_data *data, int i, int j)
{
    float stack[PLMR_TREE_DEPTH];
    int n = 0;
    for (const plmr_tree_op *op = c->tree.ops; op < c->tree.ops + c->tree.n_ops; op++)
        if (op->kind == PLMR_TREE_PUSH) {
            stack[n++] = partial(c, data, op->core, i, j);
        } else if (op->kind == PLMR_TREE_ONTO) {
            stack[n - 1] = partial(c, data, op->core, i, j) + stack[n - 1];
        } else {
            stack[n - 2] = stack[n - 2] + stack[n - 1];
            n--;
        }
    assert_int_equal(n, 1);
    return stack[0];
}

static scores_data make_scores(const scores_case *c)
{
    size_t n_dimensions = (size_t)(MOST_CORES * c->s), gap = (size_t)c->gap;
    scores_data data = {.ldq = n_dimensions + gap, .ldk = (size_t)c->n_keys + gap, .lds = (size_t)c->n_keys + gap};
    data.q = make_elements(PLMR_F32, (size_t)c->n_rows * data.ldq, c->wild, 5);
    data.kt = make_elements(c->dtype, n_dimensions * data.ldk, c->wild, 6);
    data.scores = must_allocate(((size_t)c->n_rows * data.lds + 1) * sizeof *data.scores);
    for (size_t i = 0; i <= (size_t)c->n_rows * data.lds; i++)
        data.scores[i] = 77;
    return data;
}

static void check_scores(const plmr_isa *isa, const scores_case *c)
{
    scores_data data = make_scores(c);
    isa->attention->scores(c->tree.ops, c->tree.n_ops, c->s, c->n_rows, c->n_keys, data.q, data.ldq, c->dtype, data.kt,
                           data.ldk, data.scores, data.lds);
    for (size_t at = 0; at <= (size_t)c->n_rows * data.lds; at++) {
        int i = (int)(at / data.lds), j = (int)(at % data.lds);
        float want = i < c->n_rows && j < c->n_keys ? score(c, &data, i, j) : 77;
        if (!same_bits(data.scores[at], want))
            fail_msg("%s: %d operations, s %d, %d rows, %d keys, dtype %d: (%d, %d) is %a, not %a", isa->name,
                     c->tree.n_ops, c->s, c->n_rows, c->n_keys, (int)c->dtype, i, j, (double)data.scores[at],
                     (double)want);
    }
    free(data.q);
    free(data.kt);
    free(data.scores);
}

static void scores(void **state)
{
    (void)state;
    static const int cores[] = {1, 2, 3, 8, 21, 40}, sizes[] = {1, 2, 3, 4, 8};
    static const int rows[] = {1, 2, 3, 5, 6, 7, 8, 13}, keys[] = {1, 5, 16, 31, 32, 33, 64, 100, 130, 600};
    for (int i = 0; i < 600; i++) {
        scores_case c = {.tree = trees[i % N_TREES](cores[random_below(6)]),
                         .s = sizes[random_below(5)],
                         .n_rows = rows[random_below(8)],
                         .n_keys = keys[random_below(10)],
                         .gap = random_below(3) * 3,
                         .dtype = (enum plmr_dtype)random_below(3),
                         .wild = random_below(4) == 0};
        for (int k = 0; k < N_ISAS; k++)
            if (isa_number(k))
                check_scores(isa_number(k), &c);
    }
}

/* So many dimensions that fewer keys than usual are at work together, up to the most that there may be. */
static void many_dimensions(void **state)
{
    (void)state;
    static const int sizes[] = {13, 27, 51};
    for (int i = 0; i < 3 * N_ISAS; i++) {
        scores_case c = {.tree = two_levels(MOST_CORES), .s = sizes[i % 3], .n_rows = 3, .n_keys = 600};
        if (isa_number(i / 3))
            check_scores(isa_number(i / 3), &c);
    }
}

/* ---- weighted sums ---- */

typedef struct sums_case {
    int n_rows, n_cols, n_keys, gap;
    plmr_span first[16], second[16];
} sums_case;

static float sum_over(plmr_span span, const float *p, const float *v, size_t ldv, float sum)
{
    for (int64_t j = span.from; j < span.to; j++)
        sum = fmaf(p[j], v[(size_t)j * ldv], sum);
    return sum;
}

static void check_sums(const plmr_isa *isa, const sums_case *c)
{
    size_t ldp = (size_t)(c->n_keys + c->gap), ld = (size_t)(c->n_cols + c->gap), n_out = (size_t)c->n_rows * ld + 1;
    float *p = random_elements(PLMR_F32, (size_t)c->n_rows * ldp, 7);
    float *v = random_elements(PLMR_F32, (size_t)c->n_keys * ld, 8), *out = must_allocate(n_out * sizeof *out);
    for (size_t i = 0; i < n_out; i++)
        out[i] = 77;
    isa->attention->weighted_sums(c->n_rows, c->n_cols, p, ldp, c->first, c->second, v, ld, out, ld);
    for (size_t at = 0; at < n_out; at++) {
        size_t i = at / ld, d = at % ld;
        float want = 77;
        if (i < (size_t)c->n_rows && d < (size_t)c->n_cols)
            want = sum_over(c->second[i], p + i * ldp, v + d, ld, sum_over(c->first[i], p + i * ldp, v + d, ld, 0));
        if (!same_bits(out[at], want))
            fail_msg("%s: %d rows, %d columns, %d keys: (%zu, %zu) is %a, not %a", isa->name, c->n_rows, c->n_cols,
                     c->n_keys, i, d, (double)out[at], (double)want);
    }
    free(p);
    free(v);
    free(out);
}

static plmr_span random_span(int n)
{
    int64_t from = random_below(n + 1);
    return (plmr_span){from, from + random_below(n + 1 - (int)from)};
}

/* Second spans that grow from row to row, or just any. */
static sums_case random_sums(void)
{
    static const int cols[] = {1, 3, 8, 15, 16, 17, 32, 64, 70, 100, 128, 131};
    sums_case c = {.n_rows = 1 + random_below(16), .n_cols = cols[random_below(12)], .gap = random_below(3)};
    c.n_keys = 1 + random_below(60);
    bool any = random_below(3) == 0;
    int to = random_below(c.n_keys + 1);
    for (int i = 0; i < c.n_rows; i++) {
        c.first[i] = random_span(c.n_keys);
        c.second[i] = any ? random_span(c.n_keys) : (plmr_span){0, to};
        to += to < c.n_keys ? random_below(2) : 0;
    }
    c.second[random_below(c.n_rows)].to -= random_below(10) == 0 ? c.n_keys : 0; /* an empty one */
    return c;
}

static void weighted_sums(void **state)
{
    (void)state;
    for (int i = 0; i < 1500; i++) {
        sums_case c = random_sums();
        for (int k = 0; k < N_ISAS; k++)
            if (isa_number(k))
                check_sums(isa_number(k), &c);
    }
}

/* ---- weighted sums of cores ---- */

typedef struct weighted_case {
    tree tree;
    int32_t first[MOST_CORES + 1];
    int n_rows, n_cols, gap;
    enum plmr_dtype dtype;
} weighted_case;

static float weighted_partial(const plmr_weighted_program *w, int core, int i, int d)
{
    float sum = 0;
    for (int j = w->first[core]; j < w->first[core + 1]; j++)
        sum = fmaf(w->p[(size_t)i * w->ldp + (size_t)j],
                   d == w->n_cols ? 1 : element(w->dtype, w->v, (size_t)j * w->ldv + (size_t)d), sum);
    return sum;
}

static float weighted_element(const plmr_weighted_program *w, int i, int d)
{
    float stack[PLMR_TREE_DEPTH];
    int n = 0;
    for (const plmr_tree_op *op = w->ops; op < w->ops + w->n_ops; op++)
        if (op->kind == PLMR_TREE_PUSH) {
            stack[n++] = weighted_partial(w, op->core, i, d);
        } else if (op->kind == PLMR_TREE_MERGE) {
            stack[n - 2] = stack[n - 2] + stack[n - 1];
            n--;
        } else if (w->first[op->core] < w->first[op->core + 1])
            stack[n - 1] = weighted_partial(w, op->core, i, d) + stack[n - 1];
    return stack[0];
}

static void check_weighted(const plmr_isa *isa, const weighted_case *c)
{
    size_t n_keys = (size_t)c->first[MOST_CORES] + 1, n_sums = (size_t)(c->n_rows * (c->n_cols + 1)) + 1;
    plmr_weighted_program w = {.ops = c->tree.ops,
                               .n_ops = c->tree.n_ops,
                               .first = c->first,
                               .n_rows = c->n_rows,
                               .n_cols = c->n_cols,
                               .ldp = n_keys,
                               .dtype = c->dtype,
                               .ldv = (size_t)(c->n_cols + c->gap)};
    float *p = random_elements(PLMR_F32, (size_t)c->n_rows * n_keys, 9);
    void *v = random_elements(c->dtype, n_keys * w.ldv, 10);
    w.p = p;
    w.v = v;
    w.sums = must_allocate(n_sums * sizeof *w.sums);
    w.sums[n_sums - 1] = 77;
    isa->attention->weighted_program(&w);
    for (int i = 0; i < c->n_rows; i++)
        for (int d = 0; d <= c->n_cols; d++) {
            float sum = w.sums[i * (c->n_cols + 1) + d], want = weighted_element(&w, i, d);
            if (!same_bits(sum, want))
                fail_msg("%s: %d operations, %d rows, %d columns, dtype %d: (%d, %d) is %a, not %a", isa->name,
                         c->tree.n_ops, c->n_rows, c->n_cols, (int)c->dtype, i, d, (double)sum, (double)want);
        }
    assert_true(w.sums[n_sums - 1] == 77);
    free(p);
    free(v);
    free(w.sums);
}

static void weighted_programs(void **state)
{
    (void)state;
    static const int cores[] = {1, 2, 3, 8, 21, 40}, cols[] = {1, 3, 8, 15, 16, 17, 32, 64, 70, 100, 128, 131};
    for (int i = 0; i < 400; i++) {
        weighted_case c = {.tree = trees[i % N_TREES](cores[random_below(6)]),
                           .n_rows = 1 + random_below(9),
                           .n_cols = cols[random_below(12)],
                           .gap = random_below(3),
                           .dtype = (enum plmr_dtype)random_below(3)};
        for (int core = 0, most = 1 + random_below(4); core < MOST_CORES; core++)
            c.first[core + 1] = c.first[core] + random_below(most);
        for (int k = 0; k < N_ISAS; k++)
            if (isa_number(k))
                check_weighted(isa_number(k), &c);
    }
}

/* ---- vector functions ---- */

enum { MOST = 200 };

/* x, two more inputs, and places for the same result in place and elsewhere, the latter with a mark after it. */
typedef struct vectors {
    float *x, *a, *b, *y;
} vectors;

static vectors make_vectors(int n)
{
    vectors v = {random_elements(PLMR_F32, (size_t)n, 9), random_elements(PLMR_F32, (size_t)n, 10),
                 random_elements(PLMR_F32, (size_t)n, 11), must_allocate((size_t)(n + 1) * sizeof(float))};
    v.y[n] = 77;
    return v;
}

static void free_vectors(vectors *v, int n)
{
    assert_true(v->y[n] == 77);
    free(v->x);
    free(v->a);
    free(v->b);
    free(v->y);
}

static void assert_same(const plmr_isa *isa, const float *have, const float *want, int n)
{
    for (int i = 0; i < n; i++)
        if (!same_bits(have[i], want[i]))
            fail_msg("%s: element %d of %d is %a, not %a", isa->name, i, n, (double)have[i], (double)want[i]);
}

/* Of chunks of any size that n elements have room for. */
static void check_squares(const plmr_isa *isa, int n)
{
    vectors v = make_vectors(n);
    for (int kt = 1; kt <= n && kt < 24; kt++) {
        float want[MOST];
        for (int i = 0; i < n / kt; i++) {
            want[i] = 0;
            for (int kk = 0; kk < kt; kk++)
                want[i] = fmaf(v.x[i * kt + kk], v.x[i * kt + kk], want[i]);
        }
        isa->on_vectors->squares(n / kt, kt, v.x, v.y);
        assert_same(isa, v.y, want, n / kt);
    }
    free_vectors(&v, n);
}

static void check_scale(const plmr_isa *isa, int n)
{
    vectors v = make_vectors(n);
    float want[MOST];
    for (int i = 0; i < n; i++) {
        float scaled = v.x[i] * 1.7f;
        want[i] = scaled * v.a[i];
    }
    isa->on_vectors->scale(n, 1.7f, v.a, v.x, v.y);
    assert_same(isa, v.y, want, n);
    isa->on_vectors->scale(n, 1.7f, v.a, v.x, v.x);
    assert_same(isa, v.x, want, n);
    free_vectors(&v, n);
}

static void check_add_to(const plmr_isa *isa, int n)
{
    vectors v = make_vectors(n);
    float want[MOST];
    for (int i = 0; i < n; i++)
        want[i] = v.x[i] + v.a[i];
    memcpy(v.y, v.a, (size_t)n * sizeof *v.y);
    isa->on_vectors->add_to(n, v.x, v.y);
    assert_same(isa, v.y, want, n);
    for (int i = 0; i < n; i++)
        want[i] = v.x[i] + v.x[i];
    isa->on_vectors->add_to(n, v.x, v.x);
    assert_same(isa, v.x, want, n);
    free_vectors(&v, n);
}

static void check_rope(const plmr_isa *isa, int n)
{
    vectors v = make_vectors(2 * n);
    float want[2 * MOST];
    for (int i = 0; i < n; i++) {
        float x0 = v.x[2 * i], x1 = v.x[2 * i + 1], x1s = x1 * v.b[i], x1c = x1 * v.a[i];
        want[2 * i] = fmaf(x0, v.a[i], -x1s);
        want[2 * i + 1] = fmaf(x0, v.b[i], x1c);
    }
    memcpy(v.y, v.x, (size_t)(2 * n) * sizeof *v.y);
    isa->on_vectors->rope_rotate(n, v.a, v.b, v.y);
    assert_same(isa, v.y, want, 2 * n);
    free_vectors(&v, 2 * n);
}

static void check_max(const plmr_isa *isa, int n)
{
    vectors v = make_vectors(n);
    for (int place = 0; place < n; place++) { /* the greatest one anywhere, once positive and once negative */
        for (int i = 0; i < n; i++)
            v.y[i] = i == place ? 1000 : v.x[i];
        assert_true(isa->on_vectors->max(n, v.y) == 1000);
        for (int i = 0; i < n; i++)
            v.y[i] = i == place ? -0.0f : -1 - fabsf(v.x[i]);
        assert_true(same_bits(isa->on_vectors->max(n, v.y), 0));
    }
    free_vectors(&v, n);
    assert_true(isa->on_vectors->max(0, NULL) == -INFINITY);
}

static void check_silu(const plmr_isa *isa, int n)
{
    vectors v = make_vectors(n);
    float want[MOST];
    for (int i = 0; i < n; i++) {
        float minus = -v.x[i], e;
        isa_number(0)->on_vectors->exp(1, 1, 0, &minus, &e);
        want[i] = v.x[i] / (1 + e);
        want[i] = want[i] * v.a[i];
    }
    isa->on_vectors->silu_multiply(n, v.x, v.a, v.y);
    assert_same(isa, v.y, want, n);
    memcpy(v.y, v.a, (size_t)n * sizeof *v.y);
    isa->on_vectors->silu_multiply(n, v.x, v.y, v.y);
    assert_same(isa, v.y, want, n);
    isa->on_vectors->silu_multiply(n, v.x, v.a, v.x);
    assert_same(isa, v.x, want, n);
    free_vectors(&v, n);
}

/* Gates and ups on both sides of 7. */
static void check_clipped(const plmr_isa *isa, int n)
{
    vectors v = make_vectors(n);
    float want[MOST];
    for (int i = 0; i < n; i++) {
        v.x[i] *= i % 5 == 2 ? 9 : 1;
        v.a[i] *= i % 3 == 1 ? 11 : 1;
        float g = fminf(v.x[i], 7), u = fmaxf(-7, fminf(v.a[i], 7)), t = -1.702f * g, e;
        isa_number(0)->on_vectors->exp(1, 1, 0, &t, &e);
        want[i] = g / (1 + e);
        want[i] = want[i] * (1 + u);
    }
    isa->on_vectors->clipped_multiply(n, v.x, v.a, v.y);
    assert_same(isa, v.y, want, n);
    isa->on_vectors->clipped_multiply(n, v.x, v.a, v.a);
    assert_same(isa, v.a, want, n);
    free_vectors(&v, n);
}

/* gelu at halves, and what is rounded to them. */
static void check_gelu(const plmr_isa *isa, int n)
{
    vectors v = make_vectors(n);
    for (int i = 0; i < n; i++) {
        v.x[i] = i % 7 == 3 ? -10 - fabsf(v.x[i]) : i % 7 == 4 ? 10 + fabsf(v.x[i]) : v.x[i];
        v.a[i] = 1;
    }
    isa->on_vectors->gelu_multiply(n, v.x, v.a, v.y);
    for (int i = 0; i < n; i++) {
        double x = plmr_f16_round(v.x[i]);
        double want = x / 2 * (1 + tanh(0.7978845608028654 * (x + 0.044715 * x * x * x)));
        want = v.x[i] <= -10 ? 0 : v.x[i] >= 10 ? v.x[i] : want;
        assert_true(fabs(v.y[i] - want) <= fabs(want) * 0x1p-11 + 0x1p-24);
        assert_true(fabsf(v.x[i]) >= 10 || same_bits(v.y[i], plmr_f16_round(v.y[i])));
    }
    memcpy(v.a, v.y, (size_t)n * sizeof *v.y);
    isa_number(0)->on_vectors->gelu_multiply(n, v.x, v.x, v.y);
    isa->on_vectors->gelu_multiply(n, v.x, v.x, v.x);
    assert_same(isa, v.x, v.y, n);
    free_vectors(&v, n);
}

static void vector_functions(void **state)
{
    (void)state;
    for (int i = 0; i < N_ISAS; i++)
        for (int n = 0; isa_number(i) && n < MOST; n++) {
            check_scale(isa_number(i), n);
            check_add_to(isa_number(i), n);
            check_squares(isa_number(i), n);
            check_rope(isa_number(i), n / 2);
            check_max(isa_number(i), n);
            check_silu(isa_number(i), n);
            check_clipped(isa_number(i), n);
            check_gelu(isa_number(i), n);
        }
}

/* What t = (x - shift) * scale is, and y: the same in every instruction set, and near enough. */
static void check_exp(int n, float scale, float shift, const float *x)
{
    float *y = must_allocate((size_t)n * sizeof *y), *other = must_allocate((size_t)n * sizeof *other);
    isa_number(0)->on_vectors->exp(n, scale, shift, x, y);
    for (int i = 0; i < n; i++) {
        float moved = x[i] - shift, t = moved * scale;
        double want = exp((double)t), error = fabs((double)y[i] - want);
        bool good = want > FLT_MAX ? y[i] == INFINITY : error <= (want < 0x1p-126 ? 0x1p-149 : 3e-7 * want);
        if (!good && !(fabs(want / FLT_MAX - 1) < 3e-7))
            fail_msg("exp(%a) is %a, not %a", (double)t, (double)y[i], want);
    }
    for (int i = 1; i < N_ISAS; i++)
        if (isa_number(i)) {
            memcpy(other, x, (size_t)n * sizeof *other);
            isa_number(i)->on_vectors->exp(n, scale, shift, other, other);
            assert_same(isa_number(i), other, y, n);
        }
    free(y);
    free(other);
}

static void exponentials(void **state)
{
    (void)state;
    enum { N = 400001 };
    float *x = must_allocate(N * sizeof *x);
    for (int i = 0; i < N; i++)
        x[i] = -110 + (float)i * (200.0f / N);
    check_exp(N, 1, 0, x);
    check_exp(N, 0.125f, 90, x);
    for (int i = 0; i < N; i++)
        x[i] = element_value(PLMR_F32, element_bits(PLMR_F32, true, hash((uint32_t)i, 12, 13, 14)));
    check_exp(N, 1, 0, x);
    for (int n = 1; n < MOST; n++)
        check_exp(n, 0.3f, 0.7f, x);
    free(x);
}

static void exponentials_of_limits(void **state)
{
    (void)state;
    const float x[] = {0, -0.0f, -INFINITY, INFINITY, -FLT_MAX, FLT_MAX, 0x1p-149f, 88.72f, 88.73f}, greatest = NAN;
    const float want[] = {1, 1, 0, INFINITY, 0, INFINITY, 1};
    for (int i = 0; i < N_ISAS; i++)
        if (isa_number(i)) {
            float y[9], nan;
            isa_number(i)->on_vectors->exp(9, 1, 0, x, y);
            assert_same(isa_number(i), y, want, 7);
            assert_true(y[7] < INFINITY && y[8] == INFINITY);
            isa_number(i)->on_vectors->exp(1, 1, 0, &greatest, &nan);
            assert_true(isnan(nan));
        }
}

/* ---- what the rest of the program calls ---- */

static void the_chosen_one(void **state)
{
    (void)state;
    const float one = 1, x[2] = {2, 3}, key[2] = {5, 7};
    const plmr_tree_op op = {PLMR_TREE_PUSH, 0};
    const plmr_span none = {0, 0}, both = {0, 2};
    float y[2], pair[2] = {2, 3};
    plmr_vectors()->gemv_onto(PLMR_F32, PLMR_F32, 1, 2, &one, x, 2, key, y, NULL);
    assert_true(y[0] == 7 && y[1] == 10);
    plmr_attention()->scores(&op, 1, 2, 1, 1, x, 2, PLMR_F32, key, 1, y, 1);
    assert_true(y[0] == 31);
    plmr_attention()->weighted_sums(1, 1, x, 2, &none, &both, key, 1, y, 1);
    assert_true(y[0] == 31);
    plmr_vectors()->exp(2, 1, 3, x, y);
    assert_true(y[1] == 1);
    plmr_vectors()->silu_multiply(1, (const float[]){0}, x, y);
    assert_true(y[0] == 0);
    plmr_vectors()->scale(2, 2, key, x, y);
    assert_true(y[0] == 20 && y[1] == 42);
    plmr_vectors()->add_to(2, x, y);
    assert_true(y[0] == 22 && y[1] == 45);
    assert_true(plmr_vectors()->max(2, y) == 45);
    plmr_vectors()->rope_rotate(1, (const float[]){0}, &one, pair);
    assert_true(pair[0] == -3 && pair[1] == 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gemv_onto),
        cmocka_unit_test(programs),
        cmocka_unit_test(lines),
        cmocka_unit_test(few_rows),
        cmocka_unit_test(turns),
        cmocka_unit_test(scores),
        cmocka_unit_test(many_dimensions),
        cmocka_unit_test(weighted_sums),
        cmocka_unit_test(vector_functions),
        cmocka_unit_test(exponentials),
        cmocka_unit_test(exponentials_of_limits),
        cmocka_unit_test(weighted_programs),
        cmocka_unit_test(the_chosen_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
