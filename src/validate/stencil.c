/* Stencils: cells in tiles or columns, halos from four neighbours. */
#include <math.h>
#include <string.h>

#include "validate/validate.h"

/* Of so many iterations, or of one. */
static void put_iterations(plmr_trial_run *run, double cycles)
{
    bool each = plmr_has_word(run->point->unit, "/iteration");
    run->value = each ? cycles : cycles * plmr_config_number(run->config, "iterations", 1);
    run->unit = each ? "cycles/iteration" : "cycles";
}

/* A star of this radius, a tile of cells a core, halos of 2 r (rows + columns) words in, as many out. By an add or multiply
 * for each of its points, or by multiply-adds in a hand loop. */
static plmr_status run_star(plmr_trial_run *run)
{
    const plmr_device *d = &run->device;
    const char *kernel = plmr_config_text(run->config, "kernel"), *r = strrchr(kernel, 'r');
    double tile[2], grid[2], cores[2], radius = plmr_config_number(run->config, "radius", NAN);
    if (isnan(radius) && r && r[1] >= '0' && r[1] <= '9')
        radius = r[1] - '0';
    if (!plmr_config_pair(run->config, "tile_per_PE", tile)) {
        if (!plmr_config_pair(run->config, "grid", grid) || !plmr_config_pair(run->config, "PEs", cores))
            return PLMR_OK;
        tile[0] = grid[0] / cores[0], tile[1] = grid[1] / cores[1];
    }
    double points = plmr_has_word(kernel, "box") ? (2 * radius + 1) * (2 * radius + 1) : 4 * radius + 1;
    double words = 2 * 2 * radius * (tile[0] + tile[1]), cells = tile[0] * tile[1];
    bool multiply_adds = plmr_config_number(run->options, "multiply_adds", 0) != 0;
    double operation = multiply_adds
                           ? d->hand_loop + cells * d->mac_cycles_f32 / d->mac_group_f32
                           : d->vector_start + plmr_config_number(run->options, "operation", 0) + cells * d->vector_f32;
    put_iterations(run, points * operation + words * d->shift_wavelet +
                            plmr_config_number(run->options, "exchanges", 0) * d->shift_launch);
    return PLMR_OK;
}

/* One cell a core, kept in registers: it goes to the neighbours, and each point is a multiply-add. */
static plmr_status run_single(plmr_trial_run *run)
{
    const plmr_device *d = &run->device;
    double radius = plmr_config_number(run->config, "radius", 1);
    put_iterations(run, 2 * d->ramp + d->hop + (4 * radius + 1) * d->mac_cycles_f32 / d->mac_group_f32);
    return PLMR_OK;
}

/* A column of cells a core, 25 points in 3-D: the operations of a cell are the program's (Table IV of the publication). */
static plmr_status run_column(plmr_trial_run *run)
{
    const plmr_device *d = &run->device;
    double nx = plmr_config_number(run->config, "nx", NAN), ny = plmr_config_number(run->config, "ny", NAN),
           nz = plmr_config_number(run->config, "nz", NAN), steps = plmr_config_number(run->config, "steps", 1);
    double vectors = plmr_config_number(run->options, "vectors", 0), macs = plmr_config_number(run->options, "macs", 0);
    double cell = vectors * d->vector_f32 + macs * d->mac_cycles_f32 / d->mac_group_f32 +
                  plmr_config_number(run->options, "sends", 0) * d->shift_wavelet;
    double flops = vectors + 2 * macs;
    const char *what = run->point->what;
    if (plmr_has_word(what, "sustained"))
        run->amount = flops * 755 * 994, run->unit = "FLOP/s", run->cycles = cell;
    else if (plmr_has_word(what, "rate per PE"))
        run->amount = flops, run->unit = "FLOP/s", run->cycles = cell;
    else if (plmr_has_word(what, "throughput"))
        run->amount = nx * ny * nz, run->unit = "cells/s", run->cycles = nz * cell + (vectors + macs) * d->vector_start;
    else if (plmr_has_word(what, "time"))
        run->cycles = steps * (nz * cell + (vectors + macs) * d->vector_start);
    return PLMR_OK;
}

const plmr_trial plmr_trial_star = {"stencil", "a 2-D stencil, a tile of cells a core", run_star};
const plmr_trial plmr_trial_single = {"stencil-cell", "a 2-D stencil, one cell a core", run_single};
const plmr_trial plmr_trial_column = {"stencil-column", "a 3-D stencil, a column of cells a core", run_column};
