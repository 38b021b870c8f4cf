#include "tune/report.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/format.h"
#include "base/memory.h"
#include "infer/choose.h"
#include "report/record.h"
#include "tune/paper.h"

/* ---- from a search ---- */

static plmr_status set_binds(const plmr_tune_search *search, const plmr_tune_result *r, plmr_tune_row *row)
{
    plmr_tune_bind binds[PLMR_TUNE_BINDS];
    int n;
    PLMR_TRY(plmr_tune_find_binds(search, r, binds, &n));
    for (int i = 0; i < n; i++) {
        char letter = binds[i].letter, *to = letter == 'P'   ? row->P
                                             : letter == 'L' ? row->L
                                             : letter == 'M' ? row->M
                                                             : row->R;
        snprintf(to, sizeof(plmr_tune_text), "%s", binds[i].why);
    }
    return PLMR_OK;
}

static plmr_status row_of(const plmr_tune_search *search, const plmr_tune_result *r, plmr_tune_row *row)
{
    const plmr_placement *p = &r->placement;
    *row = (plmr_tune_row){
        .rows = p->rows,
        .cols = p->cols,
        .tree_k = p->n_levels,
        .groups_given = r->point.tree.n_group_levels > 0,
        .fused = !r->point.unfused,
        .layers = p->layers_per_stage,
        .layers_given = r->point.layers,
        .regions = p->n_stages,
        .regions_wafer = p->n_regions,
        .replicas = r->replicas,
        .wafers = r->n_wafers,
        .expert_wafers = p->wide,
        .sram_bytes = p->sram_bytes,
        .kv_capacity_tokens = search->task->decode ? p->capacity : 0,
        .routes = r->cost.routes_max,
        .cycles = r->cost.t_cycles,
        .aside_cycles = r->aside_cycles,
        .arithmetic = r->cost.compute_cycles / r->cost.t_cycles,
        .parts = r->cost.parts,
        .allreduces = r->cost.work[PLMR_WORK_ALLREDUCE] / r->cost.t_cycles,
    };
    plmr_format_list(p->groups[PLMR_Y], p->n_levels - 1, row->groups_y, sizeof row->groups_y);
    plmr_format_list(p->groups[PLMR_X], p->n_levels - 1, row->groups_x, sizeof row->groups_x);
    plmr_expert_setup experts = {.place = r->placement.wide > 1 ? &plmr_expert_place_wafers : r->point.experts};
    if (search->task->shape->n_experts)
        snprintf(row->experts, sizeof row->experts, "%s", plmr_expert_place_name(&experts));
    snprintf(row->violates, sizeof row->violates, "%s", plmr_violations(r->lack, r->over_routes));
    return set_binds(search, r, row);
}

static plmr_status add_search(const plmr_tune_search *search, int n_best, const json_t *paper, plmr_tune_report *report)
{
    int best[PLMR_TUNE_MOST_ROWS], decode = search->task->decode;
    plmr_phase_setup point;
    plmr_tune_result result;
    report->n_looked[decode] += search->n_results;
    report->n_rows[decode] = plmr_tune_best(search, n_best, best);
    report->loss[decode] = search->task->setup.aim ? search->results[0].loss : search->results[0].cost.t_cycles;
    for (int i = 0; i < report->n_rows[decode]; i++)
        PLMR_TRY(row_of(search, &search->results[best[i]], &report->rows[decode][i]));
    report->has_paper[decode] = paper && plmr_tune_paper_point(paper, search->task->device, decode, &point);
    if (!report->has_paper[decode])
        return PLMR_OK;
    PLMR_TRY(plmr_tune_evaluate(search->task, &point, &result));
    return row_of(search, &result, &report->paper[decode]);
}

static plmr_status search_phase(const plmr_tune_task *task, const plmr_tune_wish *wish, plmr_tune_report *report)
{
    plmr_tune_search search;
    PLMR_TRY(plmr_tune_search_run(task, &search));
    plmr_status status = add_search(&search, wish->n_best, wish->paper, report);
    plmr_tune_search_free(&search);
    return status;
}

/* With experts on so many wafers; 0: on any. */
static plmr_status search_phases(plmr_tune_task task, const plmr_tune_wish *wish, int wide, plmr_tune_report *report)
{
    task.wide = wide;
    for (int decode = 0; decode < 2; decode++) {
        task.decode = decode;
        plmr_progress_begin(wish->progress, decode ? "searching decode" : "searching prefill", 1000, wish->shows);
        plmr_status status = search_phase(&task, wish, report);
        plmr_progress_end(wish->progress);
        PLMR_TRY(status);
    }
    return PLMR_OK;
}

static double loss_of(const plmr_tune_task *task, const plmr_tune_report *report)
{
    return plmr_aim_add(task->setup.aim, report->loss[PLMR_PREFILL], report->loss[PLMR_DECODE]);
}

/* In place of what the report has, if that is not of one mind, or this is better. */
static plmr_status try_wide(const plmr_tune_task *task, const plmr_tune_wish *wish, int wide, plmr_tune_report *report)
{
    plmr_tune_report *other = plmr_take_zeroed(1, sizeof *other);
    memcpy(other->n_looked, report->n_looked, sizeof other->n_looked);
    plmr_status status = search_phases(*task, wish, wide, other);
    bool fits = !status;
    if (fits && (!plmr_tune_report_agrees(report) || loss_of(task, other) < loss_of(task, report)))
        *report = *other;
    free(other);
    if (fits || plmr_error_code(status) != PLMR_ERROR_LIMIT)
        return status;
    plmr_error_free(status);
    return PLMR_OK;
}

bool plmr_tune_report_agrees(const plmr_tune_report *report)
{
    return report->rows[PLMR_PREFILL][0].expert_wafers == report->rows[PLMR_DECODE][0].expert_wafers;
}

plmr_status plmr_tune_report_fill(const plmr_tune_task *task, const plmr_tune_wish *wish, plmr_tune_report *report)
{
    int n = task->shape->n_experts, most = task->setup.n_wafers < n ? task->setup.n_wafers : n;
    memset(report, 0, sizeof *report);
    PLMR_TRY(search_phases(*task, wish, 0, report));
    bool agrees = plmr_tune_report_agrees(report);
    for (int wide = 1; wide <= most && !agrees; wide *= 2)
        PLMR_TRY(try_wide(task, wish, wide, report));
    PLMR_CHECK(
        plmr_tune_report_agrees(report), PLMR_ERROR_LIMIT,
        "%s: prefill and decode fit %s with its experts on different numbers of wafers only: choose fewer tokens "
        "or more --wafers",
        task->shape->name, task->device->name);
    return PLMR_OK;
}

/* ---- to JSON ---- */

static const char *const phase_names[] = {"prefill", "decode"};

static json_t *json_of_count(plmr_tune_count value)
{
    return json_integer(value);
}

static json_t *json_of_real(plmr_tune_real value)
{
    return json_real(isfinite(value) ? value : 0);
}

static json_t *json_of_text(const plmr_tune_text value)
{
    return json_string(value);
}

static void add_standing(json_t *json, const plmr_tune_task *task, const plmr_tune_row *row)
{
    plmr_standing standing;
    plmr_standing_of(task->device, task->evidence, (unsigned)row->parts, task->shape->dtype, &standing);
    json_object_del(json, "parts");
    json_object_update_new(json, plmr_standing_json(&standing));
}

static json_t *json_of_row(const plmr_tune_row *row, const plmr_tune_task *task)
{
    json_t *json = json_object();
#define X(type, key) json_object_set_new(json, #key, json_of_##type(row->key));
    PLMR_TUNE_ROW_FIELDS(X)
#undef X
    if (task)
        add_standing(json, task, row);
    return json;
}

static json_t *json_of_phase(const plmr_tune_report *report, int phase, const plmr_tune_task *task)
{
    json_t *best = json_array();
    for (int i = 0; i < report->n_rows[phase]; i++)
        json_array_append_new(best, json_of_row(&report->rows[phase][i], task));
    return json_pack("{s:I, s:o, s:o?}", "looked_at", (json_int_t)report->n_looked[phase], "best", best, "paper",
                     report->has_paper[phase] ? json_of_row(&report->paper[phase], task) : NULL);
}

void plmr_tune_report_standing(const plmr_tune_report *report, const plmr_tune_task *task, plmr_standing *standing)
{
    unsigned parts = (unsigned)(report->rows[0][0].parts | report->rows[1][0].parts);
    plmr_standing_of(task->device, task->evidence, parts, task->shape->dtype, standing);
}

json_t *plmr_tune_report_json(const plmr_tune_report *report, const plmr_tune_task *task)
{
    plmr_standing standing;
    json_t *json = json_pack("{s:o, s:o}", phase_names[0], json_of_phase(report, 0, task), phase_names[1],
                             json_of_phase(report, 1, task));
    if (task) {
        plmr_tune_report_standing(report, task, &standing);
        json_object_update_new(json, plmr_standing_json(&standing));
    }
    return json;
}

/* ---- and back ---- */

static bool read_count(const json_t *json, plmr_tune_count *value)
{
    *value = json_integer_value(json);
    return json_is_integer(json) && *value >= 0;
}

static bool read_real(const json_t *json, plmr_tune_real *value)
{
    *value = json_number_value(json);
    return json_is_number(json);
}

static bool read_text(const json_t *json, plmr_tune_text *value)
{
    const char *text = json_string_value(json);
    return text && (size_t)snprintf(*value, sizeof *value, "%s", text) < sizeof *value;
}

static bool read_row(const json_t *json, plmr_tune_row *row)
{
    bool read = json_is_object(json);
#define X(type, key) read = read && read_##type(json_object_get(json, #key), &row->key);
    PLMR_TUNE_ROW_FIELDS(X)
#undef X
    return read && row->rows > 0 && row->cols > 0 && row->cycles >= 0;
}

static bool read_phase(const json_t *json, int phase, plmr_tune_report *report)
{
    const json_t *best = json_object_get(json, "best"), *paper = json_object_get(json, "paper");
    size_t n = json_array_size(best);
    bool read = read_count(json_object_get(json, "looked_at"), &report->n_looked[phase]) && n >= 1 &&
                n <= PLMR_TUNE_MOST_ROWS && paper;
    for (size_t i = 0; i < n && read; i++)
        read = read_row(json_array_get(best, i), &report->rows[phase][i]);
    report->n_rows[phase] = (int)n;
    report->has_paper[phase] = !json_is_null(paper);
    return read && (!report->has_paper[phase] || read_row(paper, &report->paper[phase]));
}

bool plmr_tune_report_read(const json_t *json, plmr_tune_report *report)
{
    memset(report, 0, sizeof *report);
    return read_phase(json_object_get(json, phase_names[0]), 0, report) &&
           read_phase(json_object_get(json, phase_names[1]), 1, report) && plmr_tune_report_agrees(report);
}
