/* defects.h - cores of a device that are dead or slow, links that are dead, and how a region does without the dead.
 *
 * A core works if its device's file does not name it, and with the probability `yield`, by its place and the device's seed.
 * Logical row r of a region is the r-th row of the device that has working cores enough, and logical core (r, c) the
 * c-th working one of it: rows pass over their dead cores and use as many spare columns, and rows that cannot are passed
 * over for spare rows. A word goes through a dead core's router as through others. With core 2 of row 0 dead, row 0 of
 * four logical cores is
 *
 *     physical   0 1 x 3 4        shift of core 2 and 3: 1
 *     logical    0 1   2 3        from 1 to 2 are 2 hops; from (0, 2) to (1, 2) are 2, along row 0 and down
 *
 * Words go along the sender's row, then along the receiver's column; for each dead link on their way they make two hops
 * more, to the next line and back.
 *
 * Verbs do the same in all lines, and are charged the line that has most hops more between two coordinates; messages
 * between any cores are charged their own.
 */
#pragma once

#include "plmr/device.h"

typedef struct plmr_defects {
    int rows, cols, device_rows, device_cols;
    int32_t *row;   /* by logical row: its physical one */
    int32_t *shift; /* by row and column: columns that a core lies beyond its own */
    double *slow;   /* likewise: it takes so many times as long; NULL: none does */
    double slowest; /* the most of these */
    /* By axis and physical core: dead links along the axis that lie before it on its line; NULL: there are none. */
    int32_t *dead_links[2];
} plmr_defects;

/* Of a region of the device's first rows and columns; NULL where all cores are alike. Says which core has no place. */
plmr_status plmr_defects_create(const plmr_device *device, int rows, int cols, plmr_defects **defects);
void plmr_defects_destroy(plmr_defects *defects);

/* The same of a rectangle of the region, whose first core is `at`, by axis. */
plmr_defects *plmr_defects_cut(const plmr_defects *whole, const int at[2], const int extent[2]);

/* May any core or link be dead? Is the physical core dead; how many times as long does it take? Local. */
bool plmr_defects_any_dead(const plmr_device *device);
bool plmr_defects_is_dead(const plmr_device *device, int row, int col);
double plmr_defects_slowness(const plmr_device *device, int row, int col);

/* Cores of each row of the device that work, for free(); NULL: all do. Local. */
int *plmr_defects_working(const plmr_device *device);

/* Regions of one size that the device has room for, so many down and across, all in the same rows' working cores: of all
 * numbers across the one with most regions, and of these the largest. `working`: as above. Local, as what follows. */
typedef struct plmr_tiling {
    int down, across;
} plmr_tiling;

plmr_tiling plmr_defects_tiling(const plmr_device *device, const int *working, int rows, int cols);

/* How many these are, 0: a region has no place; all cores that work; the side of the largest square that has a place. */
int plmr_defects_regions(const plmr_device *device, int rows, int cols);
int64_t plmr_defects_cores(const plmr_device *device);
int plmr_defects_square(const plmr_device *device, const int *working);

/* Hops that the way between two logical cores is longer than without defects; it may be shorter. */
int plmr_defects_more(const plmr_defects *defects, int row, int col, int to_row, int to_col);

/* Hops that the way between two coordinates of a line is longer, in the line where it is longest. */
int plmr_defects_detour(const plmr_defects *defects, enum plmr_axis axis, int from, int to);
