/* What a command's run and plan are made of. */
#include <math.h>
#include <string.h>

#include "base/format.h"
#include "base/wall.h"
#include "cli/job.h"
#include "kernel/kernel.h"
#include "ranks/ranks.h"
#include "report/map.h"
#include "report/table.h"

/* ---- the run ---- */

plmr_status plmr_job_region(plmr_job *job, int index, int64_t n_steps, plmr_region **region)
{
    const plmr_run_options *options = job->options;
    bool shows = plmr_rank() == 0 && !options->quiet && plmr_on_terminal(stderr);
    plmr_progress_begin(&job->progress, plmr_name_of(options->algorithms.at[index]), n_steps, shows);
    plmr_region_options wanted = {
        .values = !options->timing,
        .allow_memory = options->allow_memory,
        .allow_routes = options->allow_routes,
        .profile = options->report != NULL,
        .every_step = options->every_step,
        .on_step = shows ? plmr_progress_step : NULL,
        .on_step_context = &job->progress,
        .pace = options->pace,
    };
    PLMR_TRY(plmr_region_create(job->ranks, &job->device, job->rows, job->cols, &wanted, region));
    plmr_status status = plmr_agree(plmr_trace_options_attach(&options->trace, *region, options->algorithms.n));
    if (status)
        plmr_region_destroy(*region);
    return status;
}

double plmr_job_start(plmr_job *job)
{
    plmr_barrier();
    job->before = plmr_ranks_profile_now(job->ranks);
    return plmr_wall_s();
}

plmr_status plmr_job_stop(plmr_job *job, double start_s, plmr_status status, double *wall_s)
{
    double own_s = plmr_wall_s() - start_s;
    plmr_progress_end(&job->progress);
    status = plmr_end_if_alone(status);
    plmr_ranks_usage_since(job->ranks, &job->before, own_s, &job->usage);
    *wall_s = job->usage.wall_s;
    return status;
}

/* ---- the record ---- */

plmr_record plmr_job_record(const plmr_job *job, int index)
{
    const plmr_run_options *options = job->options;
    plmr_record record = plmr_record_none();
    record.command = job->actions->command;
    record.algorithm = plmr_name_of(options->algorithms.at[index]);
    record.device = job->device.name;
    record.rows = job->rows;
    record.cols = job->cols;
    record.dtype = plmr_dtype_name(options->dtype);
    record.mode = options->timing ? "timing" : "compute";
    record.ranks = plmr_rank_count();
    record.routes_limit = (int64_t)job->device.routes;
    record.sram_limit_bytes = (int64_t)job->device.sram;
    record.violates = "";
    record.version = PLMR_VERSION;
    record.host = job->provenance.host;
    record.date = job->provenance.date;
    record.ranks_grid = job->ranks_grid;
    record.kernel = options->timing ? NULL : plmr_kernel_name();
    return record;
}

static const char *violations(const plmr_cost *cost)
{
    if (cost->violates_memory)
        return cost->violates_routes ? "M,R" : "M";
    return cost->violates_routes ? "R" : "";
}

plmr_status plmr_job_cost(plmr_job *job, plmr_region *region, double wall_s, double work, plmr_record *record)
{
    plmr_cost cost;
    PLMR_TRY(plmr_region_cost(region, &cost));
    PLMR_TRY(plmr_trace_file_add(&job->trace, region, record->algorithm));
    double core_steps = (double)cost.steps * job->rows * job->cols;
    if (job->options->report)
        PLMR_TRY(plmr_map_collect(region, record->algorithm, job->options->dtype, &job->map));
    record->cycles = cost.t_cycles;
    record->virtual_s = cost.t_cycles / job->device.clock;
    record->compute_cycles = cost.compute_cycles;
    record->efficiency = cost.compute_cycles / cost.t_cycles;
    record->hops_critical = cost.hops_critical;
    record->stages_critical = cost.stages_critical;
    record->routes_max = cost.routes_max;
    record->sram_peak_bytes = cost.sram_peak_bytes;
    record->wavelet_hops = (int64_t)cost.wavelet_hops;
    record->energy_j = job->device.power > 0 ? job->device.power * record->virtual_s : NAN;
    record->multiply_adds = cost.multiply_adds;
    plmr_energy energy = plmr_device_energy(&job->device, job->options->dtype, cost.multiply_adds,
                                            (double)cost.wavelet_hops, cost.t_cycles);
    PLMR_RECORD_ENERGY(record, energy);
    record->violates = violations(&cost);
    record->wall_s = wall_s;
    record->core_steps_per_s = core_steps > 0 ? core_steps / wall_s : NAN;
    record->gflops = job->options->timing || work <= 0 ? NAN : work / wall_s / 1e9;
    record->steps = cost.steps;
    record->routes_program = cost.routes_program;
    record->on_host = plmr_host_record_of(&job->usage);
    if (plmr_rank() == 0) {
        record->on_host.hosts = plmr_ranks_hosts(&job->topology);
        record->on_host.placement = job->placement;
    }
    job->violates = job->violates || cost.violates_memory || cost.violates_routes;
    return PLMR_OK;
}

void plmr_job_checksum(plmr_job *job, uint64_t sum, plmr_record *record)
{
    plmr_ranks_sum(job->ranks, &sum, 1);
    record->checksum = (plmr_record_hash){true, sum};
}

void plmr_job_verdict(plmr_job *job, plmr_verify *verify, plmr_record *record)
{
    plmr_verdict verdict;
    plmr_status wrong;
    plmr_verify_finish(verify, job->ranks, &verdict, &wrong);
    record->verify_max_abs_err = verdict.max_abs_err;
    record->verify_max_rel_err = verdict.max_rel_err;
    record->verify_bound = verdict.bound;
    record->verify_elements = verdict.elements;
    record->verified = wrong ? "no" : "yes";
    job->bound = verdict.max_reference > 0 ? verdict.bound / verdict.max_reference : verdict.bound;
    job->verified = verdict.elements;
    job->overflows = verdict.overflows > job->overflows ? verdict.overflows : job->overflows;
    if (wrong && !job->wrong)
        job->wrong = plmr_error_make(PLMR_ERROR_SYSTEM, "%s: %s", record->algorithm, plmr_error_text(wrong));
    plmr_error_free(wrong);
}

/* ---- plans ---- */

static void format_groups(const int *groups, char *text, size_t size)
{
    size_t used = 0;
    text[0] = '\0';
    for (int i = 0; i < PLMR_PLAN_LEVELS && groups[i] > 0 && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%d", i ? "," : "", groups[i]);
}

void plmr_job_groups(plmr_job *job, const int *groups, plmr_record *record)
{
    format_groups(groups, job->groups, sizeof job->groups);
    if (!job->groups[0])
        return;
    size_t used = strlen(job->trees);
    snprintf(job->trees + used, sizeof job->trees - used, "%s%s %s", used ? "; " : "", record->algorithm, job->groups);
    record->groups = job->groups;
}

plmr_status plmr_job_plan(plmr_job *job, void *context, int index, plmr_plan *plan, plmr_cost *cost)
{
    plmr_region *region;
    plmr_region_options any = {.allow_memory = true, .allow_routes = true};
    *plan = (plmr_plan){0};
    PLMR_TRY(plmr_region_create(job->ranks, &job->device, job->rows, job->cols, &any, &region));
    plmr_status status = job->actions->plan(job, context, index, region, plan);
    if (!status)
        status = plmr_region_cost(region, cost);
    plmr_region_destroy(region);
    return status;
}

enum { NAME = 13, CELL = 13 };

void plmr_job_plan_titles(plmr_job *job, const plmr_plan *plan)
{
    fprintf(job->text, "\n%*s%*s", NAME, "", CELL, "");
    for (int i = 0; i < plan->n_tensors; i++)
        fprintf(job->text, "%*s", CELL, "");
    fprintf(job->text, "%*s\n%*s%*s", CELL, "SRAM, B", -NAME, "algorithm", CELL, plan->unit);
    for (int i = 0; i < plan->n_tensors; i++)
        fprintf(job->text, "%*s", CELL, plan->tensors[i]);
    fprintf(job->text, "   of %s\n", plmr_format_count((int64_t)job->device.sram).s);
}

void plmr_job_plan_row(plmr_job *job, int index, const plmr_plan *plan, const plmr_cost *cost)
{
    char groups[64];
    const plmr_run_options *options = job->options;
    format_groups(plan->groups, groups, sizeof groups);
    fprintf(job->text, "%*s%*s", -NAME, plmr_name_of(options->algorithms.at[index]), CELL,
            plmr_format_count(plan->count).s);
    for (int i = 0; i < plan->n_tensors; i++)
        fprintf(job->text, "%*s", CELL, plmr_format_count(plan->n_bytes[i]).s);
    fprintf(job->text, "%*s%s%s%s\n", CELL, plmr_format_count(cost->sram_peak_bytes).s,
            cost->violates_memory ? " !" : "", groups[0] ? "   groups " : "", groups);
}

/* ---- facts ---- */

void plmr_job_describe(const plmr_job *job, enum plmr_dtype accumulate, const char *from, FILE *out)
{
    const plmr_run_options *options = job->options;
    plmr_table_fact(out, "device", "%s: %s", job->device.name, job->device.title);
    plmr_table_fact(out, "cores", "%d x %d of %.0f x %.0f", job->rows, job->cols, job->device.rows, job->device.cols);
    plmr_table_fact(out, "values", "%s, added up in %s; %s", plmr_dtype_name(options->dtype),
                    plmr_dtype_name(accumulate), options->timing ? "not computed: timing mode" : from);
    plmr_table_fact(out, "ranks", "%d as %s%s%s", plmr_rank_count(), job->ranks_grid,
                    options->timing ? "" : ", kernel ", options->timing ? "" : plmr_kernel_name());
    plmr_ranks_print(out, &job->topology, job->rows, job->cols);
}

void plmr_job_describe_padding(FILE *out, const char *sizes, double useful, double padded)
{
    if (padded > useful)
        plmr_table_fact(out, "padding", "to %s, %s more multiply-adds", sizes,
                        plmr_format_percent(padded / useful - 1).s);
    else
        plmr_table_fact(out, "padding", "none");
}
