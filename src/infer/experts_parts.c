#include "infer/experts_parts.h"

#include "region/profile.h"
#include "time/busy.h"
#include "time/trace.h"

void plmr_part_experts(const plmr_cost_pass *pass, int part, int64_t n_tokens, int64_t tokens[PLMR_MOST_EXPERTS])
{
    const plmr_expert_layout *layout = pass->experts;
    plmr_expert_load_deal(pass->load, pass->shape, pass->layer, n_tokens, tokens);
    for (int e = 0; e < pass->shape->n_experts; e++)
        tokens[e] =
            plmr_expert_part_tokens(&layout->setup, pass->load, layout->n_parts, pass->layer, e, part, tokens[e]);
}

void plmr_part_loads_fill(const plmr_cost_pass *pass, int64_t n_tokens, plmr_part_loads *loads)
{
    const plmr_expert_layout *layout = pass->experts;
    int64_t tokens[PLMR_MOST_EXPERTS];
    *loads = (plmr_part_loads){.n = layout->n_parts};
    plmr_expert_load_deal(pass->load, pass->shape, pass->layer, n_tokens, tokens);
    for (int p = 0; p < loads->n; p++) {
        for (int e = 0; e < pass->shape->n_experts; e++)
            loads->pairs[p] +=
                plmr_expert_part_tokens(&layout->setup, pass->load, loads->n, pass->layer, e, p, tokens[e]);
        loads->tokens[p] = loads->pairs[p] < n_tokens ? loads->pairs[p] : n_tokens;
        loads->n_pairs += loads->pairs[p];
        loads->busiest = loads->pairs[p] > loads->pairs[loads->busiest] ? p : loads->busiest;
    }
}

/* ---- between wafers ---- */

/* Tokens of one of the first n_beside wafers go to each part; of a part's, those that are there already do not come. */
void plmr_experts_cross_wafers(plmr_cost_pass *pass, const plmr_part_loads *loads, const char *what)
{
    const plmr_device *d = pass->device;
    plmr_region *region = pass->grid->region;
    double all = 0, most = 0, home = 1.0 / pass->n_beside;
    for (int p = 0; p < loads->n; p++)
        all += (double)loads->tokens[p];
    for (int p = 0; p < loads->n; p++) {
        double here = p < pass->n_beside ? home : 0, own = (double)loads->tokens[p];
        double in = own * (1 - here), out = here > 0 ? (all - own) * home : 0, more = in > out ? in : out;
        most = more > most ? more : most; /* gcc 12 fails over fmax here, for ARM */
    }
    double bytes = (double)(pass->shape->dim * (int64_t)plmr_dtype_bytes(pass->dtype)), sent = 0;
    for (int p = 0; p < loads->n; p++)
        sent += (double)loads->tokens[p] * (p < pass->n_beside ? 1 - home : 1);
    if (most == 0)
        return;
    double busy = d->clock * bytes * most / pass->link->bytes_s + d->clock * pass->link->latency_s;
    pass->link_bytes += bytes * sent * home;
    region->ledger.parts |= pass->link->is_devices ? PLMR_PART_WAFERS : 0;
    plmr_trace_verb(region, what, "tokens");
    plmr_region_move(region, PLMR_MOVE_SHIFT, plmr_device_quantise(busy));
    plmr_cost_note(pass, PLMR_WORK_ROUTE);
}

/* ---- between regions ---- */

struct crossing {
    plmr_cost_pass *pass;
    const plmr_part_loads *loads;
    int64_t n_tokens, n_held;
};

/* Words of a core for a part, or for it of one. */
static int64_t part_words(const struct crossing *c, int part)
{
    return plmr_cost_wavelets(c->pass, plmr_ceil_div(c->loads->tokens[part] * c->n_held, c->n_tokens));
}

/* Words of a core over the border between regions `at` - 1 and `at` of those that share experts, in either direction, the
 * layers of regions [0, n_layers) sending at once. */
static int64_t border_words(const struct crossing *c, int n_layers, int at)
{
    int64_t up = 0, down = 0;
    for (int home = 0; home < n_layers; home++)
        for (int part = 0; part < c->loads->n; part++) {
            int to = (part + home) % c->loads->n;
            up += home < at && to >= at ? part_words(c, part) : 0;
            down += home >= at && to < at ? part_words(c, part) : 0;
        }
    return up > down ? up : down;
}

/* All cores of a row send over the links of the border that the row has: the hottest ones. */
void plmr_experts_cross(plmr_cost_pass *pass, const plmr_part_loads *loads, int n_layers, int64_t n_tokens,
                        int64_t n_held, const char *what)
{
    struct crossing c = {pass, loads, n_tokens, n_held};
    const plmr_device *d = pass->device;
    plmr_region *region = pass->grid->region;
    int64_t hottest = 0, own = 0, crossed = 0;
    for (int at = 1; at < loads->n; at++) {
        int64_t words = border_words(&c, n_layers, at);
        hottest = words > hottest ? words : hottest;
        crossed += border_words(&c, 1, at);
        own += part_words(&c, at);
    }
    plmr_way way = pass->experts->way;
    double shared = way.word * (double)hottest * pass->grid->cols, alone = way.word * (double)own;
    double cycles = d->shift_launch * (loads->n - 1) + d->shift_wavelet * (double)own + way.flight;
    int64_t all = crossed * pass->grid->cols * pass->grid->rows;
    region->ledger.wavelet_hops += (uint64_t)(all * pass->grid->cols);
    region->ledger.border_hops += (uint64_t)(all * way.borders / (loads->n - 1));
    plmr_cost_note_link(pass, (double)hottest * pass->grid->cols);
    plmr_trace_verb(region, what, "tokens");
    plmr_region_move(region, PLMR_MOVE_SHIFT, cycles + (shared > alone ? shared : alone));
    plmr_cost_note(pass, PLMR_WORK_ROUTE);
}
