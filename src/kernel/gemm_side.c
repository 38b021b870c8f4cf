#include "kernel/gemm_side.h"

#include <stdlib.h>

#include "base/larger.h"
#include "base/memory.h"

static void count_tiles(plmr_side *side)
{
    side->run_tiles = plmr_take_zeroed((size_t)side->n_runs + 1, sizeof *side->run_tiles);
    for (int run = 0; run < side->n_runs; run++)
        side->run_tiles[run + 1] =
            side->run_tiles[run] + (int)plmr_ceil_div((int64_t)side->runs[run].count * side->size, side->width);
    side->n_tiles = side->run_tiles[side->n_runs];
}

/* The tile whose first row is row `at` of a run of n_rows rows. */
static void make_tile(const plmr_side *side, plmr_tile *tile, const plmr_run *run, int place, int at, int32_t *phases)
{
    int n_rows = plmr_smaller(side->width, run->count * side->size - at);
    int first = at / side->size, last = (at + n_rows - 1) / side->size;
    *tile = (plmr_tile){
        .row = place * side->size + at,
        .n_rows = n_rows,
        .chunk = run->first + first,
        .skip = at - first * side->size,
        .phase = side->skewed ? first : 0,
        .last_phase = side->skewed ? last : 0,
        .phases = phases,
    };
    for (int i = 0; i < side->width; i++)
        phases[i] = side->skewed ? (at + plmr_smaller(i, n_rows - 1)) / side->size - first : 0;
}

static void make_tiles(plmr_side *side)
{
    side->tiles = plmr_take((size_t)side->n_tiles * sizeof *side->tiles);
    side->phases = plmr_take((size_t)side->n_tiles * (size_t)side->width * sizeof *side->phases);
    for (int run = 0, place = 0; run < side->n_runs; place += side->runs[run++].count)
        for (int i = side->run_tiles[run]; i < side->run_tiles[run + 1]; i++)
            make_tile(side, &side->tiles[i], &side->runs[run], place, (i - side->run_tiles[run]) * side->width,
                      side->phases + (size_t)i * (size_t)side->width);
}

/* Puts `slots` among the n that ascend; returns their new number. */
static int insert_slots(plmr_slots *needs, int n, plmr_slots slots)
{
    int i = n;
    for (; i > 0 && needs[i - 1].from > slots.from; i--)
        needs[i] = needs[i - 1];
    needs[i] = slots;
    return n + 1;
}

/* Joins those that touch or overlap; returns how many are left. */
static int join_slots(plmr_slots *needs, int n)
{
    int n_kept = 0;
    for (int i = 0; i < n; i++)
        if (n_kept > 0 && needs[i].from <= needs[n_kept - 1].to)
            needs[n_kept - 1].to = plmr_larger(needs[n_kept - 1].to, needs[i].to);
        else
            needs[n_kept++] = needs[i];
    return n_kept;
}

/* A chunk is needed in every step of every chunk of the other side that it meets. Those of one part meet it in slots
 * that follow each other without a gap. */
static void find_needs(plmr_side *side, const plmr_side *other, int t0, int n_steps)
{
    plmr_slots *needs = plmr_take((size_t)side->n_tiles * 2 * (size_t)other->n_runs * sizeof *needs);
    side->needs = needs;
    for (int i = 0; i < side->n_tiles; i++, needs += 2 * other->n_runs) {
        int n = 0;
        for (int run = 0; run < other->n_runs; run++) {
            plmr_part parts[2];
            int n_parts = plmr_side_parts(other, run, plmr_side_start(other, run, side->tiles[i].chunk, t0), parts);
            for (int p = 0; p < n_parts; p++) {
                int from = parts[p].base + other->tiles[parts[p].lo].phase;
                const plmr_tile *last = &other->tiles[parts[p].hi - 1];
                int to = parts[p].base + (side->closes ? last->last_phase : last->phase) + n_steps;
                n = insert_slots(needs, n, (plmr_slots){from, to});
            }
        }
        side->tiles[i].n_needs = join_slots(needs, n);
        side->tiles[i].needs = needs;
    }
}

static plmr_layout spelt_out(plmr_layout layout, int kt, int size)
{
    if (layout.per_strip > 0)
        return layout;
    return (plmr_layout){.per_strip = size, .strip_stride = (size_t)kt * (size_t)size, .k_stride = (size_t)size};
}

void plmr_sides_make(const plmr_isa *isa, const plmr_gemm_block *block, plmr_side *rows, plmr_side *cols)
{
    plmr_side common = {
        .kt = block->kt,
        .n_slots = block->n_slots,
        .n_before = block->n_before,
        .closes = !block->open_ended,
    };
    *rows = *cols = common;
    rows->width = isa->rows;
    rows->size = block->ms;
    rows->skewed = cols->other_skewed = block->rows_skewed;
    rows->aligned = block->a_aligned;
    rows->dtype = block->a_dtype;
    rows->line = block->a_line;
    rows->layout = spelt_out(block->a_layout, block->kt, block->ms);
    rows->n_runs = block->n_row_runs;
    rows->runs = block->row_runs;
    cols->width = isa->cols;
    cols->size = block->ns;
    cols->skewed = rows->other_skewed = block->cols_skewed;
    cols->aligned = block->b_aligned;
    cols->dtype = block->b_dtype;
    cols->line = block->b_line;
    cols->layout = spelt_out(block->b_layout, block->kt, block->ns);
    cols->n_runs = block->n_col_runs;
    cols->runs = block->col_runs;
    count_tiles(rows);
    count_tiles(cols);
    make_tiles(rows);
    make_tiles(cols);
    find_needs(rows, cols, block->t0, block->t1 - block->t0);
    find_needs(cols, rows, block->t0, block->t1 - block->t0);
}

void plmr_side_free(plmr_side *side)
{
    free(side->run_tiles);
    free(side->tiles);
    free(side->needs);
    free(side->phases);
}

int plmr_side_start(const plmr_side *side, int run, int chunk, int t0)
{
    int own = side->skewed ? side->runs[run].first : 0, other = side->other_skewed ? chunk : 0;
    return (own + other + t0 % side->n_slots) % side->n_slots;
}

/* The first tile of lo <= i < hi whose phase (or last phase) is at least `least`; hi if there is none. */
static int first_tile(const plmr_side *side, int lo, int hi, bool last, int least)
{
    while (lo < hi) {
        int middle = lo + (hi - lo) / 2;
        const plmr_tile *tile = &side->tiles[middle];
        if ((last ? tile->last_phase : tile->phase) >= least)
            hi = middle;
        else
            lo = middle + 1;
    }
    return lo;
}

int plmr_side_parts(const plmr_side *side, int run, int start, plmr_part parts[2])
{
    int lo = side->run_tiles[run], hi = side->run_tiles[run + 1], n = 0;
    int cut = first_tile(side, lo, hi, false, side->n_slots - start);
    if (lo < cut)
        parts[n++] = (plmr_part){lo, cut, start};
    if (cut < hi)
        parts[n++] = (plmr_part){cut, hi, start - side->n_slots};
    return n;
}

plmr_part plmr_side_active(const plmr_side *side, plmr_part part, plmr_slots slots, int n_slots)
{
    int lo = first_tile(side, part.lo, part.hi, true, slots.from - n_slots - part.base + 1);
    int hi = first_tile(side, lo, part.hi, false, slots.to - part.base);
    return (plmr_part){lo, hi, part.base};
}

/* Rows lo <= i < hi of a tile, counted from its first, that lie side by side in every line. */
typedef struct group {
    int lo, hi;
} group;

/* The chunk of row i of a tile, counted from its first. */
static int chunk_of(const plmr_side *side, const plmr_tile *tile, int i)
{
    return (tile->skip + i) / side->size;
}

/* The group whose first row is `lo`. */
static group group_of(const plmr_side *side, const plmr_tile *tile, int lo)
{
    int per_strip = side->layout.per_strip, hi = lo + per_strip - (tile->row + lo) % per_strip;
    if (side->aligned) /* every chunk has its k in a line of its own */
        hi = plmr_smaller(hi, (chunk_of(side, tile, lo) + 1) * side->size - tile->skip);
    return (group){lo, plmr_smaller(tile->n_rows, hi)};
}

static size_t row_at(const plmr_side *side, int row)
{
    int per_strip = side->layout.per_strip;
    return (size_t)(row / per_strip) * side->layout.strip_stride + (size_t)(row % per_strip);
}

/* Rows of the tile that belong to a group, for k from <= k < to: where they lie, and where they go. */
static plmr_strip strip_of(const plmr_side *side, const plmr_tile *tile, group g, int64_t from, int64_t to,
                           float *panel)
{
    int slot = (int)(from / side->kt), kk = (int)(from % side->kt), ring = side->n_slots;
    int chunk = tile->chunk + chunk_of(side, tile, g.lo);
    return (plmr_strip){
        .dtype = side->dtype,
        .lines = side->line,
        .n_lines = ring,
        .line = side->aligned ? (slot % ring - chunk + ring) % ring : slot % ring,
        .kt = side->kt,
        .kk = kk,
        .n_k = (int)(to - from),
        .at = row_at(side, tile->row + g.lo),
        .stride = side->layout.k_stride,
        .n = (size_t)(g.hi - g.lo),
        .width = (size_t)side->width,
        .to = panel ? panel + g.lo : NULL,
    };
}

/* From when the first chunk of the group is needed until the last one is not: what is read too much spares a loop for
 * every chunk. */
static void pack_group(const plmr_isa *isa, const plmr_side *side, const plmr_tile *tile, group g, int64_t from,
                       int64_t to, float *panel)
{
    int first_chunk = chunk_of(side, tile, g.lo), last_chunk = chunk_of(side, tile, g.hi - 1);
    int starts = side->skewed ? plmr_larger(0, first_chunk - side->n_before) : 0,
        ends = side->skewed && side->closes ? last_chunk : 0;
    for (int i = 0; i < tile->n_needs; i++) {
        int64_t first = plmr_larger((int64_t)(tile->needs[i].from + starts) * side->kt, from);
        int64_t end = plmr_smaller((int64_t)(tile->needs[i].to + ends) * side->kt, to);
        if (first >= end)
            continue;
        plmr_strip strip = strip_of(side, tile, g, first, end, panel + (first - from) * side->width);
        isa->pack(&strip);
    }
}

void plmr_side_pack(const plmr_isa *isa, const plmr_side *side, const plmr_tile *tile, int64_t from, int64_t to,
                    float *panel)
{
    for (group g = group_of(side, tile, 0); g.lo < tile->n_rows; g = group_of(side, tile, g.hi))
        pack_group(isa, side, tile, g, from, to, panel);
}

const float *plmr_side_panels(const plmr_side *side, int64_t from, int64_t to)
{
    size_t width = (size_t)side->width, step = (size_t)side->kt * width;
    if (side->dtype != PLMR_F32 || side->aligned || side->layout.per_strip != side->width ||
        side->layout.k_stride != width)
        return NULL;
    int first = (int)(from / side->kt), last = (int)((to - 1) / side->kt);
    const float *start = side->line[first % side->n_slots], *line = start;
    for (int slot = first; line && slot < last; slot++, line += step)
        if (side->line[(slot + 1) % side->n_slots] != line + step)
            return NULL;
    return start ? start + (size_t)(from % side->kt) * width : NULL;
}

/* Lists the cache lines of n_k k of one line; returns their new number. */
static int list_slot(const plmr_strip *strip, const char *at, int n_k, const void **lines, int n, int most)
{
    size_t element = plmr_dtype_bytes(strip->dtype), row = strip->n * element, step = strip->stride * element;
    if (strip->n == strip->stride) { /* rows that lie side by side */
        row *= (size_t)n_k;
        n_k = 1;
    }
    for (int k = 0; k < n_k; k++, at += step) {
        size_t before = (uintptr_t)at % PLMR_LINE_BYTES;
        for (size_t byte = 0; byte < before + row && n < most; byte += PLMR_LINE_BYTES)
            lines[n++] = at - before + byte;
    }
    return n;
}

static int list_strip(const plmr_strip *strip, const void **lines, int n, int most)
{
    int kk = strip->kk, line = strip->line;
    for (int left = strip->n_k, now; left > 0; left -= now, kk = 0) {
        size_t at = strip->at + (size_t)kk * strip->stride;
        now = plmr_smaller(strip->kt - kk, left);
        if (strip->lines[line])
            n = list_slot(strip, (const char *)strip->lines[line] + at * plmr_dtype_bytes(strip->dtype), now, lines, n,
                          most);
        line = line + 1 < strip->n_lines ? line + 1 : 0;
    }
    return n;
}

int plmr_side_lines(const plmr_side *side, const plmr_tile *tile, int64_t from, int64_t to, const void **lines,
                    int most)
{
    int n_lines = 0;
    for (group g = group_of(side, tile, 0); g.lo < tile->n_rows; g = group_of(side, tile, g.hi)) {
        plmr_strip strip = strip_of(side, tile, g, from, to, NULL);
        n_lines = list_strip(&strip, lines, n_lines, most);
    }
    return n_lines;
}
