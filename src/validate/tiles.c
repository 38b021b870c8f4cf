/* Matrix products on a block of cores that hold their operands: arithmetic of the busiest core. */
#include <math.h>

#include "validate/validate.h"

/* m x k by k x n over rows x cols cores, at so many cycles for a product of 32 x 32 x 32, at least as many as operands need
 * to be unpacked; the loop over k beside it. As a share of the ideal, or as time. */
static plmr_status run_matmul(plmr_trial_run *run)
{
    const plmr_device *d = &run->device;
    double m = plmr_config_number(run->config, "M", NAN), k = plmr_config_number(run->config, "K", NAN),
           n = plmr_config_number(run->config, "N", NAN);
    double cores = plmr_config_number(run->options, "cores", 64), unit = plmr_config_number(run->options, "unit", 32);
    double ideal =
        plmr_config_number(run->config, "cycles_per_32x32x32_tile", plmr_config_number(run->options, "cycles", 32));
    double tiles = ceil(m / unit) * ceil(k / unit) * ceil(n / unit) / cores;
    double cycles = tiles * fmax(ideal, plmr_config_number(run->options, "unpack", 0)) + k * d->tile_loop;
    if (plmr_has_word(run->point->unit, "%"))
        run->value = 100 * tiles * ideal / cycles, run->unit = "%";
    else
        run->cycles = cycles;
    return PLMR_OK;
}

const plmr_trial plmr_trial_matmul = {"matmul", "a matrix product on a block of cores", run_matmul};
