/* tiles_inside.h - the inside of tiles, for the verbs that move them. */
#pragma once

#include "plmr/tiles.h"
#include "region/region.h"

struct plmr_tiles {
    plmr_region *region;
    char *name;
    int n_values;
    float *values; /* local rows x local columns x n_values; in timing mode one tile that stands for all */
};
