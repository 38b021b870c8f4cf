/* Parts of a region, against the same program on the whole, whose other cores do nothing; against a region of the part's
 * size; and what they are refused. */
#include "tests/support.h"

#include "plmr/plmr.h"
#include "report/map_inside.h"
#include "time/clock.h"

enum { ROWS = 11, COLS = 13, N_VALUES = 3 };

static const plmr_rectangle left = {1, 0, 7, 5}, right = {3, 6, 8, 7}, tiny = {0, 12, 1, 1};

static plmr_region *make_part(plmr_region *region, const char *name, plmr_rectangle cores)
{
    plmr_region *part;
    must(plmr_part_create(region, name, &cores, &part));
    return part;
}

static plmr_tiles *make_tiles(plmr_region *region, const char *name)
{
    plmr_tiles *tiles;
    must(plmr_tiles_create(region, name, N_VALUES, &tiles));
    return tiles;
}

static bool is_in(const plmr_rectangle *c, int row, int col)
{
    return row >= c->row && row < c->row + c->rows && col >= c->col && col < c->col + c->cols;
}

/* ---- parts beside the whole ---- */

/* Random cycles of the cores of a rectangle, in quarters; of the others none. */
struct work {
    plmr_rectangle cores;
    int row, col; /* the first core's that cycles are asked for */
    uint32_t seed;
};

static double cycles_of(void *context, int row, int col)
{
    const struct work *w = context;
    uint32_t state = w->seed + (uint32_t)((row + w->row) * COLS + col + w->col);
    test_random(&state);
    return is_in(&w->cores, row + w->row, col + w->col) ? 0.25 * (test_random(&state) % 1000) : 0;
}

static void compute(plmr_region *whole, plmr_region *part, plmr_rectangle cores, uint32_t seed)
{
    must(plmr_compute_each(whole, cycles_of, NULL, &(struct work){cores, 0, 0, seed}));
    must(plmr_compute_each(part, cycles_of, NULL, &(struct work){cores, cores.row, cores.col, seed}));
}

static int32_t number(plmr_rectangle cores, uint32_t *state, int cols, bool own)
{
    int row = (int)(test_random(state) % (uint32_t)cores.rows), col = (int)(test_random(state) % (uint32_t)cores.cols);
    return own ? row * cores.cols + col : (cores.row + row) * cols + cores.col + col;
}

/* Random messages from cores of one rectangle to cores of another, by the numbers of a region or of the part. */
static plmr_points *make_flow(plmr_region *region, plmr_rectangle from, plmr_rectangle to, uint32_t seed, bool own)
{
    enum { N = 5 };
    int32_t source[N], target[N], n_values[N];
    plmr_points *flow;
    for (int i = 0; i < N; i++) {
        source[i] = number(from, &seed, COLS, own);
        target[i] = number(to, &seed, COLS, own);
        n_values[i] = 1 + i % N_VALUES;
    }
    must(plmr_points_create(region, "flow", &(plmr_parts){N, source, target, NULL, NULL, n_values}, &flow));
    return flow;
}

/* A region twice, with parts and without. */
struct both {
    struct test_region plain, parted;
    plmr_region *part[2];
    plmr_tiles *all, *own[2];
};

static const plmr_rectangle *const rectangles[2] = {&left, &right};

static void fill(plmr_tiles *tiles, const plmr_region *region, plmr_rectangle from)
{
    for (int row = region->first[PLMR_Y]; row < region->first[PLMR_Y] + region->count[PLMR_Y]; row++)
        for (int col = region->first[PLMR_X]; col < region->first[PLMR_X] + region->count[PLMR_X]; col++)
            for (int i = 0; i < N_VALUES; i++)
                plmr_tiles_at(tiles, row, col)[i] = (float)(1000 * (row + from.row) + 10 * (col + from.col) + i);
}

static struct both open_both(const plmr_device *device)
{
    struct both b = {.plain = test_region_open(device, ROWS, COLS, &(plmr_region_options){.values = true}),
                     .parted = test_region_open(device, ROWS, COLS, &(plmr_region_options){.values = true})};
    b.all = make_tiles(b.plain.region, "all");
    fill(b.all, b.plain.region, (plmr_rectangle){0, 0, ROWS, COLS});
    for (int i = 0; i < 2; i++) {
        b.part[i] = make_part(b.parted.region, i == 0 ? "left" : "right", *rectangles[i]);
        b.own[i] = make_tiles(b.part[i], i == 0 ? "l" : "r");
        fill(b.own[i], b.part[i], *rectangles[i]);
    }
    return b;
}

static void compare_clocks(const struct both *b, int step)
{
    for (int row = 0; row < ROWS; row++)
        for (int col = 0; col < COLS; col++) {
            double plain, parted;
            must(plmr_region_clock(b->plain.region, row, col, &plain));
            must(plmr_region_clock(b->parted.region, row, col, &parted));
            if (plain != parted)
                fail_msg("step %d: core (%d,%d) is at %g, and with parts at %g", step, row, col, plain, parted);
        }
}

static void compare_values(struct both *b, int step)
{
    plmr_tiles *as_whole = make_tiles(b->parted.region, "as whole");
    for (int i = 0; i < 2; i++)
        must(plmr_tiles_copy(b->own[i], as_whole));
    for (int row = 0; row < ROWS; row++)
        for (int col = 0; col < COLS; col++) {
            const float *plain = plmr_tiles_at(b->all, row, col), *parted = plmr_tiles_at(as_whole, row, col);
            bool counts = plain && (is_in(&left, row, col) || is_in(&right, row, col));
            if (counts && memcmp(plain, parted, N_VALUES * sizeof *plain) != 0)
                fail_msg("step %d: core (%d,%d) has other values with parts", step, row, col);
        }
    plmr_tiles_destroy(as_whole);
}

/* One step of both programs: work in a part, messages in a part, or messages between parts that are beside work. */
static void step(struct both *b, uint32_t *state)
{
    int from = (int)(test_random(state) % 2), to = (int)(test_random(state) % 3) == 0 ? from : !from;
    uint32_t seed = test_random(state);
    plmr_points *plain = make_flow(b->plain.region, *rectangles[from], *rectangles[to], seed, false), *parted;
    if (from == to) {
        parted = make_flow(b->part[from], *rectangles[from], *rectangles[to], seed, true);
        must(plmr_points_begin(parted, b->own[from], b->own[to]));
    } else {
        parted = make_flow(b->parted.region, *rectangles[from], *rectangles[to], seed, false);
        must(plmr_points_begin(parted, b->own[from], b->own[to]));
    }
    must(plmr_points_begin(plain, b->all, b->all));
    if (seed % 3)
        compute(b->plain.region, b->part[from], *rectangles[from], seed);
    must(plmr_points_end(plain));
    must(plmr_points_end(parted));
    if (seed % 5)
        compute(b->plain.region, b->part[to], *rectangles[to], seed + 1);
    plmr_points_destroy(plain);
    plmr_points_destroy(parted);
}

static void compare_costs(const struct both *b)
{
    plmr_cost plain, parted;
    must(plmr_region_cost(b->plain.region, &plain));
    must(plmr_region_cost(b->parted.region, &parted));
    assert_true(plain.t_cycles == parted.t_cycles);
    assert_int_equal(plain.wavelet_hops, parted.wavelet_hops);
    assert_int_equal(plain.border_hops, parted.border_hops);
    assert_int_equal(plain.violates_routes, parted.violates_routes);
}

static void random_programs(const char *name)
{
    plmr_device device = test_device(name);
    uint32_t state = 7;
    struct both b = open_both(&device);
    for (int i = 0; i < 12; i++) {
        step(&b, &state);
        if (i % 4 == 3) {
            compare_clocks(&b, i);
            compare_values(&b, i);
        }
    }
    compare_costs(&b);
    for (int i = 0; i < 2; i++)
        plmr_region_destroy(b.part[i]);
    compare_clocks(&b, -1);
    compare_costs(&b);
    plmr_tiles_destroy(b.all);
    test_region_close(&b.plain);
    test_region_close(&b.parted);
}

static void as_the_whole(void **state)
{
    (void)state;
    random_programs("wse2:routes=1000");
    random_programs("wse2:routes=2000,yield=0.97,slow_share=0.1,slow_factor=1.5,seed=3");
    random_programs("wormhole:rows=11,cols=13,ring_rows=0,ring_cols=0,buffer=0,straight=0");
    random_programs("wse2:routes=1000,border_rows=4,border_cols=4,border_hop=30,border_link=4");
}

/* ---- a part beside a region of its size ---- */

static void run_all(plmr_region *region, plmr_tiles *a, plmr_tiles *b)
{
    plmr_ring *x, *y;
    plmr_points *turned;
    int32_t to[7 * 7];
    must(plmr_ring_create(region, PLMR_X, PLMR_INTERLEAVED, 1, &x));
    must(plmr_ring_create(region, PLMR_Y, PLMR_NATURAL, 1, &y));
    must(plmr_compute_each(region, cycles_of, NULL, &(struct work){{0, 0, 7, 7}, 0, 0, 5}));
    for (int i = 0; i < 3; i++) {
        must(plmr_tiles_shift_begin(a, a, x, -1));
        must(plmr_tiles_shift_begin(b, b, y, 1));
        must(plmr_region_busy(region, 7));
        must(plmr_tiles_end(a));
        must(plmr_tiles_end(b));
    }
    must(plmr_tiles_align(a, x, y, 1));
    must(plmr_tiles_multicast(b, PLMR_X, 2));
    must(plmr_tiles_allreduce(a, PLMR_X, "two-phase"));
    must(plmr_tiles_reduce(b, PLMR_Y, 3, "chain", 0));
    for (int i = 0; i < 49; i++)
        to[i] = i * 10 % 49;
    must(plmr_points_permutation(region, "permuted", to, N_VALUES, &turned));
    must(plmr_points_run(turned, a, b));
    plmr_points_destroy(turned);
    plmr_ring_destroy(x);
    plmr_ring_destroy(y);
}

/* Where all links are alike it does not matter where a part lies. */
static void as_a_region(void **state)
{
    (void)state;
    plmr_device device = test_device("wse2:routes=200");
    plmr_region_options options = {.values = true, .profile = true};
    struct test_region alone = test_region_open(&device, 7, 7, &options),
                       around = test_region_open(&device, ROWS, COLS, &options);
    plmr_region *region[2] = {alone.region, make_part(around.region, "part", (plmr_rectangle){4, 5, 7, 7})};
    plmr_tiles *a[2], *b[2];
    plmr_cost cost[2];
    double before, after, clocks[2];
    must(plmr_region_busy(around.region, 100));
    must(plmr_region_clock(around.region, 0, 0, &before));
    for (int i = 0; i < 2; i++) {
        a[i] = make_tiles(region[i], "a");
        b[i] = make_tiles(region[i], "b");
        fill(a[i], region[i], (plmr_rectangle){0});
        fill(b[i], region[i], (plmr_rectangle){0});
        run_all(region[i], a[i], b[i]);
        must(plmr_region_cost(region[i], &cost[i]));
    }
    for (int core = 0; core < 49; core++) {
        for (int i = 0; i < 2; i++)
            must(plmr_region_clock(region[i], core / 7, core % 7, &clocks[i]));
        assert_true(clocks[0] + 100 == clocks[1]);
        const float *plain = plmr_tiles_at(b[0], core / 7, core % 7), *own = plmr_tiles_at(b[1], core / 7, core % 7);
        assert_true(!plain || !own || memcmp(plain, own, N_VALUES * sizeof *own) == 0);
    }
    assert_true(cost[0].t_cycles + 100 == cost[1].t_cycles);
    assert_true(cost[0].compute_cycles == cost[1].compute_cycles);
    assert_int_equal(cost[0].hops_critical, cost[1].hops_critical);
    assert_int_equal(cost[0].wavelet_hops, cost[1].wavelet_hops);
    assert_int_equal(cost[0].routes_max, cost[1].routes_max);
    assert_int_equal(cost[0].sram_peak_bytes, cost[1].sram_peak_bytes);
    must(plmr_region_clock(around.region, 0, 0, &after));
    assert_true(before == after);
    plmr_cost whole;
    must(plmr_region_cost(around.region, &whole));
    assert_true(whole.t_cycles == cost[1].t_cycles);
    assert_true(whole.compute_cycles == cost[1].compute_cycles + 100);
    assert_int_equal(whole.wavelet_hops, cost[1].wavelet_hops);
    assert_int_equal(whole.routes_max, cost[1].routes_max);
    assert_int_equal(whole.sram_peak_bytes, cost[1].sram_peak_bytes);
    plmr_region_destroy(region[1]);
    must(plmr_region_cost(around.region, &whole));
    assert_int_equal(whole.routes_max, cost[1].routes_max);
    assert_true(whole.t_cycles == cost[1].t_cycles);
    plmr_tiles_destroy(a[0]);
    plmr_tiles_destroy(b[0]);
    test_region_close(&alone);
    test_region_close(&around);
}

/* Cores of a line that shift wait for their neighbours alone: inside a part as on the whole, across borders and dead
 * cores. */
static void at_its_place(void **state)
{
    (void)state;
    const char *const names[] = {"wse2:border_rows=4,border_cols=5,border_hop=30,border_link=4",
                                 "wse2:border_rows=1,border_cols=2,border_hop=30", "wse2:yield=0.9,seed=5"};
    for (int i = 0; i < 3; i++) {
        plmr_device device = test_device(names[i]);
        struct test_region whole = test_region_open(&device, ROWS, COLS, &(plmr_region_options){.values = true});
        struct test_region parted = test_region_open(&device, ROWS, COLS, &(plmr_region_options){.values = true});
        plmr_region *part = make_part(parted.region, "part", right), *regions[2] = {whole.region, part};
        for (int j = 0; j < 2; j++)
            for (enum plmr_axis axis = PLMR_X; axis <= PLMR_Y; axis++) {
                plmr_ring *line;
                plmr_tiles *tiles = make_tiles(regions[j], "t");
                must(plmr_ring_create(regions[j], axis, PLMR_LINE, 1, &line));
                must(plmr_tiles_shift(tiles, tiles, line, 1));
                plmr_ring_destroy(line);
                plmr_tiles_destroy(tiles);
            }
        for (int row = 2; row < right.rows - 2; row++)
            for (int col = 2; col < right.cols - 2 && i < 2; col++) {
                double of_whole, of_part;
                must(plmr_region_clock(whole.region, right.row + row, right.col + col, &of_whole));
                must(plmr_region_clock(part, row, col, &of_part));
                if (of_whole != of_part)
                    fail_msg("%s: core (%d,%d) of the part is at %g, in the whole at %g", names[i], row, col, of_part,
                             of_whole);
            }
        test_region_close(&whole);
        test_region_close(&parted);
    }
}

/* ---- what a report's map says of links ---- */

static double number_of(const json_t *list, int i)
{
    return json_number_value(json_is_array(list) ? json_array_get(list, (size_t)i) : list);
}

/* Of the maps' forms the one whose numbers are few. */
static double load(const json_t *links, const char *axis, const char *way, int row, int col)
{
    const json_t *json = json_object_get(json_object_get(links, axis), way), *values = json_object_get(json, "values");
    if (!values)
        return number_of(json_object_get(json, "x"), col) + number_of(json_object_get(json, "y"), row);
    const char *digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *text = json_string_value(json_object_get(json, "cores"));
    int at = row * COLS + col, word = 0;
    for (int i = 0; i < 4; i++) {
        const char *digit = strchr(digits, text[at / 3 * 4 + i]);
        word = word << 6 | (digit ? (int)(digit - digits) : 0);
    }
    return number_of(values, word >> (16 - 8 * (at % 3)) & 255);
}

static double all_loads(const json_t *links)
{
    double sum = 0;
    for (int i = 0; i < 4 * ROWS * COLS; i++)
        sum += load(links, i % 2 ? "x" : "y", i / 2 % 2 ? "up" : "down", i / 4 / COLS, i / 4 % COLS);
    return sum;
}

/* A message's own links, those of a part's message and of a part's rows; together what the ledger counts. */
static void loads_of_links(void **state)
{
    (void)state;
    plmr_device device = test_device("wse2:routes=1000");
    struct test_region r =
        test_region_open(&device, ROWS, COLS, &(plmr_region_options){.values = true, .profile = true});
    plmr_region *small = make_part(r.region, "small", tiny), *part = make_part(r.region, "part", right);
    plmr_tiles *all = make_tiles(r.region, "all"), *own = make_tiles(part, "own"), *one = make_tiles(small, "one");
    plmr_points *flows[4];
    plmr_cost cost;
    must(plmr_points_send(r.region, "bent", 2 * COLS + 9, 5 * COLS + 4, 3, &flows[0]));
    must(plmr_points_multicast(r.region, "fan", 0, (int32_t[]){2, 3 * COLS + 2}, 2, 1, &flows[1]));
    must(plmr_points_all_to_all(part, "lines", PLMR_X, 1, &flows[2]));
    must(plmr_points_send(small, "still", 0, 0, 1, &flows[3]));
    must(plmr_points_run(flows[0], all, all));
    must(plmr_points_run(flows[1], all, all));
    plmr_tiles *wide;
    must(plmr_tiles_create(part, "wide", right.cols, &wide));
    must(plmr_points_run(flows[2], wide, wide));
    must(plmr_points_run(flows[3], one, one));
    must(plmr_tiles_allreduce(own, PLMR_Y, "chain"));
    must(plmr_tiles_multicast(all, PLMR_X, 0));
    must(plmr_region_cost(r.region, &cost));
    json_t *links = plmr_map_links(r.region);
    assert_int_equal(links != NULL, plmr_rank() == 0);
    if (links) {
        assert_true(all_loads(links) == (double)cost.wavelet_hops);
        assert_true(load(links, "x", "down", 2, 4) == 3 && load(links, "x", "down", 1, 4) == 0);
        assert_true(load(links, "y", "up", 4, 4) == 3 && load(links, "y", "up", 5, 4) == 0);
        assert_true(load(links, "x", "up", 0, 0) == 4 && load(links, "x", "up", 1, 0) == 3); /* fan, multicast */
        assert_true(load(links, "y", "up", 2, 2) == 1 && load(links, "y", "up", 3, 2) == 0);
        assert_true(load(links, "x", "up", 4, 6) == 3 + right.cols - 1 &&
                    load(links, "x", "down", 4, 6) == right.cols - 1);
        assert_true(load(links, "x", "up", 2, 6) == 3 && load(links, "y", "up", 2, 7) == 0);
    }
    json_decref(links);
    for (int i = 0; i < 4; i++)
        plmr_points_destroy(flows[i]);
    plmr_tiles_destroy(all);
    test_region_close(&r);
}

/* ---- what is charged and refused ---- */

static void limits(void **state)
{
    (void)state;
    plmr_device device = test_device("wse2:sram=1000,routes=10");
    struct test_region r = test_region_open(&device, ROWS, COLS, &(plmr_region_options){.values = true});
    plmr_region *a = make_part(r.region, "a", left), *b = make_part(r.region, "b", right);
    plmr_region *c = make_part(r.region, "c", tiny);
    plmr_cost cost;
    must(plmr_region_charge(r.region, "all", 400));
    must(plmr_region_charge(a, "mine", 500));
    must(plmr_region_charge(b, "other", 100));
    must_fail(plmr_region_charge(b, "more", 501), PLMR_ERROR_LIMIT, "needs 1001 bytes");
    must_fail(plmr_region_charge(r.region, "more", 101), PLMR_ERROR_LIMIT, "needs 1001 bytes");
    must(plmr_region_cost(r.region, &cost));
    assert_int_equal(cost.sram_peak_bytes, 900);
    must(plmr_region_cost(b, &cost));
    assert_int_equal(cost.sram_peak_bytes, 500);
    plmr_region_destroy(a);
    must(plmr_region_charge(r.region, "more", 400));
    plmr_tiles *t = make_tiles(c, "t");
    must(plmr_tiles_sum(t, "chain"));
    plmr_region_destroy(c);
    plmr_region_destroy(b);
    test_region_close(&r);
}

static double for_ever(void *context, int row, int col)
{
    (void)context, (void)row, (void)col;
    return 0x1p46;
}

/* A core computes for 2^47 cycles at most, of which the whole, a part and other parts at other times have had theirs. */
static void cycles_in_all(void **state)
{
    (void)state;
    plmr_device device = test_device("wse2");
    struct test_region r = test_region_open(&device, ROWS, COLS, &(plmr_region_options){0});
    plmr_region *a = make_part(r.region, "a", left), *b = make_part(r.region, "b", right);
    plmr_cost cost;
    must(plmr_region_busy(b, 1));
    must(plmr_region_busy(r.region, 0x1p46));
    must(plmr_region_busy(a, 0x1p45));
    must(plmr_region_busy(a, 7));
    must_fail(plmr_region_busy(a, 0x1p46), PLMR_ERROR_INPUT, "at most 2^47 in all");
    must_fail(plmr_compute_each(a, for_ever, NULL, NULL), PLMR_ERROR_INPUT, "at most 2^47 in all");
    must_fail(plmr_region_busy(r.region, 0x1p46), PLMR_ERROR_INPUT, "at most 2^47 in all");
    must(plmr_region_cost(a, &cost));
    assert_true(cost.compute_cycles == 0x1p45 + 7);
    must(plmr_region_cost(b, &cost));
    assert_true(cost.compute_cycles == 1);
    must(plmr_region_cost(r.region, &cost));
    assert_true(cost.compute_cycles == 0x1p46 + 0x1p45 + 7); /* of a core of a, for which b has not worked */
    plmr_region_destroy(a);
    plmr_region_destroy(b);
    test_region_close(&r);
}

static void refusals(void **state)
{
    (void)state;
    plmr_device device = test_device("wse2");
    struct test_region r = test_region_open(&device, ROWS, COLS, &(plmr_region_options){.values = true});
    plmr_region *whole = r.region, *none, *a = make_part(whole, "a", left), *b = make_part(whole, "b", right);
    plmr_tiles *of_whole = make_tiles(whole, "w"), *of_a = make_tiles(a, "ta"), *of_b = make_tiles(b, "tb");
    const plmr_rectangle out[] = {{-1, 0, 2, 2}, {0, 12, 1, 2}, {0, 0, 0, 1}, {10, 0, 2, 1}, {0, 1 << 30, 1, 1 << 30}};
    for (int i = 0; i < 5; i++)
        must_fail(plmr_part_create(whole, "out", &out[i], &none), PLMR_ERROR_INPUT, "not all in the region of 11x13");
    must_fail(plmr_part_create(whole, "over", &(plmr_rectangle){7, 4, 2, 2}, &none), PLMR_ERROR_INPUT,
              "overlap with the part a, 7x5 from (1,0) on");
    must_fail(plmr_part_create(a, "deep", &(plmr_rectangle){0, 0, 1, 1}, &none), PLMR_ERROR_INPUT, "has no parts");
    must_fail(plmr_part_create(NULL, "x", &left, &none), PLMR_ERROR_INPUT, "NULL");
    must_fail(plmr_part_create(whole, "x", NULL, &none), PLMR_ERROR_INPUT, "'cores' is NULL");
    must_fail(plmr_tiles_copy(of_a, of_b), PLMR_ERROR_INPUT, "neither is a part of the other");
    must_fail(plmr_tiles_shift(of_a, of_b, NULL, 1), PLMR_ERROR_INPUT, "different regions");
    plmr_points *across, *inside;
    must(plmr_points_send(whole, "across", COLS, 3 * COLS + 6, 1, &across));
    must(plmr_points_send(a, "inside", 0, 1, 1, &inside));
    must_fail(plmr_points_run(across, of_b, of_b), PLMR_ERROR_INPUT, "a core that sends is not in the part b");
    must_fail(plmr_points_run(across, of_a, of_a), PLMR_ERROR_INPUT, "a core that receives is not in the part a");
    must_fail(plmr_points_run(inside, of_whole, of_a), PLMR_ERROR_INPUT, "tiles of another region");
    must(plmr_points_run(across, of_whole, of_b));
    must(plmr_points_run(across, of_a, of_whole));
    must(plmr_points_begin(inside, of_a, of_a));
    plmr_cost cost;
    must_fail(plmr_region_cost(whole, &cost), PLMR_ERROR_INPUT, "inside has begun and was never ended");
    must(plmr_points_end(inside));
    plmr_ring *line;
    must(plmr_ring_create(a, PLMR_X, PLMR_LINE, 1, &line));
    must(plmr_tiles_shift_begin(of_a, of_a, line, 1));
    must_fail(plmr_region_busy(whole, 1), PLMR_ERROR_INPUT, "plmr_region_busy: along x tiles are on their way to ta");
    must(plmr_tiles_end(of_a));
    must(plmr_region_busy(whole, 1));
    plmr_ring_destroy(line);
    plmr_points_destroy(across);
    plmr_points_destroy(inside);
    plmr_region_destroy(a);
    must(plmr_part_create(whole, "over", &(plmr_rectangle){7, 4, 2, 2}, &a));
    plmr_tiles_destroy(of_whole);
    test_region_close(&r);
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(as_the_whole), cmocka_unit_test(as_a_region),
                                          cmocka_unit_test(at_its_place), cmocka_unit_test(loads_of_links),
                                          cmocka_unit_test(limits),       cmocka_unit_test(cycles_in_all),
                                          cmocka_unit_test(refusals)};

TEST_MAIN(tests)
