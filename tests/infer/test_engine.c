/* Engines on the demo model: a batch gives what its requests give alone; where keys and values lie changes no more than
 * the order of sums. */
#include "support.h"

#include "infer/turn.h"

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

enum { N_BATCH = 3, N_PROMPT = 9, N_DECODE = 6 };

static int32_t token(int request, int i)
{
    return (request * 131 + i * 29 + 7) % 1000;
}

struct setting {
    int n_batch, first; /* requests first, first + 1, ... */
    int side, rows, cols;
    bool concat, prefills;
    enum { AS_USED, IN_PLACE, SOME_TURNED, TURNED } weights; /* how decode reads them */
};

/* Runs prompts and some tokens; hidden: the last residual streams, n_batch x dim. */
static void run(const char *name, const struct setting *s, float *hidden)
{
    plmr_device device = test_device("wse2");
    plmr_ranks *ranks;
    plmr_model *model;
    plmr_engine *engine;
    int rank_rows = plmr_rank_count() % 4 ? 1 : 2;
    must(plmr_ranks_create(rank_rows, plmr_rank_count() / rank_rows, 9, 13, &ranks));
    must(plmr_model_open(name, &model));
    int side = s->prefills ? s->side : 0;
    plmr_llm_setup setup = {
        .phase = {{.rows = side, .cols = side}, {.rows = s->rows, .cols = s->cols}},
        .n_batch = s->n_batch,
        .n_tokens = N_PROMPT + N_DECODE,
        .has_cache_dtype = true,
        .cache_dtype = PLMR_F32,
        .concat = s->concat,
    };
    must(plmr_engine_create(model, ranks, &device, &setup, &engine));
    for (int b = 0; b < s->n_batch && s->prefills; b++) {
        int32_t prompt[N_PROMPT];
        for (int i = 0; i < N_PROMPT; i++)
            prompt[i] = token(s->first + b, i);
        must(plmr_engine_prefill(engine, b, prompt, N_PROMPT));
    }
    must(plmr_engine_relayout(engine));
    if (s->weights) {
        plmr_turn_plan(engine);
        plmr_engine_keep(engine);
    }
    for (int i = s->prefills ? N_PROMPT : 0; i < N_PROMPT + N_DECODE; i++) {
        int32_t tokens[N_BATCH];
        for (int b = 0; b < s->n_batch; b++)
            tokens[b] = token(s->first + b, i);
        must(plmr_engine_decode(engine, tokens));
        if (i == N_PROMPT && s->weights > IN_PLACE)
            plmr_turn_if_it_pays(engine, s->weights == TURNED ? 1e6 : 1e-4, N_DECODE - 1);
    }
    plmr_engine_hidden(engine, 0, s->n_batch, plmr_rank() ? NULL : hidden);
    plmr_broadcast(hidden, (size_t)(s->n_batch * plmr_model_shape_of(model)->dim) * sizeof *hidden);
    plmr_engine_destroy(engine);
    plmr_model_close(model);
    plmr_ranks_destroy(ranks);
}

enum { DIM = 120 };

static void batches_change_nothing(void **state)
{
    (void)state;
    for (int prefills = 0; prefills < 2; prefills++) {
        struct setting s = {N_BATCH, 0, 13, 9, 20, false, prefills, AS_USED};
        float all[N_BATCH * DIM], alone[DIM];
        run("demo", &s, all);
        for (int b = 0; b < N_BATCH; b++) {
            s.n_batch = 1;
            s.first = b;
            run("demo", &s, alone);
            assert_memory_equal(alone, all + b * DIM, sizeof alone);
        }
    }
}

static void check_turned(const char *name, struct setting s)
{
    float want[DIM], got[DIM];
    run(name, &s, want);
    for (s.weights = IN_PLACE; s.weights <= TURNED; s.weights++) {
        run(name, &s, got);
        assert_memory_equal(got, want, sizeof want);
    }
}

/* Heads whose halves turn together: a core that has two elements of each has one of either half, of three it has them out of their
 * order. */
static void write_halves(char path[64])
{
    static const char shape[] = "{\"name\": \"halves\", \"title\": \"Halves\", \"source\": \"this test\", "
                                "\"architecture\": \"qwen2\", \"layers\": 2, \"dim\": 120, \"heads\": 6, "
                                "\"kv_heads\": 2, \"head_dim\": 24, \"ffn\": 200, \"vocab\": 1000, "
                                "\"context\": 64, \"rms_eps\": 1e-6, \"rope_base\": 10000, \"tied\": false}";
    if (plmr_rank() == 0) {
        int file = mkstemps(path, 5);
        assert_int_equal(write(file, shape, sizeof shape - 1), sizeof shape - 1);
        close(file);
    }
    plmr_broadcast(path, 64);
}

static void turned_weights_give_the_same(void **state)
{
    static const int cols[] = {48, 24, 16}; /* of a head's elements, one to a core, two, three */
    char path[64] = "/tmp/plmr-engine-XXXXXX.json";
    (void)state;
    check_turned("demo", (struct setting){1, 0, 13, 9, 20, .prefills = true});
    write_halves(path);
    for (int i = 0; i < 3; i++)
        check_turned(path, (struct setting){1, 0, 13, 9, cols[i], .prefills = true});
    plmr_barrier();
    if (plmr_rank() == 0)
        unlink(path);
}

static double farthest(const float *a, const float *b)
{
    double most = 0, largest = 0;
    for (int i = 0; i < DIM; i++) {
        most = fmax(most, fabs((double)a[i] - (double)b[i]));
        largest = fmax(largest, fabs((double)a[i]));
    }
    return most / largest;
}

/* Shift or concat, prefill or not, these cores or those: the same but for rounding. */
static void layouts_change_rounding_alone(void **state)
{
    (void)state;
    static const struct setting others[] = {{1, 0, 13, 9, 20, true, true, AS_USED},
                                            {1, 0, 13, 9, 20, false, false, AS_USED},
                                            {1, 0, 20, 40, 31, false, true, AS_USED}};
    struct setting s = {1, 0, 13, 9, 20, false, true, AS_USED};
    float one[DIM], other[DIM];
    run("demo", &s, one);
    for (int i = 0; i < 3; i++) {
        run("demo", &others[i], other);
        assert_true(farthest(one, other) < 1e-5);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(batches_change_nothing),
    cmocka_unit_test(turned_weights_give_the_same),
    cmocka_unit_test(layouts_change_rounding_alone),
};

TEST_MAIN(tests)
