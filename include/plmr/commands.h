/* plmr/commands.h - the commands of the program plmr as a function: for programs, other languages and notebooks. */
#ifndef PLMR_COMMANDS_H
#define PLMR_COMMANDS_H

#include "plmr/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Does what `plmr` does with these words, argv[0] being the command, and prints what it prints:
 *
 *     const char *words[] = {"gemm", "--m", "64", "--cores", "8x8", "--json", "records.jsonl", "--quiet"};
 *     PLMR_TRY(plmr_commands_run(8, words));
 *
 * Calls plmr_init if it needs ranks and nothing else has, and ends nothing: what `plmr` would say before it ends with code 1 or 2 is the error, alike on all
 * ranks. `scale` starts the program plmr, the first of PATH. Files that options name are rank 0's.
 * Collective: all ranks give words that mean the same. */
plmr_status plmr_commands_run(int argc, const char *const *argv);

/* The options of all commands, as a text for the caller to free: a line each, of fields with tabs between them: command,
 * name, letter, argument ("" of one that takes none), words that may be said (after a comma: several), title, help.
 * Local; needs no plmr_init. */
char *plmr_commands_help(void);

#ifdef __cplusplus
}
#endif
#endif
