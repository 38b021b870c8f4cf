/* plmr/part.h - a rectangle of a region's cores that runs a program of its own.
 *
 * A part is a region: tiles, rings, flows and costs are made on it by the same functions, with rows and columns counted
 * from its first core, and nothing that it does waits for cores beyond it. Several run beside each other on one wafer,
 * and exchange by messages of the whole:
 *
 *     plmr_region *left, *right;                                          // of a region of 8 x 16 cores
 *     PLMR_TRY(plmr_part_create(region, "left", &(plmr_rectangle){0, 0, 8, 8}, &left));
 *     PLMR_TRY(plmr_part_create(region, "right", &(plmr_rectangle){0, 8, 8, 8}, &right));
 *     PLMR_TRY(plmr_tiles_allreduce(a, PLMR_X, "chain"));                 // a: tiles of left; right does not wait
 *     PLMR_TRY(plmr_points_send(region, "on", 3 * 16 + 7, 3 * 16 + 8, 4, &on));
 *     PLMR_TRY(plmr_points_run(on, a, b));                                // b: tiles of right
 *
 * A core has one clock, one SRAM and one router, whoever charges them: a part begins where its cores are, what it holds
 * and configures is beside what the whole does, and the whole goes on where the part has got. What parts have spent
 * between two verbs of the whole counts once, by the part that spent most of it; words and multiply-adds are added up.
 * Shifts and multicasts of a part are ended before a verb of the whole, and those of the whole before one of a part;
 * flows of messages may go on. Parts of one region do not overlap while they are there, and have no parts.
 */
#ifndef PLMR_PART_H
#define PLMR_PART_H

#include "plmr/points.h"
#include "plmr/region.h"
#include "plmr/tiles.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Makes a part of these cores. All ranks have some of its cores, or where it has fewer cores than there are ranks, some
 * ranks have the same ones; plmr_region_block says which. The name, of which a copy is kept, is for errors. Ended, with
 * its tiles and flows, by plmr_region_destroy, before the whole: its SRAM and routes are then free. Both collective.
 * Numbers and marks for the record, by plmr_region_record and _mark, are the whole's. */
plmr_status plmr_part_create(plmr_region *whole, const char *name, const plmr_rectangle *cores, plmr_region **part);

/* Every core copies its tile of `from` to its tile of `to`, of the same size: both of one region, or one of a part and
 * the other of its whole, and then the part's cores alone. It costs nothing; charge what a program takes for it. A flow
 * of the whole, too, takes tiles of its parts, if its senders or receivers are all in that part. Collective. */
plmr_status plmr_tiles_copy(const plmr_tiles *from, plmr_tiles *to);

#ifdef __cplusplus
}
#endif
#endif
