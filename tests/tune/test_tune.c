/* The search against all there is: on a small device every region, every tree and fusing. */
#include "support.h"

#include <math.h>
#include <stdlib.h>

#include "infer/choose.h"
#include "tune/print.h"
#include "tune/report.h"

static plmr_model_shape small_shape(void)
{
    return (plmr_model_shape){
        .name = "test",
        .arch = &plmr_arch_llama,
        .n_layers = 6,
        .dim = 176,
        .n_heads = 8,
        .n_kv_heads = 2,
        .head_dim = 22,
        .rope_dim = 22,
        .n_ffn = 390,
        .n_vocab = 301,
        .n_context = 4096,
        .logit_scale = 1,
        .dtype = PLMR_F16,
    };
}

/* Small enough to look at everything, with little memory. */
static plmr_device small_device(double rows, double cols, double sram)
{
    plmr_device device = test_device("wse2");
    device.rows = rows;
    device.cols = cols;
    device.sram = sram;
    return device;
}

static plmr_tune_task task_of(plmr_ranks *ranks, const plmr_device *device, const plmr_model_shape *shape, bool decode)
{
    return (plmr_tune_task){
        .ranks = ranks, .device = device, .shape = shape, .setup = {.n_prompt = 60, .n_tokens = 63}, .decode = decode};
}

static plmr_ranks *open_mesh(void)
{
    plmr_ranks *ranks;
    must(plmr_ranks_create(1, plmr_rank_count(), 1, plmr_rank_count(), &ranks));
    return ranks;
}

static void look(const plmr_tune_task *task, plmr_phase_setup point, plmr_tune_result *best)
{
    plmr_tune_result r;
    must(plmr_tune_evaluate(task, &point, &r));
    if (!best->point.rows || plmr_tune_is_better(&r, best))
        *best = r;
}

/* The best of all regions, levels and fusing. */
static plmr_tune_result look_at_all(const plmr_tune_task *task)
{
    plmr_tune_result best = {0};
    for (int rows = PLMR_TUNE_LEAST_SIDE; rows <= task->device->rows; rows++)
        for (int cols = PLMR_TUNE_LEAST_SIDE; cols <= task->device->cols; cols++)
            for (int levels = 1; levels <= 4 && (task->decode || rows == cols); levels++)
                for (int unfused = 0; unfused <= task->decode; unfused++)
                    look(task, (plmr_phase_setup){rows, cols, {.n_levels = levels}, unfused, 0, false, 0, NULL, 0},
                         &best);
    return best;
}

static void check_finds_the_best(const plmr_tune_task *task)
{
    plmr_tune_result all = look_at_all(task);
    plmr_tune_search search;
    if (all.lack) {
        must_fail(plmr_tune_search_run(task, &search), PLMR_ERROR_LIMIT, "does not fit");
        return;
    }
    must(plmr_tune_search_run(task, &search));
    const plmr_tune_result *found = &search.results[0];
    if (plmr_tune_is_better(&all, found))
        fail_msg("%.0fx%.0f cores, %s: %dx%d K=%d takes %.0f, found %dx%d K=%d with %.0f", task->device->rows,
                 task->device->cols, task->decode ? "decode" : "prefill", all.point.rows, all.point.cols,
                 all.point.tree.n_levels, all.cost.t_cycles, found->point.rows, found->point.cols,
                 found->point.tree.n_levels, found->cost.t_cycles);
    plmr_tune_search_free(&search);
}

static void finds_the_best(void **state)
{
    static const double devices[][3] = {{24, 21, 49152}, {19, 26, 6000}, {30, 17, 3600}};
    (void)state;
    plmr_ranks *ranks = open_mesh();
    plmr_model_shape shape = small_shape();
    for (int i = 0; i < (plmr_rank_count() > 1 ? 1 : 2); i++) /* on several ranks it is their agreement that counts */
        for (int decode = 0; decode < 2; decode++) {
            plmr_device device = small_device(devices[i][0], devices[i][1], devices[i][2]);
            plmr_tune_task task = task_of(ranks, &device, &shape, decode);
            check_finds_the_best(&task);
        }
    plmr_ranks_destroy(ranks);
}

/* Where seven columns instead of six make nothing smaller but the vocabulary's chunks, and these matter; and a head that
 * is narrower than the region, for whose line other groups would do than for a row of it. */
static void finds_the_best_of_few_cores(void **state)
{
    (void)state;
    plmr_ranks *ranks = open_mesh();
    plmr_device device = small_device(5, 7, 49152), square = small_device(6, 6, 49152);
    plmr_model_shape shape = small_shape(), one_head = small_shape();
    device.scalar_function = 1;
    device.hop = device.vector_start = 0;
    shape.dim = 16, shape.n_heads = 4, shape.n_layers = 4, shape.n_ffn = 30, shape.n_vocab = 50;
    shape.head_dim = shape.rope_dim = 4;
    square.stage = 40;
    one_head.dim = 8, one_head.n_heads = 2, one_head.n_kv_heads = one_head.n_layers = 1, one_head.n_ffn = 130;
    one_head.head_dim = one_head.rope_dim = 4, one_head.n_vocab = 50;
    for (int decode = 0; decode < 2; decode++) {
        plmr_tune_task task = task_of(ranks, &device, &shape, decode),
                       narrow = task_of(ranks, &square, &one_head, decode);
        task.setup.n_prompt = narrow.setup.n_prompt = 20;
        task.setup.n_tokens = narrow.setup.n_tokens = 29;
        check_finds_the_best(&task);
        check_finds_the_best(&narrow);
    }
    plmr_ranks_destroy(ranks);
}

/* Nothing is divided by what is not taken. */
static void what_costs_nothing_has_no_shares(void **state)
{
    (void)state;
    plmr_ranks *ranks = open_mesh();
    plmr_device device = test_device("ideal:rows=6,cols=6,hop=0,ramp=0,link=0,mac_cycles_f16=0,mac_cycles_f32=0,"
                                     "reduce_element=0,scalar_function=0");
    plmr_model_shape shape = small_shape();
    plmr_tune_task task = task_of(ranks, &device, &shape, true);
    plmr_evidence_list none = {0};
    plmr_progress progress;
    plmr_tune_wish wish = {2, NULL, &progress, false};
    plmr_tune_report *report = calloc(1, sizeof *report), *read = calloc(1, sizeof *read);
    task.evidence = &none;
    must(plmr_tune_report_fill(&task, &wish, report));
    assert_true(report->rows[1][0].cycles == 0);
    assert_string_equal(report->rows[1][0].L, "nothing takes any time");
    json_t *json = plmr_tune_record(&task, report);
    assert_true(json_is_null(json_object_get(json, "tpr_e2e")) &&
                json_number_value(json_object_get(json, "tpot_s")) == 0);
    json_decref(json);
    json = plmr_tune_report_json(report, NULL); /* as it is kept */
    assert_true(plmr_tune_report_read(json, read) && read->rows[1][0].cycles == 0);
    json_decref(json);
    free(read);
    free(report);
    plmr_ranks_destroy(ranks);
}

/* With no side that is left out is the time better than with the next smaller one that is not, but for how evenly a
 * tree's groups come out. */
static void sides_are_enough(void **state)
{
    (void)state;
    plmr_ranks *ranks = open_mesh();
    plmr_model_shape shape = small_shape();
    plmr_device device = small_device(60, 60, 49152);
    shape.n_vocab = 8; /* of which a chunk is the same for all */
    plmr_tune_task task = task_of(ranks, &device, &shape, true);
    int *sides, n, left_out = 0;
    sides = plmr_tune_sides(&task, false, 60, &n);
    assert_int_equal(sides[0], plmr_tune_least_side(&device));
    for (int i = 0; i + 1 < n; i++) {
        plmr_tune_result here, next;
        assert_true(sides[i] < sides[i + 1]);
        must(plmr_tune_evaluate(
            &task, &(plmr_phase_setup){sides[i], sides[i], {.n_levels = 2}, false, 0, false, 0, NULL, 0}, &here));
        for (int side = sides[i] + 1; side < sides[i + 1]; side++, left_out++) {
            must(plmr_tune_evaluate(
                &task, &(plmr_phase_setup){side, side, {.n_levels = 2}, false, 0, false, 0, NULL, 0}, &next));
            assert_true(next.cost.t_cycles > 0.995 * here.cost.t_cycles);
        }
    }
    assert_true(left_out > 20);
    free(sides);
    plmr_ranks_destroy(ranks);
}

/* What binds follows from the device: give it more of that, and it binds no longer. */
static bool binds(const plmr_device *device, bool decode, char letter)
{
    plmr_ranks *ranks = open_mesh();
    plmr_model_shape shape = small_shape();
    plmr_tune_task task = task_of(ranks, device, &shape, decode);
    plmr_tune_search search;
    plmr_tune_bind found[PLMR_TUNE_BINDS];
    int n;
    bool does = false;
    must(plmr_tune_search_run(&task, &search));
    must(plmr_tune_find_binds(&search, &search.results[0], found, &n));
    for (int i = 0; i < n; i++)
        does |= found[i].letter == letter;
    plmr_tune_search_free(&search);
    plmr_ranks_destroy(ranks);
    return does;
}

static void binds_follow_the_device(void **state)
{
    (void)state;
    plmr_device device = small_device(40, 40, 3600);
    assert_true(binds(&device, true, 'M') && binds(&device, true, 'P') && !binds(&device, true, 'L'));
    device.decode_layer = device.decode_element = 0; /* hardly any arithmetic left */
    assert_true(binds(&device, true, 'L') && !binds(&device, true, 'P'));
    device.sram = 1 << 20;
    assert_true(!binds(&device, true, 'M') && !binds(&device, false, 'R'));
    device.routes = 20; /* two levels need more */
    assert_true(binds(&device, false, 'R'));
}

/* Of a search of its own for one phase, with experts on so many wafers; 0: on any. */
static plmr_tune_result best_on(plmr_tune_task task, bool decode, int wide)
{
    plmr_tune_search search;
    task.decode = decode;
    task.wide = wide;
    must(plmr_tune_search_run(&task, &search));
    plmr_tune_result best = search.results[0];
    assert_true(!wide || best.placement.wide == wide);
    plmr_tune_search_free(&search);
    return best;
}

/* With which a request as a whole is best. */
static double least_loss(const plmr_tune_task *task)
{
    double least = INFINITY;
    for (int wide = 1; wide <= task->setup.n_wafers; wide *= 2)
        least = fmin(least, best_on(*task, false, wide).loss + best_on(*task, true, wide).loss);
    return least;
}

/* Experts stay on their wafers: where the phases by themselves would have them on different numbers of wafers, both have
 * them on those that are best for both. */
static void experts_stay_on_their_wafers(void **state)
{
    (void)state;
    plmr_ranks *ranks = open_mesh();
    plmr_model_shape shape = small_shape();
    plmr_device device = small_device(24, 24, 9000);
    plmr_progress progress;
    plmr_tune_report *report = calloc(1, sizeof *report);
    plmr_tune_wish wish = {1, NULL, &progress, false};
    static const int wide[] = {1, 4}; /* where prefill alone has 1, and decode 2: a long prompt, and many tokens */
    shape.arch = plmr_arch_find("qwen3moe");
    shape.n_experts = 8;
    shape.n_used = 2;
    shape.n_expert_ffn = 60;
    for (int i = 0; i < (plmr_rank_count() > 1 ? 0 : 2); i++) { /* that ranks agree, other tests see */
        plmr_tune_task task = task_of(ranks, &device, &shape, false);
        task.setup.n_prompt = i == 1 ? 8 : 60;
        task.setup.n_tokens = i == 1 ? 308 : 63;
        task.setup.n_wafers = 4;
        task.setup.aim = &plmr_aim_latency;
        task.setup.link = (plmr_wafer_link){1e15, 1e-8, NAN, false};
        assert_int_equal(best_on(task, false, 0).placement.wide, 1);
        assert_int_equal(best_on(task, true, 0).placement.wide, 2);
        must(plmr_tune_report_fill(&task, &wish, report));
        assert_true(plmr_tune_report_agrees(report));
        assert_int_equal(report->rows[1][0].expert_wafers, wide[i]);
        assert_true(report->loss[0] + report->loss[1] == least_loss(&task));
    }
    free(report);
    plmr_ranks_destroy(ranks);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(finds_the_best),
    cmocka_unit_test(finds_the_best_of_few_cores),
    cmocka_unit_test(what_costs_nothing_has_no_shares),
    cmocka_unit_test(sides_are_enough),
    cmocka_unit_test(binds_follow_the_device),
    cmocka_unit_test(experts_stay_on_their_wafers),
};

TEST_MAIN(tests)
