#include "validate/fit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/memory.h"
#include "base/suggest.h"
#include "device/device_internal.h"

enum { MOST_STEPS = 40, N = PLMR_MOST_FITTED };

/* Of one fit: points, and what they say of the numbers. */
struct fitting {
    plmr_validation *v;
    plmr_fit *fit;
    plmr_device *device;
    const struct plmr_device_number *numbers[N];
    double hold_out;
    bool *held;              /* by point: it is not fitted to */
    double *errors, *slopes; /* by point; by point and key */
};

/* Ids that differ in a digit alone have hashes that lie close: a checksum spreads them. */
static uint64_t key_of(const plmr_measurement *point)
{
    return plmr_checksum_element(plmr_hash_bytes(PLMR_HASH_START, point->id, strlen(point->id)), 0);
}

/* Of the points that have an error that share, to the nearest whole number: those with the lowest keys. */
static void choose_held(struct fitting *f)
{
    int n = f->v->n_points, n_usable = 0;
    uint64_t *keys = plmr_take((size_t)n * sizeof *keys + 1);
    for (int i = 0; i < n; i++) {
        n_usable += !isnan(f->errors[i]);
        keys[i] = key_of(&f->v->points[i]);
    }
    for (int i = 0; i < n; i++) {
        int n_lower = 0;
        for (int j = 0; j < n; j++)
            n_lower += !isnan(f->errors[j]) && keys[j] < keys[i];
        f->held[i] = n_lower < (int)lround(f->hold_out * n_usable);
    }
    free(keys);
}

static plmr_status find_numbers(struct fitting *f)
{
    const char *keys[PLMR_DEVICE_N_NUMBERS];
    for (int i = 0; i < PLMR_DEVICE_N_NUMBERS; i++)
        keys[i] = plmr_device_numbers[i].key;
    for (int k = 0; k < f->fit->n_keys; k++) {
        for (int i = 0; i < PLMR_DEVICE_N_NUMBERS; i++)
            if (strcmp(keys[i], f->fit->keys[k]) == 0)
                f->numbers[k] = &plmr_device_numbers[i];
        const char *near = f->numbers[k] ? NULL : plmr_suggest(f->fit->keys[k], keys, PLMR_DEVICE_N_NUMBERS);
        PLMR_CHECK(f->numbers[k], PLMR_ERROR_INPUT, "--fit: '%.60s' is no number of a device%s%s%s", f->fit->keys[k],
                   near ? ": did you mean '" : "", near ? near : "", near ? "'?" : "");
        PLMR_CHECK(strncmp(f->numbers[k]->unit, "cycles", 6) == 0, PLMR_ERROR_INPUT,
                   "--fit: %s is counted in %s; only what takes cycles can be fitted", f->fit->keys[k],
                   f->numbers[k]->unit);
    }
    return PLMR_OK;
}

/* All errors with the numbers as they are. */
static plmr_status predict(struct fitting *f, double *errors)
{
    for (int i = 0; i < f->v->n_points; i++) {
        if (f->v->points[i].set)
            PLMR_TRY(plmr_measurement_predict(&f->v->points[i], f->device));
        errors[i] = plmr_measurement_error(&f->v->points[i]);
    }
    return PLMR_OK;
}

static double rms(const struct fitting *f, const double *errors, bool held, int *n)
{
    double sum = 0;
    *n = 0;
    for (int i = 0; i < f->v->n_points; i++)
        if (!isnan(errors[i]) && f->held[i] == held)
            sum += errors[i] * errors[i], ++*n;
    return *n ? sqrt(sum / *n) : NAN;
}

static plmr_status find_slopes(struct fitting *f)
{
    double *moved = plmr_take((size_t)f->v->n_points * sizeof *moved);
    plmr_status status = PLMR_OK;
    for (int k = 0; k < f->fit->n_keys && !status; k++) {
        double *value = plmr_device_value(f->device, f->numbers[k]), was = *value, step = fmax(0.01 * was, 0.05);
        *value = was + step;
        status = predict(f, moved);
        *value = was;
        for (int i = 0; i < f->v->n_points; i++)
            f->slopes[i * N + k] = (moved[i] - f->errors[i]) / step;
    }
    free(moved);
    return status;
}

/* The normal equations of the points that are not held out. */
static void add_up(const struct fitting *f, double a[N][N], double b[N])
{
    memset(a, 0, sizeof(double[N][N]));
    memset(b, 0, sizeof(double[N]));
    for (int i = 0; i < f->v->n_points; i++) {
        const double *slope = &f->slopes[i * N];
        for (int j = 0; j < f->fit->n_keys && !isnan(f->errors[i]) && !f->held[i]; j++) {
            b[j] -= slope[j] * f->errors[i];
            for (int k = 0; k < f->fit->n_keys; k++)
                a[j][k] += slope[j] * slope[k];
        }
    }
    for (int j = 0; j < f->fit->n_keys; j++)
        for (int k = 0; k < f->fit->n_keys && f->fit->at_bound[j]; k++)
            a[j][k] = a[k][j] = j == k, b[j] = 0;
}

/* Numbers that would go on beyond a bound are left out of the equations: cut afterwards, a step would miss the others'. */
static void find_bounds(struct fitting *f)
{
    double a[N][N], b[N];
    memset(f->fit->at_bound, 0, sizeof f->fit->at_bound);
    add_up(f, a, b);
    for (int k = 0; k < f->fit->n_keys; k++) {
        double value = *plmr_device_value(f->device, f->numbers[k]);
        f->fit->at_bound[k] = (b[k] < 0 && value <= f->numbers[k]->least) || (b[k] > 0 && value >= f->numbers[k]->most);
    }
}

/* Solves a x = b by elimination without exchange, for a is positive; false: it is not, by column `*bad`. */
static bool solve(int n, double a[N][N], double b[N], int *bad)
{
    double diagonal[N];
    for (int j = 0; j < n; j++)
        diagonal[j] = a[j][j];
    for (int j = 0; j < n; j++) {
        *bad = j;
        if (!(a[j][j] > 1e-9 * diagonal[j]))
            return false;
        for (int i = 0; i < n; i++) {
            double share = a[i][j] / a[j][j];
            for (int k = 0; k < n && i != j; k++)
                a[i][k] -= share * a[j][k];
            b[i] -= i != j ? share * b[j] : 0;
        }
    }
    for (int j = 0; j < n; j++)
        b[j] /= a[j][j];
    return true;
}

static void move(struct fitting *f, const double from[N], const double by[N])
{
    for (int k = 0; k < f->fit->n_keys; k++)
        *plmr_device_value(f->device, f->numbers[k]) =
            fmin(fmax(from[k] + by[k], f->numbers[k]->least), f->numbers[k]->most);
}

/* One step that lessens the errors, more cautiously each time that it does not; *done: there is none. */
static plmr_status take_step(struct fitting *f, double *caution, bool *done)
{
    double a[N][N], b[N], from[N], *errors = plmr_take((size_t)f->v->n_points * sizeof *errors);
    int n, bad;
    double best = rms(f, f->errors, false, &n), now = INFINITY;
    plmr_status status = PLMR_OK;
    for (int k = 0; k < f->fit->n_keys; k++)
        from[k] = *plmr_device_value(f->device, f->numbers[k]);
    while (!status && *caution < 1e6) {
        add_up(f, a, b);
        for (int k = 0; k < f->fit->n_keys; k++)
            a[k][k] *= 1 + *caution;
        if (solve(f->fit->n_keys, a, b, &bad)) {
            move(f, from, b);
            status = predict(f, errors);
            now = status ? INFINITY : rms(f, errors, false, &n);
        }
        if (now < best)
            break;
        *caution = fmax(10 * *caution, 1e-4);
    }
    *done = !(now < best * (1 - 1e-9));
    if (now < best) {
        memcpy(f->errors, errors, (size_t)f->v->n_points * sizeof *errors);
        *caution /= 10;
    } else {
        move(f, from, (double[N]){0});
    }
    free(errors);
    return status;
}

/* By the errors that remain; a number on which no point depends, or only with another, is told. */
static plmr_status find_intervals(struct fitting *f)
{
    int n, bad = 0, spare;
    double left = rms(f, f->errors, false, &n), a[N][N], b[N];
    spare = n;
    for (int k = 0; k < f->fit->n_keys; k++)
        spare -= !f->fit->at_bound[k];
    for (int k = 0; k < f->fit->n_keys; k++) {
        add_up(f, a, b);
        for (int j = 0; j < f->fit->n_keys; j++)
            b[j] = j == k;
        bool solved = solve(f->fit->n_keys, a, b, &bad);
        PLMR_CHECK(solved, PLMR_ERROR_INPUT,
                   "--fit: the %d points do not determine %s%s: leave it out, or measure what depends on it", n,
                   f->fit->keys[bad], bad ? " beside the others" : "");
        f->fit->interval[k] = f->fit->at_bound[k] || !spare ? NAN : 1.96 * left * sqrt(b[k] * n / spare);
        f->fit->after[k] = *plmr_device_value(f->device, f->numbers[k]);
    }
    return PLMR_OK;
}

/* Of 0 no error is a share. */
static plmr_status check_values(const struct fitting *f)
{
    for (int i = 0; i < f->v->n_points; i++)
        PLMR_CHECK(isnan(f->v->points[i].predicted) || f->v->points[i].measured > 0, PLMR_ERROR_INPUT,
                   "--fit: the value of %.80s is 0, from which no error can be told in percent: leave it out",
                   f->v->points[i].id);
    return PLMR_OK;
}

static plmr_status fit_all(struct fitting *f)
{
    plmr_fit *fit = f->fit;
    double caution = 1e-3;
    bool done = false;
    PLMR_TRY(predict(f, f->errors));
    PLMR_TRY(check_values(f));
    choose_held(f);
    fit->rms_before = rms(f, f->errors, false, &fit->n_points);
    fit->rms_held_before = rms(f, f->errors, true, &fit->n_held);
    PLMR_CHECK(
        fit->n_points >= fit->n_keys, PLMR_ERROR_INPUT,
        "--fit: %d points that plmr can run, beside %d held out, do not determine %d numbers (plmr validate says "
        "what it runs)",
        fit->n_points, fit->n_held, fit->n_keys);
    PLMR_TRY(find_slopes(f));
    PLMR_TRY(find_intervals(f));
    for (int i = 0; i < MOST_STEPS && !done; i++) {
        find_bounds(f);
        PLMR_TRY(take_step(f, &caution, &done));
        PLMR_TRY(find_slopes(f));
    }
    find_bounds(f);
    PLMR_TRY(find_intervals(f));
    fit->rms_after = rms(f, f->errors, false, &fit->n_points);
    fit->rms_held_after = rms(f, f->errors, true, &fit->n_held);
    return PLMR_OK;
}

void plmr_fit_interval(const plmr_fit *fit, int k, char *text, size_t size)
{
    if (isnan(fit->interval[k]))
        snprintf(text, size, "%s", fit->at_bound[k] ? "at its bound" : "not known: as many numbers as points");
    else
        snprintf(text, size, "%.3g", fit->interval[k]);
}

/* In the device's file. */
static void put_source(const plmr_fit *fit, int k, char *source, size_t size)
{
    char interval[64], held[64] = "";
    plmr_fit_interval(fit, k, interval, sizeof interval);
    if (fit->n_held)
        snprintf(held, sizeof held, ", of %d held out %.1f %%", fit->n_held, 100 * fit->rms_held_after);
    snprintf(source, size, "fitted by plmr calibrate to %d point%s, %s%s%s; RMS error %.1f %%%s; was %.9g",
             fit->n_points, fit->n_points == 1 ? "" : "s", fit->at_bound[k] ? "" : "+- ", interval,
             isnan(fit->interval[k]) ? "" : " (95 %)", 100 * fit->rms_after, held, fit->before[k]);
}

plmr_status plmr_fit_run(plmr_validation *v, double hold_out, plmr_device *device, plmr_fit *fit)
{
    struct fitting f = {.v = v, .fit = fit, .device = device, .hold_out = hold_out};
    PLMR_TRY(find_numbers(&f));
    for (int k = 0; k < fit->n_keys; k++)
        fit->before[k] = *plmr_device_value(device, f.numbers[k]);
    f.errors = plmr_take_zeroed((size_t)v->n_points + 1, sizeof *f.errors);
    f.held = plmr_take_zeroed((size_t)v->n_points + 1, sizeof *f.held);
    f.slopes = plmr_take_zeroed((size_t)v->n_points + 1, N * sizeof *f.slopes);
    plmr_status status = fit_all(&f);
    for (int k = 0; k < fit->n_keys && !status; k++) {
        plmr_origin *origin = plmr_device_origin(device, f.numbers[k]);
        snprintf(origin->tag, sizeof origin->tag, "I");
        put_source(fit, k, origin->source, sizeof origin->source);
    }
    free(f.errors);
    free(f.held);
    free(f.slopes);
    return status;
}
