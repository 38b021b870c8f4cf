/* Verbs in two steps: what cores have before, between and after; what a program says of itself; tiles of half floats. */
#include "tests/support.h"

#include <math.h>

#include "plmr/plmr.h"
#include "verbs/record.h"

enum { SIDE = 6, VALUES = 500 };

struct world {
    plmr_device device;
    struct test_region t;
    plmr_tiles *a, *b;
    plmr_ring *x, *y;
    int expected; /* what a holds: (column + expected) of the line, as fill says it */
};

static void fill(void *context, int row, int col)
{
    *plmr_tiles_at(((struct world *)context)->a, row, col) = (float)(10 * row + col);
}

static void holds(void *context, int row, int col)
{
    struct world *w = context;
    assert_true(*plmr_tiles_at(w->a, row, col) == (float)(10 * row + (col + w->expected) % SIDE));
}

static void open_world(struct world *w, bool values)
{
    plmr_region_options options = {.values = values};
    *w = (struct world){.device = test_device("wse2:shift_wavelet=0")};
    w->t = test_region_open(&w->device, SIDE, SIDE, &options);
    must(plmr_tiles_create(w->t.region, "a", VALUES, &w->a));
    must(plmr_tiles_create(w->t.region, "b", VALUES, &w->b));
    must(plmr_ring_create(w->t.region, PLMR_X, PLMR_NATURAL, 1, &w->x));
    must(plmr_ring_create(w->t.region, PLMR_Y, PLMR_NATURAL, 1, &w->y));
    must(plmr_each(w->t.region, fill, w));
}

static void close_world(struct world *w)
{
    plmr_ring_destroy(w->x);
    plmr_ring_destroy(w->y);
    plmr_tiles_destroy(w->a);
    plmr_tiles_destroy(w->b);
    test_region_close(&w->t);
}

static double cycles_of(struct world *w)
{
    plmr_cost cost;
    must(plmr_region_cost(w->t.region, &cost));
    return cost.t_cycles;
}

/* In place: what is sent may be computed with until the end; a buffer is charged, once. */
static void between_begin_and_end_nothing_has_come(void **state)
{
    (void)state;
    struct world w;
    plmr_cost cost;
    open_world(&w, true);
    for (int turn = 0; turn < 2; turn++) {
        w.expected = turn;
        must(plmr_tiles_shift_begin(w.a, w.a, w.x, -1));
        must(plmr_compute(w.t.region, 1, holds, &w));
        must(plmr_tiles_end(w.a));
        w.expected++;
        must(plmr_each(w.t.region, holds, &w));
    }
    must(plmr_region_cost(w.t.region, &cost));
    assert_int_equal(cost.sram_peak_bytes, 3 * 4 * VALUES);
    assert_int_equal(cost.steps, 2);
    close_world(&w);
}

/* A computation of 1,000 cycles hides a shift, on either axis, and both; at once it does not. */
static void work_hides_what_is_under_way(void **state)
{
    (void)state;
    struct world w;
    double t[2];
    for (int split = 0; split < 2; split++) {
        open_world(&w, false);
        for (int i = 0; i < 4; i++) {
            if (split) {
                must(plmr_tiles_shift_begin(w.a, w.a, w.x, -1));
                must(plmr_tiles_shift_begin(w.b, w.b, w.y, -1));
                must(plmr_region_busy(w.t.region, 1000));
                must(plmr_tiles_end(w.a));
                must(plmr_tiles_end(w.b));
            } else {
                must(plmr_tiles_shift(w.a, w.a, w.x, -1));
                must(plmr_tiles_shift(w.b, w.b, w.y, -1));
                must(plmr_region_busy(w.t.region, 1000));
            }
        }
        t[split] = cycles_of(&w);
        close_world(&w);
    }
    if (t[1] < 4000 || t[1] >= t[0])
        fail_msg("%g cycles with work in between, %g without", t[1], t[0]);
}

static void multicasts_come_at_the_end(void **state)
{
    (void)state;
    struct world w;
    open_world(&w, true);
    must(plmr_tiles_senders(w.t.region, PLMR_X, SIDE));
    must(plmr_tiles_multicast_begin(w.a, w.b, PLMR_X, 2));
    must(plmr_tiles_end(w.b));
    const float *b = plmr_tiles_at(w.b, 1, 4);
    assert_true(!b || *b == 12);
    close_world(&w);
}

static void programs_say_what_they_like(void **state)
{
    (void)state;
    struct world w;
    double t;
    open_world(&w, false);
    must(plmr_region_busy(w.t.region, 100));
    must(plmr_region_mark(w.t.region, "load"));
    must(plmr_region_busy(w.t.region, 50));
    must(plmr_region_mark(w.t.region, "solve"));
    must(plmr_region_busy(w.t.region, 25));
    must(plmr_region_mark(w.t.region, "load"));
    must(plmr_region_record(w.t.region, "residual", 0.5));
    must(plmr_region_clock(w.t.region, SIDE - 1, 0, &t));
    assert_true(t == 175);
    must_fail(plmr_region_clock(w.t.region, SIDE, 0, &t), PLMR_ERROR_INPUT, "outside the region");
    const struct plmr_own *own = w.t.region->own;
    assert_string_equal(own->key, "cycles_load");
    assert_true(own->value == 125 && own->next->value == 50 && own->next->next->value == 0.5);
    close_world(&w);
}

static void set_thirds(void *context, int row, int col)
{
    for (int i = 0; i < 6; i++)
        plmr_tiles_at(context, row, col)[i] = (float)(row + 1) / 3;
}

/* 1/3 as f16 is 0.333251953125, as bf16 0.333984375; a product of two is added up in f32. */
static void half_floats_are_rounded_and_charged_as_such(void **state)
{
    (void)state;
    static const enum plmr_dtype dtypes[] = {PLMR_F16, PLMR_BF16};
    static const float thirds[] = {0.333251953125f, 0.333984375f};
    for (int i = 0; i < 2; i++) {
        struct world w;
        plmr_tiles *h, *g, *sum;
        plmr_cost cost;
        open_world(&w, true);
        must(plmr_tiles_make(w.t.region, "h", dtypes[i], 2, 3, &h));
        must(plmr_tiles_make(w.t.region, "g", dtypes[i], 3, 2, &g));
        must(plmr_tiles_make(w.t.region, "sum", PLMR_F32, 2, 2, &sum));
        must(plmr_region_cost(w.t.region, &cost));
        assert_int_equal(cost.sram_peak_bytes, 2 * 4 * VALUES + 2 * 6 * 2 + 4 * 4);
        must(plmr_each(w.t.region, set_thirds, h));
        must(plmr_each(w.t.region, set_thirds, g));
        must(plmr_tiles_multiply_add(h, g, sum));
        const float *one = plmr_tiles_at(h, 0, 0), *product = plmr_tiles_at(sum, 0, 0);
        assert_true(!one || one[5] == thirds[i]);
        float chain = 0;
        for (int k = 0; k < 3; k++)
            chain = fmaf(thirds[i], thirds[i], chain);
        assert_true(!product || product[3] == chain);
        plmr_tiles_destroy(g);
        plmr_tiles_destroy(h);
        plmr_tiles_destroy(sum);
        close_world(&w);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(between_begin_and_end_nothing_has_come),
    cmocka_unit_test(work_hides_what_is_under_way),
    cmocka_unit_test(multicasts_come_at_the_end),
    cmocka_unit_test(programs_say_what_they_like),
    cmocka_unit_test(half_floats_are_rounded_and_charged_as_such),
};

TEST_MAIN(tests)
