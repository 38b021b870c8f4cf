/* Phases of a decode layer of a language model on a block of cores: products as vector operations that a hand loop starts one
 * by one, reductions in two phases to the end of a line and a multicast back. */
#include <math.h>
#include <string.h>

#include "device/way.h"
#include "validate/validate.h"

struct layer {
    const plmr_device *d;
    double side;                            /* cores along a line */
    double dim, heads, kv_heads, size, ffn; /* of the model; elements of a head */
    double tokens;                          /* in the cache, in a row of cores */
    double softmaxes, score;                /* the program's allreduces in a softmax; cycles for a score in it */
};

/* So many words added up along a line of n cores and spread again: groups of about sqrt(n). */
static double allreduce(const plmr_device *d, double n, double words)
{
    double group = ceil(sqrt(n)), stages = 2 * (group - 1);
    double down = plmr_way_of(d, (int)n - 1).flight + stages * plmr_way_stage(d) + 2 * d->link * words;
    double back = plmr_way_of(d, (int)n - 1).flight + d->link * words;
    return 3 * d->collective_launch + down + back + 2 * d->receive_task;
}

/* n vector operations of so many elements. */
static double vectors(const plmr_device *d, double n, double elements)
{
    return n * (d->vector_start + d->mac_cycles_f16 / d->mac_group_f16 * elements);
}

/* k x n elements of weights in a core. */
static double product(const struct layer *l, double k, double n)
{
    return vectors(l->d, ceil(k / l->side), ceil(n / l->side)) + allreduce(l->d, l->side, ceil(n / l->side));
}

static double query_width(const struct layer *l)
{
    return l->heads * l->size;
}

static double columns_of_head(const struct layer *l)
{
    return fmax(1, l->side / l->kv_heads);
}

/* Queries of the heads that share keys. */
static double scores_of(const struct layer *l)
{
    return l->tokens * l->heads / l->kv_heads;
}

static double elements_of_head(const struct layer *l)
{
    return ceil(l->size / columns_of_head(l));
}

static double qkv(const struct layer *l)
{
    return product(l, l->dim, query_width(l) + 2 * l->kv_heads * l->size);
}

static double out(const struct layer *l)
{
    return product(l, query_width(l), l->dim);
}

/* Norms of heads by an allreduce along whole rows; rope by an exchange of neighbours. */
static double norm_rope(const struct layer *l)
{
    double own = ceil((query_width(l) + l->kv_heads * l->size) / l->side), norms = l->heads / l->kv_heads + 1;
    return allreduce(l->d, l->side, norms) + vectors(l->d, 6, own) + norms * l->d->scalar_function +
           2 * (l->d->shift_launch + l->d->shift_wavelet * own);
}

static double score(const struct layer *l)
{
    return vectors(l->d, l->heads / l->kv_heads * elements_of_head(l), l->tokens) +
           allreduce(l->d, columns_of_head(l), scores_of(l));
}

/* Allreduces along columns, and an exponential and a scaling for each score. */
static double softmax(const struct layer *l)
{
    return l->softmaxes * allreduce(l->d, l->side, l->heads / l->kv_heads) + scores_of(l) * l->score;
}

static double values(const struct layer *l)
{
    return vectors(l->d, scores_of(l), elements_of_head(l)) +
           allreduce(l->d, l->side, l->heads / l->kv_heads * elements_of_head(l));
}

static double residual(const struct layer *l)
{
    return vectors(l->d, 1, ceil(l->dim / l->side));
}

static double attention(const struct layer *l)
{
    return qkv(l) + norm_rope(l) + score(l) + softmax(l) + values(l) + out(l) + residual(l);
}

static double feed_forward(const struct layer *l)
{
    double own = ceil(l->ffn / l->side);
    return allreduce(l->d, l->side, 1) + product(l, l->dim, 2 * l->ffn) + own * l->d->scalar_function +
           product(l, l->ffn, l->dim) + residual(l);
}

/* All layers, each in two blocks side by side, and the vocabulary. */
static double step(const struct layer *l, double layers, double vocabulary)
{
    double over =
        l->d->collective_launch + plmr_way_of(l->d, (int)l->side).flight + l->d->link * ceil(l->dim / l->side);
    return layers * (attention(l) + feed_forward(l) + 2 * over) + allreduce(l->d, l->side, 1) +
           product(l, l->dim, vocabulary);
}

/* A word of the text says which phase; the first that occurs. */
static const struct {
    const char *word;
    double (*cycles)(const struct layer *l);
} phases[] = {
    {"FFN block", feed_forward},    {": QKV", qkv},  {": QK-", norm_rope}, {": score", score},
    {": softmax", softmax},         {": P", values}, {": O", out},         {"residual", residual},
    {"attention block", attention},
};

static struct layer layer_of(const plmr_trial_run *run)
{
    const json_t *o = run->options;
    return (struct layer){.d = &run->device,
                          .side = plmr_config_number(o, "side", 256),
                          .dim = plmr_config_number(o, "dim", NAN),
                          .heads = plmr_config_number(o, "heads", NAN),
                          .kv_heads = plmr_config_number(o, "kv_heads", NAN),
                          .size = plmr_config_number(o, "head_dim", NAN),
                          .ffn = plmr_config_number(o, "ffn", NAN),
                          .softmaxes = plmr_config_number(o, "softmax_allreduces", 2),
                          .score = plmr_config_number(o, "score", run->device.scalar_function)};
}

static plmr_status run_decode(plmr_trial_run *run)
{
    const char *what = run->point->what;
    struct layer l = layer_of(run);
    double layers = plmr_config_number(run->options, "layers", NAN),
           words = plmr_config_number(run->options, "vocab", NAN);
    double context = plmr_config_number(run->config, "context", plmr_has_word(what, "single-stream") ? 2048 : 0);
    l.tokens = ceil(context / l.side);
    if (plmr_has_word(what, "slope")) {
        struct layer more = l;
        more.tokens = l.tokens + 1;
        run->value = layers * (attention(&more) - attention(&l)) / l.side, run->unit = "cycles";
    } else if (plmr_has_word(what, "step constant")) {
        run->cycles = step(&l, layers, words);
    } else if (plmr_has_word(what, "single-stream")) {
        run->amount = 1, run->unit = "tokens/s", run->cycles = step(&l, layers, words);
    } else if (!plmr_has_word(what, "prefill")) {
        for (size_t i = 0; i < sizeof phases / sizeof *phases; i++)
            if (plmr_has_word(what, phases[i].word)) {
                run->cycles = phases[i].cycles(&l);
                break;
            }
    }
    return PLMR_OK;
}

/* Attention alone of one group of heads on rows x columns of cores. */
static plmr_status run_attention(plmr_trial_run *run)
{
    struct layer l = layer_of(run);
    double cores[2], positions = plmr_config_number(run->config, "positions", NAN);
    if (!plmr_config_pair(run->config, "PEs", cores))
        return PLMR_OK;
    l.side = cores[1];
    l.heads /= l.kv_heads, l.kv_heads = 1;
    l.tokens = ceil(positions / l.side);
    double group = cores[0], own = ceil(l.size / group);
    run->cycles = vectors(l.d, l.heads * own, l.tokens) + allreduce(l.d, group, scores_of(&l)) + softmax(&l) +
                  vectors(l.d, scores_of(&l), own);
    return PLMR_OK;
}

const plmr_trial plmr_trial_decode = {"decode", "phases of a decode layer on a block of cores", run_decode};
const plmr_trial plmr_trial_attention = {"attention", "attention of a group of heads in decode", run_attention};
