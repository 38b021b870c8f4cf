/* rerun.h - a file's records, by the runs that they tell of, to be held against those of the same runs now.
 *
 *     one.jsonl:1-3   three algorithms of `plmr gemm --m 64 ...`    a group: their command lines are the same
 *     one.jsonl:4     `plmr gemv ...`                               another
 *
 * All is local: rank 0's. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "plmr/status.h"

/* Records of one run: they follow one another, and name the same command line. */
typedef struct plmr_run_group {
    size_t first, end;
} plmr_run_group;

typedef struct plmr_record_file {
    const char *path;
    json_t *records;
    size_t *lines; /* of each, where it stands */
    plmr_run_group *groups;
    int n_groups;
    size_t n_failed, n_unsaid; /* points of a sweep without a result; other records without a command line */
} plmr_record_file;

typedef struct plmr_differ_tally {
    size_t n_runs, n_records, n_differing;
} plmr_differ_tally;

/* quick: of the runs that were short a few, from the first to the last. To be closed, also after an error. */
plmr_status plmr_record_file_open(const char *path, bool quick, plmr_record_file *file);
void plmr_record_file_close(plmr_record_file *file);

/* The words of a record's command line; NULL: it does not say. */
const json_t *plmr_record_line(const json_t *record);

/* The records that a run of command `name` has left in the file `json`; or what stands for those of one that failed, whose
 * error this takes over. For the caller to json_decref. */
json_t *plmr_records_of_run(const char *name, const char *json, plmr_status error);

/* Prints what differs of a group, with what may have caused it, and counts. */
void plmr_record_file_compare(const plmr_record_file *file, const plmr_run_group *group, const json_t *now,
                              plmr_differ_tally *tally);
