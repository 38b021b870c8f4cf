/* Generating and scoring as a library's user does: what is generated greedily is what the logits of the same text say;
 * a text ends by its length, by who stops it, and where the cache is full. */
#include "support.h"

#include "infer/generate.h"
#include "infer/score.h"
#include "text/tokenizer_gguf.h"

enum { N_PROMPT = 5, N_MADE = 12, N_ALL = N_PROMPT + N_MADE };

static const int32_t prompt[N_PROMPT] = {1, 17, 300, 45, 6};

struct model {
    plmr_device device;
    plmr_ranks *ranks;
    plmr_model *model;
    plmr_tokenizer *tokenizer;
    plmr_timing *timing;
    plmr_engine *engine;
};

static void open_model(struct model *m, int64_t n_tokens)
{
    m->device = test_device("wse2");
    must(plmr_ranks_create(1, plmr_rank_count(), 1, plmr_rank_count(), &m->ranks));
    must(plmr_model_open("demo", &m->model));
    must(plmr_tokenizer_open(m->model, &m->tokenizer));
    plmr_llm_setup setup = {
        .phase = {{.rows = 13, .cols = 13}, {.rows = 9, .cols = 20}}, .n_prompt = N_PROMPT, .n_tokens = n_tokens};
    must(plmr_timing_create(m->ranks, &m->device, plmr_model_shape_of(m->model), &setup, &m->timing));
    must(plmr_engine_create(m->model, m->ranks, &m->device, &setup, &m->engine));
}

static void close_model(struct model *m)
{
    plmr_engine_destroy(m->engine);
    plmr_timing_destroy(m->timing);
    plmr_tokenizer_destroy(m->tokenizer);
    plmr_model_close(m->model);
    plmr_ranks_destroy(m->ranks);
}

/* Greedily; returns why it ended. ids: n_most tokens, of which *n_made are made. */
static enum plmr_text_end generate(int64_t n_most, const volatile sig_atomic_t *stop, int32_t *ids, int *n_made,
                                   size_t *n_bytes)
{
    struct model m;
    plmr_llm_totals totals = {0};
    open_model(&m, N_PROMPT + n_most);
    plmr_generation g = {.engine = m.engine,
                         .timing = m.timing,
                         .tokenizer = m.tokenizer,
                         .n_most = n_most,
                         .stop = stop,
                         .totals = &totals};
    *n_bytes = 0;
    must(plmr_generation_begin(&g, &(plmr_sampler_options){.temperature = 0, .top_p = 1}, prompt, N_PROMPT));
    while (!g.end) {
        must(plmr_generation_next(&g));
        assert_in_range(g.n_made, 1, n_most);
        ids[g.n_made - 1] = g.id;
        *n_bytes += g.n_bytes;
    }
    *n_made = (int)g.n_made;
    assert_int_equal(totals.n_made, g.n_made - 1); /* the first is of the prompt's logits */
    assert_true(totals.decode.t_cycles > 0 || g.n_made == 1);
    plmr_generation_close(&g);
    close_model(&m);
    return g.end;
}

static int32_t largest(const float *logits, int n)
{
    int best = 0;
    for (int i = 1; i < n; i++)
        best = logits[i] > logits[best] ? i : best;
    return best;
}

static void greedy_is_what_the_logits_say(void **state)
{
    (void)state;
    int32_t ids[N_ALL];
    int n_made;
    size_t n_bytes;
    memcpy(ids, prompt, sizeof prompt);
    assert_int_equal(generate(N_MADE, NULL, ids + N_PROMPT, &n_made, &n_bytes), PLMR_ENDED_LENGTH);
    assert_int_equal(n_made, N_MADE);
    assert_true((n_bytes > 0) == (plmr_rank() == 0));
    struct model m;
    open_model(&m, N_ALL);
    int n_vocab = plmr_model_shape_of(m.model)->n_vocab;
    float *logits = plmr_rank() ? NULL : malloc(sizeof(float) * N_ALL * (size_t)n_vocab);
    must(plmr_score_logits(m.engine, ids, N_ALL, logits));
    for (int i = N_PROMPT - 1; i + 1 < N_ALL && logits; i++)
        assert_int_equal(largest(logits + (size_t)i * (size_t)n_vocab, n_vocab), ids[i + 1]);
    free(logits);
    close_model(&m);
}

static void stops_after_the_token_at_hand(void **state)
{
    (void)state;
    volatile sig_atomic_t stop = plmr_rank() == 0;
    int32_t ids[N_MADE];
    int n_made;
    size_t n_bytes;
    assert_int_equal(generate(N_MADE, &stop, ids, &n_made, &n_bytes), PLMR_ENDED_STOPPED);
    assert_int_equal(n_made, 1);
}

/* Half of each window is scored, or all but the first token of one. */
static void windows_are_cut(void **state)
{
    (void)state;
    plmr_score two = plmr_score_windows(11, 4), one = plmr_score_windows(7, 4), all = plmr_score_windows(3, 4);
    assert_int_equal(two.n_windows, 2);
    assert_int_equal(two.size, 4);
    assert_int_equal(two.first, 3);
    assert_int_equal(one.n_windows, 1);
    assert_int_equal(one.size, 4);
    assert_int_equal(one.first, 1);
    assert_int_equal(all.size, 3);
    assert_int_equal(all.first, 1);
}

/* Of the same text twice over, in two windows, each scored half is as if it stood alone: the mean is that of one. */
static void windows_stand_alone(void **state)
{
    (void)state;
    int32_t ids[16];
    plmr_score one = plmr_score_windows(8, 8), two = plmr_score_windows(16, 8);
    struct model m;
    for (int i = 0; i < 16; i++)
        ids[i] = 3 + i % 8 * 31;
    one.first = two.first;
    open_model(&m, 8);
    must(plmr_score_run(m.engine, ids, false, &one, NULL, NULL));
    must(plmr_score_run(m.engine, ids, false, &two, NULL, NULL));
    assert_int_equal(two.n_scored, 2 * one.n_scored);
    if (plmr_rank() == 0) {
        assert_true(plmr_score_mean(&one) > 0 && plmr_score_error(&one) > 0);
        assert_true(plmr_score_mean(&two) == plmr_score_mean(&one));
    }
    close_model(&m);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(greedy_is_what_the_logits_say),
    cmocka_unit_test(stops_after_the_token_at_hand),
    cmocka_unit_test(windows_are_cut),
    cmocka_unit_test(windows_stand_alone),
};

TEST_MAIN(tests)
