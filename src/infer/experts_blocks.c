/* Virtual time of experts that have a block of cores each. What a line of cores holds of the tokens goes to the places of
 * the same elements, or tokens, in the blocks that want them, along the rows and columns that cross a block; there is a
 * message for each block on the line. Blocks multiply all at once, and wait for the one that has most to do; it is run on
 * a region of its size, the costs of which are then the layer's. What comes out goes back the same ways.
 *
 * Decode: columns have whole vectors, so tokens go along y alone. Partial sums of a block's cores go back as they are: the
 * allreduce along whole rows adds them up, together with those of other blocks. */
#include "infer/experts_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "region/profile.h"
#include "time/busy.h"
#include "time/clock.h"
#include "time/trace.h"

/* ---- ways along lines ---- */

/* Along an axis, of all its lines. */
struct ways {
    plmr_cost_pass *pass;
    enum plmr_axis axis;
    bool back;
    int n_messages;      /* that a core sends at most */
    double hottest, own; /* words of a link, and that a core sends or takes in, at most */
    double cycles;       /* that the words of a link take, at most */
    int n;
    double *link[2]; /* of the line at hand: by direction, words on the link after each core */
};

static struct ways start_ways(plmr_cost_pass *pass, enum plmr_axis axis, bool back, int n_messages)
{
    int n = axis == PLMR_X ? pass->grid->cols : pass->grid->rows;
    double *links = plmr_take_zeroed(2 * (size_t)n, sizeof *links);
    return (struct ways){pass, axis, back, n_messages, 0, 0, 0, n, {links, links + n}};
}

/* Words, evenly on the cores of a line in their order on `ring`, go to those of a block that begins at `first`. The links
 * have differences until the line is ended. */
static void add_words(struct ways *w, const plmr_ring *ring, const plmr_ring *block, int first, double words)
{
    int64_t n = plmr_ring_slots(ring), m = plmr_ring_slots(block), at = 0;
    for (int64_t i = 0, j = 0; i < n && j < m;) {
        int64_t end = (i + 1) * m < (j + 1) * n ? (i + 1) * m : (j + 1) * n;
        int home = plmr_ring_core(ring, (int)i), there = first + plmr_ring_core(block, (int)j);
        int low = home < there ? home : there, high = home < there ? there : home;
        double *link = w->link[(home < there) == w->back ? PLMR_LINK_DOWN : PLMR_LINK_UP];
        link[low] += words * (double)(end - at) / (double)(n * m);
        link[high] -= words * (double)(end - at) / (double)(n * m);
        i += end == (i + 1) * m;
        j += end == (j + 1) * n;
        at = end;
    }
}

/* Words on the link after core i. */
static void note_words(struct ways *w, int direction, int i, double words, int n_lines)
{
    plmr_region *region = w->pass->grid->region;
    bool is_border = i + 1 < w->n && plmr_way_borders(region->device, w->axis, i, i + 1) > 0;
    double exact = plmr_device_quantise(words); /* no dust of differences */
    double pace = is_border ? plmr_way_border_word(region->device, w->axis) : region->device->link;
    w->hottest = fmax(w->hottest, exact);
    w->cycles = fmax(w->cycles, exact * pace);
    if (is_border)
        region->ledger.border_hops += (uint64_t)llround(words * n_lines);
    if (region->profile)
        region->profile->links[w->axis][direction][i] += (uint64_t)llround(words * n_lines);
}

/* n_lines of the region have had these words; `own` of them a core's. */
static void end_lines(struct ways *w, int n_lines, int64_t own)
{
    plmr_region *region = w->pass->grid->region;
    double crossed = 0;
    w->own = (double)own > w->own ? (double)own : w->own;
    for (int direction = 0; direction < 2; direction++) {
        double *link = w->link[direction], words = 0;
        for (int i = 0; i < w->n; i++) {
            words += link[i];
            link[i] = 0;
            crossed += words;
            note_words(w, direction, i, words, n_lines);
        }
    }
    region->ledger.wavelet_hops += (uint64_t)llround(crossed * n_lines);
}

static void travel(struct ways *w)
{
    plmr_cost_pass *pass = w->pass;
    const plmr_device *d = pass->device;
    plmr_region *region = pass->grid->region;
    plmr_way way = plmr_region_way(region, w->axis, 0, w->n - 1);
    double shared = w->cycles, alone = way.word * w->own;
    double cycles = d->shift_launch * w->n_messages + d->shift_wavelet * w->own + way.flight;
    region->ledger.parts |= PLMR_PART_EXCHANGE | PLMR_PART_LINKS;
    plmr_cost_note_link(pass, w->hottest);
    plmr_trace_verb(region, w->back ? "combine" : "dispatch", "tokens");
    plmr_region_move(region, PLMR_MOVE_SHIFT, plmr_device_quantise(cycles + (shared > alone ? shared : alone)));
    plmr_cost_note(pass, PLMR_WORK_ROUTE);
    free(w->link[0]);
}

/* ---- between a region and its blocks ---- */

/* The part in a block; false: there is none. */
static bool part_at(const plmr_cost_pass *pass, int down, int across, int *part)
{
    *part = down * pass->experts->blocks.across + across;
    return *part < pass->experts->n_parts;
}

/* Along columns. Of a token a column has n elements; the tokens are dealt to rows, or their elements are. */
static void move_along_columns(plmr_cost_pass *pass, const plmr_part_loads *loads, int64_t n, bool by_tokens, bool back)
{
    const plmr_grid *grid = pass->grid, *block = pass->experts->grid;
    const plmr_expert_blocks *b = &pass->experts->blocks;
    struct ways w = start_ways(pass, PLMR_Y, back, b->down);
    for (int across = 0; across < b->across; across++) {
        int64_t out = 0, in = 0;
        for (int down = 0, part; down < b->down && part_at(pass, down, across, &part); down++) {
            int64_t tokens = loads->tokens[part], here = plmr_ceil_div(by_tokens ? tokens : n, grid->rows),
                    there = plmr_ceil_div(by_tokens ? tokens : n, b->rows), times = by_tokens ? n : tokens;
            add_words(&w, grid->y, block->y, down * b->rows, (double)plmr_cost_wavelets(pass, tokens * n));
            out += plmr_cost_wavelets(pass, here * times);
            int64_t words = plmr_cost_wavelets(pass, there * times);
            in = words > in ? words : in;
        }
        end_lines(&w, b->cols, out > in ? out : in);
    }
    travel(&w);
}

/* Along rows, which have whole tokens, to the columns of the blocks that want them. */
static void move_along_rows(plmr_cost_pass *pass, const plmr_part_loads *loads, bool back)
{
    const plmr_grid *grid = pass->grid, *block = pass->experts->grid;
    const plmr_expert_blocks *b = &pass->experts->blocks;
    struct ways w = start_ways(pass, PLMR_X, back, b->across);
    int64_t out = 0, in = 0;
    for (int across = 0; across < b->across; across++) {
        int64_t tokens = 0;
        for (int down = 0, part; down < b->down && part_at(pass, down, across, &part); down++)
            tokens += loads->tokens[part];
        tokens = plmr_ceil_div(tokens, grid->rows);
        add_words(&w, grid->x, block->x, across * b->cols, (double)plmr_cost_wavelets(pass, tokens * pass->shape->dim));
        out += plmr_cost_wavelets(pass, tokens * grid->dim_x.size);
        int64_t words = plmr_cost_wavelets(pass, tokens * block->dim_x.size);
        in = words > in ? words : in;
    }
    end_lines(&w, grid->rows, out > in ? out : in);
    travel(&w);
}

/* ---- in blocks ---- */

/* A pass in the block that has most. */
static plmr_cost_pass enter(const plmr_cost_pass *pass)
{
    plmr_cost_pass inside = *pass;
    plmr_region *region = pass->experts->grid->region;
    inside.grid = pass->experts->grid;
    plmr_clock_reset(region->clock);
    plmr_profile_reset(region->profile);
    region->ledger.multiply_adds = region->ledger.compute_cycles = 0;
    region->ledger.wavelet_hops = 0;
    region->ledger.sram_peak_bytes = region->ledger.sram_bytes;
    inside.t_cycles = 0;
    memset(inside.work, 0, sizeof inside.work);
    return inside;
}

/* Links of all blocks, by what they have of the pairs. */
static void add_links(const plmr_cost_pass *pass, const plmr_part_loads *loads)
{
    const plmr_expert_blocks *b = &pass->experts->blocks;
    plmr_profile *to = pass->grid->region->profile, *from = pass->experts->grid->region->profile;
    for (int part = 0; part < loads->n && to; part++)
        for (int axis = 0; axis < 2; axis++) {
            int n = axis == PLMR_X ? b->cols : b->rows;
            int first = n * (axis == PLMR_X ? part % b->across : part / b->across);
            for (int i = 0; i < 2 * n; i++)
                to->links[axis][i / n][first + i % n] += from->links[axis][i / n][i % n] *
                                                         (uint64_t)loads->pairs[part] /
                                                         (uint64_t)loads->pairs[loads->busiest];
        }
}

/* The block's cores are all alike: those of the region are not, and each takes its own time to compute. */
static void wait_for(const plmr_cost_pass *inside, plmr_cost_pass *pass)
{
    plmr_region *region = pass->grid->region;
    double computing[PLMR_N_WORKS] = {[PLMR_WORK_ELEMENTS] = inside->work[PLMR_WORK_ELEMENTS]};
    computing[PLMR_WORK_PROJECTION] = inside->grid->region->ledger.compute_cycles - inside->work[PLMR_WORK_ELEMENTS];
    for (int i = 0; i < PLMR_N_WORKS; i++) {
        if (inside->work[i] == 0)
            continue;
        plmr_region_compute(region, "experts", computing[i]);
        plmr_region_move(region, PLMR_MOVE_REDUCE, inside->work[i] - computing[i]);
        plmr_cost_note(pass, (enum plmr_work)i);
    }
}

/* The layer's region waits for that block; its ledger has the work of all. */
static plmr_status leave(const plmr_cost_pass *inside, plmr_cost_pass *pass, const plmr_part_loads *loads)
{
    plmr_region *region = pass->grid->region;
    const plmr_ledger *of_block = &inside->grid->region->ledger;
    double share = (double)loads->n_pairs / (double)loads->pairs[loads->busiest];
    double macs = round(of_block->multiply_adds * share);
    plmr_cost_note_core(pass, (double)loads->pairs[loads->busiest] * loads->n / (double)loads->n_pairs);
    PLMR_TRY(plmr_region_charge(region, "experts' tiles", of_block->sram_peak_bytes));
    plmr_region_release(region, of_block->sram_peak_bytes);
    wait_for(inside, pass);
    region->ledger.multiply_adds += macs;
    region->ledger.wavelet_hops += (uint64_t)llround((double)of_block->wavelet_hops * share);
    region->ledger.parts |= of_block->parts;
    if (region->profile)
        region->profile->multiply_adds += macs / ((double)pass->grid->rows * pass->grid->cols);
    add_links(pass, loads);
    return PLMR_OK;
}

/* ---- a layer's ---- */

plmr_status plmr_experts_blocks_prompt_time(const plmr_step *step, plmr_cost_pass *pass)
{
    plmr_part_loads loads;
    int64_t tokens[PLMR_MOST_EXPERTS], n = pass->experts->grid->dim_x.size;
    plmr_part_loads_fill(pass, pass->n_tokens, &loads);
    plmr_part_experts(pass, loads.busiest, pass->n_tokens, tokens);
    move_along_rows(pass, &loads, false);
    move_along_columns(pass, &loads, n, true, false);
    plmr_cost_pass inside = enter(pass);
    PLMR_TRY(plmr_experts_multiply_prompt(step, &inside, tokens));
    PLMR_TRY(leave(&inside, pass, &loads));
    move_along_columns(pass, &loads, n, true, true);
    move_along_rows(pass, &loads, true);
    return PLMR_OK;
}

/* Vectors of a core's column that its blocks send back. */
static int64_t most_returned(const plmr_cost_pass *pass, const plmr_part_loads *loads)
{
    int64_t most = 0;
    for (int across = 0; across < pass->experts->blocks.across; across++) {
        int64_t n = 0;
        for (int down = 0, part; down < pass->experts->blocks.down && part_at(pass, down, across, &part); down++)
            n += loads->tokens[part];
        most = n > most ? n : most;
    }
    return most;
}

plmr_status plmr_experts_blocks_token_time(const plmr_step *step, plmr_cost_pass *pass)
{
    plmr_part_loads loads;
    plmr_part_loads_fill(pass, pass->n_batch, &loads);
    int64_t pairs = loads.pairs[loads.busiest], tokens = loads.tokens[loads.busiest];
    move_along_columns(pass, &loads, pass->shape->dim, false, false);
    plmr_cost_pass inside = enter(pass);
    PLMR_TRY(plmr_experts_multiply_token(step, &inside, tokens, plmr_ceil_div(pairs, tokens), false));
    PLMR_TRY(leave(&inside, pass, &loads));
    move_along_columns(pass, &loads, pass->shape->dim, false, true);
    plmr_cost_busy(pass, (double)most_returned(pass, &loads) * plmr_cost_vector_cycles(pass, pass->grid->dim.size));
    return plmr_cost_allreduce(pass, PLMR_X, false, pass->grid->dim.size);
}
