#include "cli/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/machine.h"
#include "base/text_file.h"
#include "cli/options.h"
#include "plmr/ranks.h"
#include "scale/launch.h"
#include "scale/series.h"

enum { MOST_RANKS = 1 << 20, MOST_COUNTS = 64, MOST_BYTES = 1 << 30 };

struct scale_command {
    bool weak, has_kind;
    plmr_chosen workloads;
    struct rank_counts {
        int at[MOST_COUNTS], n;
    } ranks;
    int64_t repeat;
    plmr_texts from, files; /* of --from, and behind it */
    const char *json, *records;
    char **own; /* a command of the user's, NULL at its end; NULL: not given */
};

/* ---- the command line ---- */

#define RUNS "What runs:"

static plmr_status read_ranks(const plmr_option *option, const char *text, void *member)
{
    struct rank_counts *counts = member;
    return plmr_parse_counts(plmr_option_shown(option).s, text, MOST_RANKS, MOST_COUNTS, counts->at, &counts->n);
}

/* The kind, then files. */
static plmr_status read_argument(const plmr_option *option, const char *text, void *command)
{
    static const char *const kinds[] = {"strong", "weak"};
    struct scale_command *c = command;
    int kind;
    if (c->has_kind)
        return plmr_read_one_more(option, text, &c->files);
    PLMR_TRY(plmr_parse_word("", text, kinds, 2, &kind));
    c->weak = kind == 1;
    c->has_kind = true;
    return PLMR_OK;
}

static const plmr_option options[] = {
    {"workload", "LIST", RUNS, "%s or all (the default)",
     PLMR_SOME_OF(struct scale_command, workloads, &plmr_workload_registry)},
    {"ranks", "LIST", RUNS, "Numbers of ranks, e.g. 1,2,4 (default: powers of two up to the cores here)",
     PLMR_READ_BY(read_ranks, struct scale_command, ranks)},
    {"repeat", "N", RUNS, "Run everything N times, in turn, and take the medians",
     PLMR_COUNT(struct scale_command, repeat, 99), .value = "3"},
    {"from", "FILE...", "Or what has run:", "Run nothing: read records that --json of other commands has written",
     PLMR_ONE_MORE(struct scale_command, from), .path = PLMR_PATH_READ},
    {"json", "FILE|-", PLMR_TITLE_OUTPUT,
     "One JSON object per point of a curve; with - the tables go to standard error",
     PLMR_TEXT_WRITTEN(struct scale_command, json)},
    {"records", "FILE", PLMR_TITLE_OUTPUT, "The record of every single run, as --from reads them",
     PLMR_TEXT_WRITTEN(struct scale_command, records)},
    {"", "strong|weak", NULL, NULL, PLMR_READ_ALL(read_argument), .path = PLMR_PATH_READ, .most = PLMR_MOST_TEXTS},
    {"--", NULL, NULL, NULL, PLMR_REST(struct scale_command, own)},
    {0},
};

static plmr_status check(const struct scale_command *c)
{
    bool collects = c->from.n > 0;
    PLMR_CHECK(c->has_kind, PLMR_ERROR_INPUT, "say which scaling: strong or weak (see plmr scale --help)");
    PLMR_CHECK(collects || !c->files.n, PLMR_ERROR_INPUT, "unexpected '%.60s' (see plmr scale --help)", c->files.at[0]);
    PLMR_CHECK(!c->own || (!c->workloads.n && !collects), PLMR_ERROR_INPUT,
               "give a command after --, or --%s, not both", collects ? "from" : "workload");
    PLMR_CHECK(!c->own || *c->own, PLMR_ERROR_INPUT, "a command of plmr is missing after --");
    PLMR_CHECK(!collects || (!c->workloads.n && !c->ranks.n && !c->records), PLMR_ERROR_INPUT,
               "--from reads what has run: leave out --workload, --ranks and --records");
    return PLMR_OK;
}

/* All workloads; as many ranks as there is room for: what SLURM has given, or the cores of this machine. */
static plmr_status choose(struct scale_command *c)
{
    static const plmr_option all = {.name = "workload", .registry = &plmr_workload_registry};
    const char *tasks = getenv("SLURM_NTASKS");
    int most = tasks ? atoi(tasks) : plmr_machine_site().n_cores;
    bool chooses = c->ranks.n == 0;
    for (int n = 1; chooses && (n == 1 || n <= most); n *= 2)
        c->ranks.at[c->ranks.n++] = n;
    return c->workloads.n || c->own ? PLMR_OK : plmr_read_some_of(&all, "all", &c->workloads);
}

/* ---- collecting ---- */

static plmr_status add_file(const char *path, plmr_curve *curve)
{
    char *text;
    size_t n;
    int n_added = 0;
    plmr_status status = plmr_file_read(path, MOST_BYTES, &text, &n);
    if (!status)
        status = plmr_curve_add(curve, text, path, &n_added);
    free(text);
    PLMR_TRY(status);
    PLMR_CHECK(n_added > 0, PLMR_ERROR_INPUT, "--from: %.300s holds no records of runs that scale", path);
    return PLMR_OK;
}

static plmr_status collect(const plmr_texts *files, plmr_curve *curve)
{
    for (int i = 0; i < files->n; i++)
        PLMR_TRY(add_file(files->at[i], curve));
    return PLMR_OK;
}

/* ---- the whole ---- */

static plmr_status run_and_tell(const struct scale_command *c, plmr_curve *curve, plmr_draft *json)
{
    plmr_draft records;
    plmr_series series = {.workloads = &c->workloads,
                          .own = (const char *const *)c->own,
                          .counts = c->ranks.at,
                          .n_counts = c->ranks.n,
                          .repeat = c->repeat,
                          .curve = curve,
                          .records = &records};
    PLMR_TRY(plmr_jsonl_open("--records", c->records, &records));
    plmr_status status = c->from.n ? collect(&c->from, curve) : plmr_series_run(&series);
    if (!status)
        status = collect(&c->files, curve);
    status = plmr_draft_close(&records, status);
    if (!status)
        status = plmr_curve_finish(curve);
    PLMR_TRY(status);
    plmr_curve_print(plmr_text_beside(c->json), curve);
    return plmr_curve_write(json, curve);
}

static plmr_status run_command(void *options)
{
    struct scale_command *c = options;
    plmr_curve curve = {.weak = c->weak};
    plmr_draft json;
    PLMR_TRY(check(c));
    if (!c->from.n)
        PLMR_TRY(plmr_launch_check());
    PLMR_CHECK(plmr_rank_count() == 1, PLMR_ERROR_INPUT, "it runs alone: start it without mpirun or srun");
    PLMR_TRY(choose(c));
    PLMR_TRY(plmr_jsonl_open("--json", c->json, &json));
    plmr_status status = plmr_draft_close(&json, run_and_tell(c, &curve, &json));
    plmr_curve_free(&curve);
    return status;
}

const plmr_command plmr_command_scale = {
    .name = "scale",
    .summary = "run on several numbers of ranks: speed-up and efficiency",
    .arguments = "strong|weak\nstrong|weak -- COMMAND [OPTION...]\nstrong|weak --from FILE...",
    .about =
        "Runs plmr on several numbers of ranks and shows time, speed-up, efficiency, where the ranks' time goes, what "
        "they send, and their memory. It starts mpirun itself, or srun within a SLURM job, or what PLMR_LAUNCHER "
        "says, e.g. 'mpirun --hostfile hosts -n {n}'. Strong scaling keeps the problem, weak scaling a rank's part "
        "of it: in a command of your own {A} stands for A times the ranks.",
    .more = "For example:\n"
            "  plmr scale strong --ranks 1,2,4 --json strong.jsonl\n"
            "  plmr scale weak --ranks 1,2 -- gemm --alg cannon --m {1024} --k 2048 --n 2048 --cores 256x256\n"
            "  plmr scale strong --from results/*-strong-*/ranks-*.jsonl",
    .options = options,
    .size = sizeof(struct scale_command),
    .run = run_command,
    .needs_no_ranks = true,
};
