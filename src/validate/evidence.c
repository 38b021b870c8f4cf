/* What sets say of devices: how well they are met, and which of a device's numbers their predictions depend on. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "plmr/ranks.h"
#include "validate/validate.h"

enum { SAMPLES = 6 };

/* Numbers that take time or power, and are not 0. */
static bool may_move(const plmr_device *device, const struct plmr_device_number *number)
{
    bool counts = strncmp(number->unit, "cycles", 6) == 0 || strcmp(number->unit, "W") == 0;
    return counts && *plmr_device_value((plmr_device *)device, number) > 0;
}

/* Adds by how many percent a prediction moves with each number's percent, as shares of all. */
static plmr_status add_shares(const plmr_measurement *point, plmr_evidence *e)
{
    plmr_device device, moved;
    plmr_measurement trial = *point;
    double slopes[PLMR_DEVICE_N_NUMBERS] = {0}, sum = 0;
    PLMR_TRY(plmr_agree(plmr_device_load(point->device, &device)));
    for (int i = 0; i < PLMR_DEVICE_N_NUMBERS; i++) {
        if (!may_move(&device, &plmr_device_numbers[i]))
            continue;
        moved = device;
        *plmr_device_value(&moved, &plmr_device_numbers[i]) *= 1.05;
        PLMR_TRY(plmr_measurement_predict(&trial, &moved));
        slopes[i] = isnan(trial.predicted) ? 0 : fabs(trial.predicted / point->predicted - 1);
        sum += slopes[i];
    }
    for (int i = 0; i < PLMR_DEVICE_N_NUMBERS && sum > 0; i++)
        e->shares[i] += slopes[i] / sum;
    return PLMR_OK;
}

static bool is_of(const plmr_measurement *point, const plmr_evidence *e)
{
    size_t n = strcspn(point->device, ":");
    return point->set && !isnan(plmr_measurement_error(point)) && strcmp(point->set->name, e->set) == 0 &&
           strlen(e->device) == n && strncmp(point->device, e->device, n) == 0;
}

/* Of points that are spread over the set; of a slow one the first. */
static plmr_status weigh(const plmr_validation *v, plmr_evidence *e)
{
    int seen = 0, taken = 0;
    for (int i = 0; i < v->n_points; i++)
        if (is_of(&v->points[i], e) && seen++ * (v->points[i].set->slow ? 1 : SAMPLES) >= taken * e->n) {
            PLMR_TRY(add_shares(&v->points[i], e));
            taken++;
        }
    double sum = 0;
    for (int i = 0; i < PLMR_DEVICE_N_NUMBERS; i++)
        sum += e->shares[i];
    for (int i = 0; i < PLMR_DEVICE_N_NUMBERS && sum > 0; i++)
        e->shares[i] /= sum;
    return PLMR_OK;
}

static plmr_evidence *find(plmr_validation *v, const plmr_measurement *point)
{
    for (int i = 0; i < v->n_evidence; i++)
        if (is_of(point, &v->evidence[i]))
            return &v->evidence[i];
    v->evidence = plmr_take_more(v->evidence, ((size_t)v->n_evidence + 1) * sizeof *v->evidence);
    plmr_evidence *e = &v->evidence[v->n_evidence++];
    *e = (plmr_evidence){0};
    snprintf(e->set, sizeof e->set, "%s", point->set->name);
    snprintf(e->device, sizeof e->device, "%.*s", (int)strcspn(point->device, ":"), point->device);
    snprintf(e->standing, sizeof e->standing, "%s", point->set->standing);
    return e;
}

plmr_status plmr_validation_weigh(plmr_validation *v)
{
    for (int i = 0; i < v->n_points; i++) {
        double error = plmr_measurement_error(&v->points[i]);
        if (!v->points[i].set || isnan(error))
            continue;
        plmr_evidence *e = find(v, &v->points[i]);
        e->n++;
        e->mean += fabs(error);
        e->rms += error * error;
        e->bias += error;
    }
    for (int i = 0; i < v->n_evidence; i++) {
        plmr_evidence *e = &v->evidence[i];
        e->mean /= e->n;
        e->rms = sqrt(e->rms / e->n);
        e->bias /= e->n;
        PLMR_TRY(weigh(v, e));
    }
    return PLMR_OK;
}

/* In thousandths, less what is below half of one: enough to judge by, and the same wherever it is made. */
static double rounded(double x, double unit)
{
    return round(x / unit) * unit;
}

void plmr_validation_put_evidence(FILE *out, const void *validation)
{
    const plmr_validation *v = validation;
    for (int i = 0; i < v->n_evidence; i++) {
        const plmr_evidence *e = &v->evidence[i];
        json_t *numbers = plmr_take_made(json_object());
        for (int j = 0; j < PLMR_DEVICE_N_NUMBERS; j++)
            if (e->shares[j] >= 0.005)
                json_object_set_new(numbers, plmr_device_numbers[j].key, json_real(rounded(e->shares[j], 0.01)));
        json_t *line = json_pack("{ss ss ss si sf sf sf so}", "set", e->set, "device", e->device, "standing",
                                 e->standing, "n", e->n, "mean", rounded(e->mean, 1e-4), "rms", rounded(e->rms, 1e-4),
                                 "bias", rounded(e->bias, 1e-4), "numbers", numbers);
        json_dumpf(line, out, JSON_COMPACT | JSON_REAL_PRECISION(4));
        fputc('\n', out);
        json_decref(line);
    }
}
