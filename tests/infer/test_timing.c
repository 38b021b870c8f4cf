/* The time plane of language models: shortcuts are exact, work adds up, memory is what the placement says. */
#include "support.h"

#include "infer/step.h"
#include "infer/timing.h"

/* A shape of its own, a few layers long. */
static plmr_model_shape shape_of(int n_heads, int n_kv_heads, int head_dim, int n_ffn)
{
    return (plmr_model_shape){
        .name = "test",
        .arch = &plmr_arch_llama,
        .n_layers = 7,
        .dim = n_heads * head_dim,
        .n_heads = n_heads,
        .n_kv_heads = n_kv_heads,
        .head_dim = head_dim,
        .rope_dim = head_dim,
        .n_ffn = n_ffn,
        .n_vocab = 301,
        .n_context = 4096,
        .logit_scale = 1,
        .dtype = PLMR_F16,
    };
}

static plmr_llm_setup setup_of(int side, int rows, int cols)
{
    return (plmr_llm_setup){
        .phase = {{.rows = side, .cols = side}, {.rows = rows, .cols = cols}}, .n_prompt = 37, .n_tokens = 60};
}

struct outcome {
    plmr_phase_cost prefill, handover, token;
};

static struct outcome run(const plmr_model_shape *shape, const plmr_llm_setup *setup)
{
    plmr_device device = test_device("wse2");
    plmr_ranks *ranks;
    plmr_timing *timing;
    struct outcome o;
    const plmr_phase_cost *token;
    must(plmr_ranks_create(1, plmr_rank_count(), 1, plmr_rank_count(), &ranks));
    must(plmr_timing_create(ranks, &device, shape, setup, &timing));
    must(plmr_timing_prefill(timing, &o.prefill));
    must(plmr_timing_handover(timing, &o.handover));
    must(plmr_timing_token(timing, 37, &token));
    o.token = *token;
    plmr_timing_destroy(timing);
    plmr_ranks_destroy(ranks);
    return o;
}

static void same_cost(const plmr_phase_cost *a, const plmr_phase_cost *b)
{
    double sum = 0;
    assert_true(a->t_cycles > 0 && a->t_cycles == b->t_cycles);
    assert_int_equal(a->routes_max, b->routes_max);
    for (int i = 0; i < PLMR_N_WORKS; i++) {
        assert_true(a->work[i] == b->work[i]);
        sum += a->work[i];
    }
    assert_true(sum == a->t_cycles);
}

/* Layers and steps that are added instead of run cost what they cost when run, to the last sixty-fourth of a cycle. */
static void shortcuts_are_exact(void **state)
{
    static const int sizes[][3] = {{9, 9, 9}, {16, 12, 20}, {23, 31, 17}, {40, 24, 60}};
    (void)state;
    for (int i = 0; i < 4; i++)
        for (int published = 0; published < 2; published++) {
            plmr_model_shape shape = shape_of(6, i % 2 ? 2 : 6, 12 + 4 * i, 123 + 40 * i);
            plmr_llm_setup setup = setup_of(sizes[i][0], sizes[i][1], sizes[i][2]);
            setup.as_published = published;
            struct outcome quick = run(&shape, &setup);
            setup.every_step = true;
            struct outcome slow = run(&shape, &setup);
            same_cost(&quick.prefill, &slow.prefill);
            same_cost(&quick.handover, &slow.handover);
            same_cost(&quick.token, &slow.token);
        }
}

/* A layer more costs what one does once all cores go in step. */
static void layers_are_alike(void **state)
{
    (void)state;
    plmr_model_shape shape = shape_of(6, 2, 20, 200);
    plmr_llm_setup setup = setup_of(20, 24, 30);
    double t[3];
    for (int i = 0; i < 3; i++) {
        shape.n_layers = 5 + i;
        t[i] = run(&shape, &setup).token.t_cycles;
    }
    assert_true(t[2] - t[1] == t[1] - t[0]);
}

/* What a layer needs is the sum over its steps: here of a llama, by hand. */
static void needs_add_up(void **state)
{
    (void)state;
    plmr_model_shape shape = shape_of(6, 2, 20, 200);
    int64_t matrices = 2 * 120 * 120 + 2 * 120 * 40 + 3 * 120 * 200;
    plmr_needs needs = plmr_model_layer_needs(&shape);
    assert_int_equal(needs.weights, matrices + 2 * 120);
    assert_int_equal(needs.macs, matrices);
    assert_int_equal(needs.context_macs, 2 * 120);
    assert_int_equal(needs.cache, 2 * 40);
    assert_int_equal(needs.activations[PLMR_ADDED], 120);
    assert_int_equal(needs.activations[PLMR_VALUE], 40);
    assert_int_equal(needs.activations[PLMR_HIDDEN], 200);
    shape.has_qkv_biases = true;
    assert_int_equal(plmr_model_layer_needs(&shape).weights, needs.weights + 120 + 2 * 40);
    assert_int_equal(plmr_model_layer_needs(&shape).macs, matrices);
}

/* Cores of the cache: shift uses all rows, concat one; the token that does not fit is named, with its row. */
static void cache_fills(void **state)
{
    (void)state;
    plmr_device device = test_device("wse2");
    plmr_ranks *ranks;
    int64_t capacity[2];
    must(plmr_ranks_create(1, plmr_rank_count(), 1, plmr_rank_count(), &ranks));
    for (int balanced = 0; balanced < 2; balanced++) {
        plmr_model_shape shape = shape_of(6, 2, 20, 200);
        plmr_llm_setup setup = setup_of(0, 24, 30);
        plmr_timing *timing;
        setup.concat = !balanced;
        must(plmr_timing_create(ranks, &device, &shape, &setup, &timing));
        const plmr_placement *p = plmr_timing_placement(timing, true);
        capacity[balanced] = p->capacity;
        int64_t rest = p->working_bytes - p->row_tokens * p->score_bytes + p->layers_per_stage * p->layer_bytes;
        int64_t token = p->layers_per_stage * p->token_bytes + p->score_bytes;
        int64_t row = p->capacity / (balanced ? p->rows : 1);
        assert_true(rest + row * token <= device.sram && rest + (row + 1) * token > device.sram);
        must(plmr_timing_fits(timing, p->capacity));
        must_fail(plmr_timing_fits(timing, p->capacity + 1), PLMR_ERROR_LIMIT, "row 23 of cores");
        plmr_timing_destroy(timing);
    }
    assert_true(capacity[1] >= 24 * capacity[0]); /* whose row of scores is longer, too */
    plmr_ranks_destroy(ranks);
}

/* A layer that no core can hold is refused, with the side of a region that could. */
static void misfits_are_refused(void **state)
{
    (void)state;
    plmr_device device = test_device("wse2");
    plmr_ranks *ranks;
    plmr_timing *timing;
    plmr_model_shape shape = shape_of(32, 8, 128, 14336);
    plmr_llm_setup setup = setup_of(0, 30, 30);
    must(plmr_ranks_create(1, plmr_rank_count(), 1, plmr_rank_count(), &ranks));
    must_fail(plmr_timing_create(ranks, &device, &shape, &setup, &timing), PLMR_ERROR_LIMIT,
              "--decode-cores: one layer of test needs");
    setup.allow_memory = true;
    must(plmr_timing_create(ranks, &device, &shape, &setup, &timing));
    assert_true(plmr_timing_placement(timing, true)->sram_bytes > (int64_t)device.sram);
    plmr_timing_destroy(timing);
    plmr_ranks_destroy(ranks);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(shortcuts_are_exact), cmocka_unit_test(layers_are_alike),    cmocka_unit_test(needs_add_up),
    cmocka_unit_test(cache_fills),         cmocka_unit_test(misfits_are_refused),
};

TEST_MAIN(tests)
