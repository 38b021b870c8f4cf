/* draft.h - a file that appears when it is complete.
 *
 * What is written for PATH goes to a draft beside it, PATH.PID-N.part, which no other run has: runs that write to the
 * same PATH do not meet, and the last to end is the one that is seen. At the commit the draft goes to the disk and gets
 * the name PATH; what lay at PATH is untouched until then, and a run that fails removes its own draft alone. Where PATH
 * is a link, all this happens where it leads. A PATH that exists and is no regular file (a pipe) is written to
 * directly, and one that is this process's standard output (/dev/stdout, whatever that is) as that. Two drafts of one
 * file at a time are an error, and so is a file that nobody may write, whoever asks. All functions are local: call
 * them on one rank.
 *
 *     plmr_draft draft;
 *     PLMR_TRY(plmr_draft_open("--json", path, &draft));
 *     fputs("{}\n", draft.file);
 *     return plmr_draft_close(&draft, PLMR_OK);
 */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "plmr/status.h"

typedef struct plmr_draft {
    FILE *file;                /* NULL: closed; standard output is never closed */
    const char *option, *path; /* the caller's: how the user named the file, for errors */
    char *final, *part;        /* where the path leads, and the draft; NULL: written to directly */
    struct plmr_draft_sink *sink;
} plmr_draft;

/* Opens for writing. A path that cannot be written is PLMR_ERROR_FILE. */
plmr_status plmr_draft_open(const char *option, const char *path, plmr_draft *draft);

/* Closes, if it is open. With PLMR_OK gives the file its name, else, or where that fails, removes what was written.
 * Returns the status, or what goes wrong now. */
plmr_status plmr_draft_close(plmr_draft *draft, plmr_status status);

/* What is printed must be through before files get their names: an error where some of it is lost. */
plmr_status plmr_draft_flush_stdout(void);

/* Whether it could be opened so; of a path that is not written to directly. Leaves nothing behind. */
plmr_status plmr_draft_try(const char *option, const char *path);

/* The error of the first write that has failed, if one has, of what has left the stream's buffer. */
plmr_status plmr_draft_check(const plmr_draft *draft);

/* The error of a write that failed with this errno. */
plmr_status plmr_draft_error(const plmr_draft *draft, enum plmr_code code, int number);

/* A file with this text, all of the above at once. */
plmr_status plmr_draft_write(const char *option, const char *path, const char *text);

/* ---- for what is not written through a FILE ---- */

/* PATH, or where it leads if it is a link; for the caller to free. */
char *plmr_draft_final(const char *path);

/* One name for all that a file, or folder, has, whether it is there or not; for the caller to free. */
char *plmr_draft_name(const char *path);

/* Whether PATH is written to directly: it is there and no file, or this process's standard output. */
bool plmr_draft_is_direct(const char *path);

/* An errno where what is at PATH must stay: a folder, or a file that nobody may write, which a rename would not ask; else 0. */
int plmr_draft_forbidden(const char *path);

/* Whether this process is writing a draft of this file, by whatever name: two would be one file. */
bool plmr_draft_is_open(const char *final);
#define PLMR_DRAFT_TWICE "another option writes this file, too; name another one"

/* Makes an empty draft of PATH, to read and write; returns its descriptor and its name, for the caller to free. A
 * folder's draft is a folder, and its descriptor 0. -1: errno says why not. */
int plmr_draft_make(const char *path, bool folder, char **part);

/* Gives a draft, all of which is on the disk, its name, for good. Returns 0 or an errno. */
int plmr_draft_rename(const char *part, const char *path);

/* Removes a draft that is a file. */
void plmr_draft_remove(const char *part);

/* ---- when the process ends ---- */

/* A file of another kind that shall go as drafts do, unless plmr_draft_remove has removed it before; `part` is read then. */
void plmr_draft_note(const char *part);

/* Removes the drafts of this process that are files: called by who ends it, and by a handler of signals as well. */
void plmr_drafts_drop(void);

/* Does that, and ends the process by this signal: for handlers. */
void plmr_drafts_end(int number);

/* From now on signals that others send to end a process, or that a closed pipe or a used up limit of time does, do that
 * before they end it, where nothing else handles them; a file that would be too large is a write that fails. */
void plmr_drafts_watch(void);

/* Removes the drafts that killed runs have left of a PATH that nobody else writes now. */
void plmr_draft_sweep(const char *path);
