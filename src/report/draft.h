/* draft.h - a file that appears when it is complete.
 *
 * What is written goes to PATH.part, which gets the name PATH at the commit; what lay at PATH is untouched until then.
 * A PATH that exists and is no regular file (a pipe, /dev/stdout) is written to directly. All functions are local: call
 * them on one rank.
 */
#ifndef PLMR_DRAFT_H
#define PLMR_DRAFT_H

#include <stdbool.h>
#include <stdio.h>

#include "plmr/status.h"

typedef struct plmr_draft {
    FILE *file;                /* NULL: closed */
    const char *option, *path; /* the caller's: how the user named the file, for errors */
    char *part;                /* NULL: written to directly */
} plmr_draft;

/* Opens for writing. A path that cannot be written is PLMR_ERROR_INPUT. */
plmr_status plmr_draft_open(const char *option, const char *path, plmr_draft *draft);

/* Closes, and gives the file its name. On failure nothing is left of it. */
plmr_status plmr_draft_commit(plmr_draft *draft);

/* Closes, and removes what was written; nothing if already committed. */
void plmr_draft_discard(plmr_draft *draft);

/* The error of a write that failed with this errno. */
plmr_status plmr_draft_error(const plmr_draft *draft, enum plmr_code code, int number);

#endif
