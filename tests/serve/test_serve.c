/* Serving in virtual time: costs that are reused are exact, requests alone cost what the time plane says, the cache is
 * never overfull, policies do what they say, traces are read or refused. */
#include "support.h"

#include <math.h>

#include "serve/arrivals.h"
#include "serve/serve.h"
#include "serve/trace_csv.h"

enum { N = 60 };

static plmr_model_shape shape_of(void)
{
    return (plmr_model_shape){
        .name = "test",
        .arch = &plmr_arch_llama,
        .n_layers = 7,
        .dim = 72,
        .n_heads = 6,
        .n_kv_heads = 2,
        .head_dim = 12,
        .rope_dim = 12,
        .n_ffn = 150,
        .n_vocab = 301,
        .n_context = 4096,
        .logit_scale = 1,
        .dtype = PLMR_F16,
    };
}

/* A wafer of 60x80 cores of little memory, so that requests wait for room. */
static plmr_device small_device(void)
{
    plmr_device device = test_device("wse2");
    device.rows = 60;
    device.cols = 80;
    device.sram = 2600;
    return device;
}

struct served {
    plmr_request requests[N];
    plmr_serve_outcome outcome;
    int64_t n_found, n_used, row_room;
    int n_stages;
};

struct serving {
    const char *policy;
    int side, n_wafers;
    bool every_step;
    plmr_slo slo;
    plmr_request *requests; /* in seconds; NULL: random ones */
    int n, n_prompt;
};

static void make_requests(plmr_request *requests)
{
    plmr_arrivals arrivals = {.rate = 12000, .n = N, .burst = 3, .seed = 7};
    must(plmr_lengths_parse("--lengths", "5..70/~9", &arrivals.prompt, &arrivals.output));
    plmr_arrivals_make(&arrivals, requests);
}

static void serve(const struct serving *s, struct served *served)
{
    plmr_device device = small_device();
    plmr_model_shape shape = shape_of();
    plmr_llm_setup setup = {.every_step = s->every_step};
    plmr_serve_place place;
    plmr_ranks *ranks;
    int n = s->requests ? s->n : N;
    if (s->requests)
        memcpy(served->requests, s->requests, (size_t)n * sizeof *s->requests);
    else
        make_requests(served->requests);
    setup.phase[PLMR_DECODE].rows = setup.phase[PLMR_DECODE].cols = s->side;
    plmr_llm_setup_complete(&setup, &shape);
    plmr_serve_load load = plmr_serve_load_of(served->requests, n);
    must(plmr_ranks_create(1, plmr_rank_count(), 1, plmr_rank_count(), &ranks));
    must(plmr_serve_place_find(ranks, &device, &shape, &setup, s->n_wafers, 4, 0, &load, PLMR_FOR_THROUGHPUT, &place));
    plmr_serve_plan plan = {plmr_serve_policy_find(s->policy), s->slo, device.clock, s->n_prompt, 500};
    must(plmr_serve_run(&place, &plan, served->requests, n, &served->outcome));
    served->n_found = place.costs.n_found;
    served->n_used = place.costs.n_used;
    served->row_room = place.costs.row_room;
    served->n_stages = place.costs.n_stages;
    plmr_serve_costs_free(&place.costs);
    plmr_ranks_destroy(ranks);
}

/* All that was made of them is the same, bit for bit. */
static void same(const struct served *a, const struct served *b)
{
    for (int i = 0; i < N; i++) {
        assert_true(a->requests[i].t_first == b->requests[i].t_first);
        assert_true(a->requests[i].t_last == b->requests[i].t_last);
    }
    assert_true(a->outcome.sums.busy_cycles == b->outcome.sums.busy_cycles);
    assert_true(a->outcome.sums.multiply_adds == b->outcome.sums.multiply_adds);
}

static void reuse_is_exact(void **state)
{
    static struct served quick, slow;
    (void)state;
    for (int i = 0; i < plmr_serve_policy_count(); i++) {
        struct serving s = {plmr_serve_policy_at(i)->name, 20, 1, false, {2e6, 2e5}, NULL, 0, 0};
        serve(&s, &quick);
        s.every_step = true;
        serve(&s, &slow);
        same(&quick, &slow);
        assert_true(quick.n_found * 4 < quick.n_used);
        assert_true(slow.n_found >= slow.n_used);
    }
}

static void all_are_served(void **state)
{
    static struct served served;
    (void)state;
    for (int i = 0; i < plmr_serve_policy_count(); i++) {
        struct serving s = {plmr_serve_policy_at(i)->name, 20, 1, false, {2e6, 2e5}, NULL, 0, 0};
        serve(&s, &served);
        for (int k = 0; k < N; k++) {
            const plmr_request *r = &served.requests[k];
            assert_int_equal(r->n_read, r->n_prompt);
            assert_int_equal(r->n_made, r->n_output);
            assert_true(r->t_first > r->t_arrival && r->t_last >= r->t_first);
        }
        assert_true(served.outcome.sums.rows_peak <= served.row_room);
        assert_true(served.outcome.sums.rows_peak > served.row_room / 2); /* so that room is what they wait for */
        assert_true(served.outcome.sums.most_waiting > 0);
        assert_true(served.outcome.utilisation > 0 && served.outcome.utilisation <= 1);
    }
}

/* What the time plane says of a prompt and of tokens one by one, in a region or in several. */
static double alone(int side, int n_prompt, int n_output, int n_stages)
{
    plmr_device device = small_device();
    plmr_model_shape shape = shape_of();
    plmr_llm_setup setup = {.n_prompt = n_prompt, .n_tokens = n_prompt + n_output};
    plmr_phase_cost part;
    const plmr_phase_cost *token;
    plmr_timing *timing;
    plmr_ranks *ranks;
    for (int phase = 0; phase < 2; phase++)
        setup.phase[phase] = (plmr_phase_setup){.rows = side, .cols = side, .layers = (7 + n_stages - 1) / n_stages};
    must(plmr_ranks_create(1, plmr_rank_count(), 1, plmr_rank_count(), &ranks));
    must(plmr_timing_create(ranks, &device, &shape, &setup, &timing));
    assert_int_equal(plmr_timing_placement(timing, true)->n_stages, n_stages);
    must(plmr_timing_chunk(timing, 0, n_prompt, &part));
    double t = part.t_cycles;
    must(plmr_timing_output(timing, &part));
    t += part.t_cycles;
    for (int i = 0; i < n_output - 1; i++) {
        must(plmr_timing_token(timing, n_prompt + i, &token));
        t += token->t_cycles;
    }
    plmr_timing_destroy(timing);
    plmr_ranks_destroy(ranks);
    return t;
}

static void one_alone_costs_what_it_costs(void **state)
{
    static struct served served;
    plmr_request one = {.n_prompt = 33, .n_output = 20};
    (void)state;
    for (int side = 20; side <= 60; side += 20) {
        serve(&(struct serving){"fcfs", side, 1, false, {0, 0}, &one, 1, 0}, &served);
        double t = alone(side, 33, 20, served.n_stages);
        assert_true(fabs(served.requests[0].t_last - t) < 1e-9 * t);
    }
}

/* Of three that wait, a priority goes before everything, and a short prompt before a long one. */
static void order(const char *policy, const int expected[3])
{
    static struct served served;
    plmr_request requests[4] = {{.n_prompt = 90, .n_output = 2},
                                {.n_prompt = 90, .n_output = 2},
                                {.n_prompt = 40, .n_output = 2},
                                {.n_prompt = 70, .n_output = 2, .priority = 1}};
    for (int i = 1; i < 4; i++)
        requests[i].t_arrival = i * 1e-9; /* while the first is read */
    serve(&(struct serving){policy, 60, 1, false, {0, 0}, requests, 4, 0}, &served);
    for (int i = 0; i < 2; i++)
        assert_true(served.requests[expected[i]].t_first < served.requests[expected[i + 1]].t_first);
}

static void policies_order(void **state)
{
    (void)state;
    order("fcfs", (int[]){3, 1, 2});
    order("decode-first", (int[]){3, 1, 2});
    order("shortest-first", (int[]){3, 2, 1});
}

/* Prompts come so fast that there is always one in the regions, if each is read at once: a text's tokens then go at the pace
 * of prompts. By turns it has most of its tokens between two bursts of them. */
static void turns_let_tokens_go(void **state)
{
    static struct served alone, at_once, turns;
    plmr_request requests[N] = {{.n_prompt = 5, .n_output = 90}};
    (void)state;
    requests[1].n_prompt = 60;
    requests[1].n_output = 1;
    serve(&(struct serving){"fcfs", 20, 1, false, {0, 0}, &requests[1], 1, 0}, &alone);
    assert_true(alone.n_stages > 3);
    for (int i = 1; i < N; i++) {
        requests[i] = requests[1];
        requests[i].t_arrival = i * alone.outcome.ttft.mean / 2;
    }
    serve(&(struct serving){"fcfs", 20, 1, false, {0, 0}, requests, N, 0}, &at_once);
    serve(&(struct serving){"decode-first", 20, 1, false, {0, 0}, requests, N, 0}, &turns);
    assert_true(turns.outcome.tpot.mean * 2 < at_once.outcome.tpot.mean);
    assert_true(turns.outcome.ttft.p99 < 5 * alone.outcome.ttft.mean);
}

/* Twice the wafers, each with half of the requests. */
static void wafers_share(void **state)
{
    static struct served one, two;
    (void)state;
    serve(&(struct serving){"fcfs", 20, 1, false, {0, 0}, NULL, 0, 0}, &one);
    serve(&(struct serving){"fcfs", 20, 2, false, {0, 0}, NULL, 0, 0}, &two);
    assert_true(two.outcome.ttft.mean < one.outcome.ttft.mean);
    assert_true(two.outcome.sums.t_end < one.outcome.sums.t_end);
}

/* Prompts read apart: no chunk is in the way of a token. The cache of a token takes 500 cycles to get there. */
static void prompts_apart(void **state)
{
    static struct served mixed, apart;
    plmr_request one = {.n_prompt = 33, .n_output = 20};
    (void)state;
    serve(&(struct serving){"fcfs", 20, 2, false, {0, 0}, NULL, 0, 0}, &mixed);
    serve(&(struct serving){"fcfs", 20, 2, false, {0, 0}, NULL, 0, 1}, &apart);
    assert_true(apart.outcome.tpot.p50 < mixed.outcome.tpot.p50);
    serve(&(struct serving){"decode-first", 20, 2, false, {0, 0}, NULL, 0, 1}, &mixed);
    same(&apart, &mixed); /* no token is in the way */
    for (int k = 0; k < N; k++)
        assert_int_equal(apart.requests[k].n_made, apart.requests[k].n_output);
    serve(&(struct serving){"fcfs", 20, 2, false, {0, 0}, &one, 1, 0}, &mixed);
    serve(&(struct serving){"fcfs", 20, 2, false, {0, 0}, &one, 1, 1}, &apart);
    assert_true(fabs(apart.requests[0].t_last - mixed.requests[0].t_last - 33 * 500) < 1e-3);
}

/* ---- traces ---- */

static plmr_status parse(const char *text, plmr_request **requests, int64_t *n)
{
    char copy[1000];
    snprintf(copy, sizeof copy, "%s", text);
    return plmr_trace_csv_parse("t.csv", copy, 0, requests, n);
}

static void traces_are_read(void **state)
{
    static const char *const texts[] = {
        "arrival,prompt,output\n2,30,4\n0.5,7,9\n",
        "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:17:04.5000000,30,4\n2023-11-16 18:17:03,7,9\n",
        "Timestamp,Model,Request tokens,Response tokens,Log Type\r\n102,GPT-4,30,4,x\r\n100.5,GPT-4,7,9,x\r\n\r\n",
        "\xef\xbb\xbfpriority, \"Output\" ,prompt,x,arrived_at\n0,4,30,,1.5\n0,9,7,,0",
    };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        plmr_request *r;
        int64_t n;
        must(parse(texts[i], &r, &n));
        assert_int_equal(n, 2);
        assert_true(r[0].t_arrival == 0 && r[0].n_prompt == 7 && r[0].n_output == 9);
        assert_true(r[1].t_arrival == 1.5 && r[1].n_prompt == 30 && r[1].n_output == 4);
        free(r);
    }
}

static void traces_are_refused(void **state)
{
    static const char *const cases[][2] = {
        {"", "empty"},
        {"arrival,prompt\n1,2\n", "no column is titled 'output'"},
        {"arrival,prompt,output\n", "no requests"},
        {"arrival,prompt,output\n1,2\n", "t.csv:2: the line ends before its output"},
        {"arrival,prompt,output\n1,2,3\n-1,2,3\n", "t.csv:3: arrival '-1'"},
        {"arrival,prompt,output\nnan,2,3\n", "arrival 'nan'"},
        {"arrival,prompt,output\n2023-13-01 00:00:00,2,3\n", "arrival '2023-13-01"},
        {"arrival,prompt,output\n1,0,3\n", "prompt '0'"},
        {"arrival,prompt,output\n1,2.5,3\n", "prompt '2.5'"},
        {"arrival,prompt,output\n1,2,x\n", "output 'x'"},
        {"arrival,prompt,output,priority\n1,2,3,high\n", "priority 'high'"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        plmr_request *r;
        int64_t n;
        must_fail(parse(cases[i][0], &r, &n), PLMR_ERROR_INPUT, cases[i][1]);
    }
}

/* Their mean lengths and rate are those asked for, within what so many draws give; the seed alone decides. */
static void random_requests(void **state)
{
    enum { MANY = 20000 };
    static plmr_request a[MANY], b[MANY];
    plmr_arrivals arrivals = {.rate = 50, .n = MANY, .burst = 1, .seed = 3};
    double prompt = 0, output = 0;
    (void)state;
    must(plmr_lengths_parse("--lengths", "~100/10..20", &arrivals.prompt, &arrivals.output));
    plmr_arrivals_make(&arrivals, a);
    plmr_arrivals_make(&arrivals, b);
    assert_memory_equal(a, b, sizeof a);
    for (int i = 0; i < MANY; i++) {
        prompt += a[i].n_prompt / (double)MANY;
        output += a[i].n_output / (double)MANY;
        assert_in_range(a[i].n_prompt, 1, 800);
        assert_in_range(a[i].n_output, 10, 20);
    }
    assert_true(fabs(prompt - 100.5) < 3 && fabs(output - 15) < 0.2);
    assert_true(fabs(a[MANY - 1].t_arrival / MANY * 50 - 1) < 0.03);
    must_fail(plmr_lengths_parse("--lengths", "5/", &arrivals.prompt, &arrivals.output), PLMR_ERROR_INPUT, "'5/'");
    must_fail(plmr_lengths_parse("--lengths", "9..5/1", &arrivals.prompt, &arrivals.output), PLMR_ERROR_INPUT, "9..5");
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(reuse_is_exact),
        cmocka_unit_test(all_are_served),
        cmocka_unit_test(one_alone_costs_what_it_costs),
        cmocka_unit_test(policies_order),
        cmocka_unit_test(turns_let_tokens_go),
        cmocka_unit_test(wafers_share),
        cmocka_unit_test(prompts_apart),
        cmocka_unit_test(traces_are_read),
        cmocka_unit_test(traces_are_refused),
        cmocka_unit_test(random_requests),
    };
    must(plmr_init(&argc, &argv));
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    plmr_finalize();
    return failed;
}
