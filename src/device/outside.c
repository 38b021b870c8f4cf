#include "device/outside.h"

#include <math.h>

/* Cycles for a byte of one source: by what it gives, or by its lanes, if those are slower. */
static double source_cycles(const plmr_device *d, double rate, double lanes, int rows)
{
    double by_lanes = d->link / (d->wavelet * (lanes > 0 ? lanes : 2. * rows));
    return fmax(d->clock / rate, by_lanes);
}

/* 0: not known. */
static double joules(double share, double picojoules)
{
    return share > 0 ? share * (picojoules > 0 ? picojoules * 1e-12 : NAN) : 0;
}

bool plmr_outside_is_known(const plmr_device *d)
{
    return (d->dram > 0 && d->dram_rate > 0) || d->host_rate > 0;
}

plmr_status plmr_outside_of(const plmr_device *d, double n_bytes, int rows, plmr_outside *outside)
{
    double in_dram = d->dram_rate > 0 ? fmin(d->dram, n_bytes) : 0, host = n_bytes > 0 ? 1 - in_dram / n_bytes : 0;
    PLMR_CHECK(
        host <= 0 || d->host_rate > 0, PLMR_ERROR_LIMIT,
        "--stream-weights: %.4g GB come from outside, %s has %.4g GB of DRAM, and its file does not say how fast "
        "a host is: give host_rate, bytes a second, as in --device %s:host_rate=32e9",
        n_bytes * 1e-9, d->name, in_dram * 1e-9, d->name);
    *outside = (plmr_outside){.host_share = host};
    if (host < 1)
        outside->byte_cycles = (1 - host) * source_cycles(d, d->dram_rate, d->dram_lanes, rows);
    if (host > 0)
        outside->byte_cycles = fmax(outside->byte_cycles, host * source_cycles(d, d->host_rate, d->host_lanes, rows));
    outside->byte_joules = joules(1 - host, d->dram_energy) + joules(host, d->host_energy);
    return PLMR_OK;
}
