/* A blocked matrix product whose k axis is cyclic: the unwrapped k are cut into blocks; for each, panels of both
 * factors are packed, and every register tile of C with work there runs its chain on. The panels of all rows stay in
 * the last-level cache, those of some columns in the L2 cache, and that of one row tile in the L1 cache while the
 * columns pass by. */
#include "kernel/gemm_side.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum { K_AT_ONCE = 256, MOST_QUEUED = 1024 };

/* Packed panels of one side: the panel of tile i, if it is there, is panel i mod n_panels. */
typedef struct store {
    size_t most_bytes; /* of the panels */
    float *panels;
    int64_t *packed; /* n_panels: whose panel is there, or where it lies and has been used, see panel_key */
    int n_panels;
    size_t panel_room, packed_room; /* bytes there are */
    int64_t queued;                 /* the panel whose elements are fetched bit by bit, while others are multiplied: */
    int n_queued, n_fetched;
    const void *queue[MOST_QUEUED]; /* cache lines */
} store;

struct plmr_gemm_scratch {
    store rows, cols;
};

typedef struct batch {
    const plmr_gemm_block *block;
    const plmr_isa *isa;
    plmr_side rows, cols;
    store *row_store, *col_store;
    int n_steps;
    bool half;        /* accumulates in f16 */
    bool narrow;      /* see prepare */
    int n_filled;     /* slots that hold anything: see count_filled */
    int most_k;       /* of a block of k */
    int rows_at_once; /* row tiles whose panels can be kept, */
    int cols_at_once; /* and column tiles for which all of them are done before the next */
    int64_t k, k_end; /* the block of k at work, and its slots */
    plmr_slots slots;
    const float *row_panels, *col_panels; /* in it, where they lie: see plmr_side_panels */
} batch;

static int clamp(int64_t value, int low, int high)
{
    return value < low ? low : value > high ? high : (int)value;
}

plmr_gemm_scratch *plmr_gemm_scratch_create(size_t l2_bytes, size_t l3_bytes)
{
    plmr_gemm_scratch *scratch = plmr_take_zeroed(1, sizeof *scratch);
    scratch->cols.most_bytes = (l2_bytes ? l2_bytes : (size_t)1 << 20) / 4 * 3;
    scratch->rows.most_bytes = (l3_bytes ? l3_bytes : (size_t)8 << 20) / 2;
    return scratch;
}

static void free_store(store *s)
{
    free(s->panels);
    free(s->packed);
}

void plmr_gemm_scratch_destroy(plmr_gemm_scratch *scratch)
{
    if (!scratch)
        return;
    free_store(&scratch->rows);
    free_store(&scratch->cols);
    free(scratch);
}

/* Zeroed, for what no element needs is not packed, but the kernels read it. */
static void *grow(void *memory, size_t *room, size_t n_bytes)
{
    if (n_bytes <= *room)
        return memory;
    free(memory);
    *room = (n_bytes + PLMR_LINE_BYTES - 1) / PLMR_LINE_BYTES * PLMR_LINE_BYTES;
    return memset(plmr_take_made(aligned_alloc(PLMR_LINE_BYTES, *room)), 0, *room);
}

static size_t panel_bytes(const batch *w, const plmr_side *side)
{
    return (size_t)w->most_k * (size_t)side->width * sizeof(float);
}

static int most_panels(const batch *w, const plmr_side *side, const store *s)
{
    return clamp((int64_t)(s->most_bytes / panel_bytes(w, side)), 1, side->n_tiles);
}

static void prepare_store(const batch *w, const plmr_side *side, int n_panels, store *s)
{
    s->panels = grow(s->panels, &s->panel_room, (size_t)n_panels * panel_bytes(w, side));
    s->packed = grow(s->packed, &s->packed_room, (size_t)n_panels * sizeof *s->packed);
    s->n_panels = n_panels;
    for (int i = 0; i < n_panels; i++)
        s->packed[i] = -1;
    s->queued = -1;
    s->n_queued = s->n_fetched = 0;
}

/* The most column tiles that a row tile meets in a block of k. */
static int band_tiles(const batch *w)
{
    int64_t n_chunks = w->n_steps + w->most_k / w->block->kt + w->isa->rows / w->block->ms + 2;
    return clamp(n_chunks * w->block->ns / w->isa->cols + 2 * w->cols.n_runs, 1, w->cols.n_tiles);
}

/* In a whole turn the last slots of which both factors hold zeros need not be multiplied: all that they do is to make a
 * -0 a +0, for which the first or the last k of them does, whichever a chain meets first. */
static int count_filled(const plmr_gemm_block *block)
{
    int n = block->n_slots;
    if (block->t1 - block->t0 < n || block->a_aligned || block->b_aligned)
        return n;
    while (n > 0 && !block->a_line[n - 1] && !block->b_line[n - 1])
        n--;
    return n;
}

/* About K_AT_ONCE, and where a turn is whole all blocks of it alike. */
static int most_k_of(const batch *w)
{
    int kt = w->block->kt;
    if (w->n_steps < w->block->n_slots)
        return kt < K_AT_ONCE ? (K_AT_ONCE + kt / 2) / kt * kt : K_AT_ONCE;
    int64_t n_k = (int64_t)w->n_filled * kt, n_blocks = (n_k + K_AT_ONCE / 2) / K_AT_ONCE;
    return (int)(plmr_ceil_div(plmr_ceil_div(n_k + 1, n_blocks > 1 ? n_blocks : 1), kt) * kt);
}

/* In few steps (`narrow`), a row tile meets few of columns that are skewed, and the next row tile almost the same ones:
 * with all columns at once, what is in use of their panels stays in the cache, and a row tile's panel is used in one
 * go. */
static void prepare(batch *w)
{
    w->n_filled = count_filled(w->block);
    w->most_k = most_k_of(w);
    int n_cols = most_panels(w, &w->cols, w->col_store), n_rows = most_panels(w, &w->rows, w->row_store);
    size_t in_use = (size_t)w->n_steps * (size_t)w->block->ns * (size_t)w->most_k * sizeof(float);
    w->narrow = w->block->cols_skewed && in_use <= w->col_store->most_bytes;
    int narrow_cols =
        clamp((int64_t)(w->row_store->most_bytes / panel_bytes(w, &w->cols)), band_tiles(w), w->cols.n_tiles);
    w->rows_at_once = w->narrow ? w->rows.n_tiles : n_rows;
    w->cols_at_once = w->narrow ? w->cols.n_tiles : n_cols;
    prepare_store(w, &w->rows, w->narrow ? 1 : n_rows, w->row_store);
    prepare_store(w, &w->cols, w->narrow ? narrow_cols : n_cols, w->col_store);
}

/* Names the panel of a tile in the block of k at work. */
static int64_t panel_key(const batch *w, const plmr_side *side, int tile)
{
    return w->k * side->n_tiles + tile;
}

/* The tile's panel: as it lies, or NULL. */
static const float *panel_there(const batch *w, const plmr_side *side, int tile)
{
    const float *panels = side == &w->rows ? w->row_panels : w->col_panels;
    return panels ? plmr_side_panel(side, &side->tiles[tile], panels) : NULL;
}

/* The tile's panel, packed if it has to be. */
static const float *take_panel(const batch *w, const plmr_side *side, store *s, int tile)
{
    const float *there = panel_there(w, side, tile);
    int place = tile % s->n_panels;
    float *panel = s->panels + (ptrdiff_t)place * w->most_k * side->width;
    int64_t key = panel_key(w, side, tile);
    if (!there && s->packed[place] != key)
        plmr_side_pack(w->isa, side, &side->tiles[tile], w->k, w->k_end, panel);
    s->packed[place] = key;
    return there ? there : panel;
}

static int list_lines(const float *from, int64_t n, const void **lines)
{
    int n_lines = clamp(plmr_ceil_div(n * (int64_t)sizeof *from, PLMR_LINE_BYTES), 0, MOST_QUEUED);
    for (int i = 0; i < n_lines; i++)
        lines[i] = (const char *)from + (size_t)i * PLMR_LINE_BYTES;
    return n_lines;
}

/* From now on fetches the tile's panel, or what it will be packed from. */
static void queue_panel(const batch *w, const plmr_side *side, store *s, int tile)
{
    int64_t key = panel_key(w, side, tile);
    if (s->queued == key || s->packed[tile % s->n_panels] == key)
        return;
    s->queued = key;
    s->n_fetched = 0;
    const float *there = panel_there(w, side, tile);
    s->n_queued = there ? list_lines(there, (w->k_end - w->k) * side->width, s->queue)
                        : plmr_side_lines(side, &side->tiles[tile], w->k, w->k_end, s->queue, MOST_QUEUED);
}

/* What to fetch while n_k k are multiplied. */
static plmr_fetch fetch_some(const batch *w, int n_k, const float *next_c)
{
    store *s = w->row_store->n_fetched < w->row_store->n_queued ? w->row_store : w->col_store;
    int room = n_k / PLMR_K_PER_LINE, n_rows = next_c ? clamp(room / w->isa->vectors, 0, w->isa->rows) : 0;
    int n_lines = clamp(s->n_queued - s->n_fetched, 0, room - n_rows * w->isa->vectors);
    const void **lines = s->queue + s->n_fetched;
    s->n_fetched += n_lines;
    return (plmr_fetch){.lines = lines, .n_lines = n_lines, .n_rows = n_rows, .c = next_c, .ldc = w->block->ldc};
}

/* A register tile of C, wherever its elements lie. */
typedef struct target {
    const plmr_tile *row, *col;
    const float *a, *b; /* its panels */
    int start;          /* slot where its first element's chain starts */
    float *c;
    size_t ldc;
    const float *next_c; /* the tile that follows; NULL if it is not a whole one */
} target;

/* What is in the block of slots from <= s < to, and of k. */
typedef struct piece {
    int slot, slot_end;
    int64_t k, k_end;
} piece;

static piece clip(const batch *w, int from, int to)
{
    int64_t first = (int64_t)from * w->block->kt, end = (int64_t)to * w->block->kt;
    return (piece){
        .slot = from < w->slots.from ? w->slots.from : from,
        .slot_end = to > w->slots.to ? w->slots.to : to,
        .k = first < w->k ? w->k : first,
        .k_end = end > w->k_end ? w->k_end : end,
    };
}

/* Slots by which the last element of a tile starts later than the first. */
static int span_of(const target *at)
{
    return at->row->last_phase - at->row->phase + at->col->last_phase - at->col->phase;
}

/* Slots in which some elements are at work and some are not. */
static void multiply_ramp(const batch *w, const target *at, int from, int to)
{
    piece p = clip(w, from, to);
    if (p.k >= p.k_end)
        return;
    /* Where the run began for the first element. */
    int origin = at->start - w->block->n_before;
    int64_t start = (int64_t)origin * w->block->kt;
    plmr_ramp ramp = {
        .kt = w->block->kt,
        .n_steps = w->block->n_before + w->n_steps,
        .slot = p.slot - origin,
        .slot_end = p.slot_end - origin,
        .k = (int)(p.k - start),
        .k_end = (int)(p.k_end - start),
        .row_phase = at->row->phases,
        .col_phase = at->col->phases,
    };
    w->isa->multiply_ramp[w->half](&ramp, at->a + (p.k - w->k) * w->isa->rows, at->b + (p.k - w->k) * w->isa->cols,
                                   at->c, at->ldc);
}

/* Slots in which every element is at work. */
static void multiply_all(const batch *w, const target *at, int from, int to)
{
    piece p = clip(w, from, to);
    if (p.k >= p.k_end)
        return;
    int n_k = (int)(p.k_end - p.k);
    plmr_fetch fetch = fetch_some(w, n_k, at->next_c);
    w->isa->multiply[w->half](n_k, at->a + (p.k - w->k) * w->isa->rows, at->b + (p.k - w->k) * w->isa->cols, at->c,
                              at->ldc, &fetch);
}

static void run_chains(const batch *w, const target *at)
{
    int span = span_of(at), started = at->start - w->block->n_before + span;
    int all = started > at->start ? started : at->start;
    int end = at->start + w->n_steps, last = end + (w->block->open_ended ? 0 : span);
    if (end <= all) { /* the first elements end before the last ones start */
        multiply_ramp(w, at, at->start, last);
        return;
    }
    multiply_ramp(w, at, at->start, all);
    multiply_all(w, at, all, end);
    multiply_ramp(w, at, end, last);
}

static void copy_tile(const target *at, const float *from, size_t ldfrom, float *to, size_t ldto)
{
    for (int i = 0; i < at->row->n_rows; i++)
        memcpy(to + (size_t)i * ldto, from + (size_t)i * ldfrom, (size_t)at->col->n_rows * sizeof *to);
}

/* The kernels know whole register tiles only, so one that reaches over an edge of C is worked on in a copy. */
static void run_tile(const batch *w, const target *at)
{
    if (at->row->n_rows == w->isa->rows && at->col->n_rows == w->isa->cols) {
        run_chains(w, at);
        return;
    }
    _Alignas(PLMR_LINE_BYTES) float copy[PLMR_MOST_ROWS * PLMR_MOST_COLS] = {0};
    target there = *at;
    there.c = copy;
    there.ldc = (size_t)w->isa->cols;
    copy_tile(at, at->c, at->ldc, there.c, there.ldc);
    run_chains(w, &there);
    copy_tile(at, there.c, there.ldc, at->c, at->ldc);
}

/* One row tile, the tiles of a part of a run of columns. */
static void run_part(const batch *w, int row_index, plmr_part all)
{
    const plmr_tile *row = &w->rows.tiles[row_index];
    plmr_part part = plmr_side_active(&w->cols, all, w->slots, w->n_steps + row->last_phase - row->phase);
    if (part.lo >= part.hi)
        return;
    target at = {.row = row, .ldc = w->block->ldc};
    at.a = take_panel(w, &w->rows, w->row_store, row_index);
    if (row_index + 1 < w->rows.n_tiles)
        queue_panel(w, &w->rows, w->row_store, row_index + 1);
    if (w->narrow && part.lo > all.lo) /* the next rows meet this k in earlier columns */
        queue_panel(w, &w->cols, w->col_store, part.lo - 1);
    for (int i = part.lo; i < part.hi; i++) {
        at.col = &w->cols.tiles[i];
        at.b = take_panel(w, &w->cols, w->col_store, i);
        if (!w->narrow && i + 1 < part.hi)
            queue_panel(w, &w->cols, w->col_store, i + 1);
        at.start = part.base + at.col->phase;
        at.c = w->block->c + (size_t)row->row * at.ldc + (size_t)at.col->row;
        at.next_c = i + 1 < part.hi && row->n_rows == w->isa->rows ? at.c + w->isa->cols : NULL;
        run_tile(w, &at);
    }
}

/* One row tile, the column tiles first <= i < end. */
static void run_row(const batch *w, int row, int first, int end)
{
    for (int run = 0; run < w->cols.n_runs; run++) {
        plmr_part parts[2];
        int start = plmr_side_start(&w->cols, run, w->rows.tiles[row].chunk, w->block->t0);
        int n_parts = plmr_side_parts(&w->cols, run, start, parts);
        for (int p = 0; p < n_parts; p++) {
            parts[p].lo = parts[p].lo < first ? first : parts[p].lo;
            parts[p].hi = parts[p].hi > end ? end : parts[p].hi;
            run_part(w, row, parts[p]);
        }
    }
}

/* One block of k, for the row tiles first <= i < end. */
static void run_rows(const batch *w, int first, int end)
{
    for (int col = 0; col < w->cols.n_tiles; col += w->cols_at_once) {
        int end_col = clamp((int64_t)col + w->cols_at_once, 0, w->cols.n_tiles);
        for (int row = first; row < end; row++)
            run_row(w, row, col, end_col);
    }
}

/* After a block of k for the row tiles from `row` on. */
static void tell_progress(const batch *w, int row, double share_of_k)
{
    double share = (row + w->rows_at_once * share_of_k) / w->rows.n_tiles;
    if (w->block->progress)
        w->block->progress(w->block->progress_context, share < 1 ? share : 1);
}

static int64_t turn_of(const batch *w)
{
    return (int64_t)w->block->n_slots * w->block->kt;
}

/* Where the block of k that begins at k ends. Blocks of a whole turn do not reach over its end: where panels lie, those
 * of a block lie together. */
static int64_t end_of(const batch *w, int64_t k)
{
    int64_t at = k % turn_of(w), filled = (int64_t)w->n_filled * w->block->kt;
    if (w->n_steps < w->block->n_slots)
        return k + w->most_k;
    if (at >= filled)
        return k + 1;
    return k + (at + w->most_k < filled ? w->most_k : filled - at);
}

/* Where the next one begins: behind the first of the k that are empty, with the last of them. */
static int64_t next_of(const batch *w, int64_t k_end)
{
    int64_t at = k_end % turn_of(w), filled = (int64_t)w->n_filled * w->block->kt;
    return at == filled + 1 ? k_end - at + turn_of(w) - 1 : k_end;
}

static void run_all(batch *w)
{
    int span = w->isa->rows + w->isa->cols; /* of one register tile, at most */
    int64_t kt = w->block->kt, end = ((int64_t)w->block->n_slots + w->n_steps + span) * kt;
    for (int row = 0; row < w->rows.n_tiles; row += w->rows_at_once)
        for (w->k = 0; w->k < end; w->k = next_of(w, w->k_end)) {
            w->k_end = end_of(w, w->k);
            w->slots = (plmr_slots){(int)(w->k / kt), (int)plmr_ceil_div(w->k_end, kt)};
            w->row_panels = plmr_side_panels(&w->rows, w->k, w->k_end);
            w->col_panels = plmr_side_panels(&w->cols, w->k, w->k_end);
            run_rows(w, row, clamp((int64_t)row + w->rows_at_once, 0, w->rows.n_tiles));
            tell_progress(w, row, (double)w->k_end / (double)end);
        }
}

/* Whose register tiles have less to do that is not wanted. */
static const plmr_isa *fitting(const plmr_isa *isa, const plmr_gemm_block *block)
{
    int64_t n = 0;
    for (int run = 0; run < block->n_row_runs; run++)
        n += (int64_t)block->row_runs[run].count * block->ms;
    if (!isa->few || n > 2 * isa->few->rows)
        return isa;
    return plmr_ceil_div(n, isa->few->rows) * isa->few->rows < plmr_ceil_div(n, isa->rows) * isa->rows ? isa->few : isa;
}

void plmr_gemm_block_run(const plmr_gemm_block *block, plmr_gemm_scratch *scratch)
{
    batch w = {
        .block = block,
        .isa = fitting(block->isa ? block->isa : plmr_isa_chosen(), block),
        .row_store = &scratch->rows,
        .col_store = &scratch->cols,
        .n_steps = block->t1 - block->t0,
        .half = block->accumulate == PLMR_F16,
    };
    if (w.n_steps <= 0)
        return;
    plmr_sides_make(w.isa, block, &w.rows, &w.cols);
    prepare(&w);
    run_all(&w);
    plmr_side_free(&w.rows);
    plmr_side_free(&w.cols);
}
