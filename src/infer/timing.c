#include "infer/timing.h"

#include "infer/step.h"
#include "region/profile.h"
#include "time/clock.h"
#include "time/trace.h"
#include "verbs/verbs.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

struct plmr_timing {
    const plmr_device *device;
    plmr_model_shape shape;
    plmr_llm_setup setup;
    plmr_grid *prefill, *decode;
    plmr_placement placement[2]; /* of prefill and decode */
    int64_t row_tokens;          /* that `token` is for; 0: none yet */
    plmr_phase_cost token;
    double now; /* cycles of all passes so far, for traces */
};

/* ---- memory ---- */

static int64_t element_bytes(const plmr_timing *t)
{
    return (int64_t)plmr_dtype_bytes(t->shape.dtype);
}

static int64_t layer_bytes(const plmr_timing *t, const plmr_grid *g)
{
    return plmr_core_needs(&t->shape, g).weights * element_bytes(t);
}

static int64_t token_bytes(const plmr_timing *t, const plmr_grid *g)
{
    return plmr_core_needs(&t->shape, g).cache * (int64_t)plmr_dtype_bytes(t->setup.cache_dtype);
}

static int64_t activations(const plmr_timing *t, const plmr_grid *g)
{
    plmr_needs needs = plmr_core_needs(&t->shape, g);
    int64_t n = 0;
    for (int i = 0; i < PLMR_N_ACTIVATIONS; i++)
        n += needs.activations[i];
    return n;
}

/* Requests that are in a stage together: those of a batch are spread over the stages. */
static int stage_batch(const plmr_timing *t)
{
    int stages = t->placement[1].n_stages;
    return stages ? (int)plmr_ceil_div(t->setup.n_batch, stages) : t->setup.n_batch;
}

/* The most tokens of a request that a row of cores holds: the last row, if new tokens stay there. */
static int64_t tokens_of_row(const plmr_timing *t, int64_t n_tokens)
{
    int64_t rows = t->decode->rows, first = n_tokens < t->setup.n_prompt ? n_tokens : t->setup.n_prompt;
    return t->setup.concat && !t->setup.as_published ? plmr_ceil_div(first, rows) + n_tokens - first
                                                     : plmr_ceil_div(n_tokens, rows);
}

/* Scores of a token of the row, of every query head that a core works for. */
static int64_t score_bytes(const plmr_timing *t)
{
    const plmr_heads *heads = &t->decode->heads;
    return (int64_t)heads->n_per_core * heads->n_rep * element_bytes(t) * t->setup.n_batch;
}

/* Activations, and scores of the row's tokens. */
static int64_t decode_working(const plmr_timing *t, int64_t row_tokens)
{
    return activations(t, t->decode) * element_bytes(t) * t->setup.n_batch + row_tokens * score_bytes(t);
}

/* Beside what the products need (the ledger of a layer), of which is what is added to the stream. */
static int64_t prefill_working(const plmr_timing *t)
{
    const plmr_grid *g = t->prefill;
    int64_t elements = plmr_ceil_div(t->setup.n_prompt, g->rows) * (activations(t, g) - g->dim_x.size);
    return elements * element_bytes(t) + g->region->ledger.sram_peak_bytes;
}

static int count_regions(const plmr_timing *t, int rows, int cols)
{
    return (int)t->device->rows / rows * ((int)t->device->cols / cols);
}

/* The side of a square region in which a layer would fit, about: what a core needs falls with the cores. */
static int side_for(const plmr_timing *t, const plmr_placement *p, int64_t need)
{
    double cores = (double)p->rows * p->cols * (double)need / t->device->sram;
    int side = 3;
    while ((double)side * side < cores * 1.05)
        side++;
    return side;
}

static plmr_status misfit(const plmr_timing *t, const plmr_placement *p, const char *phase, const char *what,
                          int64_t need)
{
    int side = side_for(t, p, need),
        most = (int)(t->device->rows < t->device->cols ? t->device->rows : t->device->cols);
    if (side > most)
        return plmr_error_make(PLMR_ERROR_LIMIT,
                               "--%s-cores: %s of %s needs %lld bytes of a core's SRAM on %dx%d cores, %s has "
                               "%.0f and no region of it would do: choose fewer tokens or another device, or --allow M",
                               phase, what, t->shape.name, (long long)need, p->rows, p->cols, t->device->name,
                               t->device->sram);
    return plmr_error_make(PLMR_ERROR_LIMIT,
                           "--%s-cores: %s of %s needs %lld bytes of a core's SRAM on %dx%d cores, %s has %.0f: "
                           "about %dx%d would do, or --allow M",
                           phase, what, t->shape.name, (long long)need, p->rows, p->cols, t->device->name,
                           t->device->sram, side, side);
}

/* As many layers to a region as fit, or as asked for if those are fewer, then evenly over as many regions as that
 * takes. */
static plmr_status place(const plmr_timing *t, plmr_placement *p, const char *phase, int asked, int64_t row_tokens)
{
    int64_t layer = p->layer_bytes + row_tokens * p->token_bytes, room = (int64_t)t->device->sram - p->working_bytes;
    int64_t most = room / layer, layers = t->setup.n_layers;
    if (most < 1 && !t->setup.allow_memory)
        return misfit(t, p, phase, "one layer", p->working_bytes + layer);
    most = most < 1 ? 1 : most < layers ? most : layers;
    most = asked && asked < most ? asked : most;
    int64_t stages = plmr_ceil_div(layers, most);
    p->layers_per_stage = (int)plmr_ceil_div(layers, stages);
    p->row_tokens = row_tokens;
    int64_t last = layers - (stages - 1) * p->layers_per_stage;
    p->output_apart = last * layer + p->output_bytes > room;
    if (p->output_bytes > room && !t->setup.allow_memory)
        return misfit(t, p, phase, "the output projection", p->working_bytes + p->output_bytes);
    p->n_stages = (int)stages + p->output_apart;
    int64_t full = p->layers_per_stage * layer,
            end = p->output_apart ? p->output_bytes : last * layer + p->output_bytes;
    p->sram_bytes = p->working_bytes + (full > end ? full : end);
    p->n_regions = count_regions(t, p->rows, p->cols);
    int64_t for_tokens = room + row_tokens * p->score_bytes - p->layers_per_stage * p->layer_bytes;
    int64_t row = for_tokens > 0 ? for_tokens / (p->layers_per_stage * p->token_bytes + p->score_bytes) : 0;
    p->capacity = t->setup.concat ? row : row * p->rows;
    return PLMR_OK;
}

/* Tokens of the fullest row to plan with: all, or, where a layer would not fit so, as many as leave room for one, but
 * at least the prompt's; the cache then ends the text (see plmr_timing_fits). */
static int64_t planned_tokens(const plmr_timing *t)
{
    int64_t all = tokens_of_row(t, t->setup.n_tokens), least = tokens_of_row(t, t->setup.n_prompt);
    int64_t room = (int64_t)t->device->sram - layer_bytes(t, t->decode) - decode_working(t, 0);
    int64_t fit = room / (token_bytes(t, t->decode) * t->setup.n_batch + score_bytes(t));
    return fit >= all ? all : fit > least ? fit : least;
}

static void note_tree(const plmr_grid *grid, plmr_placement *p)
{
    p->n_levels = grid->plan_y->n_phases / 2;
    memcpy(p->groups[PLMR_X], grid->plan_x->groups, sizeof p->groups[0]);
    memcpy(p->groups[PLMR_Y], grid->plan_y->groups, sizeof p->groups[0]);
}

static plmr_status place_decode(plmr_timing *t)
{
    int64_t row_tokens = planned_tokens(t);
    t->placement[1] = (plmr_placement){
        .rows = t->decode->rows,
        .cols = t->decode->cols,
        .layer_bytes = layer_bytes(t, t->decode),
        .token_bytes = token_bytes(t, t->decode) * t->setup.n_batch,
        .working_bytes = decode_working(t, row_tokens),
        .score_bytes = score_bytes(t),
        .output_bytes =
            t->setup.as_published ? 0 : (int64_t)t->decode->dim.size * t->decode->vocab.size * element_bytes(t),
    };
    note_tree(t->decode, &t->placement[1]);
    return place(t, &t->placement[1], "decode", t->setup.phase[PLMR_DECODE].layers, row_tokens);
}

/* ---- time ---- */

static plmr_cost_pass start_pass(const plmr_timing *t, enum plmr_llm_phase phase)
{
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
        .n_batch = 1,
        .shifts = !t->setup.concat,
        .unfused = t->setup.phase[PLMR_DECODE].unfused,
        .as_published = t->setup.as_published,
        .multiply_adds = grid->region->ledger.multiply_adds,
        .wavelet_hops = (double)grid->region->ledger.wavelet_hops,
        .compute_cycles = grid->region->ledger.compute_cycles,
    };
}

/* A layer as a turn, with what it adds to each kind of work. */
struct turn {
    plmr_cost_pass *pass;
    double last[PLMR_N_WORKS];
};

static plmr_status run_turn(void *context)
{
    struct turn *turn = context;
    double before[PLMR_N_WORKS];
    for (int i = 0; i < PLMR_N_WORKS; i++)
        before[i] = turn->pass->work[i];
    PLMR_TRY(plmr_layer_time(turn->pass));
    for (int i = 0; i < PLMR_N_WORKS; i++)
        turn->last[i] = turn->pass->work[i] - before[i];
    return PLMR_OK;
}

static plmr_status run_layers(const plmr_timing *t, plmr_cost_pass *pass)
{
    struct turn turn = {.pass = pass};
    int64_t n_run;
    PLMR_TRY(plmr_region_repeat(pass->grid->region, "layer", t->shape.n_layers, run_turn, &turn, &n_run));
    for (int i = 0; i < PLMR_N_WORKS; i++)
        pass->in_layers[i] = pass->work[i] += turn.last[i] * (double)(t->shape.n_layers - n_run);
    pass->t_cycles = plmr_clock_max(pass->grid->region->clock);
    return PLMR_OK;
}

/* Every core passes n_bytes on to the core at the same place of the next region, as many hops away as a region is wide.
 */
static void add_stages(const plmr_timing *t, const plmr_placement *p, int64_t n_bytes, plmr_cost_pass *pass)
{
    const plmr_device *d = t->device;
    double words = (double)plmr_device_wavelets(d, n_bytes);
    plmr_way way = plmr_way_of(d, p->cols);
    double cycles = plmr_device_quantise(d->shift_launch + d->shift_wavelet * words + way.flight + way.word * words);
    if (t->setup.as_published)
        return;
    pass->work[PLMR_WORK_STAGES] += cycles * (p->n_stages - 1);
    pass->t_cycles += cycles * (p->n_stages - 1);
    pass->wavelet_hops -= words * p->cols * p->rows * p->cols * (p->n_stages - 1);
}

/* In a trace all cores wait for the last one, and what has gone to the next regions. */
static void trace_pass(plmr_timing *t, const plmr_cost_pass *pass, const char *what, int64_t index)
{
    plmr_trace *trace = pass->grid->region->trace;
    double stages = pass->work[PLMR_WORK_STAGES];
    plmr_trace_join(trace, pass->t_cycles - stages, "next regions", stages);
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
        .routes_max = cost.routes_max,
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

plmr_status plmr_timing_prefill(plmr_timing *t, plmr_phase_cost *phase)
{
    plmr_cost_pass pass = start_pass(t, PLMR_PREFILL);
    pass.n_tokens = t->setup.n_prompt;
    PLMR_TRY(run_layers(t, &pass));
    int64_t n_bytes = plmr_ceil_div(pass.n_tokens, t->prefill->rows) * t->prefill->dim_x.size * element_bytes(t);
    add_stages(t, &t->placement[0], n_bytes, &pass);
    return finish_pass(t, &pass, "prefill", -1, phase);
}

/* The two matrices that decode has the other way round, and the prompt's keys and values. Those of all layers of a
 * region, for regions do it side by side. */
static int64_t relayout_bytes(const plmr_timing *t)
{
    const plmr_grid *g = t->prefill;
    int64_t weights = (g->queries.size + g->ffn.size) * (int64_t)g->dim_x.size * element_bytes(t);
    int64_t cache = plmr_ceil_div(t->setup.n_prompt, g->rows) * token_bytes(t, g);
    return (weights + cache) * t->placement[0].layers_per_stage;
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

plmr_status plmr_timing_token(plmr_timing *t, int64_t n_before, const plmr_phase_cost **phase)
{
    int64_t row_tokens = tokens_of_row(t, t->setup.as_published ? n_before : n_before + 1);
    *phase = &t->token;
    if (row_tokens == t->row_tokens && !t->setup.every_step) {
        plmr_trace_skip(t->decode->region->trace, "token", 1, t->token.t_cycles);
        t->now += t->token.t_cycles;
        return PLMR_OK;
    }
    plmr_cost_pass pass = start_pass(t, PLMR_DECODE);
    pass.n_batch = stage_batch(t);
    pass.n_tokens = n_before + 1;
    pass.row_tokens = row_tokens;
    PLMR_TRY(run_layers(t, &pass));
    if (!t->setup.as_published)
        PLMR_TRY(plmr_output_cost(&pass));
    add_stages(t, &t->placement[1], t->decode->dim.size * element_bytes(t) * pass.n_batch, &pass);
    PLMR_TRY(finish_pass(t, &pass, "token", n_before, &t->token));
    t->row_tokens = row_tokens;
    return PLMR_OK;
}

void plmr_phase_cost_add(plmr_phase_cost *sum, const plmr_phase_cost *phase)
{
    sum->t_cycles += phase->t_cycles;
    sum->compute_cycles += phase->compute_cycles;
    sum->multiply_adds += phase->multiply_adds;
    sum->wavelet_hops += phase->wavelet_hops;
    for (int i = 0; i < PLMR_N_WORKS; i++) {
        sum->work[i] += phase->work[i];
        sum->in_layers[i] += phase->in_layers[i];
    }
    sum->routes_max = phase->routes_max > sum->routes_max ? phase->routes_max : sum->routes_max;
}

/* ---- making ---- */

/* One head of full size, as the published code has it. */
static void take_shape(plmr_timing *t, const plmr_model_shape *shape)
{
    t->shape = *shape;
    if (!t->setup.as_published)
        return;
    t->shape.n_heads = t->shape.n_kv_heads = 1;
    t->shape.head_dim = t->shape.rope_dim = shape->dim;
    t->shape.has_qkv_biases = false;
}

/* Once through a layer tells what its products need. */
static plmr_status place_prefill(plmr_timing *t)
{
    plmr_cost_pass pass = start_pass(t, PLMR_PREFILL);
    pass.n_tokens = t->setup.n_prompt;
    PLMR_TRY(plmr_layer_time(&pass));
    t->placement[0] = (plmr_placement){
        .rows = t->prefill->rows,
        .cols = t->prefill->cols,
        .layer_bytes = layer_bytes(t, t->prefill),
        .token_bytes = token_bytes(t, t->prefill),
        .working_bytes = prefill_working(t),
    };
    note_tree(t->prefill, &t->placement[0]);
    return place(t, &t->placement[0], "prefill", t->setup.phase[PLMR_PREFILL].layers,
                 plmr_ceil_div(t->setup.n_prompt, t->prefill->rows));
}

static plmr_status fill_timing(plmr_timing *t, plmr_ranks *ranks)
{
    const plmr_phase_setup *prefill = &t->setup.phase[PLMR_PREFILL], *decode = &t->setup.phase[PLMR_DECODE];
    plmr_region_options any = {
        .allow_memory = true, .allow_routes = true, .every_step = t->setup.every_step, .profile = t->setup.profile};
    if (decode->rows) {
        PLMR_TRY(
            plmr_grid_create(ranks, t->device, &t->shape, decode->rows, decode->cols, &decode->tree, &any, &t->decode));
        PLMR_TRY(plmr_cost_route(t->decode, t->setup.plan, PLMR_DECODE, t->setup.as_published));
        PLMR_TRY(place_decode(t));
    }
    if (!prefill->rows)
        return PLMR_OK;
    PLMR_TRY(
        plmr_grid_create(ranks, t->device, &t->shape, prefill->rows, prefill->cols, &prefill->tree, &any, &t->prefill));
    PLMR_TRY(plmr_cost_route(t->prefill, t->setup.plan, PLMR_PREFILL, t->setup.as_published));
    return place_prefill(t);
}

plmr_status plmr_timing_create(plmr_ranks *ranks, const plmr_device *device, const plmr_model_shape *shape,
                               const plmr_llm_setup *setup, plmr_timing **out)
{
    plmr_timing *t = plmr_take_zeroed(1, sizeof *t);
    t->device = device;
    t->setup = *setup;
    plmr_llm_setup_complete(&t->setup, shape);
    take_shape(t, shape);
    plmr_status status = fill_timing(t, ranks);
    if (status)
        plmr_timing_destroy(t);
    else
        *out = t;
    return status;
}

void plmr_timing_destroy(plmr_timing *t)
{
    if (!t)
        return;
    plmr_grid_destroy(t->prefill);
    plmr_grid_destroy(t->decode);
    free(t);
}

const plmr_llm_setup *plmr_timing_setup(const plmr_timing *t)
{
    return &t->setup;
}

const plmr_placement *plmr_timing_placement(const plmr_timing *t, bool decode)
{
    return &t->placement[decode];
}

plmr_region *plmr_timing_region(const plmr_timing *t, bool decode)
{
    const plmr_grid *grid = decode ? t->decode : t->prefill;
    return grid ? grid->region : NULL;
}

bool plmr_timing_is_full(const plmr_timing *t, int64_t n_tokens)
{
    return n_tokens > t->placement[1].capacity && !t->setup.allow_memory;
}

plmr_status plmr_timing_fits(const plmr_timing *t, int64_t n_tokens)
{
    const plmr_placement *p = &t->placement[1];
    int row = p->rows - 1;
    if (!plmr_timing_is_full(t, n_tokens))
        return PLMR_OK;
    return plmr_error_make(PLMR_ERROR_LIMIT,
                           "row %d of cores has no SRAM left for token %lld: with %d layers to a region the key-value "
                           "cache holds %lld tokens; %s, or --allow M",
                           row, (long long)n_tokens, p->layers_per_stage, (long long)p->capacity,
                           t->setup.concat ? "try --kv shift" : "choose larger --decode-cores");
}
