#include "serve/place.h"

#include <math.h>

struct search {
    plmr_ranks *ranks;
    const plmr_device *device;
    const plmr_model_shape *shape;
    const plmr_llm_setup *setup;
    const plmr_serve_wish *wish;
    plmr_serve_place *best;
};

static int count_regions(const plmr_device *d, int side)
{
    return (int)(floor(d->rows / side) * floor(d->cols / side));
}

/* ---- what a placement is worth ---- */

/* Cycles that a stage spends on the mean request, from the first chunk to the last token, with all the requests that
 * there is room for; or that the request takes alone. */
static plmr_status find_cycles(plmr_serve_costs *c, const plmr_serve_load *load, bool alone, double *cycles)
{
    int64_t prompt = (int64_t)ceil(load->mean_prompt), output = (int64_t)ceil(load->mean_output), stages = c->n_stages;
    int64_t all = prompt + output < load->longest ? prompt + output : load->longest; /* both are rounded up */
    int64_t held = c->row_room / plmr_serve_costs_row(c, all);
    int64_t n = held < stages * c->n_batch ? held : stages * c->n_batch, batch = alone ? 1 : plmr_ceil_div(n, stages);
    double together = alone ? 1 : (double)n;
    plmr_pass_cost chunk;
    const plmr_pass_cost *step;
    *cycles = 0;
    for (int64_t done = 0, k; done < prompt; done += k) {
        k = prompt - done < c->chunk ? prompt - done : c->chunk;
        PLMR_TRY(plmr_serve_costs_chunk(c, done, k, done + k == prompt, &chunk));
        *cycles += plmr_serve_cost_of_all(c, &chunk) / (alone ? 1 : (double)stages);
    }
    PLMR_TRY(plmr_serve_costs_step(c, batch, plmr_serve_costs_row(c, all), &step));
    *cycles += plmr_serve_cost_of_all(c, step) / together * (double)output;
    return PLMR_OK;
}

static plmr_status judge(const struct search *s, plmr_serve_place *place)
{
    plmr_serve_costs *c = &place->costs;
    double cycles;
    PLMR_TRY(find_cycles(c, s->wish->load, s->wish->aim->alone, &cycles));
    place->value = s->wish->aim == &plmr_aim_capacity ? (double)(c->row_room * c->rows) : 1 / cycles;
    return PLMR_OK;
}

/* ---- one placement ---- */

static plmr_status find_costs(const struct search *s, const plmr_model_shape *shape, int side, int layers,
                              plmr_serve_costs *costs, bool *fits)
{
    plmr_serve_limits limits = {s->wish->n_batch, s->wish->chunk, s->wish->load->longest, s->wish->load->shares,
                                s->wish->link};
    plmr_llm_setup setup = *s->setup;
    for (int phase = 0; phase < PLMR_N_PHASES; phase++) {
        setup.phase[phase].rows = setup.phase[phase].cols = side;
        setup.phase[phase].layers = layers;
    }
    limits.chunk = limits.chunk ? limits.chunk : 4 * side;
    limits.chunk = limits.chunk < limits.n_context ? limits.chunk : limits.n_context;
    setup.n_batch = 1;
    setup.n_prompt = limits.chunk;
    setup.n_tokens = limits.n_context;
    plmr_status status = plmr_serve_costs_create(s->ranks, s->device, shape, &setup, &limits, costs);
    *fits = !status;
    if (status && plmr_error_code(status) != PLMR_ERROR_LIMIT)
        return status;
    plmr_error_free(status);
    return PLMR_OK;
}

/* The draft has a region to itself; the cache ends where either's does, for both have all tokens. */
static plmr_status add_draft(const struct search *s, int side, plmr_serve_place *place, bool *fits)
{
    plmr_serve_costs *draft = &place->draft;
    struct search small = *s;
    plmr_llm_setup setup = *s->setup;
    setup.n_layers = 0;
    small.setup = &setup;
    if (!s->wish->draft || !*fits)
        return PLMR_OK;
    PLMR_TRY(find_costs(&small, s->wish->draft, side, 0, draft, fits));
    *fits = *fits && draft->n_stages == 1 && draft->row_room >= draft->row_most;
    if (draft->row_room < place->costs.row_room)
        place->costs.row_room = draft->row_room;
    return PLMR_OK;
}

/* Places on regions of this side. *fits: it does, with room for the longest request. */
static plmr_status try_layers(const struct search *s, int side, int layers, plmr_serve_place *place, bool *fits)
{
    PLMR_TRY(find_costs(s, s->shape, side, layers, &place->costs, fits));
    *fits = *fits && place->costs.n_stages <= place->regions && place->costs.row_room >= place->costs.row_most;
    plmr_status status = add_draft(s, side, place, fits);
    if (status || !*fits)
        plmr_serve_place_free(place);
    return status;
}

/* As few layers to a region as there are regions for, of which the output may take one. */
static plmr_status try_side(struct search *s, int side, int wafers)
{
    plmr_serve_place place = {.wafers = wafers,
                              .regions = count_regions(s->device, side) * wafers - (s->wish->draft ? 1 : 0)};
    int n = s->shape->n_layers, regions = place.regions < n + 1 ? place.regions : n + 1;
    double room = (double)side * side * regions * s->device->sram;
    bool fits = false;
    if (side < 3 || (!s->setup->streams && (double)s->shape->n_bytes > room))
        return PLMR_OK;
    for (int less = 0; less < 2 && less < regions && !fits; less++)
        PLMR_TRY(try_layers(s, side, (int)plmr_ceil_div(n, regions - less), &place, &fits));
    if (!fits)
        return PLMR_OK;
    plmr_status status = judge(s, &place);
    bool better = !status && (!s->best->costs.timing || place.value > s->best->value);
    plmr_serve_place_free(better ? s->best : &place);
    if (better)
        *s->best = place;
    return status;
}

/* ---- all ---- */

/* Sides at which one region more finds a place along an axis, from the largest; 0: there is none below. */
static int next_side(const plmr_device *d, int side)
{
    int rows = (int)d->rows, cols = (int)d->cols;
    int below_rows = rows / (rows / side + 1), below_cols = cols / (cols / side + 1);
    return below_rows > below_cols ? below_rows : below_cols;
}

static plmr_status try_wafers(struct search *s, int wafers)
{
    const plmr_device *d = s->device;
    if (s->setup->phase[PLMR_DECODE].rows)
        return try_side(s, s->setup->phase[PLMR_DECODE].rows, wafers);
    for (int side = (int)fmin(d->rows, d->cols); side >= 3; side = next_side(d, side))
        PLMR_TRY(try_side(s, side, wafers));
    return PLMR_OK;
}

plmr_status plmr_serve_place_find(plmr_ranks *ranks, const plmr_device *device, const plmr_model_shape *shape,
                                  const plmr_llm_setup *setup, const plmr_serve_wish *wish, plmr_serve_place *place)
{
    struct search s = {ranks, device, shape, setup, wish, place};
    *place = (plmr_serve_place){0};
    plmr_llm_setup all_there = *setup;
    all_there.streams = false;
    s.setup = &all_there;
    for (int wafers = 1; wafers <= wish->n_wafers && !place->costs.timing; wafers++)
        PLMR_TRY(try_wafers(&s, wafers));
    s.setup = setup;
    if (setup->streams && !place->costs.timing)
        PLMR_TRY(try_wafers(&s, 1));
    PLMR_CHECK(
        place->costs.timing, PLMR_ERROR_LIMIT,
        "%s with a request of %lld tokens%s does not fit %d %s: choose more --wafers, shorter requests, a smaller "
        "--chunk%s or other --cores",
        shape->name, (long long)wish->load->longest, wish->draft ? " and a draft on one region" : "", wish->n_wafers,
        device->name, !setup->streams && plmr_outside_is_known(device) ? ", --stream-weights" : "");
    place->n_wafers = wish->n_wafers;
    place->n_replicas = wish->n_wafers / place->wafers;
    return PLMR_OK;
}

void plmr_serve_place_free(plmr_serve_place *place)
{
    plmr_serve_costs_free(&place->costs);
    plmr_serve_costs_free(&place->draft);
}
