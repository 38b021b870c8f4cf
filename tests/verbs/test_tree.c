/* A compiled reduction against the plan that it was made of, carried out leg by leg (plmr_allreduce_values): the same
 * bits, for every algorithm that has a plan, on lines of every length. */
#include "tests/support.h"

#include "data/tree.h"
#include "kernel/kernel.h"
#include "verbs/reduce.h"

enum { BATCH = 3, N = 11, CORES = 1200 };

/* Vectors of all cores of a line, values of many magnitudes; the same on every rank. */
struct line {
    int first; /* core number 0 of this rank */
    enum plmr_dtype accumulate;
    int64_t n;
    const float *own;  /* by core: BATCH vectors of n */
    int *asked, *next; /* how often each local core was asked for; the core announced last */
};

static float *random_line(int cores)
{
    static float own[CORES * BATCH * N];
    uint32_t state = 12345;
    for (int i = 0; i < cores * BATCH * N; i++) {
        float value = (float)test_random(&state) / (float)(1 << 20) - 8;
        own[i] = test_random(&state) % 4 ? value : value / 4096;
    }
    return own;
}

static void make(const void *context, int core, int64_t first, int64_t width, const float *onto, float *out, int next)
{
    const struct line *line = context;
    assert_true(*line->next < 0 || *line->next == core);
    *line->next = next;
    line->asked[core]++;
    for (int b = 0; b < BATCH; b++) {
        const float *own = line->own + ((int64_t)(line->first + core) * BATCH + b) * line->n + first;
        float sum[N];
        memcpy(sum, own, (size_t)width * sizeof *sum);
        if (onto)
            plmr_vector_add(line->accumulate, width, onto + b * width, sum);
        memcpy(out + b * width, sum, (size_t)width * sizeof *sum);
    }
}

/* The plan leg by leg. */
static void sum_by_legs(struct test_region *t, enum plmr_axis axis, const plmr_reduce_plan *plan,
                        const struct line *line, float *sum)
{
    size_t length = (size_t)BATCH * (size_t)line->n;
    float *vectors = malloc((size_t)t->region->count[axis] * length * sizeof *vectors);
    assert_non_null(vectors);
    memcpy(vectors, line->own + (size_t)line->first * length,
           (size_t)t->region->count[axis] * length * sizeof *vectors);
    plmr_allreduce_values(t->region, axis, plan, line->accumulate, line->n, BATCH, vectors, sum);
    free(vectors);
}

/* By the tree, `strip` columns at a time, into rows that lie apart; every core is asked once for each strip. With it,
 * as one reduction, the same in one strip. */
static void sum_by_tree(const plmr_tree *tree, int n_local, const struct line *line, int64_t strip, float *sum)
{
    float apart[BATCH * (N + 2)], again[BATCH * N];
    plmr_tree_job job = {.tree = tree,
                         .accumulate = line->accumulate,
                         .n_batch = BATCH,
                         .n = line->n,
                         .strip = strip,
                         .make = make,
                         .context = line,
                         .sum = apart,
                         .ld_sum = (size_t)line->n + 2};
    memset(line->asked, 0, (size_t)n_local * sizeof *line->asked);
    *line->next = -1;
    plmr_tree_job jobs[2] = {job, job};
    jobs[1].strip = line->n;
    jobs[1].sum = again;
    jobs[1].ld_sum = (size_t)line->n;
    plmr_tree_run_fused(jobs, 2);
    for (int core = 0; core < n_local; core++)
        assert_int_equal(line->asked[core], plmr_ceil_div(line->n, strip) + 1);
    for (int b = 0; b < BATCH; b++)
        memcpy(sum + b * line->n, apart + b * (line->n + 2), (size_t)line->n * sizeof *sum);
    assert_memory_equal(sum, again, (size_t)BATCH * (size_t)line->n * sizeof *sum);
}

static void check_same(const plmr_reduce_plan *plan, const char *name, const struct line *line, const float *want,
                       const float *got)
{
    if (memcmp(want, got, (size_t)BATCH * (size_t)line->n * sizeof *want) != 0)
        fail_msg("%s of %d cores, %s: other bits", name, plan->n, plmr_dtype_name(line->accumulate));
}

static void check_plan(struct test_region *t, enum plmr_axis axis, const plmr_reduce_plan *plan, const char *name,
                       enum plmr_dtype accumulate)
{
    static int asked[CORES];
    int next, n_local = t->region->count[axis];
    float want[BATCH * N], got[BATCH * N];
    struct line line = {t->region->first[axis], accumulate, N, random_line(plan->n), asked, &next};
    plmr_tree *tree;
    tree = plmr_tree_create(t->region, axis, plan);
    sum_by_legs(t, axis, plan, &line, want);
    for (int strip = 1; strip <= 2 * N; strip += 4) {
        sum_by_tree(tree, n_local, &line, strip, got);
        check_same(plan, name, &line, want, got);
    }
    plmr_tree_destroy(tree);
    line.first = 0;
    tree = plmr_tree_create_local(plan);
    sum_by_tree(tree, plan->n, &line, 5, got);
    check_same(plan, name, &line, want, got);
    plmr_tree_destroy(tree);
}

static void check_algorithm(const plmr_reduce_algorithm *algorithm, int cores, const plmr_reduce_options *options)
{
    plmr_device device = test_device("ideal");
    plmr_region_options any = {.allow_memory = true, .allow_routes = true};
    plmr_reduce_plan *plan;
    if (cores < plmr_rank_count() || strcmp(algorithm->name, "ring") == 0 || strcmp(algorithm->name, "scatter") == 0)
        return;
    must(plmr_reduce_plan_create(algorithm, &device, PLMR_X, cores, options, &plan));
    for (int axis = PLMR_X; axis <= PLMR_Y; axis++) {
        struct test_region t;
        int n = plmr_rank_count(), rows = axis == PLMR_Y ? cores : 3, cols = axis == PLMR_X ? cores : 3;
        must(plmr_ranks_create(axis == PLMR_Y ? n : 1, axis == PLMR_X ? n : 1, rows, cols, &t.ranks));
        must(plmr_region_create(t.ranks, &device, rows, cols, &any, &t.region));
        check_plan(&t, axis, plan, algorithm->name, PLMR_F32);
        check_plan(&t, axis, plan, algorithm->name, PLMR_F16);
        test_region_close(&t);
    }
    plmr_reduce_plan_destroy(plan);
}

/* From the fewest cores to more than the widest wafer has; at 360 and more, groups' chains become long, and ranks share
 * what they add up. */
static void every_algorithm_adds_as_its_plan(void **state)
{
    static const int cores[] = {1, 2, 3, 4, 5, 7, 8, 13, 20, 36, 64, 97, 360, 660, 994, CORES};
    plmr_reduce_options options = {.n_levels = 2};
    for (int a = 0; a < plmr_reduce_count(); a++)
        for (size_t i = 0; i < sizeof cores / sizeof cores[0]; i++)
            check_algorithm(plmr_reduce_at(a), cores[i], &options);
    (void)state;
}

static void deep_trees_add_as_their_plan(void **state)
{
    static const plmr_reduce_options options[] = {
        {.n_levels = 1},
        {.n_levels = 3, .n_groups = {20, 4}, .n_group_levels = 2},
        {.n_levels = 3, .n_groups = {100, 100}, .n_group_levels = 2},
        {.n_levels = 2, .n_groups = {100}, .n_group_levels = 1},
        {.n_levels = 5, .n_groups = {80, 40, 20, 10}, .n_group_levels = 4},
        {.n_levels = 8, .n_groups = {99, 66, 44, 29, 19, 12, 6}, .n_group_levels = 7},
    };
    const plmr_reduce_algorithm *ktree = plmr_reduce_find("ktree");
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++)
        for (int cores = 100; cores < 500; cores += 113)
            check_algorithm(ktree, cores, &options[i]);
    (void)state;
}

/* A faster link never comes with another tree, on which vectors of some length would take longer; borders' neither. */
static void faster_links_keep_trees(void **state)
{
    static const char *const names[] = {"wse2", "wse3", "dojo-3x3"};
    uint32_t random = 1;
    for (int i = 0; i < 300; i++) {
        plmr_device slow = test_device(names[i % 3]), fast = slow;
        int n = 2 + (int)(test_random(&random) % 40), axis = (int)(test_random(&random) % 2);
        plmr_reduce_options options = {.n_levels = 2 + (int)(test_random(&random) % 2)};
        plmr_reduce_plan *a, *b;
        int64_t hops, stages;
        double t_slow, t_fast, words = 1 + test_random(&random) % 300;
        fast.link /= 1.02 + (test_random(&random) % 100) / 60.0;
        fast.border_link /= 1.02 + (test_random(&random) % 100) / 60.0;
        must(plmr_reduce_plan_create(plmr_reduce_find("ktree"), &slow, (enum plmr_axis)axis, n, &options, &a));
        must(plmr_reduce_plan_create(plmr_reduce_find("ktree"), &fast, (enum plmr_axis)axis, n, &options, &b));
        assert_memory_equal(a->groups, b->groups, sizeof a->groups);
        plmr_reduce_plan_cycles(a, words, &t_slow, &hops, &stages);
        plmr_reduce_plan_cycles(b, words, &t_fast, &hops, &stages);
        assert_true(t_fast <= t_slow);
        plmr_reduce_plan_destroy(a);
        plmr_reduce_plan_destroy(b);
    }
    (void)state;
}

static double auto_cycles(const plmr_device *device, int n, int n_levels)
{
    plmr_reduce_options options = {.n_levels = n_levels};
    plmr_reduce_plan *plan;
    double t_cycles;
    int64_t hops, stages;
    must(plmr_reduce_plan_create(plmr_reduce_find("ktree"), device, PLMR_X, n, &options, &plan));
    plmr_reduce_plan_cycles(plan, PLMR_TYPICAL_WAVELETS, &t_cycles, &hops, &stages);
    plmr_reduce_plan_destroy(plan);
    return t_cycles;
}

/* A level more costs two launches at most: it may have one group. */
static void deeper_trees_cost_launches_at_most(void **state)
{
    static const int cores[] = {4, 12, 16, 24, 27, 32, 48, 96, 240};
    plmr_device device = test_device("wse2");
    for (size_t i = 0; i < sizeof cores / sizeof cores[0]; i++)
        for (int n_levels = 2; n_levels <= 4; n_levels++)
            assert_true(auto_cycles(&device, cores[i], n_levels) <=
                        auto_cycles(&device, cores[i], n_levels - 1) + 2 * device.collective_launch);
    (void)state;
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(deeper_trees_cost_launches_at_most),
    cmocka_unit_test(every_algorithm_adds_as_its_plan),
    cmocka_unit_test(deep_trees_add_as_their_plan),
    cmocka_unit_test(faster_links_keep_trees),
};
TEST_MAIN(tests)
