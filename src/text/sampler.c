#include "text/sampler.h"

#include <Random123/philox.h>
#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/parse.h"

/* How far a token's surprise is from what is expected. */
struct distance {
    double from;
    int32_t id;
};

struct plmr_sampler {
    plmr_sampler_options options;
    int n_logits, n_heap, n_kept;
    int32_t *heap, *kept; /* ids */
    double *weights;      /* by id; the largest is 1 */
    struct distance *distances;
    float *changed; /* logits after biases and penalties; NULL: there are none */
    int32_t *last;  /* the last tokens, a ring of n_last, n_told of which have ever been told */
    int64_t n_told;
    int32_t *times; /* by id: how often it is among them */
};

static plmr_status check_options(const plmr_sampler_options *options)
{
    PLMR_CHECK(options->temperature >= 0 && options->temperature <= 100, PLMR_ERROR_INPUT,
               "temperature %g is out of range: 0 (greedy) to 100", options->temperature);
    PLMR_CHECK(options->top_k >= 0, PLMR_ERROR_INPUT, "top-k %d is negative: 0 keeps all tokens", options->top_k);
    PLMR_CHECK(options->top_p > 0 && options->top_p <= 1, PLMR_ERROR_INPUT,
               "top-p %g is out of range: above 0, at most 1 (keeps all tokens)", options->top_p);
    PLMR_CHECK(options->min_p >= 0 && options->min_p <= 1, PLMR_ERROR_INPUT,
               "min-p %g is out of range: 0 (keeps all tokens) to 1", options->min_p);
    PLMR_CHECK(options->typical >= 0 && options->typical <= 1, PLMR_ERROR_INPUT,
               "typical %g is out of range: above 0, at most 1 (keeps all tokens)", options->typical);
    return PLMR_OK;
}

static bool penalises(const plmr_sampler_options *o)
{
    return o->n_last > 0 && ((o->repetition != 0 && o->repetition != 1) || o->frequency != 0 || o->presence != 0);
}

int plmr_sampler_wants(const plmr_sampler_options *o)
{
    if (penalises(o) || o->n_biases)
        return 0;
    return o->temperature == 0 ? 1 : o->top_k;
}

static plmr_status check_biases(const plmr_sampler_options *options, int n_logits)
{
    for (int i = 0; i < options->n_biases; i++)
        PLMR_CHECK(options->biases[i].id >= 0 && options->biases[i].id < n_logits, PLMR_ERROR_INPUT,
                   "--logit-bias: token %d is none of the model's %d", options->biases[i].id, n_logits);
    return PLMR_OK;
}

static bool cuts_untypical(const plmr_sampler_options *o)
{
    return o->typical > 0 && o->typical < 1;
}

/* What biases and penalties need. */
static void make_changes(plmr_sampler *s)
{
    bool has_penalties = penalises(&s->options);
    if (has_penalties || s->options.n_biases)
        s->changed = plmr_take((size_t)s->n_logits * sizeof *s->changed);
    if (!has_penalties)
        return;
    s->last = plmr_take((size_t)s->options.n_last * sizeof *s->last);
    s->times = plmr_take_zeroed((size_t)s->n_logits, sizeof *s->times);
}

void plmr_sampler_tell(plmr_sampler *s, int32_t id)
{
    if (!s->last)
        return;
    int32_t *place = &s->last[s->n_told++ % s->options.n_last];
    if (s->n_told > s->options.n_last)
        s->times[*place]--;
    *place = id;
    s->times[id]++;
}

static float penalised(const plmr_sampler_options *o, float logit, int32_t times)
{
    float repetition = o->repetition == 0 ? 1 : (float)o->repetition;
    logit = logit > 0 ? logit / repetition : logit * repetition;
    return logit - (float)(times * o->frequency + o->presence);
}

static const float *change(plmr_sampler *s, const float *logits)
{
    if (!s->changed)
        return logits;
    for (int i = 0; i < s->n_logits; i++)
        s->changed[i] = logits[i];
    for (int i = 0; i < s->options.n_biases; i++)
        s->changed[s->options.biases[i].id] += s->options.biases[i].bias;
    for (int i = 0; i < s->n_logits && s->times; i++)
        if (s->times[i])
            s->changed[i] = penalised(&s->options, s->changed[i], s->times[i]);
    return s->changed;
}

plmr_status plmr_sampler_create(const plmr_sampler_options *options, int n_logits, plmr_sampler **sampler)
{
    PLMR_TRY(check_options(options));
    PLMR_TRY(check_biases(options, n_logits));
    PLMR_CHECK(n_logits >= 1, PLMR_ERROR_INPUT, "cannot pick from %d logits", n_logits);
    plmr_sampler *new = plmr_take(sizeof *new);
    *new = (plmr_sampler){.options = *options,
                          .n_logits = n_logits,
                          .heap = plmr_take((size_t)n_logits * sizeof *new->heap),
                          .kept = plmr_take((size_t)n_logits * sizeof *new->kept),
                          .weights = plmr_take((size_t)n_logits * sizeof *new->weights)};
    if (cuts_untypical(options))
        new->distances = plmr_take((size_t)n_logits * sizeof *new->distances);
    make_changes(new);
    *sampler = new;
    return PLMR_OK;
}

void plmr_sampler_destroy(plmr_sampler *sampler)
{
    if (!sampler)
        return;
    free(sampler->changed);
    free(sampler->last);
    free(sampler->times);
    free(sampler->heap);
    free(sampler->kept);
    free(sampler->weights);
    free(sampler->distances);
    free(sampler);
}

/* e^x for x <= 0, to about 1e-15. Libraries differ in the last bit of exp(), and one bit can change the text. */
static double exponential(double x)
{
    if (x < -700)
        return 0;
    double k = floor(x * 1.4426950408889634 + 0.5);
    double r = x - k * 0x1.62e42fee00000p-1 - k * 0x1.a39ef35793c76p-33; /* ln 2 in two parts */
    double sum = 1;
    for (int i = 14; i > 0; i--)
        sum = 1 + sum * r / i;
    return ldexp(sum, (int)k);
}

/* In [0, 1), 53 bits. */
static double uniform(uint64_t seed, uint64_t position)
{
    philox4x32_ctr_t counter = {{(uint32_t)position, (uint32_t)(position >> 32), 0, 0}};
    philox4x32_key_t key = {{(uint32_t)seed, (uint32_t)(seed >> 32)}};
    philox4x32_ctr_t bits = philox4x32(counter, key);
    return (double)(((uint64_t)bits.v[0] << 32 | bits.v[1]) >> 11) * 0x1p-53;
}

/* Whether token a comes before b. */
static bool before(const float *logits, int32_t a, int32_t b)
{
    return logits[a] > logits[b] || (logits[a] == logits[b] && a < b);
}

static plmr_status find_best(const float *logits, int n, int64_t position, int32_t *best)
{
    *best = 0;
    for (int i = 0; i < n; i++) {
        PLMR_CHECK(logits[i] < INFINITY, PLMR_ERROR_INPUT, "the logit of token %d at position %lld is %s", i,
                   (long long)position, isnan(logits[i]) ? "not a number" : "infinite");
        if (logits[i] > logits[*best])
            *best = i;
    }
    PLMR_CHECK(logits[*best] > -INFINITY, PLMR_ERROR_INPUT,
               "all logits at position %lld are minus infinity: no token can be picked", (long long)position);
    return PLMR_OK;
}

static void sift_down(plmr_sampler *s, const float *logits, int at)
{
    for (;;) {
        int child = 2 * at + 1;
        if (child >= s->n_heap)
            return;
        if (child + 1 < s->n_heap && before(logits, s->heap[child + 1], s->heap[child]))
            child++;
        if (before(logits, s->heap[at], s->heap[child]))
            return;
        int32_t id = s->heap[at];
        s->heap[at] = s->heap[child];
        s->heap[child] = id;
        at = child;
    }
}

/* Moves the next largest from the heap to those kept; returns its weight. A heap, because only few of them are needed
 * and sorting all would take longer than many a model's step. */
static double keep_next(plmr_sampler *s, const float *logits)
{
    int32_t id = s->heap[0];
    s->kept[s->n_kept++] = id;
    s->heap[0] = s->heap[--s->n_heap];
    sift_down(s, logits, 0);
    return s->weights[id];
}

static void fill_heap(plmr_sampler *s, const float *logits)
{
    s->n_heap = s->n_logits;
    for (int i = 0; i < s->n_logits; i++)
        s->heap[i] = i;
    for (int i = s->n_logits / 2; i-- > 0;)
        sift_down(s, logits, i);
}

/* Keeps the fewest, the largest first, whose weights add up to `share`; returns what they add up to. */
static double keep_share(plmr_sampler *s, const float *logits, double share)
{
    double sum = 0;
    int n_kept = 0;
    while (sum < share && n_kept < s->n_kept + s->n_heap) {
        sum += n_kept < s->n_kept ? s->weights[s->kept[n_kept]] : keep_next(s, logits);
        n_kept++;
    }
    s->n_kept = n_kept;
    return sum;
}

static bool cuts_k(const plmr_sampler *s)
{
    return s->options.top_k > 0 && s->options.top_k < s->n_logits;
}

/* Keeps what top_k and top_p leave of the tokens, whose weights add up to `sum`; returns the sum of the rest. */
static double keep_top(plmr_sampler *s, const float *logits, double sum)
{
    s->n_kept = 0;
    fill_heap(s, logits);
    if (cuts_k(s)) {
        sum = 0;
        while (s->n_kept < s->options.top_k)
            sum += keep_next(s, logits);
        s->n_heap = 0;
    }
    return s->options.top_p < 1 ? keep_share(s, logits, s->options.top_p * sum) : sum;
}

/* Keeps all tokens, in the order of their ids; returns the sum of their weights. */
static double keep_all(plmr_sampler *s)
{
    double sum = 0;
    for (int i = 0; i < s->n_logits; i++) {
        s->kept[i] = i;
        sum += s->weights[i];
    }
    s->n_kept = s->n_logits;
    return sum;
}

/* Drops what is less than min_p as likely as the likeliest, whose weight is 1; returns the sum of the rest. */
static double keep_likely(plmr_sampler *s)
{
    double sum = 0;
    int n = 0;
    for (int i = 0; i < s->n_kept; i++)
        if (s->weights[s->kept[i]] >= s->options.min_p) {
            sum += s->weights[s->kept[i]];
            s->kept[n++] = s->kept[i];
        }
    s->n_kept = n;
    return sum;
}

static int by_distance(const void *a, const void *b)
{
    const struct distance *x = a, *y = b;
    return x->from != y->from ? (x->from > y->from) - (x->from < y->from) : (x->id > y->id) - (x->id < y->id);
}

/* How far logits / temperature lie from their mean is how far surprises lie from theirs: -ln p = ln sum - logit. */
static void find_distances(plmr_sampler *s, const float *logits, double sum)
{
    double mean = 0;
    for (int i = 0; i < s->n_kept; i++) {
        int32_t id = s->kept[i];
        mean += s->weights[id] > 0 ? s->weights[id] / sum * (double)logits[id] : 0;
    }
    for (int i = 0; i < s->n_kept; i++)
        s->distances[i] = (struct distance){fabs((double)logits[s->kept[i]] - mean), s->kept[i]};
}

/* Keeps the fewest whose weights add up to `typical` of the sum, the least distant first; returns the sum of them. */
static double keep_typical(plmr_sampler *s, const float *logits, double sum)
{
    double kept = 0;
    int n = 0;
    find_distances(s, logits, sum);
    qsort(s->distances, (size_t)s->n_kept, sizeof *s->distances, by_distance);
    for (; n < s->n_kept && kept < s->options.typical * sum; n++) {
        s->kept[n] = s->distances[n].id;
        kept += s->weights[s->kept[n]];
    }
    s->n_kept = n;
    return kept;
}

/* The one of those kept whose share of [0, sum) holds `mark`; after rounding, the last that has a share. */
static int32_t draw(const plmr_sampler *s, double mark)
{
    int32_t id = s->kept[0];
    double end = 0;
    for (int i = 0; i < s->n_kept && end <= mark; i++) {
        double weight = s->weights[s->kept[i]];
        if (weight > 0)
            id = s->kept[i];
        end += weight;
    }
    return id;
}

plmr_status plmr_sampler_pick(plmr_sampler *s, const float *logits, int64_t position, int32_t *id)
{
    const plmr_sampler_options *options = &s->options;
    logits = change(s, logits);
    PLMR_TRY(find_best(logits, s->n_logits, position, id));
    if (options->temperature == 0 || options->top_k == 1)
        return PLMR_OK;
    for (int i = 0; i < s->n_logits; i++)
        s->weights[i] = exponential(((double)logits[i] - (double)logits[*id]) / options->temperature);
    double sum = keep_all(s);
    if (cuts_k(s) || options->top_p < 1)
        sum = keep_top(s, logits, sum);
    if (options->min_p > 0)
        sum = keep_likely(s);
    if (cuts_untypical(options))
        sum = keep_typical(s, logits, sum);
    *id = draw(s, uniform(options->seed, (uint64_t)position) * sum);
    return PLMR_OK;
}

plmr_status plmr_logit_biases_parse(const char *option, const char *text, plmr_sampler_options *sampler)
{
    sampler->biases = plmr_take((strlen(text) / 2 + 1) * sizeof *sampler->biases);
    const char *at = text;
    do {
        int64_t id;
        double bias = -INFINITY;
        bool read = plmr_scan_whole(&at, INT32_MAX, &id) && plmr_scan_text(&at, ":") &&
                    (plmr_scan_text(&at, "-inf") || (plmr_scan_real(&at, &bias) && fabs(bias) <= FLT_MAX));
        PLMR_CHECK(read && (!*at || *at == ','), PLMR_ERROR_INPUT, "%s: '%.60s' is not ID:B,..., e.g. 15:2.5,7:-inf",
                   option, text);
        sampler->biases[sampler->n_biases++] = (plmr_logit_bias){(int32_t)id, (float)bias};
    } while (plmr_scan_text(&at, ","));
    return PLMR_OK;
}
