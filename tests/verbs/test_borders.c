/* Two closed forms that a mesh of chiplets must give: an all-reduce is bound by the corners, which have two links of
 * four; and what is fed in from all edges to everybody is bound by the hottest link. Both on fred-mesh, 4 x 5 chiplets
 * with links of 750 GB/s and 3 TB/s into and out of each; the figures are those of Rashidi et al., FRED (ISCA 2025). And
 * the all_gather of a ring of chips that Ethernet joins, as measured. */
#include "tests/support.h"

#include "plmr/plmr.h"
#include "region/profile.h"
#include "time/clock.h"

enum { ROWS = 4, COLS = 5, DIES = ROWS * COLS };

/* A closed walk through all dies between neighbours: back and forth along the rows without column 0, then back by that. */
static void find_walk(int walk[DIES])
{
    int n = 0;
    walk[n++] = 0;
    for (int row = 0; row < ROWS; row++)
        for (int i = 1; i < COLS; i++)
            walk[n++] = row * COLS + (row % 2 == 0 ? i : COLS - i);
    for (int row = ROWS - 1; row > 0; row--)
        walk[n++] = row * COLS;
    for (int i = 0; i < DIES; i++) {
        int a = walk[i], b = walk[(i + 1) % DIES];
        assert_int_equal(abs(a / COLS - b / COLS) + abs(a % COLS - b % COLS), 1);
    }
}

/* Every die sends half of a chunk on to both its neighbours on the walk, 2 (n - 1) times: all links of a corner are busy
 * all the time, so a vector of D bytes takes 2 (n - 1) / n D at the corners' 1.5 TB/s. */
static void an_allreduce_is_bound_by_the_corners(void **state)
{
    (void)state;
    if (plmr_rank_count() > 4)
        skip();
    enum { VALUES = 1 << 20, PIECES = 32, N = 2 * DIES * PIECES }; /* of half a chunk: 4 MB; both halves in turn */
    plmr_device device = test_device("fred-mesh");
    plmr_region_options options = {0};
    struct test_region t = test_region_open(&device, ROWS, COLS, &options);
    int walk[DIES];
    static int32_t from[N], to[N], n_values[N];
    find_walk(walk);
    int n = 0;
    for (int i = 0; i < DIES; i++)
        for (int piece = 0; piece < 2 * PIECES; piece++) {
            from[n] = walk[i];
            to[n] = walk[(i + (piece % 2 ? 1 : DIES - 1)) % DIES];
            n_values[n++] = VALUES / PIECES;
        }
    plmr_tiles *tiles;
    plmr_points *pass;
    must(plmr_tiles_create(t.region, "chunks", VALUES, &tiles));
    must(plmr_points_create(t.region, "pass", &(plmr_parts){n, from, to, NULL, NULL, n_values}, &pass));
    for (int i = 0; i < 2 * (DIES - 1); i++)
        must(plmr_points_run(pass, tiles, tiles));
    double bytes = 2. * (DIES - 1) * 2 * VALUES * 4, seconds = plmr_clock_max(t.region->clock) / device.clock;
    double effective = bytes / seconds;
    if (effective > 1.5e12 || effective < 0.98 * 1.5e12)
        fail_msg("%g bytes a second of a chiplet, and 1.5e12 are the corners'", effective);
    plmr_points_destroy(pass);
    plmr_tiles_destroy(tiles);
    test_region_close(&t);
}

/* A stream that comes in at die `from` to all: along its column or row first, then along the other axis. */
static void feed(struct test_region *t, plmr_tiles *tiles, int from, bool column_first)
{
    plmr_points *first, *then;
    int row = from / COLS, col = from % COLS, n = column_first ? ROWS : COLS;
    plmr_rectangle line = column_first ? (plmr_rectangle){0, col, ROWS, 1} : (plmr_rectangle){row, 0, 1, COLS};
    must(plmr_points_multicast_rectangle(t->region, "first", from, &line, 1, &first));
    must(plmr_points_run(first, tiles, tiles));
    plmr_points_destroy(first);
    for (int i = 0; i < n; i++) {
        int at = column_first ? i * COLS + col : row * COLS + i;
        plmr_rectangle across = column_first ? (plmr_rectangle){i, 0, 1, COLS} : (plmr_rectangle){0, i, ROWS, 1};
        must(plmr_points_multicast_rectangle(t->region, "then", at, &across, 1, &then));
        must(plmr_points_run(then, tiles, tiles));
        plmr_points_destroy(then);
    }
}

/* 18 controllers of 128 GB/s at the edges: a link along a row carries one stream of the side and those of four dies above
 * and four below, 2 N - 1 = 9 of N = 5 columns: 1,152 GB/s of 750. */
static void a_broadcast_from_the_edges_is_bound_by_its_hottest_link(void **state)
{
    (void)state;
    if (plmr_rank_count() > 4)
        skip();
    plmr_device device = test_device("fred-mesh");
    plmr_region_options options = {.profile = true};
    struct test_region t = test_region_open(&device, ROWS, COLS, &options);
    plmr_tiles *tiles;
    must(plmr_tiles_create(t.region, "weights", 1, &tiles));
    for (int col = 0; col < COLS; col++) {
        feed(&t, tiles, col, true);
        feed(&t, tiles, (ROWS - 1) * COLS + col, true);
    }
    for (int row = 0; row < ROWS; row++) {
        feed(&t, tiles, row * COLS, false);
        feed(&t, tiles, row * COLS + COLS - 1, false);
    }
    uint64_t hottest = 0;
    for (int axis = 0; axis < 2; axis++)
        for (int way = 0; way < 2; way++)
            for (int i = 0; i < t.region->extent[axis]; i++) {
                uint64_t in_line = t.region->profile->links[axis][way][i] / (uint64_t)t.region->extent[!axis];
                hottest = in_line > hottest ? in_line : hottest;
            }
    assert_int_equal(hottest, 2 * COLS - 1);
    double link = device.wavelet / device.border_link * device.clock, rate = link / ((double)hottest * 128e9);
    assert_true(rate > 0.645 && rate < 0.655);
    plmr_tiles_destroy(tiles);
    test_region_close(&t);
}

/* all_gather of 8 chips on a ring, half the bytes each way round by one link: tt-metal's CCL, microseconds for bytes of the
 * result; 13 of them pass before and after any word is sent. */
static void a_ring_of_chips_gathers_as_measured(void **state)
{
    static const struct {
        double bytes, us;
    } measured[] = {{16384, 17.61}, {131072, 24.08}, {1048576, 69.56}, {16777216, 727.02}, {268435456, 11310.31}};
    enum { CHIPS = 8, LAUNCH = 13000 };
    (void)state;
    if (plmr_rank_count() > 1)
        skip();
    for (size_t i = 0; i < sizeof measured / sizeof *measured; i++) {
        plmr_device device = test_device("wormhole-galaxy:topology=torus,border_lanes=0,border_rows=0,border_cols=1");
        device.cols = CHIPS;
        plmr_region_options options = {.allow_memory = true};
        struct test_region t = test_region_open(&device, 1, CHIPS, &options);
        plmr_tiles *tiles;
        plmr_ring *ring;
        must(plmr_tiles_create(t.region, "half a part", (int)(measured[i].bytes / CHIPS / 2 / 4), &tiles));
        must(plmr_ring_create(t.region, PLMR_X, PLMR_NATURAL, 1, &ring));
        for (int step = 0; step < CHIPS - 1; step++)
            must(plmr_tiles_shift(tiles, tiles, ring, 1));
        double us = (plmr_clock_max(t.region->clock) + LAUNCH) / 1000, off = us / measured[i].us - 1;
        if (off > 0.15 || off < -0.15)
            fail_msg("%g bytes: %g us, measured %g", measured[i].bytes, us, measured[i].us);
        plmr_ring_destroy(ring);
        plmr_tiles_destroy(tiles);
        test_region_close(&t);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_allreduce_is_bound_by_the_corners),
        cmocka_unit_test(a_broadcast_from_the_edges_is_bound_by_its_hottest_link),
        cmocka_unit_test(a_ring_of_chips_gathers_as_measured),
    };
    must_start(plmr_init(&argc, &argv));
    int n_failed = cmocka_run_group_tests(tests, NULL, NULL);
    plmr_finalize();
    return n_failed;
}
