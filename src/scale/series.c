#include "scale/series.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/format.h"
#include "base/memory.h"
#include "report/progress.h"
#include "scale/launch.h"

enum { MOST_WORDS = 200 };

/* ---- what runs ---- */

/* {A} is A for each rank. Weak: a rank's part of work and memory stays the same. */
static const plmr_workload workloads[] = {
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

static const void *const all_workloads[] = {&workloads[0], &workloads[1], &workloads[2], &workloads[3]};
const plmr_registry plmr_workload_registry = {all_workloads, sizeof workloads / sizeof *workloads};

/* ---- running ---- */

/* Warnings of the run are the user's to see, once for each number of ranks. */
static void pass_warnings(const char *err)
{
    for (const char *line = err; *line; line += strcspn(line, "\n"), line += *line == '\n')
        if (strncmp(line, "plmr: warning: ", 15) == 0)
            fwrite(line, 1, strcspn(line, "\n"), stderr), fputc('\n', stderr);
}

static plmr_status keep_records(const plmr_series *s, char *out)
{
    plmr_status status = PLMR_OK;
    for (char *rest = out, *line; !status && (line = strsep(&rest, "\n"));)
        if (*line)
            status = plmr_jsonl_put(s->records, line);
    return status;
}

/* The run's records go to the curve and to the file. */
static plmr_status take_records(const plmr_series *s, const char *command, int n_ranks, char *out)
{
    char from[80];
    int n_added;
    snprintf(from, sizeof from, "what %.40s prints on %.20s", command, plmr_format_counted(n_ranks, "rank").s);
    PLMR_TRY(plmr_curve_add(s->curve, out, from, &n_added));
    PLMR_CHECK(n_added > 0, PLMR_ERROR_INPUT, "'%.40s' does no work that scales: use gemm, gemv, allreduce or llm",
               command);
    for (const plmr_scale_run *run = s->curve->runs + s->curve->n - n_added; n_added > 0; run++, n_added--)
        PLMR_CHECK(run->ranks == n_ranks, PLMR_ERROR_SYSTEM,
                   "%.40s was to run on %d ranks, and says that it had %d: does the launcher start as many?", command,
                   n_ranks, run->ranks);
    return keep_records(s, out);
}

static plmr_status run_once(const plmr_series *s, const char *const *command, int n_ranks, bool warns)
{
    char *words[MOST_WORDS + 3] = {NULL}, *out, *err, json[] = "--json", to_stdout[] = "-";
    int n = 0;
    for (; n < MOST_WORDS && command[n]; n++)
        words[n] = plmr_launch_expand(command[n], n_ranks);
    words[n] = json;
    words[n + 1] = to_stdout;
    plmr_status status = command[n]
                             ? plmr_error_make(PLMR_ERROR_INPUT, "the command has more than %d words", MOST_WORDS)
                             : plmr_launch(plmr_launch_template(), n_ranks, (const char *const *)words, &out, &err);
    for (int i = 0; i < n; i++)
        free(words[i]);
    PLMR_TRY(status);
    if (warns)
        pass_warnings(err);
    status = take_records(s, command[0], n_ranks, out);
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

static plmr_status run_workload(const plmr_series *s, int index, int n_ranks, bool warns)
{
    const char *words[MOST_WORDS + 1];
    if (s->own)
        return run_once(s, s->own, n_ranks, warns);
    const plmr_workload *w = s->workloads->at[index];
    char *text = plmr_take_copy(s->curve->weak ? w->weak : w->strong);
    split(text, words);
    plmr_status status = run_once(s, words, n_ranks, warns);
    free(text);
    return status;
}

plmr_status plmr_series_run(const plmr_series *s)
{
    int n_workloads = s->own ? 1 : s->workloads->n, done = 0;
    plmr_progress progress;
    plmr_progress_begin(&progress, "scale", s->repeat * n_workloads * s->n_counts, plmr_on_terminal(stderr));
    plmr_status status = PLMR_OK;
    for (int64_t repeat = 0; repeat < s->repeat; repeat++)
        for (int i = 0; i < n_workloads; i++)
            for (int j = 0; j < s->n_counts && !status; j++) {
                status = run_workload(s, i, s->counts[j], repeat == 0 && i == 0);
                plmr_progress_step(&progress, ++done);
            }
    plmr_progress_end(&progress);
    return status;
}
