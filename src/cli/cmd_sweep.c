#include "cli/cli.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/share.h"
#include "base/suggest.h"
#include "base/text_file.h"
#include "cli/options.h"
#include "plmr/ranks.h"
#include "sweep/run.h"

enum { N_RUNNERS = 5, MOST_ARGUMENTS = 64 };

struct sweep_command {
    const char *what, *out; /* out: NULL for the default */
    bool again, dry_run;

    char *text;                     /* of the experiment's file, on all ranks */
    char file[PATH_MAX], name[256]; /* the name: the file's, without folder and .json */
    char folder[PATH_MAX];          /* of the results */
    plmr_experiment *experiment;
    plmr_sweep_command commands[N_RUNNERS]; /* that it may run */
};

/* ---- the commands that sweeps run ---- */

static const plmr_command *const runners[N_RUNNERS] = {&plmr_command_gemm, &plmr_command_gemv, &plmr_command_allreduce,
                                                       &plmr_command_llm, &plmr_command_serve};

/* "--name" or "--name=..." among the arguments. */
static bool has_argument(const plmr_sweep_point *point, const char *name)
{
    size_t n = strlen(name);
    for (int i = 1; i < point->argc; i++)
        if (strncmp(point->argv[i], name, n) == 0 && (point->argv[i][n] == '=' || !point->argv[i][n]))
            return true;
    return false;
}

static const plmr_command *runner_of(const plmr_sweep_point *point)
{
    int i = 0;
    while (strcmp(runners[i]->name, point->argv[0]) != 0)
        i++;
    return runners[i];
}

/* An option that a sweep adds: the command has it, and the point says nothing of it. */
static bool is_open(const plmr_sweep_point *point, const char *name)
{
    plmr_option_row rows[PLMR_MOST_OPTIONS];
    int n = plmr_option_rows(runner_of(point)->options, rows);
    for (int i = 0; i < n; i++)
        if (strcmp(rows[i].option->name, name + 2) == 0)
            return !has_argument(point, name);
    return false;
}

/* The point's own arguments, and those that a sweep adds. */
static plmr_status run_allowing(const plmr_sweep_point *point, const char *record_file, const char *allow)
{
    char json[PATH_MAX + 40], *argv[MOST_ARGUMENTS + 8], mode[] = "--mode=timing", quiet[] = "--quiet", allowed[16];
    int argc = point->argc;
    PLMR_ASSERT(argc <= MOST_ARGUMENTS);
    memcpy(argv, point->argv, (size_t)argc * sizeof *argv);
    snprintf(json, sizeof json, "--json=%s", record_file);
    snprintf(allowed, sizeof allowed, "--allow=%s", allow);
    if (is_open(point, "--mode"))
        argv[argc++] = mode;
    if (is_open(point, "--allow"))
        argv[argc++] = allowed;
    argv[argc++] = quiet;
    argv[argc++] = json;
    argv[argc] = NULL;
    return plmr_command_run(runner_of(point), argc, argv);
}

/* Without printing; unless the point says otherwise in time alone, and memory may be exceeded. Where routes are,
 * software relays; only if that is not enough they may be exceeded too. */
static plmr_status run_point(const plmr_sweep_point *point, const char *record_file)
{
    plmr_status status = run_allowing(point, record_file, "M");
    if (!status || plmr_error_code(status) != PLMR_ERROR_LIMIT || !is_open(point, "--allow"))
        return status;
    plmr_error_free(status);
    return run_allowing(point, record_file, "M,R");
}

/* ---- the command line ---- */

static const plmr_option options[] = {
    {"out", "DIR", NULL, "Where results go (default: results/ and the experiment's name)",
     PLMR_TEXT_FOLDER(struct sweep_command, out)},
    {"again", NULL, NULL, "Forget what is done, and run all points", PLMR_FLAG(struct sweep_command, again)},
    {"dry-run", NULL, NULL, "Print the points as commands, and run nothing", PLMR_FLAG(struct sweep_command, dry_run)},
    {"", "NAME|FILE", NULL, NULL, PLMR_TEXT_READ(struct sweep_command, what), .most = 1},
    {0},
};

/* ---- the experiment ---- */

static const plmr_shared experiments = {"experiment", "experiments", {".json"}, "the path of a JSON file"};

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
}

static plmr_status read_file(struct sweep_command *c)
{
    const char *path;
    PLMR_TRY(plmr_share_find(&experiments, c->what, c->file, sizeof c->file, &path));
    PLMR_CHECK(strlen(path) < sizeof c->file, PLMR_ERROR_INPUT, "'%.60s...' is too long for a path", path);
    if (path != c->file)
        strcpy(c->file, path);
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

/* ---- the sweep ---- */

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

static plmr_status open_experiment(struct sweep_command *c)
{
    PLMR_TRY(share_file(c));
    return plmr_agree(plmr_experiment_parse(c->text, c->file, c->commands, N_RUNNERS, &c->experiment));
}

static void close_sweep(struct sweep_command *c)
{
    plmr_experiment_destroy(c->experiment);
    free(c->text);
}

static plmr_status sweep(struct sweep_command *c)
{
    plmr_status status = open_experiment(c);
    if (!status && c->dry_run && plmr_rank() == 0)
        print_points(c);
    else if (!status && !c->dry_run)
        status = plmr_sweep_all(c->experiment, c->name, c->text, c->folder, c->again, run_point);
    close_sweep(c);
    return status;
}

/* ---- the list ---- */

static plmr_status print_experiment(const struct sweep_command *list, const char *name)
{
    struct sweep_command c = *list;
    c.what = name;
    plmr_status status = read_file(&c);
    if (!status)
        status = plmr_experiment_parse(c.text, c.file, c.commands, N_RUNNERS, &c.experiment);
    if (!status)
        printf("  %-16s %6lld points  %s\n", name, (long long)c.experiment->n_points, c.experiment->title);
    close_sweep(&c);
    return status;
}

static plmr_status print_list(const struct sweep_command *c)
{
    int n;
    char **names;
    plmr_status status = plmr_share_names(&experiments, &names, &n);
    for (int i = 0; i < n && !status; i++)
        status = print_experiment(c, names[i]);
    free(names);
    return status;
}

static plmr_status run(void *options)
{
    struct sweep_command *c = options;
    PLMR_CHECK(c->what, PLMR_ERROR_INPUT, "say which experiment: a name of plmr sweep list, or a JSON file");
    PLMR_CHECK(!c->out || strlen(c->out) < sizeof c->folder, PLMR_ERROR_INPUT, "--out: '%.60s...' is too long", c->out);
    for (int i = 0; i < N_RUNNERS; i++)
        c->commands[i] = (plmr_sweep_command){runners[i]->name, runners[i]->options};
    if (strcmp(c->what, "list") == 0)
        return plmr_agree(plmr_rank() == 0 ? print_list(c) : PLMR_OK);
    return sweep(c);
}

const plmr_command plmr_command_sweep = {
    .name = "sweep",
    .summary = "run an experiment: a command for every combination of some options",
    .arguments = "list\nNAME|FILE",
    .about = "Runs an experiment: one of gemm, gemv, allreduce, llm and serve for every combination of the options "
             "that its file varies. What is done is not done again: a sweep that was stopped goes on where it was.",
    .more = "For example:\n"
            "  plmr sweep list\n"
            "  plmr sweep sensitivity-l --out mine",
    .options = options,
    .size = sizeof(struct sweep_command),
    .run = run,
};
