/* Experts on ranks. In blocks: what leaves them has the bits of the plainest program that adds up as their cores would, in both phases
 * and on any ranks.
 *
 * test_blocks DATA_FOLDER */
#include "support.h"

#include <dirent.h>
#include <math.h>
#include <unistd.h>

#include "base/npy.h"
#include "infer/engine.h"
#include "model/experts.h"

enum { N_TOKENS = 11, MOST = 64, SIDE = 12, ROWS = 12, COLS = 14 };

static const int32_t tokens[N_TOKENS] = {5, 89, 195, 33, 7, 7, 101, 2, 64, 250, 17};
static const char *data_folder;
static char folder[] = "/tmp/plmr-blocks-XXXXXX";

/* A layer, as files have it: (out, in). */
struct layer {
    float gate[PLMR_MOST_EXPERTS][MOST * MOST], up[PLMR_MOST_EXPERTS][MOST * MOST],
        down[PLMR_MOST_EXPERTS][MOST * MOST];
};

/* What experts are given, the weights of those that are used (-1: it is not), and what comes out. */
struct seen {
    float in[N_TOKENS * MOST], routed[N_TOKENS * MOST], out[N_TOKENS * MOST];
};

static void load_matrix(const plmr_model *model, enum plmr_weight which, int layer, int expert, float *to)
{
    plmr_source source;
    plmr_model_expert(model, which, layer, expert, &source);
    assert_true(source.rows <= MOST && source.cols <= MOST);
    must(source.get(&source, 0, 0, (int)source.rows, (int)source.cols, to, (size_t)source.cols));
}

static void load_layer(const plmr_model *model, int layer, struct layer *l)
{
    for (int e = 0; e < plmr_model_shape_of(model)->n_experts; e++) {
        load_matrix(model, PLMR_GATE_EXPERTS, layer, e, l->gate[e]);
        load_matrix(model, PLMR_UP_EXPERTS, layer, e, l->up[e]);
        load_matrix(model, PLMR_DOWN_EXPERTS, layer, e, l->down[e]);
    }
}

/* ---- what has been dumped ---- */

static void read_rows(const char *phase, int first, int layer, const char *name, int n_rows, int n_cols, float *to)
{
    char path[200];
    plmr_npy npy;
    snprintf(path, sizeof path, "%s/%s-%d-%d-%s.npy", folder, phase, first, layer, name);
    must(plmr_npy_open(path, &npy));
    assert_int_equal(npy.rows, n_rows);
    assert_int_equal(npy.cols, n_cols);
    must(plmr_npy_read(&npy, 0, n_rows, 0, n_cols, to, n_cols));
    must(plmr_npy_close(&npy));
}

static void read_seen(const plmr_model_shape *shape, bool is_prefill, int layer, struct seen *s)
{
    int n = is_prefill ? N_TOKENS : 1, n_experts = shape->n_experts;
    const char *phase = is_prefill ? "prefill" : "decode";
    for (int first = 0; first < N_TOKENS; first += n) {
        read_rows(phase, first, layer, "ffn_norm", n, shape->dim, s->in + first * shape->dim);
        read_rows(phase, first, layer, "routed", n, n_experts, s->routed + first * n_experts);
        read_rows(phase, first, layer, "ffn_out", n, shape->dim, s->out + first * shape->dim);
    }
}

static void empty_folder(void)
{
    DIR *dir = opendir(folder);
    char path[400];
    assert_non_null(dir);
    for (const struct dirent *entry; (entry = readdir(dir));) {
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        remove(path);
    }
    closedir(dir);
}

/* ---- as cores add up ---- */

static int ceil_of(int a, int b)
{
    return (a + b - 1) / b;
}

/* The place of a core on the interleaved ring of n: those of even number up, those of odd number down. */
static int position(int core, int n)
{
    return core % 2 ? n - 1 - core / 2 : core / 2;
}

/* Elements of chunk `chunk` of so many in which n lie. */
static float chain(const float *x, const float *w, int n, int n_chunks, int chunk, float sum)
{
    int size = ceil_of(n, n_chunks);
    for (int k = chunk * size; k < (chunk + 1) * size && k < n; k++)
        sum = fmaf(x[k], w[k], sum);
    return sum;
}

/* Values of n cores go to the middle one from both ends, the low side first. */
static float add_cores(const float *value, int n)
{
    float low = value[0], high = value[n - 1];
    for (int i = 1; i <= n / 2; i++)
        low += value[i];
    for (int i = n - 2; i > n / 2; i--)
        high += value[i];
    return n / 2 == n - 1 ? low : low + high;
}

/* Prefill: a core at (x, y) of the ring's places begins with slot x + y. */
static void multiply_square(const float *x, const float *w, int n_in, int n_out, int side, int at, float *y)
{
    for (int j = 0; j < n_out; j++) {
        y[j] = 0;
        for (int t = 0; t < side; t++)
            y[j] = chain(x, w + j * n_in, n_in, side, (at + j / ceil_of(n_out, side) + t) % side, y[j]);
    }
}

static void expect_prompt(const plmr_model_shape *shape, const struct layer *l, int side, const struct seen *s,
                          float *out)
{
    int dim = shape->dim, n_ffn = shape->n_expert_ffn, n_experts = shape->n_experts;
    float gate[MOST], up[MOST], y[MOST];
    memset(out, 0, (size_t)(N_TOKENS * dim) * sizeof *out);
    for (int e = 0; e < n_experts; e++) {
        int n = 0, number = 0;
        for (int t = 0; t < N_TOKENS; t++)
            n += s->routed[t * n_experts + e] >= 0;
        for (int t = 0; t < N_TOKENS; t++) {
            float weight = s->routed[t * n_experts + e];
            if (weight < 0)
                continue;
            int at = number++ / ceil_of(n, side);
            multiply_square(s->in + t * dim, l->gate[e], dim, n_ffn, side, at, gate);
            multiply_square(s->in + t * dim, l->up[e], dim, n_ffn, side, at, up);
            plmr_vectors()->silu_multiply(n_ffn, gate, up, up);
            multiply_square(up, l->down[e], n_ffn, dim, side, at, y);
            for (int i = 0; i < dim; i++)
                out[t * dim + i] += weight * y[i];
        }
    }
}

/* Decode: of a column of a block's cores, each with its chunk. */
static void multiply_column(const float *x, const float *w, int n_in, int n_out, int n_cores, float *y)
{
    for (int j = 0; j < n_out; j++) {
        float value[MOST] = {0};
        for (int core = 0; core < n_cores; core++)
            value[core] = chain(x, w + j * n_in, n_in, n_cores, position(core, n_cores), 0);
        y[j] = add_cores(value, n_cores);
    }
}

/* What column `col` of the region adds to element i: of each block under the other what its experts, one after the other, do. */
static float column_value(const plmr_model_shape *shape, const struct layer *l, const plmr_expert_blocks *cut,
                          const float *routed, float hidden[][MOST], int col, int i)
{
    float sum = 0;
    for (int down = 0; down < cut->down; down++) {
        float of_block = 0;
        for (int e = 0; e < shape->n_experts; e++)
            if (routed[e] >= 0 && e % cut->n == down * cut->across + col / cut->cols)
                of_block += chain(hidden[e], l->down[e] + i * shape->n_expert_ffn, shape->n_expert_ffn, cut->cols,
                                  position(col % cut->cols, cut->cols), 0);
        sum += of_block;
    }
    return sum;
}

static void expect_token(const plmr_model_shape *shape, const struct layer *l, const plmr_expert_blocks *cut,
                         const float *in, const float *routed, float *out)
{
    static float hidden[PLMR_MOST_EXPERTS][MOST];
    int dim = shape->dim, n_ffn = shape->n_expert_ffn;
    for (int e = 0; e < shape->n_experts; e++) {
        float gate[MOST], *up = hidden[e];
        if (routed[e] < 0)
            continue;
        multiply_column(in, l->gate[e], dim, n_ffn, cut->rows, gate);
        multiply_column(in, l->up[e], dim, n_ffn, cut->rows, up);
        plmr_vectors()->silu_multiply(n_ffn, gate, up, up);
        for (int i = 0; i < n_ffn; i++)
            up[i] *= routed[e];
    }
    for (int i = 0; i < dim; i++) {
        float value[COLS] = {0};
        for (int col = 0; col < cut->across * cut->cols; col++)
            value[col] = column_value(shape, l, cut, routed, hidden, col, i);
        out[i] = add_cores(value, COLS);
    }
}

/* ---- all of it ---- */

static void compare(const plmr_model *model, bool is_prefill, const plmr_expert_blocks *cut)
{
    const plmr_model_shape *shape = plmr_model_shape_of(model);
    static struct layer l;
    static struct seen s;
    static float out[N_TOKENS * MOST];
    for (int layer = 0; layer < shape->n_layers; layer++) {
        load_layer(model, layer, &l);
        read_seen(shape, is_prefill, layer, &s);
        if (is_prefill)
            expect_prompt(shape, &l, cut->rows, &s, out);
        for (int t = 0; t < N_TOKENS && !is_prefill; t++)
            expect_token(shape, &l, cut, s.in + t * shape->dim, s.routed + t * shape->n_experts, out + t * shape->dim);
        for (int i = 0; i < N_TOKENS * shape->dim; i++)
            if (memcmp(&out[i], &s.out[i], sizeof *out) != 0)
                fail_msg("%s with %d blocks, layer %d: element %d of token %d is %a, not %a",
                         is_prefill ? "prefill" : "decode", cut->n, layer, i % shape->dim, i / shape->dim,
                         (double)s.out[i], (double)out[i]);
    }
}

static void run(const plmr_model *model, plmr_ranks *ranks, bool is_prefill, int n_parts)
{
    plmr_device device = test_device("wse2");
    plmr_engine *engine;
    plmr_llm_setup setup = {
        .phase = {{.rows = is_prefill ? SIDE : 0, .cols = is_prefill ? SIDE : 0},
                  {.rows = ROWS, .cols = COLS, .tree = {.n_levels = 1}}},
        .n_batch = 1,
        .n_tokens = N_TOKENS,
        .experts = {.place = plmr_expert_place_find("blocks"), .n_parts = n_parts},
        .dump = folder,
    };
    must(plmr_engine_create(model, ranks, &device, &setup, &engine));
    if (is_prefill)
        must(plmr_engine_prefill(engine, 0, tokens, N_TOKENS));
    for (int i = 0; i < N_TOKENS && !is_prefill; i++)
        must(plmr_engine_decode(engine, &tokens[i]));
    plmr_expert_blocks cut = engine->blocks[is_prefill ? PLMR_PREFILL : PLMR_DECODE].cut;
    plmr_engine_destroy(engine);
    plmr_barrier();
    if (plmr_rank() == 0) {
        compare(model, is_prefill, &cut);
        empty_folder();
    }
    plmr_barrier();
}

static void blocks_add_up_alone(void **state)
{
    static const int n_parts[] = {0, 4, 3, 1}; /* of 6 experts; 0: a block each */
    int rank_rows = plmr_rank_count() % 4 ? 1 : 2;
    char path[400];
    plmr_ranks *ranks;
    plmr_model *model;
    (void)state;
    snprintf(path, sizeof path, "%s/mixtral_f32.gguf", data_folder);
    must(plmr_ranks_create(rank_rows, plmr_rank_count() / rank_rows, ROWS, COLS, &ranks));
    must(plmr_model_open(path, &model));
    for (size_t i = 0; i < sizeof n_parts / sizeof *n_parts; i++) {
        run(model, ranks, true, n_parts[i]);
        run(model, ranks, false, n_parts[i]);
    }
    plmr_model_close(model);
    plmr_ranks_destroy(ranks);
}

/* Chunks of experts' hidden elements fill other cores than queries do. */
static void ranks_of_a_row_have_as_many(void **state)
{
    plmr_device device = test_device("wse2");
    char path[400];
    plmr_ranks *ranks;
    plmr_model *model;
    (void)state;
    snprintf(path, sizeof path, "%s/mixtral_f32.gguf", data_folder);
    must(plmr_ranks_create(1, plmr_rank_count(), 1, plmr_rank_count(), &ranks));
    must(plmr_model_open(path, &model));
    for (int side = 8; side <= 32; side++) {
        plmr_engine *engine;
        plmr_llm_setup setup = {.phase[PLMR_DECODE] = {.rows = side, .cols = side}, .n_tokens = N_TOKENS};
        must(plmr_engine_create(model, ranks, &device, &setup, &engine));
        const plmr_matrix *up = &engine->layers[0].matrix[PLMR_UP_EXPERTS][0];
        double bounds[2] = {up->out.n_chunks, -up->out.n_chunks};
        plmr_ranks_max(ranks, bounds, 2);
        assert_true(bounds[0] + bounds[1] <= 1);
        plmr_engine_destroy(engine);
    }
    plmr_model_close(model);
    plmr_ranks_destroy(ranks);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(blocks_add_up_alone),
                                       cmocka_unit_test(ranks_of_a_row_have_as_many)};
    must_start(plmr_init(&argc, &argv));
    data_folder = argc > 1 ? argv[1] : ".";
    if (plmr_rank() == 0 && !mkdtemp(folder))
        return 1;
    plmr_broadcast(folder, sizeof folder);
    int n_failed = cmocka_run_group_tests(tests, NULL, NULL);
    if (plmr_rank() == 0)
        rmdir(folder);
    plmr_finalize();
    return n_failed;
}
