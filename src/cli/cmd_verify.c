#include "cli/cli.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "cli/line.h"
#include "plmr/commands.h"
#include "plmr/ranks.h"
#include "report/differ.h"

struct verify_command {
    plmr_texts paths;
    bool quick;
};

static const plmr_option options[] = {
    {"quick", NULL, NULL, "Run a few of each file's command lines, those that were short",
     PLMR_FLAG(struct verify_command, quick)},
    {"", "RECORDS", NULL, NULL, PLMR_ONE_MORE(struct verify_command, paths), .most = PLMR_MOST_TEXTS},
    {0},
};

/* Of --quick: runs of a file; seconds of wall time that each has taken. */
enum { N_QUICK = 4 };
static const double short_s = 0.5;

/* Records of one run: they follow one another, and name the same command line. */
struct group {
    size_t first, end;
};

/* One file; rank 0's, but for n_groups. */
struct file {
    const char *path;
    json_t *records;
    struct group *groups;
    int n_groups;
    size_t n_unsaid; /* records without a command line */
};

struct tally {
    size_t n_runs, n_records, n_differing;
};

/* ---- the records ---- */

static const json_t *line_of(const json_t *record)
{
    const json_t *line = json_object_get(json_object_get(record, "provenance"), "line");
    return json_is_string(json_array_get(line, 0)) ? line : NULL;
}

static plmr_status read_records(struct file *file)
{
    char *line = NULL;
    size_t size = 0;
    FILE *in = fopen(file->path, "r");
    plmr_status status = PLMR_OK;
    PLMR_CHECK(in, PLMR_ERROR_INPUT, "cannot read %.300s", file->path);
    file->records = plmr_take_made(json_array());
    while (!status && getline(&line, &size, in) > 0) {
        json_t *record = json_loads(line, 0, NULL);
        json_array_append_new(file->records, record ? record : json_null());
        if (!json_is_object(record))
            status = plmr_error_make(PLMR_ERROR_INPUT, "%.300s:%zu: is no record, which is a JSON object on a line",
                                     file->path, json_array_size(file->records));
    }
    free(line);
    fclose(in);
    return status;
}

static void find_groups(struct file *file)
{
    size_t n = json_array_size(file->records);
    const json_t *before = NULL;
    file->groups = plmr_take((n + 1) * sizeof *file->groups);
    for (size_t i = 0; i < n; i++) {
        const json_t *line = line_of(json_array_get(file->records, i));
        file->n_unsaid += !line;
        if (line && before && json_equal(line, before))
            file->groups[file->n_groups - 1].end = i + 1;
        else if (line)
            file->groups[file->n_groups++] = (struct group){i, i + 1};
        before = line;
    }
}

static bool was_short(const struct file *file, const struct group *group)
{
    double wall_s = 0;
    for (size_t i = group->first; i < group->end; i++)
        wall_s += json_number_value(json_object_get(json_array_get(file->records, i), "wall_s"));
    return wall_s <= short_s;
}

/* Leaves a few, from the first of the short ones to the last. */
static void choose_groups(struct file *file)
{
    int n = 0, n_left = 0;
    for (int i = 0; i < file->n_groups; i++)
        if (was_short(file, &file->groups[i]))
            file->groups[n++] = file->groups[i];
    for (int i = 0; i < N_QUICK && i < n; i++)
        file->groups[n_left++] = file->groups[n <= N_QUICK ? i : i * (n - 1) / (N_QUICK - 1)];
    file->n_groups = n_left;
}

static plmr_status open_file(const struct verify_command *c, struct file *file)
{
    PLMR_TRY(read_records(file));
    find_groups(file);
    if (c->quick)
        choose_groups(file);
    return PLMR_OK;
}

static void close_file(struct file *file)
{
    json_decref(file->records);
    free(file->groups);
}

/* ---- running a command line again ---- */

/* The words without what would be written, or printed; instead the record goes to `json`. */
static json_t *words_of(const json_t *line, const char *json)
{
    const char *name = json_string_value(json_array_get(line, 0));
    const plmr_command *command = plmr_command_find(name);
    json_t *words = plmr_take_made(json_array());
    for (size_t i = 0; i < json_array_size(line); i++) {
        json_t *word = json_array_get(line, i);
        const char *text = json_string_value(word);
        const plmr_option *option = text && command ? plmr_line_option(command, text) : NULL;
        if (!plmr_line_is_output(option))
            json_array_append(words, word);
        if (plmr_line_value_is_apart(option, text) && ++i < json_array_size(line) && !plmr_line_is_output(option))
            json_array_append(words, json_array_get(line, i));
    }
    json_array_append_new(words, json_sprintf("--json=%s", json));
    if (command && plmr_line_option(command, "--quiet"))
        json_array_append_new(words, json_string("--quiet"));
    if (command == &plmr_command_logits)
        json_array_append_new(words, json_string("--out=/dev/null"));
    return words;
}

/* Rank 0's words, on all ranks. */
static json_t *share_words(json_t *words)
{
    char *text = words ? plmr_take_made(json_dumps(words, 0)) : NULL;
    size_t n = text ? strlen(text) + 1 : 0;
    plmr_broadcast(&n, sizeof n);
    text = text ? text : plmr_take(n);
    plmr_broadcast(text, n);
    json_decref(words);
    words = plmr_take_made(json_loads(text, 0, NULL));
    free(text);
    return words;
}

/* What it prints goes nowhere; collective. */
static plmr_status run_words(const json_t *words)
{
    size_t n = json_array_size(words);
    const char **argv = plmr_take(n * sizeof *argv);
    for (size_t i = 0; i < n; i++) {
        const char *text = json_string_value(json_array_get(words, i));
        argv[i] = text ? text : "";
    }
    fflush(stdout);
    int shown = dup(STDOUT_FILENO), nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    dup2(nowhere, STDOUT_FILENO);
    plmr_status status = plmr_commands_run((int)n, argv);
    fflush(stdout);
    dup2(shown, STDOUT_FILENO);
    close(shown);
    close(nowhere);
    free(argv);
    return status;
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

/* The records that a run has left in `json`; or what stands for those of one that failed, whose error this takes over. */
static json_t *take_records(const char *name, const char *json, plmr_status error)
{
    struct file now = {.path = json};
    if (!error)
        error = read_records(&now);
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

static void compare(const struct file *file, const struct group *group, const json_t *now, struct tally *tally)
{
    for (size_t i = group->first; i < group->end; i++) {
        struct place place = {file->path, i + 1};
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

/* ---- all of it ---- */

static void verify_group(const struct file *file, int i, const char *json, struct tally *tally)
{
    const struct group *group = file->groups ? &file->groups[i] : NULL;
    const json_t *line = group ? line_of(json_array_get(file->records, group->first)) : NULL;
    json_t *words = share_words(line ? words_of(line, json) : NULL);
    plmr_status error = run_words(words);
    if (group) {
        json_t *now = take_records(json_string_value(json_array_get(line, 0)), json, error);
        compare(file, group, now, tally);
        json_decref(now);
    } else {
        plmr_error_free(error);
    }
    json_decref(words);
}

static plmr_status verify_file(const struct verify_command *c, const char *path, const char *json, struct tally *tally)
{
    struct file file = {.path = path};
    plmr_status status = plmr_agree(plmr_rank() == 0 ? open_file(c, &file) : PLMR_OK);
    int n = file.n_groups;
    plmr_broadcast(&n, sizeof n);
    for (int i = 0; i < n && !status; i++)
        verify_group(&file, i, json, tally);
    if (file.n_unsaid && !status)
        printf("%s: %zu records do not name their command line: not verified\n", path, file.n_unsaid);
    close_file(&file);
    return status;
}

static plmr_status conclude(struct tally *t)
{
    plmr_broadcast(t, sizeof *t);
    PLMR_CHECK(!t->n_differing, PLMR_ERROR_SYSTEM, "%zu of %zu records are not as they were", t->n_differing,
               t->n_records);
    PLMR_CHECK(t->n_records, PLMR_ERROR_INPUT, "there is no record that names its command line");
    if (plmr_rank() == 0)
        printf("%zu records of %zu runs: every figure that does not depend on the host is the same\n", t->n_records,
               t->n_runs);
    return PLMR_OK;
}

static plmr_status verify(const struct verify_command *c, const char *json)
{
    struct tally tally = {0};
    for (int i = 0; i < c->paths.n; i++)
        PLMR_TRY(verify_file(c, c->paths.at[i], json, &tally));
    return conclude(&tally);
}

static plmr_status run(void *given)
{
    const struct verify_command *c = given;
    const char *folder = getenv("TMPDIR");
    PLMR_CHECK(c->paths.n > 0, PLMR_ERROR_INPUT, "say what: files of records, as --json writes them");
    char *json = plmr_take_text("%s/plmr-verify-XXXXXX", folder && *folder ? folder : "/tmp");
    int file = plmr_rank() == 0 ? mkstemp(json) : -1;
    plmr_status status = PLMR_OK;
    if (plmr_rank() == 0 && file < 0)
        status = plmr_error_make(PLMR_ERROR_SYSTEM, "cannot write into %.300s", folder ? folder : "/tmp");
    status = plmr_agree(status);
    if (!status)
        status = verify(c, json);
    if (file >= 0) {
        close(file);
        remove(json);
    }
    free(json);
    return status;
}

const plmr_command plmr_command_verify = {
    .name = "verify",
    .summary = "run what records tell of again, and compare every figure",
    .arguments = "RECORDS...",
    .about =
        "Runs the command lines that records name again, and compares every figure that does not depend on the host: "
        "values, cycles, routes, bytes, energy, text. Says which differ, and then ends with code 1.",
    .more =
        "RECORDS are files that --json has written, or records.jsonl of a sweep. Files that the command lines name are "
        "looked for as they stand there, so run it in the same folder. What was written beside the record is not "
        "written again.\n\n"
        "For example:\n"
        "  plmr gemm --m 512 --k 512 --n 512 --json gemm.jsonl\n"
        "  mpirun -n 2 plmr verify gemm.jsonl",
    .options = options,
    .size = sizeof(struct verify_command),
    .run = run,
};
