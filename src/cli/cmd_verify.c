#include "cli/cli.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "cli/line.h"
#include "plmr/commands.h"
#include "plmr/ranks.h"
#include "report/rerun.h"

struct verify_command {
    plmr_texts paths;
    bool quick;
};

static const plmr_option options[] = {
    {"quick", NULL, NULL, "Run a few of each file's command lines, those that were short",
     PLMR_FLAG(struct verify_command, quick)},
    {"", "RECORDS", NULL, NULL, PLMR_ONE_MORE(struct verify_command, paths), .path = PLMR_PATH_READ,
     .most = PLMR_MOST_TEXTS},
    {0},
};

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
        if (!plmr_option_is_output(option))
            json_array_append(words, word);
        if (plmr_line_value_is_apart(option, text) && ++i < json_array_size(line) && !plmr_option_is_output(option))
            json_array_append(words, json_array_get(line, i));
    }
    json_array_append_new(words, json_sprintf("--json=%s", json));
    if (command && plmr_line_option(command, "--quiet"))
        json_array_append_new(words, json_string("--quiet"));
    if (command == &plmr_command_logits)
        json_array_append_new(words, json_string("--out=/dev/null"));
    if (command == &plmr_command_tune)
        json_array_append_new(words, json_string("--cache=none"));
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

/* ---- all of it ---- */

static void verify_group(const plmr_record_file *file, int i, const char *json, plmr_differ_tally *tally)
{
    const plmr_run_group *group = file->groups ? &file->groups[i] : NULL;
    const json_t *line = group ? plmr_record_line(json_array_get(file->records, group->first)) : NULL;
    json_t *words = share_words(line ? words_of(line, json) : NULL);
    plmr_status error = run_words(words);
    if (group) {
        json_t *now = plmr_records_of_run(json_string_value(json_array_get(line, 0)), json, error);
        plmr_record_file_compare(file, group, now, tally);
        json_decref(now);
    } else {
        plmr_error_free(error);
    }
    json_decref(words);
}

static plmr_status verify_file(const struct verify_command *c, const char *path, const char *json,
                               plmr_differ_tally *tally)
{
    plmr_record_file file = {0};
    plmr_status status = plmr_agree(plmr_rank() == 0 ? plmr_record_file_open(path, c->quick, &file) : PLMR_OK);
    int n = file.n_groups;
    plmr_broadcast(&n, sizeof n);
    for (int i = 0; i < n && !status; i++)
        verify_group(&file, i, json, tally);
    if (file.n_failed && !status)
        printf("%s: %s ended with an error, without a result to compare: left out\n", path,
               plmr_format_counted((int64_t)file.n_failed, "record").s);
    if (file.n_unsaid && !status)
        printf("%s: %s without a command line: not verified\n", path,
               plmr_format_counted((int64_t)file.n_unsaid, "record").s);
    plmr_record_file_close(&file);
    return status;
}

static plmr_status conclude(plmr_differ_tally *t)
{
    plmr_broadcast(t, sizeof *t);
    PLMR_CHECK(!t->n_differing, PLMR_ERROR_SYSTEM, "%zu of %zu records are not as they were", t->n_differing,
               t->n_records);
    PLMR_CHECK(t->n_records, PLMR_ERROR_INPUT, "there is no record that names its command line");
    if (plmr_rank() == 0)
        printf("%s of %s: every figure that does not depend on the host is the same\n",
               plmr_format_counted((int64_t)t->n_records, "record").s,
               plmr_format_counted((int64_t)t->n_runs, "run").s);
    return PLMR_OK;
}

static plmr_status verify(const struct verify_command *c, const char *json)
{
    plmr_differ_tally tally = {0};
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
        "RECORDS are files that --json of gemm, gemv, allreduce and the commands of language models has written, or "
        "records.jsonl of a sweep. Files that the command lines name are looked for as they stand there, so run it in "
        "the same folder. What was written beside the record is not written again.\n\n"
        "For example:\n"
        "  plmr gemm --m 512 --k 512 --n 512 --json gemm.jsonl\n"
        "  mpirun -n 2 plmr verify gemm.jsonl",
    .options = options,
    .size = sizeof(struct verify_command),
    .run = run,
};
