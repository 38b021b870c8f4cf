/* Passes through the layers in virtual time. */
#include "infer/step.h"
#include "infer/timing_internal.h"

#include <math.h>

#include "region/profile.h"
#include "time/clock.h"
#include "time/trace.h"
#include "verbs/verbs.h"

/* Of decode: as many as have requests. */
static int busy_stages(const plmr_timing *t)
{
    int n_stages = t->placement[PLMR_DECODE].n_stages - t->placement[PLMR_DECODE].output_apart,
        n = plmr_timing_requests(t, PLMR_DECODE);
    if (t->n_busy)
        return t->n_busy;
    return n < n_stages ? n : n_stages;
}

static plmr_cost_pass start_pass(plmr_timing *t, enum plmr_llm_phase phase)
{
    t->hottest = (plmr_hottest){0, 0};
    t->begun.grid = NULL;
    const plmr_grid *grid = phase == PLMR_PREFILL ? t->prefill : t->decode;
    plmr_clock_reset(grid->region->clock);
    plmr_trace_start(grid->region->trace, t->now);
    plmr_trace_begin(grid->region->trace);
    plmr_profile_reset(grid->region->profile);
    return (plmr_cost_pass){
        .grid = grid,
        .device = t->device,
        .shape = &t->shape,
        .phase = phase,
        .plan = t->setup.plan,
        .dtype = t->shape.dtype,
        .cache_dtype = t->setup.cache_dtype,
        .cache_packed = t->setup.cache_packed,
        .n_batch = 1,
        .shifts = !t->setup.concat,
        .unfused = t->setup.phase[PLMR_DECODE].unfused,
        .as_published = t->setup.as_published,
        .load = &t->setup.load,
        .experts = &t->experts[phase],
        .hottest = &t->hottest,
        .n_busy = busy_stages(t),
        .n_beside = plmr_timing_beside(t, phase),
        .link = &t->setup.link,
        .n_slices = t->placement[phase == PLMR_DECODE].n_slices,
        .multiply_adds = grid->region->ledger.multiply_adds,
        .wavelet_hops = (double)grid->region->ledger.wavelet_hops,
        .border_hops = (double)grid->region->ledger.border_hops,
        .compute_cycles = grid->region->ledger.compute_cycles,
    };
}

/* Layers in a row that are not alike: all, if a trace of experts has them one by one. */
static int period_of(const plmr_timing *t)
{
    return t->setup.load.share ? t->shape.n_layers : plmr_shape_period(&t->shape);
}

/* Layers that are not alike, as a turn, with what they add to each kind of work. */
struct turn {
    plmr_cost_pass *pass;
    int n_layers; /* of a turn */
    double last[PLMR_N_WORKS], last_link_bytes;
};

static plmr_status run_turn(void *context)
{
    struct turn *turn = context;
    double before[PLMR_N_WORKS], link_bytes = turn->pass->link_bytes;
    for (int i = 0; i < PLMR_N_WORKS; i++)
        before[i] = turn->pass->work[i];
    for (turn->pass->layer = 0; turn->pass->layer < turn->n_layers; turn->pass->layer++)
        PLMR_TRY(plmr_layer_time(turn->pass));
    for (int i = 0; i < PLMR_N_WORKS; i++)
        turn->last[i] = turn->pass->work[i] - before[i];
    turn->last_link_bytes = turn->pass->link_bytes - link_bytes;
    return PLMR_OK;
}

static plmr_status run_layers(const plmr_timing *t, plmr_cost_pass *pass)
{
    struct turn turn = {.pass = pass, .n_layers = period_of(t)};
    int64_t n_run, n = (t->shape.n_layers - pass->layer) / turn.n_layers;
    PLMR_TRY(
        plmr_region_repeat(pass->grid->region, turn.n_layers > 1 ? "layers" : "layer", n, run_turn, &turn, &n_run));
    for (int i = 0; i < PLMR_N_WORKS; i++)
        pass->work[i] += turn.last[i] * (double)(n - n_run);
    pass->link_bytes += turn.last_link_bytes * (double)(n - n_run);
    pass->t_cycles = plmr_clock_max(pass->grid->region->clock);
    turn.n_layers = t->shape.n_layers % turn.n_layers;
    PLMR_TRY(turn.n_layers ? run_turn(&turn) : PLMR_OK);
    for (int i = 0; i < PLMR_N_WORKS; i++)
        pass->in_layers[i] = pass->work[i];
    pass->t_cycles = plmr_clock_max(pass->grid->region->clock);
    return PLMR_OK;
}

/* Of the ways on from the first n regions, one after the other. */
typedef struct way_on {
    double cycles, hops, border_hops;
} way_on;

/* Every core passes n_bytes on to the core at the same place of the next region. */
static way_on ways_on(const plmr_timing *t, enum plmr_llm_phase phase, int64_t n_bytes, int n)
{
    const plmr_device *d = t->device;
    const plmr_between_ways *between = &t->between[phase];
    double words = (double)plmr_device_wavelets(d, n_bytes), n_cores = (double)between->rows * between->cols;
    way_on sum = {0};
    for (int i = 0; i < n; i++) {
        plmr_way way = plmr_between_way(between, i, i + 1);
        sum.cycles += plmr_device_quantise(d->shift_launch + d->shift_wavelet * words + way.flight + way.word * words);
        sum.hops += words * n_cores * between->cols;
        sum.border_hops += words * n_cores * way.borders;
    }
    return sum;
}

plmr_crossing plmr_timing_crossing(const plmr_timing *t, enum plmr_llm_phase phase, int64_t n)
{
    const plmr_placement *p = &t->placement[phase];
    const plmr_wafer_link *link = &t->setup.link;
    plmr_crossing crossing = {0};
    if (link->bytes_s == 0 || p->n_stages <= p->n_regions)
        return crossing;
    crossing.n = (int)plmr_ceil_div(p->n_stages, p->n_regions) - 1;
    crossing.bytes = (double)(n * t->shape.dim * plmr_timing_element_bytes(t));
    crossing.busy = plmr_device_quantise(t->device->clock * crossing.bytes / link->bytes_s);
    crossing.latency = plmr_device_quantise(t->device->clock * link->latency_s);
    return crossing;
}

/* To all regions but the first, and of that from wafer to wafer. */
static way_on between_stages(const plmr_timing *t, enum plmr_llm_phase phase, int64_t n_bytes,
                             const plmr_crossing *cross)
{
    way_on ways = {0};
    if (t->setup.as_published)
        return ways;
    ways = ways_on(t, phase, n_bytes, t->placement[phase].n_stages - 1);
    ways.cycles += cross->n * (cross->busy + cross->latency);
    return ways;
}

static void add_stages(const plmr_timing *t, enum plmr_llm_phase phase, int64_t n_bytes, const plmr_crossing *cross,
                       plmr_cost_pass *pass)
{
    way_on ways = between_stages(t, phase, n_bytes, cross);
    if (t->setup.as_published)
        return;
    if (t->placement[phase].n_stages > 1)
        pass->grid->region->ledger.parts |= PLMR_PART_EXCHANGE | PLMR_PART_LINKS;
    if (cross->n && t->setup.link.is_devices)
        pass->grid->region->ledger.parts |= PLMR_PART_WAFERS;
    pass->work[PLMR_WORK_STAGES] += ways.cycles;
    pass->t_cycles += ways.cycles;
    pass->link_bytes += cross->n * cross->bytes;
    pass->link_cycles = cross->n * (cross->busy + cross->latency);
    pass->wavelet_hops -= ways.hops;
    pass->border_hops -= ways.border_hops;
}

/* In a trace all cores wait for the last one, and what has gone to the next regions. */
static void trace_pass(plmr_timing *t, const plmr_cost_pass *pass, const char *what, int64_t index)
{
    plmr_trace *trace = pass->grid->region->trace;
    double stages = pass->work[PLMR_WORK_STAGES], outside = pass->work[PLMR_WORK_OUTSIDE];
    plmr_trace_join(trace, pass->t_cycles - stages - outside, "next regions", stages);
    if (outside > 0)
        plmr_trace_join(trace, pass->t_cycles - outside, "outside", outside);
    plmr_trace_end(trace, what, index);
    t->now += pass->t_cycles;
}

/* `what` and its index name the pass. */
static plmr_status finish_pass(plmr_timing *t, const plmr_cost_pass *pass, const char *what, int64_t index,
                               plmr_phase_cost *phase)
{
    plmr_cost cost;
    PLMR_TRY(plmr_region_cost(pass->grid->region, &cost));
    trace_pass(t, pass, what, index);
    *phase = (plmr_phase_cost){
        .t_cycles = pass->t_cycles,
        .compute_cycles = cost.compute_cycles - pass->compute_cycles,
        .multiply_adds = cost.multiply_adds - pass->multiply_adds,
        .wavelet_hops = (double)cost.wavelet_hops - pass->wavelet_hops,
        .border_hops = (double)cost.border_hops - pass->border_hops,
        .outside_bytes = pass->outside_bytes,
        .outside_cycles = pass->outside_cycles,
        .link_bytes = pass->link_bytes,
        .link_cycles = pass->link_cycles,
        .routes_max = cost.routes_max,
        .parts = pass->grid->region->ledger.parts,
        .hottest = t->hottest,
    };
    for (int i = 0; i < PLMR_N_WORKS; i++) {
        phase->work[i] = pass->work[i];
        phase->in_layers[i] = pass->in_layers[i];
    }
    PLMR_CHECK(!cost.violates_routes || t->setup.allow_routes, PLMR_ERROR_LIMIT,
               "a core of the %dx%d region needs %d routes, but a router of %s holds %.0f: choose another device, or "
               "--allow R",
               pass->grid->rows, pass->grid->cols, cost.routes_max, t->device->name, t->device->routes);
    return PLMR_OK;
}

/* Of activations on their way to the next region, in each core: of n tokens of a prompt; of a token of each request. */
static int64_t prompt_bytes(const plmr_timing *t, int64_t n)
{
    return plmr_ceil_div(n, t->prefill->rows) * t->prefill->dim_x.size * plmr_timing_element_bytes(t);
}

static int64_t token_bytes(const plmr_timing *t, int n_batch)
{
    return t->decode->dim.size * plmr_timing_element_bytes(t) * n_batch;
}

/* A trace has all of it. */
static bool goes_on(const plmr_timing *t)
{
    const plmr_cost_pass *begun = &t->begun;
    return begun->grid && begun->n_slices == t->placement[PLMR_PREFILL].n_slices && begun->n_busy == busy_stages(t) &&
           begun->n_beside == plmr_timing_beside(t, PLMR_PREFILL) && !begun->grid->region->trace;
}

static plmr_status run_prompt(plmr_timing *t, plmr_phase_cost *phase)
{
    plmr_cost_pass pass = goes_on(t) ? t->begun : start_pass(t, PLMR_PREFILL);
    t->begun.grid = NULL;
    pass.n_tokens = t->setup.n_prompt;
    PLMR_TRY(run_layers(t, &pass));
    plmr_timing_wait_layers(t, &t->placement[PLMR_PREFILL], true, &pass);
    plmr_crossing cross = plmr_timing_crossing(t, PLMR_PREFILL, t->setup.n_prompt);
    add_stages(t, PLMR_PREFILL, prompt_bytes(t, t->setup.n_prompt), &cross, &pass);
    return finish_pass(t, &pass, "prefill", -1, phase);
}

plmr_status plmr_timing_prefill(plmr_timing *t, plmr_phase_cost *phase)
{
    PLMR_TRY(run_prompt(t, phase));
    double alone = phase->t_cycles, n_more = plmr_timing_requests(t, PLMR_PREFILL) - 1;
    plmr_timing_follow(t, phase);
    if (n_more > 0)
        plmr_trace_skip(t->prefill->region->trace, "prefill", (int64_t)n_more, (phase->t_cycles - alone) / n_more);
    t->now += phase->t_cycles - alone;
    return PLMR_OK;
}

/* The two matrices that decode has the other way round, and the prompts' keys and values, if they are here. Those of all layers of a
 * region, for regions do it side by side. */
static int64_t relayout_bytes(const plmr_timing *t)
{
    const plmr_grid *g = t->prefill;
    static const enum plmr_weight turned[] = {PLMR_ATTN_OUTPUT, PLMR_DOWN, PLMR_DOWN_EXPERTS, PLMR_DOWN_SHARED};
    int64_t weights = 0;
    for (size_t i = 0; i < sizeof turned / sizeof *turned; i++)
        if (t->kept == PLMR_KEEP_ALL && plmr_weight_exists(&t->shape, turned[i]))
            weights += plmr_weight_count(&t->shape, turned[i]) *
                       plmr_cost_weight_bytes(&t->shape, g, turned[i],
                                              plmr_grid_chunk(g, plmr_weight_infos[turned[i]].cols), g->dim_x.size);
    int64_t cache = plmr_ceil_div(t->setup.n_prompt, g->rows) * plmr_timing_token_bytes(t, g) *
                    plmr_timing_requests(t, PLMR_PREFILL);
    return (weights + (t->kept == PLMR_KEEP_NOTHING ? 0 : cache)) * t->placement[PLMR_PREFILL].layers_per_stage;
}

plmr_status plmr_timing_relayout(plmr_timing *t, plmr_phase_cost *phase)
{
    plmr_cost_pass pass = start_pass(t, PLMR_PREFILL);
    if (!t->setup.plan->keeps_grid)
        plmr_cost_relayout(&pass, relayout_bytes(t));
    return finish_pass(t, &pass, "relayout", -1, phase);
}

plmr_status plmr_timing_output(plmr_timing *t, plmr_phase_cost *phase)
{
    plmr_cost_pass pass = start_pass(t, PLMR_DECODE);
    PLMR_TRY(plmr_output_cost(&pass));
    plmr_timing_wait_output(t, pass.t_cycles, &pass);
    return finish_pass(t, &pass, "first token", -1, phase);
}

plmr_status plmr_timing_handover(plmr_timing *t, plmr_phase_cost *phase)
{
    plmr_phase_cost output;
    PLMR_TRY(plmr_timing_relayout(t, phase));
    PLMR_TRY(plmr_timing_output(t, &output));
    plmr_phase_cost_add(phase, &output);
    return PLMR_OK;
}

static plmr_status run_token(plmr_timing *t, int n_batch, int64_t n_before, int64_t row_tokens, plmr_phase_cost *phase)
{
    plmr_cost_pass pass = start_pass(t, PLMR_DECODE);
    pass.n_batch = n_batch;
    pass.n_tokens = n_before + 1;
    pass.row_tokens = row_tokens;
    pass.window_tokens = plmr_timing_window_tokens(t, row_tokens);
    PLMR_TRY(run_layers(t, &pass));
    double in_layers = pass.t_cycles;
    if (!t->setup.as_published)
        PLMR_TRY(plmr_output_cost(&pass));
    double in_output = pass.t_cycles - in_layers;
    plmr_timing_wait_layers(t, &t->placement[PLMR_DECODE], false, &pass);
    plmr_timing_wait_output(t, in_output, &pass);
    plmr_crossing cross = plmr_timing_crossing(t, PLMR_DECODE, n_batch);
    add_stages(t, PLMR_DECODE, token_bytes(t, n_batch), &cross, &pass);
    return finish_pass(t, &pass, "token", n_before, phase);
}

plmr_status plmr_timing_token(plmr_timing *t, int64_t n_before, const plmr_phase_cost **phase)
{
    int64_t row_tokens = plmr_timing_row_tokens(t, t->setup.as_published ? n_before : n_before + 1);
    *phase = &t->token;
    if (row_tokens == t->row_tokens && !t->setup.every_step) {
        plmr_trace_skip(t->decode->region->trace, "token", 1, t->token.t_cycles);
        t->now += t->token.t_cycles;
        return PLMR_OK;
    }
    PLMR_TRY(run_token(t, plmr_timing_stage_batch(t), n_before, row_tokens, &t->token));
    plmr_timing_keep_pace(t, &t->token);
    t->row_tokens = t->is_warm || !t->placement[PLMR_DECODE].kept_bytes ? row_tokens : 0; /* the next takes less */
    t->is_warm = true;
    return PLMR_OK;
}

/* ---- for placements that are tried ---- */

plmr_status plmr_timing_alike(plmr_timing *t, enum plmr_llm_phase phase, int n_batch, int64_t row_tokens,
                              plmr_phase_cost *cost)
{
    int stages = t->placement[phase].n_stages;
    t->n_busy = busy_stages(t);
    t->placement[phase].n_stages = 1;
    plmr_status status = phase == PLMR_DECODE
                             ? run_token(t, n_batch, row_tokens * t->decode->rows - 1, row_tokens, cost)
                             : run_prompt(t, cost);
    t->placement[phase].n_stages = stages;
    t->n_busy = 0;
    return status;
}

void plmr_timing_add_stages(const plmr_timing *t, enum plmr_llm_phase phase, int n_batch, plmr_phase_cost *cost)
{
    int64_t n_bytes = phase == PLMR_DECODE ? token_bytes(t, n_batch) : prompt_bytes(t, t->setup.n_prompt);
    plmr_crossing cross = plmr_timing_crossing(t, phase, phase == PLMR_DECODE ? n_batch : t->setup.n_prompt);
    double cycles = between_stages(t, phase, n_bytes, &cross).cycles;
    cost->work[PLMR_WORK_STAGES] += cycles;
    cost->t_cycles += cycles;
    cost->link_cycles = cross.n * (cross.busy + cross.latency);
}

/* ---- for requests that come and go ---- */

plmr_status plmr_timing_step(plmr_timing *t, int n, int64_t row_tokens, plmr_phase_cost *phase)
{
    int wide = plmr_timing_wide(t, PLMR_DECODE);
    t->is_warm = true;
    t->n_beside = n < wide ? n : wide;
    plmr_status status = plmr_timing_alike(t, PLMR_DECODE, (int)plmr_ceil_div(n, wide), row_tokens, phase);
    phase->multiply_adds *= t->n_beside;
    phase->wavelet_hops *= t->n_beside;
    phase->link_bytes *= t->n_beside;
    t->n_beside = 0;
    return status;
}

plmr_status plmr_timing_chunk(plmr_timing *t, int64_t n_before, int64_t n, plmr_phase_cost *phase)
{
    plmr_cost_pass pass = start_pass(t, PLMR_PREFILL);
    pass.n_tokens = n;
    pass.n_before = n_before;
    pass.as_decode = true;
    pass.n_slices = t->placement[PLMR_DECODE].n_slices;
    pass.n_beside = 1;
    t->is_warm = true;
    PLMR_TRY(run_layers(t, &pass));
    plmr_timing_wait_layers(t, &t->placement[PLMR_DECODE], false, &pass);
    return finish_pass(t, &pass, "chunk", n_before, phase);
}

int64_t plmr_timing_cache_bytes(const plmr_timing *t, int64_t n)
{
    return plmr_ceil_div(n, t->decode->rows) * plmr_timing_token_bytes(t, t->decode) *
           t->placement[PLMR_DECODE].layers_per_stage;
}

plmr_status plmr_timing_settle(plmr_timing *t, int64_t n, plmr_phase_cost *phase)
{
    const plmr_grid *grid = t->prefill;
    plmr_cost_pass pass = start_pass(t, PLMR_PREFILL);
    plmr_cost_settle(&pass, plmr_ceil_div(n, grid->rows) * plmr_timing_token_bytes(t, grid) *
                                t->placement[PLMR_DECODE].layers_per_stage);
    return finish_pass(t, &pass, "settle", -1, phase);
}

void plmr_timing_way(const plmr_timing *t, enum plmr_llm_phase phase, int64_t n, double *cycles, double *hops)
{
    int64_t n_bytes = phase == PLMR_DECODE ? token_bytes(t, (int)n) : prompt_bytes(t, n);
    t->decode->region->ledger.parts |= PLMR_PART_EXCHANGE | PLMR_PART_LINKS;
    int n_stages = t->placement[PLMR_DECODE].n_stages, n_ways = n_stages > 1 ? n_stages - 1 : 1;
    way_on ways = ways_on(t, PLMR_DECODE, n_bytes, n_ways);
    *cycles = plmr_device_quantise(ways.cycles / n_ways);
    *hops = ways.hops / n_ways;
}

plmr_status plmr_timing_place_again(plmr_timing *t, int layers, bool output_apart)
{
    t->setup.phase[PLMR_DECODE].layers = layers;
    t->setup.phase[PLMR_DECODE].output_apart = output_apart;
    return plmr_timing_place_decode(t);
}

void plmr_phase_cost_add(plmr_phase_cost *sum, const plmr_phase_cost *phase)
{
    sum->t_cycles += phase->t_cycles;
    sum->compute_cycles += phase->compute_cycles;
    sum->multiply_adds += phase->multiply_adds;
    sum->wavelet_hops += phase->wavelet_hops;
    sum->border_hops += phase->border_hops;
    sum->outside_bytes += phase->outside_bytes;
    sum->outside_cycles += phase->outside_cycles;
    sum->link_bytes += phase->link_bytes;
    sum->link_cycles += phase->link_cycles;
    for (int i = 0; i < PLMR_N_WORKS; i++) {
        sum->work[i] += phase->work[i];
        sum->in_layers[i] += phase->in_layers[i];
    }
    sum->parts |= phase->parts;
    sum->routes_max = phase->routes_max > sum->routes_max ? phase->routes_max : sum->routes_max;
    sum->hottest.link = fmax(sum->hottest.link, phase->hottest.link);
    sum->hottest.core = fmax(sum->hottest.core, phase->hottest.core);
}

plmr_status plmr_timing_run_layer(plmr_timing *t, int n_slices)
{
    plmr_cost_pass pass = start_pass(t, PLMR_PREFILL);
    t->prefill->region->ledger.sram_peak_bytes = t->prefill->region->ledger.sram_bytes;
    pass.n_slices = n_slices;
    pass.n_tokens = t->setup.n_prompt;
    for (; pass.layer < period_of(t) && pass.layer < t->shape.n_layers; pass.layer++)
        PLMR_TRY(plmr_layer_time(&pass));
    if (pass.layer == period_of(t))
        t->begun = pass;
    return PLMR_OK;
}
