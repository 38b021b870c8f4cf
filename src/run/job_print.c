/* What people read of a job. */
#include <math.h>
#include <stdlib.h>

#include "base/format.h"
#include "base/memory.h"
#include "kernel/kernel.h"
#include "report/bars.h"
#include "report/table.h"
#include "run/job.h"

/* ---- above the table ---- */

void plmr_job_describe(const plmr_job *job, enum plmr_dtype accumulate, const char *from, FILE *out)
{
    const plmr_run_options *options = job->options;
    const plmr_device *device = &job->session.device;
    plmr_table_fact(out, "device", "%s: %s", device->name, device->title);
    plmr_table_fact(out, "cores", "%d x %d of %.0f x %.0f", job->rows, job->cols, device->rows, device->cols);
    plmr_table_fact(out, "values", "%s, added up in %s; %s", plmr_dtype_name(options->dtype),
                    plmr_dtype_name(accumulate), options->timing ? "not computed: timing mode" : from);
    plmr_table_fact(out, "ranks", "%d as %s%s%s", plmr_rank_count(), job->ranks_grid,
                    options->timing ? "" : ", kernel ", options->timing ? "" : plmr_kernel_name());
    plmr_ranks_print(out, &job->session.topology, job->rows, job->cols);
    if (*options->algorithms.left_out)
        plmr_table_fact(out, "left out", "%s", options->algorithms.left_out);
}

void plmr_job_describe_padding(FILE *out, const char *sizes, double useful, double padded)
{
    if (padded > useful)
        plmr_table_fact(out, "padding", "to %s, %s more multiply-adds", sizes,
                        plmr_format_percent(padded / useful - 1).s);
    else
        plmr_table_fact(out, "padding", "none");
}

/* ---- plans ---- */

void plmr_outline_groups(const plmr_outline *plan, char *text, size_t size)
{
    int n = 0;
    while (plan->groups && n < PLMR_OUTLINE_LEVELS && plan->groups[n] > 0)
        n++;
    plmr_format_list(plan->groups, n, text, size);
}

enum { NAME = 13, CELL = 13 };

void plmr_job_plan_titles(const plmr_job *job, const plmr_outline *plan)
{
    fprintf(job->text, "\n%*s%*s", NAME, "", CELL, "");
    for (int i = 0; i < plan->n_tensors; i++)
        fprintf(job->text, "%*s", CELL, "");
    fprintf(job->text, "%*s\n%*s%*s", CELL, "SRAM, B", -NAME, "algorithm", CELL, plan->unit);
    for (int i = 0; i < plan->n_tensors; i++)
        fprintf(job->text, "%*s", CELL, plan->tensors[i]);
    fprintf(job->text, "   of %s\n", plmr_format_count((int64_t)job->session.device.sram).s);
}

void plmr_job_plan_row(const plmr_job *job, const void *algorithm, const plmr_outline *plan, const plmr_cost *cost)
{
    char groups[64];
    plmr_outline_groups(plan, groups, sizeof groups);
    fprintf(job->text, "%*s%*s", -NAME, plmr_name_of(algorithm), CELL, plmr_format_count(plan->count).s);
    for (int i = 0; i < plan->n_tensors; i++)
        fprintf(job->text, "%*s", CELL, plmr_format_count(plan->n_bytes[i]).s);
    fprintf(job->text, "%*s%s%s%s\n", CELL, plmr_format_count(cost->sram_peak_bytes).s,
            cost->violates_memory ? " !" : "", groups[0] ? "   groups " : "", groups);
}

/* ---- bars ---- */

void plmr_job_bars_note(plmr_job *job, const plmr_record *record)
{
    if (!job->options->text || record->error)
        return;
    job->drawn = plmr_take_more(job->drawn, ((size_t)job->n_drawn + 1) * sizeof *job->drawn);
    job->drawn[job->n_drawn++] = *record;
}

/* "12 of 24"; without a limit the number alone. */
static plmr_text of_limit(int64_t value, int64_t limit, int64_t unlimited)
{
    plmr_text text = plmr_format_count(value);
    if (limit < unlimited)
        snprintf(text.s, sizeof text.s, "%.20s of %.20s%s", plmr_format_count(value).s, plmr_format_count(limit).s,
                 value > limit ? " !" : "");
    return text;
}

static void draw_cycles(const plmr_job *job, plmr_bars_style style, plmr_bar *bars)
{
    char title[100] = "cycles";
    bool computes = isfinite(job->drawn[0].efficiency);
    for (int i = 0; i < job->n_drawn; i++) {
        const plmr_record *r = &job->drawn[i];
        double full = computes ? r->compute_cycles : r->cycles;
        bars[i] = (plmr_bar){r->algorithm, full, r->cycles - full, plmr_format_cycles(r->cycles)};
    }
    if (computes)
        snprintf(title, sizeof title, "cycles: %s computing, %s the rest", plmr_bars_mark(style, true),
                 plmr_bars_mark(style, false));
    plmr_bars_print(job->text, style, title, bars, job->n_drawn);
}

static void draw_limits(const plmr_job *job, plmr_bars_style style, plmr_bar *bars)
{
    static const char *const titles[] = {"routes of the busiest router", "bytes of SRAM of the fullest core"};
    for (int memory = 0; memory < 2; memory++) {
        for (int i = 0; i < job->n_drawn; i++) {
            const plmr_record *r = &job->drawn[i];
            int64_t value = memory ? r->sram_peak_bytes : r->routes_max;
            plmr_text text =
                of_limit(value, memory ? r->sram_limit_bytes : r->routes_limit, memory ? 1000000000 : 1000000);
            bars[i] = (plmr_bar){r->algorithm, (double)value, 0, text};
        }
        plmr_bars_print(job->text, style, titles[memory], bars, job->n_drawn);
    }
}

static void print_bars(const plmr_job *job)
{
    if (job->n_drawn == 0)
        return;
    plmr_bars_style style = plmr_bars_style_of(job->text);
    plmr_bar *bars = plmr_take((size_t)job->n_drawn * sizeof *bars);
    draw_cycles(job, style, bars);
    draw_limits(job, style, bars);
    free(bars);
}

/* ---- below the table ---- */

static void print_verified(const plmr_job *job)
{
    if (job->verified > 0)
        plmr_table_fact(job->text, "error",
                        "largest difference from double precision, over the largest of %s elements; rounding allows %s",
                        plmr_format_count(job->verified).s, plmr_format_error(job->bound).s);
    if (job->overflows > 0)
        plmr_table_fact(job->text, "overflow", "%s elements are infinite or NaN, as these operands allow",
                        plmr_format_count(job->overflows).s);
}

/* Of all algorithms that were run. */
static void print_standing(const plmr_job *job)
{
    plmr_standing standing;
    if (!job->parts)
        return;
    plmr_standing_of(&job->session.device, &job->session.evidence, job->parts, job->options->dtype, &standing);
    plmr_table_standing(job->text, &standing);
}

void plmr_job_print_end(const plmr_job *job)
{
    const plmr_trace_file *trace = &job->session.trace;
    if (job->trees[0] || job->verified > 0 || job->violates || job->parts || trace->format)
        fputc('\n', job->text);
    if (job->trees[0])
        plmr_table_fact(job->text, "groups", "%s", job->trees);
    print_verified(job);
    print_standing(job);
    if (job->violates)
        plmr_table_fact(job->text, "!", "more than a core of %s has; --allow lets it pass", job->session.device.name);
    plmr_trace_file_print(trace, job->text);
    print_bars(job);
}
