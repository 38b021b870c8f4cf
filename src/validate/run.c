/* Points run, one after the other. */
#include <math.h>
#include <string.h>

#include "plmr/ranks.h"
#include "validate/validate.h"

double plmr_measurement_error(const plmr_measurement *point)
{
    return point->measured > 0 ? point->predicted / point->measured - 1 : NAN;
}

/* What a program has said, in the point's unit; else `given` is the unit that it is of. */
static double convert(const plmr_trial_run *run, const char **given)
{
    bool is_time = isnan(run->value) && !(run->amount > 0);
    const char *from = is_time ? "s" : run->unit, *to = run->point->unit;
    double value = is_time              ? run->cycles / run->device.clock
                   : !isnan(run->value) ? run->value
                                        : run->amount / (run->cycles / run->device.clock);
    if (isnan(value))
        return NAN;
    double converted = plmr_unit_convert(value, from, to, &run->device);
    *given = isnan(converted) ? from : NULL;
    return converted;
}

plmr_status plmr_measurement_predict(plmr_measurement *point, const plmr_device *device)
{
    plmr_trial_run run = {.point = point,
                          .config = point->config,
                          .options = point->set->options,
                          .device = *device,
                          .cycles = NAN,
                          .value = NAN};
    run.device.clock = plmr_config_number(run.options, "clock", run.device.clock);
    plmr_status status = point->set->trial->run(&run);
    enum plmr_code code = plmr_error_code(status);
    bool cannot = code == PLMR_ERROR_INPUT || code == PLMR_ERROR_LIMIT;
    if (status && !cannot)
        return status;
    plmr_error_free(status);
    point->given = NULL;
    double predicted = cannot ? NAN : convert(&run, &point->given);
    point->predicted = isfinite(predicted) && predicted >= 0 ? predicted : NAN;
    return PLMR_OK;
}

/* "wse2" of "wse2:hop=4". */
static bool same_device(const char *a, const char *b)
{
    size_t n = strcspn(a, ":");
    return n == strcspn(b, ":") && strncmp(a, b, n) == 0;
}

plmr_status plmr_validation_choose(plmr_validation *v, const char *name)
{
    plmr_device device;
    int n = 0;
    if (!name)
        return PLMR_OK;
    PLMR_TRY(plmr_device_load(name, &device));
    bool is_file = strchr(name, '/') || plmr_has_word(name, ".json");
    for (int i = 0; i < v->n_points; i++) {
        plmr_measurement *point = &v->points[i];
        if (!is_file && !same_device(name, point->device))
            continue;
        if (is_file || strchr(name, ':'))
            snprintf(point->device, sizeof point->device, "%s", name);
        v->points[n++] = *point;
    }
    v->n_left_out += v->n_points - n;
    v->n_points = n;
    PLMR_CHECK(n > 0, PLMR_ERROR_INPUT, "--device: none of the measurements is of %.200s", name);
    return PLMR_OK;
}

/* By its whole text: numbers behind a colon make another device. */
static void leave_one(plmr_validation *v, const char *name)
{
    int n = 0;
    for (int i = 0; i < v->n_points; i++)
        if (strcmp(v->points[i].device, name) == 0)
            v->points[n++] = v->points[i];
    v->n_left_out += v->n_points - n;
    v->n_points = n;
}

plmr_status plmr_validation_choose_one(plmr_validation *v, const char *name, plmr_device *device)
{
    char first[sizeof v->points->device] = "";
    for (int i = 0; i < v->n_points && !*first; i++)
        snprintf(first, sizeof first, "%s", v->points[i].device);
    PLMR_CHECK(name || *first, PLMR_ERROR_INPUT, "none of the points is of a device that plmr knows: see --device");
    PLMR_TRY(plmr_device_load(name ? name : first, device));
    if (name)
        return plmr_validation_choose(v, name);
    leave_one(v, first);
    return PLMR_OK;
}

plmr_status plmr_validation_run(plmr_validation *v, void (*progress)(void *context), void *context)
{
    plmr_device device;
    char loaded[sizeof device.name] = "";
    for (int i = 0; i < v->n_points; i++) {
        plmr_measurement *point = &v->points[i];
        if (progress)
            progress(context);
        if (!point->set || !*point->device)
            continue;
        if (strcmp(loaded, point->device) != 0)
            PLMR_TRY(plmr_agree(plmr_device_load(point->device, &device)));
        snprintf(loaded, sizeof loaded, "%s", point->device);
        PLMR_TRY(plmr_measurement_predict(point, &device));
    }
    return PLMR_OK;
}

static void count(plmr_errors *e, double error)
{
    e->n++;
    e->mean += fabs(error);
    e->rms += error * error;
    e->bias += error;
    if (fabs(error) > fabs(e->worst))
        e->worst = error;
}

plmr_errors plmr_validation_errors(const plmr_validation *v, const plmr_measured_set *set, const char *mechanism,
                                   const char *device)
{
    plmr_errors e = {0};
    for (int i = 0; i < v->n_points; i++) {
        const plmr_measurement *point = &v->points[i];
        double error = plmr_measurement_error(point);
        if (point->set && !isnan(error) && (!set || point->set == set) &&
            (!mechanism || strcmp(point->set->mechanism, mechanism) == 0) &&
            (!device || same_device(device, point->device)))
            count(&e, error);
    }
    double n = e.n ? e.n : 1;
    return (plmr_errors){e.n, e.mean / n, sqrt(e.rms / n), e.worst, e.bias / n};
}
