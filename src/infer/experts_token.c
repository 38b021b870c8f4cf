/* Virtual time of a token's experts. Where neighbouring regions share them, every core sends its elements of the tokens to
 * the core at the same place of the regions that have their experts, and takes back what these add up; regions do this
 * for each other's layers at the same time, as many as have requests, and all wait for the one that has most to do. */
#include "infer/step.h"
#include "model/experts.h"

#include "region/profile.h"
#include "time/trace.h"
#include "verbs/verbs.h"

/* What parts have of a layer's batch. */
struct parts {
    int n;
    int64_t pairs[PLMR_MOST_EXPERTS], tokens[PLMR_MOST_EXPERTS]; /* (token, expert); tokens that have an expert there */
};

static void fill_parts(const plmr_cost_pass *pass, struct parts *parts)
{
    int64_t tokens[PLMR_MOST_EXPERTS];
    plmr_expert_load_deal(pass->load, pass->shape, pass->layer, pass->n_batch, tokens);
    for (int p = 0; p < parts->n; p++) {
        int64_t pairs = 0;
        for (int e = 0; e < pass->shape->n_experts; e++)
            pairs += plmr_expert_part_tokens(pass->experts, pass->load, parts->n, pass->layer, e, p, tokens[e]);
        parts->pairs[p] = pairs;
        parts->tokens[p] = pairs < pass->n_batch ? pairs : pass->n_batch;
    }
}

/* Of so many layers at work, the region that has most pairs: *pairs, and *tokens that bring them. */
static void find_busiest(const struct parts *parts, int n_layers, int64_t *pairs, int64_t *tokens)
{
    *pairs = *tokens = 0;
    for (int region = 0; region < parts->n; region++) {
        int64_t sum = 0, n = 0;
        for (int layer = 0; layer < n_layers; layer++) {
            int part = (region + parts->n - layer) % parts->n;
            sum += parts->pairs[part];
            n += parts->tokens[part];
        }
        if (sum > *pairs) {
            *pairs = sum;
            *tokens = n;
        }
    }
}

/* Words of a core over the border between regions `at` - 1 and `at` of those that share experts, in either direction, the
 * layers of regions [0, n_layers) sending at once. */
static int64_t border_words(const plmr_cost_pass *pass, const struct parts *parts, int n_layers, int at)
{
    int64_t up = 0, down = 0;
    for (int home = 0; home < n_layers; home++)
        for (int part = 0; part < parts->n; part++) {
            int to = (part + home) % parts->n;
            int64_t words = plmr_cost_wavelets(pass, parts->tokens[part] * pass->grid->dim.size);
            up += home < at && to >= at ? words : 0;
            down += home >= at && to < at ? words : 0;
        }
    return up > down ? up : down;
}

/* There, or back. All cores of a row send over the links of the border that the row has: the hottest ones. */
static void route(plmr_cost_pass *pass, const struct parts *parts, int n_layers, const char *what)
{
    const plmr_device *d = pass->device;
    plmr_region *region = pass->grid->region;
    int64_t hottest = 0, own = 0, crossed = 0;
    for (int at = 1; at < parts->n; at++) {
        int64_t words = border_words(pass, parts, n_layers, at);
        hottest = words > hottest ? words : hottest;
        crossed += border_words(pass, parts, 1, at);
        own += plmr_cost_wavelets(pass, parts->tokens[at] * pass->grid->dim.size);
    }
    plmr_way way = plmr_way_of(d, (parts->n - 1) * pass->grid->cols);
    double shared = d->link * (double)hottest * pass->grid->cols, alone = way.word * (double)own;
    double cycles = d->shift_launch * (parts->n - 1) + d->shift_wavelet * (double)own + way.flight;
    region->ledger.wavelet_hops += (uint64_t)(crossed * pass->grid->cols * pass->grid->cols * pass->grid->rows);
    plmr_trace_verb(region, what, "tokens");
    plmr_region_move(region, PLMR_MOVE_SHIFT, cycles + (shared > alone ? shared : alone));
    plmr_cost_note(pass, PLMR_WORK_ROUTE);
}

/* Tokens with so many experts each that a core has slices of. */
static plmr_status multiply(const plmr_step *step, plmr_cost_pass *pass, int64_t n_tokens, int64_t n_used)
{
    int64_t chunk = pass->grid->expert_ffn.size, n = n_used * chunk;
    int n_batch = pass->n_batch;
    pass->n_batch = (int)n_tokens;
    plmr_status status = plmr_cost_gemv(pass, step->part[0].weight, PLMR_Y, pass->grid->dim.size, 2 * n);
    plmr_cost_busy(pass, (double)n_tokens * ((double)n * pass->device->scalar_function +
                                             3 * (double)n_used * plmr_cost_vector_cycles(pass, chunk)));
    if (!status)
        status = plmr_cost_gemv(pass, step->part[2].weight, PLMR_X, n, pass->grid->dim.size);
    pass->n_batch = n_batch;
    return status;
}

plmr_status plmr_experts_token_time(const plmr_step *step, plmr_cost_pass *pass)
{
    struct parts parts = {.n = plmr_expert_parts(pass->experts, pass->shape)};
    int n_layers = pass->n_busy < parts.n ? pass->n_busy : parts.n;
    int64_t pairs, tokens;
    if (parts.n == 1)
        return multiply(step, pass, pass->n_batch, pass->shape->n_used);
    fill_parts(pass, &parts);
    find_busiest(&parts, n_layers, &pairs, &tokens);
    route(pass, &parts, n_layers, "dispatch");
    PLMR_TRY(multiply(step, pass, tokens, plmr_ceil_div(pairs, tokens)));
    route(pass, &parts, n_layers, "combine");
    plmr_cost_busy(pass, pass->n_batch * (parts.n - 1) * plmr_cost_vector_cycles(pass, pass->grid->dim.size));
    return PLMR_OK;
}
