/* The time plane's streams against the router simulator, which moves single wavelets cycle by cycle and knows no
 * formula: shift, multicast, chain, star, tree, K-tree and ring on a row of cores. */
#include "tests/support.h"

#include "tests/router/programs.h"
#include "time/clock.h"
#include "verbs/reduce.h"

/* wse2 with other constants of the fabric. */
static plmr_device machine(int ramp, int hop, int launch)
{
    plmr_device device = test_device("wse2");
    device.ramp = ramp;
    device.hop = hop;
    device.collective_launch = launch;
    return device;
}

static struct router_row open_row(int cores, int width)
{
    struct router_row row = {.cores = cores, .width = width};
    row.in = calloc((size_t)cores * (size_t)width + 1, sizeof(float));
    row.out = calloc((size_t)cores * (size_t)width + 1, sizeof(float));
    row.finish = calloc((size_t)cores, sizeof(long));
    assert_true(row.in && row.out && row.finish);
    return row;
}

static void close_row(struct router_row *row)
{
    free((void *)row->in);
    free(row->out);
    free(row->finish);
}

static long latest(const struct router_row *row)
{
    long end = 0;
    for (int i = 0; i < row->cores; i++)
        end = row->finish[i] > end ? row->finish[i] : end;
    return end;
}

/* The region's cycles for an allreduce of `width` words along a row. */
static plmr_cost allreduce_cost(const plmr_device *device, const char *name, int cores, int width,
                                const plmr_reduce_options *o)
{
    plmr_region_options options = {0};
    plmr_reduce_plan *plan;
    plmr_cost cost;
    struct test_region t = test_region_open(device, 1, cores, &options);
    must(plmr_reduce_plan_create(plmr_reduce_find(name), device, PLMR_Y, cores, o, &plan));
    plmr_allreduce_time(t.region, PLMR_X, plan, width, 4);
    must(plmr_region_cost(t.region, &cost));
    plmr_reduce_plan_destroy(plan);
    test_region_close(&t);
    return cost;
}

struct fabric {
    int ramp, hop;
};

static const struct fabric fabrics[] = {{2, 1}, {1, 1}, {2, 2}, {5, 3}};
static const int lengths[] = {4, 5, 8, 13, 24}; /* at least as many cores as the largest number of ranks tested */
static const int widths[] = {1, 2, 7, 24};

typedef void check_fn(struct fabric fabric, int cores, int width);

static void sweep(check_fn *check)
{
    for (size_t f = 0; f < sizeof fabrics / sizeof *fabrics; f++)
        for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++)
            for (size_t w = 0; w < sizeof widths / sizeof *widths; w++)
                check(fabrics[f], lengths[l], widths[w]);
}

/* ---- reductions with a multicast back: two simulations, one after the other ---- */

static long simulated_multicast(struct fabric fabric, int cores, int width, int root)
{
    struct router_params params = {.ramp = fabric.ramp, .hop = fabric.hop};
    struct router_row row = open_row(cores, width);
    assert_int_equal(router_run_multicast(&params, &row, root), ROUTER_OK);
    long end = latest(&row);
    close_row(&row);
    return end;
}

typedef enum router_status run_fn(const struct router_params *params, struct router_row *row);

static enum router_status run_chain(const struct router_params *params, struct router_row *row)
{
    return router_run_chain(params, row, 0);
}

static enum router_status run_star(const struct router_params *params, struct router_row *row)
{
    return router_run_star(params, row, 0);
}

static void check_reduction(const char *name, run_fn *run, struct fabric fabric, int cores, int width)
{
    plmr_device device = machine(fabric.ramp, fabric.hop, 22);
    struct router_params params = {.ramp = fabric.ramp, .hop = fabric.hop};
    struct router_row row = open_row(cores, width);
    plmr_reduce_options none = {0};
    assert_int_equal(run(&params, &row), ROUTER_OK);
    double simulated = (double)(row.finish[0] + simulated_multicast(fabric, cores, width, 0) + 2 * 22);
    plmr_cost cost = allreduce_cost(&device, name, cores, width, &none);
    if (cost.t_cycles != simulated)
        fail_msg("%s, %d cores, %d words, ramp %d, hop %d: %.2f cycles, simulated %.2f", name, cores, width,
                 fabric.ramp, fabric.hop, cost.t_cycles, simulated);
    close_row(&row);
}

static void check_chain(struct fabric fabric, int cores, int width)
{
    check_reduction("chain", run_chain, fabric, cores, width);
}

static void check_star(struct fabric fabric, int cores, int width)
{
    check_reduction("star", run_star, fabric, cores, width);
}

static void check_tree(struct fabric fabric, int cores, int width)
{
    check_reduction("tree", router_run_tree, fabric, cores, width);
}

static void chains_take_the_simulated_time(void **state)
{
    (void)state;
    sweep(check_chain);
}

static void stars_take_the_simulated_time(void **state)
{
    (void)state;
    sweep(check_star);
}

static void trees_take_the_simulated_time(void **state)
{
    (void)state;
    sweep(check_tree);
}

/* ---- K-trees ---- */

static void check_ktree(struct fabric fabric, int cores, int width, int launch, int levels, const int *counts)
{
    int first[3][32];
    const int *firsts[3] = {first[0], first[1], first[2]};
    for (int level = 0, members = cores; level < levels; members = counts[level++])
        for (int g = 0; g < counts[level]; g++)
            first[level][g] = members * g / counts[level];
    struct router_ktree tree = {.levels = levels, .groups = counts, .first = firsts, .back = true};
    struct router_params params = {.ramp = fabric.ramp, .hop = fabric.hop, .launch = launch};
    struct router_row row = open_row(cores, width);
    plmr_reduce_options options = {.n_levels = levels, .n_group_levels = levels - 1};
    memcpy(options.n_groups, counts, sizeof(int) * (size_t)(levels - 1));
    plmr_device device = machine(fabric.ramp, fabric.hop, launch);
    assert_int_equal(router_run_ktree(&params, &row, &tree), ROUTER_OK);
    plmr_cost cost = allreduce_cost(&device, "ktree", cores, width, &options);
    if (cost.t_cycles != (double)latest(&row))
        fail_msg("%d-level tree of %d, %d words, %d groups, ramp %d, hop %d: %.2f cycles, simulated %ld", levels, cores,
                 width, counts[0], fabric.ramp, fabric.hop, cost.t_cycles, latest(&row));
    close_row(&row);
}

/* Groups of equal size, so that every core takes part in the first phase: a core alone is not launched. */
static void ktrees_take_the_simulated_time(void **state)
{
    (void)state;
    for (size_t f = 0; f < sizeof fabrics / sizeof *fabrics; f++)
        for (size_t w = 0; w < sizeof widths / sizeof *widths; w++) {
            check_ktree(fabrics[f], 13, widths[w], 22, 1, (int[]){1});
            check_ktree(fabrics[f], 12, widths[w], 22, 2, (int[]){4, 1});
            check_ktree(fabrics[f], 24, widths[w], 22, 2, (int[]){4, 1});
            check_ktree(fabrics[f], 30, widths[w], 0, 2, (int[]){7, 1});
            check_ktree(fabrics[f], 27, widths[w], 22, 3, (int[]){9, 3, 1});
            check_ktree(fabrics[f], 31, widths[w], 0, 3, (int[]){10, 3, 1});
        }
}

/* ---- to one root ---- */

static void check_root(const char *name, const struct router_row *row, const plmr_device *device,
                       plmr_reduce_options options, int root)
{
    options.to_root = true;
    options.root = root;
    plmr_cost cost = allreduce_cost(device, name, row->cores, row->width, &options);
    if (cost.t_cycles != (double)latest(row))
        fail_msg("%s to %d of %d, %d words: %.2f cycles, simulated %ld", name, root, row->cores, row->width,
                 cost.t_cycles, latest(row));
}

static void check_roots(struct fabric fabric, int cores, int width)
{
    struct router_params params = {.ramp = fabric.ramp, .hop = fabric.hop};
    plmr_device device = machine(fabric.ramp, fabric.hop, 0);
    for (int root = 0; root < cores; root += 1 + cores / 5) {
        struct router_row row = open_row(cores, width);
        assert_int_equal(router_run_chain(&params, &row, root), ROUTER_OK);
        check_root("chain", &row, &device, (plmr_reduce_options){0}, root);
        assert_int_equal(router_run_star(&params, &row, root), ROUTER_OK);
        check_root("star", &row, &device, (plmr_reduce_options){0}, root);
        for (int groups = 1; groups <= cores; groups *= 2) {
            int first[2][32] = {{0}};
            for (int g = 0; g < groups; g++)
                first[0][g] = cores * g / groups;
            struct router_ktree tree = {.levels = 2,
                                        .groups = (int[]){groups, 1},
                                        .first = (const int *const[]){first[0], first[1]},
                                        .to_end = true,
                                        .end = root};
            assert_int_equal(router_run_ktree(&params, &row, &tree), ROUTER_OK);
            check_root("two-phase", &row, &device,
                       (plmr_reduce_options){.n_levels = 2, .n_groups = {groups}, .n_group_levels = 1}, root);
        }
        close_row(&row);
    }
}

static void reductions_to_a_root_take_the_simulated_time(void **state)
{
    (void)state;
    sweep(check_roots);
}

/* Two-phase reduce to an end of a row of 512 by cores in a group, by the vendor's
 * simulator (SpMM_Cerebras, ETH Zurich, at a962552: reduce_0_pe/reduce_2colors_2phase/results.txt). */
static void two_phases_to_an_end_take_the_published_cycles(void **state)
{
    static const struct {
        int size, words;
        double cycles;
    } published[] = {{2, 4096, 10055}, {4, 4096, 9421},  {8, 4096, 9117},   {16, 4096, 8989},
                     {32, 4096, 8973}, {64, 4096, 9061}, {128, 4096, 9297}, {256, 4096, 9800}};
    (void)state;
    plmr_device device = test_device("wse2");
    for (size_t i = 0; i < sizeof published / sizeof *published; i++) {
        plmr_reduce_options options = {
            .n_levels = 2, .n_groups = {512 / published[i].size}, .n_group_levels = 1, .to_root = true};
        double t = allreduce_cost(&device, "two-phase", 512, published[i].words, &options).t_cycles;
        if (t < 0.975 * published[i].cycles || t > 1.025 * published[i].cycles)
            fail_msg("groups of %d: %g cycles, published %g", published[i].size, t, published[i].cycles);
    }
}

/* ---- rings ---- */

static void check_ring(struct fabric fabric, int cores, int width)
{
    int chunks[32], whole = width * cores; /* chunks of one size: the time plane charges the largest */
    for (int i = 0; i < cores; i++)
        chunks[i] = width;
    plmr_device device = machine(fabric.ramp, fabric.hop, 0);
    struct router_params params = {.ramp = fabric.ramp, .hop = fabric.hop};
    struct router_row row = open_row(cores, whole);
    plmr_reduce_options none = {0};
    assert_int_equal(router_run_ring_allreduce(&params, &row, chunks), ROUTER_OK);
    plmr_cost cost = allreduce_cost(&device, "ring", cores, whole, &none);
    if (cost.t_cycles != (double)latest(&row))
        fail_msg("ring of %d, %d words, ramp %d, hop %d: %.2f cycles, simulated %ld", cores, width, fabric.ramp,
                 fabric.hop, cost.t_cycles, latest(&row));
    close_row(&row);
}

static void rings_take_the_simulated_time(void **state)
{
    (void)state;
    sweep(check_ring);
}

/* ---- shifts ---- */

static void check_shift_on(struct fabric fabric, int cores, int width, enum plmr_ring_kind kind)
{
    plmr_device device = machine(fabric.ramp, fabric.hop, 0);
    struct router_params params = {.ramp = fabric.ramp, .hop = fabric.hop};
    struct router_row row = open_row(cores, width);
    plmr_region_options options = {0};
    struct test_region t = test_region_open(&device, 1, cores, &options);
    plmr_ring *ring;
    double t_cycles;
    enum router_ring simulated = kind == PLMR_NATURAL ? ROUTER_NATURAL : ROUTER_INTERLEAVED;
    assert_int_equal(router_run_shift(&params, &row, simulated, -1), ROUTER_OK);
    must(plmr_ring_create(t.region, PLMR_X, kind, 1, &ring));
    plmr_clock_exchange(t.region->clock, ring, device.link * width, 0, 0);
    t_cycles = plmr_clock_max(t.region->clock);
    if (t_cycles != (double)latest(&row))
        fail_msg("shift of %d words round %d cores: %.2f cycles, simulated %ld", width, cores, t_cycles, latest(&row));
    plmr_ring_destroy(ring);
    test_region_close(&t);
    close_row(&row);
}

static void check_shift(struct fabric fabric, int cores, int width)
{
    check_shift_on(fabric, cores, width, PLMR_NATURAL);
    check_shift_on(fabric, cores, width, PLMR_INTERLEAVED);
}

static void shifts_take_the_simulated_time(void **state)
{
    (void)state;
    sweep(check_shift);
}

/* ---- the published totals ---- */

/* 360 cores in 18 groups: hops + 5 stages + 6 W + 94. */
static void two_phases_give_the_published_form(void **state)
{
    (void)state;
    plmr_device device = test_device("wse2");
    static const struct {
        int cores, groups, hops, stages;
    } cases[] = {{240, 15, 16 * 14 + 16, 8 + 7}, {360, 18, 20 * 18 + 20, 10 + 9}, {720, 24, 30 * 24 + 30, 15 + 12}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        plmr_reduce_options options = {.n_levels = 2, .n_group_levels = 1, .n_groups = {cases[i].groups}};
        plmr_cost cost = allreduce_cost(&device, "two-phase", cases[i].cores, 12, &options);
        assert_int_equal(cost.hops_critical, cases[i].hops);
        assert_int_equal(cost.stages_critical, cases[i].stages);
        assert_true(cost.t_cycles == cases[i].hops + 5 * cases[i].stages + 6 * 12 + 94);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(shifts_take_the_simulated_time),
    cmocka_unit_test(chains_take_the_simulated_time),
    cmocka_unit_test(stars_take_the_simulated_time),
    cmocka_unit_test(trees_take_the_simulated_time),
    cmocka_unit_test(ktrees_take_the_simulated_time),
    cmocka_unit_test(rings_take_the_simulated_time),
    cmocka_unit_test(two_phases_give_the_published_form),
    cmocka_unit_test(reductions_to_a_root_take_the_simulated_time),
    cmocka_unit_test(two_phases_to_an_end_take_the_published_cycles),
};

TEST_MAIN(tests)
