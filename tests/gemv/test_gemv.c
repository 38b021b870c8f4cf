/* Every GEMV algorithm and every allreduce, on whatever ranks the test runs with: values are the sums in the order of
 * the plan, followed here core by core; cycles and ledgers do not depend on whether values are computed. */
#include "tests/support.h"

#include <math.h>

#include "base/values.h"
#include "gemv/gemv.h"

static float rounded(float value, enum plmr_dtype dtype)
{
    uint16_t half;
    if (dtype == PLMR_F32)
        return value;
    plmr_convert_from_float(dtype, 1, &value, &half);
    plmr_convert_to_float(dtype, 1, &half, &value);
    return value;
}

/* ---- sums of a line, in the order of each algorithm, written from its description ---- */

static float chain_sum(const float *part, int n, enum plmr_dtype accumulate)
{
    float sum = part[n - 1];
    for (int i = n - 2; i >= 0; i--)
        sum = rounded(part[i] + sum, accumulate);
    return sum;
}

static float star_sum(const float *part, int n, enum plmr_dtype accumulate)
{
    float sum = part[0];
    for (int i = 1; i < n; i++)
        sum = rounded(sum + part[i], accumulate);
    return sum;
}

static float tree_sum(const float *part, int first, int span, int n, enum plmr_dtype accumulate)
{
    if (first >= n)
        return 0;
    if (span == 1)
        return part[first];
    float low = tree_sum(part, first, span / 2, n, accumulate);
    return first + span / 2 < n ? rounded(low + tree_sum(part, first + span / 2, span / 2, n, accumulate), accumulate)
                                : low;
}

/* Both ends to the middle. */
static float middle_sum(const float *part, int n, enum plmr_dtype accumulate)
{
    int middle = n / 2;
    float sum = part[middle];
    if (middle > 0) {
        float low = part[0];
        for (int i = 1; i < middle; i++)
            low = rounded(part[i] + low, accumulate);
        sum = rounded(sum + low, accumulate);
    }
    if (middle < n - 1) {
        float high = part[n - 1];
        for (int i = n - 2; i > middle; i--)
            high = rounded(part[i] + high, accumulate);
        sum = rounded(sum + high, accumulate);
    }
    return sum;
}

static float ktree_sum(const float *part, int n, const int *groups, int n_levels, enum plmr_dtype accumulate)
{
    float roots[128];
    if (n_levels == 1)
        return middle_sum(part, n, accumulate);
    for (int g = 0; g < groups[0]; g++) {
        int first = n * g / groups[0];
        roots[g] = middle_sum(part + first, n * (g + 1) / groups[0] - first, accumulate);
    }
    return ktree_sum(roots, groups[0], groups + 1, n_levels - 1, accumulate);
}

/* Round the ring 0 2 4 .. 5 3 1 against its order, from the position before the element's chunk to that chunk's own. */
static float ring_sum(const float *part, int n, int element, int n_elements, enum plmr_dtype accumulate)
{
    int order[128], chunk = 0;
    for (int i = 0; i < n; i++)
        order[i % 2 ? n - (i + 1) / 2 : i / 2] = i;
    while (n_elements * (chunk + 1) / n <= element)
        chunk++;
    float sum = part[order[(chunk + n - 1) % n]];
    for (int i = 2; i <= n; i++)
        sum = rounded(part[order[(chunk + n - i) % n]] + sum, accumulate);
    return sum;
}

static float line_sum(const char *name, const float *part, int n, int element, int n_elements,
                      const plmr_reduce_plan *plan, int n_levels, enum plmr_dtype accumulate)
{
    if (strcmp(name, "chain") == 0)
        return chain_sum(part, n, accumulate);
    if (strcmp(name, "star") == 0)
        return star_sum(part, n, accumulate);
    if (strcmp(name, "tree") == 0)
        return tree_sum(part, 0, 128, n, accumulate);
    if (strcmp(name, "ring") == 0 || strcmp(name, "scatter") == 0)
        return ring_sum(part, n, element, n_elements, accumulate);
    return ktree_sum(part, n, plan->groups, strcmp(name, "two-phase") == 0 ? 2 : n_levels, accumulate);
}

/* ---- GEMV ---- */

struct setting {
    const plmr_gemv_algorithm *algorithm;
    plmr_gemv_problem problem;
    plmr_source x, b;
    const plmr_gemv *gemv;
};

static float element(const plmr_source *source, int64_t row, int64_t col, enum plmr_dtype dtype)
{
    float value = 0;
    if (row < source->rows && col < source->cols)
        must(source->get(source, row, col, 1, 1, &value, 1));
    return rounded(value, dtype);
}

static float expected(const struct setting *s, int64_t j)
{
    const plmr_gemv_problem *p = &s->problem;
    float part[128];
    for (int r = 0; r < p->rows; r++) {
        part[r] = 0;
        for (int64_t k = (int64_t)r * s->gemv->kt; k < (int64_t)(r + 1) * s->gemv->kt; k++)
            part[r] =
                rounded(fmaf(element(&s->x, 0, k, p->dtype), element(&s->b, k, j, p->dtype), part[r]), p->accumulate);
    }
    return rounded(line_sum(s->algorithm->reduce, part, p->rows, (int)(j % s->gemv->nt), s->gemv->nt, s->gemv->plan,
                            p->reduce.n_levels, p->accumulate),
                   p->dtype);
}

static plmr_status check_columns(void *context, int64_t row, int64_t col, int n_rows, int n_cols, const float *values,
                                 size_t ld)
{
    const struct setting *s = context;
    (void)ld;
    assert_int_equal(row, 0);
    assert_int_equal(n_rows, 1);
    for (int c = 0; c < n_cols && col + c < s->problem.n; c++)
        if (values[c] != expected(s, col + c))
            fail_msg("%s: y(%lld) = %.9g, not %.9g", s->algorithm->name, (long long)(col + c), (double)values[c],
                     (double)expected(s, col + c));
    return PLMR_OK;
}

static plmr_cost run(struct setting *s, bool values)
{
    const plmr_gemv_problem *p = &s->problem;
    plmr_device device = test_device("wse2");
    plmr_gemv *gemv;
    plmr_cost cost;
    plmr_region_options options = {.values = values};
    struct test_region t = test_region_open(&device, p->rows, p->cols, &options);
    plmr_source_synthetic(&s->x, 5, 1, p->k);
    plmr_source_synthetic(&s->b, 6, p->k, p->n);
    must(plmr_gemv_open(s->algorithm, p, t.region, &s->x, &s->b, &gemv));
    s->gemv = gemv;
    plmr_gemv_run(gemv);
    if (values)
        must(plmr_gemv_visit(gemv, check_columns, s));
    must(plmr_region_cost(t.region, &cost));
    plmr_gemv_close(gemv);
    test_region_close(&t);
    return cost;
}

static const plmr_gemv_problem problems[] = {
    {.k = 100, .n = 64, .rows = 12, .cols = 12},
    {.k = 331, .n = 277, .rows = 21, .cols = 21, .dtype = PLMR_F16},
    {.k = 1, .n = 1, .rows = 9, .cols = 9},
    {.k = 90, .n = 1100, .rows = 30, .cols = 9, .dtype = PLMR_BF16},
    {.k = 64, .n = 3000, .rows = 16, .cols = 9, .dtype = PLMR_F16, .accumulate = PLMR_F16},
};

static void results_are_their_cores_sums(void **state)
{
    (void)state;
    for (int i = 0; i < plmr_gemv_count(); i++)
        for (size_t p = 0; p < sizeof problems / sizeof *problems; p++)
            for (int levels = 1; levels <= 4; levels++) {
                struct setting s = {.algorithm = plmr_gemv_at(i), .problem = problems[p]};
                s.problem.reduce.n_levels = levels;
                plmr_cost computed = run(&s, true), timed = run(&s, false);
                assert_memory_equal(&computed, &timed, sizeof computed);
            }
}

/* 16K and 32K on 720 x 720 cores in 24 groups. */
static void meshgemv_takes_the_published_time(void **state)
{
    (void)state;
    struct setting s = {
        .algorithm = plmr_gemv_at(0),
        .problem = {
            16384, 16384, 720, 720, PLMR_F16, PLMR_F32, {.n_levels = 2, .n_groups = {24}, .n_group_levels = 1}}};
    assert_string_equal(s.algorithm->name, "meshgemv");
    assert_true(run(&s, false).t_cycles == 1338.5);
    s.problem.k = s.problem.n = 32768;
    plmr_cost cost = run(&s, false);
    assert_true(cost.t_cycles == 2221);
    assert_int_equal(cost.routes_program, 10);
}

/* ---- allreduce alone ---- */

static void check_allreduce(const plmr_reduce_algorithm *algorithm, int n, int n_elements, enum plmr_axis axis,
                            int n_levels)
{
    plmr_device device = test_device("wse2");
    plmr_region_options options = {.values = true};
    int across = 9, rows = axis == PLMR_X ? across : n, cols = axis == PLMR_X ? n : across;
    struct test_region t = test_region_open(&device, rows, cols, &options);
    int along = t.region->count[axis], lines = t.region->count[!axis], length = lines * n_elements;
    float *vectors = malloc(sizeof(float) * (size_t)(along * length)), *sum = malloc(sizeof(float) * (size_t)length);
    plmr_reduce_plan *plan;
    plmr_source source;
    plmr_source_synthetic(&source, 3, n, across * n_elements);
    for (int i = 0; i < along; i++)
        must(source.get(&source, t.region->first[axis] + i, t.region->first[!axis] * n_elements, 1, length,
                        vectors + (size_t)i * (size_t)length, (size_t)length));
    plmr_reduce_options reduce = {.n_levels = n_levels};
    must(plmr_reduce_plan_create(algorithm, &device, PLMR_Y, n, &reduce, &plan));
    plmr_allreduce_values(t.region, axis, plan, PLMR_F32, n_elements, lines, vectors, sum);
    for (int e = 0; e < length; e++) {
        float part[128];
        for (int i = 0; i < n; i++)
            part[i] = element(&source, i, t.region->first[!axis] * n_elements + e, PLMR_F32);
        assert_true(sum[e] == line_sum(algorithm->name, part, n, e % n_elements, n_elements, plan, n_levels, PLMR_F32));
    }
    plmr_reduce_plan_destroy(plan);
    free(vectors);
    free(sum);
    test_region_close(&t);
}

static void allreduces_add_in_their_order(void **state)
{
    (void)state;
    static const int lengths[] = {9, 10, 24, 37}, elements[] = {1, 5, 40};
    for (int a = 0; a < plmr_reduce_count(); a++)
        for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++)
            for (size_t e = 0; e < sizeof elements / sizeof *elements; e++)
                for (int axis = PLMR_X; axis <= PLMR_Y; axis++)
                    check_allreduce(plmr_reduce_at(a), lengths[l], elements[e], (enum plmr_axis)axis, 1 + (int)l);
}

/* With more levels than the router has routes for, the plan violates R. */
static void routes_are_limited(void **state)
{
    (void)state;
    plmr_device device = test_device("wse2");
    device.routes = 4;
    plmr_region_options options = {0};
    plmr_gemv *gemv;
    plmr_gemv_problem problem = {100, 100, 60, 60, PLMR_F16, PLMR_F32, {.n_levels = 3}};
    struct test_region t = test_region_open(&device, 60, 60, &options);
    must_fail(plmr_gemv_open(plmr_gemv_at(0), &problem, t.region, NULL, NULL, &gemv), PLMR_ERROR_LIMIT, "routes");
    test_region_close(&t);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(results_are_their_cores_sums),
    cmocka_unit_test(meshgemv_takes_the_published_time),
    cmocka_unit_test(allreduces_add_in_their_order),
    cmocka_unit_test(routes_are_limited),
};

TEST_MAIN(tests)
