/* Events of chosen cores: they follow each other without a gap and last as long as the core's clock has run; what they
 * say of each kind of work is the same with exact shortcuts and without, and with as many events as are kept. */
#include "tests/support.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "gemm/gemm.h"
#include "gemv/gemv.h"
#include "time/clock.h"
#include "time/trace.h"
#include "verbs/reduce.h"

enum { ROWS = 15, COLS = 15, SOME = 6, MANY = 10000 };

static const plmr_trace_core chosen[SOME] = {{0, 0}, {0, 14}, {3, 9}, {7, 7}, {8, 2}, {14, 14}};

/* What a core's events say. */
struct spent {
    double by_kind[PLMR_TRACE_N_KINDS], until;
    int64_t n_events, n_skipped, n_left_out;
};

struct seen {
    plmr_trace_core core[SOME];
    struct spent spent[SOME];
    int n;
};

static plmr_status see(void *context, const plmr_trace *trace, const plmr_trace_track *track)
{
    struct seen *seen = context;
    struct spent *spent = &seen->spent[seen->n];
    (void)trace;
    seen->core[seen->n++] = track->core;
    *spent = (struct spent){.n_events = track->n_events};
    for (int64_t i = 0; i < track->n_events; i++) {
        const plmr_trace_event *e = &track->events[i];
        if (e->kind == PLMR_TRACE_GROUP)
            continue;
        assert_true(e->start == spent->until && e->cycles > 0);
        spent->until = e->start + e->cycles;
        double parts = 0;
        for (int kind = 0; kind < PLMR_TRACE_N_KINDS; kind++) {
            double part = e->kind < PLMR_TRACE_N_KINDS ? (int)e->kind == kind ? e->cycles : 0 : e->by_kind[kind];
            assert_true(part >= 0);
            spent->by_kind[kind] += part;
            parts += part;
        }
        assert_true(parts == e->cycles);
        spent->n_skipped += e->kind == PLMR_TRACE_SKIPPED ? e->count : 0;
        spent->n_left_out += e->kind == PLMR_TRACE_LEFT_OUT ? e->count : 0;
    }
    return PLMR_OK;
}

/* The latest of the clocks of one core, wherever it is. */
static double clock_of(plmr_region *region, plmr_trace_core core)
{
    int r = core.row - region->first[PLMR_Y], c = core.col - region->first[PLMR_X];
    bool here = r >= 0 && r < region->count[PLMR_Y] && c >= 0 && c < region->count[PLMR_X];
    double t = here ? plmr_clock_at(region->clock, r, c) : 0;
    plmr_ranks_max(region->ranks, &t, 1);
    return t;
}

/* Something that runs on a region. */
struct program {
    const char *name;
    int which;
    plmr_status (*run)(plmr_region *region, int which);
};

static plmr_status run_gemm(plmr_region *region, int which)
{
    plmr_gemm_problem problem = {60, 75, 45, ROWS, COLS, PLMR_F16, PLMR_F32, false};
    const plmr_gemm_algorithm *algorithm = plmr_gemm_at(which);
    plmr_gemm *gemm;
    PLMR_TRY(plmr_gemm_open(algorithm, &problem, region, NULL, NULL, &gemm));
    plmr_status status = plmr_gemm_run(algorithm, gemm);
    plmr_clock_settle(region->clock);
    plmr_gemm_close(gemm);
    return status;
}

static plmr_status run_transposed(plmr_region *region, int which)
{
    plmr_gemm_problem problem = {60, 75, 45, ROWS, COLS, PLMR_F16, PLMR_F32, true};
    const plmr_gemm_algorithm *algorithm = plmr_gemm_at(which);
    plmr_gemm *gemm;
    if (!algorithm->run_transposed)
        return PLMR_OK;
    PLMR_TRY(plmr_gemm_open(algorithm, &problem, region, NULL, NULL, &gemm));
    plmr_status status = plmr_gemm_run(algorithm, gemm);
    plmr_clock_settle(region->clock);
    plmr_gemm_close(gemm);
    return status;
}

static plmr_status run_gemv(plmr_region *region, int which)
{
    plmr_gemv_problem problem = {100, 130, ROWS, COLS, PLMR_F16, PLMR_F32, {.n_levels = 2}};
    plmr_gemv *gemv;
    PLMR_TRY(plmr_gemv_open(plmr_gemv_at(which), &problem, region, NULL, NULL, &gemv));
    plmr_gemv_run(gemv);
    plmr_gemv_close(gemv);
    return PLMR_OK;
}

static plmr_status run_allreduce(plmr_region *region, int which)
{
    plmr_reduce_options options = {.n_levels = 3};
    for (int axis = 0; axis < 2; axis++) {
        plmr_reduce_plan *plan;
        PLMR_TRY(plmr_reduce_plan_create(plmr_reduce_at(which), region->device, (enum plmr_axis)axis,
                                         region->extent[axis], &options, &plan));
        plmr_allreduce_time(region, (enum plmr_axis)axis, plan, 40 + 30 * axis, 2);
        plmr_reduce_plan_destroy(plan);
    }
    return PLMR_OK;
}

/* Long enough for steady states: a ring that turns 700 times, beside work. */
static plmr_status run_ring(plmr_region *region, int which)
{
    plmr_ring *ring;
    PLMR_TRY(plmr_ring_create(region, PLMR_Y, which ? PLMR_NATURAL : PLMR_INTERLEAVED, 1, &ring));
    plmr_flow flow = plmr_flow_exchange(ring, "exchange", NULL);
    for (int i = 0; i < 700; i++) {
        plmr_flow_begin(&flow, 5);
        PLMR_TRY(plmr_region_busy(region, 3));
        plmr_flow_end(&flow);
    }
    plmr_clock_settle(region->clock);
    plmr_ring_destroy(ring);
    return PLMR_OK;
}

/* No step is like the one before. */
static plmr_status run_uneven(plmr_region *region, int which)
{
    plmr_ring *ring;
    PLMR_TRY(plmr_ring_create(region, PLMR_X, which ? PLMR_NATURAL : PLMR_INTERLEAVED, 1, &ring));
    plmr_flow flow = plmr_flow_exchange(ring, "exchange", NULL);
    for (int i = 0; i < 100; i++) {
        plmr_flow_begin(&flow, 5);
        PLMR_TRY(plmr_region_busy(region, i % 2 ? 30 : 300));
        plmr_flow_end(&flow);
    }
    plmr_clock_settle(region->clock);
    plmr_ring_destroy(ring);
    return PLMR_OK;
}

static plmr_status one_turn(void *context)
{
    plmr_region *region = context;
    plmr_reduce_plan *plan;
    PLMR_TRY(plmr_region_busy(region, 10));
    PLMR_TRY(plmr_reduce_plan_create(plmr_reduce_at(0), region->device, PLMR_Y, ROWS,
                                     &(plmr_reduce_options){.n_levels = 2}, &plan));
    plmr_allreduce_time(region, PLMR_Y, plan, 9, 4);
    plmr_reduce_plan_destroy(plan);
    return plmr_region_busy(region, 7);
}

static plmr_status run_turns(plmr_region *region, int which)
{
    int64_t n_run;
    return plmr_region_repeat(region, "turn", 20 + which, one_turn, region, &n_run);
}

/* Runs on a device with a trace, and checks each core's events against its clock. On rank 0 `seen` is what they say. */
static void trace_on(const plmr_device *device, const struct program *program, bool every_step, int64_t most,
                     struct seen *seen)
{
    plmr_region_options options = {.allow_memory = true, .allow_routes = true, .every_step = every_step};
    struct test_region t = test_region_open(device, ROWS, COLS, &options);
    plmr_cost cost;
    *seen = (struct seen){0};
    must(plmr_trace_attach(t.region, chosen, SOME, most));
    must(program->run(t.region, program->which));
    must(plmr_trace_gather(t.region, see, seen));
    must(plmr_region_cost(t.region, &cost));
    for (int i = 0; i < SOME; i++) {
        double expected = clock_of(t.region, chosen[i]);
        if (plmr_rank() > 0)
            continue;
        assert_int_equal(seen->core[i].row, chosen[i].row);
        assert_int_equal(seen->core[i].col, chosen[i].col);
        if (seen->spent[i].until != expected)
            fail_msg("%s %d, core (%d,%d): events end at %.4f, its clock at %.4f", program->name, program->which,
                     chosen[i].row, chosen[i].col, seen->spent[i].until, expected);
        assert_true(seen->spent[i].by_kind[PLMR_TRACE_COMPUTE] == cost.compute_cycles);
        assert_true(seen->spent[i].n_events <= most);
    }
    test_region_close(&t);
}

static void trace(const struct program *program, bool every_step, int64_t most, struct seen *seen)
{
    plmr_device device = test_device("wse2");
    trace_on(&device, program, every_step, most, seen);
}

static void same_kinds(const struct program *program, const struct seen *a, const struct seen *b)
{
    for (int i = 0; i < a->n; i++)
        for (int kind = 0; kind < PLMR_TRACE_N_KINDS; kind++)
            if (a->spent[i].by_kind[kind] != b->spent[i].by_kind[kind])
                fail_msg("%s %d, core %d: %s takes %.4f and %.4f cycles", program->name, program->which, i,
                         plmr_trace_kind_name((enum plmr_trace_kind)kind), a->spent[i].by_kind[kind],
                         b->spent[i].by_kind[kind]);
}

static void events_account_for_clocks(void **state)
{
    (void)state;
    const struct {
        struct program program;
        int n;
        bool skips;
    } all[] = {
        {{"gemm", 0, run_gemm}, plmr_gemm_count(), false},
        {{"transposed", 0, run_transposed}, plmr_gemm_count(), false},
        {{"gemv", 0, run_gemv}, plmr_gemv_count(), false},
        {{"allreduce", 0, run_allreduce}, plmr_reduce_count(), false},
        {{"ring", 0, run_ring}, 2, true},
        {{"turns", 0, run_turns}, 2, false},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        for (int which = 0; which < all[i].n; which++) {
            struct program program = all[i].program;
            struct seen every, skipping, few;
            program.which = which;
            trace(&program, true, MANY, &every);
            trace(&program, false, MANY, &skipping);
            trace(&program, false, 5, &few);
            if (plmr_rank() > 0)
                continue;
            same_kinds(&program, &every, &skipping);
            same_kinds(&program, &every, &few);
            assert_true(!all[i].skips || skipping.spent[0].n_skipped > 500);
            assert_true(every.spent[0].n_skipped == 0 && skipping.spent[0].n_left_out == 0);
            assert_true(few.spent[3].n_left_out > 0 || every.spent[3].n_events <= 5);
        }
}

/* In a chain from both ends the inner cores pass on what comes, the ends only send, the middle only takes. */
static plmr_status see_chain(void *context, const plmr_trace *trace, const plmr_trace_track *track)
{
    double *cycles = context;
    (void)trace;
    for (int64_t i = 0; i < track->n_events; i++)
        cycles[track->core.col * PLMR_TRACE_N_KINDS + (int)track->events[i].kind] += track->events[i].cycles;
    return PLMR_OK;
}

static void relays_are_told_from_ends(void **state)
{
    (void)state;
    enum { N = 9, W = 12 };
    plmr_device device = test_device("wse2");
    plmr_region_options options = {0};
    struct test_region t = test_region_open(&device, 4, N, &options);
    plmr_trace_core row[N];
    plmr_leg legs[N];
    double cycles[N * PLMR_TRACE_N_KINDS] = {0};
    int n_legs = 0;
    for (int i = 0; i < N; i++)
        row[i] = (plmr_trace_core){2, i};
    for (int i = 0; i < 4; i++)
        legs[n_legs++] = (plmr_leg){i, i + 1};
    for (int i = N - 1; i > 4; i--)
        legs[n_legs++] = (plmr_leg){i, i - 1};
    must(plmr_trace_attach(t.region, row, N, 100));
    plmr_clock_reduce(t.region->clock, PLMR_X, legs, n_legs, (plmr_leg_stream){W, 0, device.stage});
    must(plmr_trace_gather(t.region, see_chain, cycles));
    for (int i = 0; i < N && plmr_rank() == 0; i++) {
        const double *of = cycles + i * PLMR_TRACE_N_KINDS;
        bool end = i == 0 || i == N - 1, middle = i == 4;
        assert_true(of[PLMR_TRACE_SEND] == (end ? W : 0));
        assert_true(of[PLMR_TRACE_RELAY] == (end || middle ? 0 : W + device.stage));
        assert_true((of[PLMR_TRACE_RECEIVE] > 0) == !end);
        assert_true(!middle || of[PLMR_TRACE_RECEIVE] >= 2 * W);
    }
    test_region_close(&t);
}

/* A core before a border takes words in faster than it passes them on. */
static void slow_borders_are_accounted_for(void **state)
{
    (void)state;
    plmr_device device = test_device("wse2");
    device.border_rows = device.border_cols = 4;
    device.border_hop = 5;
    device.border_link = 50;
    for (int which = 0; which < plmr_reduce_count(); which++) {
        struct program program = {"allreduce over borders", which, run_allreduce};
        struct seen every, few;
        trace_on(&device, &program, true, MANY, &every);
        trace_on(&device, &program, false, 5, &few);
        if (plmr_rank() == 0)
            same_kinds(&program, &every, &few);
    }
}

static void unlike_steps_stay_apart(void **state)
{
    (void)state;
    for (int which = 0; which < 2; which++) {
        struct program program = {"uneven", which, run_uneven};
        struct seen every, folded;
        trace(&program, true, MANY, &every);
        trace(&program, false, MANY, &folded);
        for (int i = 0; i < SOME && plmr_rank() == 0; i++) {
            assert_int_equal(folded.spent[i].n_skipped, 0);
            assert_int_equal(folded.spent[i].n_events, every.spent[i].n_events);
        }
    }
}

/* Names as a program has them: any number, and gone before the end. */
enum { NAMES = 100 };

static plmr_status see_names(void *context, const plmr_trace *trace, const plmr_trace_track *track)
{
    const char *verb, *of;
    char expected[20];
    int n = 0;
    (void)context;
    for (int64_t i = 0; i < track->n_events; i++)
        if (track->events[i].kind == PLMR_TRACE_GROUP) {
            snprintf(expected, sizeof expected, "part %d", n++ % NAMES);
            plmr_trace_label(trace, track->events[i].label, &verb, &of);
            assert_string_equal(verb, expected);
            assert_null(of);
        }
    assert_int_equal(n, 2 * NAMES);
    return PLMR_OK;
}

static void names_are_kept(void **state)
{
    (void)state;
    plmr_device device = test_device("wse2");
    plmr_region_options options = {0};
    struct test_region t = test_region_open(&device, ROWS, COLS, &options);
    must(plmr_trace_attach(t.region, chosen, SOME, MANY));
    for (int i = 0; i < 2 * NAMES; i++) {
        char *name = plmr_take_text("part %d", i % NAMES);
        must(plmr_region_busy(t.region, 10));
        plmr_trace_section(t.region->trace, name);
        memset(name, '?', strlen(name));
        free(name);
    }
    must(plmr_trace_gather(t.region, see_names, NULL));
    test_region_close(&t);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(names_are_kept),
    cmocka_unit_test(events_account_for_clocks),
    cmocka_unit_test(slow_borders_are_accounted_for),
    cmocka_unit_test(unlike_steps_stay_apart),
    cmocka_unit_test(relays_are_told_from_ends),
};

TEST_MAIN(tests)
