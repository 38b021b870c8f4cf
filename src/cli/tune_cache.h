/* tune_cache.h - results of plmr tune, kept by what they were made from. All functions are local: call them on one
 * rank.
 */
#ifndef PLMR_TUNE_CACHE_H
#define PLMR_TUNE_CACHE_H

#include "tune/report.h"

/* The file for these inputs (a JSON object) in `folder`, or if that is NULL in $XDG_CACHE_HOME/plmr/tune or
 * ~/.cache/plmr/tune; for the caller to free. NULL: there is no such folder to think of, or no memory. */
char *plmr_tune_cache_file(const char *folder, const json_t *inputs);

/* Reads the report that was made from the same inputs; false if there is none, or anything else lies there. */
bool plmr_tune_cache_load(const char *file, const json_t *inputs, plmr_tune_report *report);

/* Writes it, and the folders that are missing; the file appears when it is complete. */
plmr_status plmr_tune_cache_save(const char *file, const json_t *inputs, const plmr_tune_report *report);

#endif
