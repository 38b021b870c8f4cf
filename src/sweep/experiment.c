#include "sweep/experiment.h"

#include <stdlib.h>
#include <string.h>

#include "base/larger.h"
#include "base/memory.h"
#include "device/device_internal.h"
#include "sweep/axis.h"
#include "sweep/view.h"

static const char *const top_keys[] = {"title", "question", "runs", "columns", "plots"};
static const char *const run_keys[] = {"command", "options", "vary"};

/* What a sweep sees to itself, beside outputs: these would be written over and over. */
static const char *const refused[] = {"help", "stall", "color", "json", "out", "http"};

static const char device_prefix[] = "device.";

typedef struct parser {
    plmr_reader reader;
    const plmr_sweep_command *commands;
    int n_commands;
    plmr_experiment *experiment;
} parser;

/* ---- options ---- */

static const plmr_option *find_option(const plmr_sweep_command *command, const char *name)
{
    plmr_option_row rows[PLMR_MOST_OPTIONS];
    int n = plmr_option_rows(command->options, rows);
    for (int i = 0; i < n; i++)
        if (strcmp(rows[i].option->name, name) == 0)
            return rows[i].option;
    return NULL;
}

static plmr_status check_name(const plmr_reader *reader, const plmr_sweep_command *command, const char *name)
{
    const char *names[PLMR_MOST_OPTIONS], *device_keys[PLMR_DEVICE_N_KEYS];
    plmr_option_row rows[PLMR_MOST_OPTIONS];
    int n = plmr_option_rows(command->options, rows);
    plmr_device_list_keys(device_keys);
    bool is_refused = plmr_option_is_output(find_option(command, name));
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        is_refused = is_refused || strcmp(name, refused[i]) == 0;
    if (is_refused)
        return plmr_reader_fault(reader, name, "is not for sweeps");
    if (strncmp(name, device_prefix, strlen(device_prefix)) == 0)
        return plmr_reader_check_word(reader, name, name + strlen(device_prefix), "number of a device", device_keys,
                                      PLMR_DEVICE_N_KEYS);
    for (int i = 0; i < n; i++)
        names[i] = rows[i].option->name;
    char what[60];
    snprintf(what, sizeof what, "option of plmr %s", command->name);
    return plmr_reader_check_word(reader, name, name, what, names, n);
}

/* Whether an option that takes a value has one, and one that takes none has not. */
static plmr_status check_kind(const plmr_reader *reader, const plmr_sweep_command *command, const char *name,
                              const char *at, const json_t *value)
{
    const plmr_option *option = find_option(command, name);
    bool takes_value = !option || option->argument;
    PLMR_TRY(plmr_axis_check_value(reader, at, value));
    if (takes_value == json_is_boolean(value))
        return plmr_reader_fault(reader, at,
                                 takes_value ? "is a truth value, but --%s takes another"
                                             : "is no truth value, but --%s takes none: true or false",
                                 name);
    return PLMR_OK;
}

static plmr_status read_fixed(plmr_reader *reader, const json_t *json, plmr_sweep_run *run)
{
    const char *name;
    json_t *value;
    if (!json_object_get(json, "options"))
        return PLMR_OK;
    PLMR_TRY(plmr_reader_object(reader, json, "options", &run->fixed));
    plmr_reader_enter(reader, "options");
    json_object_foreach(run->fixed, name, value)
    {
        PLMR_TRY(check_name(reader, run->command, name));
        PLMR_TRY(check_kind(reader, run->command, name, name, value));
    }
    plmr_reader_leave(reader);
    return PLMR_OK;
}

/* ---- what is varied ---- */

static plmr_status check_values(plmr_reader *reader, const plmr_sweep_run *run, const plmr_sweep_axis *axis)
{
    char index[24];
    size_t i;
    json_t *value;
    plmr_reader_enter(reader, axis->option);
    json_array_foreach(axis->values, i, value)
    {
        snprintf(index, sizeof index, "%zu", i);
        PLMR_TRY(check_kind(reader, run->command, axis->option, index, value));
    }
    plmr_reader_leave(reader);
    return PLMR_OK;
}

static plmr_status read_axis(plmr_reader *reader, const json_t *vary, const char *name, plmr_sweep_run *run)
{
    plmr_sweep_axis *axis = &run->axes[run->n_axes];
    PLMR_TRY(check_name(reader, run->command, name));
    if (json_object_get(run->fixed, name))
        return plmr_reader_fault(reader, name, "is fixed among the options too: leave one of them out");
    PLMR_TRY(plmr_axis_read(reader, vary, name, &axis->values));
    axis->option = name;
    run->n_axes++;
    run->n_points *= (int64_t)json_array_size(axis->values);
    if (run->n_points > PLMR_SWEEP_MOST_POINTS)
        return plmr_reader_fault(reader, name, "makes more than %d points", PLMR_SWEEP_MOST_POINTS);
    return check_values(reader, run, axis);
}

static plmr_status read_axes(plmr_reader *reader, const json_t *json, plmr_sweep_run *run)
{
    const char *name;
    json_t *vary, *unused;
    PLMR_TRY(plmr_reader_object(reader, json, "vary", &vary));
    run->axes = plmr_take_zeroed(json_object_size(vary), sizeof *run->axes);
    run->n_points = 1;
    plmr_reader_enter(reader, "vary");
    json_object_foreach(vary, name, unused)
    {
        PLMR_TRY(read_axis(reader, vary, name, run));
    }
    plmr_reader_leave(reader);
    return PLMR_OK;
}

static bool is_one_algorithm(const json_t *value)
{
    const char *text = json_string_value(value);
    return text && strcmp(text, "all") != 0 && !strchr(text, ',');
}

/* A point has one record, so one algorithm. */
static plmr_status check_algorithm(const plmr_reader *reader, const plmr_sweep_run *run)
{
    const json_t *fixed = json_object_get(run->fixed, "alg"), *value;
    bool one = !find_option(run->command, "alg") || is_one_algorithm(fixed);
    for (int i = 0; i < run->n_axes; i++) {
        size_t j;
        if (strcmp(run->axes[i].option, "alg") != 0)
            continue;
        one = true;
        json_array_foreach(run->axes[i].values, j, value) one = one && is_one_algorithm(value);
    }
    return one ? PLMR_OK : plmr_reader_fault(reader, NULL, "each point needs one algorithm: fix or vary \"alg\"");
}

/* ---- the whole ---- */

static plmr_status read_command(const parser *p, const json_t *json, plmr_sweep_run *run)
{
    const char *names[PLMR_MOST_OPTIONS], *name;
    for (int i = 0; i < p->n_commands; i++)
        names[i] = p->commands[i].name;
    PLMR_TRY(plmr_reader_text(&p->reader, json, "command", PLMR_SWEEP_LONGEST, &name));
    PLMR_TRY(plmr_reader_check_word(&p->reader, "command", name, "command of a sweep", names, p->n_commands));
    for (int i = 0; i < p->n_commands; i++)
        if (strcmp(p->commands[i].name, name) == 0)
            run->command = &p->commands[i];
    return PLMR_OK;
}

static plmr_status read_run(parser *p, json_t *json, plmr_sweep_run *run)
{
    if (!json_is_object(json))
        return plmr_reader_fault(&p->reader, NULL, "is %s, expected an object with \"command\" and \"vary\"",
                                 plmr_reader_state(json));
    PLMR_TRY(plmr_reader_check_keys(&p->reader, json, run_keys, 3));
    PLMR_TRY(read_command(p, json, run));
    PLMR_TRY(read_fixed(&p->reader, json, run));
    PLMR_TRY(read_axes(&p->reader, json, run));
    return check_algorithm(&p->reader, run);
}

static plmr_status add_run(parser *p, const char *name, json_t *json)
{
    plmr_experiment *e = p->experiment;
    plmr_sweep_run *run = &e->runs[e->n_runs++];
    run->name = name;
    run->first = e->n_points;
    plmr_reader_enter(&p->reader, name);
    PLMR_TRY(read_run(p, json, run));
    e->n_points += run->n_points;
    if (e->n_points > PLMR_SWEEP_MOST_POINTS)
        return plmr_reader_fault(&p->reader, NULL, "makes more than %d points", PLMR_SWEEP_MOST_POINTS);
    plmr_reader_leave(&p->reader);
    return PLMR_OK;
}

static plmr_status read_runs(parser *p)
{
    const char *name;
    json_t *runs, *json;
    PLMR_TRY(plmr_reader_object(&p->reader, p->experiment->root, "runs", &runs));
    p->experiment->runs = plmr_take_zeroed(json_object_size(runs), sizeof *p->experiment->runs);
    plmr_reader_enter(&p->reader, "runs");
    json_object_foreach(runs, name, json)
    {
        PLMR_TRY(add_run(p, name, json));
    }
    plmr_reader_leave(&p->reader);
    return PLMR_OK;
}

static plmr_status same_point(const parser *p, int64_t i)
{
    char line[300] = "";
    size_t used = 0;
    plmr_sweep_point point;
    plmr_sweep_point_make(p->experiment, i, &point);
    for (int j = 0; j < point.argc && used < sizeof line; j++)
        used += (size_t)snprintf(line + used, sizeof line - used, " %s", point.argv[j]);
    plmr_reader reader = p->reader;
    plmr_reader_enter(&reader, "runs");
    plmr_status status = plmr_reader_fault(&reader, point.run->name, "has a point that is there already: plmr%s", line);
    plmr_sweep_point_clear(&point);
    return status;
}

static plmr_status check_points(const parser *p)
{
    int64_t n = p->experiment->n_points, same = -1;
    uint64_t *hashes = plmr_take((size_t)n * sizeof *hashes);
    for (int64_t i = 0; i < n; i++) {
        plmr_sweep_point point;
        plmr_sweep_point_make(p->experiment, i, &point);
        hashes[i] = plmr_sweep_point_hash(&point);
        plmr_sweep_point_clear(&point);
    }
    plmr_numbered *all = plmr_sweep_sorted(hashes, n);
    for (int64_t i = 1; i < n && same < 0; i++)
        if (all[i].hash == all[i - 1].hash)
            same = plmr_larger(all[i].point, all[i - 1].point);
    free(all);
    free(hashes);
    return same < 0 ? PLMR_OK : same_point(p, same);
}

static plmr_status read_root(parser *p)
{
    plmr_experiment *e = p->experiment;
    PLMR_TRY(plmr_reader_check_keys(&p->reader, e->root, top_keys, 5));
    PLMR_TRY(plmr_reader_text(&p->reader, e->root, "title", PLMR_SWEEP_LONGEST, &e->title));
    PLMR_TRY(plmr_reader_text(&p->reader, e->root, "question", PLMR_SWEEP_LONGEST, &e->question));
    PLMR_TRY(read_runs(p));
    PLMR_TRY(check_points(p));
    return plmr_view_check(&p->reader, e);
}

plmr_status plmr_experiment_parse(const char *text, const char *file, const plmr_sweep_command *commands,
                                  int n_commands, plmr_experiment **experiment)
{
    parser p = {.reader = {.text = text, .file = file}, .commands = commands, .n_commands = n_commands};
    p.experiment = plmr_take_zeroed(1, sizeof *p.experiment);
    plmr_status status = plmr_reader_load(&p.reader, "an experiment", &p.experiment->root);
    if (!status)
        status = read_root(&p);
    if (status)
        plmr_experiment_destroy(p.experiment);
    else
        *experiment = p.experiment;
    return status;
}

void plmr_experiment_destroy(plmr_experiment *experiment)
{
    if (!experiment)
        return;
    for (int i = 0; i < experiment->n_runs; i++) {
        for (int j = 0; j < experiment->runs[i].n_axes; j++)
            json_decref(experiment->runs[i].axes[j].values);
        free(experiment->runs[i].axes);
    }
    free(experiment->runs);
    json_decref(experiment->root);
    free(experiment);
}
