#include "report/rerun.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text_file.h"
#include "report/differ.h"

/* Of quick files: runs; seconds of wall time that each has taken. */
enum { N_QUICK = 4 };
static const double short_s = 0.5;

/* ---- the records ---- */

const json_t *plmr_record_line(const json_t *record)
{
    const json_t *line = json_object_get(json_object_get(record, "provenance"), "line");
    return json_is_string(json_array_get(line, 0)) ? line : NULL;
}

static plmr_status read_lines(plmr_record_file *file, char *text)
{
    size_t number = 0, n = 0;
    for (char *line; (line = strsep(&text, "\n"));) {
        number++;
        if (!line[strspn(line, " \t\r")])
            continue;
        json_t *record = json_loads(line, 0, NULL);
        bool is_one = json_is_object(record);
        json_array_append_new(file->records, record ? record : json_null());
        file->lines = plmr_take_more(file->lines, ++n * sizeof *file->lines);
        file->lines[n - 1] = number;
        PLMR_CHECK(is_one, PLMR_ERROR_INPUT, "%.300s:%zu: is no record, which is a JSON object on a line", file->path,
                   number);
    }
    return PLMR_OK;
}

static plmr_status read_records(plmr_record_file *file)
{
    enum { MOST_BYTES = 1 << 30 };
    char *text;
    size_t n;
    file->records = plmr_take_made(json_array());
    plmr_status status = plmr_file_read(file->path, MOST_BYTES, &text, &n);
    if (!status)
        status = read_lines(file, text);
    free(text);
    return status;
}

static void find_groups(plmr_record_file *file)
{
    size_t n = json_array_size(file->records);
    const json_t *before = NULL;
    file->groups = plmr_take((n + 1) * sizeof *file->groups);
    for (size_t i = 0; i < n; i++) {
        const json_t *record = json_array_get(file->records, i), *line = plmr_record_line(record);
        bool failed = !line && json_is_string(json_object_get(record, "error"));
        file->n_failed += failed;
        file->n_unsaid += !line && !failed;
        if (line && before && json_equal(line, before))
            file->groups[file->n_groups - 1].end = i + 1;
        else if (line)
            file->groups[file->n_groups++] = (plmr_run_group){i, i + 1};
        before = line;
    }
}

static bool was_short(const plmr_record_file *file, const plmr_run_group *group)
{
    double wall_s = 0;
    for (size_t i = group->first; i < group->end; i++)
        wall_s += json_number_value(json_object_get(json_array_get(file->records, i), "wall_s"));
    return wall_s <= short_s;
}

/* Leaves a few, from the first of the short ones to the last. */
static void choose_groups(plmr_record_file *file)
{
    int n = 0, n_left = 0;
    for (int i = 0; i < file->n_groups; i++)
        if (was_short(file, &file->groups[i]))
            file->groups[n++] = file->groups[i];
    for (int i = 0; i < N_QUICK && i < n; i++)
        file->groups[n_left++] = file->groups[n <= N_QUICK ? i : i * (n - 1) / (N_QUICK - 1)];
    file->n_groups = n_left;
}

plmr_status plmr_record_file_open(const char *path, bool quick, plmr_record_file *file)
{
    *file = (plmr_record_file){.path = path};
    PLMR_TRY(read_records(file));
    find_groups(file);
    if (quick)
        choose_groups(file);
    return PLMR_OK;
}

void plmr_record_file_close(plmr_record_file *file)
{
    json_decref(file->records);
    free(file->lines);
    free(file->groups);
}

/* ---- comparing ---- */

struct place {
    const char *path;
    size_t line;
};

static void tell(void *context, const char *key, const json_t *before, const json_t *now)
{
    const struct place *place = context;
    char *was = plmr_take_made(json_dumps(before, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15)));
    char *is = now ? plmr_take_made(json_dumps(now, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15))) : NULL;
    printf("%s:%zu: %s: was %s, now %s\n", place->path, place->line, key, was, is ? is : "missing");
    free(was);
    free(is);
}

/* What a run that differs has read differently. */
static void tell_causes(const struct place *place, const json_t *before, const json_t *now)
{
    const char *path;
    json_t *digest;
    const json_t *was = json_object_get(before, "provenance"), *is = json_object_get(now, "provenance");
    const json_t *device = json_object_get(is, "device"), *files = json_object_get(is, "files");
    if (device && !json_equal(json_object_get(was, "device"), device))
        printf("%s:%zu: the device's numbers have changed\n", place->path, place->line);
    json_object_foreach(json_object_get(was, "files"), path, digest)
    {
        const json_t *other = json_object_get(files, path);
        if (other && !json_equal(digest, other))
            printf("%s:%zu: %s has changed\n", place->path, place->line, path);
    }
}

json_t *plmr_records_of_run(const char *name, const char *json, plmr_status error)
{
    plmr_record_file now = {.path = json};
    if (!error)
        error = read_records(&now);
    free(now.lines);
    if (error) {
        json_decref(now.records);
        now.records = plmr_take_made(json_pack("[{s:s, s:s}]", "command", name, "error", plmr_error_text(error)));
        plmr_error_free(error);
    }
    return now.records;
}

/* Of a run of several algorithms that of the same, else the i-th: a run that stands there several times has given as many
 * records each time. NULL: there is none. */
static const json_t *counterpart(const json_t *before, const json_t *now, size_t i)
{
    const json_t *algorithm = json_object_get(before, "algorithm");
    size_t n = json_array_size(now);
    for (size_t j = 0; j < n && algorithm; j++)
        if (json_equal(json_object_get(json_array_get(now, j), "algorithm"), algorithm))
            return json_array_get(now, j);
    return n ? json_array_get(now, i % n) : NULL;
}

/* Why a run could not be done again that once could; NULL: it was, or it never could. */
static const char *refusal(const json_t *before, const json_t *now)
{
    bool failed = json_is_string(json_object_get(before, "error"));
    return failed ? NULL : json_string_value(json_object_get(json_array_get(now, 0), "error"));
}

void plmr_record_file_compare(const plmr_record_file *file, const plmr_run_group *group, const json_t *now,
                              plmr_differ_tally *tally)
{
    const char *why = refusal(json_array_get(file->records, group->first), now);
    if (why) {
        printf("%s:%zu: cannot be run again: %s\n", file->path, file->lines[group->first], why);
        tally->n_differing += group->end - group->first;
    }
    for (size_t i = group->first; i < group->end && !why; i++) {
        struct place place = {file->path, file->lines[i]};
        const json_t *before = json_array_get(file->records, i);
        const json_t *other = counterpart(before, now, i - group->first);
        bool differs = plmr_differ(before, other, tell, &place) > 0;
        if (differs)
            tell_causes(&place, before, other);
        tally->n_differing += differs;
    }
    tally->n_runs++;
    tally->n_records += group->end - group->first;
}
