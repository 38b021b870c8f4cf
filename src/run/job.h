/* job.h - a run of one or several algorithms on the same problem, one after the other, each in a region of its own: the
 * records, the table, wall time, verification.
 *
 * A command says what its algorithms work on by a struct of actions; opening, running, timing, recording and closing is
 * the job's. Nothing is printed before the first algorithm has fit the device, so that an error is one line.
 */
#pragma once

#include "base/option.h"
#include "report/verify.h"
#include "run/operand.h"
#include "run/session.h"
#include "run/trace.h"

/* The most that --m, --k, --n and --length may be. */
#define PLMR_MOST_ELEMENTS INT64_C(2147483647)

/* What a user says of it. */
typedef struct plmr_run_options {
    plmr_chosen algorithms; /* the command's own row */
    int rows, cols;         /* cores; 0: not given */
    const char *device;
    enum plmr_dtype dtype;
    bool timing, verify, every_step, plan, text, allow_memory, allow_routes;
    int64_t seed;
    double pace;
    int rank_rows, rank_cols;  /* 0: not given */
    const char *json, *report; /* NULL: not given */
    bool quiet;
    plmr_trace_options trace;
    plmr_words line;
} plmr_run_options;

typedef struct plmr_job plmr_job;

enum { PLMR_OUTLINE_TENSORS = 3, PLMR_OUTLINE_LEVELS = 8 };

/* What is known of an algorithm before it runs: what --plan prints. */
typedef struct plmr_outline {
    const char *unit; /* "steps" or "stages" */
    int64_t count;    /* of them */
    const char *tensors[PLMR_OUTLINE_TENSORS];
    int64_t n_bytes[PLMR_OUTLINE_TENSORS]; /* of each, in one core */
    int n_tensors;
    const int *groups; /* of a reduction tree, to the first 0 of PLMR_OUTLINE_LEVELS; NULL: there is no tree */
} plmr_outline;

/* What a command does with a job. `context` is the command's own, `work` what it has opened. All are collective, but
 * `record` and `describe`, which is called on rank 0 alone. */
typedef struct plmr_job_actions {
    const char *command;
    const char *files[3]; /* how the files of a product are called: "--a" */

    /* Opens operands and makes the problem of them, once device, cores and ranks are known. */
    plmr_status (*prepare)(plmr_job *job, void *context);

    /* Fills in what of the record is known beforehand: the problem. */
    void (*record)(const void *context, plmr_record *record);

    /* Makes the algorithm's operands on the region; without values, if the region has none. */
    plmr_status (*open)(void *context, const void *algorithm, plmr_region *region, void **work);
    void (*close)(void *work);

    /* Runs it: what is timed. */
    plmr_status (*run)(const void *algorithm, void *work);

    /* What it consists of. */
    void (*plan)(const void *context, const void *work, plmr_outline *plan);

    /* Shows a visitor this rank's parts of the result; and what that must be: m x n elements of a dtype. */
    plmr_status (*visit)(void *work, plmr_visit visit, void *context);
    plmr_verify_problem (*reference)(const plmr_job *job, const void *context);

    /* Prints the facts above the table. */
    void (*describe)(const plmr_job *job, const void *context, FILE *out);

    /* Of what leaves no matrix, instead of visit and reference: holds the result against what it must be; and prints a
     * record, instead of the table. NULL elsewhere. */
    plmr_status (*verify)(const void *algorithm, void *work);
    void (*print)(const plmr_job *job, const plmr_record *record, FILE *out);
} plmr_job_actions;

/* An algorithm that the device cannot hold, to be told of beside others. */
typedef struct plmr_misfit {
    plmr_record record;
    char *error;
} plmr_misfit;

struct plmr_job {
    const plmr_job_actions *actions;
    const plmr_run_options *options;
    plmr_product_files *files;
    void *context;
    plmr_session session;
    int rows, cols;
    int64_t n_steps;                 /* of an algorithm, for progress; the command's to set */
    char ranks_grid[32], groups[64]; /* texts of records */
    char trees[200];                 /* the groups of all trees, for the end */
    char *placement;                 /* of the ranks; rank 0 */
    json_t *own;                     /* numbers that the program has put into its record */
    json_t *map;                     /* for the report: of the algorithm that has just run; rank 0 */
    FILE *text;                      /* where the table goes; NULL: nowhere, and on other ranks */
    bool titled, violates;
    unsigned parts;     /* of the model of time, that algorithms have used; rank 0 */
    plmr_record *drawn; /* of --text, on rank 0 */
    int n_drawn;
    plmr_misfit *misfits; /* those before the first algorithm that fits */
    int n_misfits, n_done;
    double bound;                /* of the last verification, over the largest element */
    int64_t verified, overflows; /* elements: of the last, the most of any */
    plmr_status wrong;           /* the first verification that failed */
};

/* Runs all chosen algorithms, or prints their plans, from checks of what the options say together to files that get
 * their names; a verification that failed is an error, too. `files` are those of a product, of which the paths are set;
 * NULL: there are none. Collective. */
plmr_status plmr_job_do(const plmr_job_actions *actions, const plmr_run_options *options, plmr_product_files *files,
                        int default_rows, int default_cols, void *context);

/* ---- for the actions ---- */

/* Facts that all commands print. `from` says where the operands' values come from. */
void plmr_job_describe(const plmr_job *job, enum plmr_dtype accumulate, const char *from, FILE *out);

/* To which sizes a problem is padded, and how many more multiply-adds that is. */
void plmr_job_describe_padding(FILE *out, const char *sizes, double useful, double padded);

/* ---- for job.c ---- */

/* Whether a program may put this number into its record: none that the job finds itself. Local. */
plmr_status plmr_job_check_own(const char *key, double value);

/* A record of the job with nothing measured yet; what the region's ledgers say, with the last measured wall time, and
 * what follows. The latter is collective. */
plmr_record plmr_job_record(const plmr_job *job, const void *algorithm);
plmr_status plmr_job_cost(plmr_job *job, plmr_region *region, plmr_record *record);

/* Takes the result's checksum; verifies it, if that was asked for; writes it. Collective. */
plmr_status plmr_job_take(plmr_job *job, void *work, plmr_record *record);

/* Holds the result against what it must be, where the actions do that themselves. Collective. */
plmr_status plmr_job_verify(plmr_job *job, const void *algorithm, void *work, plmr_record *record);

/* The groups of a plan's tree, "40,5", as text; into the record. */
void plmr_outline_groups(const plmr_outline *plan, char *text, size_t size);
void plmr_job_groups(plmr_job *job, const plmr_outline *plan, plmr_record *record);

/* For people, on rank 0: the titles of plans, and a plan; keeps a record for the bars; what stands below the table. */
void plmr_job_plan_titles(const plmr_job *job, const plmr_outline *plan);
void plmr_job_plan_row(const plmr_job *job, const void *algorithm, const plmr_outline *plan, const plmr_cost *cost);
void plmr_job_bars_note(plmr_job *job, const plmr_record *record);
void plmr_job_print_end(const plmr_job *job);
