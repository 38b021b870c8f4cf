/* Clocks of all ranks brought together, for pictures: each row of ranks to its first, those to rank 0. */
#include "fabric/clock_internal.h"

#include <stdlib.h>
#include <string.h>

static void copy_block(const double *block, int rows, int cols, double *to, size_t stride)
{
    for (int r = 0; r < rows; r++)
        memcpy(to + (size_t)r * stride, block + (size_t)r * (size_t)cols, (size_t)cols * sizeof *to);
}

/* Blocks of `rows` rows along x to the first rank of the row of ranks, which lays them side by side in `band`. */
static plmr_status gather_row(plmr_clock *clock, double *mine, double *band)
{
    const plmr_region *region = clock->region;
    int n = region->extent[PLMR_X], parts = plmr_ranks_extent(region->ranks, PLMR_X), first, count;
    size_t n_cores = (size_t)clock->all.rows * (size_t)clock->all.cols;
    if (plmr_ranks_place(region->ranks, PLMR_X) > 0) {
        plmr_exchange_send(clock->messages, PLMR_X, 0, mine, n_cores * sizeof *mine);
        plmr_exchange_wait(clock->messages);
        return PLMR_OK;
    }
    copy_block(mine, clock->all.rows, clock->all.cols, band, (size_t)n);
    for (int place = 1; place < parts; place++) {
        plmr_ranks_share(n, parts, place, &first, &count);
        double *block = malloc((size_t)clock->all.rows * (size_t)count * sizeof *block);
        PLMR_CHECK(block, PLMR_ERROR_SYSTEM, "out of memory for %d x %d clocks", clock->all.rows, count);
        plmr_exchange_receive(clock->messages, PLMR_X, place, block,
                              (size_t)clock->all.rows * (size_t)count * sizeof *block);
        plmr_exchange_wait(clock->messages);
        copy_block(block, clock->all.rows, count, band + first, (size_t)n);
        free(block);
    }
    return PLMR_OK;
}

/* Bands of rows along y to rank 0, which has room for all of them in `band`. */
static plmr_status gather_bands(plmr_clock *clock, double *band)
{
    const plmr_region *region = clock->region;
    int parts = plmr_ranks_extent(region->ranks, PLMR_Y), first, count;
    size_t width = (size_t)region->extent[PLMR_X];
    if (plmr_ranks_place(region->ranks, PLMR_X) > 0)
        return PLMR_OK;
    if (plmr_ranks_place(region->ranks, PLMR_Y) > 0)
        plmr_exchange_send(clock->messages, PLMR_Y, 0, band, (size_t)clock->all.rows * width * sizeof *band);
    for (int place = 1; place < parts && plmr_ranks_place(region->ranks, PLMR_Y) == 0; place++) {
        plmr_ranks_share(region->extent[PLMR_Y], parts, place, &first, &count);
        plmr_exchange_receive(clock->messages, PLMR_Y, place, band + (size_t)first * width,
                              (size_t)count * width * sizeof *band);
    }
    plmr_exchange_wait(clock->messages);
    return PLMR_OK;
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
    size_t rows = (size_t)(plmr_rank() == 0 ? region->extent[PLMR_Y] : clock->all.rows);
    plmr_clock_settle(clock);
    double *mine = copy_clocks(clock), *band = malloc(rows * (size_t)region->extent[PLMR_X] * sizeof *band);
    plmr_status status = PLMR_OK;
    if (!mine || !band)
        status = plmr_error_make(PLMR_ERROR_SYSTEM, "out of memory for the clocks of a region");
    status = plmr_agree(status); /* a rank that has no memory ends it for all */
    if (!status)
        status = gather_row(clock, mine, band);
    if (!status)
        status = gather_bands(clock, band);
    free(mine);
    *all = status || plmr_rank() > 0 ? NULL : band;
    if (!*all)
        free(band);
    return status;
}
