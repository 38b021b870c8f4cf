/* One point of an experiment as a command line, and what identifies it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/memory.h"
#include "base/text_file.h"
#include "device/identity.h"
#include "sweep/experiment.h"

static const char device_prefix[] = "device.";

static bool is_device(const char *option)
{
    return strcmp(option, "device") == 0 || strncmp(option, device_prefix, strlen(device_prefix)) == 0;
}

/* As the command line has it. */
static void put_value(FILE *out, const json_t *value)
{
    if (json_is_string(value))
        fputs(json_string_value(value), out);
    else if (json_is_integer(value))
        fprintf(out, "%lld", (long long)json_integer_value(value));
    else
        fprintf(out, "%.12g", json_number_value(value));
}

static void add_argument(plmr_sweep_point *point, const char *name, const json_t *value)
{
    size_t n;
    if (is_device(name) || json_is_false(value))
        return;
    FILE *out = plmr_take_stream(&point->argv[point->argc++], &n);
    fprintf(out, json_is_true(value) ? "--%s" : "--%s=", name);
    if (!json_is_true(value))
        put_value(out, value);
    plmr_stream_end(out);
}

/* "wse2:hop=4,relay=16" */
static char *device_of(json_t *options)
{
    const char *option, *by = ":";
    char *text;
    size_t n;
    FILE *out = plmr_take_stream(&text, &n);
    json_t *value = json_object_get(options, "device");
    if (value)
        put_value(out, value);
    else
        fputs(PLMR_DEVICE_DEFAULT, out);
    json_object_foreach(options, option, value)
    {
        if (!is_device(option) || strcmp(option, "device") == 0)
            continue;
        fprintf(out, "%s%s=", by, option + strlen(device_prefix));
        put_value(out, value);
        by = ",";
    }
    plmr_stream_end(out);
    return text;
}

static void fill_arguments(plmr_sweep_point *point, json_t *options)
{
    const char *name;
    json_t *value;
    point->argv = plmr_take_zeroed(json_object_size(options) + 3, sizeof *point->argv);
    point->argv[point->argc++] = plmr_take_copy(point->run->command->name);
    json_object_foreach(options, name, value) add_argument(point, name, value);
    point->device = device_of(options);
    point->argv[point->argc++] = plmr_take_text("--device=%s", point->device);
}

/* The values of the run's i-th point. */
static json_t *values_of(const plmr_sweep_run *run, int64_t i)
{
    int64_t stride = run->n_points;
    json_t *values = plmr_take_made(json_object());
    for (int j = 0; j < run->n_axes; j++) {
        int64_t n = (int64_t)json_array_size(run->axes[j].values);
        stride /= n;
        json_object_set(values, run->axes[j].option, json_array_get(run->axes[j].values, (size_t)(i / stride % n)));
    }
    return values;
}

/* Options are those that are fixed, then those that are varied. */
void plmr_sweep_point_make(const plmr_experiment *experiment, int64_t i, plmr_sweep_point *point)
{
    const plmr_sweep_run *run = experiment->runs;
    while (i >= run->first + run->n_points)
        run++;
    *point = (plmr_sweep_point){.run = run, .values = values_of(run, i - run->first)};
    json_t *options = plmr_take_made(run->fixed ? json_copy(run->fixed) : json_object());
    json_object_update(options, point->values);
    fill_arguments(point, options);
    json_decref(options);
}

void plmr_sweep_point_clear(plmr_sweep_point *point)
{
    for (int i = 0; i < point->argc; i++)
        free(point->argv[i]);
    free(point->argv);
    free(point->device);
    json_decref(point->values);
    *point = (plmr_sweep_point){0};
}

uint64_t plmr_sweep_point_hash(const plmr_sweep_point *point)
{
    uint64_t hash = PLMR_HASH_START;
    for (int i = 0; i < point->argc; i++)
        hash = plmr_hash_text(hash, point->argv[i]);
    return hash;
}

plmr_status plmr_sweep_point_key(const plmr_sweep_point *point, uint64_t *key)
{
    plmr_device device;
    *key = plmr_hash_text(plmr_sweep_point_hash(point), PLMR_VERSION);
    plmr_status unknown = plmr_error_of_input(plmr_device_load(point->device, &device));
    if (!unknown)
        *key = plmr_device_hash(*key, &device);
    else if (plmr_error_code(unknown) == PLMR_ERROR_FILE)
        return unknown;
    plmr_error_free(unknown);
    return PLMR_OK;
}

int plmr_numbered_compare(const void *a, const void *b)
{
    uint64_t x = ((const plmr_numbered *)a)->hash, y = ((const plmr_numbered *)b)->hash;
    return (x > y) - (x < y);
}

plmr_numbered *plmr_sweep_sorted(const uint64_t *hashes, int64_t n)
{
    plmr_numbered *sorted = plmr_take((size_t)n * sizeof *sorted);
    for (int64_t i = 0; i < n; i++)
        sorted[i] = (plmr_numbered){hashes[i], i};
    qsort(sorted, (size_t)n, sizeof *sorted, plmr_numbered_compare);
    return sorted;
}
