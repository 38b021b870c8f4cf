/* Chips and dies joined by links of another kind: rings of chips, and a wafer of chiplets, each one core. */
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "plmr/points.h"
#include "plmr/tiles.h"
#include "region/profile.h"
#include "validate/validate.h"

typedef plmr_status (*program)(plmr_region *region, const plmr_trial_run *run);

static plmr_status on_region(plmr_trial_run *run, int rows, int cols, program program)
{
    plmr_region_options options = {.allow_memory = true, .allow_routes = true, .profile = true};
    plmr_cost cost = {0};
    plmr_ranks *ranks;
    plmr_region *region;
    PLMR_TRY(plmr_ranks_create(0, 0, rows, cols, &ranks));
    plmr_status status = plmr_region_create(ranks, &run->device, rows, cols, &options, &region);
    if (!status) {
        status = program(region, run);
        if (!status)
            status = plmr_region_cost(region, &cost);
        run->cycles = cost.t_cycles;
        plmr_region_destroy(region);
    }
    plmr_ranks_destroy(ranks);
    return status;
}

/* ---- rings of chips ---- */

static int laps_of(const plmr_trial_run *run)
{
    return plmr_has_word(run->point->what, "all_reduce") ? 2 : 1;
}

/* Parts of 1/n go round, half of each part either way: once to gather, twice to reduce. */
static plmr_status pass_round(plmr_region *region, const plmr_trial_run *run)
{
    int n = region->extent[PLMR_X];
    double bytes = plmr_config_number(run->config, "bytes", NAN);
    plmr_tiles *tiles;
    plmr_ring *ring = NULL;
    PLMR_TRY(plmr_tiles_create(region, "part", (int)ceil(bytes / n / 2 / 4), &tiles));
    plmr_status status = plmr_ring_create(region, PLMR_X, PLMR_NATURAL, 1, &ring);
    for (int step = 0; step < laps_of(run) * (n - 1) && !status; step++)
        status = plmr_tiles_shift(tiles, tiles, ring, 1);
    plmr_ring_destroy(ring);
    plmr_tiles_destroy(tiles);
    return status;
}

/* Two chips without a ring: each sends the other a half, at once. */
static double pass_over(const plmr_trial_run *run, double bytes)
{
    const plmr_device *d = &run->device;
    double words = (double)plmr_device_wavelets(d, (int64_t)ceil(bytes / 2));
    plmr_way way = plmr_way_over(d, PLMR_X, 1, 1);
    return laps_of(run) * fmax(d->shift_launch + d->shift_wavelet * words, way.flight + way.word * words);
}

/* n chips, each taken as a core, whose links are all borders of one lane; what the program starts and ends with beside
 * them. */
static plmr_status run_ring(plmr_trial_run *run)
{
    double n = plmr_config_number(run->config, "n", NAN), bytes = plmr_config_number(run->config, "bytes", NAN);
    plmr_device *d = &run->device;
    if (!(n >= 2 && n <= 1024 && bytes >= 1 && bytes / n / 2 / 4 <= INT_MAX))
        return PLMR_OK;
    d->rows = 1, d->cols = n;
    d->border_rows = 0, d->border_cols = 1, d->border_lanes = 0;
    d->topology = plmr_has_word(run->point->what, "ring") ? PLMR_TORUS : PLMR_MESH;
    if (d->topology == PLMR_TORUS && n > 2)
        PLMR_TRY(on_region(run, 1, (int)n, pass_round));
    else if (n <= 2)
        run->cycles = pass_over(run, bytes);
    run->cycles += plmr_config_number(run->options, "launch_us", 0) * 1e-6 * d->clock;
    return PLMR_OK;
}

/* ---- a wafer of chiplets ---- */

/* A closed walk through all dies between neighbours: back and forth along the rows without column 0, then back by that. */
static void find_walk(int rows, int cols, int *walk)
{
    int n = 0;
    walk[n++] = 0;
    for (int row = 0; row < rows; row++)
        for (int i = 1; i < cols; i++)
            walk[n++] = row * cols + (row % 2 == 0 ? i : cols - i);
    for (int row = rows - 1; row > 0; row--)
        walk[n++] = row * cols;
}

enum { PIECES = 32, PIECE = 1 << 15 }; /* of half a chunk, and floats in one */

/* Every die sends half of a chunk on to both its neighbours on the walk, 2 (n - 1) times. */
static plmr_status walk_round(plmr_region *region, const plmr_trial_run *run)
{
    int dies = region->extent[PLMR_X] * region->extent[PLMR_Y], n = 0, most = 2 * dies * PIECES;
    int32_t *from = plmr_take((size_t)most * sizeof *from), *to = plmr_take((size_t)most * sizeof *to),
            *values = plmr_take((size_t)most * sizeof *values);
    int *walk = plmr_take((size_t)dies * sizeof *walk);
    plmr_tiles *tiles = NULL;
    plmr_points *pass = NULL;
    (void)run;
    find_walk(region->extent[PLMR_Y], region->extent[PLMR_X], walk);
    for (int i = 0; i < dies; i++)
        for (int piece = 0; piece < 2 * PIECES; piece++, n++)
            from[n] = walk[i], to[n] = walk[(i + (piece % 2 ? 1 : dies - 1)) % dies], values[n] = PIECE;
    plmr_status status = plmr_tiles_create(region, "chunks", PIECE * PIECES, &tiles);
    if (!status)
        status = plmr_points_create(region, "pass", &(plmr_parts){n, from, to, NULL, NULL, values}, &pass);
    for (int i = 0; i < 2 * (dies - 1) && !status; i++)
        status = plmr_points_run(pass, tiles, tiles);
    plmr_points_destroy(pass);
    plmr_tiles_destroy(tiles);
    free(walk), free(values), free(to), free(from);
    return status;
}

/* A stream that comes in at die `from` to all: along its column or row, then along the other axis. */
static plmr_status feed(plmr_region *region, plmr_tiles *tiles, int from, bool column_first)
{
    int rows = region->extent[PLMR_Y], cols = region->extent[PLMR_X], row = from / cols, col = from % cols;
    plmr_points *flow;
    plmr_rectangle line = column_first ? (plmr_rectangle){0, col, rows, 1} : (plmr_rectangle){row, 0, 1, cols};
    for (int i = -1; i < (column_first ? rows : cols); i++) {
        int at = i < 0 ? from : column_first ? i * cols + col : row * cols + i;
        plmr_rectangle across = column_first ? (plmr_rectangle){i, 0, 1, cols} : (plmr_rectangle){0, i, rows, 1};
        PLMR_TRY(plmr_points_multicast_rectangle(region, "feed", at, i < 0 ? &line : &across, 1, &flow));
        plmr_status status = plmr_points_run(flow, tiles, tiles);
        plmr_points_destroy(flow);
        PLMR_TRY(status);
    }
    return PLMR_OK;
}

static plmr_status feed_all(plmr_region *region, const plmr_trial_run *run)
{
    int rows = region->extent[PLMR_Y], cols = region->extent[PLMR_X];
    plmr_tiles *tiles;
    plmr_status status = plmr_tiles_create(region, "weights", 1, &tiles);
    uint64_t hottest = 0;
    for (int i = 0; i < 2 * cols && !status; i++)
        status = feed(region, tiles, i < cols ? i : (rows - 2) * cols + i, true);
    for (int i = 0; i < 2 * rows && !status; i++)
        status = feed(region, tiles, i / 2 * cols + i % 2 * (cols - 1), false);
    for (int axis = 0; axis < 2; axis++)
        for (int way = 0; way < 2; way++)
            for (int i = 0; i < region->extent[axis]; i++)
                hottest = (uint64_t)fmax(
                    (double)hottest, (double)(region->profile->links[axis][way][i] / (uint64_t)region->extent[!axis]));
    double link = run->device.wavelet / run->device.border_link * run->device.clock;
    double feeder = plmr_config_number(run->options, "controller_GB", NAN) * 1e9;
    ((plmr_trial_run *)run)->value = link / ((double)hottest * feeder);
    ((plmr_trial_run *)run)->unit = "x";
    plmr_tiles_destroy(tiles);
    return status;
}

/* What a die sends and takes a second in an all-reduce by two rings through all of them; the share of line rate at which
 * weights come in from controllers at all edges. */
static plmr_status run_wafer(plmr_trial_run *run)
{
    int rows = (int)run->device.rows, cols = (int)run->device.cols;
    if (rows < 2 || cols < 2 || rows * cols > 1024)
        return PLMR_OK;
    if (plmr_has_word(run->point->what, "weight streaming"))
        return on_region(run, rows, cols, feed_all);
    if (!plmr_has_word(run->point->what, "all-reduce"))
        return PLMR_OK;
    run->amount = 2. * (rows * cols - 1) * 2 * PIECE * PIECES * 4;
    run->unit = "B/s";
    return on_region(run, rows, cols, walk_round);
}

const plmr_trial plmr_trial_chips = {"chips", "all_gather and all_reduce of a ring or line of chips", run_ring};
const plmr_trial plmr_trial_chiplets = {"chiplets", "a wafer of chiplets: all-reduce, weights from the edges",
                                        run_wafer};
