#include "sweep/run.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/draft.h"
#include "base/format.h"
#include "base/memory.h"
#include "base/text_file.h"
#include "base/wall.h"
#include "plmr/ranks.h"
#include "report/progress.h"
#include "sweep/journal.h"

/* A sweep under way. */
typedef struct plmr_sweep {
    const plmr_experiment *experiment;
    const char *name, *text, *folder;
    bool again;
    plmr_sweep_runner *run;
    char record_file[PATH_MAX + 32]; /* where a point's command leaves its record */
    uint64_t *keys;                  /* of points: on rank 0 */
    bool *done;                      /* points, on all ranks */
    plmr_journal journal;            /* on rank 0 */
    int64_t n_before;                /* points that were done before */
    int64_t n_run;                   /* points that this sweep has run */
    plmr_progress progress;
} plmr_sweep;

/* ---- points ---- */

/* One of a simulation of serving has all of its requests. */
enum { MOST_RECORD_BYTES = 1 << 30 };

/* On rank 0. Takes over the error, if the point had one. */
static plmr_status note_point(plmr_sweep *s, int64_t i, const plmr_sweep_point *point, plmr_status error)
{
    char *record = NULL;
    size_t n;
    plmr_status status = error ? PLMR_OK : plmr_file_read(s->record_file, MOST_RECORD_BYTES, &record, &n);
    if (status) {
        free(record);
        return status;
    }
    char *line = plmr_journal_line(point, s->keys[i], record, error ? plmr_error_text(error) : NULL);
    plmr_error_free(error);
    free(record);
    remove(s->record_file);
    return plmr_journal_add(&s->journal, i, line);
}

/* The point's command is told of its record by an option of its own; the user has named the folder. */
static plmr_status as_named(plmr_status error)
{
    static const char own[] = "--json:";
    if (!error || strncmp(plmr_error_text(error), own, sizeof own - 1) != 0)
        return error;
    plmr_status named = plmr_error_make(plmr_error_code(error), "--out:%s", plmr_error_text(error) + sizeof own - 1);
    plmr_error_free(error);
    return named;
}

static plmr_status run_point(plmr_sweep *s, int64_t i)
{
    plmr_sweep_point point;
    plmr_sweep_point_make(s->experiment, i, &point);
    plmr_status status = as_named(s->run(&point, s->record_file));
    enum plmr_code code = plmr_error_code(status);
    bool failed = code == PLMR_ERROR_SYSTEM || code == PLMR_ERROR_FILE;
    if (!failed && plmr_rank() == 0)
        status = note_point(s, i, &point, status);
    else if (!failed) {
        plmr_error_free(status);
        status = PLMR_OK;
    }
    plmr_sweep_point_clear(&point);
    return failed ? status : plmr_agree(status);
}

static plmr_status run_points(plmr_sweep *s)
{
    plmr_status status = PLMR_OK;
    int64_t n = s->experiment->n_points, n_left = n - s->n_before;
    plmr_progress_begin(&s->progress, s->name, n_left, plmr_rank() == 0 && plmr_on_terminal(stderr));
    for (int64_t i = 0; i < n && !status; i++) {
        if (s->done[i])
            continue;
        status = run_point(s, i);
        plmr_progress_step(&s->progress, ++s->n_run);
    }
    plmr_progress_end(&s->progress);
    return status;
}

/* ---- the sweep ---- */

static plmr_status make_keys(plmr_sweep *s)
{
    plmr_status status = PLMR_OK;
    s->keys = plmr_take((size_t)s->experiment->n_points * sizeof *s->keys);
    for (int64_t i = 0; i < s->experiment->n_points && !status; i++) {
        plmr_sweep_point point;
        plmr_sweep_point_make(s->experiment, i, &point);
        status = plmr_sweep_point_key(&point, &s->keys[i]);
        plmr_sweep_point_clear(&point);
    }
    return status;
}

/* From here on what a point leaves for the journal goes when this run does, however that ends. */
static plmr_status open_journal(plmr_sweep *s)
{
    int64_t n = s->experiment->n_points;
    PLMR_TRY(make_keys(s));
    PLMR_TRY(plmr_journal_open(s->folder, s->name, s->keys, n, s->again, &s->journal));
    plmr_draft_note(s->record_file);
    for (int64_t i = 0; i < n; i++)
        s->done[i] = s->journal.lines[i];
    s->n_before = s->journal.n_done;
    return plmr_journal_describe(&s->journal, s->name, s->text, plmr_rank_count());
}

/* All ranks learn which points are done. */
static plmr_status open_sweep(plmr_sweep *s)
{
    size_t n = (size_t)s->experiment->n_points;
    s->done = plmr_take_zeroed(n, sizeof *s->done);
    PLMR_TRY(plmr_agree(plmr_rank() == 0 ? open_journal(s) : PLMR_OK));
    plmr_broadcast(s->done, n * sizeof *s->done);
    plmr_broadcast(&s->n_before, sizeof s->n_before);
    return PLMR_OK;
}

/* What the records say that a user should know. */
struct tally {
    int64_t violating, errors;
    char first_error[400];
};

static void count_line(const char *text, struct tally *tally)
{
    json_t *line = json_loads(text, 0, NULL);
    const char *violates = json_string_value(json_object_get(line, "violates"));
    const char *error = json_string_value(json_object_get(line, "error"));
    tally->violating += violates && *violates;
    if (error && tally->errors++ == 0)
        snprintf(tally->first_error, sizeof tally->first_error, "%s", error);
    json_decref(line);
}

static void print_summary(const plmr_sweep *s, const struct tally *tally, double wall_s)
{
    printf("%s: %lld points in %s, %lld of them run now in %.1f s", s->name, (long long)s->experiment->n_points,
           s->folder, (long long)s->n_run, wall_s);
    if (tally->violating)
        printf("; %lld exceed a core's memory or routes", (long long)tally->violating);
    if (tally->errors)
        printf("; %lld with an error, the first: %s", (long long)tally->errors, tally->first_error);
    if (s->journal.n_dropped)
        printf("; %s dropped, of no point of this experiment", plmr_format_counted(s->journal.n_dropped, "line").s);
    printf("\n");
}

static plmr_status finish(plmr_sweep *s, double wall_s)
{
    struct tally tally = {0};
    plmr_draft_sweep(s->record_file); /* what a sweep that was killed in a point has left of the point's record */
    PLMR_TRY(plmr_journal_finish(&s->journal, s->experiment));
    for (int64_t i = 0; i < s->experiment->n_points; i++)
        count_line(s->journal.lines[i], &tally);
    PLMR_CHECK(tally.errors < s->experiment->n_points, PLMR_ERROR_INPUT,
               "none of the %lld points has a result; the first says: %s", (long long)s->experiment->n_points,
               tally.first_error);
    print_summary(s, &tally, wall_s);
    return PLMR_OK;
}

static plmr_status run_all(plmr_sweep *s)
{
    double start_s = plmr_wall_s();
    PLMR_TRY(open_sweep(s));
    PLMR_TRY(run_points(s));
    return plmr_agree(plmr_rank() == 0 ? finish(s, plmr_wall_s() - start_s) : PLMR_OK);
}

plmr_status plmr_sweep_all(const plmr_experiment *experiment, const char *name, const char *text, const char *folder,
                           bool again, plmr_sweep_runner *run)
{
    plmr_sweep s = {.experiment = experiment, .name = name, .text = text, .folder = folder, .again = again, .run = run};
    snprintf(s.record_file, sizeof s.record_file, "%s/point.json", folder);
    plmr_status status = run_all(&s);
    if (s.journal.folder) {
        plmr_draft_remove(s.record_file);
        plmr_journal_close(&s.journal);
    }
    free(s.keys);
    free(s.done);
    return status;
}
