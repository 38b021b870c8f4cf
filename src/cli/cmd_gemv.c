#include "cli/cli.h"

#include "base/format.h"
#include "cli/options.h"
#include "gemv/gemv.h"
#include "report/table.h"
#include "run/job.h"

enum { DEFAULT_SIZE = 4096, DEFAULT_CORES = 64 };

/* All elements are verified where that takes a second or so: every element of B is used just once. */
static const int64_t verify_all_below = INT64_C(1) << 28;

typedef struct gemv_command {
    plmr_run_options run;
    plmr_size k, n;
    enum plmr_dtype accumulate;
    plmr_reduce_options reduce;
    plmr_product_files files; /* A: x */
    plmr_gemv_problem problem;
    int kt, nt;
} gemv_command;

/* ---- the command line ---- */

static const plmr_option options[] = {
    {"k", "K", PLMR_TITLE_PROBLEM, "Elements of x, rows of B (default 4096, or what the files have)",
     PLMR_SIZE(gemv_command, k)},
    {"n", "N", PLMR_TITLE_PROBLEM, "Elements of y, columns of B (default as for --k)", PLMR_SIZE(gemv_command, n)},
    {"alg", "NAME,...|all", PLMR_TITLE_PLACE, "Which algorithms, see plmr list",
     PLMR_SOME_OF(gemv_command, run.algorithms, &plmr_gemv_registry), .value = "all"},
    PLMR_OPTIONS(gemv_command, reduce, plmr_tree_table),
    PLMR_OPTIONS(gemv_command, run, plmr_run_table),
    {"accumulate", "f32|f16", PLMR_TITLE_VALUES, "How products are added up",
     PLMR_WORD(gemv_command, accumulate, plmr_sum_dtypes), .value = "f32"},
    {"x", "FILE", PLMR_TITLE_VALUES, "NumPy file with x: float32 or float16 in C order",
     PLMR_TEXT_READ(gemv_command, files.paths[0])},
    {"b", "FILE", PLMR_TITLE_VALUES, "The same with B", PLMR_TEXT_READ(gemv_command, files.paths[1])},
    {"y", "FILE", PLMR_TITLE_OUTPUT, "Write y as a NumPy file: float16 for f16, else float32",
     PLMR_TEXT_WRITTEN(gemv_command, files.paths[2])},
    {0},
};

/* ---- the problem ---- */

/* A column is as good a vector as a row: its elements lie the same way. */
static plmr_status take_vector(gemv_command *c)
{
    plmr_npy *npy = &c->files.a.npy;
    PLMR_CHECK(npy->rows == 1 || npy->cols == 1, PLMR_ERROR_INPUT,
               "--x: %s is %lld x %lld, but x is a vector: one row of it", c->files.a.path, (long long)npy->rows,
               (long long)npy->cols);
    npy->cols *= npy->rows;
    npy->rows = 1;
    c->files.a.source.rows = 1;
    c->files.a.source.cols = npy->cols;
    return plmr_size_set(&c->k, "k", npy->cols, &c->files.a);
}

static plmr_status open_operands(gemv_command *c)
{
    PLMR_TRY(plmr_operand_open(c->files.paths[0], &c->files.a));
    PLMR_TRY(plmr_operand_open(c->files.paths[1], &c->files.b));
    if (c->files.a.path)
        PLMR_TRY(take_vector(c));
    if (c->files.b.path) {
        PLMR_TRY(plmr_size_set(&c->k, "k", c->files.b.npy.rows, &c->files.b));
        PLMR_TRY(plmr_size_set(&c->n, "n", c->files.b.npy.cols, &c->files.b));
    }
    return PLMR_OK;
}

static plmr_status prepare(plmr_job *job, void *context)
{
    gemv_command *c = context;
    plmr_gemv_problem *p = &c->problem;
    PLMR_TRY(open_operands(c));
    *p = (plmr_gemv_problem){
        .k = plmr_size_or(&c->k, DEFAULT_SIZE),
        .n = plmr_size_or(&c->n, DEFAULT_SIZE),
        .rows = job->rows,
        .cols = job->cols,
        .dtype = c->run.dtype,
        .accumulate = c->accumulate,
        .reduce = c->reduce,
    };
    PLMR_TRY(plmr_gemv_check(p));
    c->kt = (int)plmr_ceil_div(p->k, p->rows);
    c->nt = (int)plmr_ceil_div(p->n, p->cols);
    plmr_operand_fill(&c->files.a, c->run.seed, 0, 1, p->k);
    plmr_operand_fill(&c->files.b, c->run.seed, 1, p->k, p->n);
    return plmr_output_open("--y", c->files.paths[2], c->run.dtype, 1, 1, p->n, &c->files.out);
}

/* ---- running ---- */

static void record_problem(const void *context, plmr_record *record)
{
    const gemv_command *c = context;
    const plmr_gemv_problem *p = &c->problem;
    record->m = 1;
    record->k = p->k;
    record->n = p->n;
    record->padded_m = 1;
    record->padded_k = (int64_t)c->kt * p->rows;
    record->padded_n = (int64_t)c->nt * p->cols;
    record->accumulate = plmr_dtype_name(p->accumulate);
    record->transposed = "";
    record->seed = c->run.timing || (c->files.a.path && c->files.b.path) ? -1 : c->run.seed;
}

static plmr_status open_gemv(void *context, const void *algorithm, plmr_region *region, void **work)
{
    const gemv_command *c = context;
    plmr_gemv *g;
    PLMR_TRY(plmr_gemv_open(algorithm, &c->problem, region, &c->files.a.source, &c->files.b.source, &g));
    *work = g;
    return PLMR_OK;
}

static void close_gemv(void *work)
{
    plmr_gemv_close(work);
}

static plmr_status run_gemv(const void *algorithm, void *work)
{
    (void)algorithm;
    plmr_gemv_run(work);
    return PLMR_OK;
}

static void make_plan(const void *context, const void *work, plmr_outline *plan)
{
    const gemv_command *c = context;
    const plmr_gemv *g = work;
    int64_t element = (int64_t)plmr_dtype_bytes(c->problem.dtype);
    *plan = (plmr_outline){
        .unit = "stages",
        .count = g->plan->stages,
        .tensors = {"x, B", "B, B", "y, B"},
        .n_bytes = {c->kt * element, c->kt * element * c->nt, c->nt * (int64_t)plmr_dtype_bytes(c->problem.accumulate)},
        .n_tensors = 3,
        .groups = g->plan->groups,
    };
}

static plmr_status visit(void *work, plmr_visit visitor, void *context)
{
    return plmr_gemv_visit(work, visitor, context);
}

static plmr_verify_problem reference(const plmr_job *job, const void *context)
{
    const gemv_command *c = context;
    const plmr_gemv_problem *p = &c->problem;
    (void)job;
    return (plmr_verify_problem){
        .a = &c->files.a.source,
        .b = &c->files.b.source,
        .m = 1,
        .k = p->k,
        .n = p->n,
        .row_chunk = 1,
        .col_chunk = c->nt,
        .dtype = p->dtype,
        .accumulate = p->accumulate,
        /* the core's own chain, then at most one addition for each other core */
        .depth = (int64_t)c->kt + p->rows,
        .all_below = verify_all_below,
    };
}

/* ---- telling ---- */

static void describe(const plmr_job *job, const void *context, FILE *out)
{
    const gemv_command *c = context;
    const plmr_gemv_problem *p = &c->problem;
    char files[600], padded[120];
    plmr_text k = plmr_format_count(p->k), n = plmr_format_count(p->n);
    plmr_operand_describe("x", &c->files.a, "B", &c->files.b, c->run.seed, files, sizeof files);
    snprintf(padded, sizeof padded, "%s x %s", plmr_format_count((int64_t)c->kt * p->rows).s,
             plmr_format_count((int64_t)c->nt * p->cols).s);
    fprintf(out, "y = x B with x of %s and B %s x %s\n\n", k.s, k.s, n.s);
    plmr_job_describe(job, p->accumulate, files, out);
    plmr_table_fact(out, "tiles", "x %d, B %d x %d, y %d", c->kt, c->kt, c->nt, c->nt);
    plmr_job_describe_padding(out, padded, (double)p->k * (double)p->n,
                              (double)c->kt * p->rows * ((double)c->nt * p->cols));
}

static const plmr_job_actions actions = {
    .command = "gemv",
    .files = {"--x", "--b", "--y"},
    .prepare = prepare,
    .record = record_problem,
    .open = open_gemv,
    .close = close_gemv,
    .run = run_gemv,
    .plan = make_plan,
    .visit = visit,
    .reference = reference,
    .describe = describe,
};

static plmr_status run_command(void *options)
{
    gemv_command *c = options;
    return plmr_job_do(&actions, &c->run, &c->files, DEFAULT_CORES, DEFAULT_CORES, c);
}

const plmr_command plmr_command_gemv = {
    .name = "gemv",
    .summary = "multiply a vector by a matrix: y = x B",
    .about = "Multiplies a vector by a matrix, y = x B, on a region of cores, with one or several algorithms.",
    .more = "For example:\n"
            "  mpirun -n 2 plmr gemv --k 16384 --n 16384 --cores 720x720 --verify",
    .options = options,
    .size = sizeof(gemv_command),
    .run = run_command,
};
