/* Arithmetic of one core: loops written by hand, sparse products, single vector operations. */
#include <math.h>
#include <string.h>

#include "validate/validate.h"

/* A product of tiles by a hand loop of scaled adds along the tile's rows: one for each of its other two sides. */
static plmr_status run_gemm(plmr_trial_run *run)
{
    const plmr_device *d = &run->device;
    double n = plmr_config_number(run->config, "N", NAN), k = plmr_config_number(run->config, "K", NAN),
           m = plmr_config_number(run->config, "M", NAN), rows = plmr_config_number(run->config, "height", NAN),
           cols = plmr_config_number(run->config, "width", NAN), mt = plmr_config_number(run->config, "Mt", NAN);
    double length = isnan(mt) ? n / rows : mt;
    double vector = d->hand_loop + d->mac_cycles_f32 / d->mac_group_f32 * length;
    if (!isnan(mt))
        run->cycles = vector;
    else
        run->cycles = m * ceil(k / cols) * vector;
    return PLMR_OK;
}

/* How many of `trials` drawings with this chance come true at most, of so many such experiments. */
static double most_of(double trials, double chance, double experiments)
{
    double p = pow(1 - chance, trials), below = p;
    for (int k = 1; k <= trials; k++) {
        if ((1 - below) * experiments < 0.7)
            return k - 1;
        p *= (trials - k + 1) / k * chance / (1 - chance);
        below += p;
    }
    return trials;
}

/* Rows of B, of M elements, scaled and added for each nonzero of a tile of A. Formats that pad have as many as the
 * fullest tile (coordinates) or row (ELLPACK) of all. */
static plmr_status run_sparse(plmr_trial_run *run)
{
    const json_t *c = run->config;
    const plmr_device *d = &run->device;
    double w = plmr_config_number(c, "width", NAN), h = plmr_config_number(c, "height", NAN);
    double rows = plmr_config_number(c, "N", NAN) / h, cols = plmr_config_number(c, "K", NAN) / w;
    double m = plmr_config_number(c, "M", NAN), share = plmr_config_number(c, "density", NAN) / 100;
    const char *what = run->point->what;
    double n = rows * cols * share, lines = 0;
    if (!(n > 0) || !(share < 1) || rows * cols > 1e7)
        return PLMR_OK;
    if (plmr_has_word(what, "ELL"))
        n = rows * most_of(cols, share, rows * h * w);
    else if (plmr_has_word(what, "COO"))
        n = most_of(rows * cols, share, h * w);
    else
        lines = plmr_has_word(what, "CSC") ? cols : rows;
    run->cycles = plmr_config_number(run->options, "start", 0) + lines * plmr_config_number(run->options, "line", 0) +
                  n * (d->hand_loop + plmr_config_number(run->options, "entry", 0) + m * d->vector_f32);
    return PLMR_OK;
}

const plmr_trial plmr_trial_gemm = {"local-gemm", "a core's product of f32 tiles by a hand loop", run_gemm};
const plmr_trial plmr_trial_sparse = {"local-sparse", "a core's product of a sparse tile and rows", run_sparse};
