/* The placement that is chosen: never worse for more of anything, and the best of all that are looked at. */
#include "more.h"

#include <math.h>
#include <time.h>

#include "infer/choose.h"
#include "infer/timing.h"
#include "infer/traffic.h"

static plmr_ranks *ranks;

static plmr_model_shape shape_of(uint32_t *state)
{
    int span = 4 + 2 * (int)(test_random(state) % 8), kv = 1 + (int)(test_random(state) % 4);
    return (plmr_model_shape){
        .name = "test",
        .arch = &plmr_arch_llama,
        .n_layers = 1 + (int)(test_random(state) % 9),
        .dim = 40 + (int)(test_random(state) % 200),
        .n_heads = 2 * kv,
        .n_kv_heads = kv,
        .head_dim = span,
        .rope_dim = span,
        .n_ffn = 60 + (int)(test_random(state) % 400),
        .n_vocab = 100 + (int)(test_random(state) % 900),
        .n_context = 4096,
        .logit_scale = 1,
        .dtype = PLMR_F16,
    };
}

static plmr_device device_of(uint32_t *state)
{
    plmr_device device = test_device("wse2");
    device.rows = 8 + (int)(test_random(state) % 30);
    device.cols = 8 + (int)(test_random(state) % 30);
    device.sram = 2500 + (int)(test_random(state) % 12000);
    return device;
}

struct trial {
    plmr_device device;
    plmr_model_shape shape;
    plmr_llm_setup setup;
    const plmr_aim *aim;
    bool decode, is_given; /* is_given: the cores of a region */
};

static plmr_candidate choose(const struct trial *t, plmr_llm_setup *setup)
{
    plmr_candidate best;
    *setup = t->setup;
    must(plmr_choose_phase(&t->device, &t->shape, t->aim, t->is_given, t->decode, setup, &best));
    return best;
}

/* Seconds, or less is better in any case. */
static double loss(const struct trial *t, const plmr_candidate *c)
{
    double loss = t->aim->loss(c);
    return loss > 0 ? loss / t->device.clock : loss;
}

static bool is_worse(double after, double before)
{
    return after > before + 1e-9 * fabs(before);
}

/* Half of them with experts that do not fit a wafer in a few layers, so that wafers may share them. */
static void make_mixture(plmr_model_shape *shape, uint32_t *state)
{
    shape->arch = plmr_arch_find("qwen3moe");
    shape->n_experts = 4 + (int)(test_random(state) % 13);
    shape->n_used = 1 + (int)(test_random(state) % 4);
    shape->n_expert_ffn = 20 + (int)(test_random(state) % 100);
}

static struct trial trial_of(uint32_t *state)
{
    struct trial t = {.device = device_of(state), .shape = shape_of(state)};
    t.aim = plmr_aim_at((int)(test_random(state) % (uint32_t)plmr_aim_count()));
    t.decode = test_random(state) % 3 > 0;
    t.setup.n_batch = test_random(state) % 2 ? 1 : 1 + (int)(test_random(state) % 12);
    t.setup.n_prompt = 1 + (int)(test_random(state) % 60);
    t.setup.n_tokens = t.setup.n_prompt + 1 + (int)(test_random(state) % 9);
    t.setup.n_wafers = 1 + (int)(test_random(state) % 3);
    if (test_random(state) % 2)
        t.setup.link = (plmr_wafer_link){1e5 * (1 + test_random(state) % 10000), 1e-6, NAN, false};
    t.is_given = test_random(state) % 2;
    for (int phase = 0; phase < PLMR_N_PHASES; phase++) {
        int side = 4 + (int)(test_random(state) % 4);
        t.setup.phase[phase] = (plmr_phase_setup){.rows = side, .cols = side, .tree = {.n_levels = 2}};
    }
    if (test_random(state) % 2)
        make_mixture(&t.shape, state);
    return t;
}

/* With as few wafers as hold it, more SRAM and more cores never take more of them either, nor longer on as many. */
static void check_fewest(struct trial less, struct trial more, uint32_t seed, const char *what)
{
    plmr_llm_setup setup;
    if (less.setup.n_wafers != more.setup.n_wafers)
        return;
    less.setup.n_wafers = more.setup.n_wafers = 0;
    plmr_candidate a = choose(&less, &setup), b = choose(&more, &setup);
    if (a.n_wafers && (b.n_wafers == 0 || b.n_wafers > a.n_wafers ||
                       (b.n_wafers == a.n_wafers && is_worse(loss(&more, &b), loss(&less, &a)))))
        fail_msg("seed %u, more %s: %d wafers, %g became %d, %g", seed, what, a.n_wafers, loss(&less, &a), b.n_wafers,
                 loss(&more, &b));
}

static void more_is_never_worse(void **state)
{
    (void)state;
    uint32_t first = (uint32_t)time(NULL);
    plmr_broadcast(&first, sizeof first);
    int n_placed = 0, n_better = 0, n_wide = 0;
    for (uint32_t i = 0; i < (plmr_rank_count() > 1 ? 4 : 150); i++) {
        uint32_t seed = first * 1000 + i, random = seed;
        struct trial less = trial_of(&random), more = less;
        plmr_llm_setup setup;
        const char *what;
        what = test_give_more(&more.device, &more.setup.n_wafers, &more.setup.link.bytes_s, &random);
        plmr_candidate a = choose(&less, &setup), b = choose(&more, &setup);
        double before = a.n_wafers ? loss(&less, &a) : 1e300, after = b.n_wafers ? loss(&more, &b) : 1e300;
        n_placed += a.n_wafers > 0;
        n_better += after < before;
        n_wide += b.wide > 1;
        if (is_worse(after, before))
            fail_msg("seed %u, %s of a batch of %d for %s: with more %s %dx%d cores, %d layers, %d times: %g became "
                     "%dx%d, %d, %d: %g",
                     seed, more.decode ? "decode" : "prefill", more.setup.n_batch, more.aim->name, what, a.rows, a.cols,
                     a.layers, a.replicas, before, b.rows, b.cols, b.layers, b.replicas, after);
        if (i % 5 == 0)
            check_fewest(less, more, seed, what);
    }
    if (plmr_rank() == 0)
        printf("seeds from %u: %d placed, %d better for more, %d with experts on several wafers\n", first * 1000,
               n_placed, n_better, n_wide);
    assert_true(plmr_rank_count() > 1 || (n_placed > 40 && n_better > 20));
}

/* Wafers share experts where that is better than dealing layers to them: where the way between them takes next to nothing,
 * not where it takes longer than a layer. */
static void experts_are_shared(void **state)
{
    (void)state;
    plmr_candidate by_link[2];
    plmr_llm_setup setup;
    for (int fast = 0; fast < 2; fast++) {
        uint32_t random = 5;
        struct trial t = {
            .device = device_of(&random), .shape = shape_of(&random), .aim = &plmr_aim_latency, .decode = true};
        t.device.rows = t.device.cols = 24;
        t.device.sram = 9000;
        t.shape.n_layers = 6;
        make_mixture(&t.shape, &random);
        t.setup = (plmr_llm_setup){.n_prompt = 30, .n_tokens = 32, .n_wafers = 4};
        t.setup.link = (plmr_wafer_link){1e15, fast ? 0 : 1e-3, NAN, false};
        t.setup.phase[PLMR_DECODE].tree.n_levels = 2;
        by_link[fast] = choose(&t, &setup);
        assert_true(by_link[fast].n_wafers > 0);
    }
    printf("%d %d %g %g\n", by_link[0].wide, by_link[1].wide, by_link[0].cycles, by_link[1].cycles);
    assert_int_equal(by_link[0].wide, 1);
    assert_true(by_link[1].wide > 1 && by_link[1].cycles < by_link[0].cycles);
}

/* What was chosen is what the time plane then says, and fits. */
static void is_what_it_says(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed < (plmr_rank_count() > 1 ? 4 : 30); seed++) {
        uint32_t random = seed;
        struct trial t = trial_of(&random);
        plmr_llm_setup setup;
        plmr_timing *timing;
        plmr_phase_cost cost, more;
        plmr_candidate c = choose(&t, &setup);
        if (!c.n_wafers)
            continue;
        double cycles = 0;
        setup.phase[!t.decode].rows = 0;
        setup.n_batch = t.aim->alone ? 1 : setup.n_batch;
        must(plmr_timing_create(ranks, &t.device, &t.shape, &setup, &timing));
        const plmr_placement *p = plmr_timing_placement(timing, t.decode);
        assert_int_equal(p->n_stages, c.n_stages);
        assert_int_equal(p->wide, c.wide);
        assert_true(p->n_stages * c.replicas * c.wide <= p->n_regions * c.n_wafers && c.n_wafers <= t.setup.n_wafers);
        assert_true((double)p->sram_bytes <= t.device.sram);
        for (int64_t i = setup.n_prompt; i < setup.n_tokens && t.decode; i++) {
            const plmr_phase_cost *token;
            must(plmr_timing_token(timing, i, &token));
            cycles += token->t_cycles;
        }
        if (!t.decode) {
            must(plmr_timing_prefill(timing, &cost));
            must(plmr_timing_relayout(timing, &more));
            cycles = cost.t_cycles + more.t_cycles;
        }
        assert_true(fabs(cycles / setup.n_batch / c.cycles - 1) < 1e-9 || t.aim->alone);
        plmr_timing_destroy(timing);
    }
}

static int set_up(void **state)
{
    (void)state;
    must(plmr_ranks_create(1, plmr_rank_count(), 1, plmr_rank_count(), &ranks));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    plmr_ranks_destroy(ranks);
    return 0;
}

/* The header's example. */
static void traffic_is_what_products_move(void **state)
{
    plmr_model *model;
    must(plmr_model_open("llama3-8b", &model));
    const plmr_model_shape *shape = plmr_model_shape_of(model);
    plmr_rank_traffic prompt = plmr_model_traffic(shape, 1, 2048, 0), token = plmr_model_traffic(shape, 1, 0, 1);
    assert_true(prompt.along_x == 4. * 2048 * (3 * 4096 + 14336));
    assert_true(prompt.along_y == 2. * 4096 * (2 * 4096 + 2 * 1024 + 3 * 14336));
    assert_true(token.along_x == 4. * 2 * 4096);
    assert_true(token.along_y == 4. * (4096 + 2 * 1024 + 2 * 14336 + 128256));
    plmr_rank_traffic both = plmr_model_traffic(shape, 1, 2048, 1);
    assert_true(both.along_x == prompt.along_x + token.along_x && both.along_y == prompt.along_y + token.along_y);
    plmr_model_close(model);
    (void)state;
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(traffic_is_what_products_move),
    cmocka_unit_test_setup_teardown(more_is_never_worse, set_up, tear_down),
    cmocka_unit_test_setup_teardown(experts_are_shared, set_up, tear_down),
    cmocka_unit_test_setup_teardown(is_what_it_says, set_up, tear_down),
};

TEST_MAIN(tests)
