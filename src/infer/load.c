#include "infer/load.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/parse.h"
#include "base/text_file.h"
#include "model/experts.h"

/* ---- traces ---- */

enum { MOST_TRACE_BYTES = 1 << 30 };

void plmr_expert_trace_row(FILE *file, int layer, int64_t token, int expert)
{
    fprintf(file, "%d,%lld,%d\n", layer, (long long)token, expert);
}

/* Counts what a line says, the number of which is for errors. */
static plmr_status take_line(const char *path, const char *line, long number, const plmr_model_shape *shape,
                             double *share)
{
    int64_t layer, token, expert;
    bool read = plmr_scan_whole(&line, INT_MAX, &layer) && plmr_scan_text(&line, ",") &&
                plmr_scan_whole(&line, INT64_MAX - 1, &token) && plmr_scan_text(&line, ",") &&
                plmr_scan_whole(&line, INT_MAX, &expert);
    PLMR_CHECK(read && (*line == '\n' || !*line), PLMR_ERROR_INPUT,
               "%.500s:%ld: expected layer,token,expert as --expert-trace writes them", path, number);
    PLMR_CHECK(layer < shape->n_layers && expert < shape->n_experts, PLMR_ERROR_INPUT,
               "%.500s:%ld: layer %d, expert %d, but %s has %d layers of %d experts", path, number, (int)layer,
               (int)expert, shape->name, shape->n_layers, shape->n_experts);
    share[layer * shape->n_experts + expert]++;
    return PLMR_OK;
}

static plmr_status take_lines(const char *path, const char *text, const plmr_model_shape *shape, double *share)
{
    long number = 1;
    bool has_head = strncmp(text, PLMR_EXPERT_TRACE_HEAD, strlen(PLMR_EXPERT_TRACE_HEAD)) == 0;
    PLMR_CHECK(has_head, PLMR_ERROR_INPUT, "%.500s: is no trace of experts: it must begin with layer,token,expert",
               path);
    for (const char *line = strchr(text, '\n'); line && line[1]; line = strchr(line + 1, '\n'))
        PLMR_TRY(take_line(path, line + 1, ++number, shape, share));
    PLMR_CHECK(number > 1, PLMR_ERROR_INPUT, "%.500s: has no tokens; record it again with --expert-trace", path);
    return PLMR_OK;
}

static plmr_status read_trace(const char *path, const plmr_model_shape *shape, plmr_expert_load *load)
{
    char *text;
    size_t n;
    PLMR_TRY(plmr_file_read(path, MOST_TRACE_BYTES, &text, &n));
    load->share = plmr_take_zeroed((size_t)shape->n_layers * (size_t)shape->n_experts, sizeof *load->share);
    load->n_layers = shape->n_layers;
    load->n_experts = shape->n_experts;
    plmr_status status = take_lines(path, text, shape, load->share);
    free(text);
    return status;
}

plmr_status plmr_expert_load_read(const char *text, const plmr_model_shape *shape, plmr_expert_load *load)
{
    PLMR_CHECK(shape->n_experts, PLMR_ERROR_INPUT, "--expert-load: %s has no experts", shape->name);
    if (strcmp(text, "uniform") == 0)
        return PLMR_OK;
    if (strncmp(text, "zipf:", 5) != 0)
        return read_trace(text, shape, load);
    PLMR_CHECK(plmr_is_decimal(text + 5, &load->skew) && load->skew >= 0 && load->skew <= 10, PLMR_ERROR_INPUT,
               "--expert-load: '%.60s' is no skew from 0 to 10, e.g. zipf:1", text);
    return PLMR_OK;
}

void plmr_expert_load_free(plmr_expert_load *load)
{
    free(load->share);
    load->share = NULL;
}

/* ---- tokens ---- */

static double share_of(const plmr_expert_load *load, int layer, int expert)
{
    if (load->share)
        return load->share[(layer % load->n_layers) * load->n_experts + expert];
    return pow(expert + 1, -load->skew);
}

/* Without a trace shares fall. */
int plmr_expert_load_rank(const plmr_expert_load *load, int layer, int expert)
{
    int rank = load->share ? 0 : expert;
    double share = share_of(load, layer, expert);
    for (int e = 0; load->share && e < load->n_experts; e++)
        rank += share_of(load, layer, e) > share || (e < expert && share_of(load, layer, e) == share);
    return rank;
}

/* What is missing to an expert's share after whole tokens; below 0: it has no share. */
struct missing {
    double part;
    int expert;
};

static int compare(const void *a, const void *b)
{
    const struct missing *x = a, *y = b;
    return x->part != y->part ? (x->part < y->part) - (x->part > y->part) : x->expert - y->expert;
}

/* One each, as long as there are any; returns what is left. */
static int64_t deal_round(const struct missing *missing, int n, int64_t n_tokens, int64_t left, int64_t *tokens)
{
    for (int i = 0; i < n && left > 0; i++)
        if (tokens[missing[i].expert] < n_tokens) {
            tokens[missing[i].expert]++;
            left--;
        }
    return left;
}

/* To whom most is missing first, to those without a share when all others are full. */
static void deal_rest(struct missing *missing, int n, int64_t n_tokens, int64_t left, int64_t *tokens)
{
    int n_shares = 0;
    qsort(missing, (size_t)n, sizeof *missing, compare);
    while (n_shares < n && missing[n_shares].part >= 0)
        n_shares++;
    for (int64_t before = left + 1; left > 0 && left < before;) {
        before = left;
        left = deal_round(missing, n_shares, n_tokens, left, tokens);
    }
    while (left > 0)
        left = deal_round(missing, n, n_tokens, left, tokens);
}

/* What shares come to as whole numbers of n; none more than `most`, of whom others get what is too much. */
int64_t plmr_expert_load_deal(const plmr_expert_load *load, const plmr_model_shape *shape, int layer, int64_t n_tokens,
                              int64_t *tokens)
{
    double share[PLMR_MOST_EXPERTS], sum = 0;
    struct missing missing[PLMR_MOST_EXPERTS];
    int n = shape->n_experts;
    int64_t left = n_tokens * shape->n_used, dropped = 0;
    for (int e = 0; e < n; e++)
        sum += share[e] = share_of(load, layer, e);
    int64_t to_deal = left;
    for (int e = 0; e < n; e++) {
        double want = sum > 0 ? (double)to_deal * share[e] / sum : 0;
        tokens[e] = want < (double)n_tokens ? (int64_t)want : n_tokens;
        missing[e] = (struct missing){share[e] > 0 ? want - (double)tokens[e] : -1, e};
        left -= tokens[e];
    }
    deal_rest(missing, n, n_tokens, left, tokens);
    int64_t most = (int64_t)ceil(load->capacity * (double)to_deal / n);
    for (int e = 0; e < n && load->capacity > 0; e++)
        if (tokens[e] > most) {
            dropped += tokens[e] - most;
            tokens[e] = most;
        }
    return dropped;
}

void plmr_expert_load_sum(const plmr_expert_load *load, const plmr_model_shape *shape, int64_t n_tokens, int64_t *most,
                          int64_t *dropped)
{
    int64_t tokens[PLMR_MOST_EXPERTS];
    *most = *dropped = 0;
    for (int layer = 0; layer < shape->n_layers; layer++) {
        *dropped += plmr_expert_load_deal(load, shape, layer, n_tokens, tokens);
        for (int e = 0; e < shape->n_experts; e++)
            *most = tokens[e] > *most ? tokens[e] : *most;
    }
}
