/* Runs commands of plmr one after the other in one start of all ranks, for tests of what they compute: most of the time
 * of a short run is its start. Each is a line of words with tabs between them, on standard input; the first two are
 * files for what it writes to standard output and to standard error. When it is done, a line of standard output has the
 * exit code that plmr would end with.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "plmr/ranks.h"

enum { MOST_BYTES = 1 << 16, MOST_WORDS = 256 };

/* The next line, on all ranks; false: there is none. */
static bool read_line(char *line)
{
    memset(line, 0, MOST_BYTES);
    if (plmr_rank() == 0 && fgets(line, MOST_BYTES, stdin))
        line[strcspn(line, "\n")] = '\0';
    plmr_broadcast(line, MOST_BYTES);
    return *line != '\0';
}

static void run(char *line, FILE *answers)
{
    const char *words[MOST_WORDS];
    int n = 0;
    for (char *word; n < MOST_WORDS && (word = strsep(&line, "\t"));)
        words[n++] = word;
    if (plmr_rank() == 0 && (!freopen(words[0], "w", stdout) || !freopen(words[1], "w", stderr)))
        plmr_end_job("cannot write %s", words[0]);
    int code = plmr_command_answer(n - 2, words + 2);
    fflush(stdout), fflush(stderr);
    if (plmr_rank() == 0)
        fprintf(answers, "%d\n", code), fflush(answers);
}

int main(int argc, char **argv)
{
    static char line[MOST_BYTES];
    FILE *answers = fdopen(dup(STDOUT_FILENO), "w");
    plmr_status error = plmr_init(&argc, &argv);
    if (error)
        plmr_end_job("%s", plmr_error_text(error));
    while (read_line(line))
        run(line, answers);
    plmr_finalize();
    return fclose(answers);
}
