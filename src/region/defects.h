/* defects.h - cores of a device that are dead or slow, and how a region does without the dead.
 *
 * A core works with the probability `yield`, by its place and the device's seed. Logical core (r, c) of a region is the c-th
 * working core of row r, so rows pass over their dead cores and use as many spare columns; a word goes through a dead
 * core's router as through others. With core 2 of row 0 dead, row 0 of four logical cores is
 *
 *     physical   0 1 x 3 4        shift of core 2 and 3: 1
 *     logical    0 1   2 3        from 1 to 2 are 2 hops; from (0, 2) to (1, 2) are 2, along row 0 and down
 *
 * Verbs do the same in all lines, and are charged the line that has most hops more between two coordinates; messages
 * between any cores are charged their own.
 */
#pragma once

#include "plmr/device.h"

typedef struct plmr_defects {
    int rows, cols;
    int16_t *shift; /* by row and column: columns that a core lies beyond its own */
    bool *slow;     /* likewise: it takes `factor` times as long; NULL: none does */
    double factor;
} plmr_defects;

/* Of a region of the device's first rows and columns; NULL where all cores are alike. Says which core has no place. */
plmr_status plmr_defects_create(const plmr_device *device, int rows, int cols, plmr_defects **defects);
void plmr_defects_destroy(plmr_defects *defects);

/* Is the physical core dead; slow? Local. */
bool plmr_defects_is_dead(const plmr_device *device, int row, int col);
bool plmr_defects_is_slow(const plmr_device *device, int row, int col);

/* Hops that the way between two coordinates of a line is longer, in the line where it is longest. */
int plmr_defects_detour(const plmr_defects *defects, enum plmr_axis axis, int from, int to);
