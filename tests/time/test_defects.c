/* Dead and slow cores against plain loops that are told which these are: where logical cores lie, how far it is between
 * them, for verbs and for messages; a row that has too many; and a core that works more slowly than others. */
#include "tests/support.h"

#include "plmr/plmr.h"
#include "tests/clocks.h"

enum { ROWS = 8, COLS = 18, CORES = ROWS * COLS };

static plmr_device damaged(double yield, double seed)
{
    plmr_device device = test_device("wse2");
    device.rows = ROWS + 3;
    device.cols = COLS + 8;
    device.hop = 3;
    device.routes = 1000;
    device.yield = yield;
    device.seed = seed;
    return device;
}

/* The column at which logical core (row, col) lies. */
static int column_of(const plmr_device *device, int row, int col)
{
    int at = -1;
    for (int n = -1; n < col; at++)
        n += !plmr_defects_is_dead(device, row, at + 1);
    return at;
}

/* Hops between two cores that a word makes along a row and down a column. */
static int hops_between(const plmr_device *device, int a, int b)
{
    return abs(a / COLS - b / COLS) +
           abs(column_of(device, a / COLS, a % COLS) - column_of(device, b / COLS, b % COLS));
}

static int count_dead(const plmr_device *device)
{
    int n = 0;
    for (int row = 0; row < ROWS; row++)
        for (int col = 0; col < COLS; col++)
            n += plmr_defects_is_dead(device, row, col);
    return n;
}

/* A message to every place from one core: each goes its own way. */
static void messages_go_round_dead_cores(void **state)
{
    (void)state;
    for (int seed = 1; seed <= 5; seed++) {
        plmr_device device = damaged(0.93, seed);
        plmr_region_options options = {0};
        struct test_region t = test_region_open(&device, ROWS, COLS, &options);
        plmr_tiles *tiles;
        must(plmr_tiles_create(t.region, "t", 1, &tiles));
        assert_in_range(count_dead(&device), 1, 30);
        for (int i = 0; i < CORES; i++) {
            int from = (i * 31 + 7) % CORES, to = (i * 17 + 3) % CORES;
            plmr_points *points;
            must(plmr_points_send(t.region, "send", from, to, 1, &points));
            plmr_clock_reset(t.region->clock);
            must(plmr_points_run(points, tiles, tiles));
            double expected = device.send_launch + 2 * device.ramp + device.hop * hops_between(&device, from, to) + 1;
            double t_cycles = plmr_clock_max(t.region->clock);
            if (from != to && t_cycles != expected)
                fail_msg("from %d to %d: %g, by a plain loop %g", from, to, t_cycles, expected);
            plmr_points_destroy(points);
        }
        plmr_tiles_destroy(tiles);
        test_region_close(&t);
    }
}

/* Between two coordinates, the most hops of any line. */
static int most_hops(const plmr_device *device, enum plmr_axis axis, int a, int b)
{
    int most = 0, n_lines = axis == PLMR_X ? ROWS : COLS;
    for (int line = 0; line < n_lines; line++) {
        int hops = axis == PLMR_X ? hops_between(device, line * COLS + a, line * COLS + b)
                                  : hops_between(device, a * COLS + line, b * COLS + line);
        most = hops > most ? hops : most;
    }
    return most;
}

/* An exchange along a ring, and legs of a chain, take the longest line's ways. */
static void verbs_take_the_longest_line(void **state)
{
    (void)state;
    for (int axis = 0; axis < 2; axis++) {
        plmr_device device = damaged(0.95, 4);
        plmr_region_options options = {0};
        struct test_region t = test_region_open(&device, ROWS, COLS, &options);
        int n = axis == PLMR_X ? COLS : ROWS;
        plmr_ring *ring;
        double expected[COLS] = {0};
        must(plmr_ring_create(t.region, (enum plmr_axis)axis, PLMR_INTERLEAVED, 1, &ring));
        plmr_clock_exchange(t.region->clock, ring, 20, 0, 0);
        plmr_clock_join(t.region->clock, (enum plmr_axis)axis);
        plmr_clock_settle(t.region->clock);
        for (int i = 0; i < n; i++)
            for (int step = -1; step <= 1; step += 2) {
                int other = plmr_ring_core(ring, (plmr_ring_position(ring, i) + step + n) % n);
                double t_cycles =
                    20 + 2 * device.ramp + device.hop * most_hops(&device, (enum plmr_axis)axis, i, other);
                expected[i] = t_cycles > expected[i] ? t_cycles : expected[i];
            }
        for (int i = 0; i < t.region->count[axis]; i++)
            assert_true(plmr_clock_at(t.region->clock, axis == PLMR_X ? 0 : i, axis == PLMR_X ? i : 0) ==
                        expected[t.region->first[axis] + i]);
        plmr_leg leg = {1, n - 2};
        plmr_clock_reset(t.region->clock);
        plmr_clock_reduce(t.region->clock, (enum plmr_axis)axis, &leg, 1, (plmr_leg_stream){5, 0, 1});
        assert_true(plmr_clock_max(t.region->clock) ==
                    5 + 2 * device.ramp + device.hop * most_hops(&device, (enum plmr_axis)axis, 1, n - 2));
        plmr_ring_destroy(ring);
        test_region_close(&t);
    }
}

/* The line names the row's last dead core. */
static void a_row_with_too_many_is_refused(void **state)
{
    (void)state;
    plmr_device device = damaged(0.5, 1);
    int last = 0, n = 0;
    char words[80];
    for (int col = 0; col < (int)device.cols; col++) {
        if (plmr_defects_is_dead(&device, 0, col))
            last = col;
        else
            n++;
    }
    assert_true(n < COLS);
    snprintf(words, sizeof words, "core (0,%d) of wse2 is dead, and row 0 has %d working cores of 26", last, n);
    plmr_ranks *ranks;
    plmr_region *region;
    must(plmr_ranks_create(0, 0, ROWS, COLS, &ranks));
    must_fail(plmr_region_create(ranks, &device, ROWS, COLS, &(plmr_region_options){0}, &region), PLMR_ERROR_INPUT,
              words);
    device = damaged(0.9, 1);
    device.topology = PLMR_TORUS;
    must_fail(plmr_region_create(ranks, &device, ROWS, COLS, &(plmr_region_options){0}, &region), PLMR_ERROR_INPUT,
              "torus");
    plmr_ranks_destroy(ranks);
}

/* Each core by itself; the step is charged what the slowest takes. */
static void slow_cores_take_longer(void **state)
{
    (void)state;
    plmr_device device = damaged(0.95, 9);
    device.slow_share = 0.1;
    device.slow_factor = 2.5;
    plmr_region_options options = {0};
    struct test_region t = test_region_open(&device, ROWS, COLS, &options);
    plmr_cost cost;
    must(plmr_compute(t.region, 10, NULL, NULL));
    must(plmr_compute(t.region, 2, NULL, NULL));
    int n_slow = 0;
    for (int r = 0; r < t.region->count[PLMR_Y]; r++)
        for (int c = 0; c < t.region->count[PLMR_X]; c++) {
            int row = t.region->first[PLMR_Y] + r, col = t.region->first[PLMR_X] + c;
            bool slow = plmr_defects_slowness(&device, row, column_of(&device, row, col)) > 1;
            assert_true(plmr_clock_at(t.region->clock, r, c) == (slow ? 30 : 12));
            n_slow += slow;
        }
    must(plmr_region_cost(t.region, &cost));
    assert_true(cost.t_cycles == 30 && cost.compute_cycles == 30);
    uint64_t all = (uint64_t)n_slow;
    plmr_ranks_sum(t.ranks, &all, 1);
    assert_in_range(all, 5, 30);
    test_region_close(&t);
}

/* Cores and links by name: row 2 passes over a core, row 4, which has too few, is passed over, and words go round links. */
static plmr_device named(void)
{
    plmr_device device = damaged(1, 0);
    device.dead = (plmr_defect_list){11, {{.row = 2, .col = 5}}};
    for (int i = 1; i < 11; i++)
        device.dead.at[i] = (plmr_defect){.row = 4, .col = 2 * i};
    device.dead_links = (plmr_defect_list){
        2, {{.row = 0, .col = 6, .to_row = 1, .to_col = 6}, {.row = 1, .col = 3, .to_row = 1, .to_col = 4}}};
    device.slow = (plmr_defect_list){1, {{.row = 5, .col = 2, .factor = 3}}};
    return device;
}

static void a_file_names_cores_and_links(void **state)
{
    (void)state;
    const struct {
        int row, col, to_row, to_col, hops;
    } ways[] = {{0, 0, 0, 1, 1}, {1, 3, 1, 4, 3}, {1, 9, 1, 2, 9}, {2, 4, 2, 5, 2},
                {3, 0, 4, 0, 2}, {0, 6, 1, 6, 3}, {0, 5, 1, 6, 4}, {1, 6, 1, 5, 1}};
    plmr_device device = named();
    plmr_region_options options = {0};
    struct test_region t = test_region_open(&device, ROWS, COLS, &options);
    plmr_tiles *tiles;
    must(plmr_tiles_create(t.region, "t", 1, &tiles));
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        plmr_points *points;
        int from = ways[i].row * COLS + ways[i].col, to = ways[i].to_row * COLS + ways[i].to_col;
        must(plmr_points_send(t.region, "send", from, to, 1, &points));
        plmr_clock_reset(t.region->clock);
        must(plmr_points_run(points, tiles, tiles));
        double expected = device.send_launch + 2 * device.ramp + device.hop * ways[i].hops + 1;
        if (plmr_clock_max(t.region->clock) != expected)
            fail_msg("way %zu: %g, expected %g", i, plmr_clock_max(t.region->clock), expected);
        plmr_points_destroy(points);
    }
    assert_int_equal(plmr_defects_detour(t.region->defects, PLMR_X, 3, 4), 2);
    assert_int_equal(plmr_defects_detour(t.region->defects, PLMR_Y, 0, 1), 2);
    must(plmr_compute(t.region, 10, NULL, NULL));
    plmr_cost cost;
    must(plmr_region_cost(t.region, &cost));
    assert_true(cost.compute_cycles == 30 && t.region->defects->slow[4 * COLS + 2] == 3);
    plmr_tiles_destroy(tiles);
    test_region_close(&t);
}

/* A device may have more rows, and more columns to pass over, than 16 bits count. */
static void devices_may_be_large(void **state)
{
    (void)state;
    enum { ROW = 39000, MANY_ROWS = 40000, MANY_COLS = 12000 };
    plmr_device tall = damaged(1, 0), broad = damaged(0.2, 1);
    plmr_defects *defects;
    tall.rows = broad.cols = 65536;
    tall.dead = (plmr_defect_list){1, {{.row = 0, .col = COLS + 7}}};
    tall.dead_links = (plmr_defect_list){1, {{.row = ROW, .col = 0, .to_row = ROW, .to_col = 1}}};
    must(plmr_defects_create(&tall, MANY_ROWS, 2, &defects));
    assert_int_equal(defects->row[MANY_ROWS - 1], MANY_ROWS - 1);
    assert_int_equal(plmr_defects_more(defects, ROW, 0, ROW, 1), 2);
    assert_int_equal(plmr_defects_detour(defects, PLMR_Y, 0, MANY_ROWS - 1), 0);
    plmr_defects_destroy(defects);
    must(plmr_defects_create(&broad, 1, MANY_COLS, &defects));
    int last = column_of(&broad, defects->row[0], MANY_COLS - 1);
    assert_true(last - MANY_COLS > INT16_MAX);
    assert_int_equal(defects->shift[MANY_COLS - 1], last - MANY_COLS + 1);
    plmr_defects_destroy(defects);
}

/* What lists name must be there, also where a program has changed the device's size. */
static void lists_name_what_is_there(void **state)
{
    (void)state;
    plmr_device device = named();
    plmr_defects *defects;
    device.rows = 5;
    must_fail(plmr_defects_create(&device, 2, 2, &defects), PLMR_ERROR_INPUT,
              "wse2: slow: (5,2) is no core of the device's 5x26: rows are 0 to 4, columns 0 to 25");
    device.rows = ROWS;
    device.dead_links.at[1] = (plmr_defect){.row = 1, .col = 25, .to_row = 1, .to_col = 26};
    must_fail(plmr_defects_create(&device, 2, 2, &defects), PLMR_ERROR_INPUT,
              "wse2: dead_links: (1,26) is no core of the device's 8x26");
}

/* Rows run out: the first that was passed over is named. */
static void spare_rows_run_out(void **state)
{
    (void)state;
    plmr_device device = named();
    device.rows = ROWS;
    plmr_ranks *ranks;
    plmr_region *region;
    must(plmr_ranks_create(0, 0, ROWS, COLS, &ranks));
    must_fail(plmr_region_create(ranks, &device, ROWS, COLS, &(plmr_region_options){0}, &region), PLMR_ERROR_INPUT,
              "core (4,20) of wse2 is dead, and row 4 has 16 working cores of 26");
    plmr_ranks_destroy(ranks);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_go_round_dead_cores),   cmocka_unit_test(verbs_take_the_longest_line),
        cmocka_unit_test(a_row_with_too_many_is_refused), cmocka_unit_test(slow_cores_take_longer),
        cmocka_unit_test(a_file_names_cores_and_links),   cmocka_unit_test(spare_rows_run_out),
        cmocka_unit_test(devices_may_be_large),           cmocka_unit_test(lists_name_what_is_there),
    };
    must_start(plmr_init(&argc, &argv));
    int n_failed = cmocka_run_group_tests(tests, NULL, NULL);
    plmr_finalize();
    return n_failed;
}
