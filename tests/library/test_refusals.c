/* Whatever a program asks of the public library that cannot be is one line and PLMR_ERROR_INPUT, on every rank, and
 * leaves the region as it was. */
#include "tests/support.h"

#include <limits.h>
#include <math.h>

#include "plmr/plmr.h"

enum { SIDE = 12 };

/* A region with tiles and rings to misuse, and another. */
struct world {
    plmr_device device;
    struct test_region mine, other;
    plmr_tiles *t, *wide, *foreign;
    plmr_ring *x, *y, *line, *slots, *foreign_x;
};

/* In place: its regions keep where its device is. */
static void open_world(struct world *w, bool values)
{
    plmr_region_options options = {.values = values};
    *w = (struct world){.device = test_device("wse2")};
    w->mine = test_region_open(&w->device, SIDE, SIDE, &options);
    w->other = test_region_open(&w->device, SIDE + 5, SIDE + 5, &options);
    must(plmr_tiles_create(w->mine.region, "t", 4, &w->t));
    must(plmr_tiles_create(w->mine.region, "wide", 8, &w->wide));
    must(plmr_tiles_create(w->other.region, "foreign", 4, &w->foreign));
    must(plmr_ring_create(w->mine.region, PLMR_X, PLMR_INTERLEAVED, 1, &w->x));
    must(plmr_ring_create(w->mine.region, PLMR_Y, PLMR_INTERLEAVED, 1, &w->y));
    must(plmr_ring_create(w->mine.region, PLMR_X, PLMR_LINE, 1, &w->line));
    must(plmr_ring_create(w->mine.region, PLMR_X, PLMR_INTERLEAVED, 3, &w->slots));
    must(plmr_ring_create(w->other.region, PLMR_X, PLMR_INTERLEAVED, 1, &w->foreign_x));
}

static void close_world(struct world *w)
{
    plmr_ring *rings[] = {w->x, w->y, w->line, w->slots, w->foreign_x};
    for (size_t i = 0; i < sizeof rings / sizeof *rings; i++)
        plmr_ring_destroy(rings[i]);
    plmr_tiles_destroy(w->t);
    plmr_tiles_destroy(w->wide);
    plmr_tiles_destroy(w->foreign);
    test_region_close(&w->mine);
    test_region_close(&w->other);
}

/* A program has no options of plmr, so no text names one. */
static void refused_by(plmr_status status, enum plmr_code code, const char *words)
{
    assert_null(strstr(plmr_error_text(status), "--"));
    assert_null(strchr(plmr_error_text(status), '\n'));
    must_fail(status, code, words);
}

static void refused(plmr_status status, const char *words)
{
    refused_by(status, PLMR_ERROR_INPUT, words);
}

static void shifts(void **state)
{
    (void)state;
    struct world w;
    open_world(&w, true);
    refused(plmr_tiles_shift(NULL, w.t, w.x, 1), "NULL");
    refused(plmr_tiles_shift(w.t, NULL, w.x, 1), "NULL");
    refused(plmr_tiles_shift(w.t, w.t, NULL, 1), "ring is NULL");
    refused(plmr_tiles_shift(w.t, w.wide, w.x, 1), "different size");
    refused(plmr_tiles_shift(w.t, w.t, w.x, 2), "not 2");
    refused(plmr_tiles_shift(w.t, w.foreign, w.x, 1), "different regions");
    refused(plmr_tiles_shift(w.foreign, w.t, w.x, 1), "different regions");
    refused(plmr_tiles_shift(w.t, w.t, w.foreign_x, 1), "different regions");
    refused(plmr_tiles_shift(w.t, w.t, w.slots, 1), "3 slots");
    refused(plmr_tiles_align(NULL, w.x, w.y, 1), "NULL");
    refused(plmr_tiles_align(w.t, NULL, w.y, 1), "ring is NULL");
    refused(plmr_tiles_align(w.t, w.x, NULL, 1), "ring is NULL");
    refused(plmr_tiles_align(w.t, w.x, w.x, 1), "on the other");
    refused(plmr_tiles_align(w.t, w.x, w.y, 0), "not 0");
    refused(plmr_tiles_align(w.t, w.slots, w.y, 1), "3 slots");
    refused(plmr_tiles_align(w.t, w.line, w.y, 1), "line");
    refused(plmr_tiles_align(w.foreign, w.foreign_x, w.y, 1), "different regions");
    must(plmr_tiles_shift(w.t, w.t, w.x, 1));
    must(plmr_tiles_align(w.t, w.x, w.y, 1));
    close_world(&w);
}

/* What is on its way along one axis is in nobody's way along the other, but for where it goes. */
static void one_target(void **state)
{
    (void)state;
    for (int values = 0; values < 2; values++) {
        struct world w;
        open_world(&w, values);
        must(plmr_tiles_shift_begin(w.t, w.t, w.x, 1));
        const char *words = "on their way to t along x already: call plmr_tiles_end first";
        refused(plmr_tiles_shift_begin(w.t, w.t, w.y, 1), words);
        refused(plmr_tiles_shift(w.t, w.t, w.y, -1), words);
        refused(plmr_tiles_multicast_begin(w.t, w.t, PLMR_Y, 3), words);
        must(plmr_tiles_end(w.t));
        refused(plmr_tiles_end(w.t), "nothing is on its way to t");
        must(plmr_tiles_multicast_begin(w.t, w.t, PLMR_Y, 3));
        refused(plmr_tiles_shift_begin(w.t, w.t, w.x, 1), "along y already");
        plmr_tiles_destroy(w.t);
        must(plmr_tiles_create(w.mine.region, "t", 4, &w.t));
        must(plmr_tiles_shift(w.t, w.t, w.y, 1));
        close_world(&w);
    }
}

/* A flow that has begun and whose target is gone is the region's error, and no more under way. */
static void targets_of_flows(void **state)
{
    (void)state;
    const char *words = "s has begun and brings values to gone: call plmr_points_end before those are destroyed";
    for (int which = 0; which < 6; which++) {
        struct world w;
        plmr_region *part = NULL;
        plmr_tiles *gone;
        plmr_points *s;
        bool in_part = which / 2 > 0, of_part = which / 2 == 2;
        open_world(&w, which % 2);
        plmr_region *region = w.mine.region;
        if (in_part)
            must(plmr_part_create(region, "part", &(plmr_rectangle){0, 0, 6, 6}, &part));
        must(plmr_tiles_create(in_part ? part : region, "gone", 4, &gone));
        must(plmr_points_send(of_part ? part : region, "s", 0, 1, 4, &s));
        must(plmr_points_begin(s, of_part ? gone : w.t, gone));
        if (in_part && !of_part)
            plmr_region_destroy(part);
        else
            plmr_tiles_destroy(gone);
        refused(plmr_points_end(s), words);
        refused(plmr_points_begin(s, w.t, w.t), words);
        plmr_points_destroy(s);
        if (of_part)
            plmr_region_destroy(part);
        refused(plmr_compute(region, 1, NULL, NULL), words);
        close_world(&w);
    }
}

static void collectives(void **state)
{
    (void)state;
    struct world w;
    open_world(&w, true);
    refused(plmr_tiles_multicast(NULL, PLMR_X, 0), "NULL");
    refused(plmr_tiles_multicast(w.t, (enum plmr_axis)5, 0), "no axis 5");
    refused(plmr_tiles_multicast(w.t, PLMR_X, SIDE), "core 12");
    refused(plmr_tiles_multicast(w.t, PLMR_X, -1), "core -1");
    refused(plmr_tiles_allreduce(NULL, PLMR_X, "chain"), "NULL");
    refused(plmr_tiles_sum(NULL, "chain"), "NULL");
    refused(plmr_tiles_allreduce(w.t, (enum plmr_axis)2, "chain"), "no axis 2");
    refused(plmr_tiles_allreduce(w.t, PLMR_X, "sum"), "no allreduce 'sum'");
    refused(plmr_tiles_allreduce(w.t, PLMR_X, NULL), "'name' is NULL");
    must(plmr_tiles_multicast(w.t, PLMR_Y, SIDE - 1));
    must(plmr_tiles_allreduce(w.t, PLMR_Y, "chain"));
    close_world(&w);
}

static void computing(void **state)
{
    (void)state;
    struct world w;
    open_world(&w, true);
    plmr_region *region = w.mine.region;
    const double wrong[] = {-100, -0x1p-60, NAN, INFINITY, -INFINITY, 1e18, 0x1.00001p47};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        refused(plmr_compute(region, wrong[i], NULL, NULL), "cycles");
        refused(plmr_region_busy(region, wrong[i]), "cycles");
    }
    refused(plmr_compute(NULL, 1, NULL, NULL), "NULL");
    refused(plmr_compute_listed(NULL, wrong), "plmr_compute_listed: the region is NULL");
    refused(plmr_points_run(NULL, NULL, NULL), "plmr_points_run: 'points' is NULL");
    refused(plmr_region_busy(NULL, 1), "NULL");
    must(plmr_compute(region, 0x1p46, NULL, NULL));
    must(plmr_compute(region, 0x1p46, NULL, NULL));
    refused(plmr_compute(region, 1, NULL, NULL), "2^47 in all");
    plmr_cost cost;
    must(plmr_region_cost(region, &cost));
    assert_true(cost.t_cycles == 0x1p47);
    close_world(&w);
}

static void makers(void **state)
{
    (void)state;
    struct world w;
    open_world(&w, true);
    plmr_region *region = w.mine.region;
    plmr_ring *ring;
    plmr_tiles *tiles;
    refused(plmr_ring_create(NULL, PLMR_X, PLMR_NATURAL, 1, &ring), "NULL");
    refused(plmr_ring_create(region, (enum plmr_axis)7, PLMR_NATURAL, 1, &ring), "no axis 7");
    refused(plmr_ring_create(region, PLMR_X, (enum plmr_ring_kind)3, 1, &ring), "kind 3");
    refused(plmr_ring_create(region, PLMR_X, PLMR_NATURAL, 0, &ring), "0 slots");
    refused(plmr_ring_create(region, PLMR_X, PLMR_NATURAL, -1, &ring), "-1 slots");
    refused(plmr_ring_create(region, PLMR_X, PLMR_NATURAL, INT_MAX, &ring), "slots");
    refused(plmr_ring_create(region, PLMR_X, PLMR_NATURAL, 1, NULL), "'out' is NULL");
    refused(plmr_tiles_create(NULL, "t", 1, &tiles), "NULL");
    refused(plmr_tiles_create(region, NULL, 1, &tiles), "'name' is NULL");
    refused(plmr_tiles_create(region, "none", 0, &tiles), "not 1 x 0");
    refused(plmr_tiles_create(region, "none", -1, &tiles), "not 1 x -1");
    refused(plmr_tiles_create(region, "t", 1, NULL), "'out' is NULL");
    refused_by(plmr_tiles_create(region, "huge", 1 << 30, &tiles), PLMR_ERROR_LIMIT, "huge");
    refused_by(plmr_region_charge(region, "more", 1 << 20), PLMR_ERROR_LIMIT, "allow_memory");
    plmr_status status = PLMR_OK;
    for (int from = 0; from < SIDE && !status; from++)
        status = plmr_tiles_multicast(w.t, PLMR_X, from);
    const char *const names[] = {"chain", "star", "tree", "two-phase", "ktree", "ring"};
    for (int i = 0; i < 6 && !status; i++)
        status = plmr_tiles_allreduce(w.t, PLMR_X, names[i]);
    refused_by(status, PLMR_ERROR_LIMIT, "allow_routes");
    close_world(&w);
}

static void regions(void **state)
{
    (void)state;
    struct world w;
    open_world(&w, true);
    plmr_region *region;
    plmr_region_options options = {0}, backwards = {.pace = -1}, nowhere = {.pace = NAN};
    plmr_ranks *ranks = w.mine.ranks;
    refused(plmr_region_create(NULL, &w.device, 12, 12, &options, &region), "'ranks' is NULL");
    refused(plmr_region_create(ranks, NULL, 12, 12, &options, &region), "'device' is NULL");
    refused(plmr_region_create(ranks, &w.device, 12, 12, NULL, &region), "'options' is NULL");
    refused(plmr_region_create(ranks, &w.device, 12, 12, &options, NULL), "'out' is NULL");
    refused(plmr_region_create(ranks, &w.device, 0, 12, &options, &region), "0x12");
    refused(plmr_region_create(ranks, &w.device, 12, -1, &options, &region), "12x-1");
    refused(plmr_region_create(ranks, &w.device, 12, 12, &backwards, &region), "pace");
    refused(plmr_region_create(ranks, &w.device, 12, 12, &nowhere, &region), "pace");
    refused(plmr_region_create(ranks, &w.device, 1000, 12, &options, &region), "larger device");
    must(plmr_region_create(ranks, &w.device, 2, 2, &options, &region));
    refused(plmr_ring_create(region, PLMR_X, PLMR_INTERLEAVED, 1, &w.x), "at least 3 cores");
    plmr_region_destroy(region);
    region = w.mine.region;
    refused(plmr_region_charge(NULL, "it", 1), "NULL");
    refused(plmr_region_charge(region, NULL, 1), "'what' is NULL");
    refused(plmr_region_charge(region, "it", -1000000), "it cannot take -1000000");
    refused(plmr_region_charge(region, "it", INT64_MAX), "it cannot take");
    refused(plmr_region_cost(region, NULL), "'cost' is NULL");
    plmr_cost cost;
    refused(plmr_region_cost(NULL, &cost), "NULL");
    must(plmr_region_cost(region, &cost));
    close_world(&w);
}

/* Devices whose numbers a program has set. */
static void devices_by_hand(void **state)
{
    (void)state;
    struct test_region t;
    plmr_device device = test_device("wse2"), all_bits;
    plmr_region_options options = {0};
    plmr_region *region;
    t = test_region_open(&device, SIDE, SIDE, &options);
#define TRY(key, value, words)                                                                                         \
    do {                                                                                                               \
        plmr_device wrong = device;                                                                                    \
        wrong.key = value;                                                                                             \
        refused(plmr_region_create(t.ranks, &wrong, SIDE, SIDE, &options, &region), words);                            \
    } while (0)
    TRY(wavelet, 0, "wse2: wavelet: 0 is out of range, expected bytes (1 to 4096)");
    TRY(wavelet, 2.5, "wavelet: 2.5 is not a whole number");
    TRY(hop, -5, "hop: -5 is out of range");
    TRY(hop, NAN, "hop: ");
    TRY(sram, INFINITY, "sram: inf is out of range");
    TRY(routes, 1e30, "routes: 1e+30 is out of range");
    TRY(mac_group_f16, 0, "mac_group_f16: 0 is out of range");
    TRY(topology, (enum plmr_topology)9, "no topology 9");
    TRY(router, (enum plmr_router)7, "no router 7");
    TRY(dead.n, PLMR_MOST_DEFECTS + 1, "dead: has 257 entries");
    TRY(slow.n, -1, "slow: has -1 entries");
    const plmr_defect_list quick = {1, {{.row = 1, .col = 1, .factor = 0.5}}},
                           none = {1, {{.row = 1, .col = 1, .factor = NAN}}};
    const plmr_defect_list falling = {2, {{.row = 1, .col = 1}, {.row = 0, .col = 1}}},
                           twice = {2, {{.row = 1}, {.row = 1}}};
    const plmr_defect_list far = {1, {{1, 1, 1, 3, 0}}};
    TRY(slow, quick, "slow: entry 0 is not as a file's are");
    TRY(slow, none, "slow: entry 0 is not as a file's are");
    TRY(dead, falling, "dead: entry 1 is not as a file's are");
    TRY(dead, twice, "dead: entry 1 is not as a file's are");
    TRY(dead_links, far, "dead_links: entry 0 is not as a file's are");
    TRY(first[PLMR_X], 3, "`first` is a part's own affair");
#undef TRY
    memset(&all_bits, 0xff, sizeof all_bits);
    refused(plmr_region_create(t.ranks, &all_bits, SIDE, SIDE, &options, &region), "rows: ");
    device.wavelet = device.mac_group_f16 = NAN;
    assert_int_equal(plmr_device_wavelets(&device, 8), -1);
    assert_true(isnan(plmr_device_gemv_cycles(&device, PLMR_F16, 3, 3)));
    device.wavelet = 4;
    assert_int_equal(plmr_device_wavelets(&device, INT64_MAX), INT64_MAX / 4 + 1);
    test_region_close(&t);
    assert_string_equal(plmr_dtype_name(PLMR_BF16), "bf16");
    assert_string_equal(plmr_dtype_name((enum plmr_dtype)99), "unknown");
}

/* Cores that have no number, and messages of more words than one has. */
static void sizes_of_flows(void **state)
{
    (void)state;
    enum { WIDE = 46341 };
    plmr_device device = test_device("wse2");
    plmr_region_options options = {0};
    plmr_points *flow;
    device.wavelet = 1;
    struct test_region t = test_region_open(&device, 2, 2, &options);
    t.region->extent[PLMR_X] = t.region->extent[PLMR_Y] = WIDE; /* as of a region that no test has memory for */
    const char *words = "messages are among at most 2^31 cores, and the region has 46341x46341";
    refused(plmr_points_send(t.region, "s", 0, 1, 1, &flow), words);
    refused(plmr_points_gather(t.region, "s", 0, 1, &flow), words);
    refused(plmr_points_transpose(t.region, "s", 1, &flow), words);
    t.region->extent[PLMR_X] = t.region->extent[PLMR_Y] = 2;
    refused(plmr_points_send(t.region, "s", 0, 1, 600000000, &flow),
            "a message has 600000000 values, and at most 2^31");
    refused(plmr_points_all_to_all(t.region, "s", PLMR_X, 600000000, &flow), "has 600000000 values");
    test_region_close(&t);
}

static plmr_status no_verbs(plmr_region *region, void *context)
{
    (void)region, (void)context;
    return PLMR_OK;
}

static void words_of_commands(void **state)
{
    (void)state;
    const plmr_program program = {.name = "program", .rows = 4, .cols = 4, .run = no_verbs};
    refused(plmr_commands_run(2, (const char *const[]){"gemm", NULL}), "word 1 of the command line is NULL");
    refused(plmr_commands_run(3, (const char *const[]){"list", "--json", NULL}), "word 2 of the command line");
    refused(plmr_program_run(&program, 2, NULL), "word 1 of the command line is NULL");
    refused(plmr_program_run(&(plmr_program){.name = "a"}, 0, NULL), "the program's function 'run' is NULL");
}

static void devices(void **state)
{
    (void)state;
    plmr_device device = test_device("wse2");
    char **names;
    int n;
    refused(plmr_device_load(NULL, &device), "'name_or_file' is NULL");
    refused(plmr_device_load("wse2", NULL), "'device' is NULL");
    refused(plmr_device_parse(NULL, "file", &device), "'text' is NULL");
    refused(plmr_device_parse("{}", NULL, &device), "'file' is NULL");
    refused(plmr_device_parse("{}", "file", NULL), "'device' is NULL");
    refused(plmr_device_names(NULL, &n), "'names' is NULL");
    refused(plmr_device_names(&names, NULL), "'n_names' is NULL");
    plmr_device_print(NULL, &device);
    plmr_device_print(stdout, NULL);
    assert_int_equal(plmr_device_wavelets(NULL, 1), -1);
    assert_int_equal(plmr_device_wavelets(&device, -1), -1);
    assert_true(isnan(plmr_device_vector_cycles(NULL, PLMR_F16, 1)));
    assert_true(isnan(plmr_device_vector_cycles(&device, PLMR_F16, -1)));
    assert_true(isnan(plmr_device_multiply_cycles(NULL, PLMR_F16, 1, 1, 1)));
    assert_true(isnan(plmr_device_multiply_cycles(&device, PLMR_F16, 1, -1, 1)));
    assert_true(isnan(plmr_device_multiply_cycles(&device, PLMR_F16, 1, 1, -1)));
    assert_true(isnan(plmr_device_gemv_cycles(NULL, PLMR_F16, 1, 1)));
    assert_true(isnan(plmr_device_gemv_cycles(&device, PLMR_F16, -1, 1)));
    assert_true(isnan(plmr_energy_sum(plmr_device_energy(NULL, PLMR_F16, 1, 1, 1))));
}

static void numbers_of_records(void **state)
{
    (void)state;
    struct world w;
    open_world(&w, false);
    plmr_region *region = w.mine.region;
    refused(plmr_region_record(NULL, "a", 1), "NULL");
    refused(plmr_region_mark(NULL, "a"), "plmr_region_mark: the region is NULL");
    must(plmr_region_record(region, "cycles_q", 5));
    refused(plmr_region_mark(region, "q"), "cycles_q is a number of the program's own already");
    must(plmr_region_mark(region, "w"));
    refused(plmr_region_record(region, "cycles_w", 5), "cycles_w is the cycles of a part");
    must(plmr_region_mark(region, "w"));
    refused(plmr_region_record(region, "a", NAN), "no number of a record");
    refused(plmr_region_record(region, "a", -INFINITY), "a: -inf is no number of a record");
    must(plmr_region_record(region, "a", -1e300));
    close_world(&w);
}

static void ranks_of_a_run(void **state)
{
    (void)state;
    plmr_ranks *ranks;
    int n = plmr_rank_count();
    refused(plmr_init(NULL, NULL), "once per process");
    refused(plmr_ranks_create(0, 0, SIDE, SIDE, NULL), "'out' is NULL");
    refused(plmr_ranks_create(0, 0, 0, SIDE, &ranks), "not 0x12");
    refused(plmr_ranks_create(0, 0, SIDE, -1, &ranks), "not 12x-1");
    refused(plmr_ranks_create(-1, -n, SIDE, SIDE, &ranks), "rows x columns");
    refused(plmr_ranks_create(1, 0, SIDE, SIDE, &ranks), "rows x columns");
    refused(plmr_ranks_create(n + 1, 1, SIDE, SIDE, &ranks), "rows x columns");
    assert_int_equal(plmr_ranks_extent(NULL, PLMR_X), 0);
    assert_int_equal(plmr_ranks_place(NULL, PLMR_X), -1);
    must(plmr_ranks_create(0, 0, SIDE, SIDE, &ranks));
    assert_int_equal(plmr_ranks_extent(ranks, (enum plmr_axis)2), 0);
    assert_int_equal(plmr_ranks_place(ranks, (enum plmr_axis)2), -1);
    plmr_ranks_destroy(ranks);
    plmr_ranks_destroy(NULL);
    assert_int_equal(plmr_error_code(PLMR_OK), 0);
    assert_string_equal(plmr_error_text(PLMR_OK), "success");
    plmr_error_free(PLMR_OK);
}

/* What returns no status says nothing, or leaves it to the next verb. */
static void without_status(void **state)
{
    (void)state;
    struct world w;
    open_world(&w, true);
    plmr_cost cost;
    assert_null(plmr_tiles_at(NULL, 0, 0));
    const int outside[][2] = {{999, -1}, {-1, 0}, {0, SIDE}, {SIDE, 0}, {INT_MIN, INT_MAX}};
    for (size_t i = 0; i < sizeof outside / sizeof *outside; i++)
        assert_null(plmr_tiles_at(w.t, outside[i][0], outside[i][1]));
    assert_int_equal(plmr_ring_slots(NULL), 0);
    assert_int_equal(plmr_ring_position(NULL, 0), -1);
    assert_int_equal(plmr_ring_core(NULL, 0), -1);
    const int beyond[] = {-1, -5, SIDE, 99999, INT_MIN, INT_MAX};
    for (size_t i = 0; i < sizeof beyond / sizeof *beyond; i++) {
        assert_int_equal(plmr_ring_position(w.x, beyond[i]), -1);
        assert_int_equal(plmr_ring_core(w.x, beyond[i]), -1);
    }
    plmr_tiles_destroy(NULL);
    plmr_ring_destroy(NULL);
    plmr_region_destroy(NULL);
    plmr_region_release(NULL, 1);
    must(plmr_region_cost(w.mine.region, &cost));
    plmr_region_release(w.mine.region, 1000000);
    refused(plmr_compute(w.mine.region, 1, NULL, NULL), "1000000 bytes of SRAM cannot be released");
    refused(plmr_region_cost(w.mine.region, &cost), "cannot be released");
    plmr_region_release(w.other.region, -1);
    refused(plmr_tiles_allreduce(w.foreign, PLMR_X, "chain"), "-1 bytes of SRAM cannot be released");
    close_world(&w);
}

/* A program that depends on values has another course in timing mode: no verb, and no result, after it has looked. */
static void values_without_values(void **state)
{
    (void)state;
    struct world w;
    open_world(&w, false);
    plmr_region *region = w.mine.region;
    plmr_cost cost;
    plmr_ring *ring;
    assert_false(plmr_region_has_values(region));
    assert_false(plmr_region_has_values(NULL));
    must(plmr_tiles_shift(w.t, w.t, w.x, 1));
    must(plmr_region_cost(region, &cost));
    float *tile = plmr_tiles_at(w.t, 0, 0);
    assert_int_equal(tile != NULL, region->first[PLMR_X] == 0 && region->first[PLMR_Y] == 0);
    for (int i = 0; i < 4 && tile; i++)
        assert_true(tile[i] == 0);
    const char *words = "t has no values in a run for time alone";
    refused(plmr_tiles_shift(w.t, w.t, w.x, 1), words);
    refused(plmr_tiles_shift(w.t, w.t, w.x, 1), words);
    refused(plmr_tiles_align(w.t, w.x, w.y, 1), words);
    refused(plmr_tiles_multicast(w.wide, PLMR_X, 0), words);
    refused(plmr_tiles_allreduce(w.wide, PLMR_X, "chain"), words);
    refused(plmr_compute(region, 1, NULL, NULL), words);
    refused(plmr_region_charge(region, "it", 1), words);
    refused(plmr_ring_create(region, PLMR_X, PLMR_LINE, 1, &ring), words);
    refused(plmr_region_cost(region, &cost), words);
    must(plmr_region_cost(w.other.region, &cost));
    close_world(&w);
    open_world(&w, true);
    assert_true(plmr_region_has_values(w.mine.region));
    plmr_tiles_at(w.t, 0, 0);
    must(plmr_region_cost(w.mine.region, &cost));
    close_world(&w);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(one_target),     cmocka_unit_test(targets_of_flows),  cmocka_unit_test(devices_by_hand),
    cmocka_unit_test(sizes_of_flows), cmocka_unit_test(words_of_commands), cmocka_unit_test(numbers_of_records),
    cmocka_unit_test(shifts),         cmocka_unit_test(collectives),       cmocka_unit_test(computing),
    cmocka_unit_test(makers),         cmocka_unit_test(regions),           cmocka_unit_test(devices),
    cmocka_unit_test(ranks_of_a_run), cmocka_unit_test(without_status),    cmocka_unit_test(values_without_values),
};

TEST_MAIN(tests)
