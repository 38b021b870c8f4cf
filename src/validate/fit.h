/* fit.h - numbers of a device fitted to measurements.
 *
 * Bounded least squares on relative errors, predicted / measured - 1: Levenberg and Marquardt's steps with derivatives
 * by differences, each cut to the range that device files allow; a number at a bound that errors push beyond it stays there
 * while the others are found. Every point counts alike, however long it takes. A number's interval is 1.96 standard
 * deviations, by the errors that remain; those of points that are held out, which every run
 * chooses alike by their ids, are not fitted to.
 */
#pragma once

#include "validate/validate.h"

enum { PLMR_MOST_FITTED = 8 };

typedef struct plmr_fit {
    const char *keys[PLMR_MOST_FITTED];
    int n_keys;
    double before[PLMR_MOST_FITTED], after[PLMR_MOST_FITTED];
    double interval[PLMR_MOST_FITTED]; /* NAN: at its bound, or as many numbers as points */
    bool at_bound[PLMR_MOST_FITTED];
    int n_points, n_held;
    double rms_before, rms_after, rms_held_before, rms_held_after; /* NAN: no points */
} plmr_fit;

/* Fits keys[] of *device to the points that plmr can predict, and sets them there, with tag and source. Points that do not
 * determine a number are an error that names it. Collective. */
plmr_status plmr_fit_run(plmr_validation *validation, double hold_out, plmr_device *device, plmr_fit *fit);

/* The interval of number k for people, or why there is none. */
void plmr_fit_interval(const plmr_fit *fit, int k, char *text, size_t size);
