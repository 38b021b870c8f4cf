#include "run/job.h"

#include <stdlib.h>

#include "base/hint.h"
#include "base/memory.h"
#include "report/map.h"
#include "report/table.h"

/* ---- opening ---- */

static plmr_status check_options(const plmr_run_options *options)
{
    PLMR_CHECK(!options->verify || !options->timing, PLMR_ERROR_INPUT,
               "--verify needs values, which --mode timing has not: leave one of them out");
    PLMR_CHECK(!options->plan || !options->text, PLMR_ERROR_INPUT,
               "--plan runs nothing, so there is nothing for --text: leave one of them out");
    PLMR_CHECK(!options->plan || !options->json, PLMR_ERROR_INPUT,
               "--plan runs nothing, so there is nothing for --json: leave one of them out");
    PLMR_CHECK(!options->plan || !options->quiet, PLMR_ERROR_INPUT,
               "--plan does nothing but print, which --quiet forbids: leave one of them out");
    PLMR_CHECK(!options->plan || !options->report, PLMR_ERROR_INPUT,
               "--plan runs nothing, so there is nothing for --report: leave one of them out");
    return plmr_trace_options_check(&options->trace, options->plan);
}

static plmr_status check_files(const plmr_job *job)
{
    const char *const *names = job->actions->files, *const *paths = job->files->paths;
    const plmr_run_options *o = job->options;
    int first = paths[0] ? 0 : paths[1] ? 1 : 2;
    PLMR_CHECK(!paths[first] || !o->timing, PLMR_ERROR_INPUT,
               "%s needs values, which --mode timing has not: leave one of them out", names[first]);
    PLMR_CHECK(!paths[2] || !o->plan, PLMR_ERROR_INPUT,
               "--plan runs nothing, so there is nothing for %s: leave one of them out", names[2]);
    PLMR_CHECK(!paths[2] || o->algorithms.n == 1, PLMR_ERROR_INPUT,
               "%s takes the result of one algorithm, not of %d: choose one with --alg", names[2], o->algorithms.n);
    return PLMR_OK;
}

static plmr_status choose_cores(plmr_job *job, int default_rows, int default_cols)
{
    const plmr_run_options *options = job->options;
    const plmr_device *device = &job->session.device;
    int most_rows = (int)device->rows, most_cols = (int)device->cols;
    job->rows = options->rows ? options->rows : default_rows < most_rows ? default_rows : most_rows;
    job->cols = options->cols ? options->cols : default_cols < most_cols ? default_cols : most_cols;
    PLMR_CHECK(job->rows <= most_rows && job->cols <= most_cols, PLMR_ERROR_INPUT,
               "%s: %dx%d do not fit on %s, which has %dx%d: choose fewer, or another --device",
               plmr_hint("--cores", "the program's cores"), job->rows, job->cols, device->name, most_rows, most_cols);
    return PLMR_OK;
}

static plmr_status fill_job(plmr_job *job, int default_rows, int default_cols)
{
    const plmr_run_options *o = job->options;
    plmr_session *session = &job->session;
    PLMR_TRY(check_files(job));
    PLMR_TRY(check_options(o));
    PLMR_TRY(plmr_session_open(session, job->actions->command, &o->line, o->device, o->quiet));
    PLMR_TRY(choose_cores(job, default_rows, default_cols));
    PLMR_TRY(plmr_session_start_ranks(session, o->rank_rows, o->rank_cols, job->rows, job->cols, NULL,
                                      !o->plan && !o->quiet));
    if (plmr_rank() == 0)
        job->placement = plmr_ranks_text(&session->topology, job->rows, job->cols);
    snprintf(job->ranks_grid, sizeof job->ranks_grid, "%dx%d", plmr_ranks_extent(session->ranks, PLMR_Y),
             plmr_ranks_extent(session->ranks, PLMR_X));
    job->misfits = plmr_take_zeroed((size_t)o->algorithms.n, sizeof *job->misfits);
    return plmr_session_open_files(session, o->json, o->report, o->trace.path, NULL);
}

/* ---- telling ---- */

static void print_titles(plmr_job *job, const plmr_record *record)
{
    if (job->titled || !job->text || job->actions->print)
        return;
    job->actions->describe(job, job->context, job->text);
    plmr_table_titles(job->text, record);
    job->titled = true;
}

/* Takes over the map of the algorithm, and the numbers that its program has put into the record, if it has run. */
static plmr_status publish(plmr_job *job, const plmr_record *record, json_t *map, json_t *own)
{
    plmr_session *session = &job->session;
    if (job->text) {
        if (job->actions->print)
            job->actions->print(job, record, job->text);
        else
            plmr_table_row(job->text, record);
        plmr_job_bars_note(job, record);
        fflush(job->text);
    }
    json_t *object = plmr_record_json(plmr_record_fields, record);
    json_object_update(object, own);
    json_decref(own);
    plmr_session_sign(session, object);
    if (session->html.runs)
        plmr_html_add_record(&session->html, object, &session->device, map ? json_pack("[o]", map) : NULL, NULL);
    return plmr_json_put(&session->jsonl, PLMR_RECORD_FLAGS, object);
}

/* Rank 0 tells of an algorithm that has run, after those before it that did not fit. */
static plmr_status publish_all(plmr_job *job, const plmr_record *record)
{
    json_t *map = job->map, *own = job->own;
    job->map = job->own = NULL;
    print_titles(job, record);
    for (int i = 0; i < job->n_misfits; i++)
        PLMR_TRY(publish(job, &job->misfits[i].record, NULL, NULL));
    return publish(job, record, map, own);
}

static void forget_misfits(plmr_job *job)
{
    for (int i = 0; i < job->n_misfits; i++)
        free(job->misfits[i].error);
    job->n_misfits = 0;
}

/* ---- running ---- */

static plmr_status create_region(plmr_job *job, plmr_region **region)
{
    const plmr_run_options *o = job->options;
    plmr_session *session = &job->session;
    plmr_region_options wanted = {
        .values = !o->timing,
        .allow_memory = o->allow_memory,
        .allow_routes = o->allow_routes,
        .profile = o->report != NULL,
        .every_step = o->every_step,
        .on_step = session->shows ? plmr_progress_step : NULL,
        .on_step_context = &session->progress,
        .pace = o->pace,
    };
    PLMR_TRY(plmr_region_create(session->ranks, &session->device, job->rows, job->cols, &wanted, region));
    (*region)->check_own = plmr_job_check_own;
    plmr_status status = plmr_agree(plmr_trace_options_attach(&o->trace, *region, o->algorithms.n));
    if (status)
        plmr_region_destroy(*region);
    return status;
}

static plmr_status run_opened(plmr_job *job, const void *algorithm, plmr_region *region, void *work,
                              plmr_record *record)
{
    plmr_outline plan = {0};
    job->actions->plan(job->context, work, &plan);
    plmr_session_measure(&job->session);
    plmr_status status = job->actions->run(algorithm, work);
    plmr_progress_end(&job->session.progress);
    status = plmr_end_if_alone(status);
    plmr_session_measured(&job->session);
    PLMR_TRY(status);
    PLMR_TRY(plmr_job_cost(job, region, record));
    plmr_job_groups(job, &plan, record);
    if (job->options->timing)
        return PLMR_OK;
    return job->actions->visit ? plmr_job_take(job, work, record) : plmr_job_verify(job, algorithm, work, record);
}

static plmr_status run_algorithm(plmr_job *job, const void *algorithm, plmr_record *record)
{
    plmr_region *region;
    void *work;
    plmr_progress_begin(&job->session.progress, plmr_name_of(algorithm), job->n_steps, job->session.shows);
    PLMR_TRY(create_region(job, &region));
    plmr_status status = job->actions->open(job->context, algorithm, region, &work);
    if (!status) {
        status = run_opened(job, algorithm, region, work, record);
        job->actions->close(work);
    }
    plmr_region_destroy(region);
    return status;
}

/* What the algorithm would need, on a region that takes any number of bytes and routes. */
static plmr_status look_ahead(plmr_job *job, const void *algorithm, plmr_region *region, void **work,
                              plmr_outline *plan, plmr_cost *cost)
{
    PLMR_TRY(job->actions->open(job->context, algorithm, region, work));
    *plan = (plmr_outline){0};
    job->actions->plan(job->context, *work, plan);
    return plmr_region_cost(region, cost);
}

/* Calls `tell` on rank 0. */
static plmr_status with_plan(plmr_job *job, const void *algorithm,
                             void (*tell)(plmr_job *job, const void *algorithm, const plmr_outline *plan,
                                          const plmr_cost *cost))
{
    plmr_region *region;
    plmr_outline plan;
    plmr_cost cost;
    void *work = NULL;
    plmr_session *session = &job->session;
    plmr_region_options any = {.allow_memory = true, .allow_routes = true};
    PLMR_TRY(plmr_region_create(session->ranks, &session->device, job->rows, job->cols, &any, &region));
    plmr_status status = look_ahead(job, algorithm, region, &work, &plan, &cost);
    if (!status)
        tell(job, algorithm, &plan, &cost);
    if (work)
        job->actions->close(work);
    plmr_region_destroy(region);
    return status;
}

static void note_misfit(plmr_job *job, const void *algorithm, const plmr_outline *plan, const plmr_cost *cost)
{
    plmr_record *record = &job->misfits[job->n_misfits - 1].record;
    (void)algorithm, (void)plan;
    record->violates = cost->violates_memory ? "M" : "R";
    record->sram_peak_bytes = cost->sram_peak_bytes;
}

/* Keeps what is known of an algorithm that the device cannot hold. Takes ownership of the error. */
static plmr_status add_misfit(plmr_job *job, const void *algorithm, const plmr_record *record, plmr_status error)
{
    plmr_misfit *misfit = &job->misfits[job->n_misfits++];
    *misfit = (plmr_misfit){.record = *record, .error = plmr_take_copy(plmr_error_text(error))};
    misfit->record.error = misfit->error;
    plmr_error_free(error);
    return with_plan(job, algorithm, note_misfit);
}

static plmr_status run_one(plmr_job *job, const void *algorithm)
{
    plmr_record record = plmr_job_record(job, algorithm);
    plmr_status error = run_algorithm(job, algorithm, &record);
    bool misfit = error && plmr_error_code(error) == PLMR_ERROR_LIMIT && job->options->algorithms.n > 1;
    if (error && !misfit)
        return error;
    if (misfit)
        PLMR_TRY(add_misfit(job, algorithm, &record, error));
    else
        job->n_done++;
    if (job->n_done == 0)
        return PLMR_OK;
    plmr_status status = PLMR_OK;
    if (plmr_rank() == 0)
        status = misfit ? publish(job, &job->misfits[0].record, NULL, NULL) : publish_all(job, &record);
    forget_misfits(job);
    return plmr_agree(status);
}

static void tell_plan(plmr_job *job, const void *algorithm, const plmr_outline *plan, const plmr_cost *cost)
{
    if (plmr_rank() > 0)
        return;
    if (!job->titled) {
        job->actions->describe(job, job->context, job->text);
        plmr_job_plan_titles(job, plan);
    }
    job->titled = true;
    plmr_job_plan_row(job, algorithm, plan, cost);
}

static plmr_status note_files(plmr_job *job)
{
    PLMR_TRY(plmr_session_note(&job->session, job->files->paths[0]));
    return plmr_session_note(&job->session, job->files->paths[1]);
}

static plmr_status run_all(plmr_job *job)
{
    const plmr_chosen *algorithms = &job->options->algorithms;
    bool plans = job->options->plan;
    PLMR_TRY(job->actions->prepare(job, job->context));
    PLMR_TRY(plmr_agree(note_files(job)));
    for (int i = 0; i < algorithms->n; i++)
        PLMR_TRY(plans ? with_plan(job, algorithms->at[i], tell_plan) : run_one(job, algorithms->at[i]));
    PLMR_CHECK(plans || job->n_done > 0, PLMR_ERROR_LIMIT, "none of the %d algorithms fits; %s: %s", job->n_misfits,
               job->misfits[0].record.algorithm, job->misfits[0].error);
    if (job->text && !plans)
        plmr_job_print_end(job);
    return PLMR_OK;
}

static plmr_status close_job(plmr_job *job, plmr_status status)
{
    if (status)
        plmr_npy_discard(&job->files->out);
    plmr_operand_close(&job->files->a);
    plmr_operand_close(&job->files->b);
    status = plmr_session_close(&job->session, status);
    json_decref(job->map);
    json_decref(job->own);
    if (status)
        plmr_error_free(job->wrong);
    else
        status = job->wrong;
    forget_misfits(job);
    free(job->misfits);
    free(job->drawn);
    free(job->placement);
    return status;
}

plmr_status plmr_job_do(const plmr_job_actions *actions, const plmr_run_options *options, plmr_product_files *files,
                        int default_rows, int default_cols, void *context)
{
    plmr_product_files none = {.paths = {NULL}};
    plmr_job job = {
        .actions = actions, .options = options, .files = files ? files : &none, .context = context, .n_steps = 1};
    job.files->a.npy.fd = job.files->b.npy.fd = -1;
    job.text = plmr_rank() > 0 || options->quiet ? NULL : plmr_text_beside(options->json);
    plmr_status status = fill_job(&job, default_rows, default_cols);
    return close_job(&job, status ? status : run_all(&job));
}
