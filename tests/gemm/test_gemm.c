/* Every registered GEMM algorithm, on whatever ranks the test runs with: each element is the chain of fused
 * multiply-adds that its core would do, followed here element by element from the words of gemm.h; cycles and ledgers
 * do not depend on whether values are computed, and agree with the formulas of the model. */
#include "tests/support.h"

#include <math.h>
#include <time.h>

#include "base/half.h"
#include "base/values.h"
#include "gemm/gemm.h"

struct setting {
    const plmr_gemm_algorithm *algorithm;
    plmr_gemm_problem problem;
    plmr_source a, b;
};

static float element(const plmr_source *source, int64_t row, int64_t col, enum plmr_dtype dtype)
{
    float value = 0;
    uint16_t half;
    if (row < source->rows && col < source->cols)
        must(source->get(source, row, col, 1, 1, &value, 1));
    if (dtype == PLMR_F32)
        return value;
    plmr_convert_from_float(dtype, 1, &value, &half);
    plmr_convert_to_float(dtype, 1, &half, &value);
    return value;
}

static float rounded(float value, enum plmr_dtype accumulate)
{
    if (accumulate == PLMR_F16) {
        uint16_t half;
        plmr_convert_from_float(PLMR_F16, 1, &value, &half);
        plmr_convert_to_float(PLMR_F16, 1, &half, &value);
    }
    return value;
}

static int grid_side(const plmr_gemm_problem *p)
{
    int side = p->rows;
    while (side % p->cols)
        side += p->rows;
    return side;
}

/* C = A B: from the slot that core (x, y) holds first, once round. */
static float expected_element(const struct setting *s, int64_t i, int64_t j)
{
    const plmr_gemm_problem *p = &s->problem;
    int l = grid_side(p), ms = (int)plmr_ceil_div(p->m, l), kt = (int)plmr_ceil_div(p->k, l),
        ns = (int)plmr_ceil_div(p->n, l);
    enum plmr_delivery by = s->algorithm->delivery[0];
    int64_t row = by == PLMR_BY_MULTICAST ? 0 : i / ms, col = by == PLMR_BY_RING ? j / ns : 0;
    int start = (int)((row + col) % l) * kt;
    float sum = 0;
    for (int step = 0; step < l * kt; step++) {
        int64_t k = (start + step) % (l * kt);
        sum = rounded(fmaf(element(&s->a, i, k, p->dtype), element(&s->b, k, j, p->dtype), sum), p->accumulate);
    }
    return sum;
}

/* A core's product of its chunk of k. */
static float partial(const struct setting *s, int64_t i, int64_t j, int chunk, int kt)
{
    float sum = 0;
    for (int64_t k = (int64_t)chunk * kt; k < (int64_t)(chunk + 1) * kt; k++)
        sum = rounded(fmaf(element(&s->a, i, k, s->problem.dtype), element(&s->b, j, k, s->problem.dtype), sum),
                      s->problem.accumulate);
    return sum;
}

/* Core c of a row holds k chunk c/2 if c is even, else the (c + 1)/2-th from the end. */
static int chunk_of(int core, int n)
{
    return core % 2 ? n - (core + 1) / 2 : core / 2;
}

/* C = A B^T: chains from both ends of the row of cores to the one that keeps column j; then own, low side, high side.
 */
static float expected_transposed(const struct setting *s, int64_t i, int64_t j)
{
    const plmr_gemm_problem *p = &s->problem;
    int l = grid_side(p), w = p->cols, ns = (int)plmr_ceil_div(p->n, l), kt = (int)plmr_ceil_div(p->k, w), root = 0;
    while (chunk_of(root, w) != (int)(j / ns) / (l / w))
        root++;
    float low = 0, high = 0, sum = partial(s, i, j, chunk_of(root, w), kt);
    for (int core = 0; core < root; core++)
        low = rounded(low + partial(s, i, j, chunk_of(core, w), kt), p->accumulate);
    for (int core = w - 1; core > root; core--)
        high = rounded(high + partial(s, i, j, chunk_of(core, w), kt), p->accumulate);
    if (root > 0)
        sum = rounded(sum + low, p->accumulate);
    if (root < w - 1)
        sum = rounded(sum + high, p->accumulate);
    return sum;
}

static plmr_status check_rectangle(void *context, int64_t row, int64_t col, int n_rows, int n_cols, const float *values,
                                   size_t ld)
{
    const struct setting *s = context;
    const plmr_gemm_problem *p = &s->problem;
    for (int r = 0; r < n_rows && row + r < p->m; r++)
        for (int c = 0; c < n_cols && col + c < p->n; c++) {
            float want = (p->transpose_b ? expected_transposed : expected_element)(s, row + r, col + c);
            if (p->dtype != PLMR_F32) {
                uint16_t half;
                plmr_convert_from_float(p->dtype, 1, &want, &half);
                plmr_convert_to_float(p->dtype, 1, &half, &want);
            }
            if (values[(size_t)r * ld + (size_t)c] != want)
                fail_msg("%s %lldx%lldx%lld on %dx%d, %s: C(%lld,%lld) = %.9g, not %.9g", s->algorithm->name,
                         (long long)p->m, (long long)p->k, (long long)p->n, p->rows, p->cols, plmr_dtype_name(p->dtype),
                         (long long)(row + r), (long long)(col + c), (double)values[(size_t)r * ld + (size_t)c],
                         (double)want);
        }
    return PLMR_OK;
}

static plmr_cost run(struct setting *s, const plmr_device *device, plmr_region_options options)
{
    const plmr_gemm_problem *p = &s->problem;
    plmr_gemm *gemm;
    plmr_cost cost;
    struct test_region t = test_region_open(device, p->rows, p->cols, &options);
    plmr_source_synthetic(&s->a, 1, p->m, p->k);
    plmr_source_synthetic(&s->b, 2, p->transpose_b ? p->n : p->k, p->transpose_b ? p->k : p->n);
    must(plmr_gemm_open(s->algorithm, p, t.region, &s->a, &s->b, &gemm));
    must(plmr_gemm_run(s->algorithm, gemm));
    if (options.values)
        must(plmr_product_visit(gemm->c, check_rectangle, s));
    must(plmr_region_cost(t.region, &cost));
    plmr_gemm_close(gemm);
    test_region_close(&t);
    return cost;
}

static const plmr_gemm_problem problems[] = {
    {.m = 9, .k = 9, .n = 9, .rows = 9, .cols = 9},
    {.m = 40, .k = 55, .n = 31, .rows = 9, .cols = 9, .dtype = PLMR_F16},
    {.m = 1, .k = 1, .n = 1, .rows = 9, .cols = 9},
    {.m = 23, .k = 70, .n = 64, .rows = 13, .cols = 13, .dtype = PLMR_BF16},
    {.m = 67, .k = 101, .n = 59, .rows = 13, .cols = 13},
    {.m = 40, .k = 40, .n = 40, .rows = 6, .cols = 9, .dtype = PLMR_BF16},
    {.m = 33, .k = 50, .n = 29, .rows = 12, .cols = 6},
    {.m = 50, .k = 64, .n = 30, .rows = 10, .cols = 10, .dtype = PLMR_F16, .accumulate = PLMR_F16},
    {.m = 80, .k = 120, .n = 100, .rows = 16, .cols = 16},
};

/* Values bit for bit; cycles and ledgers the same without values, and without skipping. */
static void check(const plmr_gemm_algorithm *algorithm, plmr_gemm_problem problem)
{
    plmr_device device = test_device("wse2");
    struct setting s = {.algorithm = algorithm, .problem = problem};
    plmr_cost computed = run(&s, &device, (plmr_region_options){.values = true});
    plmr_cost timed = run(&s, &device, (plmr_region_options){.values = false});
    plmr_cost stepped = run(&s, &device, (plmr_region_options){.every_step = true});
    assert_memory_equal(&computed, &timed, sizeof computed);
    assert_memory_equal(&computed, &stepped, sizeof computed);
}

static void elements_are_their_cores_chains(void **state)
{
    (void)state;
    for (int i = 0; i < plmr_gemm_count(); i++)
        for (size_t p = 0; p < sizeof problems / sizeof *problems; p++)
            check(plmr_gemm_at(i), problems[p]);
}

static void transposed_elements_are_their_cores_chains(void **state)
{
    (void)state;
    for (int i = 0; i < plmr_gemm_count(); i++)
        for (size_t p = 0; p < sizeof problems / sizeof *problems; p++) {
            plmr_gemm_problem problem = problems[p];
            problem.transpose_b = true;
            if (plmr_gemm_at(i)->run_transposed)
                check(plmr_gemm_at(i), problem);
        }
}

static const plmr_gemm_algorithm *find(const char *name)
{
    for (int i = 0; i < plmr_gemm_count(); i++)
        if (strcmp(plmr_gemm_at(i)->name, name) == 0)
            return plmr_gemm_at(i);
    fail_msg("no algorithm %s", name);
    return NULL;
}

/* P steps of 100 + 1.25 (W_A + W_B) + k (43 + n (1 + m/2)), after P/2 rounds of 50 + 1.25 W_A. */
static void meshgemm_takes_the_published_time(void **state)
{
    (void)state;
    plmr_device device = test_device("wse2");
    for (int p = 12; p <= 60; p += 12)
        for (int t = 2; t <= 9; t++) {
            plmr_gemm_problem problem = {p * t, p * t, p * t, p, p, PLMR_F16, PLMR_F32, false};
            struct setting s = {.algorithm = find("meshgemm"), .problem = problem};
            plmr_cost cost = run(&s, &device, (plmr_region_options){.values = false});
            double w = ceil(t * t / 2.0), multiply = t * (43 + t * (1 + 0.5 * t));
            assert_true(cost.t_cycles == p / 2 * (50 + 1.25 * w) + p * (100 + 2.5 * w + multiply));
            assert_true(cost.compute_cycles == p * multiply);
            assert_int_equal(cost.routes_max, 12);
            assert_int_equal(cost.sram_peak_bytes, 4 * t * t * 2 + t * t * 4);
            assert_int_equal(cost.hops_critical, 2 * (p + p / 2));
        }
}

/* Fox on regions that are not square: each of 6 rows has a source in each of 6 steps, whose 5 words cross both borders. */
static void fox_crosses_borders_in_every_line(void **state)
{
    (void)state;
    plmr_device device = test_device("wse2");
    device.border_cols = device.border_hop = 1;
    plmr_gemm_problem problem = {18, 18, 18, 6, 3, PLMR_F16, PLMR_F32, false};
    struct setting s = {.algorithm = find("fox"), .problem = problem};
    plmr_cost cost = run(&s, &device, (plmr_region_options){.values = false});
    assert_int_equal(cost.border_hops, 6 * 6 * 2 * 5);
}

/* ---- SUMMA, core by core ---- */

enum { MOST = 40, ROUTES_OF_AN_AXIS = 12 };

struct summa {
    const plmr_device *device;
    int p; /* p x p cores */
    double wavelets, t[MOST][MOST], tiles_at[MOST][MOST];
};

/* From when its line is ready to when a core has the tile: the way, the stream, and a relay at each segment's edge. */
static double delivery(const struct summa *s, int from, int to, int n_routes)
{
    const plmr_device *d = s->device;
    int relays = abs(to / n_routes - from / n_routes);
    double way = from == to ? 0 : 2 * d->ramp + d->hop * abs(to - from);
    return way + relays * (2 * d->ramp + d->stage) + d->link * s->wavelets;
}

/* Column k's cores send A along their rows when all of a row are ready; then row k's B, when all of a column are. */
static void summa_begin(struct summa *s, int k)
{
    double launch = s->device->shift_launch + s->device->shift_wavelet * s->wavelets;
    for (int r = 0; r < s->p; r++)
        for (int c = 0; c < s->p; c++) {
            double row = 0, column = 0;
            for (int i = 0; i < s->p; i++) {
                row = fmax(row, s->t[r][i]);
                column = fmax(column, s->t[i][c] + launch);
            }
            s->tiles_at[r][c] =
                fmax(row + delivery(s, k, c, ROUTES_OF_AN_AXIS), column + delivery(s, k, r, ROUTES_OF_AN_AXIS));
        }
    for (int i = 0; i < s->p * s->p; i++)
        s->t[i / s->p][i % s->p] += 2 * launch;
}

static void summa_wait(struct summa *s)
{
    for (int i = 0; i < s->p * s->p; i++)
        s->t[i / s->p][i % s->p] = fmax(s->t[i / s->p][i % s->p], s->tiles_at[i / s->p][i % s->p]);
}

/* Multicast, multiply, multicast again; or the next multicast before the multiplication. The last core's clock. */
static double summa_cycles(struct summa *s, double multiply, bool overlaps)
{
    double last = 0;
    if (overlaps)
        summa_begin(s, 0);
    for (int k = 0; k < s->p; k++) {
        if (!overlaps)
            summa_begin(s, k);
        summa_wait(s);
        if (overlaps && k + 1 < s->p)
            summa_begin(s, k + 1);
        for (int i = 0; i < s->p * s->p; i++)
            last = fmax(last, s->t[i / s->p][i % s->p] += multiply);
    }
    return last;
}

static void summa_multicasts_then_multiplies(void **state)
{
    (void)state;
    plmr_device device = test_device("wse2");
    for (int overlaps = 0; overlaps < 2; overlaps++)
        for (int p = 7; p <= MOST; p += 11)
            for (int t = 2; t <= 20; t += 6) {
                plmr_gemm_problem problem = {p * t, p * t, p * t, p, p, PLMR_F16, PLMR_F32, false};
                struct setting s = {.algorithm = find(overlaps ? "summa-overlap" : "summa"), .problem = problem};
                plmr_cost cost = run(&s, &device, (plmr_region_options){.values = false});
                struct summa model = {.device = &device, .p = p, .wavelets = ceil(t * t / 2.0)};
                assert_true(cost.t_cycles == summa_cycles(&model, t * (43 + t * (1 + 0.5 * t)), overlaps));
                assert_int_equal(cost.sram_peak_bytes, (overlaps ? 6 : 4) * t * t * 2 + t * t * 4);
            }
}

/* ---- Fox's, core by core ---- */

/* Row r's core with k chunk r + t sends when all of the row are ready; B goes to the ring neighbour before while cores
 * multiply. `ring`: the core at each position of a ring. */
static void fox_step(struct summa *s, const int *ring, int t, int n_routes, double multiply)
{
    const plmr_device *d = s->device;
    double launch = d->shift_launch + d->shift_wavelet * s->wavelets, ready[MOST][MOST];
    for (int r = 0; r < s->p; r++) {
        double row = 0;
        int from = ring[(r + t) % s->p], line = ring[r];
        for (int c = 0; c < s->p; c++)
            row = fmax(row, s->t[line][c]);
        for (int c = 0; c < s->p; c++)
            ready[line][c] = fmax(s->t[line][c] + launch, row + delivery(s, from, c, n_routes));
    }
    for (int r = 0; r < s->p; r++)
        for (int c = 0; c < s->p; c++) {
            double done = ready[ring[r]][c] + launch + multiply;
            for (int step = 1; step < s->p; step += s->p - 2) {
                int other = ring[(r + step) % s->p];
                double way = 2 * d->ramp + d->hop * abs(other - ring[r]) + d->link * s->wavelets;
                done = fmax(done, fmax(ready[ring[r]][c], ready[other][c]) + way);
            }
            s->t[ring[r]][c] = done;
        }
}

/* Routes of the multicasts: what B's three leave of the device's. */
static void fox_multicasts_a_diagonal_and_rolls(void **state)
{
    (void)state;
    plmr_device devices[] = {test_device("wse2"), test_device("wse2")};
    devices[1].hop = 9; /* on which multicasts and rolls take longer than their launches, */
    devices[1].shift_launch = devices[1].shift_wavelet = 0; /* and tell the cores apart */
    for (int d = 0; d < 2; d++)
        for (int p = 3; p <= MOST; p += p < 6 ? 1 : 11)
            for (int t = 2; t <= 20; t += 6) {
                plmr_gemm_problem problem = {p * t, p * t, p * t, p, p, PLMR_F16, PLMR_F32, false};
                struct setting s = {.algorithm = find("fox"), .problem = problem};
                plmr_cost cost = run(&s, &devices[d], (plmr_region_options){.values = false});
                struct summa model = {.device = &devices[d], .p = p, .wavelets = ceil(t * t / 2.0)};
                int ring[MOST], n_routes = p < 21 ? p : 21;
                double last = 0;
                for (int i = 0; i < p; i++)
                    ring[i % 2 ? p - (i + 1) / 2 : i / 2] = i;
                for (int step = 0; step < p; step++)
                    fox_step(&model, ring, step, n_routes, t * (43 + t * (1 + 0.5 * t)));
                for (int i = 0; i < p * p; i++)
                    last = fmax(last, model.t[i / p][i % p]);
                if (cost.t_cycles != last)
                    fail_msg("fox on %d x %d, tiles of %d: %.2f cycles, not %.2f", p, p, t, cost.t_cycles, last);
                assert_int_equal(cost.hops_critical, p * (p - 1 + 2));
                assert_int_equal(cost.stages_critical, p * ((p - 1) / n_routes));
                assert_int_equal(cost.routes_max, n_routes + 3);
                assert_int_equal(cost.sram_peak_bytes, 4 * t * t * 2 + t * t * 4);
            }
}

/* Over M: an error, or a run that says so. */
static void limits_are_errors(void **state)
{
    (void)state;
    plmr_device device = test_device("wse2");
    plmr_region_options options = {0};
    struct test_region t = test_region_open(&device, 12, 12, &options);
    plmr_gemm *gemm;
    plmr_gemm_problem large = {4096, 4096, 4096, 12, 12, PLMR_F16, PLMR_F32, false};
    must_fail(plmr_gemm_open(find("meshgemm"), &large, t.region, NULL, NULL, &gemm), PLMR_ERROR_LIMIT, "bytes of SRAM");
    plmr_gemm_problem odd = {64, 64, 64, 360, 359, PLMR_F16, PLMR_F32, false};
    must_fail(plmr_gemm_check(find("meshgemm"), &odd), PLMR_ERROR_INPUT, "use 359x359");
    plmr_gemm_problem none = {0, 64, 64, 12, 12, PLMR_F16, PLMR_F32, false};
    must_fail(plmr_gemm_check(find("meshgemm"), &none), PLMR_ERROR_INPUT, "at least 1");
    test_region_close(&t);
    options.allow_memory = true;
    t = test_region_open(&device, 12, 12, &options);
    plmr_cost cost;
    must(plmr_gemm_open(find("meshgemm"), &large, t.region, NULL, NULL, &gemm));
    must(plmr_region_cost(t.region, &cost));
    assert_true(cost.violates_memory);
    plmr_gemm_close(gemm);
    test_region_close(&t);
}

/* Held back to a pace, a run takes that long and the same cycles. */
static void a_pace_only_takes_time(void **state)
{
    (void)state;
    plmr_device device = test_device("wse2");
    struct setting s = {.algorithm = find("meshgemm"), .problem = {90, 90, 90, 9, 9, PLMR_F16, PLMR_F32, false}};
    plmr_cost free_run = run(&s, &device, (plmr_region_options){.values = true});
    double pace = 0.2 / (free_run.t_cycles / device.clock);
    struct timespec start, end;
    clock_gettime(CLOCK_MONOTONIC, &start);
    plmr_cost paced = run(&s, &device, (plmr_region_options){.values = true, .pace = pace});
    clock_gettime(CLOCK_MONOTONIC, &end);
    assert_memory_equal(&free_run, &paced, sizeof paced);
    assert_true((double)(end.tv_sec - start.tv_sec) + 1e-9 * (double)(end.tv_nsec - start.tv_nsec) >= 0.2);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(elements_are_their_cores_chains),
    cmocka_unit_test(transposed_elements_are_their_cores_chains),
    cmocka_unit_test(meshgemm_takes_the_published_time),
    cmocka_unit_test(fox_crosses_borders_in_every_line),
    cmocka_unit_test(summa_multicasts_then_multiplies),
    cmocka_unit_test(fox_multicasts_a_diagonal_and_rolls),
    cmocka_unit_test(limits_are_errors),
    cmocka_unit_test(a_pace_only_takes_time),
};

TEST_MAIN(tests)
