#include "cli/cli.h"

#include <stdio.h>

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

int plmr_command_answer(int argc, const char *const *argv)
{
    plmr_status error = plmr_commands_run(argc, argv);
    int code = error ? report(argc > 0 ? argv[0] : NULL, error) : PLMR_EXIT_OK;
    /* One rank's word is enough; more would only make mpirun or srun repeat it. */
    return plmr_rank() == 0 ? code : PLMR_EXIT_OK;
}
