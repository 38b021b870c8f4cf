/* plmr/tiles.h - mesh programs of your own: one tile of floats per core, and the verbs that move and combine tiles.
 *
 * Every verb moves the values (in compute mode), advances the clocks of all cores and charges SRAM, routes and links. A
 * program is the same on any number of ranks: each rank calls every verb, and touches the tiles of its own cores alone.
 */
#ifndef PLMR_TILES_H
#define PLMR_TILES_H

#include "plmr/region.h"
#include "plmr/ring.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct plmr_tiles plmr_tiles;

/* Makes a tile of n_values floats, all 0, on every core of the region, and charges them. Collective. */
plmr_status plmr_tiles_create(plmr_region *region, const char *name, int n_values, plmr_tiles **tiles);
void plmr_tiles_destroy(plmr_tiles *tiles);

/* The tile of core (row, col), or NULL if another rank owns it or the region runs without values. Local. */
float *plmr_tiles_at(const plmr_tiles *tiles, int row, int col);

/* Every core computes for t_cycles; in compute mode `work` is called for each core of this rank. Local, but for
 * messages of verbs that it completes. */
typedef void (*plmr_work)(void *context, int row, int col);
plmr_status plmr_compute(plmr_region *region, double t_cycles, plmr_work work, void *context);

/* Every core sends its tile of `from` to the core `step` (1 or -1) further on the ring, into its tile of `to` (another
 * tensor, or the same). On a PLMR_LINE, which is open, the last core sends nothing and the first one's tile stays. The
 * tiles of both must have the same size. Collective over the axis. */
plmr_status plmr_tiles_shift(const plmr_tiles *from, plmr_tiles *to, plmr_ring *ring, int step);

/* Rotates every line of cores by its own place on the other axis's ring: the tile at ring position p of line l goes to
 * position p + step * l (step is 1 or -1), the short way round. `across` is a ring along the other axis. Collective
 * over the axis. */
plmr_status plmr_tiles_align(plmr_tiles *tiles, plmr_ring *ring, const plmr_ring *across, int step);

/* Copies the tile of core `from` of every line along the axis to all cores of the line. Collective over the axis. */
plmr_status plmr_tiles_multicast(plmr_tiles *tiles, enum plmr_axis axis, int from);

/* Replaces every tile by the sum of the tiles of its line along the axis, by the named algorithm ("chain", "star",
 * "tree", "two-phase", "ktree" or "ring"). Collective over the axis. */
plmr_status plmr_tiles_allreduce(plmr_tiles *tiles, enum plmr_axis axis, const char *algorithm);

#ifdef __cplusplus
}
#endif
#endif
