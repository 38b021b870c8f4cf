#include "cli/cli.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/machine.h"
#include "base/memory.h"
#include "cli/options.h"
#include "plmr/ranks.h"
#include "report/jsonl.h"
#include "report/progress.h"
#include "scale/curve.h"
#include "scale/launch.h"

enum { MOST_RANKS = 1 << 20, MOST_COUNTS = 64, MOST_WORDS = 200 };

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

/* ---- what runs ---- */

/* {A} is A for each rank. Weak: a rank's part of work and memory stays the same. */
static const struct workload {
    const char *name, *strong, *weak;
} workloads[] = {
    {"gemm", "gemm --alg meshgemm --m 4096 --k 4096 --n 4096 --cores 512x512 --dtype f32 --allow M,R",
     "gemm --alg meshgemm --m {2048} --k 4096 --n 4096 --cores 512x512 --dtype f32 --allow M,R"},
    {"gemv", "gemv --alg meshgemv --k 16384 --n 16384 --cores 512x512 --dtype f32 --allow M,R",
     "gemv --alg meshgemv --k 16384 --n {8192} --cores 512x512 --dtype f32 --allow M,R"},
    {"prefill",
     "llm --model tinyllama-1.1b --mode compute --phase prefill --layers 0..0 --prompt 2048 --prefill-cores 256x256 "
     "--allow M,R",
     "llm --model tinyllama-1.1b --mode compute --phase prefill --layers 0..{1-1} --prompt 2048 --prefill-cores "
     "256x256 "
     "--allow M,R"},
    {"decode",
     "llm --model tinyllama-1.1b --mode compute --phase decode --layers 0..3 --context 512 --decode 32 --decode-cores "
     "256x256 --allow M,R",
     "llm --model tinyllama-1.1b --mode compute --phase decode --layers 0..{2-1} --context 512 --decode 32 "
     "--decode-cores 256x256 --allow M,R"},
};

/* ---- the command line ---- */

#define RUNS "What runs:"

static const void *const all_workloads[] = {&workloads[0], &workloads[1], &workloads[2], &workloads[3]};
static const plmr_registry workload_registry = {all_workloads, sizeof workloads / sizeof *workloads};

static plmr_status read_ranks(const plmr_option *option, const char *text, void *member)
{
    char *list = plmr_take_copy(text), *rest = list;
    struct rank_counts *counts = member;
    plmr_status status = PLMR_OK;
    counts->n = 0;
    for (char *word; !status && (word = strsep(&rest, ","));) {
        int64_t n = 0;
        status = plmr_parse_count(plmr_option_shown(option).s, word, MOST_RANKS, &n);
        if (!status && counts->n == MOST_COUNTS)
            status = plmr_error_make(PLMR_ERROR_INPUT, "--ranks: more than %d numbers", MOST_COUNTS);
        if (!status)
            counts->at[counts->n++] = (int)n;
    }
    free(list);
    return status;
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
     PLMR_SOME_OF(struct scale_command, workloads, &workload_registry)},
    {"ranks", "LIST", RUNS, "Numbers of ranks, e.g. 1,2,4 (default: powers of two up to the cores here)",
     PLMR_READ_BY(read_ranks, struct scale_command, ranks)},
    {"repeat", "N", RUNS, "Run everything N times, in turn, and take the medians",
     PLMR_COUNT(struct scale_command, repeat, 99), .value = "3"},
    {"from", "FILE...", "Or what has run:", "Run nothing: read records that --json of other commands has written",
     PLMR_ONE_MORE(struct scale_command, from)},
    {"json", "FILE|-", PLMR_TITLE_OUTPUT,
     "One JSON object per point of a curve; with - the tables go to standard error",
     PLMR_TEXT(struct scale_command, json)},
    {"records", "FILE", PLMR_TITLE_OUTPUT, "The record of every single run, as --from reads them",
     PLMR_TEXT(struct scale_command, records)},
    {"", "strong|weak", NULL, NULL, PLMR_READ_ALL(read_argument), .most = PLMR_MOST_TEXTS},
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
    static const plmr_option all = {.name = "workload", .registry = &workload_registry};
    const char *tasks = getenv("SLURM_NTASKS");
    int most = tasks ? atoi(tasks) : plmr_machine_site().n_cores;
    bool chooses = c->ranks.n == 0;
    for (int n = 1; chooses && (n == 1 || n <= most); n *= 2)
        c->ranks.at[c->ranks.n++] = n;
    return c->workloads.n || c->own ? PLMR_OK : plmr_read_some_of(&all, "all", &c->workloads);
}

/* ---- running ---- */

struct series {
    const struct scale_command *c;
    plmr_curve *curve;
    plmr_jsonl records;
    plmr_progress progress;
};

/* The words of a command on so many ranks, each for the caller to free. */
static plmr_status expand_words(const char *const *from, int n_ranks, char **words)
{
    int n = 0;
    plmr_status status = PLMR_OK;
    for (; from[n] && n < MOST_WORDS && !status; n++)
        status = plmr_launch_expand(from[n], n_ranks, &words[n]);
    PLMR_TRY(status);
    PLMR_CHECK(!from[n], PLMR_ERROR_INPUT, "the command has more than %d words", MOST_WORDS);
    return PLMR_OK;
}

/* Warnings of the run are the user's to see, once for each number of ranks. */
static void pass_warnings(const char *err)
{
    for (const char *line = err; *line; line += strcspn(line, "\n"), line += *line == '\n')
        if (strncmp(line, "plmr: warning: ", 15) == 0)
            fwrite(line, 1, strcspn(line, "\n"), stderr), fputc('\n', stderr);
}

static plmr_status keep_records(struct series *s, char *out)
{
    plmr_status status = PLMR_OK;
    for (char *rest = out, *line; !status && s->c->records && (line = strsep(&rest, "\n"));)
        if (*line)
            status = plmr_jsonl_put(&s->records, line);
    return status;
}

static plmr_status run_once(struct series *s, const char *const *command, int n_ranks, bool warns)
{
    char *words[MOST_WORDS + 3] = {NULL}, *out, *err, from[80];
    int n_added = 0;
    plmr_status status = expand_words(command, n_ranks, words);
    int n = 0;
    while (words[n])
        n++;
    const char *all[MOST_WORDS + 3] = {NULL};
    memcpy(all, words, (size_t)n * sizeof *all);
    all[n] = "--json";
    all[n + 1] = "-";
    if (!status)
        status = plmr_launch(plmr_launch_template(), n_ranks, all, &out, &err);
    for (int i = 0; i < n; i++)
        free(words[i]);
    PLMR_TRY(status);
    if (warns)
        pass_warnings(err);
    snprintf(from, sizeof from, "what %.40s prints on %d ranks", command[0], n_ranks);
    status = plmr_curve_add(s->curve, out, from, &n_added);
    if (!status && n_added == 0)
        status = plmr_error_make(PLMR_ERROR_INPUT, "'%.40s' does no work that scales: use gemm, gemv, allreduce or llm",
                                 command[0]);
    if (!status)
        status = keep_records(s, out);
    free(out);
    free(err);
    return status;
}

/* The words of a text, into room for MOST_WORDS and the end. */
static void split(char *text, const char **words)
{
    int n = 0;
    for (char *rest = text, *word; (word = strtok_r(rest, " ", &rest)) && n < MOST_WORDS;)
        words[n++] = word;
    words[n] = NULL;
}

static plmr_status run_workload(struct series *s, int index, int n_ranks, bool warns)
{
    const struct scale_command *c = s->c;
    const char *words[MOST_WORDS + 1];
    if (c->own)
        return run_once(s, (const char *const *)c->own, n_ranks, warns);
    const struct workload *w = c->workloads.at[index];
    char *text = plmr_take_copy(c->weak ? w->weak : w->strong);
    split(text, words);
    plmr_status status = run_once(s, words, n_ranks, warns);
    free(text);
    return status;
}

/* In turn, so that what changes on the machine meanwhile meets all alike. */
static plmr_status run_all(struct series *s)
{
    const struct scale_command *c = s->c;
    int n_workloads = c->own ? 1 : c->workloads.n, done = 0;
    plmr_progress_begin(&s->progress, "scale", c->repeat * n_workloads * c->ranks.n, plmr_on_terminal(stderr));
    plmr_status status = PLMR_OK;
    for (int64_t repeat = 0; repeat < c->repeat; repeat++)
        for (int i = 0; i < n_workloads; i++)
            for (int j = 0; j < c->ranks.n && !status; j++) {
                status = run_workload(s, i, c->ranks.at[j], repeat == 0 && i == 0);
                plmr_progress_step(&s->progress, ++done);
            }
    plmr_progress_end(&s->progress);
    return status;
}

/* ---- collecting ---- */

static plmr_status read_file(const char *path, char **text)
{
    size_t capacity = 0;
    FILE *file = fopen(path, "re");
    *text = NULL;
    PLMR_CHECK(file, PLMR_ERROR_INPUT, "--from: cannot open %.300s: %s", path, strerror(errno));
    ssize_t length = getdelim(text, &capacity, '\0', file);
    bool failed = ferror(file);
    bool ended = feof(file);
    fclose(file);
    if (length >= 0 && ended && !failed)
        return PLMR_OK;
    free(*text);
    *text = NULL;
    return plmr_error_make(PLMR_ERROR_INPUT, "--from: %.300s holds no records", path);
}

static plmr_status collect(const plmr_texts *files, plmr_curve *curve)
{
    plmr_status status = PLMR_OK;
    for (int i = 0; i < files->n && !status; i++) {
        char *text;
        int n_added;
        PLMR_TRY(read_file(files->at[i], &text));
        status = plmr_curve_add(curve, text, files->at[i], &n_added);
        free(text);
        if (!status && n_added == 0)
            status =
                plmr_error_make(PLMR_ERROR_INPUT, "--from: %.300s holds no records of runs that scale", files->at[i]);
    }
    return status;
}

/* ---- the whole ---- */

static plmr_status tell(const struct scale_command *c, const plmr_curve *curve, plmr_jsonl *json)
{
    plmr_curve_print(plmr_text_beside(c->json), curve);
    PLMR_TRY(plmr_curve_write(json, curve));
    return plmr_jsonl_commit(json);
}

static plmr_status run_and_tell(const struct scale_command *c, plmr_curve *curve, plmr_jsonl *json)
{
    struct series s = {.c = c, .curve = curve};
    PLMR_TRY(plmr_jsonl_open(c->records, &s.records));
    plmr_status status = c->from.n ? collect(&c->from, curve) : run_all(&s);
    if (!status)
        status = collect(&c->files, curve);
    if (!status)
        status = plmr_jsonl_commit(&s.records);
    plmr_jsonl_discard(&s.records);
    if (!status)
        status = plmr_curve_finish(curve);
    return status ? status : tell(c, curve, json);
}

static plmr_status run_command(void *options)
{
    struct scale_command *c = options;
    plmr_curve curve = {.weak = c->weak};
    plmr_jsonl json;
    PLMR_TRY(check(c));
    if (!c->from.n)
        PLMR_TRY(plmr_launch_check());
    PLMR_CHECK(plmr_rank_count() == 1, PLMR_ERROR_INPUT, "it runs alone: start it without mpirun or srun");
    PLMR_TRY(choose(c));
    PLMR_TRY(plmr_jsonl_open(c->json, &json));
    plmr_status status = run_and_tell(c, &curve, &json);
    plmr_jsonl_discard(&json);
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
            "  plmr scale strong --from results/*-strong/*.jsonl",
    .options = options,
    .size = sizeof(struct scale_command),
    .run = run_command,
};
