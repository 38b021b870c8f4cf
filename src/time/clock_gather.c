/* Clocks of all ranks brought together, for pictures. */
#include "time/clock_internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* The block of the rank at `place` comes to rank 0. */
static void bring(const plmr_clock *clock, const int place[2], double *block, double *all)
{
    const plmr_region *region = clock->region;
    int first[2], count[2];
    bool is_mine = true;
    for (int axis = 0; axis < 2; axis++) {
        plmr_ranks_share(region->extent[axis], plmr_ranks_extent(region->ranks, axis), place[axis], &first[axis],
                         &count[axis]);
        is_mine = is_mine && place[axis] == plmr_ranks_place(region->ranks, axis);
    }
    size_t cols = (size_t)count[PLMR_X], rows = (size_t)count[PLMR_Y], row_bytes = cols * sizeof *block;
    for (size_t r = 0; r < rows && is_mine; r++)
        for (size_t c = 0; c < cols; c++)
            block[r * cols + c] = plmr_clock_at(clock, (int)r, (int)c);
    plmr_ranks_bring(region->ranks, place, block, rows * row_bytes);
    all += (size_t)first[PLMR_Y] * (size_t)region->extent[PLMR_X] + (size_t)first[PLMR_X];
    for (size_t r = 0; r < rows && plmr_rank() == 0; r++)
        memcpy(all + r * (size_t)region->extent[PLMR_X], block + r * cols, row_bytes);
}

plmr_status plmr_clock_gather(plmr_clock *clock, double **all)
{
    const plmr_region *region = clock->region;
    const plmr_ranks *ranks = region->ranks;
    size_t n = (size_t)region->extent[PLMR_X] * (size_t)region->extent[PLMR_Y];
    bool keeps = plmr_rank() == 0;
    plmr_clock_settle(clock);
    *all = keeps ? malloc(n * sizeof **all) : NULL;
    PLMR_TRY(plmr_agree(
        *all || !keeps ? PLMR_OK : plmr_error_make(PLMR_ERROR_SYSTEM, "out of memory for the clocks of a region")));
    double *block =
        plmr_take(((size_t)region->count[PLMR_X] + 1) * ((size_t)region->count[PLMR_Y] + 1) * sizeof *block);
    for (int row = 0; row < plmr_ranks_extent(ranks, PLMR_Y); row++)
        for (int col = 0; col < plmr_ranks_extent(ranks, PLMR_X); col++)
            bring(clock, (int[]){[PLMR_X] = col, [PLMR_Y] = row}, block, *all);
    free(block);
    return PLMR_OK;
}
