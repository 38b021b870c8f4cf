/* The time plane against a plain model: every rank keeps all clocks of the region in one array and follows the words of
 * clock.h core by core, without blocks, messages, deferral or steady states. */
#include "tests/support.h"

#include "tests/clocks.h"

struct model {
    const plmr_device *device;
    int rows, cols;
    double *t;
};

static double larger(double a, double b)
{
    return a > b ? a : b;
}

static double *model_at(const struct model *m, int row, int col)
{
    return &m->t[row * m->cols + col];
}

/* A model and a new region with the same scattered clocks, in quarter cycles; all 0 as they are made without spread. */
static void scatter(struct model *m, plmr_region *region, uint32_t seed, int spread)
{
    for (int row = 0; row < m->rows; row++)
        for (int col = 0; col < m->cols; col++) {
            *model_at(m, row, col) = spread ? 0.25 * (test_random(&seed) % (uint32_t)spread) : 0;
            int r = row - region->first[PLMR_Y], c = col - region->first[PLMR_X];
            if (spread && r >= 0 && r < region->count[PLMR_Y] && c >= 0 && c < region->count[PLMR_X])
                test_clock_set(region->clock, r, c, *model_at(m, row, col));
        }
}

static void compare(const struct model *m, plmr_region *region)
{
    plmr_clock_settle(region->clock);
    for (int r = 0; r < region->count[PLMR_Y]; r++)
        for (int c = 0; c < region->count[PLMR_X]; c++) {
            double expected = *model_at(m, r + region->first[PLMR_Y], c + region->first[PLMR_X]);
            if (plmr_clock_at(region->clock, r, c) != expected)
                fail_msg("%dx%d core (%d,%d): %.4f, model %.4f", m->rows, m->cols, r + region->first[PLMR_Y],
                         c + region->first[PLMR_X], plmr_clock_at(region->clock, r, c), expected);
        }
}

/* ---- exchanges round rings ---- */

/* When core `at` of a line has exchanged with both neighbours, all having begun at their clocks. */
static double model_exchange(const struct model *m, const plmr_ring *ring, const double *line, int stride, int at,
                             double transit)
{
    double done = line[at * stride];
    for (int step = -1; step <= 1; step += 2) {
        int other = plmr_ring_core(ring, (plmr_ring_position(ring, at) + step + ring->n) % ring->n);
        double both = larger(line[at * stride], line[other * stride]);
        done = larger(done, both + transit + 2 * m->device->ramp + m->device->hop * abs(other - at));
    }
    return done;
}

/* One step of both rings: exchanges begin, work goes on beside them, then both are waited for. */
static void model_step(struct model *m, const plmr_ring *x, const plmr_ring *y, double tx, double ty, double before_y,
                       double work)
{
    double *next = malloc(sizeof(double) * (size_t)(m->rows * m->cols));
    for (int row = 0; row < m->rows; row++)
        for (int col = 0; col < m->cols; col++) {
            double done = *model_at(m, row, col) + before_y + work;
            if (x)
                done = larger(done, model_exchange(m, x, model_at(m, row, 0), 1, col, tx));
            if (y)
                done = larger(done, model_exchange(m, y, model_at(m, 0, col), m->cols, row, ty) + before_y);
            next[row * m->cols + col] = done;
        }
    memcpy(m->t, next, sizeof(double) * (size_t)(m->rows * m->cols));
    free(next);
}

static void region_step(plmr_region *region, const plmr_ring *x, const plmr_ring *y, double tx, double ty,
                        double before_y, double work)
{
    plmr_clock *clock = region->clock;
    if (x)
        plmr_clock_exchange(clock, x, tx, 0, 0);
    plmr_clock_busy(clock, before_y, false);
    if (y)
        plmr_clock_exchange(clock, y, ty, 0, 0);
    plmr_clock_busy(clock, work, false);
    plmr_clock_join(clock, PLMR_X);
    plmr_clock_join(clock, PLMR_Y);
}

struct grid {
    int rows, cols;
};

static const struct grid grids[] = {{3, 3}, {3, 7}, {4, 4}, {5, 6}, {9, 13}, {16, 16}, {21, 12}};

static void check_steps(const plmr_device *device, struct grid grid, enum plmr_ring_kind kind, int axes, int spread,
                        double work)
{
    plmr_region_options options = {0};
    struct test_region t = test_region_open(device, grid.rows, grid.cols, &options);
    struct model m = {device, grid.rows, grid.cols, calloc((size_t)(grid.rows * grid.cols), sizeof(double))};
    plmr_ring *x, *y;
    must(plmr_ring_create(t.region, PLMR_X, kind, 1, &x));
    must(plmr_ring_create(t.region, PLMR_Y, kind, 1, &y));
    scatter(&m, t.region, (uint32_t)(grid.rows * 31 + grid.cols), spread);
    for (int step = 0; step < 40; step++) {
        const plmr_ring *use_x = axes & 1 ? x : NULL, *use_y = axes & 2 ? y : NULL;
        region_step(t.region, use_x, use_y, 9.25, 7.5, 3, work);
        model_step(&m, use_x, use_y, 9.25, 7.5, 3, work);
        if (step < 6 || step == 39)
            compare(&m, t.region);
    }
    plmr_ring_destroy(x);
    plmr_ring_destroy(y);
    free(m.t);
    test_region_close(&t);
}

static void exchanges_follow_the_model(void **state)
{
    (void)state;
    plmr_device device = test_device("wse2");
    for (size_t g = 0; g < sizeof grids / sizeof *grids; g++)
        for (int kind = PLMR_NATURAL; kind <= PLMR_INTERLEAVED; kind++)
            for (int axes = 1; axes <= 3; axes++)
                for (int spread = 0; spread <= 400; spread += 400)
                    for (double work = 2; work <= 32; work += 30)
                        check_steps(&device, grids[g], (enum plmr_ring_kind)kind, axes, spread, work);
}

/* Skipping passes in a steady state changes nothing. */
static void steady_states_are_exact(void **state)
{
    (void)state;
    plmr_device device = test_device("wse2");
    double t_cycles[2];
    for (int every = 0; every <= 1; every++) {
        plmr_region_options options = {.every_step = every};
        struct test_region t = test_region_open(&device, 16, 18, &options);
        plmr_ring *x, *y;
        must(plmr_ring_create(t.region, PLMR_X, PLMR_NATURAL, 1, &x));
        must(plmr_ring_create(t.region, PLMR_Y, PLMR_INTERLEAVED, 1, &y));
        for (int step = 0; step < 500; step++)
            region_step(t.region, x, y, 6.25, 5, 3, step < 300 ? 7.75 : 31);
        t_cycles[every] = plmr_clock_max(t.region->clock);
        plmr_ring_destroy(x);
        plmr_ring_destroy(y);
        test_region_close(&t);
    }
    assert_true(t_cycles[0] == t_cycles[1]);
}

/* A new ring in place of one that is gone, at its address or, on every other rank, not. */
static plmr_ring *replace_ring(plmr_region *region, plmr_ring *old, enum plmr_ring_kind kind)
{
    plmr_ring *ring;
    bool keep = plmr_ranks_place(region->ranks, PLMR_X) % 2;
    if (!keep)
        plmr_ring_destroy(old);
    must(plmr_ring_create(region, PLMR_X, kind, 1, &ring));
    if (keep)
        plmr_ring_destroy(old);
    return ring;
}

/* Rings are told apart by what they are, not by where they lie in memory: that differs between ranks, and a place is
 * used again. */
static void steady_states_end_with_their_ring(void **state)
{
    (void)state;
    plmr_device device = test_device("wse2");
    const enum plmr_ring_kind kinds[] = {PLMR_NATURAL, PLMR_INTERLEAVED, PLMR_INTERLEAVED, PLMR_NATURAL};
    double t_cycles[2];
    for (int every = 0; every <= 1; every++) {
        plmr_region_options options = {.every_step = every};
        struct test_region t = test_region_open(&device, 16, 18, &options);
        plmr_ring *x = NULL;
        for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
            x = replace_ring(t.region, x, kinds[i]);
            for (int step = 0; step < 100; step++)
                region_step(t.region, x, NULL, 6.25, 5, 3, 7.75);
            plmr_clock_settle(t.region->clock);
        }
        t_cycles[every] = plmr_clock_max(t.region->clock);
        plmr_ring_destroy(x);
        test_region_close(&t);
    }
    assert_true(t_cycles[0] == t_cycles[1]);
}

/* ---- multicasts ---- */

static void model_multicast(struct model *m, const double *after_x, const double *after_y, double work)
{
    double *next = malloc(sizeof(double) * (size_t)(m->rows * m->cols));
    for (int row = 0; row < m->rows; row++)
        for (int col = 0; col < m->cols; col++) {
            double in_row = 0, in_col = 0;
            for (int c = 0; c < m->cols; c++)
                in_row = larger(in_row, *model_at(m, row, c));
            for (int r = 0; r < m->rows; r++)
                in_col = larger(in_col, *model_at(m, r, col));
            double done = larger(*model_at(m, row, col) + work, in_row + after_x[col]);
            next[row * m->cols + col] = larger(done, in_col + after_y[row]);
        }
    memcpy(m->t, next, sizeof(double) * (size_t)(m->rows * m->cols));
    free(next);
}

static void multicasts_follow_the_model(void **state)
{
    (void)state;
    plmr_device device = test_device("wse2");
    for (size_t g = 0; g < sizeof grids / sizeof *grids; g++) {
        plmr_region_options options = {0};
        struct test_region t = test_region_open(&device, grids[g].rows, grids[g].cols, &options);
        struct model m = {&device, grids[g].rows, grids[g].cols, calloc((size_t)(grids[g].rows * grids[g].cols), 8)};
        double after_x[64], after_y[64];
        scatter(&m, t.region, 7, 100);
        for (int step = 0; step < 10; step++) {
            for (int i = 0; i < 64; i++) {
                after_x[i] = 2.25 * abs(i - step);
                after_y[i] = 3.5 * abs(i - 2 * step);
            }
            plmr_clock_multicast(t.region->clock, PLMR_X, after_x + t.region->first[PLMR_X]);
            plmr_clock_multicast(t.region->clock, PLMR_Y, after_y + t.region->first[PLMR_Y]);
            plmr_clock_busy(t.region->clock, 11, false);
            plmr_clock_join(t.region->clock, PLMR_X);
            plmr_clock_join(t.region->clock, PLMR_Y);
            model_multicast(&m, after_x, after_y, 11);
            compare(&m, t.region);
        }
        free(m.t);
        test_region_close(&t);
    }
}

/* ---- legs ---- */

static void model_reduce(struct model *m, enum plmr_axis axis, const plmr_leg *legs, int n_legs, double stream,
                         double forward)
{
    int stride = axis == PLMR_X ? 1 : m->cols, lines = axis == PLMR_X ? m->rows : m->cols;
    for (int line = 0; line < lines; line++) {
        double *t = axis == PLMR_X ? model_at(m, line, 0) : model_at(m, 0, line), head[64];
        for (int i = 0; i < (axis == PLMR_X ? m->cols : m->rows); i++)
            head[i] = t[i * stride];
        for (int i = 0; i < n_legs; i++) {
            int src = legs[i].src, dst = legs[i].dst;
            double begin = larger(t[dst * stride], head[src] + 2 * m->device->ramp + m->device->hop * abs(dst - src));
            t[dst * stride] = begin + stream;
            t[src * stride] = larger(t[src * stride], head[src] + stream);
            head[dst] = begin + forward;
        }
    }
}

/* Chains from both ends of n cores to the middle, and a fan from there. */
static int make_legs(int n, plmr_leg *legs)
{
    int n_legs = 0;
    for (int i = 0; i < n / 2; i++)
        legs[n_legs++] = (plmr_leg){i, i + 1};
    for (int i = n - 1; i > n / 2; i--)
        legs[n_legs++] = (plmr_leg){i, i - 1};
    for (int i = 0; i < n; i++)
        if (i != n / 2)
            legs[n_legs++] = (plmr_leg){n / 2, i};
    return n_legs;
}

static void legs_follow_the_model(void **state)
{
    (void)state;
    plmr_device device = test_device("wse2");
    for (size_t g = 0; g < sizeof grids / sizeof *grids; g++)
        for (int axis = PLMR_X; axis <= PLMR_Y; axis++) {
            plmr_region_options options = {0};
            struct test_region t = test_region_open(&device, grids[g].rows, grids[g].cols, &options);
            struct model m = {&device, grids[g].rows, grids[g].cols,
                              calloc((size_t)(grids[g].rows * grids[g].cols), 8)};
            plmr_leg legs[128];
            int n_legs = make_legs(axis == PLMR_X ? grids[g].cols : grids[g].rows, legs);
            scatter(&m, t.region, 99, 200);
            plmr_clock_reduce(t.region->clock, (enum plmr_axis)axis, legs, n_legs, (plmr_leg_stream){12, 0, 1});
            model_reduce(&m, (enum plmr_axis)axis, legs, n_legs, 12, 1);
            compare(&m, t.region);
            free(m.t);
            test_region_close(&t);
        }
}

/* ---- rows and columns that are alike ---- */

/* One verb after the other from clocks that are all 0: legs along one axis, or a step of rings along one or both. */
static void do_verb(struct model *m, plmr_region *region, plmr_ring *const rings[2], uint32_t verb)
{
    enum plmr_axis axis = verb & 1 ? PLMR_Y : PLMR_X;
    double work = verb & 8 ? 2 : 40;
    if (verb % 5 < 3) {
        plmr_leg legs[128];
        int n_legs = make_legs(axis == PLMR_X ? m->cols : m->rows, legs);
        plmr_clock_reduce(region->clock, axis, legs, n_legs, (plmr_leg_stream){3 + verb % 7, 0, 1});
        model_reduce(m, axis, legs, n_legs, 3 + verb % 7, 1);
        return;
    }
    const plmr_ring *x = verb % 3 == 1 ? NULL : rings[PLMR_X], *y = verb % 3 == 2 ? NULL : rings[PLMR_Y];
    region_step(region, x, y, 9.25, 7.5, 3, work);
    model_step(m, x, y, 9.25, 7.5, 3, work);
}

/* If a mark says by how much all clocks have advanced, they have. */
static void check_advance(const struct model *m, const double *before, double advance)
{
    for (int i = 0; i < m->rows * m->cols && advance >= 0; i++)
        assert_true(m->t[i] == before[i] + advance);
}

static void check_verbs(const plmr_device *device, struct grid grid, enum plmr_ring_kind kind, uint32_t seed)
{
    plmr_region_options options = {0};
    struct test_region t = test_region_open(device, grid.rows, grid.cols, &options);
    size_t n_bytes = sizeof(double) * (size_t)(grid.rows * grid.cols);
    struct model m = {device, grid.rows, grid.cols, calloc(1, n_bytes)};
    double *before = malloc(n_bytes);
    plmr_ring *rings[2];
    for (int axis = 0; axis < 2; axis++)
        must(plmr_ring_create(t.region, (enum plmr_axis)axis, kind, 1, &rings[axis]));
    for (int i = 0; i < 40; i++) {
        memcpy(before, m.t, n_bytes);
        plmr_clock_mark mark = plmr_clock_mark_create(t.region->clock);
        do_verb(&m, t.region, rings, test_random(&seed));
        check_advance(&m, before, plmr_clock_mark_since(t.region->clock, &mark));
        compare(&m, t.region);
        plmr_clock_mark_free(&mark);
    }
    plmr_ring_destroy(rings[0]);
    plmr_ring_destroy(rings[1]);
    free(before);
    free(m.t);
    test_region_close(&t);
}

static void lines_follow_the_model(void **state)
{
    (void)state;
    plmr_device device = test_device("wse2");
    for (size_t g = 0; g < sizeof grids / sizeof *grids; g++)
        for (int kind = PLMR_NATURAL; kind <= PLMR_INTERLEAVED; kind++)
            for (uint32_t seed = 1; seed < 6; seed++)
                check_verbs(&device, grids[g], (enum plmr_ring_kind)kind, seed);
}

/* Two lines stand for all clocks through products on interleaved rings and reductions; not where every step is to be
 * run. */
static void lines_last(void **state)
{
    (void)state;
    plmr_device device = test_device("wse2");
    for (int every = 0; every <= 1; every++) {
        plmr_region_options options = {.every_step = every};
        struct test_region t = test_region_open(&device, 12, 15, &options);
        plmr_ring *x, *y;
        plmr_leg legs[128];
        must(plmr_ring_create(t.region, PLMR_X, PLMR_INTERLEAVED, 1, &x));
        must(plmr_ring_create(t.region, PLMR_Y, PLMR_INTERLEAVED, 1, &y));
        region_step(t.region, x, y, 60, 70, 3, 5);
        plmr_clock_reduce(t.region->clock, PLMR_X, legs, make_legs(15, legs), (plmr_leg_stream){4, 0, 1});
        region_step(t.region, x, y, 60, 70, 3, 5);
        plmr_clock_reduce(t.region->clock, PLMR_Y, legs, make_legs(12, legs), (plmr_leg_stream){4, 0, 1});
        assert_int_equal(t.region->clock->in_lines, !every);
        plmr_ring_destroy(x);
        plmr_ring_destroy(y);
        test_region_close(&t);
    }
}

/* Interleaved rings reach two cores beyond the edges of a block, but a step sends at most one message to each rank next
 * to this one. */
static void neighbours_get_one_message(void **state)
{
    (void)state;
    plmr_device device = test_device("wse2");
    plmr_region_options options = {.every_step = true};
    struct test_region t = test_region_open(&device, 30, 36, &options);
    struct model m = {&device, 30, 36, calloc(30 * 36, sizeof(double))};
    plmr_ring *ring[2];
    int beside = 0;
    for (int axis = 0; axis < 2; axis++) {
        int last = plmr_ranks_extent(t.region->ranks, axis) - 1, place = plmr_ranks_place(t.region->ranks, axis);
        must(plmr_ring_create(t.region, axis, PLMR_INTERLEAVED, 1, &ring[axis]));
        beside += (place > 0) + (place < last);
    }
    scatter(&m, t.region, 5, 400);
    uint64_t before = plmr_ranks_times_now(t.region->ranks).messages;
    region_step(t.region, ring[PLMR_X], ring[PLMR_Y], 60, 70, 3, 5);
    plmr_clock_settle(t.region->clock);
    assert_int_equal(plmr_ranks_times_now(t.region->ranks).messages - before, beside);
    plmr_ring_destroy(ring[PLMR_X]);
    plmr_ring_destroy(ring[PLMR_Y]);
    free(m.t);
    test_region_close(&t);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(exchanges_follow_the_model),  cmocka_unit_test(steady_states_are_exact),
    cmocka_unit_test(multicasts_follow_the_model), cmocka_unit_test(legs_follow_the_model),
    cmocka_unit_test(lines_follow_the_model),      cmocka_unit_test(lines_last),
    cmocka_unit_test(neighbours_get_one_message),  cmocka_unit_test(steady_states_end_with_their_ring),
};

TEST_MAIN(tests)
