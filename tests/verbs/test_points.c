/* Messages from any core to any core: clocks against a mesh of routers that moves words cycle by cycle, and the two ways
 * in which they are settled against each other; on any ranks. */
#include "tests/support.h"

#include "plmr/plmr.h"
#include "tests/clocks.h"
#include "tests/router/mesh.h"

enum { MOST = 400 };

/* Random traffic: the same on every rank. */
struct traffic {
    int rows, cols, n;
    int32_t from[MOST], to[MOST], n_values[MOST];
    double start[MOST]; /* by core */
};

static int pick(uint32_t *seed, int n)
{
    return (int)(test_random(seed) % (uint32_t)n);
}

static struct traffic random_traffic(uint32_t *seed, int rows, int cols, int n, int most_words)
{
    struct traffic t = {.rows = rows, .cols = cols, .n = n};
    for (int core = 0; core < rows * cols; core++)
        t.start[core] = pick(seed, 30);
    for (int i = 0; i < n; i++) {
        t.from[i] = pick(seed, rows * cols);
        t.to[i] = pick(seed, 3) ? pick(seed, rows * cols) : pick(seed, 2);
        t.n_values[i] = 1 + pick(seed, most_words);
    }
    return t;
}

/* Clocks of this rank's cores after the traffic; -1 for others'. */
static void clocks_of(const plmr_device *device, const struct traffic *t, bool values, double *clock, plmr_cost *cost)
{
    plmr_region_options options = {.values = values, .allow_memory = true};
    struct test_region r = test_region_open(device, t->rows, t->cols, &options);
    plmr_tiles *a, *b;
    plmr_points *points;
    const int *first = r.region->first, *count = r.region->count;
    must(plmr_tiles_create(r.region, "a", 64, &a));
    must(plmr_tiles_create(r.region, "b", 64, &b));
    must(
        plmr_points_create(r.region, "traffic", &(plmr_parts){t->n, t->from, t->to, NULL, NULL, t->n_values}, &points));
    for (int row = 0; row < count[PLMR_Y]; row++)
        for (int col = 0; col < count[PLMR_X]; col++)
            test_clock_set(r.region->clock, row, col, t->start[(first[PLMR_Y] + row) * t->cols + first[PLMR_X] + col]);
    must(plmr_points_run(points, a, b));
    for (int core = 0; core < t->rows * t->cols; core++) {
        int row = core / t->cols - first[PLMR_Y], col = core % t->cols - first[PLMR_X];
        bool here = row >= 0 && row < count[PLMR_Y] && col >= 0 && col < count[PLMR_X];
        clock[core] = here ? plmr_clock_at(r.region->clock, row, col) : -1;
    }
    must(plmr_region_cost(r.region, cost));
    plmr_points_destroy(points);
    plmr_tiles_destroy(a);
    plmr_tiles_destroy(b);
    test_region_close(&r);
}

static plmr_device mesh_device(int ramp, int hop, int turn, int packet)
{
    plmr_device device = test_device("ideal");
    device.router = PLMR_XY;
    device.ramp = ramp;
    device.hop = hop;
    device.turn = turn;
    device.packet = packet;
    return device;
}

/* The routers' packets: messages by sender, each from its core's start on. */
static int packets_of(const struct traffic *t, const plmr_device *device, struct mesh_packet *packets)
{
    int n = 0;
    for (int core = 0; core < t->rows * t->cols; core++) {
        long start = (long)(t->start[core] + device->send_launch);
        for (int i = 0; i < t->n; i++) {
            if (t->from[i] != core)
                continue;
            int left = t->n_values[i], most = device->packet > 0 ? (int)device->packet : left;
            for (; left > 0; left -= most)
                packets[n++] = (struct mesh_packet){core % t->cols,
                                                    core / t->cols,
                                                    t->to[i] % t->cols,
                                                    t->to[i] / t->cols,
                                                    (left < most ? left : most) + (int)device->header,
                                                    start,
                                                    0,
                                                    0};
            start += (long)device->send_message;
        }
    }
    return n;
}

static void compare_with_routers(const plmr_device *device, const struct traffic *t)
{
    static struct mesh_packet packets[20 * MOST];
    double clock[MOST], expected[MOST];
    plmr_cost cost;
    struct mesh_machine machine = {.rows = t->rows,
                                   .cols = t->cols,
                                   .ramp = (int)device->ramp,
                                   .hop = (int)device->hop,
                                   .turn = (int)device->turn,
                                   .pitch_x = (int)device->border_cols,
                                   .pitch_y = (int)device->border_rows,
                                   .border_hop = (int)device->border_hop,
                                   .border_x = (int)device->border_link,
                                   .border_y = (int)device->border_link};
    int n = packets_of(t, device, packets);
    mesh_run(&machine, packets, n);
    for (int core = 0; core < t->rows * t->cols; core++)
        expected[core] = t->start[core];
    for (int i = 0; i < n; i++) {
        double *sender = &expected[packets[i].y * t->cols + packets[i].x];
        double *receiver = &expected[packets[i].to_y * t->cols + packets[i].to_x];
        *sender = (double)packets[i].sent > *sender ? (double)packets[i].sent : *sender;
        *receiver = (double)packets[i].received > *receiver ? (double)packets[i].received : *receiver;
    }
    clocks_of(device, t, false, clock, &cost);
    for (int core = 0; core < t->rows * t->cols; core++)
        if (clock[core] >= 0 && clock[core] != expected[core])
            fail_msg("core %d of %dx%d: %g, and by routers %g", core, t->rows, t->cols, clock[core], expected[core]);
}

static void words_that_meet_take_turns(void **state)
{
    static const int sizes[][2] = {{1, 6}, {6, 1}, {3, 3}, {5, 7}, {7, 4}};
    (void)state;
    uint32_t seed = 1;
    for (int i = 0; i < 40; i++) {
        int rows = sizes[i % 5][0], cols = sizes[i % 5][1];
        if (rows * cols < plmr_rank_count() || (rows == 1 || cols == 1 ? 6 : 9) < plmr_rank_count())
            continue;
        plmr_device device = mesh_device(1 + pick(&seed, 4), 1 + pick(&seed, 3), pick(&seed, 3), pick(&seed, 2) * 4);
        device.header = i % 3;
        device.send_message = pick(&seed, 6);
        struct traffic t = random_traffic(&seed, rows, cols, 5 + pick(&seed, 100), 1 + pick(&seed, 12));
        compare_with_routers(&device, &t);
    }
}

/* The same where some links are slower, and at another pace. */
static void words_take_turns_over_borders(void **state)
{
    static const int sizes[][2] = {{1, 9}, {9, 1}, {5, 5}, {5, 7}, {7, 4}};
    (void)state;
    uint32_t seed = 5;
    for (int i = 0; i < 60; i++) {
        int rows = sizes[i % 5][0], cols = sizes[i % 5][1];
        plmr_device device = mesh_device(1 + pick(&seed, 4), 1 + pick(&seed, 3), pick(&seed, 3), pick(&seed, 2) * 4);
        device.send_message = pick(&seed, 6);
        device.border_cols = pick(&seed, 4);
        device.border_rows = pick(&seed, 4);
        device.border_hop = 1 + pick(&seed, 12);
        device.border_link = 1 + pick(&seed, 4);
        struct traffic t = random_traffic(&seed, rows, cols, 5 + pick(&seed, 60), 1 + pick(&seed, 12));
        compare_with_routers(&device, &t);
    }
}

/* Core 3 keeps the link to core 4 for 60 cycles, and four packets of core 1 wait for it. Where a buffer holds one of
 * them, they fill two buffers and keep the links to them, and a fifth one, to core 2, cannot pass. */
static void small_packets_fill_buffers(void **state)
{
    const struct traffic t = {.rows = 1,
                              .cols = 5,
                              .n = 6,
                              .from = {3, 1, 1, 1, 1, 1},
                              .to = {4, 4, 4, 4, 4, 2},
                              .n_values = {60, 4, 4, 4, 4, 4}};
    (void)state;
    if (plmr_rank_count() > t.cols)
        return;
    for (int n = 1; n <= 5; n += 4) {
        double clock[MOST];
        plmr_cost cost;
        plmr_device device = mesh_device(1, 1, 0, 0);
        device.buffer = 4 * n;
        clocks_of(&device, &t, false, clock, &cost);
        if (clock[2] >= 0)
            assert_true(n == 1 ? clock[2] > 60 : clock[2] < 40);
    }
}

/* With buffers that never fill, link by link in the order of time gives what line by line gives. */
static void both_ways_of_settling_agree(void **state)
{
    (void)state;
    uint32_t seed = 7;
    for (int i = 0; i < 12; i++) {
        plmr_device lines = mesh_device(pick(&seed, 4), pick(&seed, 10), pick(&seed, 3), pick(&seed, 2) * 4), held;
        lines.link = 1 + pick(&seed, 64) / 64.;
        lines.send_launch = 10;
        held = lines;
        held.buffer = 1e9;
        struct traffic t = random_traffic(&seed, 8, 9, 300, 1 + pick(&seed, 12));
        double a[MOST], b[MOST];
        plmr_cost cost_a, cost_b;
        clocks_of(&lines, &t, false, a, &cost_a);
        clocks_of(&held, &t, false, b, &cost_b);
        assert_memory_equal(a, b, 72 * sizeof *a);
        assert_true(cost_a.t_cycles == cost_b.t_cycles && cost_a.wavelet_hops == cost_b.wavelet_hops);
    }
}

/* ---- what was measured ---- */

enum message_pattern { ONE, ROW, COLUMN, ALL, N_PATTERNS };

/* Cycles until all writes are acknowledged on a Wormhole B0, from L1 to L1, NoC 0, unicast: tt-metal, data-movement
 * suite, noc_estimator/noc_latencies.yaml at 1fc91107: one_to_one, row_to_row, column_to_column, all_to_all. */
struct measured {
    enum message_pattern pattern;
    int n_cores, n_messages, n_bytes; /* who sends to all of them, themselves too; messages to each; bytes of each */
    bool same_axis;                   /* of one to one */
    double cycles;
};

static const struct measured measured[] = {
    {ONE, 1, 1, 64, false, 296},        {ONE, 1, 1, 1024, false, 334},      {ONE, 1, 1, 4096, false, 439},
    {ONE, 1, 1, 65536, false, 2499},    {ONE, 1, 1, 64, true, 206},         {ONE, 1, 1, 1024, true, 245},
    {ONE, 1, 1, 4096, true, 357},       {ONE, 1, 1, 65536, true, 2429},     {ONE, 1, 256, 64, false, 5906},
    {ONE, 1, 256, 1024, false, 8957},   {ONE, 1, 256, 4096, false, 34130},  {ONE, 1, 256, 65536, false, 538626},
    {ALL, 4, 1, 64, true, 361.5},       {ALL, 4, 1, 1024, true, 415},       {ALL, 4, 1, 4096, true, 1002},
    {ALL, 4, 1, 16384, true, 4384.5},   {ALL, 9, 1, 64, true, 564},         {ALL, 9, 1, 1024, true, 902},
    {ALL, 9, 1, 4096, true, 2799},      {ALL, 9, 1, 16384, true, 13797},    {ALL, 25, 1, 64, true, 1177},
    {ALL, 25, 1, 1024, true, 5131},     {ALL, 25, 1, 4096, true, 19958},    {ALL, 25, 1, 16384, true, 84511},
    {ALL, 64, 1, 64, true, 3190},       {ALL, 64, 1, 1024, true, 19067.5},  {ALL, 64, 1, 4096, true, 78933},
    {ALL, 64, 1, 16384, true, 314540},  {ROW, 8, 1, 64, true, 477},         {ROW, 8, 1, 1024, true, 1515.5},
    {ROW, 8, 1, 4096, true, 5628},      {ROW, 8, 1, 16384, true, 21606.5},  {COLUMN, 8, 1, 64, true, 493},
    {COLUMN, 8, 1, 1024, true, 1510.5}, {COLUMN, 8, 1, 4096, true, 5468.5}, {COLUMN, 8, 1, 16384, true, 21333.5}};
enum { N_MEASURED = sizeof measured / sizeof *measured, MOST_MESSAGES = 64 * 64 };

struct list {
    int n;
    int32_t from[MOST_MESSAGES], to[MOST_MESSAGES], n_values[MOST_MESSAGES];
};

static void add(struct list *list, int from, int to, int n_bytes)
{
    list->from[list->n] = from;
    list->to[list->n] = to;
    list->n_values[list->n++] = n_bytes / 4;
}

/* Core i of those that take part, on a chip of 8 columns. */
static int core_of(const struct measured *m, int i)
{
    int side = m->n_cores == 4 ? 2 : m->n_cores == 9 ? 3 : m->n_cores == 25 ? 5 : 8;
    return m->pattern == ROW ? i : m->pattern == COLUMN ? 8 * i : i / side * 8 + i % side;
}

static void list_messages(const struct measured *m, struct list *list)
{
    list->n = 0;
    for (int i = 0; m->pattern == ONE && i < m->n_messages; i++)
        add(list, 0, m->same_axis ? 24 : 27, m->n_bytes);
    for (int i = 0; m->pattern != ONE && i < m->n_cores; i++)
        for (int j = 0; j < m->n_cores; j++)
            add(list, core_of(m, i), core_of(m, j), m->n_bytes);
}

static double predicted(const struct measured *m)
{
    static struct list list;
    plmr_device device = test_device("wormhole");
    plmr_region_options options = {.allow_memory = true};
    struct test_region r = test_region_open(&device, 10, 8, &options);
    plmr_tiles *tiles;
    plmr_points *points;
    plmr_cost cost;
    list_messages(m, &list);
    must(plmr_tiles_create(r.region, "L1", m->n_bytes / 4, &tiles));
    must(plmr_points_create(r.region, "writes", &(plmr_parts){list.n, list.from, list.to, NULL, NULL, list.n_values},
                            &points));
    must(plmr_points_run(points, tiles, tiles));
    must(plmr_region_cost(r.region, &cost));
    plmr_points_destroy(points);
    plmr_tiles_destroy(tiles);
    test_region_close(&r);
    return cost.t_cycles;
}

/* Percent off: at most so much for every single one to one, and in the mean, without signs, for each other pattern. Two
 * cores of one axis against others differ by the other ring: 10 hops of 9. */
static void wormholes_measurements_are_met(void **state)
{
    if (plmr_rank_count() > 2)
        skip();
    static const double within[] = {[ONE] = 5, [ROW] = 10, [COLUMN] = 10, [ALL] = 20};
    (void)state;
    double sum[N_PATTERNS] = {0}, straight = 0, with_turn = 0;
    int n[N_PATTERNS] = {0};
    for (int i = 0; i < N_MEASURED; i++) {
        const struct measured *m = &measured[i];
        double t = predicted(m), off = 100 * (t / m->cycles - 1);
        off = off < 0 ? -off : off;
        sum[m->pattern] += off;
        n[m->pattern]++;
        if (m->pattern == ONE && off > within[ONE])
            fail_msg("%d messages of %d bytes: %g cycles, measured %g", m->n_messages, m->n_bytes, t, m->cycles);
        if (m->pattern == ONE && m->n_bytes == 64 && m->n_messages == 1)
            *(m->same_axis ? &straight : &with_turn) = t;
    }
    for (int p = 0; p < N_PATTERNS; p++)
        if (n[p] == 0 || sum[p] / n[p] > within[p])
            fail_msg("pattern %d is %g %% off in the mean", p, sum[p] / n[p]);
    assert_true(with_turn - straight == 90);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_that_meet_take_turns),     cmocka_unit_test(small_packets_fill_buffers),
        cmocka_unit_test(words_take_turns_over_borders),  cmocka_unit_test(both_ways_of_settling_agree),
        cmocka_unit_test(wormholes_measurements_are_met),
    };
    must_start(plmr_init(&argc, &argv));
    int n_failed = cmocka_run_group_tests(tests, NULL, NULL);
    plmr_finalize();
    return n_failed;
}
