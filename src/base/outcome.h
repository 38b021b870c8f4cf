/* outcome.h - what a run leaves behind: files, each written by a function, that appear when they are complete. Local.
 *
 *     static const char *const names[] = {"README.md", "records.jsonl", NULL};
 *     static plmr_put_fn *const puts[] = {put_readme, put_records};
 *     PLMR_TRY(plmr_outcome_write_all("--out", folder, names, puts, results));
 */
#pragma once

#include <stdio.h>

#include "plmr/status.h"

typedef void plmr_put_fn(FILE *out, const void *results);

/* One file, or standard output for "-"; `option` is how the user named it, for errors. */
plmr_status plmr_outcome_write(const char *option, const char *path, plmr_put_fn *put, const void *results);

/* Files of a folder, which is made if need be; NULL stands behind the last name. */
plmr_status plmr_outcome_write_all(const char *option, const char *folder, const char *const *names,
                                   plmr_put_fn *const *puts, const void *results);
