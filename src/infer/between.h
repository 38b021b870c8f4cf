/* between.h - what words meet between a core of a region and the core at the same place of another region of the wafer.
 *
 * Regions lie in rows, one from left to right, the next one back, so that the next is a neighbour, as many hops away as
 * regions are wide. Of a region's cores that counts which meets most borders, and dead cores by which the way of any core
 * to the next region of its line is longest.
 */
#pragma once

#include "device/way.h"
#include "region/defects.h"

typedef struct plmr_between_ways {
    const plmr_device *device;
    int rows, cols; /* of a region */
    plmr_tiling tiling;
    int more[2]; /* by axis: hops that dead cores make a way to the next region longer */
} plmr_between_ways;

/* `working`: see plmr_defects_working. Local, as what follows. */
plmr_status plmr_between_find(const plmr_device *device, const int *working, int rows, int cols,
                              plmr_between_ways *ways);

/* From one region to a later one, through those between; regions beyond a wafer's lie likewise on the next. */
plmr_way plmr_between_way(const plmr_between_ways *ways, int from, int to);

/* From the first to the last of n regions that follow each other: of all such on a wafer, the worst. */
plmr_way plmr_between_worst(const plmr_between_ways *ways, int n);
