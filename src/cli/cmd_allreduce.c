#include "cli/cli.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/format.h"
#include "base/memory.h"
#include "base/values.h"
#include "cli/job.h"
#include "kernel/kernel.h"
#include "ranks/ranks.h"
#include "report/result.h"
#include "report/table.h"

enum { DEFAULT_ROWS = 1, DEFAULT_COLS = 64 };

/* All elements are verified where that takes a second or so. */
static const int64_t verify_all_below = INT64_C(1) << 28;

typedef struct allreduce_command {
    plmr_run_options run;
    int64_t length;
    plmr_reduce_options reduce;
    int rows, cols;
} allreduce_command;

/* A collective on a region: along x in every row, then along y in every column. An axis of one core has no plan. */
typedef struct allreduce {
    const allreduce_command *command;
    plmr_region *region;
    plmr_reduce_plan *plan[2]; /* by axis */
    float *sum;                /* the result: on every rank */
} allreduce;

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

static const plmr_option options[] = {
    {"length", "B", PLMR_TITLE_PROBLEM, "Elements of each core's vector",
     PLMR_COUNT(allreduce_command, length, PLMR_MOST_ELEMENTS), .value = "1024"},
    {"alg", "NAME,...|all", PLMR_TITLE_PLACE, "Which algorithms, see plmr list",
     PLMR_SOME_OF(allreduce_command, run.algorithms, &plmr_reduce_registry), .value = "all"},
    {"cores", "P|HxW", PLMR_TITLE_PLACE,
     "A row of P cores, or a region of H rows and W columns (default 64, or what the device has)",
     PLMR_READ_BY(read_cores, allreduce_command, run.rows)},
    PLMR_OPTIONS(allreduce_command, reduce, plmr_tree_table),
    {"dtype", "f32|f16", PLMR_TITLE_VALUES, "How elements are stored and added up",
     PLMR_WORD(allreduce_command, run.dtype, plmr_sum_dtypes), .value = "f32"},
    PLMR_OPTIONS(allreduce_command, run, plmr_run_table),
    {0},
};

static plmr_status check_cores(const plmr_job *job)
{
    PLMR_CHECK(job->rows > 1 || job->cols > 1, PLMR_ERROR_INPUT,
               "--cores: one core has nobody to add up with: give it 2 or more");
    return PLMR_OK;
}

/* ---- the collective ---- */

static plmr_status fill_allreduce(allreduce *r, const plmr_reduce_algorithm *algorithm)
{
    const allreduce_command *c = r->command;
    plmr_region *region = r->region;
    PLMR_TRY(plmr_region_charge(region, "its vector", c->length * (int64_t)plmr_dtype_bytes(c->run.dtype)));
    for (int axis = 0; axis < 2; axis++) {
        if (region->extent[axis] == 1)
            continue;
        PLMR_TRY(plmr_reduce_plan_create(algorithm, region->device, (enum plmr_axis)axis, region->extent[axis],
                                         &c->reduce, &r->plan[axis]));
        PLMR_TRY(plmr_reduce_route(region, (enum plmr_axis)axis, r->plan[axis], "the allreduce"));
    }
    return PLMR_OK;
}

static void close_allreduce(allreduce *r)
{
    for (int axis = 0; axis < 2; axis++)
        plmr_reduce_plan_destroy(r->plan[axis]);
    free(r->sum);
}

static plmr_status open_allreduce(allreduce_command *c, int index, plmr_region *region, allreduce *r)
{
    *r = (allreduce){.command = c, .region = region};
    c->rows = region->extent[PLMR_Y];
    c->cols = region->extent[PLMR_X];
    plmr_status status = plmr_agree(fill_allreduce(r, c->run.algorithms.at[index]));
    if (status)
        close_allreduce(r);
    return status;
}

static plmr_status run_time(allreduce *r)
{
    const allreduce_command *c = r->command;
    for (int axis = 0; axis < 2; axis++)
        if (r->plan[axis])
            plmr_allreduce_time(r->region, (enum plmr_axis)axis, r->plan[axis], c->length,
                                plmr_dtype_bytes(c->run.dtype));
    return PLMR_OK;
}

/* The vector of core (row, col), as it is stored. */
static plmr_status make_vector(const allreduce_command *c, const plmr_source *source, int row, int col, float *to,
                               uint16_t *stored)
{
    PLMR_TRY(source->get(source, (int64_t)row * c->cols + col, 0, 1, (int)c->length, to, (size_t)c->length));
    if (c->run.dtype == PLMR_F16) {
        plmr_convert_from_float(PLMR_F16, c->length, to, stored);
        plmr_convert_to_float(PLMR_F16, c->length, stored, to);
    }
    return PLMR_OK;
}

static void synthetic(const allreduce_command *c, plmr_source *source)
{
    plmr_source_synthetic(source, 2 * (uint64_t)c->run.seed, (int64_t)c->rows * c->cols, c->length);
}

/* For each core along x of this block, the vectors of all rows. */
static plmr_status make_vectors(const allreduce *r, float *vectors)
{
    const plmr_region *region = r->region;
    plmr_source source;
    uint16_t *stored = plmr_take((size_t)r->command->length * sizeof *stored);
    plmr_status status = PLMR_OK;
    synthetic(r->command, &source);
    for (int x = 0; x < region->count[PLMR_X]; x++)
        for (int y = 0; y < region->count[PLMR_Y] && !status; y++, vectors += r->command->length)
            status =
                make_vector(r->command, &source, region->first[PLMR_Y] + y, region->first[PLMR_X] + x, vectors, stored);
    free(stored);
    return status;
}

/* Sums along one axis into r->sum; takes ownership of the vectors. */
static plmr_status sum_along(allreduce *r, enum plmr_axis axis, int64_t across, float *vectors)
{
    const allreduce_command *c = r->command;
    float *sum = malloc(sizeof(float) * (size_t)(across * c->length));
    plmr_status status = sum ? PLMR_OK : plmr_error_make(PLMR_ERROR_SYSTEM, "out of memory");
    if (!status)
        plmr_allreduce_values(r->region, axis, r->plan[axis], c->run.dtype, c->length, across, vectors, sum);
    free(vectors);
    r->sum = sum;
    return status;
}

static plmr_status run_values(allreduce *r)
{
    size_t n_cores = (size_t)r->region->count[PLMR_X] * (size_t)r->region->count[PLMR_Y], n_bytes;
    PLMR_CHECK(!__builtin_mul_overflow(n_cores, (size_t)r->command->length * sizeof(float), &n_bytes), PLMR_ERROR_INPUT,
               "the vectors are too long: use --mode timing");
    float *vectors = malloc(n_bytes);
    PLMR_CHECK(vectors, PLMR_ERROR_SYSTEM, "out of memory for %zu bytes of vectors on this rank; use more ranks",
               n_bytes);
    plmr_status status = make_vectors(r, vectors);
    if (status) {
        free(vectors);
        return status;
    }
    if (r->plan[PLMR_X])
        PLMR_TRY(sum_along(r, PLMR_X, r->region->count[PLMR_Y], vectors));
    else
        r->sum = vectors;
    return r->plan[PLMR_Y] ? sum_along(r, PLMR_Y, 1, r->sum) : PLMR_OK;
}

static plmr_status run_both(allreduce *r)
{
    PLMR_TRY(run_time(r));
    return r->region->options.values ? run_values(r) : PLMR_OK;
}

/* ---- running ---- */

/* Every rank has the whole sum; each tells of its share. */
static plmr_status visit_share(const allreduce *r, plmr_visit visit, void *context)
{
    int first, count;
    plmr_ranks_share((int)r->command->length, plmr_rank_count(), plmr_rank(), &first, &count);
    return visit(context, 0, first, 1, count, r->sum + first, (size_t)count);
}

static plmr_status get_ones(const plmr_source *source, int64_t row, int64_t col, int n_rows, int n_cols, float *out,
                            size_t ld)
{
    (void)source, (void)row, (void)col;
    for (int i = 0; i < n_rows; i++)
        for (int j = 0; j < n_cols; j++)
            out[(size_t)i * ld + (size_t)j] = 1;
    return PLMR_OK;
}

/* The sum is a product of ones with the matrix of all cores' vectors. */
static plmr_status verify(plmr_job *job, const allreduce *r, plmr_record *record)
{
    const allreduce_command *c = r->command;
    int64_t n_cores = (int64_t)c->rows * c->cols;
    plmr_source ones = {.get = get_ones, .rows = 1, .cols = n_cores}, vectors;
    plmr_verify *verify;
    synthetic(c, &vectors);
    plmr_verify_problem problem = {
        .a = &ones,
        .b = &vectors,
        .m = 1,
        .k = n_cores,
        .n = c->length,
        .row_chunk = 1,
        .col_chunk = 1,
        .dtype = c->run.dtype,
        .accumulate = c->run.dtype,
        .depth = (int64_t)c->rows + c->cols,
        .all_below = verify_all_below,
    };
    PLMR_TRY(plmr_agree(plmr_verify_create(&problem, &verify)));
    plmr_status status = plmr_agree(visit_share(r, plmr_verify_rectangle, verify));
    if (!status)
        plmr_job_verdict(job, verify, record);
    plmr_verify_destroy(verify);
    return status;
}

static plmr_status take_result(plmr_job *job, const allreduce *r, plmr_record *record)
{
    plmr_checksum checksum = {.m = 1, .n = r->command->length, .dtype = r->command->run.dtype};
    PLMR_TRY(plmr_agree(visit_share(r, plmr_checksum_rectangle, &checksum)));
    plmr_job_checksum(job, checksum.sum, record);
    return r->command->run.verify ? verify(job, r, record) : PLMR_OK;
}

static const int *tree_groups(const allreduce *r)
{
    return r->plan[r->plan[PLMR_X] ? PLMR_X : PLMR_Y]->groups;
}

static plmr_status run_opened(plmr_job *job, allreduce *r, plmr_record *record)
{
    double wall_s, start_s = plmr_job_start(job);
    PLMR_TRY(plmr_job_stop(job, start_s, run_both(r), &wall_s));
    PLMR_TRY(plmr_job_cost(job, r->region, wall_s, 0, record));
    record->efficiency = NAN; /* nothing is multiplied */
    plmr_job_groups(job, tree_groups(r), record);
    return r->command->run.timing ? PLMR_OK : take_result(job, r, record);
}

static plmr_status run(plmr_job *job, void *context, int index, plmr_record *record)
{
    allreduce_command *c = context;
    plmr_region *region;
    allreduce r;
    record->n = c->length;
    record->padded_n = c->length;
    record->accumulate = plmr_dtype_name(c->run.dtype);
    record->seed = c->run.timing ? -1 : c->run.seed;
    PLMR_TRY(plmr_job_region(job, index, 1, &region));
    plmr_status status = open_allreduce(c, index, region, &r);
    if (!status) {
        status = run_opened(job, &r, record);
        close_allreduce(&r);
    }
    plmr_region_destroy(region);
    return status;
}

static plmr_status make_plan(plmr_job *job, void *context, int index, plmr_region *region, plmr_plan *plan)
{
    allreduce_command *c = context;
    allreduce r;
    (void)job;
    PLMR_TRY(open_allreduce(c, index, region, &r));
    *plan = (plmr_plan){
        .unit = "stages", .tensors = {"vector, B"}, .n_bytes = {region->ledger.sram_peak_bytes}, .n_tensors = 1};
    for (int axis = 0; axis < 2; axis++)
        plan->count += r.plan[axis] ? r.plan[axis]->stages : 0;
    for (int i = 0; i < PLMR_PLAN_LEVELS; i++)
        plan->groups[i] = tree_groups(&r)[i];
    close_allreduce(&r);
    return PLMR_OK;
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

static const plmr_job_actions actions = {.command = "allreduce", .run = run, .plan = make_plan, .describe = describe};

static plmr_status run_command(void *options)
{
    plmr_job job;
    allreduce_command *c = options;
    PLMR_TRY(plmr_job_open(&job, &actions, &c->run, DEFAULT_ROWS, DEFAULT_COLS));
    plmr_status status = check_cores(&job);
    return plmr_job_close(&job, status ? status : plmr_job_run(&job, c));
}

const plmr_command plmr_command_allreduce = {
    .name = "allreduce",
    .summary = "add up a vector over a row or a rectangle of cores",
    .about =
        "Adds up a vector over a row of cores (--cores P) or over a region (--cores HxW: along x, then along y), so "
        "that every core has the sum, with one or several algorithms.",
    .more = "For example:\n"
            "  plmr allreduce --length 64 --cores 512 --verify",
    .options = options,
    .size = sizeof(allreduce_command),
    .run = run_command,
};
