/* Cores that differ, against plain loops: a wavefront in which each core waits for two others alone; work beside an
 * exchange that is under way; sums that wait for the slowest core of their line. */
#include "tests/support.h"

#include "plmr/plmr.h"
#include "region/profile.h"
#include "tests/clocks.h"

enum { ROWS = 7, COLS = 6 };

static double larger(double a, double b)
{
    return a > b ? a : b;
}

/* Cycles of core (row, col), in quarters. */
static double cycles_of(int row, int col)
{
    return 0.25 * ((row * 37 + col * 61) % 400);
}

struct front {
    int diagonal; /* whose cores work; -1: all do */
    int n_worked;
};

static double work_of(void *context, int row, int col)
{
    const struct front *front = context;
    return front->diagonal < 0 || row + col == front->diagonal ? cycles_of(row, col) : 0;
}

static void count(void *context, int row, int col)
{
    struct front *front = context;
    (void)row;
    (void)col;
    front->n_worked++;
}

static void compare(const plmr_region *region, double expected[ROWS][COLS], const char *what)
{
    plmr_clock_settle(region->clock);
    for (int r = 0; r < region->count[PLMR_Y]; r++)
        for (int c = 0; c < region->count[PLMR_X]; c++) {
            int row = region->first[PLMR_Y] + r, col = region->first[PLMR_X] + c;
            double t = plmr_clock_at(region->clock, r, c);
            if (t != expected[row][col])
                fail_msg("%s: core (%d,%d) at %g, by a plain loop %g", what, row, col, t, expected[row][col]);
        }
}

/* Those of a diagonal send one value each to the cores right of and below them. */
static plmr_points *pass_on(plmr_region *region, int diagonal)
{
    int32_t from[2 * ROWS], to[2 * ROWS], n_values[2 * ROWS];
    int n = 0;
    plmr_points *points;
    for (int row = 0; row < ROWS; row++)
        for (int way = 0; way < 2; way++) {
            int col = diagonal - row, to_row = row + way, to_col = col + !way;
            if (col < 0 || col >= COLS || to_row >= ROWS || to_col >= COLS)
                continue;
            from[n] = row * COLS + col;
            to[n] = to_row * COLS + to_col;
            n_values[n++] = 1;
        }
    must(plmr_points_create(region, "front", &(plmr_parts){n, from, to, NULL, NULL, n_values}, &points));
    return points;
}

/* A core begins when what comes from above and from the left is there; starts two messages, of one word, one after the
 * other; and is busy with the more of words sent and received. */
static void expect_front(const plmr_device *d, double t[ROWS][COLS])
{
    double come[ROWS][COLS] = {{0}};
    for (int row = 0; row < ROWS; row++)
        for (int col = 0; col < COLS; col++) {
            int in = (row > 0) + (col > 0), out = (row + 1 < ROWS) + (col + 1 < COLS), sent = 0;
            double got = in ? plmr_device_quantise(d->send_launch) + plmr_device_quantise(d->shift_wavelet) * in : 0;
            double begin = larger(got, come[row][col]) + cycles_of(row, col);
            t[row][col] = begin;
            if (!out)
                continue;
            for (int way = 0; way < 2; way++) {
                int to_row = row + way, to_col = col + !way;
                if (to_row >= ROWS || to_col >= COLS)
                    continue;
                double start = begin + d->send_launch + d->send_message * sent++;
                come[to_row][to_col] = larger(come[to_row][to_col], start + 2 * d->ramp + d->hop + d->link);
            }
            t[row][col] =
                begin + d->send_launch + d->send_message * (sent - 1) + plmr_device_quantise(d->shift_wavelet * sent);
        }
}

static void a_wavefront_waits_for_what_it_needs(void **state)
{
    (void)state;
    for (int values = 0; values < 2; values++) {
        plmr_device device = test_device("wse2:routes=1000");
        plmr_region_options options = {.values = values};
        struct test_region t = test_region_open(&device, ROWS, COLS, &options);
        double expected[ROWS][COLS];
        plmr_tiles *tiles;
        must(plmr_tiles_create(t.region, "x", 1, &tiles));
        for (int diagonal = 0; diagonal < ROWS + COLS - 1; diagonal++) {
            struct front front = {diagonal, 0};
            must(plmr_compute_each(t.region, work_of, count, &front));
            assert_int_equal(front.n_worked, values * t.region->count[PLMR_X] * t.region->count[PLMR_Y]);
            plmr_points *points = pass_on(t.region, diagonal);
            must(plmr_points_run(points, tiles, tiles));
            plmr_points_destroy(points);
        }
        expect_front(&device, expected);
        compare(t.region, expected, "wavefront");
        plmr_tiles_destroy(tiles);
        test_region_close(&t);
    }
}

/* An exchange along a line with both neighbours is under way while cores work, each for as long as it likes: it neither
 * waits for the work nor holds it up, and what follows waits for both. */
static void work_goes_on_beside_an_exchange(void **state)
{
    (void)state;
    plmr_device device = test_device("wse2");
    for (int joined = 0; joined < 2; joined++) {
        plmr_region_options options = {0};
        struct test_region t = test_region_open(&device, ROWS, COLS, &options);
        double start[ROWS][COLS], expected[ROWS][COLS];
        struct front all = {-1, 0};
        plmr_ring *line;
        must(plmr_ring_create(t.region, PLMR_X, PLMR_LINE, 1, &line));
        must(plmr_compute_each(t.region, work_of, NULL, &all));
        for (int row = 0; row < ROWS; row++)
            for (int col = 0; col < COLS; col++)
                start[row][col] = cycles_of(row, col);
        compare(t.region, start, "each its own");
        plmr_clock_exchange(t.region->clock, line, 40, 0, 0);
        if (joined)
            plmr_clock_join(t.region->clock, PLMR_X);
        must(plmr_compute_each(t.region, work_of, NULL, &all));
        for (int row = 0; row < ROWS; row++)
            for (int col = 0; col < COLS; col++) {
                double come = 0;
                for (int other = col - 1; other <= col + 1; other++)
                    if (other >= 0 && other < COLS && (other != col || col == 0 || col == COLS - 1))
                        come = larger(come, larger(start[row][col], start[row][other]) + 40 + 2 * device.ramp +
                                                device.hop * abs(other - col));
                expected[row][col] =
                    joined ? come + cycles_of(row, col) : larger(come, start[row][col] + cycles_of(row, col));
            }
        compare(t.region, expected, joined ? "joined exchange" : "exchange beside work");
        plmr_ring_destroy(line);
        test_region_close(&t);
    }
}

static double wrong(void *context, int row, int col)
{
    (void)context;
    return row == 1 && col == 2 ? -1 : 3;
}

/* One rank alone sees the wrong core; all get the line. What a step is charged is its slowest core's. */
static void wrong_cycles_are_refused(void **state)
{
    (void)state;
    plmr_device device = test_device("wse2");
    plmr_region_options options = {0};
    struct test_region t = test_region_open(&device, ROWS, COLS, &options);
    plmr_cost cost;
    struct front all = {-1, 0};
    must_fail(plmr_compute_each(t.region, wrong, NULL, NULL), PLMR_ERROR_INPUT,
              "core (1,2) cannot compute for -1 cycles");
    must_fail(plmr_compute_each(t.region, NULL, NULL, NULL), PLMR_ERROR_INPUT, "t_cycles");
    must(plmr_compute_each(t.region, work_of, NULL, &all));
    must(plmr_region_cost(t.region, &cost));
    double most = 0;
    for (int core = 0; core < ROWS * COLS; core++)
        most = larger(most, cycles_of(core / COLS, core % COLS));
    assert_true(cost.compute_cycles == most && cost.t_cycles == most && cost.steps == 1);
    test_region_close(&t);
}

static double wrong_twice(void *context, int row, int col)
{
    (void)context;
    return (row == 0 && col == COLS - 1) || (row == ROWS - 1 && col == 0) ? -2 : 3;
}

/* Of cores on several ranks the first is named, whose rank is not the lowest where ranks share rows. */
static void the_first_wrong_core_is_named(void **state)
{
    (void)state;
    plmr_device device = test_device("wse2");
    for (int rank_rows = 1; rank_rows <= plmr_rank_count(); rank_rows *= 2) {
        char words[40];
        plmr_ranks *ranks;
        plmr_region *region;
        must(plmr_ranks_create(rank_rows, plmr_rank_count() / rank_rows, ROWS, COLS, &ranks));
        must(plmr_region_create(ranks, &device, ROWS, COLS, &(plmr_region_options){0}, &region));
        snprintf(words, sizeof words, "core (0,%d) cannot compute for -2", COLS - 1);
        must_fail(plmr_compute_each(region, wrong_twice, NULL, NULL), PLMR_ERROR_INPUT, words);
        plmr_region_destroy(region);
        plmr_ranks_destroy(ranks);
    }
}

static double one_alone(void *context, int row, int col)
{
    return row * COLS + col == *(const int *)context ? 100 : 0;
}

/* Cores that work one after the other and wait for nobody have worked at once; none is busy for longer than the clock says. */
static void cores_that_take_turns_are_busy_at_once(void **state)
{
    (void)state;
    plmr_device device = test_device("wse2");
    struct test_region t = test_region_open(&device, ROWS, COLS, &(plmr_region_options){0});
    plmr_cost cost;
    for (int core = 0; core < ROWS * COLS; core++)
        must(plmr_compute_each(t.region, one_alone, NULL, &core));
    must(plmr_compute(t.region, 7, NULL, NULL));
    must(plmr_region_cost(t.region, &cost));
    assert_true(cost.t_cycles == 107 && cost.compute_cycles == 107 && cost.steps == ROWS * COLS + 1);
    plmr_region *part;
    must(plmr_part_create(t.region, "part", &(plmr_rectangle){0, 0, 1, 2}, &part));
    for (int core = 0; core < 2; core++)
        must(plmr_compute_each(part, one_alone, NULL, &core));
    must(plmr_region_cost(t.region, &cost));
    assert_true(cost.t_cycles == 207 && cost.compute_cycles == 207);
    test_region_close(&t);
}

static double a_hundred(void *context, int row, int col)
{
    (void)context, (void)row, (void)col;
    return 100;
}

/* Slow cores are slow whoever says how long they work. */
static void slow_cores_take_longer(void **state)
{
    (void)state;
    plmr_device device = test_device("wse2:slow_share=1,slow_factor=3");
    plmr_region_options options = {0};
    struct test_region t = test_region_open(&device, ROWS, COLS, &options);
    plmr_cost cost;
    must(plmr_compute_each(t.region, a_hundred, NULL, NULL));
    must(plmr_compute(t.region, 100, NULL, NULL));
    must(plmr_region_cost(t.region, &cost));
    assert_true(cost.t_cycles == 600 && cost.compute_cycles == 600);
    must_fail(plmr_compute(t.region, 0x1p46, NULL, NULL), PLMR_ERROR_INPUT, "at most 2^47 in all");
    test_region_close(&t);
}

static double very_long(void *context, int row, int col)
{
    (void)context, (void)row, (void)col;
    return 0x1p46;
}

/* What cores compute for in the mean, where their sum in 1/64 cycles is 2^64 and more. */
static void a_mean_of_many_long_steps(void **state)
{
    (void)state;
    plmr_device device = test_device("wse2");
    plmr_region_options options = {.profile = true};
    struct test_region t = test_region_open(&device, 64, 64, &options);
    must(plmr_compute_each(t.region, very_long, NULL, NULL));
    assert_true(t.region->profile->compute_cycles == 0x1p46);
    test_region_close(&t);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_wavefront_waits_for_what_it_needs),
        cmocka_unit_test(work_goes_on_beside_an_exchange),
        cmocka_unit_test(wrong_cycles_are_refused),
        cmocka_unit_test(the_first_wrong_core_is_named),
        cmocka_unit_test(cores_that_take_turns_are_busy_at_once),
        cmocka_unit_test(slow_cores_take_longer),
        cmocka_unit_test(a_mean_of_many_long_steps),
    };
    must_start(plmr_init(&argc, &argv));
    int n_failed = cmocka_run_group_tests(tests, NULL, NULL);
    plmr_finalize();
    return n_failed;
}
