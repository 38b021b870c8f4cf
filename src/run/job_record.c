#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "kernel/kernel.h"
#include "ranks/shared_npy.h"
#include "report/map.h"
#include "report/result.h"
#include "run/job.h"
#include "verbs/record.h"

plmr_record plmr_job_record(const plmr_job *job, const void *algorithm)
{
    const plmr_run_options *options = job->options;
    plmr_record record = plmr_record_none();
    record.command = job->session.command;
    record.algorithm = plmr_name_of(algorithm);
    record.device = job->session.device.name;
    record.rows = job->rows;
    record.cols = job->cols;
    record.dtype = plmr_dtype_name(options->dtype);
    record.mode = options->timing ? "timing" : "compute";
    record.ranks = plmr_rank_count();
    record.routes_limit = (int64_t)job->session.device.routes;
    record.sram_limit_bytes = (int64_t)job->session.device.sram;
    record.violates = "";
    record.version = PLMR_VERSION;
    record.host = job->session.provenance.host;
    record.date = job->session.provenance.date;
    record.ranks_grid = job->ranks_grid;
    record.kernel = options->timing ? NULL : plmr_kernel_name();
    job->actions->record(job->context, &record);
    return record;
}

/* Useful operations: of a product, two for each multiply-add. */
static double gflops(const plmr_record *r, double wall_s)
{
    return r->k > 0 ? 2.0 * (double)r->m * (double)r->k * (double)r->n / wall_s / 1e9 : NAN;
}

static void set_field(const plmr_record_field *field, plmr_record *record, double value)
{
    char *at = (char *)record + field->at;
    if (field->type == PLMR_FIELD_count)
        *(plmr_record_count *)at = (int64_t)value;
    else if (field->type == PLMR_FIELD_real)
        *(plmr_record_real *)at = value;
}

static const plmr_record_field *find_field(const char *key)
{
    const plmr_record_field *field = plmr_record_fields;
    while (field->key && strcmp(field->key, key) != 0)
        field++;
    return field->key ? field : NULL;
}

/* Numbers of the record that a job knows nothing of. */
static bool is_program_s(const char *key)
{
    static const char *const keys[] = {"m",
                                       "k",
                                       "n",
                                       "padded_m",
                                       "padded_k",
                                       "padded_n",
                                       "seed",
                                       "verify_max_abs_err",
                                       "verify_max_rel_err",
                                       "verify_bound",
                                       "verify_elements"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (strcmp(keys[i], key) == 0)
            return true;
    return false;
}

plmr_status plmr_job_check_own(const char *key, double value)
{
    const plmr_record_field *field = find_field(key);
    bool counts = field && field->type == PLMR_FIELD_count;
    PLMR_CHECK(strcmp(key, "provenance") != 0 && (!field || is_program_s(key)), PLMR_ERROR_INPUT,
               "'%s' is in the record already, as plmr finds it: take another key", key);
    PLMR_CHECK(!counts || (value >= 0 && value == floor(value) && value < 0x1p53), PLMR_ERROR_INPUT,
               "'%s' counts, in the record: give a whole number from 0, less than 2^53, not %g", key, value);
    return PLMR_OK;
}

/* The program's own numbers: fields of the record, or others behind them. */
static void take_own(plmr_job *job, const plmr_region *region, plmr_record *record)
{
    for (const struct plmr_own *own = region->own; own; own = own->next) {
        const plmr_record_field *field = find_field(own->key);
        bool whole = own->value == trunc(own->value) && fabs(own->value) < 0x1p53;
        if (field)
            set_field(field, record, own->value);
        else if (!job->own)
            job->own = plmr_take_made(json_object());
        if (!field)
            json_object_set_new(job->own, own->key, whole ? json_integer((int64_t)own->value) : json_real(own->value));
    }
}

static void set_cost(const plmr_job *job, const plmr_cost *cost, plmr_record *record)
{
    const plmr_device *device = &job->session.device;
    plmr_energy energy = plmr_device_energy(device, job->options->dtype, cost->multiply_adds,
                                            (double)cost->wavelet_hops, cost->t_cycles);
    energy.fabric_j += device->border_energy * 1e-12 * (double)cost->border_hops;
    record->cycles = cost->t_cycles;
    record->virtual_s = cost->t_cycles / device->clock;
    record->compute_cycles = cost->compute_cycles;
    record->efficiency = record->k > 0 ? cost->compute_cycles / cost->t_cycles : NAN; /* of what multiplies */
    record->hops_critical = cost->hops_critical;
    record->stages_critical = cost->stages_critical;
    record->routes_max = cost->routes_max;
    record->sram_peak_bytes = cost->sram_peak_bytes;
    record->wavelet_hops = (int64_t)cost->wavelet_hops;
    record->border_hops = (int64_t)cost->border_hops;
    record->energy_j = device->power > 0 ? device->power * record->virtual_s : NAN;
    record->multiply_adds = cost->multiply_adds;
    record->steps = cost->steps;
    record->routes_program = cost->routes_program;
    record->violates = plmr_violations(cost->violates_memory, cost->violates_routes);
    PLMR_RECORD_ENERGY(record, energy);
}

static void set_wall(const plmr_job *job, double core_steps, plmr_record *record)
{
    double wall_s = job->session.usage.wall_s;
    record->wall_s = wall_s;
    record->core_steps_per_s = core_steps > 0 ? core_steps / wall_s : NAN;
    record->gflops = job->options->timing ? NAN : gflops(record, wall_s);
    record->on_host = plmr_host_record_of(&job->session.usage);
}

/* On rank 0. */
static void set_standing(plmr_job *job, unsigned parts, plmr_record *record)
{
    plmr_session *session = &job->session;
    record->on_host.hosts = plmr_ranks_hosts(&session->topology);
    record->on_host.placement = job->placement;
    plmr_standing_of(&session->device, &session->evidence, parts, job->options->dtype, &session->standing);
    PLMR_RECORD_STANDING(record, &session->standing);
    job->parts |= parts;
}

plmr_status plmr_job_cost(plmr_job *job, plmr_region *region, plmr_record *record)
{
    plmr_cost cost;
    PLMR_TRY(plmr_region_cost(region, &cost));
    PLMR_TRY(plmr_trace_file_add(&job->session.trace, region, record->algorithm));
    take_own(job, region, record);
    if (job->options->report)
        PLMR_TRY(plmr_map_collect(region, record->algorithm, job->options->dtype, &job->map));
    set_cost(job, &cost, record);
    set_wall(job, (double)cost.steps * job->rows * job->cols, record);
    if (plmr_rank() == 0)
        set_standing(job, region->ledger.parts, record);
    job->violates = job->violates || cost.violates_memory || cost.violates_routes;
    return PLMR_OK;
}

void plmr_job_groups(plmr_job *job, const plmr_outline *plan, plmr_record *record)
{
    plmr_outline_groups(plan, job->groups, sizeof job->groups);
    if (!job->groups[0])
        return;
    size_t used = strlen(job->trees);
    snprintf(job->trees + used, sizeof job->trees - used, "%s%s %s", used ? "; " : "", record->algorithm, job->groups);
    record->groups = job->groups;
}

/* ---- the result ---- */

/* The first is told of at the end. Takes it over. */
static void note_wrong(plmr_job *job, plmr_status wrong)
{
    if (job->wrong)
        plmr_error_free(wrong);
    else
        job->wrong = wrong;
}

static void take_verdict(plmr_job *job, plmr_verify *verify, plmr_record *record)
{
    plmr_verdict verdict;
    plmr_status wrong;
    plmr_verify_finish(verify, job->session.ranks, &verdict, &wrong);
    record->verify_max_abs_err = verdict.max_abs_err;
    record->verify_max_rel_err = verdict.max_rel_err;
    record->verify_bound = verdict.bound;
    record->verify_elements = verdict.elements;
    record->verified = wrong ? "no" : "yes";
    job->bound = verdict.max_reference > 0 ? verdict.bound / verdict.max_reference : verdict.bound;
    job->verified = verdict.elements;
    job->overflows = verdict.overflows > job->overflows ? verdict.overflows : job->overflows;
    if (wrong)
        note_wrong(job, plmr_error_make(PLMR_ERROR_SYSTEM, "%s: %s", record->algorithm, plmr_error_text(wrong)));
    plmr_error_free(wrong);
}

static plmr_status verify(plmr_job *job, const plmr_verify_problem *problem, void *work, plmr_record *record)
{
    plmr_verify *verify = plmr_verify_create(problem);
    plmr_status status = plmr_agree(job->actions->visit(work, plmr_verify_rectangle, verify));
    if (!status)
        take_verdict(job, verify, record);
    plmr_verify_destroy(verify);
    return status;
}

plmr_status plmr_job_verify(plmr_job *job, const void *algorithm, void *work, plmr_record *record)
{
    if (!job->options->verify)
        return PLMR_OK;
    plmr_status wrong = plmr_agree(job->actions->verify(algorithm, work));
    record->verified = wrong ? "no" : "yes";
    note_wrong(job, wrong);
    return PLMR_OK;
}

plmr_status plmr_job_take(plmr_job *job, void *work, plmr_record *record)
{
    plmr_verify_problem problem = job->actions->reference(job, job->context);
    plmr_checksum checksum = {.m = problem.m, .n = problem.n, .dtype = problem.dtype};
    plmr_npy *out = &job->files->out;
    PLMR_TRY(plmr_agree(job->actions->visit(work, plmr_checksum_rectangle, &checksum)));
    plmr_ranks_sum(job->session.ranks, &checksum.sum, 1);
    record->checksum = (plmr_record_hash){true, checksum.sum};
    if (job->options->verify)
        PLMR_TRY(verify(job, &problem, work, record));
    if (!out->path)
        return PLMR_OK;
    PLMR_TRY(plmr_agree(job->actions->visit(work, plmr_output_rectangle, out)));
    return plmr_shared_npy_commit(out, PLMR_OK);
}
