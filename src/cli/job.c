#include "cli/job.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/format.h"
#include "base/text_file.h"
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

/* The file need be on rank 0's machine only. */
static plmr_status load_device(const char *name, plmr_device *device)
{
    PLMR_TRY(plmr_agree(plmr_rank() == 0 ? plmr_error_of_input(plmr_device_load(name, device)) : PLMR_OK));
    plmr_broadcast(device, sizeof *device);
    return PLMR_OK;
}

static plmr_status choose_cores(plmr_job *job, int default_rows, int default_cols)
{
    const plmr_run_options *options = job->options;
    int most_rows = (int)job->device.rows, most_cols = (int)job->device.cols;
    job->rows = options->rows ? options->rows : default_rows < most_rows ? default_rows : most_rows;
    job->cols = options->cols ? options->cols : default_cols < most_cols ? default_cols : most_cols;
    PLMR_CHECK(job->rows <= most_rows && job->cols <= most_cols, PLMR_ERROR_INPUT,
               "--cores: %dx%d do not fit on %s, which has %dx%d: choose fewer, or another --device", job->rows,
               job->cols, job->device.name, most_rows, most_cols);
    return PLMR_OK;
}

static FILE *table_stream(const plmr_run_options *options)
{
    return plmr_rank() > 0 || options->quiet ? NULL : plmr_text_beside(options->json);
}

static plmr_status open_files(plmr_job *job)
{
    const plmr_run_options *options = job->options;
    job->about = (plmr_trace_about){.command = job->actions->command,
                                    .device = job->device.name,
                                    .clock = job->device.clock,
                                    .ranks = plmr_rank_count(),
                                    .provenance = job->provenance};
    PLMR_TRY(plmr_jsonl_open(options->json, &job->jsonl));
    PLMR_TRY(plmr_html_open("--report", options->report, &job->html));
    return plmr_trace_file_open(options->trace.path, &job->about, &job->trace);
}

/* Where the ranks run, and what is to be warned of. */
static plmr_status look_around(plmr_job *job)
{
    PLMR_TRY(plmr_rank_map_gather(job->ranks, &job->topology));
    if (plmr_rank() > 0)
        return PLMR_OK;
    job->placement = plmr_ranks_text(&job->topology, job->rows, job->cols);
    if (!job->options->plan && !job->options->quiet)
        plmr_ranks_warn(&job->topology);
    return PLMR_OK;
}

static plmr_status fill_job(plmr_job *job, int default_rows, int default_cols)
{
    const plmr_run_options *options = job->options;
    PLMR_TRY(check_options(options));
    PLMR_TRY(load_device(options->device, &job->device));
    PLMR_TRY(choose_cores(job, default_rows, default_cols));
    PLMR_TRY(plmr_ranks_create(options->rank_rows, options->rank_cols, job->rows, job->cols, &job->ranks));
    PLMR_TRY(look_around(job));
    snprintf(job->ranks_grid, sizeof job->ranks_grid, "%dx%d", plmr_ranks_extent(job->ranks, PLMR_Y),
             plmr_ranks_extent(job->ranks, PLMR_X));
    job->misfits = calloc((size_t)options->algorithms.n, sizeof *job->misfits);
    PLMR_TRY(plmr_agree(job->misfits ? PLMR_OK : plmr_error_make(PLMR_ERROR_SYSTEM, "out of memory")));
    return plmr_agree(plmr_rank() == 0 ? open_files(job) : PLMR_OK);
}

plmr_status plmr_job_open(plmr_job *job, const plmr_job_actions *actions, const plmr_run_options *options,
                          int default_rows, int default_cols)
{
    *job = (plmr_job){.actions = actions, .options = options, .provenance = plmr_provenance_now()};
    job->text = table_stream(options);
    plmr_status status = fill_job(job, default_rows, default_cols);
    return status ? plmr_job_close(job, status) : PLMR_OK;
}

/* ---- telling ---- */

static void print_titles(plmr_job *job, const void *context, const plmr_record *record)
{
    if (job->titled || !job->text)
        return;
    job->actions->describe(job, context, job->text);
    plmr_table_titles(job->text, record);
    job->titled = true;
}

/* Takes over the map of the algorithm, if it has run. */
static plmr_status add_to_report(plmr_job *job, const plmr_record *record, json_t *map)
{
    char *line;
    if (!job->html.runs)
        return PLMR_OK;
    PLMR_TRY(plmr_record_json(record, &line));
    json_t *maps = map ? json_pack("[o]", map) : NULL;
    plmr_status status = plmr_html_add_record(&job->html, line, &job->device, maps, NULL);
    free(line);
    return status;
}

static plmr_status publish(plmr_job *job, const plmr_record *record, json_t *map)
{
    if (job->text) {
        plmr_table_row(job->text, record);
        PLMR_TRY(plmr_job_bars_note(job, record));
        fflush(job->text);
    }
    PLMR_TRY(add_to_report(job, record, map));
    return plmr_jsonl_write(&job->jsonl, record);
}

/* Rank 0 tells of an algorithm that has run, after those before it that did not fit. */
static plmr_status publish_all(plmr_job *job, const void *context, const plmr_record *record)
{
    print_titles(job, context, record);
    for (int i = 0; i < job->n_misfits; i++)
        PLMR_TRY(publish(job, &job->misfits[i].record, NULL));
    json_t *map = job->map;
    job->map = NULL;
    return publish(job, record, map);
}

static void forget_misfits(plmr_job *job)
{
    for (int i = 0; i < job->n_misfits; i++)
        free(job->misfits[i].error);
    job->n_misfits = 0;
}

static void print_end(plmr_job *job)
{
    if (!job->titled)
        return;
    if (job->trees[0] || job->verified > 0 || job->violates || job->trace.format)
        fputc('\n', job->text);
    if (job->trees[0])
        plmr_table_fact(job->text, "groups", "%s", job->trees);
    if (job->verified > 0)
        plmr_table_fact(job->text, "error",
                        "largest difference from double precision, over the largest of %s elements; rounding allows %s",
                        plmr_format_count(job->verified).s, plmr_format_error(job->bound).s);
    if (job->overflows > 0)
        plmr_table_fact(job->text, "overflow", "%s elements are infinite or NaN, as these operands allow",
                        plmr_format_count(job->overflows).s);
    if (job->violates)
        plmr_table_fact(job->text, "!", "more than a core of %s has; --allow lets it pass", job->device.name);
    plmr_trace_file_print(&job->trace, job->text);
}

/* ---- running ---- */

/* Keeps what is known of an algorithm that the device cannot hold. Takes ownership of the error. */
static plmr_status add_misfit(plmr_job *job, void *context, int index, const plmr_record *record, plmr_status error)
{
    plmr_plan plan;
    plmr_cost cost;
    plmr_misfit *misfit = &job->misfits[job->n_misfits];
    *misfit = (plmr_misfit){.record = *record, .error = strdup(plmr_error_text(error))};
    plmr_error_free(error);
    PLMR_TRY(plmr_agree(misfit->error ? PLMR_OK : plmr_error_make(PLMR_ERROR_SYSTEM, "out of memory")));
    job->n_misfits++;
    PLMR_TRY(plmr_job_plan(job, context, index, &plan, &cost));
    misfit->record.error = misfit->error;
    misfit->record.violates = cost.violates_memory ? "M" : "R";
    misfit->record.sram_peak_bytes = cost.sram_peak_bytes;
    return PLMR_OK;
}

static plmr_status run_one(plmr_job *job, void *context, int index)
{
    plmr_record record = plmr_job_record(job, index);
    plmr_status error = job->actions->run(job, context, index, &record);
    bool misfit = error && plmr_error_code(error) == PLMR_ERROR_LIMIT && job->options->algorithms.n > 1;
    if (error && !misfit)
        return error;
    if (misfit)
        PLMR_TRY(add_misfit(job, context, index, &record, error));
    else
        job->n_done++;
    if (job->n_done == 0)
        return PLMR_OK;
    plmr_status status = PLMR_OK;
    if (plmr_rank() == 0)
        status = misfit ? publish(job, &job->misfits[0].record, NULL) : publish_all(job, context, &record);
    forget_misfits(job);
    return plmr_agree(status);
}

static plmr_status run_all(plmr_job *job, void *context)
{
    for (int i = 0; i < job->options->algorithms.n; i++)
        PLMR_TRY(run_one(job, context, i));
    PLMR_CHECK(job->n_done > 0, PLMR_ERROR_LIMIT, "none of the %d algorithms fits; %s: %s", job->n_misfits,
               job->misfits[0].record.algorithm, job->misfits[0].error);
    if (plmr_rank() == 0)
        print_end(job);
    return plmr_agree(plmr_rank() == 0 ? plmr_job_bars_print(job) : PLMR_OK);
}

static plmr_status plan_all(plmr_job *job, void *context)
{
    for (int i = 0; i < job->options->algorithms.n; i++) {
        plmr_plan plan;
        plmr_cost cost;
        PLMR_TRY(plmr_job_plan(job, context, i, &plan, &cost));
        if (plmr_rank() > 0)
            continue;
        if (i == 0) {
            job->actions->describe(job, context, job->text);
            plmr_job_plan_titles(job, &plan);
        }
        plmr_job_plan_row(job, i, &plan, &cost);
    }
    return PLMR_OK;
}

plmr_status plmr_job_run(plmr_job *job, void *context)
{
    return job->options->plan ? plan_all(job, context) : run_all(job, context);
}

plmr_status plmr_job_close(plmr_job *job, plmr_status status)
{
    if (!status)
        status = plmr_agree(plmr_trace_file_commit(&job->trace));
    if (!status)
        status = plmr_agree(plmr_html_commit(&job->html));
    if (!status)
        status = plmr_agree(plmr_jsonl_commit(&job->jsonl));
    plmr_trace_file_discard(&job->trace);
    plmr_html_discard(&job->html);
    plmr_jsonl_discard(&job->jsonl);
    json_decref(job->map);
    if (status)
        plmr_error_free(job->wrong);
    else
        status = job->wrong;
    forget_misfits(job);
    free(job->misfits);
    free(job->drawn);
    free(job->placement);
    plmr_rank_map_free(&job->topology);
    plmr_ranks_destroy(job->ranks);
    *job = (plmr_job){0};
    return status;
}
