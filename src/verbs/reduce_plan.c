#include "verbs/reduce.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* ---- what a plan costs on one line ---- */

struct trace {
    double free, head;
    double pace; /* cycles for each word of what it passes on */
    int64_t hops, stages;
};

static void trace_leg(const plmr_reduce_plan *plan, const plmr_phase *phase, plmr_leg leg, double wavelets,
                      struct trace *core)
{
    struct trace *src = &core[leg.src], *dst = &core[leg.dst];
    plmr_way way = plmr_way_between(plan->device, plan->axis, leg.src, leg.dst);
    double arrival = src->head + way.flight, pace = way.borders ? way.word : src->pace, stream = pace * wavelets;
    if (arrival >= dst->free) {
        dst->hops = src->hops + way.hops;
        dst->stages = src->stages + phase->adds;
    }
    double begin = arrival > dst->free ? arrival : dst->free;
    dst->free = begin + stream;
    dst->head = begin + (phase->whole ? stream : plmr_way_forward(plan->device));
    dst->pace = phase->whole ? plan->device->link : pace;
}

void plmr_reduce_plan_cycles(const plmr_reduce_plan *plan, double wavelets, double *t_cycles, int64_t *hops,
                             int64_t *stages)
{
    struct trace *core = plmr_take_zeroed((size_t)plan->n, sizeof *core);
    for (int p = 0; p < plan->n_phases; p++) {
        for (int i = 0; i < plan->n; i++) {
            core[i].free += plan->device->collective_launch;
            core[i].head = core[i].free;
            core[i].pace = plan->device->link;
        }
        for (int i = 0; i < plan->phases[p].n_legs; i++)
            trace_leg(plan, &plan->phases[p], plan->phases[p].legs[i], wavelets, core);
    }
    struct trace last = core[0];
    for (int i = 1; i < plan->n; i++)
        if (core[i].free > last.free)
            last = core[i];
    free(core);
    *t_cycles = last.free;
    *hops = last.hops;
    *stages = last.stages;
}

/* ---- making a plan ---- */

enum { ROUTE_ONWARD = 63 };

/* What ends at a core of the algorithm's own choice goes on to the root. */
static plmr_status end_at_root(plmr_reduce_plan *plan, const char *name)
{
    PLMR_CHECK(!plan->kind, PLMR_ERROR_INPUT,
               "%s leaves a part of the sum on every core, and has no root: choose another, such as two-phase", name);
    if (plan->root == plan->options.root)
        return PLMR_OK;
    bool to_root = plan->options.to_root;
    plan->options.to_root = false;
    plmr_reduce_plan_phase(plan, false);
    plmr_reduce_plan_leg(plan, plan->root, plan->options.root, ROUTE_ONWARD);
    plan->options.to_root = to_root;
    return PLMR_OK;
}

static plmr_status fill_plan(plmr_reduce_plan *plan, const plmr_reduce_algorithm *algorithm)
{
    double t_cycles;
    uint64_t all = 0;
    plan->routes = plmr_take_zeroed((size_t)plan->n, sizeof *plan->routes);
    PLMR_TRY(algorithm->plan(plan));
    if (plan->options.to_root)
        PLMR_TRY(end_at_root(plan, algorithm->name));
    plmr_reduce_plan_count(plan);
    for (int core = 0; core < plan->n; core++)
        all |= plan->routes[core];
    plan->routes_program = __builtin_popcountll(all);
    if (!plan->kind)
        plmr_reduce_plan_cycles(plan, PLMR_TYPICAL_WAVELETS, &t_cycles, &plan->hops, &plan->stages);
    return PLMR_OK;
}

plmr_status plmr_reduce_plan_create(const plmr_reduce_algorithm *algorithm, const plmr_device *device,
                                    enum plmr_axis axis, int n, const plmr_reduce_options *options,
                                    plmr_reduce_plan **out)
{
    PLMR_CHECK(options->root >= 0 && options->root < n, PLMR_ERROR_INPUT,
               "core %d is not among the %d of a line: it cannot be the root", options->root, n);
    plmr_reduce_plan *plan = plmr_take_zeroed(1, sizeof *plan);
    *plan = (plmr_reduce_plan){.device = device, .options = *options, .axis = axis, .n = n};
    plmr_status status = fill_plan(plan, algorithm);
    if (status)
        plmr_reduce_plan_destroy(plan);
    else
        *out = plan;
    return status;
}

void plmr_reduce_plan_destroy(plmr_reduce_plan *plan)
{
    if (!plan)
        return;
    if (plan->routes)
        plmr_reduce_plan_clear(plan);
    free(plan->routes);
    free(plan);
}
