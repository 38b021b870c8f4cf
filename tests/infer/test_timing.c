/* The time plane of language models: shortcuts are exact, work adds up, memory is what the placement says. */
#include "support.h"

#include <math.h>

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
    plmr_phase_cost prefill, again, handover, token;
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
    must(plmr_timing_prefill(timing, &o.again));
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
            same_cost(&quick.prefill, &quick.again); /* of which placing has left no layers */
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
        const plmr_placement *p = plmr_timing_placement(timing, PLMR_DECODE);
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
    assert_true(plmr_timing_placement(timing, PLMR_DECODE)->sram_bytes > (int64_t)device.sram);
    plmr_timing_destroy(timing);
    plmr_ranks_destroy(ranks);
}

/* ---- weights from outside ---- */

struct streamed {
    plmr_phase_cost prefill, token, next, all_there; /* the last: a token without */
    plmr_placement prompts, tokens;
};

static struct streamed stream(const plmr_device *device, const plmr_model_shape *shape)
{
    struct streamed s;
    plmr_llm_setup setup = setup_of(24, 24, 24);
    const plmr_phase_cost *token;
    plmr_ranks *ranks;
    plmr_timing *timing;
    must(plmr_ranks_create(1, plmr_rank_count(), 1, plmr_rank_count(), &ranks));
    for (int streams = 0; streams < 2; streams++) {
        setup.streams = streams;
        setup.allow_memory = !streams;
        must(plmr_timing_create(ranks, device, shape, &setup, &timing));
        s.tokens = *plmr_timing_placement(timing, PLMR_DECODE);
        s.prompts = *plmr_timing_placement(timing, PLMR_PREFILL);
        must(plmr_timing_prefill(timing, &s.prefill));
        must(plmr_timing_token(timing, 37, &token));
        s.token = *token;
        must(plmr_timing_token(timing, 38, &token));
        s.next = *token;
        s.all_there = streams ? s.all_there : *token;
        plmr_timing_destroy(timing);
    }
    plmr_ranks_destroy(ranks);
    return s;
}

/* A wafer of one region, which has room for two layers and a bit, and takes in `rate` bytes a second over two lanes. */
static plmr_device narrow(const plmr_model_shape *shape, double rate, double slices)
{
    plmr_device device = test_device("wse2");
    plmr_llm_setup setup = setup_of(24, 24, 24);
    plmr_ranks *ranks;
    plmr_timing *timing;
    must(plmr_ranks_create(1, plmr_rank_count(), 1, plmr_rank_count(), &ranks));
    must(plmr_timing_create(ranks, &device, shape, &setup, &timing));
    const plmr_placement *p = plmr_timing_placement(timing, PLMR_DECODE),
                         *q = plmr_timing_placement(timing, PLMR_PREFILL);
    int64_t cache = (p->row_tokens + 1) * p->token_bytes * shape->n_layers;
    int64_t working = p->working_bytes > q->working_bytes ? p->working_bytes : q->working_bytes;
    device.sram = floor((double)(working + cache) + 2.1 * (double)p->layer_bytes / slices);
    device.rows = device.cols = 24;
    device.host_rate = rate;
    device.host_lanes = 2;
    plmr_timing_destroy(timing);
    plmr_ranks_destroy(ranks);
    return device;
}

static double quantised(double cycles)
{
    return plmr_device_quantise(cycles);
}

/* At 1.1 GHz and 11e9 bytes a second ten bytes come in a cycle, by two lanes of four bytes eight: a token takes what seven
 * layers and the output come to; a prompt one slice's arithmetic or arrival more, whichever is less. At 1e18 bytes a second
 * and a million lanes nothing waits. */
static void weights_come_in(void **state)
{
    (void)state;
    plmr_model_shape shape = shape_of(6, 2, 20, 200);
    for (int slices = 1; slices <= 4; slices *= 4) {
        plmr_device device = narrow(&shape, 11e9, slices);
        struct streamed s = stream(&device, &shape);
        double cores = 24 * 24, layers = 7. * (double)s.tokens.layer_bytes * cores;
        double output = (double)s.tokens.output_bytes * cores;
        assert_true(slices == 1 || s.tokens.n_slices > 1); /* prompts may need more room than tokens */
        assert_int_equal(s.tokens.n_stages, 1);
        assert_true(s.tokens.sram_bytes <= (int64_t)device.sram && s.prompts.sram_bytes <= (int64_t)device.sram);
        assert_true(!s.tokens.cache_outside && s.token.outside_bytes == layers + output);
        assert_true(s.token.t_cycles == quantised(layers / 8) + quantised(output / 8));
        double arithmetic = s.prefill.t_cycles - s.prefill.work[PLMR_WORK_OUTSIDE];
        double first = fmin(arithmetic, layers / 8) / (7. * s.prompts.n_slices);
        assert_true(s.prefill.t_cycles == fmax(quantised(layers / 8), arithmetic) + quantised(first));
        device.host_rate = 1e18;
        device.host_lanes = 1e6;
        s = stream(&device, &shape);
        assert_true(s.token.work[PLMR_WORK_OUTSIDE] == 0 && s.token.outside_bytes == layers + output);
        assert_true(s.token.t_cycles == s.all_there.t_cycles - s.all_there.work[PLMR_WORK_STAGES]);
    }
}

/* With more memory more of each layer stays, so that tokens behind the first take less, down to what the arithmetic takes; the
 * first takes what it took. */
static void weights_stay(void **state)
{
    (void)state;
    plmr_model_shape shape = shape_of(6, 2, 20, 200);
    plmr_device device = narrow(&shape, 11e9, 4);
    struct streamed none = stream(&device, &shape);
    double before = none.next.t_cycles, most = device.sram + 7 * (double)none.tokens.layer_bytes;
    int n_less = 0;
    for (; device.sram < most; device.sram = (double)(int64_t)(device.sram * 1.03)) {
        struct streamed s = stream(&device, &shape);
        if (!s.tokens.n_slices)
            break;
        double kept = 7. * (double)s.tokens.kept_bytes * 24 * 24;
        assert_true(s.token.t_cycles == none.token.t_cycles && s.tokens.sram_bytes <= (int64_t)device.sram);
        assert_true(s.next.outside_bytes == s.token.outside_bytes - kept);
        assert_true(s.next.t_cycles <= before);
        n_less += s.next.t_cycles < before;
        before = s.next.t_cycles;
    }
    assert_true(n_less > 5);
    double output = quantised((double)none.tokens.output_bytes * 24 * 24 / 8);
    assert_true(before < none.next.t_cycles / 2 && before > output);
}

/* The cache goes outside, too, where two slices and it have no room; its bytes come in with the weights. */
static void caches_come_in(void **state)
{
    (void)state;
    plmr_model_shape shape = shape_of(6, 2, 20, 200);
    plmr_device device = narrow(&shape, 11e9, 1);
    struct streamed all = stream(&device, &shape);
    device.sram -=
        ceil(4 * (double)(all.tokens.row_tokens * all.tokens.token_bytes) + 2.1 * (double)all.tokens.layer_bytes);
    struct streamed s = stream(&device, &shape);
    double cache = 7. * (double)(all.tokens.row_tokens * all.tokens.token_bytes) * 24 * 24;
    assert_true(s.tokens.cache_outside && s.prompts.cache_outside);
    assert_true(s.token.outside_bytes - all.token.outside_bytes <= cache);
    assert_true(s.token.outside_bytes > all.token.outside_bytes);
    assert_true(s.tokens.sram_bytes <= (int64_t)device.sram && s.tokens.capacity > 0);
}

/* What nobody knows is refused by its key; what DRAM has no room for comes from the host, and the slower one counts. */
static void outside_is_known(void **state)
{
    (void)state;
    plmr_device device = test_device("wormhole");
    plmr_outside outside;
    must(plmr_outside_of(&device, 2 * device.dram, 8, &outside));
    assert_true(outside.host_share == 0.5 && outside.byte_cycles == 0.5 * (device.link / 32)); /* by its lane */
    must(plmr_outside_of(&device, device.dram, 8, &outside));
    assert_true(outside.host_share == 0 && outside.byte_cycles == 1e9 / 265e9 && outside.byte_joules == 60e-12);
    device.dram_energy = 0;
    must(plmr_outside_of(&device, device.dram, 8, &outside));
    assert_true(isnan(outside.byte_joules)); /* nobody knows */
    device.dram_energy = 50;
    must(plmr_outside_of(&device, device.dram, 8, &outside));
    assert_true(outside.byte_joules == 50e-12);
    device.host_rate = 0;
    must_fail(plmr_outside_of(&device, 2 * device.dram, 8, &outside), PLMR_ERROR_LIMIT, "give host_rate");
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(shortcuts_are_exact), cmocka_unit_test(layers_are_alike),    cmocka_unit_test(needs_add_up),
    cmocka_unit_test(cache_fills),         cmocka_unit_test(misfits_are_refused), cmocka_unit_test(weights_come_in),
    cmocka_unit_test(caches_come_in),      cmocka_unit_test(outside_is_known),    cmocka_unit_test(weights_stay),
};

TEST_MAIN(tests)
