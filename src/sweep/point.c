/* One point of an experiment as a command line, and what identifies it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "plmr/device.h"
#include "sweep/experiment.h"
#include "sweep/hash.h"

static const char device_prefix[] = "device.";

static bool is_device(const char *option)
{
    return strcmp(option, "device") == 0 || strncmp(option, device_prefix, strlen(device_prefix)) == 0;
}

/* As the command line has it. NULL without memory. */
static char *show_value(const json_t *value)
{
    char *text = NULL;
    if (json_is_string(value))
        return strdup(json_string_value(value));
    int length = json_is_integer(value) ? asprintf(&text, "%lld", (long long)json_integer_value(value))
                                        : asprintf(&text, "%.12g", json_number_value(value));
    return length < 0 ? NULL : text;
}

/* Adds "name" and "value" to *list as "NAME<by>VALUE", after what is there and `before`. */
static plmr_status append(char **list, const char *before, const char *name, const char *by, const json_t *value)
{
    char *shown = show_value(value), *longer;
    int length = shown ? asprintf(&longer, "%s%s%s%s%s", *list, before, name, by, shown) : -1;
    free(shown);
    PLMR_CHECK(length >= 0, PLMR_ERROR_SYSTEM, "out of memory");
    free(*list);
    *list = longer;
    return PLMR_OK;
}

static plmr_status add_argument(plmr_sweep_point *point, const char *name, const json_t *value)
{
    if (is_device(name) || json_is_false(value))
        return PLMR_OK;
    char **argument = &point->argv[point->argc];
    *argument = plmr_take_copy("--");
    point->argc++;
    if (!json_is_true(value))
        return append(argument, "", name, "=", value);
    free(*argument);
    PLMR_CHECK(asprintf(argument, "--%s", name) >= 0, PLMR_ERROR_SYSTEM, "out of memory");
    return PLMR_OK;
}

/* All options of the point, those that are fixed first. */
static json_t *all_options(const plmr_sweep_point *point)
{
    json_t *all = point->run->fixed ? json_copy(point->run->fixed) : json_object();
    if (all && json_object_update(all, point->values) != 0) {
        json_decref(all);
        all = NULL;
    }
    return all;
}

/* "wse2:hop=4,relay=16" */
static plmr_status make_device(plmr_sweep_point *point, json_t *options)
{
    const char *option;
    json_t *value = json_object_get(options, "device");
    bool first = true;
    point->device = value ? show_value(value) : strdup(PLMR_DEVICE_DEFAULT);
    PLMR_CHECK(point->device, PLMR_ERROR_SYSTEM, "out of memory");
    json_object_foreach(options, option, value)
    {
        if (!is_device(option) || strcmp(option, "device") == 0)
            continue;
        PLMR_TRY(append(&point->device, first ? ":" : ",", option + strlen(device_prefix), "=", value));
        first = false;
    }
    return PLMR_OK;
}

static plmr_status fill_arguments(plmr_sweep_point *point, json_t *options)
{
    const char *name;
    json_t *value;
    point->argv = calloc(json_object_size(options) + 3, sizeof *point->argv);
    PLMR_CHECK(point->argv && (point->argv[0] = strdup(point->run->command->name)), PLMR_ERROR_SYSTEM, "out of memory");
    point->argc = 1;
    json_object_foreach(options, name, value) PLMR_TRY(add_argument(point, name, value));
    PLMR_TRY(make_device(point, options));
    PLMR_CHECK(asprintf(&point->argv[point->argc], "--device=%s", point->device) >= 0, PLMR_ERROR_SYSTEM,
               "out of memory");
    point->argc++;
    return PLMR_OK;
}

/* The values of the run's i-th point. */
static plmr_status fill_values(const plmr_sweep_run *run, int64_t i, plmr_sweep_point *point)
{
    int64_t stride = run->n_points;
    point->values = json_object();
    PLMR_CHECK(point->values, PLMR_ERROR_SYSTEM, "out of memory");
    for (int j = 0; j < run->n_axes; j++) {
        int64_t n = (int64_t)json_array_size(run->axes[j].values);
        stride /= n;
        json_t *value = json_array_get(run->axes[j].values, (size_t)(i / stride % n));
        PLMR_CHECK(json_object_set(point->values, run->axes[j].option, value) == 0, PLMR_ERROR_SYSTEM, "out of memory");
    }
    return PLMR_OK;
}

static plmr_status fill_point(int64_t i, plmr_sweep_point *point)
{
    PLMR_TRY(fill_values(point->run, i, point));
    json_t *options = all_options(point);
    PLMR_CHECK(options, PLMR_ERROR_SYSTEM, "out of memory");
    plmr_status status = fill_arguments(point, options);
    json_decref(options);
    return status;
}

plmr_status plmr_sweep_point_make(const plmr_experiment *experiment, int64_t i, plmr_sweep_point *point)
{
    const plmr_sweep_run *run = experiment->runs;
    while (i >= run->first + run->n_points)
        run++;
    *point = (plmr_sweep_point){.run = run};
    plmr_status status = fill_point(i - run->first, point);
    if (status)
        plmr_sweep_point_clear(point);
    return status;
}

void plmr_sweep_point_clear(plmr_sweep_point *point)
{
    for (int i = 0; point->argv && i <= point->argc; i++)
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

uint64_t plmr_sweep_point_key(const plmr_sweep_point *point)
{
    plmr_device device;
    uint64_t hash = plmr_hash_text(plmr_sweep_point_hash(point), PLMR_VERSION);
    plmr_status unknown = plmr_device_load(point->device, &device);
    if (unknown) {
        plmr_error_free(unknown);
        return hash;
    }
#define X(key, unit, least, most, meaning) hash = plmr_hash_bytes(hash, &device.key, sizeof device.key);
    PLMR_DEVICE_NUMBERS(X)
#undef X
    return plmr_hash_bytes(hash, &device.topology, sizeof device.topology);
}
