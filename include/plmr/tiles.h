/* plmr/tiles.h - mesh programs of your own: one tile per core, and the verbs that move and combine tiles.
 *
 * Every verb moves the values (in compute mode), advances the clocks of all cores and charges SRAM, routes and links. A
 * program is the same on any number of ranks: each rank calls every verb, and touches the tiles of its own cores alone.
 * Wrong arguments are errors, before anything is moved or charged; tiles and rings of a verb must be of one region.
 */
#ifndef PLMR_TILES_H
#define PLMR_TILES_H

#include "plmr/region.h"
#include "plmr/ring.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct plmr_tiles plmr_tiles;

/* Makes a tile of n_values floats, all 0, on every core of the region, and charges them. The name, of which a copy is
 * kept, is for errors. Tiles are destroyed before their region. Collective. */
plmr_status plmr_tiles_create(plmr_region *region, const char *name, int n_values, plmr_tiles **tiles);

/* The same with tiles of rows x cols elements, row by row, that a core stores as `dtype`: so many bytes are charged, and
 * sent. In this process values are floats whatever the dtype; those of f16 and bf16 are rounded to it after all work
 * (plmr_compute, _each, _listed, plmr_each, plmr_region_busy), and by every verb that takes them. Flows of points.h
 * carry tiles of f32. */
plmr_status plmr_tiles_make(plmr_region *region, const char *name, enum plmr_dtype dtype, int rows, int cols,
                            plmr_tiles **tiles);
void plmr_tiles_destroy(plmr_tiles *tiles);

/* The tile of core (row, col), or NULL if another rank owns it or there is no such core. Local.
 *
 * In timing mode there are no values, and a program that depends on them would go another way than with them. So there
 * to ask for a tile is an error: what is returned can be read (0) and written, but the region's next verb, and its
 * costs, fail and say so. The work of plmr_compute may ask, for it is not called in timing mode; anything else asks
 * plmr_region_has_values first:
 *
 *     for (int step = 0; step < n_steps && !done; step++) {
 *         PLMR_TRY(plmr_compute(region, 10, relax, tiles));
 *         PLMR_TRY(plmr_tiles_allreduce(change, PLMR_X, "two-phase"));
 *         done = plmr_region_has_values(region) && change_is_small(change); // timing: all n_steps
 *     }
 */
float *plmr_tiles_at(const plmr_tiles *tiles, int row, int col);

/* All tiles of this rank at once, for loops of one's own: cores row by row, and in a core its values. With first and
 * count of plmr_region_block the tile of core (row, col) is
 *
 *     block + ((row - first[PLMR_Y]) * count[PLMR_X] + col - first[PLMR_X]) * n_values
 *
 * The block stays where it is until the tiles are destroyed. NULL in timing mode. Local. */
void *plmr_tiles_block(const plmr_tiles *tiles);

/* Destroys the tiles, but gives their block to the caller, for what still looks into it; to be freed with free(). NULL in
 * timing mode. */
void *plmr_tiles_give_block(plmr_tiles *tiles);

/* Every core computes for t_cycles, 0 or more and at most 2^47 in all, up to where clocks are exact; in compute mode
 * `work`, if it is not NULL, is called for each core of this rank. Local, but for messages of verbs that it completes.
 */
plmr_status plmr_compute(plmr_region *region, double t_cycles, void (*work)(void *context, int row, int col),
                         void *context);

/* The same calls where nothing is computed, but tiles are filled or looked at: nothing is charged. Local. */
plmr_status plmr_each(plmr_region *region, void (*work)(void *context, int row, int col), void *context);

/* Every core sends its tile of `from` to the core `step` (1 or -1) further on the ring, into its tile of `to`: other
 * tiles of the same size, or the same. The ring has one slot per core. Collective over the axis.
 *
 * On a PLMR_LINE, which is open, nothing comes to the end that tiles move away from, and its tile of `to` stays as it
 * was; what the other end would send goes nowhere. On a line of four, with a = 1 2 3 4 and b = 9 9 9 9:
 *
 *     plmr_tiles_shift(a, b, line, 1)    b = 9 1 2 3
 *     plmr_tiles_shift(a, b, line, -1)   b = 2 3 4 9
 *     plmr_tiles_shift(a, a, line, 1)    a = 1 1 2 3
 */
plmr_status plmr_tiles_shift(const plmr_tiles *from, plmr_tiles *to, plmr_ring *ring, int step);

/* The same in two steps, between which cores compute: what they compute with is still there in `from`, and `to` is to be
 * left alone until the end, when what has come is in it. Tiles that are their own target take a buffer of their size, as
 * they do in shifts and alignments at once: it is charged with the first, and theirs. One verb at a time is under way
 * along an axis, and to the same tiles. Of a compute-shift loop:
 *
 *     PLMR_TRY(plmr_tiles_shift_begin(a, a, x, -1));
 *     PLMR_TRY(plmr_tiles_shift_begin(b, b, y, -1));
 *     PLMR_TRY(plmr_tiles_multiply_add(a, b, c));
 *     PLMR_TRY(plmr_tiles_end(a));
 *     PLMR_TRY(plmr_tiles_end(b));
 */
plmr_status plmr_tiles_shift_begin(const plmr_tiles *from, plmr_tiles *to, plmr_ring *ring, int step);
plmr_status plmr_tiles_end(plmr_tiles *to);

/* Rotates every line of cores by its own place: `across` is a ring or line along the other axis, and in the line at its
 * position l the tile at position p of `ring`, which must be closed, goes to position p + step * l (step is 1 or -1),
 * the short way round. Both have one slot per core. Collective over the axis. With natural rings of four, along x, step
 * -1, as Cannon's algorithm aligns A:
 *
 *     a0 a1 a2 a3         a0 a1 a2 a3
 *     b0 b1 b2 b3   -->   b1 b2 b3 b0
 *     c0 c1 c2 c3         c2 c3 c0 c1
 *     d0 d1 d2 d3         d3 d0 d1 d2
 */
plmr_status plmr_tiles_align(plmr_tiles *tiles, plmr_ring *ring, const plmr_ring *across, int step);

/* Copies the tile of core `from` of every line along the axis to all cores of the line. Collective over the axis.
 *
 * Each `from` of an axis takes a route of its own, whatever the tiles, when it first sends. The region's first
 * multicast sets how many such routes an axis may have: all that it can use where the routers have room for those of
 * both axes, else half of the room that is left (so configure other verbs first). More senders than that share: the
 * line is cut into segments of so many cores, and software relays from one to the next. */
plmr_status plmr_tiles_multicast(plmr_tiles *tiles, enum plmr_axis axis, int from);

/* From the tile of core `core` in `from` into `to`, tiles of the same size, in two steps: see plmr_tiles_shift_begin. And
 * says, before any multicast, how many cores of a line along the axis will send one: where they are more than have
 * routes, they share from the first on. Local, alike on all ranks. */
plmr_status plmr_tiles_multicast_begin(const plmr_tiles *from, plmr_tiles *to, enum plmr_axis axis, int core);
plmr_status plmr_tiles_senders(plmr_region *region, enum plmr_axis axis, int n_senders);

/* Replaces every tile by the sum of the tiles of its line along the axis, by the named algorithm: "chain", "two-phase",
 * "ring" or another allreduce that `plmr list` names. An algorithm's routes along an axis are configured when it is
 * first used there, whatever the tiles. Collective over the axis. */
plmr_status plmr_tiles_allreduce(plmr_tiles *tiles, enum plmr_axis axis, const char *algorithm);

/* The sum of all tiles of the region, at every core: along x, then along y. Collective. */
plmr_status plmr_tiles_sum(plmr_tiles *tiles, const char *algorithm);

/* The same as plmr_tiles_allreduce where elements travel as another type than they are kept in, as sums of products do. */
plmr_status plmr_tiles_allreduce_as(plmr_tiles *tiles, enum plmr_axis axis, const char *algorithm,
                                    enum plmr_dtype travel);

/* Replaces the tile of core `root` of every line along the axis by the sum of the line's tiles; the others stay. The
 * algorithm is as above, without what spreads the sum: "chain" comes from both ends to the root, "star" straight to it;
 * "two-phase" and "ktree" (of two levels) add groups up, n_groups of them or, as 0, the fastest number, at the members
 * that are nearest to the root. Others send their sum on to the root; those that leave parts of the sum on all cores
 * are refused. */
plmr_status plmr_tiles_reduce(plmr_tiles *tiles, enum plmr_axis axis, int root, const char *algorithm, int n_groups);

/* Every core adds the product of its tiles to a third: c (m x n) += a (m x k) b (k x n), one chain of fused
 * multiply-adds an element, k ascending. a and b are of one type, c is of f32, or of f16, which rounds after every
 * operation. Takes plmr_device_multiply_cycles, and counts as multiply-adds. Local. */
plmr_status plmr_tiles_multiply_add(const plmr_tiles *a, const plmr_tiles *b, plmr_tiles *c);

/* The same of a vector, a being 1 x k: takes plmr_device_gemv_cycles. */
plmr_status plmr_tiles_multiply_vector(const plmr_tiles *x, const plmr_tiles *b, plmr_tiles *y);

#ifdef __cplusplus
}
#endif
#endif
