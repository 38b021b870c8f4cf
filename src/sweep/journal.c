#include "sweep/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/draft.h"
#include "base/folder.h"
#include "base/hash.h"
#include "base/memory.h"
#include "report/record.h"
#include "sweep/view.h"

static const char records_name[] = "records.jsonl", provenance_name[] = "provenance.json",
                  experiment_name[] = "experiment.json";

/* ---- files ---- */

static plmr_status cannot(const plmr_journal *journal, const char *what, const char *name)
{
    return plmr_error_make(PLMR_ERROR_SYSTEM, "cannot %s %.400s/%s: %s", what, journal->folder, name, strerror(errno));
}

static bool write_all(int file, const char *text, size_t n)
{
    while (n > 0) {
        ssize_t written = write(file, text, n);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return false;
        text += written;
        n -= (size_t)written;
    }
    return true;
}

/* Writes a file of the folder whole. */
static plmr_status put_file(const plmr_journal *journal, const char *name, const char *text)
{
    char *path = plmr_take_text("%s/%s", journal->folder, name);
    plmr_status status = plmr_draft_write("--out", path, text);
    free(path);
    return status;
}

static plmr_status open_folder(plmr_journal *journal)
{
    PLMR_TRY(plmr_folder_make("--out", journal->folder));
    PLMR_TRY(plmr_lock_take("--out", journal->folder, &journal->lock));
    journal->directory = open(journal->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    PLMR_CHECK(journal->directory >= 0, PLMR_ERROR_INPUT, "cannot use %.400s as a folder: %s", journal->folder,
               strerror(errno));
    return PLMR_OK;
}

static bool has_file(const plmr_journal *journal, const char *name)
{
    return faccessat(journal->directory, name, F_OK, 0) == 0;
}

/* A folder that holds results of anything else must not be touched. */
static plmr_status check_owner(const plmr_journal *journal, const char *name)
{
    if (!has_file(journal, provenance_name) && !has_file(journal, records_name))
        return PLMR_OK;
    int file = openat(journal->directory, provenance_name, O_RDONLY | O_CLOEXEC);
    json_t *provenance = file >= 0 ? json_loadfd(file, 0, NULL) : NULL;
    const char *owner = json_string_value(json_object_get(provenance, "experiment"));
    bool ours = owner && strcmp(owner, name) == 0;
    json_decref(provenance);
    if (file >= 0)
        close(file);
    PLMR_CHECK(ours, PLMR_ERROR_INPUT, "%.400s holds other results than those of %.100s: choose another --out",
               journal->folder, name);
    return PLMR_OK;
}

/* ---- what is done ---- */

/* The key of a line, if it is one of ours. */
static bool read_key(const char *line, uint64_t *key)
{
    json_t *object = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
    const char *text = json_string_value(json_object_get(object, "key"));
    bool is_key = text && strlen(text) == 16 && strspn(text, "0123456789abcdef") == 16;
    if (is_key)
        *key = strtoull(text, NULL, 16);
    json_decref(object);
    return is_key;
}

/* Keeps the line of a point that has none yet. */
static void take_line(plmr_journal *journal, const plmr_numbered *sorted, const char *line)
{
    plmr_numbered wanted = {0, 0}, *found = NULL;
    if (read_key(line, &wanted.hash))
        found = bsearch(&wanted, sorted, (size_t)journal->n_points, sizeof *sorted, plmr_numbered_compare);
    if (!found || journal->lines[found->point]) {
        journal->n_dropped++;
        return;
    }
    journal->lines[found->point] = plmr_take_copy(line);
    journal->n_done++;
}

/* The last line counts only with its newline: without, it is torn. */
static plmr_status take_lines(plmr_journal *journal, FILE *records, const plmr_numbered *sorted)
{
    char *line = NULL;
    size_t size = 0;
    for (ssize_t n; (n = getline(&line, &size, records)) > 0;) {
        bool whole = line[n - 1] == '\n';
        line[n - whole] = '\0';
        if (whole)
            take_line(journal, sorted, line);
    }
    free(line);
    return ferror(records) ? cannot(journal, "read", records_name) : PLMR_OK;
}

static plmr_status read_records(plmr_journal *journal)
{
    int file = openat(journal->directory, records_name, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return errno == ENOENT ? PLMR_OK : cannot(journal, "read", records_name);
    FILE *records = plmr_take_made(fdopen(file, "r"));
    plmr_numbered *sorted = plmr_sweep_sorted(journal->keys, journal->n_points);
    plmr_status status = take_lines(journal, records, sorted);
    free(sorted);
    fclose(records);
    return status;
}

/* Writes records.jsonl anew: the lines of points, in their order. */
static plmr_status put_records(const plmr_journal *journal)
{
    char *text;
    size_t n;
    FILE *out = plmr_take_stream(&text, &n);
    for (int64_t i = 0; i < journal->n_points; i++)
        if (journal->lines[i])
            fprintf(out, "%s\n", journal->lines[i]);
    plmr_stream_end(out);
    plmr_status status = put_file(journal, records_name, text);
    free(text);
    return status;
}

/* ---- the journal ---- */

static plmr_status fill(plmr_journal *journal, const char *name, bool again)
{
    PLMR_TRY(open_folder(journal));
    PLMR_TRY(check_owner(journal, name));
    if (!again)
        PLMR_TRY(read_records(journal));
    return PLMR_OK;
}

plmr_status plmr_journal_open(const char *folder, const char *name, const uint64_t *keys, int64_t n_points, bool again,
                              plmr_journal *journal)
{
    *journal = (plmr_journal){.folder = plmr_take_copy(folder),
                              .directory = -1,
                              .file = -1,
                              .keys = keys,
                              .lines = plmr_take_zeroed((size_t)n_points, sizeof *journal->lines),
                              .n_points = n_points};
    plmr_status status = fill(journal, name, again);
    if (status)
        plmr_journal_close(journal);
    return status;
}

static plmr_status put_provenance(const plmr_journal *journal, const char *name, const char *text, int n_ranks)
{
    char hash[20];
    plmr_provenance now = plmr_provenance_now();
    snprintf(hash, sizeof hash, "%016" PRIx64, plmr_hash_text(PLMR_HASH_START, text));
    json_t *object = plmr_take_made(json_pack("{ss ss ss ss ss ss si ss}", "experiment", name, "experiment_hash", hash,
                                              "version", PLMR_VERSION, "revision", now.revision, "build", now.build.hex,
                                              "host", now.host, "ranks", n_ranks, "date", now.date));
    char *shown = plmr_take_made(json_dumps(object, JSON_INDENT(1))), *file = plmr_take_text("%s\n", shown);
    plmr_status status = put_file(journal, provenance_name, file);
    json_decref(object);
    free(shown);
    free(file);
    return status;
}

static bool is_described(const plmr_journal *journal, const char *text)
{
    size_t n = strlen(text);
    char *old = malloc(n + 2);
    int file = openat(journal->directory, experiment_name, O_RDONLY | O_CLOEXEC);
    ssize_t n_old = old && file >= 0 ? read(file, old, n + 1) : -1;
    bool same = n_old == (ssize_t)n && memcmp(old, text, n) == 0;
    if (file >= 0)
        close(file);
    free(old);
    return same;
}

plmr_status plmr_journal_describe(const plmr_journal *journal, const char *name, const char *text, int n_ranks)
{
    if (journal->n_done == journal->n_points && is_described(journal, text))
        return PLMR_OK;
    PLMR_TRY(put_provenance(journal, name, text, n_ranks)); /* first: it says whose folder this is */
    return put_file(journal, experiment_name, text);
}

static plmr_status open_records(plmr_journal *journal)
{
    PLMR_TRY(put_records(journal));
    journal->file = openat(journal->directory, records_name, O_WRONLY | O_APPEND | O_CLOEXEC);
    return journal->file >= 0 ? PLMR_OK : cannot(journal, "write", records_name);
}

plmr_status plmr_journal_add(plmr_journal *journal, int64_t i, char *line)
{
    size_t n = strlen(line);
    PLMR_ASSERT(!journal->lines[i]);
    journal->lines[i] = line;
    journal->n_done++;
    if (journal->file < 0)
        return open_records(journal);
    line[n] = '\n'; /* in one piece with the line; nobody reads it meanwhile */
    bool written = write_all(journal->file, line, n + 1) && fsync(journal->file) == 0;
    line[n] = '\0';
    return written ? PLMR_OK : cannot(journal, "write", records_name);
}

plmr_status plmr_journal_finish(plmr_journal *journal, const plmr_experiment *experiment)
{
    PLMR_TRY(put_records(journal));
    char *csv = plmr_view_csv(experiment, journal->lines);
    plmr_status status = put_file(journal, "table.csv", csv);
    free(csv);
    return status;
}

void plmr_journal_close(plmr_journal *journal)
{
    if (journal->file >= 0)
        close(journal->file);
    if (journal->directory >= 0)
        close(journal->directory);
    plmr_lock_release(&journal->lock);
    for (int64_t i = 0; journal->lines && i < journal->n_points; i++)
        free(journal->lines[i]);
    free(journal->lines);
    free(journal->folder);
    *journal = (plmr_journal){.directory = -1, .file = -1};
}

/* ---- lines ---- */

char *plmr_journal_line(const plmr_sweep_point *point, uint64_t key, const char *record, const char *error)
{
    char digits[20];
    snprintf(digits, sizeof digits, "%016" PRIx64, key);
    json_t *object =
        plmr_take_made(json_pack("{ss ss sO}", "key", digits, "run", point->run->name, "point", point->values));
    json_t *more = plmr_take_made(record ? json_loads(record, 0, NULL)
                                         : json_pack("{ss ss}", "command", point->run->command->name, "error", error));
    json_object_update(object, more);
    char *line = plmr_take_made(json_dumps(object, JSON_REAL_PRECISION(15)));
    json_decref(more);
    json_decref(object);
    return line;
}
