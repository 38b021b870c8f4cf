/* busy.h - what all cores of a region are busy with alike: work, messages, turns of either; and the pace of it all. */
#pragma once

#include "region/profile.h"
#include "region/region.h"

/* Does a turn, which is a `what` ("layer"), n times. Turns are alike: the same verbs, which on equal clocks do the
 * same. All that verbs do to clocks is to add constants and take maxima; so once a turn has advanced every clock by the
 * same amount, each further one advances them by just that again. These are not run: their time and charges are added,
 * exactly. Returns in *n_run how many were run. Not with options.every_step, nor where there are values. Collective. */
plmr_status plmr_region_repeat(plmr_region *region, const char *what, int64_t n, plmr_status (*turn)(void *context),
                               void *context, int64_t *n_run);

/* The cycles of core (row, col) for what takes others t_cycles: slow ones take longer. */
double plmr_region_core_cycles(const plmr_region *region, int row, int col, double t_cycles);

/* plmr_region_busy by a name, which events have. */
void plmr_region_compute(plmr_region *region, const char *what, double t_cycles);

/* Every core multiplies for t_cycles: n_macs multiply-adds in each. Local, but for messages of verbs that it completes.
 */
void plmr_region_multiply(plmr_region *region, double t_cycles, int64_t n_macs);

/* With a pace: waits until wall time has come to where the clocks of this rank's block are. Verbs call it when an
 * exchange begins, and so when all before it have arrived. */
void plmr_region_pace(plmr_region *region);

/* All cores are busy for t_cycles with something else than computing. Local, but for messages of verbs that it
 * completes. */
void plmr_region_move(plmr_region *region, enum plmr_move move, double t_cycles);
