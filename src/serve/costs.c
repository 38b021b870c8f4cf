#include "serve/costs.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

int64_t plmr_serve_costs_row(const plmr_serve_costs *c, int64_t n)
{
    return plmr_ceil_div(n, c->rows);
}

/* Of what is not in the layers, the output is at the end. */
static plmr_pass_cost split(const plmr_phase_cost *phase)
{
    plmr_pass_cost cost = {.known = true,
                           .layers = plmr_works_sum(phase->in_layers),
                           .multiply_adds = phase->multiply_adds,
                           .wavelet_hops = phase->wavelet_hops,
                           .shared_bytes = phase->link_bytes};
    cost.end = phase->t_cycles - cost.layers;
    return cost;
}

/* Of a step with n requests, or of a chunk with n tokens. */
static plmr_status find_between(plmr_serve_costs *c, bool is_step, int64_t n, plmr_between *at)
{
    plmr_phase_cost settle = {0};
    double hops = 0;
    *at = (plmr_between){.known = true};
    if (!is_step)
        PLMR_TRY(plmr_timing_settle(c->timing, n, &settle));
    if (c->n_stages > 1)
        plmr_timing_way(c->timing, is_step ? PLMR_DECODE : PLMR_PREFILL, is_step ? plmr_ceil_div(n, c->wide) : n,
                        &at->hop, &hops);
    int with_layers = (int)plmr_ceil_div(c->n_layers, c->layers_per_stage);
    at->each = settle.t_cycles;
    at->wavelet_hops = hops * (c->n_stages - 1) + settle.wavelet_hops * with_layers;
    return PLMR_OK;
}

/* `n_tokens`: whose activations go from stage to stage. */
static plmr_status add_between(plmr_serve_costs *c, bool is_step, int64_t n, int64_t n_tokens, plmr_pass_cost *cost)
{
    plmr_between *at = &c->between[is_step ? n - 1 : c->n_most + plmr_serve_costs_row(c, n) - 1];
    if (!at->known)
        PLMR_TRY(find_between(c, is_step, n, at));
    cost->each = at->each;
    cost->hop = at->hop;
    cost->wavelet_hops += at->wavelet_hops;
    cost->cross_bytes = (double)(n_tokens * c->token_bytes);
    cost->shared = c->cross_byte * cost->shared_bytes / (is_step ? fmin((double)n, c->wide) : 1);
    cost->cross = c->cross_byte * (is_step ? (double)(plmr_ceil_div(n, c->wide) * c->token_bytes) : cost->cross_bytes);
    return PLMR_OK;
}

plmr_status plmr_serve_costs_step(plmr_serve_costs *c, int64_t n, int64_t row_tokens, plmr_pass_cost *cost)
{
    plmr_pass_cost *at = &c->steps[(n - 1) * c->row_most + row_tokens - 1];
    plmr_phase_cost phase;
    PLMR_ASSERT(n >= 1 && n <= c->n_batch && row_tokens >= 1 && row_tokens <= c->row_most);
    c->n_used++;
    if (!at->known || c->every_step) {
        c->n_found++;
        PLMR_TRY(plmr_timing_step(c->timing, (int)plmr_ceil_div(n, c->copies), row_tokens, &phase));
        phase.multiply_adds *= fmin((double)n, c->copies);
        phase.wavelet_hops *= fmin((double)n, c->copies);
        *at = split(&phase);
    }
    *cost = *at;
    return add_between(c, true, n, n, cost);
}

static plmr_status find_chunk(plmr_serve_costs *c, int64_t n_before, int64_t n, plmr_pass_cost *cost)
{
    plmr_phase_cost phase;
    c->n_found++;
    PLMR_TRY(plmr_timing_chunk(c->timing, n_before, n, &phase));
    *cost = split(&phase);
    return PLMR_OK;
}

/* Shapes of chunks of at most n tokens. */
static int64_t count_shapes(const plmr_serve_costs *c, int64_t n)
{
    return plmr_serve_costs_row(c, n) * c->parts;
}

/* By its tokens before the last row of them, and the part of that which it fills; *timed: the most tokens that have it. */
static int64_t chunk_shape(const plmr_serve_costs *c, int64_t n, int64_t *timed)
{
    int64_t full = plmr_serve_costs_row(c, n) - 1, part = plmr_ceil_div((n - full * c->rows) * c->parts, c->rows);
    *timed = full * c->rows + part * c->rows / c->parts;
    return full * c->parts + part - 1;
}

static plmr_status find_layers(plmr_serve_costs *c, int64_t n_before, int64_t n, plmr_pass_cost *cost)
{
    int64_t seen = plmr_serve_costs_row(c, n_before + n), timed, shape = chunk_shape(c, n, &timed);
    plmr_pass_cost *at = &c->chunks[shape * c->row_most + seen - 1];
    c->n_used++;
    if (!at->known || c->every_step)
        PLMR_TRY(find_chunk(c, n_before + n > timed ? n_before + n - timed : 0, timed, at));
    *cost = *at;
    return PLMR_OK;
}

plmr_status plmr_serve_costs_layers(plmr_serve_costs *c, int64_t n_before, int64_t n, double *cycles)
{
    plmr_pass_cost cost;
    PLMR_TRY(find_layers(c, n_before, n, &cost));
    *cycles = cost.layers;
    return PLMR_OK;
}

plmr_status plmr_serve_costs_chunk(plmr_serve_costs *c, int64_t n_before, int64_t n, bool ends, plmr_pass_cost *cost)
{
    PLMR_TRY(find_layers(c, n_before, n, cost));
    PLMR_TRY(add_between(c, false, n, plmr_serve_costs_row(c, n) * c->rows, cost));
    if (!ends)
        return PLMR_OK;
    if (c->every_step)
        PLMR_TRY(plmr_timing_output(c->timing, &c->output));
    cost->end += c->output.t_cycles;
    cost->multiply_adds += c->output.multiply_adds;
    cost->wavelet_hops += c->output.wavelet_hops;
    return PLMR_OK;
}

bool plmr_serve_crosses(const plmr_serve_costs *c, int stage)
{
    return c->wafer_stages && stage < c->n_stages - 1 && (stage + 1) % c->wafer_stages == 0;
}

/* Layers of a stage; the last may be for the output alone. */
static int layers_of(const plmr_serve_costs *c, int stage)
{
    int left = c->n_layers - stage * c->layers_per_stage;
    return left < 0 ? 0 : left < c->layers_per_stage ? left : c->layers_per_stage;
}

double plmr_serve_cost_of_stage(const plmr_serve_costs *c, const plmr_pass_cost *cost, int stage)
{
    int n = layers_of(c, stage);
    return cost->layers * n / c->n_layers + (n ? cost->each : 0) + (stage < c->n_stages - 1 ? cost->hop : cost->end) +
           (plmr_serve_crosses(c, stage) ? cost->cross : 0);
}

double plmr_serve_cost_of_all(const plmr_serve_costs *c, const plmr_pass_cost *cost)
{
    int n_crossings = c->wafer_stages ? (c->n_stages - 1) / c->wafer_stages : 0;
    int with_layers = (int)plmr_ceil_div(c->n_layers, c->layers_per_stage);
    return cost->layers + with_layers * cost->each + (c->n_stages - 1) * cost->hop + cost->end +
           n_crossings * (cost->cross + c->cross_latency);
}

/* ---- placing ---- */

/* The chunk that takes most memory is the longest, at the end of the longest request. */
static plmr_status run_largest(plmr_serve_costs *c)
{
    plmr_pass_cost cost;
    int64_t n = c->chunk < c->n_context ? c->chunk : c->n_context;
    if (c->was_largest)
        return PLMR_OK;
    c->was_largest = true;
    return find_chunk(c, c->n_context - n, n, &cost);
}

static void link_wafers(plmr_serve_costs *c, const plmr_device *device, const plmr_wafer_link *link)
{
    if (link->bytes_s == 0)
        return;
    c->wafer_stages = plmr_timing_placement(c->timing, PLMR_DECODE)->n_regions;
    c->cross_byte = device->clock / link->bytes_s;
    c->cross_latency = device->clock * link->latency_s;
    if (link->is_devices)
        plmr_timing_region(c->timing, PLMR_DECODE)->ledger.parts |= PLMR_PART_WAFERS;
}

plmr_status plmr_serve_costs_create(plmr_ranks *ranks, const plmr_device *device, const plmr_model_shape *shape,
                                    const plmr_llm_setup *setup, const plmr_serve_limits *limits, plmr_serve_costs *c)
{
    *c = (plmr_serve_costs){.n_most = limits->n_batch, .chunk = limits->chunk, .n_layers = shape->n_layers};
    c->sram = device->sram;
    c->all_cache = limits->all_cache;
    c->shares = limits->shares;
    c->every_step = setup->every_step;
    PLMR_TRY(plmr_timing_create(ranks, device, shape, setup, &c->timing));
    c->rows = plmr_timing_placement(c->timing, PLMR_DECODE)->rows;
    c->parts = !shape->n_experts ? 1 : c->rows < PLMR_SERVE_PARTS ? c->rows : PLMR_SERVE_PARTS;
    c->copies = limits->copies;
    c->wide = plmr_timing_placement(c->timing, PLMR_DECODE)->wide * c->copies;
    c->token_bytes = shape->dim * (int64_t)plmr_dtype_bytes(shape->dtype);
    c->row_most = plmr_serve_costs_row(c, limits->n_context) + limits->shares;
    c->steps = plmr_take_zeroed((size_t)(c->n_most * c->row_most), sizeof *c->steps);
    c->chunks = plmr_take_zeroed((size_t)(count_shapes(c, c->chunk) * c->row_most), sizeof *c->chunks);
    c->between = plmr_take_zeroed((size_t)(c->n_most + plmr_serve_costs_row(c, c->chunk)), sizeof *c->between);
    link_wafers(c, device, &limits->link);
    c->n_context = limits->n_context;
    plmr_status status = plmr_timing_output(c->timing, &c->output);
    if (status)
        plmr_serve_costs_free(c);
    return status;
}

/* Beside as many of the longest requests as share a pass; what passes take changes with it. */
static void keep_weights(plmr_serve_costs *c, int64_t n_batch)
{
    const plmr_placement *p = plmr_timing_placement(c->timing, PLMR_DECODE);
    int64_t before = p->kept_bytes;
    plmr_timing_keep_spare(c->timing, (int)n_batch, c->chunk, c->all_cache ? INT64_MAX : n_batch * c->row_most);
    if (p->kept_bytes == before)
        return;
    memset(c->steps, 0, (size_t)(c->n_most * c->row_most) * sizeof *c->steps);
    memset(c->chunks, 0, (size_t)(count_shapes(c, c->chunk) * c->row_most) * sizeof *c->chunks);
}

/* What comes from outside goes through one region, as it was found when that was made. */
plmr_status plmr_serve_costs_place(plmr_serve_costs *c, int layers, bool output_apart, int64_t n_batch, bool *fits)
{
    const plmr_placement *p = plmr_timing_placement(c->timing, PLMR_DECODE);
    PLMR_TRY(run_largest(c));
    if (p->n_slices)
        keep_weights(c, n_batch);
    else
        PLMR_TRY(plmr_timing_place_again(c->timing, layers, output_apart));
    c->n_stages = p->n_stages;
    c->layers_per_stage = p->layers_per_stage;
    c->n_batch = n_batch;
    int64_t room = plmr_timing_row_room(c->timing, (int)plmr_ceil_div(n_batch, c->wide), c->chunk);
    int64_t needed = c->row_most * (c->wide > 1 && c->shares ? 2 : 1);
    c->row_room = c->wide * room - (c->wide - 1) * (c->row_most - 1);
    memset(c->between, 0, (size_t)(c->n_most + plmr_serve_costs_row(c, c->chunk)) * sizeof *c->between);
    *fits = p->n_stages == plmr_ceil_div(c->n_layers, layers) + output_apart && (double)p->sram_bytes <= c->sram &&
            room >= needed;
    return PLMR_OK;
}

void plmr_serve_costs_free(plmr_serve_costs *c)
{
    plmr_timing_destroy(c->timing);
    free(c->steps);
    free(c->chunks);
    free(c->between);
    *c = (plmr_serve_costs){0};
}
