#include "region/region.h"

#include <stdlib.h>

void plmr_region_deal(plmr_region *region, enum plmr_axis axis, int *owner)
{
    free(region->owner[axis]);
    region->owner[axis] = owner;
    plmr_region_share(region, axis, plmr_ranks_place(region->ranks, axis), &region->first[axis], &region->count[axis]);
}

int plmr_region_owner(const plmr_region *region, enum plmr_axis axis, int core)
{
    return region->owner[axis] ? region->owner[axis][core]
                               : plmr_ranks_owner(region->extent[axis], plmr_ranks_extent(region->ranks, axis), core);
}

void plmr_region_share(const plmr_region *region, enum plmr_axis axis, int place, int *first, int *count)
{
    const int *owner = region->owner[axis];
    int end = region->extent[axis];
    plmr_ranks_share(end, plmr_ranks_extent(region->ranks, axis), place, first, count);
    if (!owner)
        return;
    for (*first = 0; owner[*first] != place;)
        ++*first;
    while (owner[end - 1] != place)
        end--;
    *count = end - *first;
}
