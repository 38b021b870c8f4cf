/* Serving in virtual time: costs that are reused are exact, requests alone cost what the time plane says, the cache is
 * never overfull, policies do what they say, traces are read or refused. */
#include "more.h"

#include <math.h>
#include <time.h>

#include "plmr/plmr.h"
#include "serve/apart.h"
#include "serve/arrivals.h"
#include "serve/ask.h"
#include "serve/find_rate.h"
#include "serve/serve.h"
#include "serve/timeline.h"
#include "serve/trace_csv.h"

enum { N = 60 };
#define LINK 1e13 /* bytes a second between wafers that share experts */

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

/* With more experts than a wafer has room for. */
static plmr_model_shape mixture_of(void)
{
    plmr_model_shape shape = shape_of();
    shape.arch = plmr_arch_find("qwen3moe");
    shape.n_experts = 12;
    shape.n_used = 2;
    shape.n_expert_ffn = 160;
    shape.n_bytes = 0;
    return shape;
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
    int n_stages, layers, n_replicas, wide;
    bool output_apart;
    double loss;    /* that the placement was chosen by */
    double present; /* request cycles over time: of those that wait, are read or make tokens */
};

struct serving {
    const char *policy;
    int side, n_wafers;
    bool every_step;
    plmr_slo slo;
    plmr_request *requests; /* in seconds; NULL: random ones */
    int n, n_prompt, prompt_replicas;
    bool preempts, shares; /* shares: two thirds of the random ones begin with one of two texts */
    bool mixture;          /* whose experts lie on several wafers */
    double accept;         /* 0: no draft */
    const plmr_aim *aim;   /* NULL: throughput */
};

static void make_requests(bool shares, plmr_request *requests)
{
    plmr_arrivals arrivals = {.rate = 12000, .n = N, .burst = 3, .seed = 7, .urgent = 0.2};
    if (shares)
        must(plmr_prefixes_parse("--prefix", "2/30/0.66", &arrivals.prefixes));
    must(plmr_lengths_parse("--lengths", "5..70/~9", &arrivals.prompt, &arrivals.output));
    plmr_arrivals_make(&arrivals, requests);
}

static double presence_of(const plmr_serve_timeline *t)
{
    double sum = 0;
    for (int i = 0; i < PLMR_CACHED * PLMR_TIMELINE_BINS; i++)
        sum += t->series[i];
    return sum;
}

static void serve(const struct serving *s, struct served *served)
{
    plmr_device device = small_device();
    plmr_model_shape shape = s->mixture ? mixture_of() : shape_of(), draft = shape_of();
    plmr_llm_setup setup = {.every_step = s->every_step, .link = {s->mixture ? LINK : 0, 0, NAN, false}};
    plmr_serve_timeline timeline = {0};
    plmr_serve_place place;
    plmr_ranks *ranks;
    int n = s->requests ? s->n : N;
    if (s->requests)
        memcpy(served->requests, s->requests, (size_t)n * sizeof *s->requests);
    else
        make_requests(s->shares, served->requests);
    setup.phase[PLMR_DECODE].rows = setup.phase[PLMR_DECODE].cols = s->side;
    plmr_llm_setup_complete(&setup, &shape);
    plmr_serve_load load = plmr_serve_load_of(served->requests, n);
    load.n = N; /* placed as for many, also where one comes */
    must(plmr_ranks_create(1, plmr_rank_count(), 1, plmr_rank_count(), &ranks));
    plmr_serve_wish wish = {.n_wafers = s->n_wafers,
                            .n_prompt = s->n_prompt,
                            .prompt_replicas = s->prompt_replicas,
                            .n_batch = 4,
                            .load = &load,
                            .aim = s->aim ? s->aim : &plmr_aim_throughput,
                            .link = setup.link,
                            .draft = s->accept > 0 ? &draft : NULL,
                            .ahead = 3,
                            .accept = s->accept,
                            .most_replicas = s->n_wafers + (s->prompt_replicas > 0)};
    draft.n_layers = 1;
    must(plmr_serve_place_find(ranks, &device, &shape, &setup, &wish, &place));
    plmr_serve_plan plan = {.policy = plmr_serve_policy_find(s->policy),
                            .slo = s->slo,
                            .clock = device.clock,
                            .device = &device,
                            .n_prompt = place.n_prompt,
                            .token_bytes = 500, /* as many cycles */
                            .link = {.bytes_s = s->mixture ? LINK : device.clock},
                            .preempts = s->preempts,
                            .ahead = 3,
                            .accept = s->accept,
                            .seed = 1,
                            .timeline = &timeline};
    must(plmr_serve_run(&place, &plan, served->requests, n, &served->outcome));
    served->present = presence_of(&timeline);
    plmr_timeline_free(&timeline);
    served->n_found = place.costs.n_found;
    served->n_used = place.costs.n_used;
    served->row_room = place.costs.row_room;
    served->n_stages = place.costs.n_stages;
    served->loss = place.loss;
    served->n_replicas = place.n_replicas;
    served->wide = place.costs.wide;
    served->layers = place.costs.layers_per_stage;
    served->output_apart = plmr_timing_placement(place.costs.timing, PLMR_DECODE)->output_apart;
    plmr_serve_place_free(&place);
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

static const struct serving ways[] = {
    {.policy = "fcfs"},
    {.policy = "shortest-first"},
    {.policy = "decode-first"},
    {.policy = "slo-aware", .slo = {2e6, 2e5}},
    {.policy = "decode-first", .preempts = true},
    {.policy = "decode-first", .shares = true},
    {.policy = "fcfs", .shares = true, .preempts = true},
    {.policy = "decode-first", .accept = 0.7},
    {.policy = "fcfs", .accept = 0.7, .shares = true, .preempts = true},
};
enum { N_WAYS = sizeof ways / sizeof *ways };

static int next_way(int i)
{
    return TEST_SANITIZED && i + 4 < N_WAYS ? i + 4 : i + 1;
}

static void reuse_is_exact(void **state)
{
    static struct served quick, slow;
    (void)state;
    for (int i = 0; i < N_WAYS; i = next_way(i)) {
        struct serving s = ways[i];
        s.side = 20;
        s.n_wafers = 1;
        serve(&s, &quick);
        s.every_step = true;
        serve(&s, &slow);
        same(&quick, &slow);
        assert_true(quick.n_found * 3 < quick.n_used);
        assert_true(slow.n_found >= slow.n_used);
    }
}

static void all_are_served(void **state)
{
    static struct served served;
    (void)state;
    for (int i = 0; i < N_WAYS; i++) {
        struct serving s = ways[i];
        s.side = 20;
        s.n_wafers = 1;
        serve(&s, &served);
        for (int k = 0; k < N; k++) {
            const plmr_request *r = &served.requests[k];
            assert_int_equal(r->n_read, r->n_prompt + r->n_again);
            assert_int_equal(r->n_made, r->n_output);
            assert_true(r->t_first > r->t_arrival && r->t_last >= r->t_first);
        }
        const plmr_machine_sums *sums = &served.outcome.sums;
        assert_true(sums->rows_peak <= served.row_room);
        assert_true(sums->rows_peak > served.row_room / 2); /* so that room is what they wait for */
        assert_true(sums->most_waiting > 0);
        assert_true((sums->n_preempted > 0) == s.preempts);
        assert_true((sums->n_shared > 0) == s.shares);
        assert_true((sums->n_guessed > sums->n_right) == (s.accept > 0));
        assert_true(served.outcome.utilisation > 0 && served.outcome.utilisation <= 1);
        assert_true(served.outcome.n_urgent > 0 && served.outcome.n_urgent < N / 2);
    }
}

/* At each moment of its stay a request waits, is read or makes tokens, or its cache is on its way; also while it waits for the
 * first region alone. */
static void stays_add_up(void **state)
{
    static struct served served;
    (void)state;
    for (int i = 0; i < N_WAYS; i = next_way(i))
        for (int apart = 0; apart < 2; apart++) {
            struct serving s = ways[i];
            s.side = 20;
            s.n_wafers = 1 + apart;
            s.n_prompt = apart;
            serve(&s, &served);
            double stays = -served.outcome.sums.t_ways;
            for (int k = 0; k < N; k++)
                stays += served.requests[k].t_last - served.requests[k].t_arrival;
            assert_true(fabs(served.present - stays) < 1e-9 * stays);
        }
}

/* Nobody waits where there is room at once; those that come while the first region works wait for it. */
static void those_who_wait_are_counted(void **state)
{
    static struct served served;
    plmr_request requests[4] = {{.n_prompt = 90, .n_output = 2}};
    (void)state;
    for (int n = 1; n <= 4; n += 3) {
        for (int i = 1; i < n; i++)
            requests[i] = (plmr_request){.t_arrival = i * 1e-9, .n_prompt = 2, .n_output = 2};
        serve(&(struct serving){.policy = "fcfs", .side = 20, .n_wafers = 1, .requests = requests, .n = n}, &served);
        assert_int_equal(served.outcome.sums.most_waiting, n - 1);
    }
}

/* One that comes while others fill the cache, and goes before them, need not wait for their end; these are done all the
 * same. */
static void preemption_makes_room(void **state)
{
    static struct served patient, quick;
    plmr_request requests[N] = {{.n_prompt = 60, .n_output = 60}};
    (void)state;
    for (int i = 1; i < N; i++)
        requests[i] = requests[0];
    requests[N - 1] = (plmr_request){.t_arrival = 1e-4, .n_prompt = 100, .n_output = 20, .priority = 1};
    serve(&(struct serving){.policy = "fcfs", .side = 20, .n_wafers = 1, .requests = requests, .n = N}, &patient);
    serve(
        &(struct serving){.policy = "fcfs", .side = 20, .n_wafers = 1, .requests = requests, .n = N, .preempts = true},
        &quick);
    assert_true(quick.outcome.sums.n_preempted > 0);
    assert_true(quick.requests[N - 1].t_last * 1.5 < patient.requests[N - 1].t_last);
    for (int i = 0; i < N; i++)
        assert_int_equal(quick.requests[i].n_made, requests[i].n_output);
}

/* The second of two that begin alike reads its own end alone, also where the first is gone, unless the room was needed. */
static void prefixes_are_read_once(void **state)
{
    static struct served alike, apart;
    plmr_request requests[3] = {{.n_prompt = 70, .n_output = 2, .prefix = 9, .n_prefix = 60}};
    (void)state;
    for (int i = 1; i < 3; i++) {
        requests[i] = requests[0];
        requests[i].t_arrival = i;
    }
    requests[2].n_prefix = 70; /* its last token is read all the same */
    serve(&(struct serving){.policy = "fcfs", .side = 20, .n_wafers = 1, .requests = requests, .n = 3}, &alike);
    assert_int_equal(alike.outcome.sums.n_shared, 60 + 60);
    for (int i = 0; i < 3; i++)
        requests[i].prefix = i;
    serve(&(struct serving){.policy = "fcfs", .side = 20, .n_wafers = 1, .requests = requests, .n = 3}, &apart);
    assert_int_equal(apart.outcome.sums.n_shared, 0);
    for (int i = 0; i < 3; i++) {
        double t = alike.requests[i].t_first - alike.requests[i].t_arrival;
        double t_apart = apart.requests[i].t_first - apart.requests[i].t_arrival;
        assert_true(i ? t < t_apart : t == t_apart);
    }
}

/* Right guesses follow each other through the regions, where one token after the other leaves most of them idle; wrong ones
 * cost what they take. */
static void drafts_guess(void **state)
{
    static struct served plain, right, wrong;
    plmr_request one = {.n_prompt = 30, .n_output = 40};
    (void)state;
    serve(&(struct serving){.policy = "fcfs", .side = 20, .n_wafers = 1, .requests = &one, .n = 1}, &plain);
    serve(&(struct serving){.policy = "fcfs", .side = 20, .n_wafers = 1, .requests = &one, .n = 1, .accept = 1},
          &right);
    serve(&(struct serving){.policy = "fcfs", .side = 20, .n_wafers = 1, .requests = &one, .n = 1, .accept = 1e-12},
          &wrong);
    assert_int_equal(plain.outcome.sums.n_steps, 39);
    assert_int_equal(right.outcome.sums.n_steps, 39);
    assert_int_equal(right.outcome.sums.n_right, right.outcome.sums.n_guessed);
    assert_int_equal(right.outcome.sums.n_guessed, 9 * 3 + 2); /* 39 tokens: nine times four, and three */
    assert_int_equal(wrong.outcome.sums.n_right, 0);
    assert_true(right.outcome.tpot.mean < plain.outcome.tpot.mean);
    assert_true(plain.outcome.tpot.mean < wrong.outcome.tpot.mean);
}

/* What a placement is chosen by is what is then simulated: of requests alone, and of as many at once as there is room for,
 * however many guesses are right. */
static void guesses_are_foreseen(void **state)
{
    static struct served served;
    static const double accepts[] = {1, 0.7, 1e-12};
    plmr_request requests[N] = {{.n_prompt = 30, .n_output = 41}};
    (void)state;
    for (int i = 1; i < N; i++)
        requests[i] = requests[0];
    for (int alone = 0; alone < 2; alone++)
        for (int side = 12; side <= 20; side += 4)
            for (size_t i = 0; i < sizeof accepts / sizeof *accepts; i++) {
                struct serving s = {.policy = "fcfs", .side = side, .n_wafers = 1, .requests = requests, .n = N};
                for (int k = 0; k < N; k++)
                    requests[k].t_arrival = alone * k; /* one is long done when the next one comes */
                s.accept = accepts[i];
                s.aim = alone ? &plmr_aim_latency : NULL;
                serve(&s, &served);
                double t = alone ? served.outcome.e2e.mean * 1.1e9 : served.outcome.sums.t_end / N;
                /* of a token less than is foreseen; the last of many wait for those whose guesses are wrong */
                assert_true(served.loss / t > (alone ? 1 : 0.55) && served.loss / t < (alone ? 1.05 : 1.1));
            }
}

/* Chunks of a prompt follow each other, and a short last one does not pass the others. */
static void prompts_are_foreseen(void **state)
{
    static struct served served;
    (void)state;
    for (int n_prompt = 30; n_prompt <= 55; n_prompt += 3) { /* by 40 */
        plmr_request request = {.n_prompt = n_prompt, .n_output = 3};
        struct serving s = {.policy = "fcfs", .side = 10, .n_wafers = 1, .requests = &request, .n = 1};
        s.aim = &plmr_aim_latency;
        serve(&s, &served);
        double foreseen = served.loss / (served.outcome.e2e.mean * 1.1e9);
        assert_true(served.n_stages > 1 && foreseen > 1 && foreseen < 1.06);
    }
}

/* What the time plane says of a prompt and of tokens one by one, in a region or in several. */
static double alone(int side, int n_prompt, int n_output, const struct served *as)
{
    int n_stages = as->n_stages;
    plmr_device device = small_device();
    plmr_model_shape shape = shape_of();
    plmr_llm_setup setup = {.n_prompt = n_prompt, .n_tokens = n_prompt + n_output};
    plmr_phase_cost part;
    const plmr_phase_cost *token;
    plmr_timing *timing;
    plmr_ranks *ranks;
    for (int phase = 0; phase < 2; phase++)
        setup.phase[phase] =
            (plmr_phase_setup){.rows = side, .cols = side, .layers = as->layers, .output_apart = as->output_apart};
    must(plmr_ranks_create(1, plmr_rank_count(), 1, plmr_rank_count(), &ranks));
    must(plmr_timing_create(ranks, &device, &shape, &setup, &timing));
    assert_int_equal(plmr_timing_placement(timing, PLMR_DECODE)->n_stages, n_stages);
    must(plmr_timing_chunk(timing, 0, n_prompt, &part));
    double t = part.t_cycles, way, hops;
    must(plmr_timing_output(timing, &part));
    t += part.t_cycles;
    plmr_timing_way(timing, PLMR_PREFILL, n_prompt, &way, &hops);
    must(plmr_timing_settle(timing, n_prompt, &part));
    t += way * (n_stages - 1) + part.t_cycles * (n_stages - as->output_apart);
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
        serve(&(struct serving){.policy = "fcfs", .side = side, .n_wafers = 1, .requests = &one, .n = 1}, &served);
        double t = alone(side, 33, 20, &served);
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
    serve(&(struct serving){.policy = policy, .side = 60, .n_wafers = 1, .requests = requests, .n = 4}, &served);
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
    serve(&(struct serving){.policy = "fcfs", .side = 20, .n_wafers = 1, .requests = &requests[1], .n = 1}, &alone);
    assert_true(alone.n_stages > 3);
    for (int i = 1; i < N; i++) {
        requests[i] = requests[1];
        requests[i].t_arrival = i * alone.outcome.ttft.mean / 2;
    }
    serve(&(struct serving){.policy = "fcfs", .side = 20, .n_wafers = 1, .requests = requests, .n = N}, &at_once);
    serve(&(struct serving){.policy = "decode-first", .side = 20, .n_wafers = 1, .requests = requests, .n = N}, &turns);
    assert_true(turns.outcome.tpot.mean * 2 < at_once.outcome.tpot.mean);
    assert_true(turns.outcome.ttft.p99 < 5 * alone.outcome.ttft.mean);
}

/* Twice the wafers, each with half of the requests. */
static void wafers_share(void **state)
{
    static struct served one, two;
    (void)state;
    serve(&(struct serving){.policy = "fcfs", .side = 20, .n_wafers = 1}, &one);
    serve(&(struct serving){.policy = "fcfs", .side = 20, .n_wafers = 2}, &two);
    assert_true(two.outcome.ttft.mean < one.outcome.ttft.mean);
    assert_true(two.outcome.sums.t_end < one.outcome.sums.t_end);
}

/* Prompts read apart: no chunk is in the way of a token. The cache of a token takes 500 cycles to get there. */
static void prompts_apart(void **state)
{
    static struct served mixed, apart;
    plmr_request one = {.n_prompt = 33, .n_output = 20};
    (void)state;
    serve(&(struct serving){.policy = "fcfs", .side = 20, .n_wafers = 2}, &mixed);
    serve(&(struct serving){.policy = "fcfs", .side = 20, .n_wafers = 2, .n_prompt = 1}, &apart);
    assert_true(apart.outcome.tpot.p50 < mixed.outcome.tpot.p50);
    serve(&(struct serving){.policy = "decode-first", .side = 20, .n_wafers = 2, .n_prompt = 1}, &mixed);
    same(&apart, &mixed); /* no token is in the way */
    for (int k = 0; k < N; k++)
        assert_int_equal(apart.requests[k].n_made, apart.requests[k].n_output);
    serve(&(struct serving){.policy = "fcfs", .side = 20, .n_wafers = 2, .requests = &one, .n = 1}, &mixed);
    serve(&(struct serving){.policy = "fcfs", .side = 20, .n_wafers = 2, .requests = &one, .n = 1, .n_prompt = 1},
          &apart);
    assert_true(fabs(apart.requests[0].t_last - mixed.requests[0].t_last - 33 * 500) < 1e-3);
}

/* The same on one wafer, over its fabric. */
static void prompts_apart_on_a_wafer(void **state)
{
    static struct served mixed, apart, other;
    plmr_request one = {.n_prompt = 33, .n_output = 20};
    struct serving s = {.policy = "fcfs", .side = 12, .n_wafers = 1, .prompt_replicas = 1};
    (void)state;
    serve(&s, &apart);
    assert_int_equal(apart.n_replicas, 2);
    for (int k = 0; k < N; k++)
        assert_int_equal(apart.requests[k].n_made, apart.requests[k].n_output);
    s.policy = "decode-first";
    serve(&s, &other);
    same(&apart, &other);
    s.requests = &one, s.n = 1;
    serve(&s, &apart);
    s.prompt_replicas = 0;
    serve(&s, &mixed);
    double way = apart.requests[0].t_last - mixed.requests[0].t_last, clock = small_device().clock;
    assert_true(way > 0 && fabs(way - apart.outcome.way_s * clock) < 1e-3);
    assert_true(fabs(apart.outcome.sums.wavelet_hops - mixed.outcome.sums.wavelet_hops) > 0);
}

/* Drafts, shared beginnings, preemption and prompts apart go with experts on several wafers: everybody has all tokens, passes
 * that are timed once are exact, and what prompts share goes on to the other wafers. */
static void experts_on_wafers(void **state)
{
    static struct served quick, slow;
    (void)state;
    for (int i = 0; i < N_WAYS + 2; i = next_way(i)) {
        struct serving s = ways[i % N_WAYS];
        s.side = 20;
        s.n_wafers = i < N_WAYS ? 4 : 8;
        s.mixture = true;
        s.n_prompt = i == N_WAYS ? 4 : 0;
        s.prompt_replicas = i > N_WAYS;
        serve(&s, &quick);
        s.every_step = true;
        serve(&s, &slow);
        same(&quick, &slow);
        assert_true(quick.wide > 1 && quick.outcome.sums.link_bytes > 0);
        assert_true(quick.outcome.sums.rows_peak <= quick.row_room);
        assert_true((quick.outcome.sums.n_shared > 0) == s.shares);
        assert_true((quick.outcome.sums.n_guessed > 0) == (s.accept > 0));
        for (int k = 0; k < N; k++)
            assert_int_equal(quick.requests[k].n_made, quick.requests[k].n_output);
    }
}

/* A cache takes 500 bytes a token: of two requests the second finds what they share on whatever wafer it is dealt to. */
static void prefixes_go_to_all_wafers(void **state)
{
    static struct served little, much;
    plmr_request requests[2] = {{.n_prompt = 70, .n_output = 2, .prefix = 9, .n_prefix = 20}};
    struct serving s = {.policy = "fcfs", .side = 20, .n_wafers = 4, .requests = requests, .n = 1, .mixture = true};
    (void)state;
    serve(&s, &little);
    requests[0].n_prefix = 60;
    serve(&s, &much);
    assert_true(little.wide == much.wide && much.wide > 1);
    double more = much.outcome.sums.link_bytes - little.outcome.sums.link_bytes;
    assert_true(fabs(more - 500. * 40 * (much.wide - 1)) < 1e-3);
    requests[1] = requests[0];
    requests[1].t_arrival = 1;
    s.n = 2;
    serve(&s, &much);
    assert_int_equal(much.outcome.sums.n_shared, 60);
}

/* Where a core of a region of 5x5 is on a wafer of 2x4 such regions. */
static int core_of(int replica, int stage, int core)
{
    int i = replica * 2 + stage, y = i / 4, x = y % 2 ? 3 - i % 4 : i % 4;
    return (y * 5 + core / 5) * 20 + x * 5 + core % 5;
}

/* As long as messages take that share links, of each core to the one at its place of the other region. */
static void ways_share_links(void **state)
{
    static const plmr_serve_way expected[4] = {{0, 0, 0}, {2, 2, 4}, {4, 2, 6}, {2, 1, 4}};
    plmr_device device = test_device("ideal");
    int32_t from[50], to[50], n_values[50];
    device.router = PLMR_XY;
    device.packet = 8;
    (void)state;
    for (int other = 1; other < 4; other++) {
        plmr_serve_way way = plmr_serve_way_of(2, 4, 2, 0, 0, other);
        assert_memory_equal(&way, &expected[other], sizeof way);
        for (int i = 0; i < 50; i++) {
            from[i] = core_of(0, i / 25, i % 25);
            to[i] = core_of(other, i / 25, i % 25);
            n_values[i] = 400;
        }
        struct test_region r = test_region_open(&device, 10, 20, &(plmr_region_options){.allow_memory = true});
        plmr_tiles *a, *b;
        plmr_points *points;
        plmr_cost cost;
        must(plmr_tiles_create(r.region, "a", 400, &a));
        must(plmr_tiles_create(r.region, "b", 400, &b));
        must(plmr_points_create(r.region, "caches", &(plmr_parts){50, from, to, NULL, NULL, n_values}, &points));
        must(plmr_points_run(points, a, b));
        must(plmr_region_cost(r.region, &cost));
        double t = plmr_serve_way_busy(&device, &way, 5, plmr_device_wavelets(&device, 1600)) +
                   plmr_serve_way_flight(&device, &way, 5);
        /* those that turn meet once more */
        assert_true(t / cost.t_cycles > (other == 1 ? 0.99 : 0.7) && t / cost.t_cycles < 1.01);
        plmr_points_destroy(points);
        plmr_tiles_destroy(a);
        plmr_tiles_destroy(b);
        test_region_close(&r);
    }
}

/* ---- placements ---- */

struct trial {
    plmr_device device;
    plmr_model_shape shape;
    plmr_serve_load load;
    plmr_serve_wish wish;
    plmr_model_shape draft;
    int side; /* 0: to be chosen */
    int wide; /* that was */
};

/* Half of them with experts, which wafers may share where the link is known; of these some with a draft, with beginnings that
 * are shared, or with prompts apart. */
static void vary(struct trial *t, uint32_t *state)
{
    uint32_t which = test_random(state) % 12;
    if (which % 2)
        return;
    t->shape.arch = plmr_arch_find("qwen3moe");
    t->shape.n_experts = 4 + (int)(test_random(state) % 9);
    t->shape.n_used = 1 + (int)(test_random(state) % 3);
    t->shape.n_expert_ffn = 20 + (int)(test_random(state) % 100);
    t->load.shares = which == 2;
    t->wish.prompt_replicas = which == 4;
    t->wish.n_prompt = which == 6 && t->wish.n_wafers > 1;
    t->draft = shape_of();
    t->draft.n_layers = 1;
    if (which == 8)
        t->wish.ahead = 3, t->wish.accept = 0.6;
}

static struct trial trial_of(uint32_t *state)
{
    struct trial t = {.device = test_device("wse2"), .shape = shape_of()};
    t.device.rows = 8 + (int)(test_random(state) % 30);
    t.device.cols = 8 + (int)(test_random(state) % 30);
    t.device.sram = 2500 + (int)(test_random(state) % 12000);
    t.shape.n_layers = 1 + (int)(test_random(state) % 9);
    t.shape.dim = 40 + (int)(test_random(state) % 200);
    t.shape.n_ffn = 60 + (int)(test_random(state) % 400);
    double prompt = 1 + (int)(test_random(state) % 60), output = 1 + (int)(test_random(state) % 20);
    t.load = (plmr_serve_load){prompt,
                               output,
                               test_random(state) % 3 * 0.5,
                               (int64_t)(prompt + output) + (int64_t)(test_random(state) % 60),
                               false,
                               1 + (int64_t)(test_random(state) % 50)};
    t.wish.n_wafers = 1 + (int)(test_random(state) % 3);
    t.wish.n_batch = 1 + (int64_t)(test_random(state) % 64);
    t.wish.chunk = test_random(state) % 2 ? 0 : 1 + (int64_t)(test_random(state) % 40);
    t.wish.aim = plmr_aim_at((int)(test_random(state) % (uint32_t)plmr_aim_count()));
    if (test_random(state) % 2)
        t.wish.link = (plmr_wafer_link){1e6 * (1 + test_random(state) % 1000), 1e-6, NAN, false};
    t.side = test_random(state) % 2 ? 4 + (int)(test_random(state) % 4) : 0;
    return t;
}

/* Seconds, or less is better in any case; INFINITY: it does not fit. What was chosen has room on the wafers that there are. */
static double loss_of(struct trial *t, plmr_serve_place *place)
{
    plmr_ranks *ranks;
    plmr_llm_setup setup = {0};
    setup.phase[PLMR_DECODE].rows = setup.phase[PLMR_DECODE].cols = t->side;
    setup.link = t->wish.link;
    plmr_llm_setup_complete(&setup, &t->shape);
    t->wish.load = &t->load;
    t->wish.draft = t->wish.ahead ? &t->draft : NULL;
    must(plmr_ranks_create(1, 1, 1, 1, &ranks));
    plmr_status status = plmr_serve_place_find(ranks, &t->device, &t->shape, &setup, &t->wish, place);
    double loss = INFINITY;
    if (status) {
        assert_int_equal(plmr_error_code(status), PLMR_ERROR_LIMIT);
        plmr_error_free(status);
    } else {
        const plmr_serve_costs *c = &place->costs;
        assert_true(plmr_serve_place_unused(place) >= 0 && place->used_wafers <= t->wish.n_wafers);
        assert_true(c->row_room >= c->row_most && c->n_batch >= 1 && c->n_batch <= t->wish.n_batch);
        t->wide = c->wide;
        loss = place->loss > 0 ? place->loss / t->device.clock : place->loss;
        plmr_serve_place_free(place);
    }
    plmr_ranks_destroy(ranks);
    return loss;
}

static void more_is_never_worse(void **state)
{
    (void)state;
    uint32_t first = (uint32_t)time(NULL) * 1000;
    int n_placed = 0, n_better = 0, n_several = 0, n_wide = 0;
    for (uint32_t i = 0; i < 150; i++) {
        uint32_t seed = first + i, random = seed;
        struct trial less = trial_of(&random), more;
        plmr_serve_place a = {0}, b = {0};
        vary(&less, &random);
        more = less;
        const char *what = test_give_more(&more.device, &more.wish.n_wafers, &more.wish.link.bytes_s, &random);
        double before = loss_of(&less, &a), after = loss_of(&more, &b);
        n_placed += isfinite(before);
        n_better += after < before;
        n_several += a.n_replicas > 1;
        n_wide += more.wide > 1;
        if (after > before + 1e-9 * fabs(before))
            fail_msg("seed %u, for %s: with more %s %g became %g; %d and %d replicas of %d and %d wafers", seed,
                     more.wish.aim->name, what, before, after, a.n_replicas, b.n_replicas, a.used_wafers,
                     b.used_wafers);
    }
    printf("seeds from %u: %d placed, %d several times over, %d with experts on several wafers, %d better for more\n",
           first, n_placed, n_several, n_wide, n_better);
    assert_true(n_placed > 40 && n_better > 20 && n_several > 5);
}

/* Little by little: also where a pass of more requests has just found room. */
static void sram_is_never_worse(void **state)
{
    (void)state;
    for (int i = 0; i < plmr_aim_count(); i++) {
        uint32_t random = 5;
        struct trial t = trial_of(&random);
        plmr_serve_place place = {0};
        double before = INFINITY;
        t.load = (plmr_serve_load){20, 20, 1, 60, false, 50};
        t.wish = (plmr_serve_wish){.n_wafers = 1, .n_batch = 64, .chunk = 4, .aim = plmr_aim_at(i)};
        t.side = 8;
        t.shape = shape_of();
        t.device.rows = t.device.cols = 24;
        for (t.device.sram = 2000; t.device.sram < 24000; t.device.sram += 200) {
            double after = loss_of(&t, &place);
            if (after > before)
                fail_msg("for %s with %.0f bytes: %g became %g", t.wish.aim->name, t.device.sram, before, after);
            before = after;
        }
        assert_true(isfinite(before));
    }
}

/* Requests a second of which the SLO is met; 0: it is never met, or nothing fits. Without an SLO: what one alone takes, thrice
 * the time to the first token and twice that of each further one. */
static double rate_of(struct trial *t, plmr_slo *slo)
{
    static plmr_request requests[N];
    plmr_arrivals arrivals = {.rate = 1e-3, .n = N, .burst = 1, .seed = 3};
    plmr_serve_place place;
    plmr_serve_outcome o;
    plmr_llm_setup setup = {0};
    plmr_ranks *ranks;
    double rate = 0;
    must(plmr_lengths_parse("--lengths", "5..40/~9", &arrivals.prompt, &arrivals.output));
    plmr_arrivals_make(&arrivals, requests);
    t->load = plmr_serve_load_of(requests, N);
    t->wish.load = &t->load;
    setup.phase[PLMR_DECODE].rows = setup.phase[PLMR_DECODE].cols = t->side;
    plmr_llm_setup_complete(&setup, &t->shape);
    must(plmr_ranks_create(1, 1, 1, 1, &ranks));
    plmr_serve_plan plan = {.policy = plmr_serve_policy_find("decode-first"),
                            .clock = t->device.clock,
                            .device = &t->device,
                            .link = t->wish.link};
    plmr_status status = plmr_serve_place_find(ranks, &t->device, &t->shape, &setup, &t->wish, &place);
    if (!status && slo->ttft == 0) {
        must(plmr_serve_run(&place, &plan, requests, N, &o));
        *slo = (plmr_slo){3 * o.ttft.p99, 2 * o.tpot.p99};
    }
    plan.slo = (plmr_slo){slo->ttft * plan.clock, slo->tpot * plan.clock};
    if (!status) {
        plmr_serve_where where = {ranks, &t->device, &t->shape, &setup, &t->wish};
        status = plmr_serve_find_rate(&where, &place, &plan, &arrivals, requests, N, &o);
        rate = status ? 0 : o.rate;
        plmr_serve_place_free(&place);
    }
    plmr_error_free(status);
    plmr_ranks_destroy(ranks);
    return rate;
}

/* More wafers never serve fewer requests a second well: what is found for fewer is looked at as it is. For more SRAM and for
 * faster links there is no such proof, as it is what others take of the cache, and when, that makes a request late. */
static void rates_are_never_worse(void **state)
{
    (void)state;
    int n[3] = {0}, n_worse[3] = {0};
    for (uint32_t seed = 1000; seed < (TEST_SANITIZED ? 1030 : 1150); seed++) {
        uint32_t random = seed, which = seed % 3;
        struct trial less = trial_of(&random), more;
        plmr_slo slo = {0};
        less.wish.aim = &plmr_aim_throughput;
        less.wish.n_batch = 8;
        more = less;
        double by = 1.02 + test_random(&random) % 100 / 60.0;
        if (which == 0)
            more.wish.n_wafers += 1 + (int)(test_random(&random) % 2);
        else if (which == 1)
            more.device.sram = (double)(int64_t)(more.device.sram * by);
        else
            more.wish.link.bytes_s *= by;
        double a = rate_of(&less, &slo), b = rate_of(&more, &slo);
        n[which] += a > 0;
        n_worse[which] += b < a / (which ? 1.01 : 1);
    }
    printf("more wafers, SRAM, bandwidth: of %d, %d, %d worse %d, %d, %d\n", n[0], n[1], n[2], n_worse[0], n_worse[1],
           n_worse[2]);
    for (int i = 0; i < 3; i++)
        assert_true(n[i] > (TEST_SANITIZED ? 1 : 15));
    assert_true(n_worse[0] == 0 && n_worse[1] <= 1 && n_worse[2] <= 1);
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
        "arrival,\"note, so \"\"to\"\" say\",\"prompt\",output\n0.5,\"x,7,9\",\"7\" ,9\r\n2,5\" long,30,\"4\"\n",
        "timestamp,prompt,output\n2024-02-29T23:59:59,7,9\n2024-03-01 00:00:00.5Z,30,4\n",
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
        {"arrival,prompt,output\n0,\"2,100\",20\n", "t.csv:2: prompt '2,100'"},
        {"arrival,prompt,output\n0,1,2\n0,\"2,100,20\n", "t.csv:3: a quote is not closed"},
        {"arrival,\"prompt,output\n0,2,3\n", "t.csv:1: a quote is not closed"},
        {"arrival,prompt,output\n0,\"2\"1,3\n", "t.csv:2: a quote is not closed"},
        {"arrival,prompt,output\n2023-02-31 00:00:00,2,3\n", "arrival '2023-02-31"},
        {"arrival,prompt,output\n2023-02-29 00:00:00,2,3\n", "arrival '2023-02-29"},
        {"arrival,prompt,output\n2023-13-01 00:00:00,2,3\n", "arrival '2023-13-01"},
        {"arrival,prompt,output\n1,0,3\n", "prompt '0'"},
        {"arrival,prompt,output\n1,2.5,3\n", "prompt '2.5'"},
        {"arrival,prompt,output\n1,2,x\n", "output 'x'"},
        {"arrival,prompt,output,priority\n1,2,3,high\n", "priority 'high'"},
        {"arrival,prompt,output,prefix\n1,2,3,4\n", "go together"},
        {"arrival,prompt,output,prefix,prefix_tokens\n1,2,3,-4,1\n", "prefix '-4'"},
        {"arrival,prompt,output,prefix,prefix_tokens\n1,2,3,4,3\n", "prefix_tokens '3'"},
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
    assert_true(fabs(plmr_serve_load_of(a, MANY).spread - sqrt(10) / 15) < 0.01); /* of 10..20, all as often */
    assert_true(fabs(a[MANY - 1].t_arrival / MANY * 50 - 1) < 0.03);
    must(plmr_prefixes_parse("--prefix", "8/50/0.33333333333", &arrivals.prefixes));
    assert_true(arrivals.prefixes.share == 0.33333333333);
    must_fail(plmr_prefixes_parse("--prefix", "8/50/1.1", &arrivals.prefixes), PLMR_ERROR_INPUT, "8/50/1.1");
    must_fail(plmr_lengths_parse("--lengths", "5/", &arrivals.prompt, &arrivals.output), PLMR_ERROR_INPUT, "'5/'");
    must_fail(plmr_lengths_parse("--lengths", "9..5/1", &arrivals.prompt, &arrivals.output), PLMR_ERROR_INPUT, "9..5");
}

/* ---- what is asked for ---- */

static void slos_are_read(void **state)
{
    plmr_slo slo = {0};
    (void)state;
    must(plmr_slo_parse("--slo", "tpot=0.5,ttft=2", &slo));
    assert_true(slo.ttft == 2 && slo.tpot == 0.5);
    must_fail(plmr_slo_parse("--slo", "ttft=0.5,ttft=0.1", &slo), PLMR_ERROR_INPUT, "says ttft more than once");
    must_fail(plmr_slo_parse("--slo", "ttft=0.5,", &slo), PLMR_ERROR_INPUT, "'ttft=0.5,'");
}

static void is_text(const char *text, const char *expected)
{
    assert_true(text && expected ? strcmp(text, expected) == 0 : text == expected);
}

#define SAYS(role, content) "{\"role\":\"" role "\",\"content\":\"" content "\"}"

/* The model's template has what it is to be and one question of a user; all else is said line by line. */
static void chats_are_read(void **state)
{
    static const struct {
        const char *messages, *system, *user, *prompt;
    } cases[] = {
        {SAYS("user", "Who?"), NULL, "Who?", "Who?"},
        {SAYS("system", "Be kind.") "," SAYS("user", "Who?"), "Be kind.", "Who?", "Be kind.\nWho?"},
        {SAYS("system", "Be kind.") "," SAYS("developer", "Be brief.") "," SAYS("user", "Who?"), "Be kind.\nBe brief.",
         "Who?", "Be kind.\nBe brief.\nWho?"},
        {SAYS("system", "Be kind.") "," SAYS("assistant", "I am"), NULL, NULL, "Be kind.\nI am"},
        {SAYS("tool", "7"), NULL, NULL, "7"},
        {SAYS("user", "Who?") "," SAYS("assistant", "I.") "," SAYS("user", "Why?"), NULL, NULL, "Who?\nI.\nWhy?"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char body[400];
        plmr_ask ask;
        snprintf(body, sizeof body, "{\"messages\":[%s]}", cases[i].messages);
        must(plmr_ask_read(body, strlen(body), true, &ask));
        is_text(ask.system, cases[i].system);
        is_text(ask.user, cases[i].user);
        is_text(ask.prompt, cases[i].prompt);
        plmr_ask_free(&ask);
    }
}

int main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(reuse_is_exact),
        cmocka_unit_test(all_are_served),
        cmocka_unit_test(stays_add_up),
        cmocka_unit_test(those_who_wait_are_counted),
        cmocka_unit_test(preemption_makes_room),
        cmocka_unit_test(prefixes_are_read_once),
        cmocka_unit_test(drafts_guess),
        cmocka_unit_test(guesses_are_foreseen),
        cmocka_unit_test(prompts_are_foreseen),
        cmocka_unit_test(one_alone_costs_what_it_costs),
        cmocka_unit_test(policies_order),
        cmocka_unit_test(turns_let_tokens_go),
        cmocka_unit_test(wafers_share),
        cmocka_unit_test(prompts_apart),
        cmocka_unit_test(prompts_apart_on_a_wafer),
        cmocka_unit_test(experts_on_wafers),
        cmocka_unit_test(prefixes_go_to_all_wafers),
        cmocka_unit_test(ways_share_links),
        cmocka_unit_test(traces_are_read),
        cmocka_unit_test(traces_are_refused),
        cmocka_unit_test(random_requests),
        cmocka_unit_test(slos_are_read),
        cmocka_unit_test(chats_are_read),
        cmocka_unit_test(more_is_never_worse),
        cmocka_unit_test(sram_is_never_worse),
        cmocka_unit_test(rates_are_never_worse),
    };
    must(plmr_init(&argc, &argv));
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    plmr_finalize();
    return failed;
}
