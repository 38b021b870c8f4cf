/* tiles_inside.h - the inside of tiles, for the verbs that move them. */
#pragma once

#include "plmr/tiles.h"
#include "region/region.h"

struct plmr_tiles {
    plmr_region *region;
    char *name;
    enum plmr_dtype dtype;
    int rows, cols, n_values; /* n_values = rows * cols */
    float *values;            /* local rows x local columns x n_values; in timing mode one tile that stands for all */
    bool has_buffer;          /* charged for what comes while it is in use */
    bool under_way;           /* a verb that has begun brings, */
    enum plmr_axis axis;      /* along this axis, */
    float *arriving;          /* what is to be its values; NULL: it never has */
    struct plmr_tiles *next;  /* of the region's */
};

/* Bytes and fabric words of a tile. */
int64_t plmr_tiles_core_bytes(const plmr_tiles *tiles);
int64_t plmr_tiles_wavelets(const plmr_tiles *tiles);

/* Floats of this rank's tiles; the tile of a core among them. */
size_t plmr_tiles_local(const plmr_tiles *tiles);
float *plmr_tiles_of(const plmr_tiles *tiles, float *values, int row, int col);

/* Those that are left of a region. */
void plmr_tiles_destroy_all(plmr_region *region);

/* What all verbs ask first: of tiles; of two that are to be of one size; that nothing is under way along the axis, to the
 * tiles, or at all. */
plmr_status plmr_tiles_check(const plmr_tiles *tiles, const char *verb);
plmr_status plmr_tiles_check_alike(const plmr_tiles *from, const plmr_tiles *to, const char *verb);
plmr_status plmr_tiles_check_axis(plmr_region *region, enum plmr_axis axis, const char *verb);
plmr_status plmr_tiles_check_target(const plmr_tiles *to, const char *verb);
plmr_status plmr_tiles_check_ended(plmr_region *region, const char *verb);

/* Charges a buffer as large as the tile, if there is none yet. */
plmr_status plmr_tiles_take_buffer(plmr_tiles *tiles);

/* Notes that a verb along the axis is to bring something; returns where to put it, which is a copy of the values now, or
 * NULL in timing mode. */
float *plmr_tiles_arrive(plmr_tiles *to, enum plmr_axis axis);

/* Rounds what half floats hold to what they can. */
void plmr_tiles_round(const plmr_tiles *tiles);
void plmr_tiles_round_all(const plmr_region *region);

/* plmr_region_busy without the rounding, for a verb by its name. */
plmr_status plmr_region_work(plmr_region *region, double t_cycles, const char *verb);
