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

enum { MOST_RANKS = 1 << 20, MOST_COUNTS = 64, MOST_REPEATS = 99, MOST_WORDS = 200 };

struct scale_command {
    bool weak, has_kind;
    int *workloads, n_workloads;
    int ranks[MOST_COUNTS], n_ranks;
    int64_t repeat;
    const char **files; /* room for all arguments */
    int n_files;
    bool collects;
    const char *json, *records;
    const char *const *own; /* a command of the user's, NULL at its end; NULL: not given */
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

enum { N_WORKLOADS = sizeof workloads / sizeof workloads[0] };

/* ---- the command line ---- */

enum { KEY_WORKLOAD = 0x200, KEY_RANKS, KEY_REPEAT, KEY_FROM, KEY_JSON, KEY_RECORDS };

static const struct argp_option options[] = {
    PLMR_OPTION_GROUP(1, "What runs:"),
    {"workload", KEY_WORKLOAD, "LIST", 0, "gemm, gemv, prefill, decode or all (the default)", 1},
    {"ranks", KEY_RANKS, "LIST", 0, "Numbers of ranks, e.g. 1,2,4 (default: powers of two up to the cores here)", 1},
    {"repeat", KEY_REPEAT, "N", 0, "Run everything N times, in turn, and take the medians (default 3)", 1},
    PLMR_OPTION_GROUP(2, "Or what has run:"),
    {"from", KEY_FROM, "FILE...", 0, "Run nothing: read records that --json of other commands has written", 2},
    PLMR_OPTION_GROUP(3, "Output:"),
    {"json", KEY_JSON, "FILE|-", 0, "One JSON object per point of a curve; with - the tables go to standard error", 3},
    {"records", KEY_RECORDS, "FILE", 0, "The record of every single run, as --from reads them", 3},
    PLMR_OPTION_HELP,
    {0},
};

static plmr_status parse_ranks(const char *text, struct scale_command *c)
{
    char *list = strdup(text), *rest = list;
    plmr_status status = list ? PLMR_OK : plmr_error_make(PLMR_ERROR_SYSTEM, "out of memory");
    c->n_ranks = 0;
    for (char *word; !status && (word = strsep(&rest, ","));) {
        int64_t n = 0;
        status = plmr_parse_count("--ranks", word, MOST_RANKS, &n);
        if (!status && c->n_ranks == MOST_COUNTS)
            status = plmr_error_make(PLMR_ERROR_INPUT, "--ranks: more than %d numbers", MOST_COUNTS);
        if (!status)
            c->ranks[c->n_ranks++] = (int)n;
    }
    free(list);
    return status;
}

static plmr_status parse_workloads(const char *text, struct scale_command *c)
{
    const char *names[N_WORKLOADS];
    for (int i = 0; i < N_WORKLOADS; i++)
        names[i] = workloads[i].name;
    free(c->workloads);
    c->workloads = NULL;
    return plmr_parse_words("--workload", text, names, N_WORKLOADS, &c->workloads, &c->n_workloads);
}

static plmr_status take_argument(const char *text, struct scale_command *c)
{
    static const char *const kinds[] = {"strong", "weak"};
    int kind;
    if (c->has_kind) {
        c->files[c->n_files++] = text;
        return PLMR_OK;
    }
    PLMR_TRY(plmr_parse_word("", text, kinds, 2, &kind));
    c->weak = kind == 1;
    c->has_kind = true;
    return PLMR_OK;
}

static plmr_status take_path(const char *option, const char *text, const char **path)
{
    PLMR_CHECK(*text, PLMR_ERROR_INPUT, "%s: a name is missing", option);
    *path = text;
    return PLMR_OK;
}

static plmr_status set_option(int key, const char *text, struct scale_command *c)
{
    switch (key) {
    case KEY_WORKLOAD:
        return parse_workloads(text, c);
    case KEY_RANKS:
        return parse_ranks(text, c);
    case KEY_REPEAT:
        return plmr_parse_count("--repeat", text, MOST_REPEATS, &c->repeat);
    case KEY_FROM:
        c->collects = true;
        return take_path("--from", text, &c->files[c->n_files++]);
    case KEY_JSON:
        return take_path("--json", text, &c->json);
    case KEY_RECORDS:
        return take_path("--records", text, &c->records);
    default:
        return take_argument(text, c);
    }
}

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    const plmr_parse_state *parse = state->input;
    if (key != ARGP_KEY_ARG && (key < KEY_WORKLOAD || key > KEY_RECORDS))
        return ARGP_ERR_UNKNOWN;
    return plmr_parse_result(state, set_option(key, text, parse->options));
}

static const struct argp argp = {
    .options = options,
    .parser = parse_option,
    .args_doc = "strong|weak\nstrong|weak -- COMMAND [OPTION...]\nstrong|weak --from FILE...",
    .doc =
        "Runs plmr on several numbers of ranks and shows time, speed-up, efficiency, where the ranks' time goes, what "
        "they send, and their memory. It starts mpirun itself, or srun within a SLURM job, or what PLMR_LAUNCHER "
        "says, e.g. 'mpirun --hostfile hosts -n {n}'. Strong scaling keeps the problem, weak scaling a rank's part "
        "of it: in a command of your own {A} stands for A times the ranks.\v"
        "For example:\n"
        "  plmr scale strong --ranks 1,2,4 --json strong.jsonl\n"
        "  plmr scale weak --ranks 1,2 -- gemm --alg cannon --m {1024} --k 2048 --n 2048 --cores 256x256\n"
        "  plmr scale strong --from results/*-strong/*.jsonl",
};

static plmr_status check(const struct scale_command *c)
{
    PLMR_CHECK(c->has_kind, PLMR_ERROR_INPUT, "say which scaling: strong or weak (see plmr scale --help)");
    PLMR_CHECK(c->collects || !c->n_files, PLMR_ERROR_INPUT, "unexpected '%.60s' (see plmr scale --help)", c->files[0]);
    PLMR_CHECK(!c->own || (!c->workloads && !c->collects), PLMR_ERROR_INPUT,
               "give a command after --, or --%s, not both", c->collects ? "from" : "workload");
    PLMR_CHECK(!c->own || *c->own, PLMR_ERROR_INPUT, "a command of plmr is missing after --");
    PLMR_CHECK(!c->collects || (!c->workloads && !c->n_ranks && !c->records), PLMR_ERROR_INPUT,
               "--from reads what has run: leave out --workload, --ranks and --records");
    return PLMR_OK;
}

/* As many as there is room for: what SLURM has given, or the cores of this machine. */
static void choose_ranks(struct scale_command *c)
{
    const char *tasks = getenv("SLURM_NTASKS");
    int most = tasks ? atoi(tasks) : plmr_machine_site().n_cores;
    for (int n = 1; n == 1 || n <= most; n *= 2)
        c->ranks[c->n_ranks++] = n;
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
        return run_once(s, c->own, n_ranks, warns);
    const struct workload *w = &workloads[c->workloads[index]];
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
    int n_workloads = c->own ? 1 : c->n_workloads, done = 0;
    plmr_progress_begin(&s->progress, "scale", c->repeat * n_workloads * c->n_ranks, plmr_progress_on_terminal());
    plmr_status status = PLMR_OK;
    for (int64_t repeat = 0; repeat < c->repeat; repeat++)
        for (int i = 0; i < n_workloads; i++)
            for (int j = 0; j < c->n_ranks && !status; j++) {
                status = run_workload(s, i, c->ranks[j], repeat == 0 && i == 0);
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

static plmr_status collect(const struct scale_command *c, plmr_curve *curve)
{
    plmr_status status = PLMR_OK;
    for (int i = 0; i < c->n_files && !status; i++) {
        char *text;
        int n_added;
        PLMR_TRY(read_file(c->files[i], &text));
        status = plmr_curve_add(curve, text, c->files[i], &n_added);
        free(text);
        if (!status && n_added == 0)
            status =
                plmr_error_make(PLMR_ERROR_INPUT, "--from: %.300s holds no records of runs that scale", c->files[i]);
    }
    return status;
}

/* ---- the whole ---- */

static plmr_status tell(const struct scale_command *c, const plmr_curve *curve, plmr_jsonl *json)
{
    plmr_curve_print(c->json && strcmp(c->json, "-") == 0 ? stderr : stdout, curve);
    PLMR_TRY(plmr_curve_write(json, curve));
    return plmr_jsonl_commit(json);
}

static plmr_status run_and_tell(const struct scale_command *c, plmr_curve *curve, plmr_jsonl *json)
{
    struct series s = {.c = c, .curve = curve};
    PLMR_TRY(plmr_jsonl_open(c->records, &s.records));
    plmr_status status = c->collects ? collect(c, curve) : run_all(&s);
    if (!status)
        status = plmr_jsonl_commit(&s.records);
    plmr_jsonl_discard(&s.records);
    if (!status)
        status = plmr_curve_finish(curve);
    return status ? status : tell(c, curve, json);
}

static plmr_status run_command(struct scale_command *c)
{
    plmr_curve curve = {.weak = c->weak};
    plmr_jsonl json;
    PLMR_TRY(check(c));
    if (!c->collects)
        PLMR_TRY(plmr_launch_check());
    PLMR_CHECK(plmr_rank_count() == 1, PLMR_ERROR_INPUT, "it runs alone: start it without mpirun or srun");
    if (!c->workloads && !c->own)
        PLMR_TRY(parse_workloads("all", c));
    if (!c->n_ranks)
        choose_ranks(c);
    PLMR_TRY(plmr_jsonl_open(c->json, &json));
    plmr_status status = run_and_tell(c, &curve, &json);
    plmr_jsonl_discard(&json);
    plmr_curve_free(&curve);
    return status;
}

/* Cuts the user's own command off; returns how many words come before. */
static int cut_command(int argc, char **argv, struct scale_command *c)
{
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--") == 0) {
            c->own = (const char *const *)&argv[i + 1];
            return i;
        }
    return argc;
}

plmr_status plmr_command_scale(int argc, char **argv)
{
    bool help = false;
    struct scale_command c = {.repeat = 3};
    argc = cut_command(argc, argv, &c);
    c.files = plmr_take_zeroed((size_t)argc + 1, sizeof *c.files);
    plmr_status status = plmr_options_parse_most(&argp, "scale", argc, argv, argc, &c, &help);
    if (!status && !help)
        status = run_command(&c);
    free(c.workloads);
    free(c.files);
    return status;
}
