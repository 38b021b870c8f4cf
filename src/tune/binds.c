#include "tune/tune.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- P and L: what the time goes into ---- */

/* The largest part of a phase's time that is not arithmetic. */
static const char *largest_delay(const plmr_phase_cost *cost, double *t_cycles)
{
    static const char *const names[] = {"moving tiles", "allreduces", "shifts of the cache", "the relayout",
                                        "passing from region to region"};
    const double delays[] = {0, cost->work[PLMR_WORK_ALLREDUCE], cost->work[PLMR_WORK_SHIFT],
                             cost->work[PLMR_WORK_RELAYOUT], cost->work[PLMR_WORK_STAGES]};
    int largest = 0;
    *t_cycles = cost->t_cycles - cost->compute_cycles;
    for (int i = 1; i < 5; i++)
        *t_cycles -= delays[i];
    for (int i = 1; i < 5; i++)
        if (delays[i] > *t_cycles) {
            largest = i;
            *t_cycles = delays[i];
        }
    return names[largest];
}

/* A tenth more rows and columns. */
static plmr_status look_larger(const plmr_tune_task *task, const plmr_tune_result *r, char text[64])
{
    plmr_phase_setup p = r->point;
    plmr_tune_result larger;
    plmr_status refusal;
    p.tree.n_group_levels = 0;
    p.rows += (p.rows + 9) / 10;
    p.cols += (p.cols + 9) / 10;
    snprintf(text, 64, "the device has no larger region");
    if (!plmr_defects_regions(task->device, p.rows, p.cols))
        return PLMR_OK;
    PLMR_TRY(plmr_tune_try(task, &p, &larger, &refusal));
    plmr_error_free(refusal);
    if (refusal)
        return PLMR_OK;
    double more = 100 * (larger.cost.t_cycles / r->cost.t_cycles - 1);
    snprintf(text, 64, "with %dx%d cores the time %s %.1f %%", p.rows, p.cols, more < 0 ? "falls" : "rises",
             fabs(more));
    return PLMR_OK;
}

static plmr_status find_work(const plmr_tune_task *task, const plmr_tune_result *r, plmr_tune_bind *bind)
{
    char larger[64];
    double delay, arithmetic = r->cost.compute_cycles;
    const char *name = largest_delay(&r->cost, &delay);
    bind->letter = 'L';
    snprintf(bind->why, sizeof bind->why, "nothing takes any time");
    if (r->cost.t_cycles == 0)
        return PLMR_OK;
    PLMR_TRY(look_larger(task, r, larger));
    bind->letter = 2 * arithmetic > r->cost.t_cycles ? 'P' : 'L';
    if (bind->letter == 'P')
        snprintf(bind->why, sizeof bind->why, "%.0f %% of the time is arithmetic; %s",
                 100 * arithmetic / r->cost.t_cycles, larger);
    else
        snprintf(bind->why, sizeof bind->why, "%.0f %% of the time is %s, %.0f %% arithmetic; %s",
                 100 * delay / r->cost.t_cycles, name, 100 * arithmetic / r->cost.t_cycles, larger);
    return PLMR_OK;
}

/* ---- M and R: what would be faster, but is more than there is ---- */

static bool lacks_memory(const plmr_tune_result *r, const plmr_tune_result *than)
{
    return (r->lack || r->n_wafers > than->n_wafers) && !r->over_routes;
}

static bool lacks_routes(const plmr_tune_result *r, const plmr_tune_result *than)
{
    return r->over_routes && !r->lack && r->n_wafers <= than->n_wafers;
}

/* The fastest choice that lacks something and is faster; NULL: none. */
static const plmr_tune_result *fastest(const plmr_tune_search *s, const plmr_tune_result *than,
                                       bool (*lacks)(const plmr_tune_result *r, const plmr_tune_result *than))
{
    const plmr_tune_result *best = NULL;
    for (int i = 0; i < s->n_results; i++) {
        const plmr_tune_result *r = &s->results[i];
        if (lacks(r, than) && r->cost.t_cycles < (best ? best : than)->cost.t_cycles)
            best = r;
    }
    return best;
}

static void say_memory(const plmr_tune_task *task, const plmr_tune_result *than, const plmr_tune_result *r,
                       plmr_tune_bind *bind)
{
    char lack[64], layers[40] = "";
    const plmr_placement *p = &r->placement;
    if (r->lack == PLMR_TUNE_LACKS_SRAM)
        snprintf(lack, sizeof lack, "a layer there needs %lld of %.0f bytes", (long long)p->sram_bytes,
                 task->device->sram);
    else if (r->lack == PLMR_TUNE_LACKS_CACHE)
        snprintf(lack, sizeof lack, "their cache holds %lld of %lld tokens", (long long)p->capacity,
                 (long long)r->n_tokens);
    else
        snprintf(lack, sizeof lack, "that takes %d regions, %d to a wafer", p->n_stages, p->n_regions);
    if (r->point.layers)
        snprintf(layers, sizeof layers, ", %d layers to a region,", p->layers_per_stage);
    bind->letter = 'M';
    snprintf(bind->why, sizeof bind->why, "%dx%d cores%s would take %.1f %% less time, but %s", p->rows, p->cols,
             layers, 100 * (1 - r->cost.t_cycles / than->cost.t_cycles), lack);
}

static void say_routes(const plmr_tune_task *task, const plmr_tune_result *than, const plmr_tune_result *r,
                       plmr_tune_bind *bind)
{
    bind->letter = 'R';
    snprintf(bind->why, sizeof bind->why,
             "K = %d on %dx%d cores would take %.1f %% less time, but needs %d routes of %.0f", r->point.tree.n_levels,
             r->point.rows, r->point.cols, 100 * (1 - r->cost.t_cycles / than->cost.t_cycles), r->cost.routes_max,
             task->device->routes);
}

plmr_status plmr_tune_find_binds(const plmr_tune_search *s, const plmr_tune_result *result,
                                 plmr_tune_bind binds[PLMR_TUNE_BINDS], int *n)
{
    const plmr_tune_result *memory = fastest(s, result, lacks_memory), *routes = fastest(s, result, lacks_routes);
    *n = 0;
    PLMR_TRY(find_work(s->task, result, &binds[(*n)++]));
    if (memory)
        say_memory(s->task, result, memory, &binds[(*n)++]);
    if (routes)
        say_routes(s->task, result, routes, &binds[(*n)++]);
    return PLMR_OK;
}
