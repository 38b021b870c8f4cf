/* Where the layers of a model lie, and what of its SRAM a core needs. */
#include "infer/experts_parts.h"
#include "infer/timing_internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/larger.h"
#include "base/memory.h"

int64_t plmr_timing_element_bytes(const plmr_timing *t)
{
    return (int64_t)plmr_dtype_bytes(t->shape.dtype);
}

static int64_t layer_bytes(const plmr_timing *t, const plmr_grid *g)
{
    plmr_needs needs = plmr_core_needs(&t->shape, g);
    return (needs.weights - needs.packed) * plmr_timing_element_bytes(t) + needs.packed_bytes;
}

static const plmr_grid *grid_of(const plmr_timing *t, enum plmr_llm_phase phase)
{
    return phase == PLMR_DECODE ? t->decode : t->prefill;
}

/* Of one expert, sliced over the cores of a grid. */
static int64_t expert_bytes(const plmr_timing *t, const plmr_grid *g)
{
    static const enum plmr_weight of_expert[] = {PLMR_GATE_EXPERTS, PLMR_UP_EXPERTS, PLMR_DOWN_EXPERTS};
    int64_t n_bytes = 0;
    for (size_t i = 0; i < sizeof of_expert / sizeof *of_expert; i++) {
        const plmr_weight_info *info = &plmr_weight_infos[of_expert[i]];
        n_bytes += plmr_cost_weight_bytes(&t->shape, g, of_expert[i], plmr_grid_chunk(g, info->cols),
                                          plmr_grid_chunk(g, info->rows));
    }
    return n_bytes;
}

/* What a core has of experts, where they are, beside what it would have of the layer's own over all cores. */
static int64_t moved_bytes(const plmr_timing *t, enum plmr_llm_phase phase)
{
    const plmr_expert_layout *layout = &t->experts[phase];
    const plmr_grid *g = grid_of(t, phase);
    if (!t->shape.n_experts)
        return 0;
    return expert_bytes(t, layout->grid ? layout->grid : g) *
               plmr_expert_room(&layout->setup, &t->shape, layout->n_parts) -
           expert_bytes(t, g) * t->shape.n_experts;
}

static int64_t placed_bytes(const plmr_timing *t, enum plmr_llm_phase phase)
{
    return layer_bytes(t, grid_of(t, phase)) + moved_bytes(t, phase);
}

/* Of the output projection's weights. */
static int64_t output_bytes(const plmr_timing *t)
{
    return plmr_cost_weight_bytes(&t->shape, t->decode, PLMR_OUTPUT, t->decode->dim.size, t->decode->vocab.size);
}

int64_t plmr_timing_token_bytes(const plmr_timing *t, const plmr_grid *g)
{
    const plmr_llm_setup *setup = &t->setup;
    return plmr_cost_cache_bytes(&g->heads, setup->cache_dtype, setup->cache_packed,
                                 plmr_core_needs(&t->shape, g).cache);
}

static int64_t activations(const plmr_timing *t, const plmr_grid *g)
{
    plmr_needs needs = plmr_core_needs(&t->shape, g);
    int64_t n = 0;
    for (int i = 0; i < PLMR_N_ACTIVATIONS; i++)
        n += needs.activations[i];
    return n;
}

/* Room for what is widened before it is multiplied with. */
static int64_t widened_bytes(const plmr_timing *t, const plmr_grid *g)
{
    return plmr_core_needs(&t->shape, g).widened * plmr_timing_element_bytes(t);
}

int plmr_timing_wide(const plmr_timing *t, enum plmr_llm_phase phase)
{
    plmr_expert_setup experts = plmr_llm_experts(&t->setup, phase);
    return plmr_expert_wafers(&experts, &t->shape);
}

/* Of a replica. */
static int all_requests(const plmr_timing *t, enum plmr_llm_phase phase)
{
    int replicas = t->setup.phase[phase].replicas;
    return replicas ? (int)plmr_ceil_div(t->setup.n_batch, replicas) : t->setup.n_batch;
}

int plmr_timing_beside(const plmr_timing *t, enum plmr_llm_phase phase)
{
    int n = all_requests(t, phase), wide = plmr_timing_wide(t, phase);
    return t->n_beside ? t->n_beside : n < wide ? n : wide;
}

int plmr_timing_requests(const plmr_timing *t, enum plmr_llm_phase phase)
{
    return (int)plmr_ceil_div(all_requests(t, phase), plmr_timing_wide(t, phase));
}

int plmr_timing_stage_batch(const plmr_timing *t)
{
    int stages = t->placement[PLMR_DECODE].n_stages, n = plmr_timing_requests(t, PLMR_DECODE);
    return stages ? (int)plmr_ceil_div(n, stages) : n;
}

int64_t plmr_timing_row_tokens(const plmr_timing *t, int64_t n_tokens)
{
    int64_t rows = t->decode->rows, first = plmr_smaller(n_tokens, t->setup.n_prompt);
    return t->setup.concat && !t->setup.as_published ? plmr_ceil_div(first, rows) + n_tokens - first
                                                     : plmr_ceil_div(n_tokens, rows);
}

int64_t plmr_timing_window_tokens(const plmr_timing *t, int64_t row_tokens)
{
    return t->shape.window && t->shape.window < row_tokens ? t->shape.window : row_tokens;
}

/* Of n layers of a region, those that keep all tokens and not only those of a window: as many as there may be. */
static int64_t full_layers(const plmr_timing *t, int64_t n)
{
    int period = t->shape.global_period;
    return !t->shape.window ? n : period ? plmr_ceil_div(n, period) : 0;
}

/* Weights and cache of n layers, with so many tokens on the fullest row. */
static int64_t layers_bytes(const plmr_timing *t, const plmr_placement *p, int64_t n, int64_t row_tokens)
{
    int64_t full = full_layers(t, n), window = plmr_timing_window_tokens(t, row_tokens);
    return n * p->layer_bytes + (full * row_tokens + (n - full) * window) * p->token_bytes;
}

/* The most tokens of a row, if so many bytes are for their keys, values and scores. */
static int64_t most_row_tokens(const plmr_timing *t, const plmr_placement *p, int64_t n_bytes)
{
    int64_t n = p->layers_per_stage, full = full_layers(t, n);
    int64_t row = n_bytes > 0 ? n_bytes / (n * p->token_bytes + p->score_bytes) : 0;
    int64_t window = plmr_timing_window_tokens(t, row), each = full * p->token_bytes + p->score_bytes;
    if (full == n || row == window || each == 0)
        return row;
    return (n_bytes - (n - full) * window * p->token_bytes) / each;
}

/* Scores of a token of the row, of every query head that a core works for. */
static int64_t score_bytes(const plmr_timing *t)
{
    const plmr_heads *heads = &t->decode->heads;
    return (int64_t)heads->n_per_core * heads->n_rep * plmr_timing_element_bytes(t) *
           plmr_timing_requests(t, PLMR_DECODE);
}

/* Of the block, or wafer, that most of a batch's tokens go to: what comes, what is between its matrices, and what goes
 * back. */
static int64_t block_elements(const plmr_timing *t)
{
    const plmr_expert_layout *layout = &t->experts[PLMR_DECODE];
    int wide = plmr_timing_wide(t, PLMR_DECODE);
    const plmr_grid *block = layout->grid ? layout->grid : t->decode;
    const plmr_cost_pass pass = {.experts = layout, .load = &t->setup.load, .shape = &t->shape};
    plmr_part_loads loads;
    if (!layout->grid && wide == 1)
        return 0;
    plmr_part_loads_fill(&pass, (int64_t)plmr_timing_requests(t, PLMR_DECODE) * wide, &loads);
    return loads.pairs[loads.busiest] * 2 * (block->dim.size + block->expert_ffn.size);
}

/* Activations, and scores of the row's tokens. */
static int64_t decode_working(const plmr_timing *t, int64_t row_tokens)
{
    int64_t n = activations(t, t->decode) * plmr_timing_requests(t, PLMR_DECODE) + block_elements(t);
    return n * plmr_timing_element_bytes(t) + row_tokens * score_bytes(t) + widened_bytes(t, t->decode);
}

/* Beside what the products need (the ledger of a layer), of which is what is added to the stream. */
static int64_t prefill_working(const plmr_timing *t)
{
    const plmr_grid *g = t->prefill;
    int64_t elements = plmr_ceil_div(t->setup.n_prompt, g->rows) * (activations(t, g) - g->dim_x.size);
    return elements * plmr_timing_element_bytes(t) + g->region->ledger.sram_peak_bytes;
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

/* What could be done, beside. */
static const char *or_stream(const plmr_timing *t)
{
    return !t->setup.streams && plmr_outside_is_known(t->device) ? ", --stream-weights" : "";
}

static plmr_status misfit(const plmr_timing *t, const plmr_placement *p, const char *phase, const char *what,
                          int64_t need)
{
    int side = side_for(t, p, need), most = (int)plmr_smaller(t->device->rows, t->device->cols);
    if (side > most)
        return plmr_error_make(
            PLMR_ERROR_LIMIT,
            "--%s-cores: %s of %s needs %lld bytes of a core's SRAM on %dx%d cores, %s has "
            "%.0f and no region of it would do: choose fewer tokens or another device%s, or --allow M",
            phase, what, t->shape.name, (long long)need, p->rows, p->cols, t->device->name, t->device->sram,
            or_stream(t));
    return plmr_error_make(PLMR_ERROR_LIMIT,
                           "--%s-cores: %s of %s needs %lld bytes of a core's SRAM on %dx%d cores, %s has %.0f: "
                           "about %dx%d would do%s, or --allow M",
                           phase, what, t->shape.name, (long long)need, p->rows, p->cols, t->device->name,
                           t->device->sram, side, side, or_stream(t));
}

/* Keeps less in the cores' SRAM from here on, if that is allowed and possible. */
static bool keep_less(plmr_timing *t)
{
    bool can = t->setup.streams && t->kept < PLMR_KEEP_NOTHING;
    t->kept += can;
    return can;
}

/* As many layers to a region as fit, one at least, or as asked for if those are fewer. */
static int64_t most_layers(const plmr_timing *t, const plmr_placement *p, int64_t n_asked, int64_t row_tokens,
                           int64_t room)
{
    int64_t n = room / layers_bytes(t, p, 1, row_tokens), layers = t->setup.n_layers;
    while (n >= 1 && n < layers && layers_bytes(t, p, n + 1, row_tokens) <= room)
        n++;
    n = n < 1 ? 1 : plmr_smaller(n, layers);
    return n_asked && n_asked < n ? n_asked : n;
}

/* Of a core of the fullest region, the last of which has fewer layers; and how many tokens there is room for. */
static void note_room(const plmr_timing *t, plmr_placement *p, int64_t n_last, int64_t room)
{
    int64_t full = layers_bytes(t, p, p->layers_per_stage, p->row_tokens);
    int64_t end = p->output_bytes + (p->output_apart ? 0 : layers_bytes(t, p, n_last, p->row_tokens));
    p->sram_bytes = p->working_bytes + (full > end ? full : end);
    int64_t for_tokens = room + p->row_tokens * p->score_bytes - p->layers_per_stage * p->layer_bytes;
    int64_t row = most_row_tokens(t, p, for_tokens);
    p->capacity = t->setup.concat ? row : row * p->rows;
}

/* Regions that share experts have layers each. */
static int64_t asked_layers(const plmr_timing *t, enum plmr_llm_phase phase)
{
    const plmr_expert_layout *layout = &t->experts[phase];
    int64_t asked = t->setup.phase[phase].layers;
    if (!t->shape.n_experts || plmr_expert_regions(&layout->setup, &t->shape) == 1)
        return asked;
    int64_t most = t->setup.n_layers / layout->n_parts;
    return asked && asked < most ? asked : most;
}

/* Layers evenly over as many regions as they take. */
static plmr_status place_all(plmr_timing *t, enum plmr_llm_phase phase, int64_t row_tokens)
{
    plmr_placement *p = &t->placement[phase];
    int64_t layer = layers_bytes(t, p, 1, row_tokens), room = (int64_t)t->device->sram - p->working_bytes;
    if ((layer > room || p->output_bytes > room) && keep_less(t))
        return PLMR_OK;
    if (layer > room && !t->setup.allow_memory)
        return misfit(t, p, plmr_phase_name(phase), "one layer", p->working_bytes + layer);
    int64_t layers = t->setup.n_layers,
            stages = plmr_ceil_div(layers, most_layers(t, p, asked_layers(t, phase), row_tokens, room));
    p->layers_per_stage = (int)plmr_ceil_div(layers, stages);
    p->row_tokens = row_tokens;
    int64_t n_last = layers - (stages - 1) * p->layers_per_stage;
    p->output_apart =
        t->setup.phase[phase].output_apart || layers_bytes(t, p, n_last, row_tokens) + p->output_bytes > room;
    p->n_regions = t->between[phase].tiling.down * t->between[phase].tiling.across;
    if (p->output_bytes > room && !t->setup.allow_memory)
        return misfit(t, p, plmr_phase_name(phase), "the output projection", p->working_bytes + p->output_bytes);
    p->n_stages = (int)stages + p->output_apart;
    if (p->n_stages <= p->n_regions || !keep_less(t))
        note_room(t, p, n_last, room);
    return PLMR_OK;
}

/* Tokens of the fullest row to plan with: all, or, where a layer would not fit so, as many as leave room for one, but
 * at least the prompt's; the cache then ends the text (see plmr_timing_fits). */
static int64_t planned_tokens(const plmr_timing *t)
{
    int64_t all = plmr_timing_row_tokens(t, t->setup.n_tokens), least = plmr_timing_row_tokens(t, t->setup.n_prompt);
    int64_t room = (int64_t)t->device->sram - placed_bytes(t, PLMR_DECODE) - decode_working(t, 0);
    int64_t fit =
        room / (plmr_timing_token_bytes(t, t->decode) * plmr_timing_requests(t, PLMR_DECODE) + score_bytes(t));
    return fit >= all ? all : plmr_larger(fit, least);
}

/* ---- weights from outside ---- */

/* Of n layers' keys and values what a core holds; of those outside the layer's at hand, and its neighbours' on their way. */
static int64_t held_cache(const plmr_timing *t, const plmr_placement *p, int64_t row_tokens)
{
    plmr_placement cache = {.token_bytes = p->token_bytes};
    return t->kept == PLMR_KEEP_NOTHING ? 2 * row_tokens * p->token_bytes
                                        : layers_bytes(t, &cache, t->setup.n_layers, row_tokens);
}

/* Room for two slices beside the rest? */
static bool holds_slices(const plmr_timing *t, plmr_placement *p, int64_t row_tokens)
{
    p->slice_bytes = plmr_ceil_div(p->layer_bytes, p->n_slices);
    p->sram_bytes = p->working_bytes + held_cache(t, p, row_tokens) + 2 * p->slice_bytes;
    return p->sram_bytes <= (int64_t)t->device->sram;
}

/* What memory is left keeps as much of every layer, so that all of them wait for the same. Smaller slices leave more. */
static void keep_shares(const plmr_timing *t, plmr_placement *p, int64_t row_tokens, int64_t most_slices)
{
    int64_t sram = (int64_t)t->device->sram, beside = p->working_bytes + held_cache(t, p, row_tokens);
    for (int n = p->n_slices; n <= most_slices; n *= 2) {
        int64_t slice = plmr_ceil_div(p->layer_bytes, n), kept = (sram - beside - 2 * slice) / t->setup.n_layers;
        kept = plmr_smaller(kept, p->layer_bytes);
        if (kept <= p->kept_bytes)
            continue;
        p->n_slices = n;
        p->slice_bytes = slice;
        p->kept_bytes = kept;
    }
    p->sram_bytes = beside + 2 * p->slice_bytes + p->kept_bytes * t->setup.n_layers;
}

/* Slices are some of the k of every tile, 1, 2, 4, ... of a layer, as few as fit: in prefill each takes a round of its own
 * through the ring, and memory of the products falls with them. */
static plmr_status find_slices(plmr_timing *t, enum plmr_llm_phase phase, int64_t row_tokens, bool *fits)
{
    plmr_placement *p = &t->placement[phase];
    int64_t most = phase == PLMR_DECODE ? t->decode->dim.size : t->prefill->dim_x.size;
    *fits = false;
    for (p->n_slices = 1; p->n_slices <= most && !*fits; p->n_slices *= 2) {
        if (phase == PLMR_PREFILL && p->n_slices > 1)
            PLMR_TRY(plmr_timing_run_layer(t, p->n_slices));
        p->working_bytes = phase == PLMR_DECODE ? p->working_bytes : prefill_working(t);
        *fits = holds_slices(t, p, row_tokens);
    }
    p->n_slices /= 2;
    return PLMR_OK;
}

static double in_all_cores(const plmr_placement *p, double n_bytes)
{
    return n_bytes * p->rows * p->cols;
}

double plmr_timing_layer_outside(const plmr_timing *t, enum plmr_llm_phase phase, int64_t row_tokens)
{
    const plmr_placement *p = &t->placement[phase];
    double cache = p->cache_outside ? (double)(row_tokens * p->token_bytes) : 0;
    return in_all_cores(p, (double)(p->layer_bytes - p->kept_bytes) + cache);
}

double plmr_timing_layer_kept(const plmr_timing *t, enum plmr_llm_phase phase)
{
    return in_all_cores(&t->placement[phase], (double)t->placement[phase].kept_bytes);
}

double plmr_timing_output_outside(const plmr_timing *t)
{
    return in_all_cores(&t->placement[PLMR_DECODE], (double)t->placement[PLMR_DECODE].output_bytes);
}

/* All layers go through one region. */
static plmr_status place_streamed(plmr_timing *t, enum plmr_llm_phase phase, int64_t row_tokens)
{
    plmr_placement *p = &t->placement[phase];
    bool fits;
    PLMR_TRY(find_slices(t, phase, row_tokens, &fits));
    if (!fits && keep_less(t))
        return PLMR_OK;
    if (!fits && !t->setup.allow_memory)
        return misfit(t, p, plmr_phase_name(phase), "a slice of a layer", p->sram_bytes);
    if (fits && phase == PLMR_DECODE && !t->setup.keeps_none)
        keep_shares(t, p, row_tokens, t->decode->dim.size);
    p->n_stages = 1;
    p->n_regions = t->between[phase].tiling.down * t->between[phase].tiling.across;
    p->layers_per_stage = t->setup.n_layers;
    p->row_tokens = row_tokens;
    p->cache_outside = t->kept == PLMR_KEEP_NOTHING;
    int64_t left = (int64_t)t->device->sram - p->working_bytes + row_tokens * p->score_bytes - 2 * p->slice_bytes -
                   p->kept_bytes * t->setup.n_layers;
    int64_t row = p->cache_outside ? left / (2 * p->token_bytes + p->score_bytes) : most_row_tokens(t, p, left);
    p->capacity = t->setup.concat ? row : row * p->rows;
    double outside =
        t->shape.n_layers * (plmr_timing_layer_outside(t, phase, row_tokens) + plmr_timing_layer_kept(t, phase));
    return plmr_outside_of(t->device, outside + plmr_timing_output_outside(t), p->rows, &t->outside[phase]);
}

static plmr_status place(plmr_timing *t, enum plmr_llm_phase phase, int64_t row_tokens)
{
    return t->kept == PLMR_KEEP_ALL ? place_all(t, phase, row_tokens) : place_streamed(t, phase, row_tokens);
}

static void note_tree(const plmr_grid *grid, plmr_placement *p)
{
    p->n_levels = grid->plan_y->n_phases / 2;
    memcpy(p->groups[PLMR_X], grid->plan_x->groups, sizeof p->groups[0]);
    memcpy(p->groups[PLMR_Y], grid->plan_y->groups, sizeof p->groups[0]);
}

plmr_status plmr_timing_place_decode(plmr_timing *t)
{
    int64_t row_tokens = t->kept == PLMR_KEEP_ALL ? planned_tokens(t) : plmr_timing_row_tokens(t, t->setup.n_tokens);
    t->placement[PLMR_DECODE] = (plmr_placement){
        .rows = t->decode->rows,
        .cols = t->decode->cols,
        .wide = plmr_timing_wide(t, PLMR_DECODE),
        .layer_bytes = placed_bytes(t, PLMR_DECODE),
        .token_bytes = plmr_timing_token_bytes(t, t->decode) * plmr_timing_requests(t, PLMR_DECODE),
        .working_bytes = decode_working(t, row_tokens),
        .score_bytes = score_bytes(t),
        .output_bytes = t->setup.as_published ? 0 : output_bytes(t),
    };
    note_tree(t->decode, &t->placement[PLMR_DECODE]);
    return place(t, PLMR_DECODE, row_tokens);
}

/* A layer has been run: the ledger tells what its products need. */
plmr_status plmr_timing_place_prefill(plmr_timing *t)
{
    t->placement[PLMR_PREFILL] = (plmr_placement){
        .rows = t->prefill->rows,
        .cols = t->prefill->cols,
        .wide = plmr_timing_wide(t, PLMR_PREFILL),
        .layer_bytes = placed_bytes(t, PLMR_PREFILL),
        .token_bytes = plmr_timing_token_bytes(t, t->prefill) * plmr_timing_requests(t, PLMR_PREFILL),
        .working_bytes = prefill_working(t),
    };
    note_tree(t->prefill, &t->placement[PLMR_PREFILL]);
    return place(t, PLMR_PREFILL, plmr_ceil_div(t->setup.n_prompt, t->prefill->rows));
}

/* What one phase cannot keep the other does not find, either. */
plmr_status plmr_timing_place(plmr_timing *t)
{
    enum plmr_kept kept;
    do {
        kept = t->kept;
        plmr_timing_share_experts(t, PLMR_DECODE);
        plmr_timing_share_experts(t, PLMR_PREFILL);
        PLMR_TRY(t->decode ? plmr_timing_place_decode(t) : PLMR_OK);
        if (t->kept == kept && t->prefill) {
            PLMR_TRY(plmr_timing_run_layer(t, 0));
            PLMR_TRY(plmr_timing_place_prefill(t));
        }
    } while (t->kept != kept);
    return PLMR_OK;
}

/* Layers of whose keys and values a core holds a token's: of a cache outside, two. */
static int64_t held_layers(const plmr_placement *p)
{
    return p->cache_outside ? 2 : p->layers_per_stage;
}

/* Of the regions with layers, or the last, which has the output beside what layers are left. */
int64_t plmr_timing_row_room(const plmr_timing *t, int n_batch, int64_t n)
{
    const plmr_grid *g = t->decode;
    const plmr_placement *p = &t->placement[PLMR_DECODE];
    int64_t element = plmr_timing_element_bytes(t), token = plmr_timing_token_bytes(t, g), score = score_bytes(t);
    int64_t chunk = n ? plmr_ceil_div(n, g->rows) * (activations(t, g) - g->dim_x.size) * element +
                            t->prefill->region->ledger.sram_peak_bytes
                      : 0;
    int64_t left =
        (int64_t)t->device->sram - plmr_larger(chunk, activations(t, g) * element * n_batch + widened_bytes(t, g));
    int64_t layers = p->layers_per_stage, stages = p->n_stages - p->output_apart;
    if (p->n_slices)
        return (left - 2 * p->slice_bytes - p->kept_bytes * t->setup.n_layers) / (held_layers(p) * token + score);
    int64_t last = t->setup.n_layers - (stages - 1) * layers;
    int64_t room = (left - layers * p->layer_bytes) / (layers * token + score);
    int64_t room_last = (left - last * p->layer_bytes - p->output_bytes) / (last * token + score);
    return p->output_apart || room < room_last ? room : room_last;
}

void plmr_timing_keep_spare(plmr_timing *t, int n_batch, int64_t n, int64_t row_tokens)
{
    plmr_placement *p = &t->placement[PLMR_DECODE];
    p->kept_bytes = 0;
    int64_t room = plmr_timing_row_room(t, n_batch, n), token = plmr_timing_token_bytes(t, t->decode);
    if (!p->n_slices || room <= row_tokens)
        return;
    int64_t kept = (room - row_tokens) * (held_layers(p) * token + score_bytes(t)) / t->setup.n_layers;
    p->kept_bytes = plmr_smaller(kept, p->layer_bytes);
}

bool plmr_timing_is_full(const plmr_timing *t, int64_t n_tokens)
{
    return n_tokens > t->placement[PLMR_DECODE].capacity && !t->setup.allow_memory;
}

plmr_status plmr_timing_fits(const plmr_timing *t, int64_t n_tokens)
{
    const plmr_placement *p = &t->placement[PLMR_DECODE];
    int row = p->rows - 1;
    if (!plmr_timing_is_full(t, n_tokens))
        return PLMR_OK;
    return plmr_error_make(PLMR_ERROR_LIMIT,
                           "row %d of cores has no SRAM left for token %lld: with %d layers to a region the key-value "
                           "cache holds %lld tokens; %s, or --allow M",
                           row, (long long)n_tokens, p->layers_per_stage, (long long)p->capacity,
                           t->setup.concat ? "try --kv shift" : "choose larger --decode-cores");
}
