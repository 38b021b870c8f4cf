/* gemm_side.h - one side of a batch: the rows of C (from A) or its columns (from B), cut into register tiles.
 *
 * Slots are counted on an unwrapped axis. A register tile of C starts its chain at a slot in [0, n_slots), its other
 * elements by as many slots later as they are chunks further right and down, and slot s there is slot s mod n_slots of
 * the matrices: so the steps of every element are consecutive slots, and no chain is cut where the ring closes.
 */
#pragma once

#include "kernel/isa.h"
#include "kernel/kernel.h"

/* Unwrapped slots from <= s < to. */
typedef struct plmr_slots {
    int from, to;
} plmr_slots;

/* One register tile's rows (or columns: "row" is used for both). They belong to one run. */
typedef struct plmr_tile {
    int row, n_rows;       /* in local memory */
    int chunk, skip;       /* the first chunk that it has rows of; rows of it before the tile */
    int phase, last_phase; /* slots by which its first and last chunk start later than the run's first chunk */
    int n_needs;
    plmr_slots
        *needs; /* when its first chunk is needed: ascending, apart. The chunk n further: n slots later, if skewed */
    const int32_t *phases; /* of its `width` rows, counted from `phase`; those beyond n_rows repeat the last */
} plmr_tile;

typedef struct plmr_side {
    int width; /* rows of a register tile */
    int size;  /* rows of a chunk */
    int kt, n_slots;
    bool skewed, other_skewed, aligned;
    int n_before; /* steps of the run before this batch: chunks of a tile that have started by then go in step, */
    bool closes;  /* and if it is not the run's last, they leave it in step */
    enum plmr_dtype dtype;
    const void *const *line;
    plmr_layout layout; /* not all zero */
    int n_runs, n_tiles;
    const plmr_run *runs;
    int *run_tiles; /* run r has tiles run_tiles[r] <= i < run_tiles[r + 1] */
    plmr_tile *tiles;
    plmr_slots *needs;
    int32_t *phases;
} plmr_side;

/* Tiles lo <= i < hi of a run; tile i starts its chain in slot base + its phase. */
typedef struct plmr_part {
    int lo, hi, base;
} plmr_part;

/* Makes both sides of a batch; the caller frees both. */
void plmr_sides_make(const plmr_isa *isa, const plmr_gemm_block *block, plmr_side *rows, plmr_side *cols);
void plmr_side_free(plmr_side *side);

/* The slot in [0, n_slots) where the elements of chunk `chunk` and run `run` of the other side, its first chunk, start.
 */
int plmr_side_start(const plmr_side *side, int run, int chunk, int t0);

/* Cuts a run, whose first chunk starts in slot `start`, where the ring closes: one or two parts, returns how many. */
int plmr_side_parts(const plmr_side *side, int run, int start, plmr_part parts[2]);

/* The part's tiles of which an element may be at work in one of the slots, if every chain is n_slots long. */
plmr_part plmr_side_active(const plmr_side *side, plmr_part part, plmr_slots slots, int n_slots);

/* Fills the panel with what is needed of k from <= k < to, where k = slot * kt + kk on the unwrapped axis. */
void plmr_side_pack(const plmr_isa *isa, const plmr_side *side, const plmr_tile *tile, int64_t from, int64_t to,
                    float *panel);

/* Do the lines of k from <= k < to lie as panels do? Then from where on; else NULL. */
const float *plmr_side_panels(const plmr_side *side, int64_t from, int64_t to);

/* The tile's panel among those; NULL if the tile is not a whole one, or not where a strip begins. */
static inline const float *plmr_side_panel(const plmr_side *side, const plmr_tile *tile, const float *panels)
{
    if (tile->n_rows < side->width || tile->row % side->width)
        return NULL;
    return panels + (size_t)(tile->row / side->width) * side->layout.strip_stride;
}

/* Lists the cache lines, but no more than `most`, that plmr_side_pack will read; returns how many. */
int plmr_side_lines(const plmr_side *side, const plmr_tile *tile, int64_t from, int64_t to, const void **lines,
                    int most);
