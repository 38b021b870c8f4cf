/* The verbs of tiles: values of shifts on open lines, rings that are gone before their last exchange has arrived, and
 * what multicasts and allreduces are charged. */
#include "tests/support.h"

#include "gemm/gemm.h"
#include "plmr/plmr.h"
#include "time/clock.h"
#include "verbs/reduce.h"

struct pair {
    struct test_region t;
    plmr_tiles *a, *b;
};

static struct pair open_pair(const plmr_device *device, int rows, int cols, bool values)
{
    plmr_region_options options = {.values = values};
    struct pair p = {.t = test_region_open(device, rows, cols, &options)};
    must(plmr_tiles_create(p.t.region, "a", 2, &p.a));
    must(plmr_tiles_create(p.t.region, "b", 2, &p.b));
    return p;
}

static void close_pair(struct pair *p)
{
    plmr_tiles_destroy(p->a);
    plmr_tiles_destroy(p->b);
    test_region_close(&p->t);
}

static plmr_cost cost_of(plmr_region *region)
{
    plmr_cost cost;
    must(plmr_region_cost(region, &cost));
    return cost;
}

/* ---- half floats ---- */

static void set_thirds(void *context, int row, int col)
{
    plmr_tiles_at(context, row, col)[0] = 1.0f / 3;
}

static double no_cycles(void *context, int row, int col)
{
    (void)context, (void)row, (void)col;
    return 0;
}

static void expect_all(const plmr_region *region, const plmr_tiles *tiles, float value)
{
    int first[2], count[2];
    plmr_region_block(region, first, count);
    for (int i = 0; i < count[0] * count[1]; i++)
        assert_true(((const float *)plmr_tiles_block(tiles))[i] == value);
}

static void write_all(const plmr_region *region, const plmr_tiles *tiles, float value)
{
    int first[2], count[2];
    plmr_region_block(region, first, count);
    for (int i = 0; i < count[0] * count[1]; i++)
        ((float *)plmr_tiles_block(tiles))[i] = value;
}

/* After whatever work, and before a product goes on from them. */
static void half_floats_are_rounded(void **state)
{
    (void)state;
    const float third = 0x1.554p-2f;
    plmr_device device = test_device("wse2");
    plmr_region_options options = {.values = true};
    struct test_region t = test_region_open(&device, 4, 4, &options);
    plmr_tiles *half, *one;
    must(plmr_tiles_make(t.region, "half", PLMR_F16, 1, 1, &half));
    must(plmr_tiles_make(t.region, "one", PLMR_F16, 1, 1, &one));
    must(plmr_compute(t.region, 1, set_thirds, half));
    expect_all(t.region, half, third);
    must(plmr_compute_each(t.region, no_cycles, set_thirds, half));
    expect_all(t.region, half, third);
    write_all(t.region, half, 1.0f / 3);
    must(plmr_region_busy(t.region, 1));
    expect_all(t.region, half, third);
    write_all(t.region, half, 2049);
    write_all(t.region, one, 1);
    must(plmr_tiles_multiply_add(one, one, half));
    expect_all(t.region, half, 2048);
    plmr_tiles_destroy(half);
    plmr_tiles_destroy(one);
    test_region_close(&t);
}

/* ---- lines ---- */

enum { ROWS = 5, COLS = 7 };

static void start(void *context, int row, int col)
{
    struct pair *p = context;
    for (int i = 0; i < 2; i++) {
        plmr_tiles_at(p->a, row, col)[i] = (float)(100 * row + 10 * col + i);
        plmr_tiles_at(p->b, row, col)[i] = (float)-(100 * row + 10 * col + i);
    }
}

/* What core (row, col) of b, or of a itself, has after one shift of a. */
static float after_shift(enum plmr_axis axis, int step, bool onto_itself, int row, int col, int i)
{
    int *along = axis == PLMR_X ? &col : &row, n = axis == PLMR_X ? COLS : ROWS;
    bool comes = *along - step >= 0 && *along - step < n;
    *along -= comes ? step : 0;
    return (float)((comes || onto_itself ? 1 : -1) * (100 * row + 10 * col + i));
}

static void shift_on_line(enum plmr_axis axis, int step, bool onto_itself)
{
    plmr_device device = test_device("wse2");
    struct pair p = open_pair(&device, ROWS, COLS, true);
    plmr_tiles *to = onto_itself ? p.a : p.b;
    plmr_ring *line;
    must(plmr_ring_create(p.t.region, axis, PLMR_LINE, 1, &line));
    must(plmr_compute(p.t.region, 1, start, &p));
    must(plmr_tiles_shift(p.a, to, line, step));
    for (int row = 0; row < ROWS; row++)
        for (int col = 0; col < COLS; col++) {
            const float *tile = plmr_tiles_at(to, row, col);
            for (int i = 0; i < 2 && tile; i++)
                assert_true(tile[i] == after_shift(axis, step, onto_itself, row, col, i));
        }
    plmr_ring_destroy(line);
    close_pair(&p);
}

static void nothing_comes_to_an_open_end(void **state)
{
    (void)state;
    for (int i = 0; i < 8; i++)
        shift_on_line(i & 1 ? PLMR_Y : PLMR_X, i & 2 ? 1 : -1, i & 4);
}

/* ---- rings that are gone ---- */

/* Two shifts, one along each axis, and then what `ends` says: rings are destroyed early or late. */
static double shifts_with_rings(bool early, bool more)
{
    plmr_device device = test_device("wse2");
    struct pair p = open_pair(&device, 12, 12, false);
    plmr_ring *rings[2], *unused;
    for (int axis = 0; axis < 2; axis++)
        must(plmr_ring_create(p.t.region, (enum plmr_axis)axis, PLMR_INTERLEAVED, 1, &rings[axis]));
    for (int axis = 0; axis < 2; axis++) {
        must(plmr_tiles_shift(p.a, p.b, rings[axis], 1));
        if (early) {
            plmr_ring_destroy(rings[axis]);
            must(plmr_ring_create(p.t.region, (enum plmr_axis)axis, PLMR_NATURAL, 1, &unused));
            plmr_ring_destroy(unused);
        }
    }
    if (more)
        must(plmr_tiles_multicast(p.a, PLMR_Y, 3));
    must(plmr_compute(p.t.region, 100, NULL, NULL));
    double t_cycles = cost_of(p.t.region).t_cycles;
    for (int axis = 0; axis < 2 && !early; axis++)
        plmr_ring_destroy(rings[axis]);
    close_pair(&p);
    return t_cycles;
}

static void a_ring_may_go_after_its_last_shift(void **state)
{
    (void)state;
    for (int more = 0; more < 2; more++)
        assert_true(shifts_with_rings(true, more) == shifts_with_rings(false, more));
    plmr_device device = test_device("wse2");
    struct pair p = open_pair(&device, 12, 12, true); /* and nothing after it */
    plmr_ring *x;
    must(plmr_ring_create(p.t.region, PLMR_X, PLMR_INTERLEAVED, 1, &x));
    must(plmr_tiles_shift(p.a, p.a, x, 1));
    plmr_ring_destroy(x);
    close_pair(&p);
}

/* ---- what verbs of tiles are charged ---- */

/* Multicasts of a from each of n cores of every row, and of b from each of every column. */
static plmr_cost multicast_all(const plmr_device *device, int n, int rounds)
{
    struct pair p = open_pair(device, n, n, false);
    for (int from = 0; from < n * rounds; from++) {
        must(plmr_tiles_multicast(p.a, PLMR_X, from % n));
        must(plmr_tiles_multicast(p.b, PLMR_Y, from % n));
    }
    plmr_cost cost = cost_of(p.t.region);
    close_pair(&p);
    return cost;
}

static plmr_cost summa(const plmr_device *device, int n)
{
    plmr_region_options options = {0};
    const plmr_gemm_algorithm *algorithm = NULL;
    for (int i = 0; i < plmr_gemm_count(); i++)
        if (strcmp(plmr_gemm_at(i)->name, "summa") == 0)
            algorithm = plmr_gemm_at(i);
    assert_non_null(algorithm);
    plmr_gemm_problem problem = {n, n, n, n, n, PLMR_F32, PLMR_F32, false};
    struct test_region t = test_region_open(device, n, n, &options);
    plmr_gemm *gemm;
    must(plmr_gemm_open(algorithm, &problem, t.region, NULL, NULL, &gemm));
    must(plmr_gemm_run(algorithm, gemm));
    plmr_cost cost = cost_of(t.region);
    plmr_gemm_close(gemm);
    test_region_close(&t);
    return cost;
}

/* As many routes as the product that does the same: one for each sender, else what the router can hold. */
static void multicasts_take_a_route_for_each_sender(void **state)
{
    (void)state;
    plmr_device device = test_device("wse2");
    for (int n = 4; n <= 28; n += 4) {
        plmr_cost tiles = multicast_all(&device, n, 1), product = summa(&device, n);
        assert_int_equal(tiles.routes_max, product.routes_max);
        assert_int_equal(tiles.routes_program, product.routes_program);
        assert_int_equal(tiles.routes_max, 2 * n <= device.routes ? 2 * n : 24);
        assert_int_equal(multicast_all(&device, n, 2).routes_max, tiles.routes_max);
    }
}

/* The same multicasts by the verb of tensors, which is told how many routes there are. */
static double cycles_of_multicasts(const plmr_device *device, int n, const int *from, int n_from, int n_routes)
{
    struct pair p = open_pair(device, 4, n, false);
    for (int i = 0; i < n_from; i++) {
        plmr_flow flow = plmr_flow_multicast(p.t.region, PLMR_X, from[i], n_routes, "tiles");
        plmr_flow_run(&flow, 2);
    }
    double t_cycles = cost_of(p.t.region).t_cycles;
    close_pair(&p);
    return t_cycles;
}

static plmr_cost cost_of_tiles(const plmr_device *device, int n, const int *from, int n_from)
{
    struct pair p = open_pair(device, 4, n, false);
    for (int i = 0; i < n_from; i++)
        must(plmr_tiles_multicast(i % 2 ? p.a : p.b, PLMR_X, from[i]));
    plmr_cost cost = cost_of(p.t.region);
    close_pair(&p);
    return cost;
}

/* Along one axis: half of 24 routes, for the other axis wants some too. */
static void more_senders_than_routes_are_relayed(void **state)
{
    (void)state;
    plmr_device device = test_device("wse2");
    int from[13] = {0, 50, 3, 7, 8, 9, 20, 21, 22, 40, 41, 42, 59}, again[2] = {0, 50};
    plmr_cost cost = cost_of_tiles(&device, 60, from, 12);
    assert_int_equal(cost.routes_max, 12);
    assert_true(cost.t_cycles == cycles_of_multicasts(&device, 60, from, 12, 60));
    double direct = cost.t_cycles, relayed = cycles_of_multicasts(&device, 60, from + 12, 1, 12);
    assert_true(relayed > cycles_of_multicasts(&device, 60, from + 12, 1, 60));
    cost = cost_of_tiles(&device, 60, from, 13);
    assert_int_equal(cost.routes_max, 12);
    assert_true(cost.t_cycles == direct + relayed);
    assert_int_equal(cost_of_tiles(&device, 60, again, 2).routes_max, 2);
    assert_true(cost_of_tiles(&device, 60, again, 2).t_cycles == cycles_of_multicasts(&device, 60, again, 2, 60));
}

/* Routes of a plan along a line of n at the core that has most, from its own account of them. */
static int plan_routes(const plmr_device *device, const char *name, int n, int *routes)
{
    plmr_reduce_plan *plan;
    plmr_reduce_options options = {.n_levels = 2};
    must(plmr_reduce_plan_create(plmr_reduce_find(name), device, PLMR_X, n, &options, &plan));
    for (int i = 0; i < n; i++)
        routes[i] += __builtin_popcountll(plan->routes[i]);
    plmr_reduce_plan_destroy(plan);
    int most = 0;
    for (int i = 0; i < n; i++)
        most = routes[i] > most ? routes[i] : most;
    return most;
}

static void every_allreduce_has_its_routes(void **state)
{
    (void)state;
    const char *const names[] = {"chain", "star", "tree", "two-phase", "ktree", "ring"};
    plmr_device device = test_device("wse2");
    int n = 8, routes[8] = {0};
    device.routes = 1000;
    struct pair p = open_pair(&device, n, n, false);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        int most = plan_routes(&device, names[i], n, routes);
        for (int again = 0; again < 2; again++) {
            must(plmr_tiles_allreduce(again ? p.a : p.b, PLMR_X, names[i]));
            assert_int_equal(cost_of(p.t.region).routes_max, most);
        }
    }
    close_pair(&p);
}

/* The root of every line has the sum, of small whole numbers, and all others what they had. */
static void a_root_alone_gets_the_sum(void **state)
{
    static const char *const names[] = {"chain", "star", "tree", "two-phase", "ktree"};
    (void)state;
    plmr_device device = test_device("wse2:routes=1000");
    for (int i = 0; i < 5; i++)
        for (int root = 0; root < COLS; root += 2) {
            enum plmr_axis axis = root < ROWS && i % 2 ? PLMR_Y : PLMR_X;
            int n = axis == PLMR_X ? COLS : ROWS;
            struct pair p = open_pair(&device, ROWS, COLS, true);
            must(plmr_compute(p.t.region, 1, start, &p));
            must(plmr_tiles_reduce(p.a, axis, root, names[i], root % 3));
            for (int core = 0; core < ROWS * COLS; core++) {
                int row = core / COLS, col = core % COLS;
                const float *tile = plmr_tiles_at(p.a, row, col);
                float whole = axis == PLMR_X ? (float)(n * 100 * row + 10 * n * (n - 1) / 2)
                                             : (float)(n * 10 * col + 100 * n * (n - 1) / 2);
                bool is_root = (axis == PLMR_X ? col : row) == root;
                for (int v = 0; v < 2 && tile; v++)
                    assert_true(tile[v] == (is_root ? whole + (float)(n * v) : (float)(100 * row + 10 * col + v)));
            }
            close_pair(&p);
        }
}

static void wrong_roots_are_refused(void **state)
{
    (void)state;
    plmr_device device = test_device("wse2");
    struct pair p = open_pair(&device, ROWS, COLS, false);
    must_fail(plmr_tiles_reduce(p.a, PLMR_X, COLS, "chain", 0), PLMR_ERROR_INPUT, "core 7 is not among the 7");
    must_fail(plmr_tiles_reduce(p.a, PLMR_X, -1, "chain", 0), PLMR_ERROR_INPUT, "core -1");
    must_fail(plmr_tiles_reduce(p.a, PLMR_X, 0, "ring", 0), PLMR_ERROR_INPUT, "has no root");
    must_fail(plmr_tiles_reduce(p.a, PLMR_X, 0, "two-phase", 8), PLMR_ERROR_INPUT, "8 groups");
    assert_true(cost_of(p.t.region).t_cycles == 0 && cost_of(p.t.region).routes_max == 0);
    close_pair(&p);
}

/* A refusal takes nothing: what a router has no room for is refused again. */
static void too_many_routes_stay_refused(void **state)
{
    (void)state;
    plmr_device device = test_device("wse2");
    device.routes = 1;
    struct pair p = open_pair(&device, 8, 8, false);
    for (int i = 0; i < 2; i++)
        must_fail(plmr_tiles_allreduce(p.a, PLMR_X, "two-phase"), PLMR_ERROR_LIMIT, "routes");
    assert_int_equal(cost_of(p.t.region).routes_max, 0);
    must(plmr_tiles_multicast(p.a, PLMR_X, 4));
    for (int i = 0; i < 2; i++)
        must_fail(plmr_tiles_multicast(p.a, PLMR_Y, 4), PLMR_ERROR_LIMIT, "routes");
    assert_int_equal(cost_of(p.t.region).routes_max, 1);
    close_pair(&p);
}

/* The memory of cores is free again, and what is made later lies elsewhere. */
static void a_block_outlives_its_tiles(void **state)
{
    (void)state;
    plmr_device device = test_device("wse2");
    struct pair p = open_pair(&device, ROWS, COLS, true);
    must(plmr_each(p.t.region, start, &p));
    int first[2], count[2];
    plmr_region_block(p.t.region, first, count);
    float *block = plmr_tiles_give_block(p.a);
    must(plmr_tiles_create(p.t.region, "a", 2, &p.a));
    assert_true(plmr_tiles_block(p.a) != block && cost_of(p.t.region).sram_peak_bytes == 16);
    for (int i = 0; i < 2 * count[PLMR_X]; i++)
        assert_true(block[i] == (float)(100 * first[PLMR_Y] + 10 * (first[PLMR_X] + i / 2) + i % 2));
    free(block);
    close_pair(&p);
    p = open_pair(&device, ROWS, COLS, false);
    assert_null(plmr_tiles_give_block(p.a));
    plmr_tiles_destroy(p.b);
    test_region_close(&p.t);
}

/* A chain over 7 cores has 12 hops and 6 stages, one over 5 has 8 and 4: what comes one after the other adds up, and of a shift along x
 * and one along y that are under way together the longer counts. */
static void paths_follow_each_other(void **state)
{
    (void)state;
    plmr_device device = test_device("wse2");
    plmr_ring *x, *y;
    struct pair p = open_pair(&device, 5, 7, true);
    must(plmr_tiles_sum(p.a, "chain"));
    plmr_cost sum = cost_of(p.t.region);
    assert_int_equal(sum.hops_critical, 12 + 8);
    assert_int_equal(sum.stages_critical, 6 + 4);
    must(plmr_ring_create(p.t.region, PLMR_X, PLMR_INTERLEAVED, 1, &x));
    must(plmr_ring_create(p.t.region, PLMR_Y, PLMR_INTERLEAVED, 1, &y));
    must(plmr_tiles_shift(p.a, p.a, x, 1));
    must(plmr_tiles_shift(p.a, p.a, y, 1));
    assert_int_equal(cost_of(p.t.region).hops_critical, sum.hops_critical + 2 + 2);
    must(plmr_tiles_shift_begin(p.a, p.a, x, 1));
    must(plmr_tiles_shift_begin(p.b, p.b, y, 1));
    must(plmr_tiles_end(p.a));
    must(plmr_tiles_end(p.b));
    assert_int_equal(cost_of(p.t.region).hops_critical, sum.hops_critical + 2 + 2 + 2);
    plmr_ring_destroy(x);
    plmr_ring_destroy(y);
    close_pair(&p);
}

/* What is refused for its routes leaves memory and values as they were. */
static void a_refusal_leaves_nothing(void **state)
{
    (void)state;
    plmr_device device = test_device("wse2");
    plmr_ring *x;
    device.routes = 2;
    struct pair p = open_pair(&device, 5, 5, true);
    plmr_cost before = cost_of(p.t.region);
    must(plmr_ring_create(p.t.region, PLMR_X, PLMR_INTERLEAVED, 1, &x));
    must_fail(plmr_tiles_shift(p.a, p.a, x, 1), PLMR_ERROR_LIMIT, "routes");
    must_fail(plmr_tiles_shift_begin(p.a, p.a, x, 1), PLMR_ERROR_LIMIT, "routes");
    must_fail(plmr_tiles_sum(p.a, "chain"), PLMR_ERROR_LIMIT, "routes");
    plmr_cost after = cost_of(p.t.region);
    assert_true(after.sram_peak_bytes == before.sram_peak_bytes && after.t_cycles == before.t_cycles);
    plmr_ring_destroy(x);
    close_pair(&p);
}

/* What needs routes along both axes and has them along one configures none: relays need four along each. */
static void routes_of_both_axes_or_none(void **state)
{
    (void)state;
    plmr_device device = test_device("wse2:routes=5");
    plmr_points *flow;
    struct pair p = open_pair(&device, 9, 9, true);
    must_fail(plmr_points_gather(p.t.region, "g", 0, 1, &flow), PLMR_ERROR_LIMIT, "needs 8 routes with the relays");
    assert_true(cost_of(p.t.region).routes_max == 0 && cost_of(p.t.region).routes_program == 0);
    for (int i = 0; i < 2; i++)
        must_fail(plmr_tiles_sum(p.a, "chain"), PLMR_ERROR_LIMIT, "needs 6 routes");
    assert_true(cost_of(p.t.region).routes_max == 0 && cost_of(p.t.region).routes_program == 0);
    must(plmr_tiles_allreduce(p.a, PLMR_X, "chain"));
    close_pair(&p);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(paths_follow_each_other),
    cmocka_unit_test(a_refusal_leaves_nothing),
    cmocka_unit_test(routes_of_both_axes_or_none),
    cmocka_unit_test(half_floats_are_rounded),
    cmocka_unit_test(nothing_comes_to_an_open_end),
    cmocka_unit_test(a_ring_may_go_after_its_last_shift),
    cmocka_unit_test(multicasts_take_a_route_for_each_sender),
    cmocka_unit_test(more_senders_than_routes_are_relayed),
    cmocka_unit_test(every_allreduce_has_its_routes),
    cmocka_unit_test(too_many_routes_stay_refused),
    cmocka_unit_test(a_block_outlives_its_tiles),
    cmocka_unit_test(a_root_alone_gets_the_sum),
    cmocka_unit_test(wrong_roots_are_refused),
};

TEST_MAIN(tests)
