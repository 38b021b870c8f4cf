/* plmr/region.h - a rectangle of cores that runs one program, and what that program is charged.
 *
 * A region keeps a virtual clock for every core, in cycles, and ledgers: SRAM by tensor, routes by verb, wavelets
 * moved. Nothing of the host enters them: the same program gives the same cycles, routes and bytes on any number of
 * ranks and with or without values.
 *
 * Wrong arguments are errors, with nothing done. A function that cannot return one (plmr_region_release, plmr_tiles_at)
 * leaves it with the region: its next verb, and every one after that, fails with it, and so do its costs.
 */
#ifndef PLMR_REGION_H
#define PLMR_REGION_H

#include "plmr/device.h"
#include "plmr/ranks.h"
#include "plmr/status.h"
#include "plmr/types.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct plmr_region plmr_region;

typedef struct plmr_region_options {
    bool values;       /* compute mode: move and compute real values; else timing mode: clocks and ledgers only */
    bool allow_memory; /* run even where a core's SRAM is exceeded, and say so in the result */
    bool allow_routes; /* likewise for the routes of a core */
    bool profile;      /* keep where costs fall, core by core and link by link, for a report */
    bool every_step;   /* advance every clock at every step, even where a steady state allows to skip passes exactly */
    void (*on_step)(void *context, int64_t steps_done); /* called as compute steps are done; NULL: none */
    void *on_step_context;
    double pace; /* wall seconds per virtual second that communication is held back to; 0: none; finite */
} plmr_region_options;

/* Makes a region of rows x cols cores, split over all ranks of the grid in blocks, with all clocks at 0. Fails if the
 * device is smaller, or has a number that no file of a device may have, or a rank would own no core. Ranks and device
 * must outlive the region. Collective. */
plmr_status plmr_region_create(plmr_ranks *ranks, const plmr_device *device, int rows, int cols,
                               const plmr_region_options *options, plmr_region **region);
void plmr_region_destroy(plmr_region *region);

/* Does it compute values (compute mode)? Alike on all ranks. */
bool plmr_region_has_values(const plmr_region *region);

/* Cores along an axis; 0: there is no such region or axis. And those of this rank, by axis (PLMR_X, PLMR_Y): the first,
 * and how many. Local. */
int plmr_region_extent(const plmr_region *region, enum plmr_axis axis);
void plmr_region_block(const plmr_region *region, int first[2], int count[2]);

/* Charges n_bytes >= 0 to the SRAM of every core, for `what`. Fails with PLMR_ERROR_LIMIT when the device has less,
 * unless allowed. Released is at most what has been charged. Local, alike on all ranks. */
plmr_status plmr_region_charge(plmr_region *region, const char *what, int64_t n_bytes);
void plmr_region_release(plmr_region *region, int64_t n_bytes);

/* All cores compute for t_cycles, 0 or more and at most 2^47 in all: one step of every core. Local, but for messages of
 * verbs that it completes. */
plmr_status plmr_region_busy(plmr_region *region, double t_cycles);

/* What a program has cost so far. Alike on all ranks. */
typedef struct plmr_cost {
    double t_cycles;         /* the latest clock of any core */
    double compute_cycles;   /* of these, spent in arithmetic, by the busiest core; of parts' turns t_cycles at most */
    int64_t hops_critical;   /* hops, verb by verb, along the longest path of each; of trees that of 8 words */
    int64_t stages_critical; /* points on that path where software forwards */
    int64_t steps;           /* compute steps of every core */
    int routes_max;          /* routes configured at the core that has most */
    int routes_program;      /* distinct routes of the whole program */
    int64_t sram_peak_bytes; /* per core */
    uint64_t wavelet_hops;   /* wavelets times links crossed, over the whole region, */
    uint64_t border_hops;    /* and those of them that are borders */
    double multiply_adds;    /* of the verbs that multiply, over the whole region */
    bool violates_memory, violates_routes;
} plmr_cost;

/* Joins everything under way and reports. Collective. */
plmr_status plmr_region_cost(plmr_region *region, plmr_cost *cost);

/* The clock of core (row, col), in cycles, with all that is under way. Collective. */
plmr_status plmr_region_clock(plmr_region *region, int row, int col, double *t_cycles);

/* What has run since the last mark, or the start, was the part `name`: a group around its events in a trace, and its
 * cycles, by the latest clock, are in the program's record as cycles_NAME, those of equal names together. The
 * name is of letters, digits and _, as a key is. Nothing may be under way. Collective. */
plmr_status plmr_region_mark(plmr_region *region, const char *name);

/* Puts a finite number into the program's record: letters, digits and _ are a key. Of the record's own keys those may be set
 * that plmr cannot know: m, k, n and padded_m, _k and _n, seed, verify_elements (whole numbers from 0), verify_bound,
 * verify_max_abs_err and verify_max_rel_err; the others are refused. The last value counts. Local, alike on all ranks. */
plmr_status plmr_region_record(plmr_region *region, const char *key, double value);

#ifdef __cplusplus
}
#endif
#endif
