/* outcome.h - what a run leaves behind: files, each written by a function, that appear when they are complete. Local.
 *
 *     static const plmr_outcome_file files[] = {{"README.md", put_readme}, {"records.jsonl", put_records}};
 *     PLMR_TRY(plmr_outcome_write_all("--out", folder, files, 2, results));
 */
#pragma once

#include <stdio.h>

#include "plmr/status.h"

typedef void plmr_put_fn(FILE *out, const void *results);

typedef struct plmr_outcome_file {
    const char *name;
    plmr_put_fn *put;
} plmr_outcome_file;

/* One file, or standard output for "-"; `option` is how the user named it, for errors. */
plmr_status plmr_outcome_write(const char *option, const char *path, plmr_put_fn *put, const void *results);

/* Files of a folder, which is made if need be. */
plmr_status plmr_outcome_write_all(const char *option, const char *folder, const plmr_outcome_file *files, int n,
                                   const void *results);
