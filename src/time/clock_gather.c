/* Clocks of all ranks brought together, for pictures. */
#include "time/clock_internal.h"

#include <stdlib.h>

#include "ranks/redistribute.h"

/* Rows or columns of cores. */
struct cores {
    const plmr_region *region;
    enum plmr_axis axis;
};

static int64_t list_block(const void *context, int place, int32_t *elements)
{
    const struct cores *cores = context;
    int first, count;
    plmr_ranks_share(cores->region->extent[cores->axis], plmr_ranks_extent(cores->region->ranks, cores->axis), place,
                     &first, &count);
    for (int i = 0; i < count && elements; i++)
        elements[i] = first + i;
    return count;
}

static int64_t list_all(const void *context, int place, int32_t *elements)
{
    const struct cores *cores = context;
    int n = place == 0 ? cores->region->extent[cores->axis] : 0;
    for (int i = 0; i < n && elements; i++)
        elements[i] = i;
    return n;
}

struct block {
    double *t;
    int cols;
};

static void *at(const void *context, int64_t row, int64_t col)
{
    const struct block *clocks = context;
    return clocks->t + row * clocks->cols + col;
}

static void gather(const plmr_region *region, const struct block *mine, const struct block *all)
{
    struct cores rows = {region, PLMR_Y}, cols = {region, PLMR_X};
    plmr_spread_matrix before = {
        .rows = {PLMR_Y, region->extent[PLMR_Y], list_block, &rows},
        .cols = {PLMR_X, region->extent[PLMR_X], list_block, &cols},
        .at = at,
        .strip = INT64_MAX,
        .context = mine,
    };
    plmr_spread_matrix after = before;
    after.rows.list = after.cols.list = list_all;
    after.context = all;
    plmr_redistribute(region->ranks, &before, &after, sizeof(double), SIZE_MAX);
}

/* The clocks of this block, row by row. */
static double *copy_clocks(const plmr_clock *clock)
{
    size_t cols = (size_t)clock->all.cols;
    double *t = malloc((size_t)clock->all.rows * cols * sizeof *t);
    for (int r = 0; r < clock->all.rows && t; r++)
        for (int c = 0; c < clock->all.cols; c++)
            t[(size_t)r * cols + (size_t)c] = plmr_clock_at(clock, r, c);
    return t;
}

plmr_status plmr_clock_gather(plmr_clock *clock, double **all)
{
    const plmr_region *region = clock->region;
    plmr_clock_settle(clock);
    struct block mine = {copy_clocks(clock), clock->all.cols}, everything = {NULL, region->extent[PLMR_X]};
    if (plmr_rank() == 0)
        everything.t = malloc((size_t)region->extent[PLMR_Y] * (size_t)everything.cols * sizeof *everything.t);
    plmr_status status = PLMR_OK;
    if (!mine.t || (plmr_rank() == 0 && !everything.t))
        status = plmr_error_make(PLMR_ERROR_SYSTEM, "out of memory for the clocks of a region");
    status = plmr_agree(status); /* a rank that has no memory ends it for all */
    if (!status)
        gather(region, &mine, &everything);
    free(mine.t);
    *all = everything.t;
    return status;
}
