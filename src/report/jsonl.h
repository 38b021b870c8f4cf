/* jsonl.h - a file of records, one JSON object per line, that appears when it is complete (see draft.h). All functions
 * are local: call them on one rank.
 */
#pragma once

#include "base/draft.h"
#include "report/record.h"

typedef struct plmr_jsonl {
    FILE *file; /* NULL: closed, or there was none */
    plmr_draft draft;
} plmr_jsonl;

/* Where text for people goes: standard output, unless records go there. */
FILE *plmr_text_beside(const char *path);

/* Opens for writing: NULL for no file at all, "-" for standard output. */
plmr_status plmr_jsonl_open(const char *path, plmr_jsonl *jsonl);

/* Appends a line, to which it adds the newline; does nothing without a file. */
plmr_status plmr_jsonl_put(plmr_jsonl *jsonl, const char *line);

/* Closes, and gives the file its name. */
plmr_status plmr_jsonl_commit(plmr_jsonl *jsonl);

/* Closes, and removes what was written; nothing if already committed. */
void plmr_jsonl_discard(plmr_jsonl *jsonl);
