/* What is picked, how often, and that nothing but seed and position decides. */
#include "../support.h"

#include <math.h>

#include "text/likely.h"
#include "text/sampler.h"

static plmr_sampler *made(double temperature, int top_k, double top_p, uint64_t seed, int n)
{
    plmr_sampler *sampler;
    must(plmr_sampler_create(
        &(plmr_sampler_options){.temperature = temperature, .top_k = top_k, .top_p = top_p, .seed = seed}, n,
        &sampler));
    return sampler;
}

static int pick(plmr_sampler *sampler, const float *logits, int64_t position)
{
    int32_t id = -1;
    must(plmr_sampler_pick(sampler, logits, position, &id));
    return id;
}

enum { N_PICKS = 40000, N_MOST = 64 };

/* Picks at N_PICKS positions fit these probabilities: chi-square at most what 1 seed in 100,000 exceeds. */
static void expect_shares(plmr_sampler *sampler, const float *logits, const double *shares, int n)
{
    int counts[N_MOST] = {0}, free_shares = -1;
    double sum = 0, chi_square = 0;
    for (int64_t position = 0; position < N_PICKS; position++)
        counts[pick(sampler, logits, position)]++;
    for (int i = 0; i < n; i++)
        sum += shares[i];
    for (int i = 0; i < n; i++) {
        double expected = N_PICKS * shares[i] / sum;
        if (expected == 0)
            assert_int_equal(counts[i], 0);
        else
            chi_square += (counts[i] - expected) * (counts[i] - expected) / expected;
        free_shares += expected > 0;
    }
    double spread = sqrt(2.0 / 9 / free_shares),
           bound = 1 - 2.0 / 9 / free_shares + 4.265 * spread; /* Wilson, Hilferty */
    assert_true(free_shares == 0 || chi_square <= free_shares * bound * bound * bound);
}

static void check_shares(double temperature, int top_k, double top_p, const float *logits, const double *shares, int n)
{
    for (uint64_t seed = 0; seed < 3; seed++) {
        plmr_sampler *sampler = made(temperature, top_k, top_p, seed << 40 | seed, n);
        expect_shares(sampler, logits, shares, n);
        plmr_sampler_destroy(sampler);
    }
}

static void test_shares(void **state)
{
    (void)state;
    static const float logits[] = {0.5f, -1, 2, 0.5f, -INFINITY, 1.25f, -3};
    enum { N = sizeof logits / sizeof *logits };
    static const double temperatures[] = {0.5, 1, 3};
    for (int t = 0; t < 3; t++) {
        double shares[N];
        for (int i = 0; i < N; i++)
            shares[i] = exp(logits[i] / temperatures[t]);
        check_shares(temperatures[t], 0, 1, logits, shares, N);
        check_shares(temperatures[t], N, 1, logits, shares, N);
        check_shares(temperatures[t], 1000, 1, logits, shares, N);
        shares[1] = shares[6] = shares[3] = 0; /* of the equal 0 and 3 the lower stays */
        check_shares(temperatures[t], 3, 1, logits, shares, N);
    }
}

/* Of 1/2, 1/4, 1/8, 1/8 in another order. */
static void test_top_p(void **state)
{
    (void)state;
    const float logits[] = {logf(0.125f), logf(0.5f), logf(0.125f), logf(0.25f)};
    check_shares(1, 0, 0.49, logits, (double[]){0, 1, 0, 0}, 4);
    check_shares(1, 0, 0.51, logits, (double[]){0, 2, 0, 1}, 4);
    check_shares(1, 0, 0.74, logits, (double[]){0, 2, 0, 1}, 4);
    check_shares(1, 0, 0.76, logits, (double[]){1, 4, 0, 2}, 4);
    check_shares(1, 0, 0.88, logits, (double[]){1, 4, 1, 2}, 4);
    check_shares(1, 0, 1e-300, logits, (double[]){0, 1, 0, 0}, 4);
    check_shares(1, 0, nextafter(1, 0), logits, (double[]){1, 4, 1, 2}, 4);
    check_shares(1, 2, 0.66, logits, (double[]){0, 1, 0, 0}, 4); /* shares of what top-k left */
    check_shares(1, 2, 0.67, logits, (double[]){0, 2, 0, 1}, 4);
    check_shares(0.5, 0, 0.7, logits, (double[]){0, 1, 0, 0}, 4); /* the temperature comes first: 16 of 22 */
    check_shares(0.5, 0, 0.8, logits, (double[]){0, 4, 0, 1}, 4);
}

static void test_greedy(void **state)
{
    (void)state;
    uint32_t seed = 5;
    plmr_sampler *greedy = made(0, 0, 1, 1, N_MOST), *first = made(2, 1, 1, 2, N_MOST);
    plmr_sampler *cold = made(1e-9, 0, 0.9, 3, N_MOST), *narrow = made(1, 40, 1e-9, 4, N_MOST);
    for (int i = 0; i < 500; i++) {
        float logits[N_MOST];
        int best = 0;
        for (int j = 0; j < N_MOST; j++) {
            logits[j] = (float)(test_random(&seed) % 50) - 25; /* with ties */
            best = logits[j] > logits[best] ? j : best;
        }
        assert_int_equal(pick(greedy, logits, i), best);
        assert_int_equal(pick(first, logits, i), best);
        assert_int_equal(pick(narrow, logits, i), best);
        assert_true(logits[pick(cold, logits, i)] == logits[best]);
    }
    plmr_sampler_destroy(greedy);
    plmr_sampler_destroy(first);
    plmr_sampler_destroy(cold);
    plmr_sampler_destroy(narrow);
}

static void test_extremes(void **state)
{
    (void)state;
    static const float huge[] = {-3e38f, 3e38f, 3e38f, -INFINITY};
    check_shares(1, 0, 1, huge, (double[]){0, 1, 1, 0}, 4);
    check_shares(100, 4, 0.99, huge, (double[]){0, 1, 1, 0}, 4);
    check_shares(1, 0, 1, (const float[]){-7}, (double[]){1}, 1);
    check_shares(1, 0, 0.5, (const float[]){-INFINITY, 0}, (double[]){0, 1}, 2);
}

/* The order of calls does not matter, and these ids are what every machine gets. */
static void test_reproducible(void **state)
{
    (void)state;
    static const int expected[] = {17, 58, 22, 10, 31, 31, 57, 50, 43, 12, 43, 31,
                                   50, 57, 12, 29, 8,  38, 55, 31, 31, 50, 53, 31};
    float logits[N_MOST];
    for (int i = 0; i < N_MOST; i++)
        logits[i] = (float)(i * 37 % N_MOST) / 16;
    enum { N = sizeof expected / sizeof *expected };
    plmr_sampler *forward = made(0.8, 40, 0.95, 42, N_MOST), *backward = made(0.8, 40, 0.95, 42, N_MOST);
    plmr_sampler *other = made(0.8, 40, 0.95, UINT64_C(42) << 32, N_MOST);
    int n_same = 0;
    for (int i = 0; i < N; i++) {
        assert_int_equal(pick(forward, logits, i), expected[i]);
        assert_int_equal(pick(backward, logits, N - 1 - i), expected[N - 1 - i]);
        n_same += pick(other, logits, i) == expected[i];
    }
    assert_in_range(n_same, 0, N / 2);
    plmr_sampler_destroy(forward);
    plmr_sampler_destroy(backward);
    plmr_sampler_destroy(other);
}

static void test_bad_options(void **state)
{
    (void)state;
    static const struct {
        plmr_sampler_options options;
        const char *words;
    } cases[] = {
        {{.temperature = -0.1, .top_k = 0, .top_p = 1}, "temperature -0.1 is out of range"},
        {{.temperature = NAN, .top_k = 0, .top_p = 1}, "temperature nan"},
        {{.temperature = INFINITY, .top_k = 0, .top_p = 1}, "temperature inf"},
        {{.temperature = 1, .top_k = -1, .top_p = 1}, "top-k -1 is negative"},
        {{.temperature = 1, .top_k = 0, .top_p = 0}, "top-p 0 is out of range"},
        {{.temperature = 1, .top_k = 0, .top_p = 1.01}, "top-p 1.01 is out of range"},
        {{.temperature = 1, .top_k = 0, .top_p = NAN}, "top-p nan is out of range"},
    };
    plmr_sampler *sampler;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        must_fail(plmr_sampler_create(&cases[i].options, 10, &sampler), PLMR_ERROR_INPUT, cases[i].words);
    must_fail(plmr_sampler_create(&(plmr_sampler_options){.temperature = 1, .top_p = 1}, 0, &sampler), PLMR_ERROR_INPUT,
              "0 logits");
    plmr_sampler_destroy(NULL);
}

static void test_bad_logits(void **state)
{
    (void)state;
    for (int greedy = 0; greedy < 2; greedy++) {
        plmr_sampler *sampler = made(greedy ? 0 : 1, 0, 1, 0, 3);
        int32_t id;
        must_fail(plmr_sampler_pick(sampler, (const float[]){1, NAN, 2}, 7, &id), PLMR_ERROR_INPUT,
                  "the logit of token 1 at position 7 is not a number");
        must_fail(plmr_sampler_pick(sampler, (const float[]){NAN, 1, 2}, 7, &id), PLMR_ERROR_INPUT, "token 0");
        must_fail(plmr_sampler_pick(sampler, (const float[]){1, 2, INFINITY}, 7, &id), PLMR_ERROR_INPUT,
                  "the logit of token 2 at position 7 is infinite");
        must_fail(plmr_sampler_pick(sampler, (const float[]){-INFINITY, -INFINITY, -INFINITY}, 7, &id),
                  PLMR_ERROR_INPUT, "all logits at position 7");
        plmr_sampler_destroy(sampler);
    }
}

/* Biases, penalties and min_p, each alone. */
static void test_changes(void **state)
{
    (void)state;
    static const float logits[] = {1, 2, -1, 0.5f};
    plmr_logit_bias biases[] = {{3, 4}, {1, -INFINITY}};
    plmr_sampler *s;
    must(plmr_sampler_create(&(plmr_sampler_options){.top_p = 1, .n_biases = 2, .biases = biases}, 4, &s));
    assert_int_equal(pick(s, logits, 0), 3);
    plmr_sampler_destroy(s);
    must(plmr_sampler_create(&(plmr_sampler_options){.top_p = 1, .repetition = 3, .n_last = 2}, 4, &s));
    assert_int_equal(pick(s, logits, 0), 1);
    plmr_sampler_tell(s, 1);
    assert_int_equal(pick(s, logits, 0), 0); /* 2 / 3 is less than 1 */
    plmr_sampler_tell(s, 2);
    plmr_sampler_tell(s, 2); /* 1 is no longer among the last two */
    assert_int_equal(pick(s, logits, 0), 1);
    plmr_sampler_destroy(s);
    must(plmr_sampler_create(&(plmr_sampler_options){.top_p = 1, .frequency = 0.6, .n_last = 9}, 4, &s));
    plmr_sampler_tell(s, 1);
    assert_int_equal(pick(s, logits, 0), 1);
    plmr_sampler_tell(s, 1);
    assert_int_equal(pick(s, logits, 0), 0);
    plmr_sampler_destroy(s);
    must(plmr_sampler_create(&(plmr_sampler_options){.temperature = 1, .top_p = 1, .min_p = 0.3}, 4, &s));
    expect_shares(s, logits, (double[]){exp(1), exp(2), 0, 0}, 4);
    plmr_sampler_destroy(s);
    must_fail(plmr_sampler_create(&(plmr_sampler_options){.top_p = 1, .n_biases = 2, .biases = biases}, 3, &s),
              PLMR_ERROR_INPUT, "--logit-bias: token 3 is none of the model's 3");
    plmr_sampler_options large = {0};
    must_fail(plmr_logit_biases_parse("--logit-bias", "4294967297:1", &large), PLMR_ERROR_INPUT, "is not ID:B");
    free(large.biases);
    must_fail(plmr_sampler_create(&(plmr_sampler_options){.top_p = 1, .min_p = 2}, 4, &s), PLMR_ERROR_INPUT,
              "min-p 2 is out of range: 0 (keeps all tokens) to 1");
}

/* The surprises of softmax(3, 2, 1, 0) are 0.44, 1.44, 2.44, 3.44, of which 0.95 is expected: token 1 is nearest. */
static void test_typical(void **state)
{
    (void)state;
    static const float logits[] = {3, 2, 1, 0, -INFINITY};
    static const double typical[] = {0.2, 0.5, 0.9, 1};
    const double shares[][5] = {{0, 1}, {exp(1), 1}, {exp(1), 1, exp(-1)}, {exp(1), 1, exp(-1), exp(-2)}};
    plmr_sampler *s;
    for (int i = 0; i < 4; i++) {
        must(plmr_sampler_create(&(plmr_sampler_options){.temperature = 1, .top_p = 1, .typical = typical[i]}, 5, &s));
        expect_shares(s, logits, shares[i], 5);
        plmr_sampler_destroy(s);
    }
    /* Half the temperature is twice the logits: 0.19, 2.19, ..., of which 0.46 is expected. */
    must(plmr_sampler_create(&(plmr_sampler_options){.temperature = 0.5, .top_p = 1, .typical = 0.2}, 5, &s));
    expect_shares(s, logits, (double[]){1, 0, 0, 0, 0}, 5);
    plmr_sampler_destroy(s);
    must_fail(plmr_sampler_create(&(plmr_sampler_options){.top_p = 1, .typical = 1.5}, 4, &s), PLMR_ERROR_INPUT,
              "typical 1.5 is out of range: above 0, at most 1");
}

static void test_likely(void **state)
{
    (void)state;
    static const float logits[] = {1, 5, -INFINITY, 5, 7, 1000};
    int32_t ids[6];
    plmr_likely_find(logits, 6, 4, ids);
    assert_memory_equal(ids, ((int32_t[]){5, 4, 1, 3}), 4 * sizeof *ids);
    plmr_likely_find(logits, 6, 6, ids);
    assert_memory_equal(ids, ((int32_t[]){5, 4, 1, 3, 0, 2}), 6 * sizeof *ids);
    assert_true(plmr_likely_log_sum(logits, 6) == 1000);
    assert_true(fabs(plmr_likely_log_sum(logits, 4) - log(exp(1) + 2 * exp(5))) < 1e-12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shares),     cmocka_unit_test(test_top_p),        cmocka_unit_test(test_greedy),
        cmocka_unit_test(test_extremes),   cmocka_unit_test(test_reproducible), cmocka_unit_test(test_bad_options),
        cmocka_unit_test(test_bad_logits), cmocka_unit_test(test_changes),      cmocka_unit_test(test_typical),
        cmocka_unit_test(test_likely),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
