/* command.h - a sub-command of plmr: a const struct in a file of its own, named in main.c.
 *
 * All ranks read the same command line and call the same functions; rank 0 alone prints. A command returns its error,
 * alike on all ranks, for main to print as one line: input and limits end with exit code 2, a failed system with 1.
 */
#pragma once

#include "base/option.h"

enum { PLMR_EXIT_OK = 0, PLMR_EXIT_FAILED = 1, PLMR_EXIT_INPUT = 2 };

typedef struct plmr_command {
    const char *name, *summary;
    const char *arguments;    /* what it takes beside options, a line for each form: "list\nNAME|FILE"; NULL: nothing */
    const char *about, *more; /* help above and below the options; see plmr_help_print. NULL: nothing */
    const plmr_option *options;
    size_t size; /* of the struct that they fill */

    /* Does it, with that struct. What it opens and takes is closed and freed when it returns. Collective. */
    plmr_status (*run)(void *options);
    bool needs_no_ranks; /* all is done by rank 0, or by whoever has no ranks */
    bool alone;          /* a program of its own, not one of plmr's */
} plmr_command;

/* Reads argv[1...], and runs the command or prints its help. Collective. */
plmr_status plmr_command_run(const plmr_command *command, int argc, char **argv);

/* The same where the struct is not 0 at first, but this. */
plmr_status plmr_command_run_from(const plmr_command *command, const void *preset, int argc, char **argv);

/* The status; or, where there is none yet, that some of what rank 0 has printed is lost. Local. */
plmr_status plmr_command_flush(plmr_status status);

/* The rows of its table, and of what all commands take. Returns how many. */
int plmr_command_rows(const plmr_command *command, plmr_option_row rows[PLMR_MOST_OPTIONS]);

/* What programs want to know of a command's options: see plmr_options_dump. */
void plmr_command_dump(FILE *out, const plmr_command *command);
