#include "cli/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plmr/commands.h"
#include "plmr/ranks.h"
#include "report/color.h"

/* Says what went wrong and returns the exit code. */
static int report(const char *word, plmr_status error)
{
    const plmr_command *command = word ? plmr_command_find(word) : NULL;
    int code = plmr_error_code(error) == PLMR_ERROR_SYSTEM ? PLMR_EXIT_FAILED : PLMR_EXIT_INPUT;
    if (plmr_rank() == 0)
        fprintf(stderr, "%splmr%s%s:%s %s\n", plmr_color(stderr, PLMR_RED), command ? " " : "",
                command ? command->name : "", plmr_color(stderr, PLMR_PLAIN), plmr_error_text(error));
    plmr_error_free(error);
    return code;
}

/* The options of all commands, for what is made of them: the manual, the tables of the README, the completion. Needs no
 * other rank, and no MPI. */
static int list_options(void)
{
    char *text = plmr_commands_help();
    fputs(text, stdout);
    free(text);
    return PLMR_EXIT_OK;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--options") == 0)
        return list_options();
    plmr_status error = plmr_init(&argc, &argv);
    if (error)
        plmr_end_job("%s", plmr_error_text(error));
    error = plmr_commands_run(argc - 1, (const char *const *)argv + 1);
    int code = error ? report(argc > 1 ? argv[1] : NULL, error) : PLMR_EXIT_OK;
    /* One rank's word is enough; more would only make mpirun or srun repeat it. */
    code = plmr_rank() == 0 ? code : PLMR_EXIT_OK;
    plmr_finalize();
    return code;
}
