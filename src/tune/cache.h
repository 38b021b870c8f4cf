/* cache.h - results of searches, kept in files by what they were made from. All functions are local: call them on one
 * rank.
 */
#pragma once

#include "tune/report.h"

typedef struct plmr_tune_cache {
    json_t *inputs;  /* what the result depends on */
    char *file;      /* for these inputs; NULL: there is no cache */
    bool hit;        /* the report was there */
    char said[1200]; /* what a user should know; "": nothing */
} plmr_tune_cache;

/* Looks for the report of the task's both phases, with n_best choices of each, in `folder`; NULL: in
 * $XDG_CACHE_HOME/plmr/tune or ~/.cache/plmr/tune; "none": no cache. With `again` it is not read. Anything else that
 * lies there is no report. */
void plmr_tune_cache_open(const char *folder, bool again, const plmr_tune_task *task, int n_best, const json_t *paper,
                          plmr_tune_cache *cache, plmr_tune_report *report);

/* Writes the report, if it was not there; a failure is no more than said. */
void plmr_tune_cache_keep(plmr_tune_cache *cache, const plmr_tune_report *report);
void plmr_tune_cache_close(plmr_tune_cache *cache);
