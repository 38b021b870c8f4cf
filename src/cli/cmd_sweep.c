#include "cli/cli.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/share.h"
#include "base/suggest.h"
#include "base/text_file.h"
#include "base/wall.h"
#include "cli/options.h"
#include "cli/sweep_runners.h"
#include "plmr/ranks.h"
#include "report/progress.h"
#include "sweep/journal.h"

struct sweep_command {
    const char *what, *out; /* out: NULL for the default */
    bool again, dry_run;

    char *text;                      /* of the experiment's file, on all ranks */
    char file[PATH_MAX], name[256];  /* the name: the file's, without folder and .json */
    char folder[PATH_MAX];           /* of the results */
    char record_file[PATH_MAX + 32]; /* where a point's command leaves its record */
    plmr_experiment *experiment;
    uint64_t *keys;       /* of points: on rank 0 */
    bool *done;           /* points, on all ranks */
    plmr_journal journal; /* on rank 0 */
    int64_t n_before;     /* points that were done before */
    int64_t n_run;        /* points that this sweep has run */
    plmr_progress progress;
};

/* ---- the command line ---- */

static const plmr_option options[] = {
    {"out", "DIR", NULL, "Where results go (default: results/ and the experiment's name)",
     PLMR_TEXT(struct sweep_command, out)},
    {"again", NULL, NULL, "Forget what is done, and run all points", PLMR_FLAG(struct sweep_command, again)},
    {"dry-run", NULL, NULL, "Print the points as commands, and run nothing", PLMR_FLAG(struct sweep_command, dry_run)},
    {"", "NAME|FILE", NULL, NULL, PLMR_TEXT(struct sweep_command, what), .most = 1},
    {0},
};

/* ---- the experiment ---- */

static plmr_status unknown_experiment(const char *name)
{
    char **names;
    int n;
    PLMR_TRY(plmr_share_names("experiments", ".json", &names, &n));
    const char *near = plmr_suggest(name, (const char *const *)names, n);
    plmr_status status =
        plmr_error_make(PLMR_ERROR_INPUT,
                        "unknown experiment '%.60s'%s%s%s (plmr sweep list has them; or give the path of a JSON file)",
                        name, near ? ": did you mean '" : "", near ? near : "", near ? "'?" : "");
    free(names);
    return status;
}

/* The path of an experiment that is named, or given as a file. */
static plmr_status find_file(const char *what, char *path, size_t size)
{
    char relative[NAME_MAX + 32];
    size_t length = strlen(what);
    if (strchr(what, '/') || (length >= 5 && strcmp(what + length - 5, ".json") == 0)) {
        PLMR_CHECK(length < size, PLMR_ERROR_INPUT, "'%.60s...' is too long for a path", what);
        strcpy(path, what);
        return PLMR_OK;
    }
    int n = snprintf(relative, sizeof relative, "experiments/%s.json", what);
    plmr_status missing =
        n < 0 || (size_t)n >= sizeof relative ? unknown_experiment(what) : plmr_share_path(relative, path, size);
    if (!missing)
        return PLMR_OK;
    plmr_error_free(missing);
    return unknown_experiment(what);
}

static void set_names(struct sweep_command *c)
{
    const char *slash = strrchr(c->file, '/'), *base = slash ? slash + 1 : c->file;
    size_t length = strlen(base);
    if (length > 5 && strcmp(base + length - 5, ".json") == 0)
        length -= 5;
    snprintf(c->name, sizeof c->name, "%.*s", (int)length, base);
    if (c->out)
        snprintf(c->folder, sizeof c->folder, "%s", c->out);
    else
        snprintf(c->folder, sizeof c->folder, "results/%s", c->name);
    snprintf(c->record_file, sizeof c->record_file, "%s/point.json", c->folder);
}

static plmr_status read_file(struct sweep_command *c)
{
    PLMR_TRY(find_file(c->what, c->file, sizeof c->file));
    return plmr_error_of_input(plmr_text_file_read(c->file, "an experiment", &c->text));
}

/* The file need be on rank 0's machine only. */
static plmr_status share_file(struct sweep_command *c)
{
    PLMR_TRY(plmr_agree(plmr_rank() == 0 ? read_file(c) : PLMR_OK));
    size_t n = plmr_rank() == 0 ? strlen(c->text) + 1 : 0;
    plmr_broadcast(&n, sizeof n);
    plmr_broadcast(c->file, sizeof c->file);
    if (plmr_rank() > 0)
        c->text = plmr_take(n);
    plmr_broadcast(c->text, n);
    set_names(c);
    return PLMR_OK;
}

/* ---- points ---- */

/* On rank 0. Takes over the error, if the point had one. */
static plmr_status note_point(struct sweep_command *c, int64_t i, const plmr_sweep_point *point, plmr_status error)
{
    char *record = NULL;
    if (!error)
        PLMR_TRY(plmr_text_file_read(c->record_file, "a record", &record));
    char *line = plmr_journal_line(point, c->keys[i], record, error ? plmr_error_text(error) : NULL);
    plmr_error_free(error);
    free(record);
    remove(c->record_file);
    return plmr_journal_add(&c->journal, i, line);
}

static plmr_status run_point(struct sweep_command *c, int64_t i)
{
    plmr_sweep_point point;
    plmr_sweep_point_make(c->experiment, i, &point);
    plmr_status status = plmr_sweep_run_point(&point, c->record_file);
    bool failed = status && plmr_error_code(status) == PLMR_ERROR_SYSTEM;
    if (!failed && plmr_rank() == 0)
        status = note_point(c, i, &point, status);
    else if (!failed) {
        plmr_error_free(status);
        status = PLMR_OK;
    }
    plmr_sweep_point_clear(&point);
    return failed ? status : plmr_agree(status);
}

static plmr_status run_points(struct sweep_command *c)
{
    plmr_status status = PLMR_OK;
    int64_t n = c->experiment->n_points, n_left = n - c->n_before;
    plmr_progress_begin(&c->progress, c->name, n_left, plmr_rank() == 0 && plmr_on_terminal(stderr));
    for (int64_t i = 0; i < n && !status; i++) {
        if (c->done[i])
            continue;
        status = run_point(c, i);
        plmr_progress_step(&c->progress, ++c->n_run);
    }
    plmr_progress_end(&c->progress);
    return status;
}

/* ---- the sweep ---- */

static void find_keys(struct sweep_command *c)
{
    c->keys = plmr_take((size_t)c->experiment->n_points * sizeof *c->keys);
    for (int64_t i = 0; i < c->experiment->n_points; i++) {
        plmr_sweep_point point;
        plmr_sweep_point_make(c->experiment, i, &point);
        c->keys[i] = plmr_sweep_point_key(&point);
        plmr_sweep_point_clear(&point);
    }
}

static plmr_status open_journal(struct sweep_command *c)
{
    int64_t n = c->experiment->n_points;
    find_keys(c);
    PLMR_TRY(plmr_journal_open(c->folder, c->name, c->keys, n, c->again, &c->journal));
    for (int64_t i = 0; i < n; i++)
        c->done[i] = c->journal.lines[i];
    c->n_before = c->journal.n_done;
    return plmr_journal_describe(&c->journal, c->name, c->text, plmr_rank_count());
}

static plmr_status open_sweep(struct sweep_command *c)
{
    size_t n = (size_t)c->experiment->n_points;
    c->done = calloc(n, sizeof *c->done);
    PLMR_TRY(plmr_agree(c->done ? PLMR_OK : plmr_error_make(PLMR_ERROR_SYSTEM, "out of memory")));
    PLMR_TRY(plmr_agree(plmr_rank() == 0 ? open_journal(c) : PLMR_OK));
    plmr_broadcast(c->done, n * sizeof *c->done);
    plmr_broadcast(&c->n_before, sizeof c->n_before);
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

static void print_summary(const struct sweep_command *c, const struct tally *tally, double wall_s)
{
    printf("%s: %lld points in %s, %lld of them run now in %.1f s", c->name, (long long)c->experiment->n_points,
           c->folder, (long long)c->n_run, wall_s);
    if (tally->violating)
        printf("; %lld exceed a core's memory or routes", (long long)tally->violating);
    if (tally->errors)
        printf("; %lld with an error, the first: %s", (long long)tally->errors, tally->first_error);
    if (c->journal.n_dropped)
        printf("; %lld lines dropped that are no points of this experiment", (long long)c->journal.n_dropped);
    printf("\n");
}

/* What a sweep that was killed in a point has left of the point's record. */
static void remove_draft(const struct sweep_command *c)
{
    char draft[sizeof c->record_file + 8];
    snprintf(draft, sizeof draft, "%s.part", c->record_file);
    remove(draft);
    remove(c->record_file);
}

static plmr_status finish(struct sweep_command *c, double wall_s)
{
    remove_draft(c);
    struct tally tally = {0};
    PLMR_TRY(plmr_journal_finish(&c->journal, c->experiment));
    for (int64_t i = 0; i < c->experiment->n_points; i++)
        count_line(c->journal.lines[i], &tally);
    PLMR_CHECK(tally.errors < c->experiment->n_points, PLMR_ERROR_INPUT,
               "none of the %lld points has a result; the first says: %s", (long long)c->experiment->n_points,
               tally.first_error);
    print_summary(c, &tally, wall_s);
    return PLMR_OK;
}

static plmr_status run_sweep(struct sweep_command *c)
{
    double start_s = plmr_wall_s();
    PLMR_TRY(open_sweep(c));
    PLMR_TRY(run_points(c));
    return plmr_agree(plmr_rank() == 0 ? finish(c, plmr_wall_s() - start_s) : PLMR_OK);
}

/* As they could be typed; without what a sweep adds. */
static void print_points(const struct sweep_command *c)
{
    for (int64_t i = 0; i < c->experiment->n_points; i++) {
        plmr_sweep_point point;
        plmr_sweep_point_make(c->experiment, i, &point);
        printf("plmr");
        for (int j = 0; j < point.argc; j++)
            printf(" %s", point.argv[j]);
        printf("\n");
        plmr_sweep_point_clear(&point);
    }
}

static plmr_status open_experiment(struct sweep_command *c, const plmr_sweep_runners *table)
{
    PLMR_TRY(share_file(c));
    return plmr_agree(plmr_experiment_parse(c->text, c->file, table->commands, PLMR_SWEEP_RUNNERS, &c->experiment));
}

static void close_sweep(struct sweep_command *c)
{
    if (c->journal.folder)
        plmr_journal_close(&c->journal);
    plmr_experiment_destroy(c->experiment);
    free(c->keys);
    free(c->done);
    free(c->text);
}

static plmr_status sweep(struct sweep_command *c, const plmr_sweep_runners *table)
{
    plmr_status status = open_experiment(c, table);
    if (!status && c->dry_run && plmr_rank() == 0)
        print_points(c);
    else if (!status && !c->dry_run)
        status = run_sweep(c);
    close_sweep(c);
    return status;
}

/* ---- the list ---- */

static plmr_status print_experiment(const char *name, const plmr_sweep_runners *table)
{
    struct sweep_command c = {.what = name};
    plmr_status status = read_file(&c);
    if (!status)
        status = plmr_experiment_parse(c.text, c.file, table->commands, PLMR_SWEEP_RUNNERS, &c.experiment);
    if (!status)
        printf("  %-16s %6lld points  %s\n", name, (long long)c.experiment->n_points, c.experiment->title);
    close_sweep(&c);
    return status;
}

static plmr_status print_list(const plmr_sweep_runners *table)
{
    char **names;
    int n;
    plmr_status status = PLMR_OK;
    PLMR_TRY(plmr_share_names("experiments", ".json", &names, &n));
    for (int i = 0; i < n && !status; i++)
        status = print_experiment(names[i], table);
    free(names);
    return status;
}

static plmr_status run(void *options)
{
    struct sweep_command *c = options;
    plmr_sweep_runners table;
    PLMR_CHECK(c->what, PLMR_ERROR_INPUT, "say which experiment: a name of plmr sweep list, or a JSON file");
    PLMR_CHECK(!c->out || strlen(c->out) < sizeof c->folder, PLMR_ERROR_INPUT, "--out: '%.60s...' is too long", c->out);
    plmr_sweep_runners_fill(&table);
    if (strcmp(c->what, "list") == 0)
        return plmr_agree(plmr_rank() == 0 ? print_list(&table) : PLMR_OK);
    return sweep(c, &table);
}

const plmr_command plmr_command_sweep = {
    .name = "sweep",
    .summary = "run an experiment: a command for every combination of some options",
    .arguments = "list\nNAME|FILE",
    .about =
        "Runs an experiment: one of gemm, gemv, allreduce and llm for every combination of the options that its file "
        "varies. What is done is not done again: a sweep that was stopped goes on where it was.",
    .more = "For example:\n"
            "  plmr sweep list\n"
            "  plmr sweep sensitivity-l --out mine",
    .options = options,
    .size = sizeof(struct sweep_command),
    .run = run,
};
