#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "plmr/commands.h"
#include "plmr/ranks.h"

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
    int code = plmr_command_answer(argc - 1, (const char *const *)argv + 1);
    plmr_finalize();
    return code;
}
