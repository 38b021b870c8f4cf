/* The plans that WaferLLM is compared with: their times are what their mechanisms add up to, written out here by hand
 * for wse2, on any ranks. */
#include "support.h"

#include <math.h>

#include "baseline/plans.h"
#include "baseline/roofline.h"
#include "time/clock.h"
#include "time/points.h"

enum { SIDE = 12 };

static const plmr_region_options any = {.allow_memory = true, .allow_routes = true};

static const plmr_llm_plan *find(const char *name)
{
    for (int i = 0; i < plmr_llm_plan_count(); i++)
        if (strcmp(plmr_llm_plan_at(i)->name, name) == 0)
            return plmr_llm_plan_at(i);
    fail_msg("there is no plan %s", name);
    return NULL;
}

static plmr_cost multiply(const char *name, const plmr_llm_plan_product *product)
{
    plmr_device wse2 = test_device("wse2");
    struct test_region t = test_region_open(&wse2, SIDE, SIDE, &any);
    plmr_cost cost;
    must(find(name)->multiply(t.region, product));
    must(plmr_region_cost(t.region, &cost));
    test_region_close(&t);
    return cost;
}

/* Two exchanges of 50 + 1.25 W, a relay of 16 + W, two ramps of 2 and a hop. */
static double relay(double words)
{
    return 2 * (50 + 1.25 * words) + 16 + words + 5;
}

static void relays(void **state)
{
    (void)state;
    plmr_device wse2 = test_device("wse2");
    assert_true(plmr_relay_cycles(&wse2, 40) == relay(40));
    assert_true(plmr_relay_cycles(&wse2, 0) == 121);
}

/* The message that closes a ring of 12 is passed on by ten cores; B's starts when A's has been sent off. Multiplying
 * hides behind it. */
static void t10_waits_for_the_long_way_back(void **state)
{
    (void)state;
    plmr_llm_plan_product product = {.n_steps = SIDE, .words_a = 30, .words_b = 50, .multiply_cycles = 64, .n_macs = 7};
    plmr_cost cost = multiply("t10", &product);
    double a = 50 + 1.25 * 30, step = a + 5 + 50 + (SIDE - 2) * relay(50);
    assert_true(cost.t_cycles == SIDE * step);
    assert_true(cost.multiply_adds == 7.0 * SIDE * SIDE * SIDE);
    assert_true(cost.wavelet_hops == (uint64_t)(30 + 50) * (2 * SIDE - 2) * SIDE * SIDE);
    assert_true(cost.stages_critical == (SIDE - 2) * SIDE);
}

static void t10_multiplies_if_that_takes_longer(void **state)
{
    (void)state;
    plmr_llm_plan_product product = {.n_steps = SIDE, .words_a = 30, .words_b = 50, .multiply_cycles = 64000};
    assert_true(multiply("t10", &product).t_cycles == SIDE * (64000 + 100 + 1.25 * 80));
}

/* A core relays as many messages as the average fetch has hops, (12 + 12) / 3, for A and for B; then it multiplies. */
static void ladder_fetches_every_tile(void **state)
{
    (void)state;
    plmr_llm_plan_product product = {.n_steps = SIDE, .words_a = 30, .words_b = 50, .multiply_cycles = 64};
    plmr_cost cost = multiply("ladder", &product);
    assert_true(cost.t_cycles == SIDE * (8 * (relay(30) + 495) + 8 * (relay(50) + 495) + 64));
    assert_true(cost.wavelet_hops == (uint64_t)80 * 8 * SIDE * SIDE * SIDE);
}

/* There and back through every core: 2 x 11 legs of 5 cycles, 2.17 of software at the cores between; the last words
 * come W cycles after the first. */
static void t10_adds_up_by_a_chain(void **state)
{
    (void)state;
    plmr_device wse2 = test_device("wse2");
    struct test_region t = test_region_open(&wse2, SIDE, SIDE, &any);
    plmr_cost cost;
    must(find("t10")->allreduce(t.region, PLMR_Y, 9));
    must(plmr_region_cost(t.region, &cost));
    double legs = 2 * (SIDE - 1) * 5, software = 2 * (SIDE - 2) * plmr_device_quantise(2.17);
    assert_true(fabs(cost.t_cycles - (legs + software + 2 * 9)) <= 2.5);
    assert_true(cost.hops_critical == 2 * (SIDE - 1));
    assert_true(cost.wavelet_hops == 2 * 9 * (SIDE - 1) * SIDE);
    test_region_close(&t);
}

/* By hand, of one layer: 12 d^2 weights, and an output of v d. */
static void roofs(void **state)
{
    (void)state;
    plmr_model_shape shape = {.arch = &plmr_arch_llama,
                              .n_layers = 1,
                              .dim = 1000,
                              .n_heads = 10,
                              .n_kv_heads = 10,
                              .head_dim = 100,
                              .n_ffn = 2000,
                              .n_vocab = 2000};
    double layer = 4 * 1e6 + 3 * 2e6 + 2 * 1e3 + 1e3; /* with the model's last norm */
    double decode_bytes = 2 * (layer + 2e6) + 50 * 2 * 1000 * 2;
    double prefill_flops = 8000 * (2 * layer + 4 * 4000 * 1000.0) + 2 * 2e6;
    assert_true(fabs(plmr_roofline_token_s(&plmr_gpu_a100, 1, &shape, 50) * 2.039e12 / decode_bytes - 1) < 1e-12);
    assert_true(fabs(plmr_roofline_prefill_s(&plmr_gpu_a100, 8, &shape, 8000) * 8 * 312e12 / prefill_flops - 1) <
                1e-12);
    assert_true(fabs(plmr_roofline_gemv_s(&plmr_gpu_a100, 2, 1000, 1000) * 2 * 2.039e12 / 2e6 - 1) < 1e-12);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(relays),
    cmocka_unit_test(t10_waits_for_the_long_way_back),
    cmocka_unit_test(t10_multiplies_if_that_takes_longer),
    cmocka_unit_test(ladder_fetches_every_tile),
    cmocka_unit_test(t10_adds_up_by_a_chain),
    cmocka_unit_test(roofs),
};

TEST_MAIN(tests)
