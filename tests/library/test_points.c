/* Flows of messages: values of every pattern, on any ranks and with work between begin and end; routes, relays and
 * traffic; what a trace tells of them; and what they refuse. */
#include "tests/support.h"

#include "plmr/plmr.h"
#include "region/profile.h"
#include "tests/clocks.h"
#include "time/points.h"
#include "time/trace.h"

enum { SIDE = 6, CORES = SIDE * SIDE, VALUES = CORES + 4 };

/* A square region with two tensors: `a` holds what its core and place say, `b` is negative. */
struct world {
    plmr_device device;
    struct test_region t;
    plmr_tiles *a, *b;
};

static float mark(int core, int i)
{
    return (float)(core * 100 + i);
}

static void fill(void *context, int row, int col)
{
    struct world *w = context;
    for (int i = 0; i < VALUES; i++) {
        plmr_tiles_at(w->a, row, col)[i] = mark(row * SIDE + col, i);
        plmr_tiles_at(w->b, row, col)[i] = -1;
    }
}

static void open_world(struct world *w, const char *device, bool profile)
{
    w->device = test_device(device);
    plmr_region_options options = {.values = true, .profile = profile};
    w->t = test_region_open(&w->device, SIDE, SIDE, &options);
    must(plmr_tiles_create(w->t.region, "a", VALUES, &w->a));
    must(plmr_tiles_create(w->t.region, "b", VALUES, &w->b));
    must(plmr_compute(w->t.region, 0, fill, w));
}

static void close_world(struct world *w)
{
    plmr_tiles_destroy(w->a);
    plmr_tiles_destroy(w->b);
    test_region_close(&w->t);
}

static plmr_cost cost_of(plmr_region *region)
{
    plmr_cost cost;
    must(plmr_region_cost(region, &cost));
    return cost;
}

/* Between begin and end the core writes over what it has sent, and nothing has come. */
static void spoil(void *context, int row, int col)
{
    struct world *w = context;
    for (int i = 0; i < VALUES; i++) {
        plmr_tiles_at(w->a, row, col)[i] = -2;
        assert_true(plmr_tiles_at(w->b, row, col)[i] == -1);
    }
}

/* After the flow, value i of a core's b is what `came` says: the sender's value, or -1. */
typedef float (*came)(int core, int i);

static void check(struct world *w, plmr_points *points, came expected)
{
    for (int turn = 0; turn < 2; turn++) {
        must(plmr_compute(w->t.region, 1, fill, w));
        must(plmr_points_begin(points, w->a, w->b));
        must(plmr_compute(w->t.region, 10, spoil, w));
        must(plmr_points_end(points));
        for (int core = 0; core < CORES; core++) {
            const float *b = plmr_tiles_at(w->b, core / SIDE, core % SIDE);
            for (int i = 0; i < VALUES && b; i++)
                if (b[i] != expected(core, i))
                    fail_msg("core %d has %g at %d, not %g", core, b[i], i, expected(core, i));
        }
    }
    plmr_points_destroy(points);
}

/* ---- values ---- */

static int32_t permuted[CORES];

static float from_permuted(int core, int i)
{
    int from = 0;
    while (permuted[from] != core)
        from++;
    return i < 3 ? mark(from, i) : -1;
}

static float transposed(int core, int i)
{
    return i < 3 ? mark(core % SIDE * SIDE + core / SIDE, i) : -1;
}

static float sent_to_7(int core, int i)
{
    return core == 7 && i < 4 ? mark(20, i) : -1;
}

static float scattered(int core, int i)
{
    return i == 0 ? mark(9, core) : -1;
}

static float gathered(int core, int i)
{
    return core == 9 && i < CORES ? mark(i, 0) : -1;
}

static float all_of_row(int core, int i)
{
    int from = core / SIDE * SIDE + i / 2, place = core % SIDE * 2 + i % 2;
    return i < 2 * SIDE ? mark(from, place) : -1;
}

static float all_of_column(int core, int i)
{
    return i < SIDE ? mark(i * SIDE + core % SIDE, core / SIDE) : -1;
}

/* Core i sends core j (i + 2 j + line) % 4 values. */
static int count(void *context, int line, int i, int j)
{
    (void)context;
    return (i + 2 * j + line) % 4;
}

static float all_v(int core, int i)
{
    int line = core / SIDE, me = core % SIDE;
    for (int from = 0; from < SIDE; from++) {
        int n = count(NULL, line, from, me), place = i;
        for (int j = 0; j < me; j++)
            place += count(NULL, line, from, j);
        if (i < n)
            return mark(line * SIDE + from, place);
        i -= n;
    }
    return -1;
}

static const plmr_halo around[8] = {{0, 10, 2},  {2, 12, 2},  {4, 14, 2},  {6, 16, 2},
                                    {20, 30, 1}, {21, 31, 1}, {22, 32, 1}, {23, 33, 1}};

/* Place 10 is for what comes from the north: what the core there sends south, from its place 4. */
static float of_neighbours(int core, int i)
{
    static const int way[8][2] = {{-1, 0}, {0, 1}, {1, 0}, {0, -1}, {-1, 1}, {1, 1}, {1, -1}, {-1, -1}};
    static const int back[8] = {PLMR_SOUTH,      PLMR_WEST,       PLMR_NORTH,      PLMR_EAST,
                                PLMR_SOUTH_WEST, PLMR_NORTH_WEST, PLMR_NORTH_EAST, PLMR_SOUTH_EAST};
    for (int k = 0; k < 8; k++) {
        int row = core / SIDE + way[k][0], col = core % SIDE + way[k][1], place = i - around[k].first_to;
        bool there = row >= 0 && row < SIDE && col >= 0 && col < SIDE;
        if (there && place >= 0 && place < around[k].n_values)
            return mark(row * SIDE + col, around[back[k]].first_from + place);
    }
    return -1;
}

static void values_go_where_patterns_say(void **state)
{
    static const char *const devices[] = {"wse2", "wormhole", "dojo-tile"};
    (void)state;
    for (int d = 0; d < 3; d++) {
        struct world w;
        plmr_points *points;
        open_world(&w, devices[d], false);
        plmr_region *region = w.t.region;
        for (int core = 0; core < CORES; core++)
            permuted[core] = (core * 7 + 5) % CORES;
        must(plmr_points_permutation(region, "permutation", permuted, 3, &points));
        check(&w, points, from_permuted);
        must(plmr_points_transpose(region, "transpose", 3, &points));
        check(&w, points, transposed);
        must(plmr_points_send(region, "send", 20, 7, 4, &points));
        check(&w, points, sent_to_7);
        must(plmr_points_scatter(region, "scatter", 9, 1, &points));
        check(&w, points, scattered);
        must(plmr_points_gather(region, "gather", 9, 1, &points));
        check(&w, points, gathered);
        must(plmr_points_all_to_all(region, "all to all", PLMR_X, 2, &points));
        check(&w, points, all_of_row);
        must(plmr_points_all_to_all(region, "all to all", PLMR_Y, 1, &points));
        check(&w, points, all_of_column);
        must(plmr_points_all_to_all_v(region, "all to all", PLMR_X, count, NULL, &points));
        check(&w, points, all_v);
        must(plmr_points_halo(region, "halo", around, &points));
        check(&w, points, of_neighbours);
        close_world(&w);
    }
}

/* Two messages into one place: that of the higher sender stays, whoever owns it; of one sender's the later. */
static void the_higher_sender_stays(void **state)
{
    (void)state;
    struct world w;
    plmr_points *points;
    static const int32_t from[] = {35, 2, 30, 35, 0}, to[] = {8, 8, 8, 8, 8}, first[] = {0, 0, 0, 3, 0};
    static const int32_t first_to[] = {0, 0, 0, 0, 0}, n[] = {1, 2, 3, 1, 4};
    open_world(&w, "wse2", false);
    must(plmr_points_create(w.t.region, "puts", &(plmr_parts){5, from, to, first, first_to, n}, &points));
    must(plmr_points_run(points, w.a, w.b));
    const float *b = plmr_tiles_at(w.b, 1, 2);
    if (b)
        assert_true(b[0] == mark(35, 3) && b[1] == mark(30, 1) && b[2] == mark(30, 2) && b[3] == mark(0, 3) &&
                    b[4] == -1);
    plmr_points_destroy(points);
    close_world(&w);
}

/* ---- one to many ---- */

static const int32_t many[] = {3, 22, 8, 20, 33, 15, 8};

static float to_many(int core, int i)
{
    bool one = false;
    for (int k = 0; k < 7; k++)
        one = one || many[k] == core;
    return one && i < 5 ? mark(20, i) : -1;
}

static float to_rectangle(int core, int i)
{
    int row = core / SIDE, col = core % SIDE;
    return row >= 1 && row < 4 && col >= 2 && i < 2 ? mark(13, i) : -1;
}

static float to_column(int core, int i)
{
    return core % SIDE == 5 && i < 1 ? mark(0, i) : -1;
}

static void values_of_multicasts(void **state)
{
    static const char *const devices[] = {"wse2", "wormhole", "dojo-tile"};
    (void)state;
    for (int d = 0; d < 3; d++) {
        struct world w;
        plmr_points *points;
        open_world(&w, devices[d], false);
        must(plmr_points_multicast(w.t.region, "list", 20, many, 7, 5, &points));
        check(&w, points, to_many);
        must(plmr_points_multicast_rectangle(w.t.region, "rectangle", 13, &(plmr_rectangle){1, 2, 3, 4}, 2, &points));
        check(&w, points, to_rectangle);
        must(plmr_points_multicast_rectangle(w.t.region, "column", 0, &(plmr_rectangle){0, 5, 6, 1}, 1, &points));
        check(&w, points, to_column);
        close_world(&w);
    }
}

/* The clocks of all cores on all ranks after a flow that starts at 0. */
static void run_alone(struct world *w, plmr_points *points, double *clock)
{
    const plmr_region *region = w->t.region;
    plmr_clock_reset(region->clock);
    must(plmr_points_run(points, w->a, w->b));
    for (int core = 0; core < CORES; core++)
        clock[core] = 0;
    for (int row = 0; row < region->count[PLMR_Y]; row++)
        for (int col = 0; col < region->count[PLMR_X]; col++)
            clock[(region->first[PLMR_Y] + row) * SIDE + region->first[PLMR_X] + col] =
                plmr_clock_at(region->clock, row, col);
    plmr_ranks_max(w->t.ranks, clock, CORES);
    plmr_points_destroy(points);
}

/* Links of the ways along x, then along y, each once; on rings they go one way. */
static int links_of_tree(int from, const int32_t *to, int n, bool rings, int ring_cols, int ring_rows)
{
    static bool crossed[2][2][64][64];
    int sum = 0, cols = rings ? ring_cols : SIDE, rows = rings ? ring_rows : SIDE;
    memset(crossed, 0, sizeof crossed);
    for (int i = 0; i < n; i++) {
        int at[2] = {from % SIDE, from / SIDE}, goal[2] = {to[i] % SIDE, to[i] / SIDE}, size[2] = {cols, rows};
        for (int axis = 0; axis < 2; axis++)
            while (at[axis] != goal[axis]) {
                bool up = rings || goal[axis] > at[axis], *link = &crossed[axis][up][at[1]][at[0]];
                sum += !*link;
                *link = true;
                at[axis] = (at[axis] + (up ? 1 : size[axis] - 1)) % size[axis];
            }
    }
    return sum;
}

/* Each receiver has it when it would have a message of its own; the sender is free as after one. The links of the tree
 * are crossed once, by whole lists and by profiles; one route. */
static void a_multicast_is_one_message_for_many(void **state)
{
    static const char *const devices[] = {"wse2:turn=7", "wormhole", "dojo-tile"};
    (void)state;
    for (int d = 0; d < 3; d++) {
        double all[CORES], one[CORES], last = 0;
        struct world w;
        plmr_points *points;
        open_world(&w, devices[d], true);
        bool rings = w.device.ring_cols > 0;
        must(plmr_points_multicast(w.t.region, "list", 20, many, 7, 5, &points));
        uint64_t before = cost_of(w.t.region).wavelet_hops, on_links = 0;
        run_alone(&w, points, all);
        uint64_t words = (uint64_t)plmr_device_wavelets(&w.device, 20);
        uint64_t links = (uint64_t)links_of_tree(20, many, 7, rings, (int)w.device.ring_cols, (int)w.device.ring_rows);
        assert_int_equal(cost_of(w.t.region).wavelet_hops - before, words * links);
        for (int way = 0; way < 4; way++)
            for (int i = 0; i < SIDE; i++)
                on_links += w.t.region->profile->links[way / 2][way % 2][i];
        assert_int_equal(on_links, words * links);
        assert_int_equal(cost_of(w.t.region).routes_max, w.device.router == PLMR_STATIC);
        for (int i = 0; i < 7; i++) {
            must(plmr_points_send(w.t.region, "one", 20, many[i], 5, &points));
            run_alone(&w, points, one);
            last = one[20] > last ? one[20] : last;
            if (many[i] != 20)
                assert_true(all[many[i]] == one[many[i]]);
        }
        assert_true(all[20] == last && all[0] == 0);
        close_world(&w);
    }
}

/* Where no route is left, every core with somebody behind it passes the message on, once. */
static void a_multicast_is_relayed_where_routes_do_not_suffice(void **state)
{
    (void)state;
    struct world w;
    plmr_points *points;
    double clock[CORES];
    open_world(&w, "wse2:routes=8", false);
    must(plmr_points_all_to_all(w.t.region, "all to all", PLMR_X, 2, &points));
    plmr_points_destroy(points);
    must(plmr_points_multicast_rectangle(w.t.region, "rectangle", 0, &(plmr_rectangle){0, 2, 3, 2}, 4, &points));
    run_alone(&w, points, clock);
    double busy = plmr_relay_busy(&w.device, 4), hop = plmr_relay_cycles(&w.device, 4);
    /* cores 1, 2, 3 of the row and 2, 3 of the next one */
    double sent = 50 + 2 * 2 + 4, first = sent + 1;
    for (int core = 0; core < CORES; core++) {
        bool passes = core == 1 || core == 2 || core == 3 || core == 8 || core == 9;
        bool gets = core / SIDE < 3 && (core % SIDE == 2 || core % SIDE == 3);
        int hops = core / SIDE + core % SIDE;
        double at = gets ? first + (hops - 1) * hop : 0, own = (gets ? 50 + 5 : 0) + (passes ? busy : 0);
        if (core > 0 && clock[core] != (at > own ? at : own))
            fail_msg("core %d: %g, expected %g or %g", core, clock[core], at, own);
    }
    close_world(&w);
}

/* ---- costs ---- */

/* One message: launch, way with its turn, words; sender and receiver alone wait. */
static void one_message(void **state)
{
    (void)state;
    struct world w;
    plmr_points *points;
    open_world(&w, "wse2:turn=3", false);
    must(plmr_points_send(w.t.region, "send", 0, 2 * SIDE + 4, 8, &points));
    must(plmr_points_run(points, w.a, w.b));
    for (int row = 0; row < w.t.region->count[PLMR_Y]; row++)
        for (int col = 0; col < w.t.region->count[PLMR_X]; col++) {
            int core = (w.t.region->first[PLMR_Y] + row) * SIDE + w.t.region->first[PLMR_X] + col;
            double t = plmr_clock_at(w.t.region->clock, row, col);
            assert_true(t == (core == 0 ? 50 + 10 : core == 2 * SIDE + 4 ? 50 + 2 * 2 + 6 + 3 + 8 : 0));
        }
    plmr_cost cost = cost_of(w.t.region);
    assert_int_equal(cost.wavelet_hops, 6 * 8);
    assert_int_equal(cost.hops_critical, 6);
    assert_int_equal(cost.stages_critical, 0);
    assert_int_equal(cost.routes_max, 1);
    plmr_points_destroy(points);
    close_world(&w);
}

/* Every row all to all: more routes than a router has, so software relays, and cores between are busy with it. */
static void relays_where_routes_do_not_suffice(void **state)
{
    (void)state;
    struct world w;
    plmr_points *points;
    open_world(&w, "wse2:routes=9", false);
    int64_t before = cost_of(w.t.region).sram_peak_bytes;
    must(plmr_points_all_to_all(w.t.region, "all to all", PLMR_X, 2, &points));
    must(plmr_points_run(points, w.a, w.b));
    plmr_cost cost = cost_of(w.t.region);
    assert_int_equal(cost.routes_max, 8);
    assert_int_equal(cost.stages_critical, SIDE - 2);
    assert_int_equal(cost.sram_peak_bytes - before, 8);
    assert_int_equal(cost.wavelet_hops, 2 * SIDE * 70);
    /* core 2 of a row lies between 2 x 3 of its pairs, both ways */
    const plmr_device *device = &w.device;
    double busy = 50 + 5 * 50 + 1.25 * 12 + 12 * plmr_relay_busy(device, 2);
    assert_true(cost.t_cycles >= busy);
    plmr_points_destroy(points);
    struct world free_world;
    open_world(&free_world, "wse2:routes=23", false);
    must(plmr_points_all_to_all(free_world.t.region, "all to all", PLMR_X, 2, &points));
    must(plmr_points_run(points, free_world.a, free_world.b));
    plmr_cost routed = cost_of(free_world.t.region);
    /* (3 * 4 - 1) pairs each way that have core 2 between them or at an end, and its own to itself */
    assert_int_equal(routed.routes_max, 23);
    assert_int_equal(routed.stages_critical, 0);
    assert_true(routed.t_cycles < cost.t_cycles);
    plmr_points_destroy(points);
    close_world(&free_world);
    close_world(&w);
}

/* Words by link add up to the ledger's, round rings, too. */
static void links_add_up(void **state)
{
    static const char *const devices[] = {"wse2", "wormhole", "dojo-tile"};
    (void)state;
    for (int d = 0; d < 3; d++) {
        struct world w;
        plmr_points *points;
        open_world(&w, devices[d], true);
        for (int core = 0; core < CORES; core++)
            permuted[core] = (core * 7 + 5) % CORES;
        must(plmr_points_permutation(w.t.region, "permutation", permuted, 3, &points));
        must(plmr_points_run(points, w.a, w.b));
        must(plmr_points_run(points, w.a, w.b));
        plmr_points_destroy(points);
        must(plmr_points_all_to_all(w.t.region, "all to all", PLMR_Y, 3, &points));
        must(plmr_points_run(points, w.a, w.b));
        uint64_t sum = 0;
        for (int axis = 0; axis < 2; axis++)
            for (int way = 0; way < 2; way++)
                for (int i = 0; i < SIDE; i++)
                    sum += w.t.region->profile->links[axis][way][i];
        assert_true(sum == cost_of(w.t.region).wavelet_hops && sum > 0);
        plmr_points_destroy(points);
        close_world(&w);
    }
}

/* Without values clocks and ledgers are the same; flows that are under way together do not wait for each other. */
static void time_alone_is_the_same(void **state)
{
    (void)state;
    double t_cycles[2];
    for (int values = 0; values < 2; values++) {
        plmr_device device = test_device("dojo-tile");
        plmr_region_options options = {.values = values};
        struct test_region t = test_region_open(&device, SIDE, SIDE, &options);
        plmr_tiles *a, *b;
        plmr_points *x, *y;
        must(plmr_tiles_create(t.region, "a", 3 * SIDE, &a));
        must(plmr_tiles_create(t.region, "b", 3 * SIDE, &b));
        must(plmr_points_all_to_all(t.region, "x", PLMR_X, 3, &x));
        must(plmr_points_all_to_all(t.region, "y", PLMR_Y, 3, &y));
        must(plmr_points_begin(x, a, b));
        must(plmr_points_begin(y, a, b));
        must(plmr_compute(t.region, 7, NULL, NULL));
        must(plmr_points_end(x));
        must(plmr_points_end(y));
        t_cycles[values] = cost_of(t.region).t_cycles;
        plmr_points_destroy(x);
        plmr_points_destroy(y);
        plmr_tiles_destroy(a);
        plmr_tiles_destroy(b);
        test_region_close(&t);
    }
    assert_true(t_cycles[0] == t_cycles[1]);
}

/* Rank 0 sees all: every core's events last as long as its clock has run. */
static plmr_status see(void *context, const plmr_trace *trace, const plmr_trace_track *track)
{
    const double *clock = context;
    double told = 0;
    (void)trace;
    for (int64_t i = 0; i < track->n_events; i++)
        told += track->events[i].kind == PLMR_TRACE_GROUP ? 0 : track->events[i].cycles;
    assert_true(told == clock[track->core.row * SIDE + track->core.col]);
    assert_true(told > 100);
    return PLMR_OK;
}

static void a_trace_tells_all_of_a_cores_time(void **state)
{
    (void)state;
    struct world w;
    plmr_points *points;
    double *clock;
    open_world(&w, "wormhole", false);
    static const plmr_trace_core cores[] = {{0, 0}, {2, 3}, {5, 5}};
    must(plmr_trace_attach(w.t.region, cores, 3, 1000));
    must(plmr_points_gather(w.t.region, "gather", 15, 1, &points));
    must(plmr_points_begin(points, w.a, w.b));
    must(plmr_compute(w.t.region, 5, NULL, NULL));
    must(plmr_points_end(points));
    must(plmr_compute(w.t.region, 5, NULL, NULL));
    must(plmr_clock_gather(w.t.region->clock, &clock));
    must(plmr_trace_gather(w.t.region, see, clock));
    free(clock);
    plmr_points_destroy(points);
    close_world(&w);
}

/* What all to all does to clocks and ledgers, known to be alike in all lines or as a list of messages; from clocks that
 * are equal, that differ along the lines, or from line to line. */
struct outcome {
    plmr_cost cost;
    double clock[CORES];
};

static int four(void *context, int line, int i, int j)
{
    (void)context;
    (void)line;
    (void)i;
    (void)j;
    return 4;
}

static struct outcome all_to_all(const char *device, enum plmr_axis axis, int start, bool as_list)
{
    struct world w;
    struct outcome o = {0};
    plmr_points *points;
    open_world(&w, device, false);
    plmr_region *region = w.t.region;
    if (as_list)
        must(plmr_points_all_to_all_v(region, "all to all", axis, four, NULL, &points));
    else
        must(plmr_points_all_to_all(region, "all to all", axis, 4, &points));
    if (start == 1)
        must(plmr_tiles_allreduce(w.a, axis, "chain"));
    if (start == 2)
        for (int row = 0; row < region->count[PLMR_Y]; row++)
            test_clock_set(region->clock, row, 0, 10 * (region->first[PLMR_Y] + row));
    must(plmr_points_run(points, w.a, w.b));
    must(plmr_points_begin(points, w.a, w.b));
    must(plmr_compute(region, 30, NULL, NULL));
    must(plmr_points_end(points));
    o.cost = cost_of(region);
    for (int row = 0; row < region->count[PLMR_Y]; row++)
        for (int col = 0; col < region->count[PLMR_X]; col++)
            o.clock[(region->first[PLMR_Y] + row) * SIDE + region->first[PLMR_X] + col] =
                plmr_clock_at(region->clock, row, col);
    plmr_points_destroy(points);
    close_world(&w);
    return o;
}

static void lines_that_are_alike_are_as_lists(void **state)
{
    static const char *const devices[] = {"wse2:routes=40", "wse2:routes=12", "wormhole", "dojo-tile:link=2"};
    (void)state;
    for (int i = 0; i < 4 * 2 * 3; i++) {
        enum plmr_axis axis = i / 4 % 2 ? PLMR_Y : PLMR_X;
        struct outcome a = all_to_all(devices[i % 4], axis, i / 8, false);
        struct outcome b = all_to_all(devices[i % 4], axis, i / 8, true);
        assert_memory_equal(a.clock, b.clock, sizeof a.clock);
        assert_true(a.cost.t_cycles == b.cost.t_cycles && a.cost.wavelet_hops == b.cost.wavelet_hops);
        assert_true(a.cost.routes_max == b.cost.routes_max && a.cost.sram_peak_bytes == b.cost.sram_peak_bytes);
        assert_true(a.cost.hops_critical == b.cost.hops_critical);
        assert_true(a.cost.stages_critical == b.cost.stages_critical);
    }
}

/* ---- refusals ---- */

static void refused(plmr_status status, const char *words)
{
    assert_non_null(status);
    assert_null(strchr(plmr_error_text(status), '\n'));
    must_fail(status, PLMR_ERROR_INPUT, words);
}

static plmr_status make(struct world *w, int32_t from, int32_t to, int32_t first, int32_t n, plmr_points **points)
{
    return plmr_points_create(w->t.region, "one", &(plmr_parts){1, &from, &to, &first, NULL, &n}, points);
}

static void wrong_messages_are_refused(void **state)
{
    (void)state;
    struct world w;
    plmr_points *points = NULL;
    int32_t twice[CORES] = {0};
    open_world(&w, "wse2", false);
    plmr_region *region = w.t.region;
    refused(make(&w, 0, CORES, 0, 1, &points), "to core 36, which is not there");
    refused(make(&w, -1, 3, 0, 1, &points), "from core -1, which is not there");
    refused(make(&w, 0, 3, 0, 0, &points), "0 values");
    refused(make(&w, 0, 3, -2, 1, &points), "from value -2");
    refused(plmr_points_create(NULL, "x", &(plmr_parts){0}, &points), "NULL");
    refused(plmr_points_create(region, NULL, &(plmr_parts){0}, &points), "name");
    refused(plmr_points_create(region, "x", NULL, &points), "parts");
    refused(plmr_points_create(region, "x", &(plmr_parts){.n = 2}, &points), "2 messages need");
    refused(plmr_points_permutation(region, "x", twice, 1, &points), "cores 0 and 1 both send to core 0");
    refused(plmr_points_permutation(region, "x", NULL, 1, &points), "'to' is NULL");
    refused(plmr_points_send(region, "x", 0, CORES, 1, &points), "core 36 is not there");
    refused(plmr_points_scatter(region, "x", -1, 1, &points), "core -1 is not there");
    refused(plmr_points_gather(region, "x", 0, 1 << 30, &points), "more than a tile can hold");
    refused(plmr_points_transpose(region, "x", 0, &points), "0 values");
    refused(plmr_points_all_to_all(region, "x", (enum plmr_axis)7, 1, &points), "no axis 7");
    refused(plmr_points_all_to_all_v(region, "x", PLMR_X, NULL, NULL, &points), "'count' is NULL");
    refused(plmr_points_all_to_all(region, "x", PLMR_X, 1 << 30, &points), "more than a tile can hold");
    refused(plmr_points_halo(region, "x", (plmr_halo[8]){{0, 0, 1}}, &points), "as many");
    refused(plmr_points_halo(region, "x", (plmr_halo[8]){{0, 0, 0}}, &points), "no neighbour");
    refused(plmr_points_halo(region, "x", (plmr_halo[8]){[2] = {0, 0, 1}, [0] = {INT32_MAX, 0, 1}}, &points),
            "x: neighbour 0 has 1 values from 2147483647 to 0");
    refused(plmr_points_multicast(region, "x", 0, (const int32_t[]){3, 36}, 2, 1, &points), "core 36 is not there");
    refused(plmr_points_multicast(region, "x", 0, twice, 0, 1, &points), "to 0 cores");
    refused(plmr_points_multicast_rectangle(region, "x", 0, &(plmr_rectangle){5, 0, 2, 1}, 1, &points), "2x1 cores");
    assert_null(points);
    assert_true(cost_of(region).t_cycles == 0);
    close_world(&w);
}

static void wrong_turns_are_refused(void **state)
{
    (void)state;
    struct world w, other;
    plmr_points *points;
    plmr_tiles *small;
    plmr_cost cost;
    open_world(&w, "wse2", false);
    open_world(&other, "wse2", false);
    must(plmr_tiles_create(w.t.region, "small", 3, &small));
    must(plmr_points_send(w.t.region, "send", 1, 2, 4, &points));
    refused(plmr_points_begin(NULL, w.a, w.b), "NULL");
    refused(plmr_points_begin(points, NULL, w.b), "NULL");
    refused(plmr_points_begin(points, other.a, w.b), "another region");
    refused(plmr_points_begin(points, w.a, other.b), "another region");
    refused(plmr_points_begin(points, small, w.b), "tiles of small have 3");
    refused(plmr_points_begin(points, w.a, small), "tiles of small have 3");
    refused(plmr_points_end(points), "has not begun");
    must(plmr_points_begin(points, w.a, w.b));
    refused(plmr_points_begin(points, w.a, w.b), "has begun already");
    refused(plmr_region_cost(w.t.region, &cost), "never ended");
    must(plmr_points_end(points));
    refused(plmr_points_end(points), "has not begun");
    must(plmr_region_cost(w.t.region, &cost));
    must(plmr_points_begin(points, w.a, w.b));
    plmr_points_destroy(points);
    refused(plmr_region_cost(w.t.region, &cost), "never ended");
    plmr_tiles_destroy(small);
    close_world(&other);
    close_world(&w);
}

static void regions_beyond_a_ring_are_refused(void **state)
{
    (void)state;
    struct world w;
    plmr_points *points;
    open_world(&w, "wormhole:ring_rows=5", false);
    refused(plmr_points_send(w.t.region, "x", 0, 1, 1, &points), "rings of 5x10 routers");
    close_world(&w);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_go_where_patterns_say),
        cmocka_unit_test(the_higher_sender_stays),
        cmocka_unit_test(one_message),
        cmocka_unit_test(relays_where_routes_do_not_suffice),
        cmocka_unit_test(links_add_up),
        cmocka_unit_test(lines_that_are_alike_are_as_lists),
        cmocka_unit_test(time_alone_is_the_same),
        cmocka_unit_test(a_trace_tells_all_of_a_cores_time),
        cmocka_unit_test(wrong_messages_are_refused),
        cmocka_unit_test(wrong_turns_are_refused),
        cmocka_unit_test(regions_beyond_a_ring_are_refused),
        cmocka_unit_test(values_of_multicasts),
        cmocka_unit_test(a_multicast_is_one_message_for_many),
        cmocka_unit_test(a_multicast_is_relayed_where_routes_do_not_suffice),
    };
    must_start(plmr_init(&argc, &argv));
    int n_failed = cmocka_run_group_tests(tests, NULL, NULL);
    plmr_finalize();
    return n_failed;
}
