#include "sweep/view.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "report/record.h"

static const char *const plot_keys[] = {"title",  "x",     "y",     "x_label", "y_label",
                                        "series", "where", "log_x", "log_y",   "relative"};

#define FIELD(type, key) #key,
static const char *const fields[] = {PLMR_RECORD_FIELDS(FIELD) PLMR_LLM_RECORD_FIELDS(FIELD)
                                         PLMR_SERVE_RECORD_FIELDS(FIELD) "run"};
#undef FIELD

enum { N_FIELDS = sizeof fields / sizeof *fields };

/* ---- quantities ---- */

/* All that may be named. */
typedef struct names {
    const char **names;
    int n;
} names;

static names list_names(const plmr_experiment *e)
{
    const char *name;
    json_t *unused;
    size_t most = N_FIELDS;
    for (int i = 0; i < e->n_runs; i++)
        most += (size_t)e->runs[i].n_axes + json_object_size(e->runs[i].fixed);
    names list = {.names = plmr_take(most * sizeof *list.names)};
    for (int i = 0; i < N_FIELDS; i++)
        list.names[list.n++] = fields[i];
    for (int i = 0; i < e->n_runs; i++) {
        for (int j = 0; j < e->runs[i].n_axes; j++)
            list.names[list.n++] = e->runs[i].axes[j].option;
        json_object_foreach(e->runs[i].fixed, name, unused) list.names[list.n++] = name;
    }
    return list;
}

static plmr_status check_name(const plmr_reader *reader, const char *key, const char *name, const names *list)
{
    return plmr_reader_check_word(reader, key, name, "field of a record, option or \"run\"", list->names, list->n);
}

/* The place's member `key`: an array of quantities, each once. */
static plmr_status check_list(plmr_reader *reader, const json_t *object, const char *key, const names *list)
{
    json_t *array, *element;
    size_t i;
    char index[24];
    PLMR_TRY(plmr_reader_array(reader, object, key, &array));
    if (json_array_size(array) > (size_t)list->n)
        return plmr_reader_fault(reader, key, "names more than there is");
    plmr_reader_enter(reader, key);
    json_array_foreach(array, i, element)
    {
        snprintf(index, sizeof index, "%zu", i);
        if (!json_is_string(element))
            return plmr_reader_fault(reader, index, "is %s, expected a text", plmr_reader_state(element));
        PLMR_TRY(check_name(reader, index, json_string_value(element), list));
        for (size_t j = 0; j < i; j++)
            if (json_equal(json_array_get(array, j), element))
                return plmr_reader_fault(reader, index, "is named before");
    }
    plmr_reader_leave(reader);
    return PLMR_OK;
}

/* ---- plots ---- */

static plmr_status check_where(plmr_reader *reader, const json_t *plot, const names *list)
{
    const char *name;
    json_t *where, *value;
    if (!json_object_get(plot, "where"))
        return PLMR_OK;
    PLMR_TRY(plmr_reader_object(reader, plot, "where", &where));
    plmr_reader_enter(reader, "where");
    json_object_foreach(where, name, value)
    {
        PLMR_TRY(check_name(reader, name, name, list));
        if (json_is_array(value) || json_is_object(value))
            return plmr_reader_fault(reader, name, "is %s, expected one value", plmr_reader_state(value));
    }
    plmr_reader_leave(reader);
    return PLMR_OK;
}

static plmr_status check_plot(plmr_reader *reader, json_t *plot, const names *list)
{
    static const char *const texts[] = {"title", "x_label", "y_label"}, *const quantities[] = {"x", "y"},
                             *const truths[] = {"log_x", "log_y", "relative"};
    const char *text;
    bool truth;
    if (!json_is_object(plot))
        return plmr_reader_fault(reader, NULL, "is %s, expected an object", plmr_reader_state(plot));
    PLMR_TRY(plmr_reader_check_keys(reader, plot, plot_keys, sizeof plot_keys / sizeof *plot_keys));
    for (int i = 0; i < 3; i++)
        PLMR_TRY(plmr_reader_text(reader, plot, texts[i], PLMR_SWEEP_LONGEST, &text));
    for (int i = 0; i < 2; i++) {
        PLMR_TRY(plmr_reader_text(reader, plot, quantities[i], PLMR_SWEEP_LONGEST, &text));
        PLMR_TRY(check_name(reader, quantities[i], text, list));
    }
    for (int i = 0; i < 3; i++)
        PLMR_TRY(plmr_reader_truth(reader, plot, truths[i], false, &truth));
    if (json_object_get(plot, "series"))
        PLMR_TRY(check_list(reader, plot, "series", list));
    return check_where(reader, plot, list);
}

static plmr_status check_plots(plmr_reader *reader, const json_t *root, const names *list)
{
    json_t *plots, *plot;
    size_t i;
    char index[24];
    if (!json_object_get(root, "plots"))
        return PLMR_OK;
    PLMR_TRY(plmr_reader_array(reader, root, "plots", &plots));
    plmr_reader_enter(reader, "plots");
    json_array_foreach(plots, i, plot)
    {
        snprintf(index, sizeof index, "%zu", i);
        plmr_reader_enter(reader, index);
        PLMR_TRY(check_plot(reader, plot, list));
        plmr_reader_leave(reader);
    }
    plmr_reader_leave(reader);
    return PLMR_OK;
}

plmr_status plmr_view_check(plmr_reader *reader, const plmr_experiment *experiment)
{
    names list = list_names(experiment);
    plmr_status status = check_list(reader, experiment->root, "columns", &list);
    if (!status)
        status = check_plots(reader, experiment->root, &list);
    free(list.names);
    return status;
}

/* ---- the CSV file ---- */

/* In quotation marks where it must be. */
static void put_text(FILE *out, const char *text)
{
    if (!text[strcspn(text, ",\"\r\n")]) {
        fputs(text, out);
        return;
    }
    putc('"', out);
    for (; *text; text++)
        fprintf(out, *text == '"' ? "\"%c" : "%c", *text);
    putc('"', out);
}

static void put_value(FILE *out, const json_t *value)
{
    if (json_is_string(value))
        put_text(out, json_string_value(value));
    else if (json_is_integer(value))
        fprintf(out, "%lld", (long long)json_integer_value(value));
    else if (json_is_real(value))
        fprintf(out, "%.15g", json_real_value(value));
    else if (json_is_boolean(value))
        fputs(json_is_true(value) ? "true" : "false", out);
}

static const plmr_sweep_run *run_of(const plmr_experiment *e, int64_t i)
{
    const plmr_sweep_run *run = e->runs;
    while (i >= run->first + run->n_points)
        run++;
    return run;
}

static const json_t *find_value(const plmr_sweep_run *run, const json_t *line, const char *name)
{
    const json_t *value = json_object_get(json_object_get(line, "point"), name);
    if (!value)
        value = json_object_get(line, name);
    return value ? value : json_object_get(run->fixed, name);
}

static void put_line(FILE *out, const json_t *columns, const plmr_sweep_run *run, const char *line)
{
    json_t *column, *object = json_loads(line, 0, NULL);
    size_t i;
    json_array_foreach(columns, i, column)
    {
        if (i)
            putc(',', out);
        put_value(out, find_value(run, object, json_string_value(column)));
    }
    putc('\n', out);
    json_decref(object);
}

char *plmr_view_csv(const plmr_experiment *experiment, char *const *lines)
{
    const json_t *columns = json_object_get(experiment->root, "columns");
    json_t *column;
    char *csv;
    size_t i, size;
    FILE *out = plmr_take_stream(&csv, &size);
    json_array_foreach(columns, i, column)
    {
        if (i)
            putc(',', out);
        put_text(out, json_string_value(column));
    }
    putc('\n', out);
    for (int64_t p = 0; p < experiment->n_points; p++)
        put_line(out, columns, run_of(experiment, p), lines[p]);
    plmr_stream_end(out);
    return csv;
}
