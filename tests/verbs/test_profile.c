/* Where costs fall: the links' wavelets are together what the ledger counts, for every program on any ranks, with and
 * without exact shortcuts; no core is busy for longer than its clock says; memory and routes by name add up. */
#include "tests/support.h"

#include "gemm/gemm.h"
#include "gemv/gemv.h"
#include "region/profile.h"
#include "tests/clocks.h"

static uint64_t sum_of_links(const plmr_profile *profile)
{
    uint64_t sum = 0;
    for (int axis = 0; axis < 2; axis++)
        for (int way = 0; way < 2; way++)
            for (int i = 0; i < profile->extent[axis]; i++)
                sum += profile->links[axis][way][i];
    return sum;
}

static double busy_of(const plmr_region *region, int row, int col)
{
    const plmr_profile *p = region->profile;
    double busy = p->compute_cycles + p->adding_cycles[PLMR_X][col] / region->extent[PLMR_Y] +
                  p->adding_cycles[PLMR_Y][row] / region->extent[PLMR_X];
    for (int i = 0; i < PLMR_N_MOVES; i++)
        busy += p->moving_cycles[i];
    return busy;
}

static void check_clocks(plmr_region *region)
{
    plmr_clock_settle(region->clock);
    for (int r = 0; r < region->count[PLMR_Y]; r++)
        for (int c = 0; c < region->count[PLMR_X]; c++) {
            double t = plmr_clock_at(region->clock, r, c);
            double busy = busy_of(region, region->first[PLMR_Y] + r, region->first[PLMR_X] + c);
            if (busy > t)
                fail_msg("core (%d,%d) of %dx%d is busy for %.3f of %.3f cycles", r, c, region->extent[PLMR_Y],
                         region->extent[PLMR_X], busy, t);
        }
}

static void check_names(const plmr_region *region)
{
    const plmr_profile *p = region->profile;
    int64_t n_bytes = 0;
    int routes[2] = {0, 0};
    for (int i = 0; i < p->n_peak; i++)
        n_bytes += p->peak[i].n_bytes;
    assert_int_equal(n_bytes, region->ledger.sram_peak_bytes);
    for (int i = 0; i < p->n_routed; i++)
        routes[p->routed[i].axis] += p->routed[i].cores[1];
    for (int axis = 0; axis < 2; axis++)
        assert_int_equal(routes[axis], region->extent[axis] > 1 ? region->ledger.routes[axis][1] : 0);
}

static void check(plmr_region *region)
{
    assert_true(region->ledger.wavelet_hops > 0);
    assert_true(sum_of_links(region->profile) == region->ledger.wavelet_hops);
    check_clocks(region);
    check_names(region);
}

static const struct {
    int rows, cols;
    const char *device;
} regions[] = {{9, 9, "wse2"},      {8, 8, "wse3"},     {6, 9, "wse2"},
               {10, 8, "wormhole"}, {3, 8, "wormhole"}, {12, 6, "dojo-tile"}};

enum { N_REGIONS = sizeof regions / sizeof regions[0] };

static void run_gemm(int which, const plmr_gemm_algorithm *algorithm, bool transpose_b)
{
    plmr_device device = test_device(regions[which].device);
    plmr_region_options options = {.profile = true, .allow_memory = true, .allow_routes = true};
    struct test_region t = test_region_open(&device, regions[which].rows, regions[which].cols, &options);
    plmr_gemm_problem problem = {.m = 100,
                                 .k = 90,
                                 .n = 70,
                                 .rows = regions[which].rows,
                                 .cols = regions[which].cols,
                                 .dtype = PLMR_F16,
                                 .accumulate = PLMR_F32,
                                 .transpose_b = transpose_b};
    plmr_gemm *g;
    must(plmr_gemm_open(algorithm, &problem, t.region, NULL, NULL, &g));
    must(plmr_gemm_run(algorithm, g));
    check(t.region);
    plmr_gemm_close(g);
    test_region_close(&t);
}

static void test_gemm(void **state)
{
    (void)state;
    for (int which = 0; which < N_REGIONS; which++)
        for (int i = 0; i < plmr_gemm_count(); i++) {
            run_gemm(which, plmr_gemm_at(i), false);
            if (plmr_gemm_at(i)->run_transposed)
                run_gemm(which, plmr_gemm_at(i), true);
        }
}

static void run_reduce(int which, const plmr_reduce_algorithm *algorithm)
{
    plmr_device device = test_device(regions[which].device);
    plmr_region_options options = {.profile = true, .allow_routes = true};
    plmr_reduce_options two = {.n_levels = 2};
    struct test_region t = test_region_open(&device, regions[which].rows, regions[which].cols, &options);
    must(plmr_region_charge(t.region, "its vector", 100));
    for (int axis = 0; axis < 2; axis++) {
        plmr_reduce_plan *plan;
        must(plmr_reduce_plan_create(algorithm, &device, (enum plmr_axis)axis, t.region->extent[axis], &two, &plan));
        must(plmr_reduce_route(t.region, (enum plmr_axis)axis, plan, "the allreduce"));
        plmr_allreduce_time(t.region, (enum plmr_axis)axis, plan, 50, 2);
        plmr_reduce_plan_destroy(plan);
    }
    check(t.region);
    test_region_close(&t);
}

static void test_allreduce(void **state)
{
    (void)state;
    for (int which = 0; which < N_REGIONS; which++)
        for (int i = 0; i < plmr_reduce_count(); i++)
            run_reduce(which, plmr_reduce_at(i));
}

/* What software passes on. */
static void test_relays(void **state)
{
    (void)state;
    for (int which = 0; which < N_REGIONS; which++) {
        plmr_device device = test_device(regions[which].device);
        plmr_region_options options = {.profile = true, .allow_routes = true};
        struct test_region t = test_region_open(&device, regions[which].rows, regions[which].cols, &options);
        plmr_ring *ring;
        must(plmr_region_charge(t.region, "its vector", 100));
        must(plmr_relay_route(t.region));
        must(plmr_ring_create(t.region, PLMR_X, PLMR_NATURAL, 1, &ring));
        plmr_reduce_plan *plan;
        plmr_flow relayed = plmr_flow_relayed(ring), fetch = plmr_flow_fetch(t.region, 5);
        plmr_flow chain = plmr_flow_chain(t.region, PLMR_Y, 3, &plan);
        plmr_flow_run(&relayed, 7);
        plmr_flow_begin(&fetch, 13);
        plmr_flow_begin(&chain, 11);
        plmr_reduce_plan_destroy(plan);
        check(t.region);
        plmr_ring_destroy(ring);
        test_region_close(&t);
    }
}

/* The same sums by core and link whether turns are repeated or run. */
static plmr_status turn(void *context)
{
    plmr_ring *ring = context;
    plmr_flow flow = plmr_flow_exchange(ring, "exchange", NULL);
    plmr_flow_run(&flow, 3);
    return plmr_region_busy(ring->region, 10);
}

static void test_repeat(void **state)
{
    (void)state;
    plmr_device device = test_device("wse2");
    uint64_t sums[2];
    double busy[2];
    for (int every = 0; every < 2; every++) {
        plmr_region_options options = {.profile = true, .every_step = every};
        struct test_region t = test_region_open(&device, 7, 9, &options);
        plmr_ring *ring;
        int64_t n_run;
        must(plmr_ring_create(t.region, PLMR_X, PLMR_INTERLEAVED, 1, &ring));
        must(plmr_region_repeat(t.region, "turn", 100, turn, ring, &n_run));
        assert_true(every ? n_run == 100 : n_run < 100);
        sums[every] = sum_of_links(t.region->profile);
        busy[every] = busy_of(t.region, 3, 3);
        assert_true(sums[every] == t.region->ledger.wavelet_hops);
        plmr_ring_destroy(ring);
        test_region_close(&t);
    }
    assert_true(sums[0] == sums[1]);
    assert_true(busy[0] == busy[1]);
}

/* Rank 0 gets every core's clock, wherever it lies. */
static void test_gather(void **state)
{
    (void)state;
    plmr_device device = test_device("wse2");
    plmr_region_options options = {0};
    struct test_region t = test_region_open(&device, 11, 7, &options);
    double *all;
    for (int r = 0; r < t.region->count[PLMR_Y]; r++)
        for (int c = 0; c < t.region->count[PLMR_X]; c++)
            test_clock_set(t.region->clock, r, c, 100 * (t.region->first[PLMR_Y] + r) + t.region->first[PLMR_X] + c);
    must(plmr_clock_gather(t.region->clock, &all));
    for (int i = 0; i < 77 && plmr_rank() == 0; i++)
        assert_true(all[i] == 100 * (i / 7) + i % 7);
    assert_true((all != NULL) == (plmr_rank() == 0));
    free(all);
    test_region_close(&t);
}

/* A release takes off the name that had as many bytes. */
static void test_release(void **state)
{
    (void)state;
    plmr_device device = test_device("wse2");
    plmr_region_options options = {.profile = true};
    struct test_region t = test_region_open(&device, 3, 9, &options);
    must(plmr_region_charge(t.region, "weights", 1000));
    must(plmr_region_charge(t.region, "scores", 300));
    plmr_region_release(t.region, 300);
    must(plmr_region_charge(t.region, "sums", 200));
    assert_int_equal(t.region->profile->n_peak, 2);
    assert_string_equal(t.region->profile->peak[1].what, "scores");
    must(plmr_region_charge(t.region, "more", 200));
    assert_int_equal(t.region->profile->n_peak, 3);
    assert_string_equal(t.region->profile->peak[1].what, "sums");
    test_region_close(&t);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_gemm),   cmocka_unit_test(test_allreduce), cmocka_unit_test(test_relays),
    cmocka_unit_test(test_repeat), cmocka_unit_test(test_gather),    cmocka_unit_test(test_release),
};
TEST_MAIN(tests)
