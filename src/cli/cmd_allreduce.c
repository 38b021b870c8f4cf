#include "cli/cli.h"

#include <limits.h>
#include <string.h>

#include "base/format.h"
#include "base/values.h"
#include "cli/options.h"
#include "collective/allreduce.h"
#include "run/job.h"

enum { DEFAULT_ROWS = 1, DEFAULT_COLS = 64 };

/* All elements are verified where that takes a second or so. */
static const int64_t verify_all_below = INT64_C(1) << 28;

typedef struct allreduce_command {
    plmr_run_options run;
    int64_t length;
    plmr_reduce_options reduce;
    plmr_source vectors, ones; /* of all cores: a row for each; a 1 for each */
} allreduce_command;

/* ---- the command line ---- */

/* "512", a row, or "360x360". */
static plmr_status read_cores(const plmr_option *option, const char *text, void *member)
{
    int *rows = member, *cols = rows + 1;
    int64_t n;
    if (!*text || strspn(text, "0123456789") < strlen(text))
        return plmr_parse_pair(plmr_option_shown(option).s, text, "P or HxW, e.g. 512 or 360x360", rows, cols);
    PLMR_TRY(plmr_parse_count(plmr_option_shown(option).s, text, INT_MAX, &n));
    *rows = 1;
    *cols = (int)n;
    return PLMR_OK;
}

static plmr_status read_root(const plmr_option *option, const char *text, void *member)
{
    plmr_reduce_options *reduce = member;
    int64_t root;
    PLMR_TRY(plmr_parse_whole(plmr_option_shown(option).s, text, INT_MAX, &root));
    reduce->to_root = true;
    reduce->root = (int)root;
    return PLMR_OK;
}

static const plmr_option options[] = {
    {"length", "B", PLMR_TITLE_PROBLEM, "Elements of each core's vector",
     PLMR_COUNT(allreduce_command, length, PLMR_MOST_ELEMENTS), .value = "1024"},
    {"alg", "NAME,...|all", PLMR_TITLE_PLACE, "Which algorithms, see plmr list",
     PLMR_SOME_OF(allreduce_command, run.algorithms, &plmr_reduce_registry), .value = "all"},
    {"cores", "P|HxW", PLMR_TITLE_PLACE,
     "A row of P cores, or a region of H rows and W columns (default 64, or what the device has)",
     PLMR_READ_BY(read_cores, allreduce_command, run.rows)},
    {"root", "I", PLMR_TITLE_PROBLEM,
     "Core I of a row alone gets the sum; 0 or the last is an end of it (default: all do)",
     PLMR_READ_BY(read_root, allreduce_command, reduce)},
    PLMR_OPTIONS(allreduce_command, reduce, plmr_tree_table),
    {"dtype", "f32|f16", PLMR_TITLE_VALUES, "How elements are stored and added up",
     PLMR_WORD(allreduce_command, run.dtype, plmr_sum_dtypes), .value = "f32"},
    PLMR_OPTIONS(allreduce_command, run, plmr_run_table),
    {0},
};

/* ---- running ---- */

static plmr_status check(const void *algorithm, const void *context)
{
    const plmr_job *job = context;
    const allreduce_command *c = job->context;
    return plmr_allreduce_check(algorithm, &c->reduce, &job->session.device, job->rows, job->cols);
}

static plmr_status prepare(plmr_job *job, void *context)
{
    allreduce_command *c = context;
    PLMR_CHECK(job->rows > 1 || job->cols > 1, PLMR_ERROR_INPUT,
               "--cores: one core has nobody to add up with: give it 2 or more");
    PLMR_CHECK(!c->reduce.to_root || job->rows == 1, PLMR_ERROR_INPUT,
               "--root is a core of a row: give --cores P, not %dx%d", job->rows, job->cols);
    int64_t n_cores = (int64_t)job->rows * job->cols;
    plmr_source_synthetic(&c->vectors, 2 * (uint64_t)c->run.seed, n_cores, c->length);
    plmr_source_ones(&c->ones, 1, n_cores);
    return plmr_chosen_keep(&c->run.algorithms, check, job);
}

static void record_problem(const void *context, plmr_record *record)
{
    const allreduce_command *c = context;
    record->n = c->length;
    record->padded_n = c->length;
    record->accumulate = plmr_dtype_name(c->run.dtype);
    record->seed = c->run.timing ? -1 : c->run.seed;
}

static plmr_status open_allreduce(void *context, const void *algorithm, plmr_region *region, void **work)
{
    const allreduce_command *c = context;
    plmr_allreduce *r;
    PLMR_TRY(plmr_allreduce_open(algorithm, &c->reduce, region, c->length, c->run.dtype, &c->vectors, &r));
    *work = r;
    return PLMR_OK;
}

static void close_allreduce(void *work)
{
    plmr_allreduce_close(work);
}

static plmr_status run_allreduce(const void *algorithm, void *work)
{
    (void)algorithm;
    return plmr_allreduce_run(work);
}

static void make_plan(const void *context, const void *work, plmr_outline *plan)
{
    const plmr_allreduce *r = work;
    (void)context;
    *plan = (plmr_outline){
        .unit = "stages",
        .tensors = {"vector, B"},
        .n_bytes = {r->region->ledger.sram_peak_bytes},
        .n_tensors = 1,
        .groups = r->plan[r->plan[PLMR_X] ? PLMR_X : PLMR_Y]->groups,
    };
    for (int axis = 0; axis < 2; axis++)
        plan->count += r->plan[axis] ? r->plan[axis]->stages : 0;
}

static plmr_status visit(void *work, plmr_visit visitor, void *context)
{
    return plmr_allreduce_visit(work, visitor, context);
}

/* The sum is a product of ones with the matrix of all cores' vectors. */
static plmr_verify_problem reference(const plmr_job *job, const void *context)
{
    const allreduce_command *c = context;
    return (plmr_verify_problem){
        .a = &c->ones,
        .b = &c->vectors,
        .m = 1,
        .k = c->ones.cols,
        .n = c->length,
        .row_chunk = 1,
        .col_chunk = 1,
        .dtype = c->run.dtype,
        .accumulate = c->run.dtype,
        .depth = (int64_t)job->rows + job->cols,
        .all_below = verify_all_below,
    };
}

static void describe(const plmr_job *job, const void *context, FILE *out)
{
    const allreduce_command *c = context;
    char from[64];
    snprintf(from, sizeof from, "synthetic with seed %lld", (long long)c->run.seed);
    fprintf(out, "allreduce of %s elements over %s cores\n\n", plmr_format_count(c->length).s,
            plmr_format_count((int64_t)job->rows * job->cols).s);
    plmr_job_describe(job, c->run.dtype, from, out);
}

static const plmr_job_actions actions = {
    .command = "allreduce",
    .prepare = prepare,
    .record = record_problem,
    .open = open_allreduce,
    .close = close_allreduce,
    .run = run_allreduce,
    .plan = make_plan,
    .visit = visit,
    .reference = reference,
    .describe = describe,
};

static plmr_status run_command(void *options)
{
    allreduce_command *c = options;
    return plmr_job_do(&actions, &c->run, NULL, DEFAULT_ROWS, DEFAULT_COLS, c);
}

const plmr_command plmr_command_allreduce = {
    .name = "allreduce",
    .summary = "add up a vector over a row or a rectangle of cores",
    .about =
        "Adds up a vector over a row of cores (--cores P) or over a region (--cores HxW: along x, then along y), so "
        "that every core has the sum, with one or several algorithms; or, with --root, one core of a row.",
    .more = "For example:\n"
            "  plmr allreduce --length 64 --cores 512 --verify",
    .options = options,
    .size = sizeof(allreduce_command),
    .run = run_command,
};
