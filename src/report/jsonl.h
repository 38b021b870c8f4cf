/* jsonl.h - files of JSON for programs, one object a line, which appear when they are complete (see draft.h). All
 * functions are local: call them on one rank.
 */
#pragma once

#include <jansson.h>

#include "base/draft.h"

/* Where text for people goes: standard output, unless records go there. */
FILE *plmr_text_beside(const char *path);

/* Opens for writing: NULL for no file at all, "-" for standard output. */
plmr_status plmr_jsonl_open(const char *option, const char *path, plmr_draft *draft);

/* Appends a line, to which it adds the newline, or an object, printed with these flags of jansson's, which it takes
 * over. Does nothing without a file. */
plmr_status plmr_jsonl_put(plmr_draft *draft, const char *line);
plmr_status plmr_json_put(plmr_draft *draft, size_t flags, json_t *object);

/* A name that may hold anything, as a program's can; as one line. */
json_t *plmr_json_name(const char *name);

/* A whole number; null of one below 0, as those that are not known are. */
json_t *plmr_json_count(int64_t value);
