/* job.h - what every run does around its algorithm: device and ranks, the records, the table, progress, wall time.
 *
 * A command opens a job, lets it run the chosen algorithms one after the other, each in a region of its own, and closes
 * it. Nothing is printed before the first algorithm has fit the device, so that an error is one line.
 */
#ifndef PLMR_JOB_H
#define PLMR_JOB_H

#include <stdio.h>

#include "cli/options.h"
#include "region/region.h"
#include "report/html.h"
#include "report/jsonl.h"
#include "report/progress.h"
#include "report/ranks.h"
#include "report/record.h"
#include "report/trace.h"
#include "report/verify.h"

typedef struct plmr_job plmr_job;

enum { PLMR_PLAN_TENSORS = 3, PLMR_PLAN_LEVELS = 8 };

/* What is known of an algorithm before it runs. */
typedef struct plmr_plan {
    const char *unit; /* "steps" or "stages" */
    int64_t count;    /* of them */
    const char *tensors[PLMR_PLAN_TENSORS];
    int64_t n_bytes[PLMR_PLAN_TENSORS]; /* of each, in one core */
    int n_tensors;
    int groups[PLMR_PLAN_LEVELS]; /* of a reduction tree, to the first 0 */
} plmr_plan;

/* What a command does with a job. `context` is the command's own. All are collective, but `describe` is called on rank
 * 0 alone. */
typedef struct plmr_job_actions {
    const char *command;

    /* Runs the index-th of the chosen algorithms and fills in the record. */
    plmr_status (*run)(plmr_job *job, void *context, int index, plmr_record *record);

    /* Makes the algorithm's tensors on the region, which takes any number of bytes and routes, and says what they are.
     */
    plmr_status (*plan)(plmr_job *job, void *context, int index, plmr_region *region, plmr_plan *plan);

    /* Prints the facts above the table, after a run or plan. */
    void (*describe)(const plmr_job *job, const void *context, FILE *out);
} plmr_job_actions;

/* An algorithm that the device cannot hold, to be told of beside others. */
typedef struct plmr_misfit {
    plmr_record record;
    char *error;
} plmr_misfit;

struct plmr_job {
    const plmr_job_actions *actions;
    const plmr_run_options *options;
    int rows, cols;
    plmr_device device;
    plmr_ranks *ranks;
    plmr_provenance provenance;
    char ranks_grid[32], groups[64]; /* texts of records */
    char trees[200];                 /* the groups of all trees, for the end */
    plmr_progress progress;
    plmr_rank_map topology;    /* rank 0 */
    char *placement;           /* the same as text */
    plmr_ranks_profile before; /* of this rank, when the algorithm began */
    plmr_ranks_usage usage;    /* of the algorithm that has run */
    plmr_jsonl jsonl;          /* rank 0, as is what follows */
    plmr_html html;            /* of --report */
    json_t *map;               /* for the report: of the algorithm that has just run */
    FILE *text;                /* where the table goes; NULL: nowhere, and on other ranks */
    plmr_trace_about about;
    plmr_trace_file trace;
    bool titled, violates;
    plmr_record *drawn; /* of --text, on rank 0 */
    int n_drawn;
    plmr_misfit *misfits; /* those before the first algorithm that fits */
    int n_misfits, n_done;
    double bound;                /* of the last verification, over the largest element */
    int64_t verified, overflows; /* elements: of the last, the most of any */
    plmr_status wrong;           /* the first verification that failed */
};

/* Checks what the options say together, loads the device, makes the grid of ranks, opens the file of records. On
 * failure nothing is left. Collective. */
plmr_status plmr_job_open(plmr_job *job, const plmr_job_actions *actions, const plmr_run_options *options,
                          int default_rows, int default_cols);

/* Runs all chosen algorithms, or prints their plans. Collective. */
plmr_status plmr_job_run(plmr_job *job, void *context);

/* With PLMR_OK gives the file of records its name, else removes it. Returns the status, or what goes wrong now, or that
 * a verification failed. Collective. */
plmr_status plmr_job_close(plmr_job *job, plmr_status status);

/* ---- for the actions ---- */

/* A region as the options want it, that shows progress over n_steps. Collective. */
plmr_status plmr_job_region(plmr_job *job, int index, int64_t n_steps, plmr_region **region);

/* Wall time of what lies between, the longest of any rank. `status` is its outcome, handed through; a failure of the
 * system need not be every rank's, so a rank that has one says so and ends the job. Collective. */
double plmr_job_start(plmr_job *job);
plmr_status plmr_job_stop(plmr_job *job, double start_s, plmr_status status, double *wall_s);

/* Fills in what the region's ledgers say, and what follows; `work` is the useful floating-point operations. Collective.
 */
plmr_status plmr_job_cost(plmr_job *job, plmr_region *region, double wall_s, double work, plmr_record *record);

/* Fills in the sum of all ranks' checksums. Collective. */
void plmr_job_checksum(plmr_job *job, uint64_t sum, plmr_record *record);

/* Fills in a verification, and keeps what it says for the end. Collective. */
void plmr_job_verdict(plmr_job *job, plmr_verify *verify, plmr_record *record);

/* Fills in the groups of a reduction tree, by level, to the first 0. */
void plmr_job_groups(plmr_job *job, const int *groups, plmr_record *record);

/* Facts that all commands print. `from` says where the operands' values come from. */
void plmr_job_describe(const plmr_job *job, enum plmr_dtype accumulate, const char *from, FILE *out);

/* To which sizes a problem is padded, and how many more multiply-adds that is. */
void plmr_job_describe_padding(FILE *out, const char *sizes, double useful, double padded);

/* For job.c: keeps a record for the bars; prints them. */
plmr_status plmr_job_bars_note(plmr_job *job, const plmr_record *record);
plmr_status plmr_job_bars_print(plmr_job *job);

/* For job.c: a record of the job with nothing measured yet; the plans. */
plmr_record plmr_job_record(const plmr_job *job, int index);
plmr_status plmr_job_plan(plmr_job *job, void *context, int index, plmr_plan *plan, plmr_cost *cost);
void plmr_job_plan_titles(plmr_job *job, const plmr_plan *plan);
void plmr_job_plan_row(plmr_job *job, int index, const plmr_plan *plan, const plmr_cost *cost);

#endif
