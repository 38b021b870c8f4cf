#include "serve/costs.h"

#include <stdlib.h>

#include "base/memory.h"

int64_t plmr_serve_costs_row(const plmr_serve_costs *c, int64_t n)
{
    return plmr_ceil_div(n, c->rows);
}

/* Of what is not in the layers, stages all do the settling of the cache; the output is at the end. */
/* `n_tokens`: whose activations go from stage to stage. */
static plmr_pass_cost split(const plmr_serve_costs *c, const plmr_phase_cost *phase, int64_t n_tokens)
{
    plmr_pass_cost cost = {.known = true, .multiply_adds = phase->multiply_adds, .wavelet_hops = phase->wavelet_hops};
    for (int i = 0; i < PLMR_N_WORKS; i++)
        cost.layers += phase->in_layers[i];
    double moved = phase->work[PLMR_WORK_RELAYOUT] - phase->in_layers[PLMR_WORK_RELAYOUT];
    cost.each = moved / c->n_stages;
    cost.hop = c->n_stages > 1 ? phase->work[PLMR_WORK_STAGES] / (c->n_stages - 1) : 0;
    cost.cross_bytes = (double)(n_tokens * c->token_bytes);
    cost.cross = c->cross_byte * cost.cross_bytes;
    cost.end = phase->t_cycles - cost.layers - moved - phase->work[PLMR_WORK_STAGES];
    return cost;
}

plmr_status plmr_serve_costs_step(plmr_serve_costs *c, int64_t n, int64_t row_tokens, const plmr_pass_cost **cost)
{
    plmr_pass_cost *at = &c->steps[(n - 1) * c->row_most + row_tokens - 1];
    plmr_phase_cost phase;
    PLMR_ASSERT(n >= 1 && n <= c->n_batch && row_tokens >= 1 && row_tokens <= c->row_most);
    c->n_used++;
    *cost = at;
    if (at->known && !c->every_step)
        return PLMR_OK;
    c->n_found++;
    PLMR_TRY(plmr_timing_step(c->timing, (int)n, row_tokens, &phase));
    *at = split(c, &phase, n);
    return PLMR_OK;
}

static plmr_status find_chunk(plmr_serve_costs *c, int64_t n_before, int64_t n, plmr_pass_cost *cost)
{
    plmr_phase_cost phase;
    c->n_found++;
    PLMR_TRY(plmr_timing_chunk(c->timing, n_before, n, &phase));
    *cost = split(c, &phase, plmr_serve_costs_row(c, n) * c->rows);
    return PLMR_OK;
}

plmr_status plmr_serve_costs_chunk(plmr_serve_costs *c, int64_t n_before, int64_t n, bool ends, plmr_pass_cost *cost)
{
    int64_t seen = plmr_serve_costs_row(c, n_before + n);
    plmr_pass_cost *at = &c->chunks[(plmr_serve_costs_row(c, n) - 1) * c->row_most + seen - 1];
    c->n_used++;
    if (!at->known || c->every_step)
        PLMR_TRY(find_chunk(c, n_before, n, at));
    *cost = *at;
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

double plmr_serve_cost_of_stage(const plmr_serve_costs *c, const plmr_pass_cost *cost, int stage)
{
    int first = stage * c->layers_per_stage, left = c->n_layers - first;
    int n = left < 0 ? 0 : left < c->layers_per_stage ? left : c->layers_per_stage;
    return cost->layers * n / c->n_layers + cost->each + (stage < c->n_stages - 1 ? cost->hop : cost->end) +
           (plmr_serve_crosses(c, stage) ? cost->cross : 0);
}

double plmr_serve_cost_of_all(const plmr_serve_costs *c, const plmr_pass_cost *cost)
{
    int n_crossings = c->wafer_stages ? (c->n_stages - 1) / c->wafer_stages : 0;
    return cost->layers + c->n_stages * cost->each + (c->n_stages - 1) * cost->hop + cost->end +
           n_crossings * (cost->cross + c->cross_latency);
}

/* The chunk that takes most memory is the longest, at the end of the longest request. Where that leaves no room, steps have
 * fewer requests. */
static plmr_status find_room(plmr_serve_costs *c, int64_t n_context)
{
    plmr_pass_cost cost;
    int64_t n = c->chunk < n_context ? c->chunk : n_context;
    PLMR_TRY(find_chunk(c, n_context - n, n, &cost));
    c->row_room = plmr_timing_row_room(c->timing, (int)c->n_batch, n);
    while (c->row_room < c->row_most && c->n_batch > 1)
        c->row_room = plmr_timing_row_room(c->timing, (int)(c->n_batch /= 2), n);
    return plmr_timing_output(c->timing, &c->output);
}

plmr_status plmr_serve_costs_create(plmr_ranks *ranks, const plmr_device *device, const plmr_model_shape *shape,
                                    const plmr_llm_setup *setup, const plmr_serve_limits *limits, plmr_serve_costs *c)
{
    *c = (plmr_serve_costs){.n_batch = limits->n_batch, .chunk = limits->chunk, .n_layers = shape->n_layers};
    c->every_step = setup->every_step;
    PLMR_TRY(plmr_timing_create(ranks, device, shape, setup, &c->timing));
    const plmr_placement *p = plmr_timing_placement(c->timing, true);
    c->n_stages = p->n_stages;
    c->layers_per_stage = p->layers_per_stage;
    c->rows = p->rows;
    c->token_bytes = shape->dim * (int64_t)plmr_dtype_bytes(shape->dtype);
    if (limits->link.bytes_s > 0) {
        c->wafer_stages = p->n_regions;
        c->cross_byte = device->clock / limits->link.bytes_s;
        c->cross_latency = device->clock * limits->link.latency_s;
        if (limits->link.is_devices)
            plmr_timing_region(c->timing, true)->ledger.parts |= PLMR_PART_WAFERS;
    }
    c->row_most = plmr_serve_costs_row(c, limits->n_context) + limits->shares;
    c->steps = plmr_take_zeroed((size_t)(c->n_batch * c->row_most), sizeof *c->steps);
    c->chunks = plmr_take_zeroed((size_t)(plmr_serve_costs_row(c, c->chunk) * c->row_most), sizeof *c->chunks);
    plmr_status status = find_room(c, limits->n_context);
    if (status)
        plmr_serve_costs_free(c);
    return status;
}

void plmr_serve_costs_free(plmr_serve_costs *c)
{
    plmr_timing_destroy(c->timing);
    free(c->steps);
    free(c->chunks);
    *c = (plmr_serve_costs){0};
}
