#include "serve/arrivals.h"

#include <Random123/philox.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/parse.h"
#include "plmr/ranks.h"

enum { MOST_TOKENS = 1 << 22, MOST_PREFIXES = 9999999 };

/* ---- reading distributions ---- */

/* Returns what is behind it, or NULL. */
static const char *read_length(const char *text, plmr_length *length)
{
    int64_t low, high;
    bool is_mean = plmr_scan_text(&text, "~");
    if (!plmr_scan_whole(&text, MOST_TOKENS, &low))
        return NULL;
    if (is_mean) {
        *length = (plmr_length){PLMR_LENGTH_EXPONENTIAL, low, 8 * low};
    } else if (!plmr_scan_text(&text, "..")) {
        *length = (plmr_length){PLMR_LENGTH_FIXED, low, low};
    } else {
        if (!plmr_scan_whole(&text, MOST_TOKENS, &high))
            return NULL;
        *length = (plmr_length){PLMR_LENGTH_UNIFORM, low, high};
    }
    return length->low >= 1 && length->high >= length->low && length->high <= MOST_TOKENS ? text : NULL;
}

plmr_status plmr_lengths_parse(const char *option, const char *text, plmr_length *prompt, plmr_length *output)
{
    const char *at = read_length(text, prompt);
    at = at && plmr_scan_text(&at, "/") ? read_length(at, output) : NULL;
    PLMR_CHECK(
        at && !*at, PLMR_ERROR_INPUT,
        "%s: '%.60s' is not PROMPT/OUTPUT, each N, A..B, or ~M for an exponential with the mean M: e.g. ~512/~128",
        option, text);
    return PLMR_OK;
}

plmr_status plmr_prefixes_parse(const char *option, const char *text, plmr_prefixes *prefixes)
{
    const char *at = text;
    bool is_one = plmr_scan_whole(&at, MOST_PREFIXES, &prefixes->n) && plmr_scan_text(&at, "/") &&
                  plmr_scan_whole(&at, MOST_TOKENS, &prefixes->n_tokens) && plmr_scan_text(&at, "/") &&
                  plmr_scan_real(&at, &prefixes->share) && !*at;
    PLMR_CHECK(
        is_one && prefixes->n && prefixes->n_tokens && prefixes->share > 0 && prefixes->share <= 1, PLMR_ERROR_INPUT,
        "%s: '%.60s' is not N/TOKENS/SHARE, the share being above 0 and at most 1: e.g. 8/500/0.9", option, text);
    return PLMR_OK;
}

/* ---- making requests ---- */

double plmr_serve_random(int64_t seed, int64_t i, uint32_t k)
{
    philox4x32_ctr_t counter = {{(uint32_t)i, (uint32_t)(i >> 32), k, 0}};
    philox4x32_key_t key = {{(uint32_t)seed, (uint32_t)(seed >> 32)}};
    philox4x32_ctr_t bits = philox4x32(counter, key);
    return ((double)((uint64_t)bits.v[0] << 21 | bits.v[1] >> 11) + 1) / 0x1p53;
}

static int32_t draw(const plmr_length *length, double random)
{
    double x = length->kind == PLMR_LENGTH_EXPONENTIAL
                   ? ceil(-log(random) * (double)length->low)
                   : (double)length->low + floor((1 - random) * (double)(length->high - length->low + 1));
    return (int32_t)fmin(fmax(x, 1), (double)length->high);
}

static void add_prefix(const plmr_arrivals *a, int64_t i, plmr_request *r)
{
    const plmr_prefixes *p = &a->prefixes;
    if (!p->n || plmr_serve_random(a->seed, i, 3) > p->share)
        return;
    r->prefix = (int32_t)((1 - plmr_serve_random(a->seed, i, 4)) * (double)p->n);
    r->n_prefix = (int32_t)p->n_tokens;
    r->n_prompt += r->n_prefix;
}

void plmr_arrivals_make(const plmr_arrivals *a, plmr_request *requests)
{
    double t = 0;
    for (int64_t i = 0; i < a->n; i++) {
        if (i % a->burst == 0)
            t -= log(plmr_serve_random(a->seed, i, 0)) * (double)a->burst / a->rate;
        requests[i] = (plmr_request){.t_arrival = t,
                                     .n_prompt = draw(&a->prompt, plmr_serve_random(a->seed, i, 1)),
                                     .n_output = draw(&a->output, plmr_serve_random(a->seed, i, 2)),
                                     .priority = plmr_serve_random(a->seed, i, 5) <= a->urgent};
        add_prefix(a, i, &requests[i]);
    }
}

plmr_status plmr_requests_share(plmr_request **requests, int64_t *n)
{
    plmr_broadcast(n, sizeof *n);
    if (plmr_rank() > 0)
        *requests = malloc((size_t)*n * sizeof **requests);
    plmr_status status = *requests ? PLMR_OK : plmr_error_make(PLMR_ERROR_SYSTEM, "out of memory for requests");
    PLMR_TRY(plmr_agree(status));
    plmr_broadcast(*requests, (size_t)*n * sizeof **requests);
    return PLMR_OK;
}
