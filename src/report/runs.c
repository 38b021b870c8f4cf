#include "report/runs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text_file.h"
#include "report/record.h"

/* The largest file that is read, and the most runs that a page has use for. */
enum { MOST_BYTES = 128 << 20, MOST_RUNS = 200 };

/* ---- records ---- */

static bool is_a(enum plmr_field_type type, const json_t *value)
{
    if (type == PLMR_FIELD_count)
        return json_is_integer(value) && json_integer_value(value) >= 0;
    return type == PLMR_FIELD_real ? json_is_number(value) : json_is_string(value);
}

/* `what`, on a device, is what a page calls a run. */
struct command {
    const char *name, *what;
    const plmr_record_field *fields;
};

static const struct command commands[] = {
    {"gemm", "algorithm", plmr_record_fields},      {"gemv", "algorithm", plmr_record_fields},
    {"allreduce", "algorithm", plmr_record_fields}, {"llm", "model", plmr_llm_record_fields},
    {"generate", "model", plmr_llm_record_fields},  {"serve", "model", plmr_serve_record_fields}};

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

static bool has_text(const json_t *record, const char *key)
{
    return json_is_string(json_object_get(record, key));
}

static plmr_status check_fields(const plmr_record_field *fields, const json_t *record, const char *where)
{
    static const char *const types[] = {"text", "count", "number", "hash"};
    for (const plmr_record_field *f = fields; f->key; f++) {
        const json_t *value = json_object_get(record, f->key);
        PLMR_CHECK(!value || json_is_null(value) || is_a(f->type, value), PLMR_ERROR_INPUT, "%s: \"%s\" is not a %s",
                   where, f->key, types[f->type]);
    }
    return PLMR_OK;
}

#define GIVE "gemm, gemv, allreduce, llm, generate or serve"

/* `where` is file and line. Other keys that are missing or unknown are of other versions, and no fault. */
static plmr_status check_record(const json_t *record, const char *where)
{
    const char *name = json_string_value(json_object_get(record, "command"));
    PLMR_CHECK(name, PLMR_ERROR_INPUT, "%s: no record of a run (it has no \"command\"): give those of " GIVE, where);
    const struct command *command = find_command(name);
    PLMR_CHECK(command, PLMR_ERROR_INPUT, "%s: there is no report of '%.40s': give records of " GIVE, where, name);
    PLMR_TRY(check_fields(command->fields, record, where));
    PLMR_CHECK(has_text(record, command->what) && has_text(record, "device"), PLMR_ERROR_INPUT,
               "%s: not a record of plmr: it has no \"%s\"", where,
               has_text(record, "device") ? command->what : "device");
    return PLMR_OK;
}

/* ---- versions ---- */

static void note_version(plmr_html *html, const char *path, const char *version)
{
    char note[400];
    if (version && strcmp(version, PLMR_VERSION) == 0)
        return;
    snprintf(note, sizeof note,
             "%.200s was made by plmr %.40s, this page by plmr %s: what the two count may differ; run it again to "
             "compare with certainty.",
             path, version ? version : "of a version that it does not name", PLMR_VERSION);
    plmr_html_note(html, note);
}

/* One note for each version that comes in a row. */
static void note_record(plmr_html *html, const char *path, const json_t *record, const char **last)
{
    const char *version = json_string_value(json_object_get(record, "version"));
    if (*last && version && strcmp(*last, version) == 0)
        return;
    *last = version;
    note_version(html, path, version);
}

static plmr_status add_run(plmr_html *html, const char *where, json_t *run)
{
    bool room = json_array_size(html->runs) < MOST_RUNS;
    if (room)
        plmr_html_add(html, run);
    else
        json_decref(run);
    PLMR_CHECK(room, PLMR_ERROR_INPUT, "%s: more than %d runs are too many for a page: give fewer", where, MOST_RUNS);
    return PLMR_OK;
}

/* ---- a file of records: one to a line ---- */

/* A file that is being read: the version that the record before names, and points of a sweep that have no result. */
struct reading {
    const char *path, *version;
    int n_failed;
};

static void note_failed(plmr_html *html, const struct reading *r)
{
    char note[400];
    snprintf(note, sizeof note, "%.200s: %d %s ended with an error and %s left out.", r->path, r->n_failed,
             r->n_failed == 1 ? "point" : "points", r->n_failed == 1 ? "is" : "are");
    if (r->n_failed)
        plmr_html_note(html, note);
}

static plmr_status add_line(plmr_html *html, struct reading *r, int line, const char *text, size_t n)
{
    char where[300];
    json_error_t error;
    snprintf(where, sizeof where, "%.240s:%d", r->path, line);
    json_t *record = json_loadb(text, n, 0, &error);
    PLMR_CHECK(record, PLMR_ERROR_INPUT, "%s: not a record of plmr (--json): %.100s", where, error.text);
    bool failed = has_text(record, "error") && !has_text(record, "device");
    plmr_status status = failed ? PLMR_OK : check_record(record, where);
    r->n_failed += failed;
    if (failed || status) {
        json_decref(record);
        return status;
    }
    note_record(html, r->path, record, &r->version);
    return add_run(html, where, plmr_take_made(json_pack("{s:o}", "record", record)));
}

static plmr_status add_records(plmr_html *html, const char *path, const char *text)
{
    struct reading reading = {.path = path};
    int line = 1;
    for (const char *end; *text; text = *end ? end + 1 : end, line++) {
        end = strchrnul(text, '\n');
        if (strspn(text, " \t\r") >= (size_t)(end - text))
            continue;
        PLMR_TRY(add_line(html, &reading, line, text, (size_t)(end - text)));
    }
    note_failed(html, &reading);
    return PLMR_OK;
}

/* ---- a report ---- */

static plmr_status add_runs(plmr_html *html, const char *path, const json_t *data)
{
    const json_t *runs = json_object_get(data, "runs");
    const char *version = json_string_value(json_object_get(data, "version"));
    json_int_t format = json_integer_value(json_object_get(data, "format"));
    PLMR_CHECK(format == PLMR_HTML_FORMAT, PLMR_ERROR_INPUT,
               "%s: a report of plmr %.40s in format %lld, but plmr %s reads format %d: write it again with --report",
               path, version ? version : "(unknown)", (long long)format, PLMR_VERSION, PLMR_HTML_FORMAT);
    note_version(html, path, version);
    PLMR_CHECK(json_array_size(runs) > 0, PLMR_ERROR_INPUT, "%s: a report without runs", path);
    for (size_t i = 0; i < json_array_size(runs); i++) {
        json_t *run = json_array_get(runs, i);
        char where[300];
        snprintf(where, sizeof where, "%.240s: run %zu", path, i + 1);
        PLMR_TRY(check_record(json_object_get(run, "record"), where));
        PLMR_TRY(add_run(html, where, json_incref(run)));
    }
    return PLMR_OK;
}

static plmr_status add_report(plmr_html *html, const char *path, const char *text)
{
    json_error_t error;
    const char *begin = strstr(text, PLMR_HTML_DATA_BEGIN);
    const char *data = begin ? begin + strlen(PLMR_HTML_DATA_BEGIN) : NULL;
    const char *end = data ? strstr(data, PLMR_HTML_DATA_END) : NULL;
    PLMR_CHECK(end, PLMR_ERROR_INPUT, "%s: neither records (--json) nor a report (--report) of plmr", path);
    json_t *json = json_loadb(data, (size_t)(end - data), 0, &error);
    PLMR_CHECK(json, PLMR_ERROR_INPUT, "%s: a damaged report: %.100s", path, error.text);
    plmr_status status = add_runs(html, path, json);
    json_decref(json);
    return status;
}

/* ---- either ---- */

plmr_status plmr_runs_add(const char *path, plmr_html *html)
{
    char *text;
    size_t n;
    plmr_status status = plmr_file_read(path, MOST_BYTES, &text, &n);
    if (!status)
        status = (text[strspn(text, " \t\r\n")] == '<' ? add_report : add_records)(html, path, text);
    free(text);
    return status;
}
