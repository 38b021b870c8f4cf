/* The frame of programs of users' own: a command whose table has the program's options beside those of all runs. */
#include "plmr/program.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/format.h"
#include "base/hint.h"
#include "base/memory.h"
#include "base/point.h"
#include "cli/command.h"
#include "cli/options.h"
#include "verbs/points.h"
#include "verbs/tiles_inside.h"

enum { MOST_OPTIONS = 40, MOST_REAL = 1000000000 };

/* What its options fill. */
struct program_run {
    const plmr_program *program;
    plmr_run_options run;
};

/* ---- options ---- */

static const plmr_program_option *find_option(const plmr_program *program, const char *name)
{
    const plmr_program_option *o = program->options;
    while (strcmp(o->name, name) != 0)
        o++;
    return o;
}

static plmr_status read_own(const plmr_option *option, const char *text, void *member)
{
    const plmr_program_option *own = find_option(((struct program_run *)member)->program, option->name);
    plmr_text shown = plmr_option_shown(option);
    plmr_option like = *option;
    like.size = sizeof(int);
    like.most = 0;
    switch (own->kind) {
    case PLMR_OPTION_FLAG:
        return plmr_read_flag(&like, text, own->value);
    case PLMR_OPTION_COUNT:
        return plmr_read_count(&like, text, own->value);
    case PLMR_OPTION_REAL:
        return plmr_parse_real(shown.s, text, -(double)MOST_REAL, MOST_REAL, own->value);
    default:
        return plmr_read_text(&like, text, own->value);
    }
}

static plmr_status read_dtype(const plmr_option *option, const char *text, void *member)
{
    return plmr_read_word(option, text, ((struct program_run *)member)->program->dtype);
}

static const plmr_option timing_row = {"timing", NULL, PLMR_TITLE_VALUES, "As --mode timing",
                                       PLMR_FLAG(struct program_run, run.timing)};
static const plmr_option dtype_row = {"dtype",
                                      "TYPE",
                                      PLMR_TITLE_VALUES,
                                      "How elements are stored: %s",
                                      .read = read_dtype,
                                      .size = sizeof(int),
                                      .words = plmr_dtypes};
static const plmr_option cores_row = {"cores", "HxW", PLMR_TITLE_PLACE, "Region of H rows and W columns of cores",
                                      PLMR_PAIR(struct program_run, run.rows, "16x16")};
static const plmr_option verify_row = {"verify", NULL, PLMR_TITLE_VALUES, "Hold the result against what it must be",
                                       PLMR_FLAG(struct program_run, run.verify)};
static const plmr_option json_row = {"json", "FILE|-", PLMR_TITLE_OUTPUT,
                                     "The run as one JSON object; with - its line of text goes to standard error",
                                     PLMR_TEXT_WRITTEN(struct program_run, run.json)};
static const plmr_option frame_row = PLMR_OPTIONS(struct program_run, run, plmr_frame_table);

static plmr_status check_option(const plmr_program *program, int i)
{
    const plmr_program_option *o = &program->options[i];
    PLMR_CHECK(i < MOST_OPTIONS, PLMR_ERROR_INPUT, "a program has at most %d options of its own", MOST_OPTIONS);
    PLMR_CHECK(strlen(o->name) < PLMR_OPTION_NAME, PLMR_ERROR_INPUT,
               "option %d ('%.60s'): a name has %d characters at most", i, o->name, PLMR_OPTION_NAME - 1);
    PLMR_CHECK(o->value && o->help && *o->name && (o->kind == PLMR_OPTION_FLAG) == !o->argument, PLMR_ERROR_INPUT,
               "option %d ('%.40s') needs a name, a help, a value, and an argument unless it is a flag", i, o->name);
    PLMR_CHECK((unsigned)o->kind <= PLMR_OPTION_TEXT, PLMR_ERROR_INPUT,
               "option %d ('%.40s') is of kind %d, which there is not", i, o->name, (int)o->kind);
    PLMR_CHECK(*o->name != '-' && !strchr(o->name, '='), PLMR_ERROR_INPUT,
               "option %d ('%.40s') could never be given: a name has no dashes before it, and no '='", i, o->name);
    for (int j = 0; j < i; j++)
        PLMR_CHECK(strcmp(program->options[j].name, o->name) != 0, PLMR_ERROR_INPUT,
                   "options %d and %d have one name, '%.40s'", j, i, o->name);
    return PLMR_OK;
}

static plmr_status fill_rows(const plmr_program *program, plmr_option rows[MOST_OPTIONS + 7])
{
    int n = 0;
    for (const plmr_program_option *o = program->options; o && o->name; o++) {
        PLMR_TRY(check_option(program, n));
        rows[n++] = (plmr_option){.name = o->name,
                                  .argument = o->argument,
                                  .group = PLMR_TITLE_PROBLEM,
                                  .help = o->help,
                                  .path = o->kind == PLMR_OPTION_TEXT ? PLMR_PATH_READ : PLMR_NO_PATH,
                                  PLMR_READ_ALL(read_own)};
    }
    if (program->dtype)
        rows[n++] = dtype_row;
    rows[n++] = timing_row;
    rows[n++] = json_row;
    rows[n++] = cores_row;
    if (!program->any_cores)
        rows[n - 1].help = NULL;
    rows[n++] = verify_row;
    if (!program->verify && !program->check)
        rows[n - 1].help = NULL;
    rows[n] = frame_row;
    return PLMR_OK;
}

/* ---- running ---- */

static plmr_status prepare(plmr_job *job, void *context)
{
    (void)job, (void)context;
    return PLMR_OK;
}

static void record_problem(const void *context, plmr_record *record)
{
    const struct program_run *r = context;
    record->dtype = plmr_dtype_name(r->program->dtype ? *r->program->dtype : PLMR_F32);
}

/* What is open: the region, and the program on it. */
struct open {
    plmr_region *region;
    const plmr_program *program;
};

static plmr_status open_program(void *context, const void *algorithm, plmr_region *region, void **work)
{
    struct open *open = plmr_take(sizeof *open);
    (void)context;
    *open = (struct open){region, algorithm};
    *work = open;
    return PLMR_OK;
}

static void close_program(void *work)
{
    struct open *open = work;
    if (open->program->close)
        open->program->close(open->program->context);
    plmr_points_destroy_all(open->region);
    plmr_tiles_destroy_all(open->region);
    free(open);
}

static plmr_status run_program(const void *algorithm, void *work)
{
    struct open *open = work;
    (void)algorithm;
    return plmr_agree(open->program->run(open->region, open->program->context));
}

static void make_plan(const void *context, const void *work, plmr_outline *plan)
{
    (void)context, (void)work, (void)plan;
}

/* The program's check at every core, and what it has found. */
struct checking {
    const plmr_program *program;
    uint64_t n_wrong;
};

static void check_core(void *context, int row, int col)
{
    struct checking *c = context;
    c->n_wrong += (uint64_t)c->program->check(c->program->context, row, col);
}

static plmr_status check_cores(const plmr_program *program, plmr_region *region)
{
    struct checking c = {program, 0};
    PLMR_TRY(plmr_each(region, check_core, &c));
    plmr_ranks_sum(region->ranks, &c.n_wrong, 1);
    PLMR_CHECK(c.n_wrong == 0, PLMR_ERROR_SYSTEM, "--verify: %llu values of %s are wrong",
               (unsigned long long)c.n_wrong, program->name);
    return PLMR_OK;
}

static plmr_status verify_program(const void *algorithm, void *work)
{
    struct open *open = work;
    const plmr_program *program = open->program;
    (void)algorithm;
    if (program->check)
        PLMR_TRY(check_cores(program, open->region));
    return program->verify ? program->verify(open->region, program->context) : PLMR_OK;
}

static void print_verdict(const plmr_job *job, const plmr_record *r, FILE *out)
{
    const plmr_device *device = &job->session.device;
    fprintf(out,
            "%s: %dx%d cores of %s, %.10g cycles (%s), %lld of %.0f bytes of SRAM, %d of %.0f routes, %llu "
            "wavelet-hops%s\n",
            r->algorithm, job->rows, job->cols, device->name, r->cycles, plmr_format_quantity(r->virtual_s, "s").s,
            (long long)r->sram_peak_bytes, device->sram, (int)r->routes_max, device->routes,
            (unsigned long long)r->wavelet_hops, r->verified ? ", verified" : "");
}

static plmr_status run_command(void *options)
{
    struct program_run *r = options;
    const plmr_program *p = r->program;
    const plmr_job_actions actions = {
        .command = p->name,
        .prepare = prepare,
        .record = record_problem,
        .open = open_program,
        .close = close_program,
        .run = run_program,
        .plan = make_plan,
        .verify = verify_program,
        .print = print_verdict,
    };
    bool sized = r->run.rows > 0;
    PLMR_CHECK(!sized || p->any_cores, PLMR_ERROR_INPUT, "--cores: %s runs on %dx%d cores alone", p->name, p->rows,
               p->cols);
    PLMR_CHECK(!r->run.verify || p->verify || p->check, PLMR_ERROR_INPUT,
               "--verify: %s has nothing to hold its result against", p->name);
    if (!sized) {
        r->run.rows = p->rows;
        r->run.cols = p->cols;
    }
    r->run.dtype = p->dtype ? *p->dtype : PLMR_F32;
    r->run.algorithms = (plmr_chosen){.at = {p}, .n = 1};
    return plmr_job_do(&actions, &r->run, NULL, p->rows, p->cols, r);
}

static plmr_status check_program(const plmr_program *program)
{
    PLMR_CHECK(program && program->name && program->run, PLMR_ERROR_INPUT, "%s is NULL, and must be given",
               !program         ? "the program"
               : !program->name ? "the program's name"
                                : "the program's function 'run'");
    return PLMR_OK;
}

static plmr_status run_words(const plmr_program *program, int argc, char **argv)
{
    plmr_option rows[MOST_OPTIONS + 7] = {{0}};
    PLMR_TRY(check_program(program));
    PLMR_TRY(fill_rows(program, rows));
    plmr_command command = {.name = program->name,
                            .about = program->about ? program->about : "A mesh program on plmr.",
                            .options = rows,
                            .size = sizeof(struct program_run),
                            .run = run_command,
                            .alone = true};
    struct program_run preset = {.program = program};
    return plmr_command_run_from(&command, &preset, argc, argv);
}

plmr_status plmr_program_run(const plmr_program *program, int argc, const char *const *argv)
{
    plmr_hints before = plmr_hint_options(program && program->any_cores ? PLMR_HINT_PROGRAM : PLMR_HINT_PROGRAM_FIXED);
    char **words = plmr_take_zeroed((size_t)(argc > 0 ? argc : 0) + 1, sizeof *words);
    for (int i = 0; argv && i < argc; i++)
        words[i] = (char *)argv[i];
    plmr_point point = plmr_point_begin();
    plmr_status status = plmr_agree(plmr_command_flush(run_words(program, argc, words)));
    plmr_point_end(point);
    free(words);
    plmr_hint_options(before);
    return status;
}

int(plmr_program_main)(int argc, char **argv, const plmr_program *program)
{
    plmr_status status = plmr_program_run(program, argc, (const char *const *)argv);
    int exit_code = !status ? 0 : plmr_error_code(status) == PLMR_ERROR_SYSTEM ? 1 : 2;
    if (status && plmr_rank() == 0)
        fprintf(stderr, "%s: %s\n", program && program->name ? program->name : "plmr", plmr_error_text(status));
    plmr_error_free(status);
    plmr_finalize();
    return exit_code;
}
