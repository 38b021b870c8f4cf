#include "cli/cli.h"

#include "base/format.h"
#include "cli/options.h"
#include "gemm/gemm.h"
#include "report/table.h"
#include "run/job.h"

enum { DEFAULT_SIZE = 1024, DEFAULT_CORES = 64 };

/* All elements are verified where that takes a second or so. */
static const int64_t verify_all_below = INT64_C(1) << 31;

typedef struct gemm_command {
    plmr_run_options run;
    plmr_size m, k, n;
    bool transpose_b;
    enum plmr_dtype accumulate;
    plmr_product_files files;
    plmr_gemm_problem problem;
    plmr_gemm_layout layout;
} gemm_command;

/* ---- the command line ---- */

static const plmr_option options[] = {
    {"m", "M", PLMR_TITLE_PROBLEM, "Rows of A and C (default 1024, or what the files have)",
     PLMR_SIZE(gemm_command, m)},
    {"k", "K", PLMR_TITLE_PROBLEM, "Columns of A, rows of B (default as for --m)", PLMR_SIZE(gemm_command, k)},
    {"n", "N", PLMR_TITLE_PROBLEM, "Columns of B and C (default as for --m)", PLMR_SIZE(gemm_command, n)},
    {"transpose-b", NULL, PLMR_TITLE_PROBLEM, "C = A B^T, with B of N rows and K columns",
     PLMR_FLAG(gemm_command, transpose_b)},
    {"alg", "NAME,...|all", PLMR_TITLE_PLACE, "Which algorithms, see plmr list",
     PLMR_SOME_OF(gemm_command, run.algorithms, &plmr_gemm_registry), .value = "all"},
    PLMR_OPTIONS(gemm_command, run, plmr_run_table),
    {"accumulate", "f32|f16", PLMR_TITLE_VALUES, "How products are added up",
     PLMR_WORD(gemm_command, accumulate, plmr_sum_dtypes), .value = "f32"},
    {"a", "FILE", PLMR_TITLE_VALUES, "NumPy file with A: float32 or float16 in C order",
     PLMR_TEXT_READ(gemm_command, files.paths[0])},
    {"b", "FILE", PLMR_TITLE_VALUES, "The same with B", PLMR_TEXT_READ(gemm_command, files.paths[1])},
    {"out", "FILE", PLMR_TITLE_OUTPUT, "Write C as a NumPy file: float16 for f16, else float32",
     PLMR_TEXT_WRITTEN(gemm_command, files.paths[2])},
    {0},
};

static plmr_status check_form(const void *algorithm, const void *context)
{
    return plmr_gemm_check_form(algorithm, ((const gemm_command *)context)->transpose_b);
}

/* ---- the problem ---- */

static plmr_status open_operands(gemm_command *c)
{
    plmr_operand *a = &c->files.a, *b = &c->files.b;
    PLMR_TRY(plmr_operand_open(c->files.paths[0], a));
    PLMR_TRY(plmr_operand_open(c->files.paths[1], b));
    if (a->path) {
        PLMR_TRY(plmr_size_set(&c->m, "m", a->npy.rows, a));
        PLMR_TRY(plmr_size_set(&c->k, "k", a->npy.cols, a));
    }
    if (b->path) {
        PLMR_TRY(plmr_size_set(c->transpose_b ? &c->n : &c->k, c->transpose_b ? "n" : "k", b->npy.rows, b));
        PLMR_TRY(plmr_size_set(c->transpose_b ? &c->k : &c->n, c->transpose_b ? "k" : "n", b->npy.cols, b));
    }
    return PLMR_OK;
}

static plmr_status prepare(plmr_job *job, void *context)
{
    gemm_command *c = context;
    plmr_gemm_problem *p = &c->problem;
    PLMR_TRY(open_operands(c));
    *p = (plmr_gemm_problem){
        .m = plmr_size_or(&c->m, DEFAULT_SIZE),
        .k = plmr_size_or(&c->k, DEFAULT_SIZE),
        .n = plmr_size_or(&c->n, DEFAULT_SIZE),
        .rows = job->rows,
        .cols = job->cols,
        .dtype = c->run.dtype,
        .accumulate = c->accumulate,
        .transpose_b = c->transpose_b,
    };
    for (int i = 0; i < c->run.algorithms.n; i++)
        PLMR_TRY(plmr_gemm_check(c->run.algorithms.at[i], p));
    c->layout = plmr_gemm_layout_of(p);
    job->n_steps = c->layout.n_slots;
    plmr_operand_fill(&c->files.a, c->run.seed, 0, p->m, p->k);
    plmr_operand_fill(&c->files.b, c->run.seed, 1, c->transpose_b ? p->n : p->k, c->transpose_b ? p->k : p->n);
    return plmr_output_open("--out", c->files.paths[2], c->run.dtype, 2, p->m, p->n, &c->files.out);
}

/* ---- running ---- */

static void record_problem(const void *context, plmr_record *record)
{
    const gemm_command *c = context;
    const plmr_gemm_problem *p = &c->problem;
    const plmr_gemm_layout *l = &c->layout;
    record->m = p->m;
    record->k = p->k;
    record->n = p->n;
    record->padded_m = (int64_t)l->ms * l->n_slots;
    record->padded_k = (int64_t)l->kt * l->n_k;
    record->padded_n = (int64_t)l->ns * l->n_slots;
    record->accumulate = plmr_dtype_name(p->accumulate);
    record->transposed = p->transpose_b ? "B" : "";
    record->seed = c->run.timing || (c->files.a.path && c->files.b.path) ? -1 : c->run.seed;
}

static plmr_status open_gemm(void *context, const void *algorithm, plmr_region *region, void **work)
{
    const gemm_command *c = context;
    plmr_gemm *g;
    PLMR_TRY(plmr_gemm_open(algorithm, &c->problem, region, &c->files.a.source, &c->files.b.source, &g));
    *work = g;
    return PLMR_OK;
}

static void close_gemm(void *work)
{
    plmr_gemm_close(work);
}

static plmr_status run_gemm(const void *algorithm, void *work)
{
    return plmr_gemm_run(algorithm, work);
}

static void make_plan(const void *context, const void *work, plmr_outline *plan)
{
    const plmr_gemm *g = work;
    (void)context;
    *plan = (plmr_outline){
        .unit = "steps",
        .count = g->layout.n_slots,
        .tensors = {"A, B", "B, B", "C, B"},
        .n_bytes = {g->a->core_bytes, g->b->core_bytes, g->c->core_bytes},
        .n_tensors = 3,
    };
}

static plmr_status visit(void *work, plmr_visit visitor, void *context)
{
    return plmr_product_visit(((plmr_gemm *)work)->c, visitor, context);
}

static plmr_verify_problem reference(const plmr_job *job, const void *context)
{
    const gemm_command *c = context;
    const plmr_gemm_problem *p = &c->problem;
    const plmr_gemm_layout *l = &c->layout;
    (void)job;
    return (plmr_verify_problem){
        .a = &c->files.a.source,
        .b = &c->files.b.source,
        .transpose_b = p->transpose_b,
        .m = p->m,
        .k = p->k,
        .n = p->n,
        .row_chunk = l->ms,
        .col_chunk = l->ns,
        .dtype = p->dtype,
        .accumulate = p->accumulate,
        /* a chain in each core, then one of a row's cores */
        .depth = p->transpose_b ? (int64_t)l->kt + p->cols : p->k,
        .all_below = verify_all_below,
    };
}

/* ---- telling ---- */

static void describe(const plmr_job *job, const void *context, FILE *out)
{
    const gemm_command *c = context;
    const plmr_gemm_problem *p = &c->problem;
    char files[600], padded[160];
    plmr_text m = plmr_format_count(p->m), k = plmr_format_count(p->k), n = plmr_format_count(p->n);
    const plmr_gemm_layout *l = &c->layout;
    double side = l->n_slots;
    plmr_operand_describe("A", &c->files.a, "B", &c->files.b, c->run.seed, files, sizeof files);
    snprintf(padded, sizeof padded, "%s x %s x %s", plmr_format_count((int64_t)l->ms * l->n_slots).s,
             plmr_format_count((int64_t)l->kt * l->n_k).s, plmr_format_count((int64_t)l->ns * l->n_slots).s);
    fprintf(out, "C = A B%s with A %s x %s and B %s x %s\n\n", p->transpose_b ? "^T" : "", m.s, k.s,
            p->transpose_b ? n.s : k.s, p->transpose_b ? k.s : n.s);
    plmr_job_describe(job, p->accumulate, files, out);
    if (p->rows != p->cols)
        plmr_table_fact(out, "grid", "%d x %d logical cores: a core stands for %d x %d of them", l->n_slots, l->n_slots,
                        l->n_slots / p->rows, l->n_slots / p->cols);
    plmr_table_fact(out, "tiles", "A %d x %d, B %d x %d, C %d x %d; %d steps", l->ms, l->kt,
                    p->transpose_b ? l->ns : l->kt, p->transpose_b ? l->kt : l->ns, l->ms, l->ns, l->n_slots);
    plmr_job_describe_padding(out, padded, (double)p->m * (double)p->k * (double)p->n,
                              l->ms * side * l->kt * l->n_k * (l->ns * side));
}

static const plmr_job_actions actions = {
    .command = "gemm",
    .files = {"--a", "--b", "--out"},
    .prepare = prepare,
    .record = record_problem,
    .open = open_gemm,
    .close = close_gemm,
    .run = run_gemm,
    .plan = make_plan,
    .visit = visit,
    .reference = reference,
    .describe = describe,
};

static plmr_status run_command(void *options)
{
    gemm_command *c = options;
    PLMR_TRY(plmr_chosen_keep(&c->run.algorithms, check_form, c));
    return plmr_job_do(&actions, &c->run, &c->files, DEFAULT_CORES, DEFAULT_CORES, c);
}

const plmr_command plmr_command_gemm = {
    .name = "gemm",
    .summary = "multiply two matrices: C = A B",
    .about = "Multiplies two matrices, C = A B, on a region of cores, with one or several algorithms.",
    .more = "For example:\n"
            "  mpirun -n 2 plmr gemm --m 512 --k 512 --n 512 --cores 90x90 --verify",
    .options = options,
    .size = sizeof(gemm_command),
    .run = run_command,
};
