#include "fabric/reduce.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

void plmr_plan_phase(plmr_reduce_plan *plan, bool adds)
{
    plan->phases = plmr_take_more(plan->phases, ((size_t)plan->n_phases + 1) * sizeof *plan->phases);
    plan->phases[plan->n_phases++] = (plmr_phase){.adds = adds};
}

void plmr_plan_leg(plmr_reduce_plan *plan, int src, int dst, int route)
{
    plmr_phase *phase = &plan->phases[plan->n_phases - 1];
    if ((phase->n_legs & (phase->n_legs - 1)) == 0) { /* grow at powers of two */
        size_t capacity = phase->n_legs ? 2 * (size_t)phase->n_legs : 1;
        phase->legs = plmr_take_more(phase->legs, capacity * sizeof *phase->legs);
    }
    phase->legs[phase->n_legs++] = (plmr_leg){src, dst};
    int low = src < dst ? src : dst, high = src < dst ? dst : src;
    for (int core = low; core <= high && !plan->is_draft; core++)
        plan->routes[core] |= UINT64_C(1) << route;
}

void plmr_plan_clear(plmr_reduce_plan *plan)
{
    for (int i = 0; i < plan->n_phases; i++)
        free(plan->phases[i].legs);
    free(plan->phases);
    plan->phases = NULL;
    plan->n_phases = 0;
    memset(plan->routes, 0, sizeof *plan->routes * (size_t)plan->n);
}

/* ---- what a plan costs on one line ---- */

struct trace {
    double free, head;
    int64_t hops, stages;
};

static void trace_leg(const plmr_device *device, enum plmr_axis axis, const plmr_phase *phase, plmr_leg leg,
                      double wavelets, struct trace *core)
{
    struct trace *src = &core[leg.src], *dst = &core[leg.dst];
    plmr_way way = plmr_way_between(device, axis, leg.src, leg.dst);
    double arrival = src->head + way.flight, stream = way.word * wavelets;
    if (arrival >= dst->free) {
        dst->hops = src->hops + way.hops;
        dst->stages = src->stages + phase->adds;
    }
    double begin = arrival > dst->free ? arrival : dst->free;
    dst->free = begin + stream;
    dst->head = begin + (phase->whole ? stream : device->stage);
}

void plmr_reduce_plan_cycles(const plmr_device *device, const plmr_reduce_plan *plan, double wavelets, double *t_cycles,
                             int64_t *hops, int64_t *stages)
{
    struct trace *core = plmr_take_zeroed((size_t)plan->n, sizeof *core);
    for (int p = 0; p < plan->n_phases; p++) {
        for (int i = 0; i < plan->n; i++) {
            core[i].free += device->collective_launch;
            core[i].head = core[i].free;
        }
        for (int i = 0; i < plan->phases[p].n_legs; i++)
            trace_leg(device, plan->axis, &plan->phases[p], plan->phases[p].legs[i], wavelets, core);
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

/* ---- the links that it crosses ---- */

/* Legs of a multicast follow each other. Returns the first leg that is of another. */
static int multicast_path(const plmr_phase *phase, int i, void (*visit)(void *context, int from, int to), void *context)
{
    int src = phase->legs[i].src, low = src, high = src;
    for (; i < phase->n_legs && phase->legs[i].src == src; i++) {
        int dst = phase->legs[i].dst;
        low = dst < low ? dst : low;
        high = dst > high ? dst : high;
    }
    visit(context, src, low);
    visit(context, src, high);
    return i;
}

void plmr_plan_paths(const plmr_reduce_plan *plan, int first, int end, void (*visit)(void *context, int from, int to),
                     void *context)
{
    for (int p = first; p < end; p++) {
        const plmr_phase *phase = &plan->phases[p];
        for (int i = 0; i < phase->n_legs && phase->adds; i++)
            visit(context, phase->legs[i].src, phase->legs[i].dst);
        for (int i = 0; i < phase->n_legs && !phase->adds;)
            i = multicast_path(phase, i, visit, context);
    }
}

static void count_links(void *context, int from, int to)
{
    uint64_t *n_links = context;
    *n_links += (uint64_t)abs(to - from);
}

uint64_t plmr_plan_links(const plmr_reduce_plan *plan, int first, int end)
{
    uint64_t n_links = 0;
    plmr_plan_paths(plan, first, end, count_links, &n_links);
    return n_links;
}

/* ---- making a plan ---- */

static plmr_status fill_plan(plmr_reduce_plan *plan, const plmr_reduce_algorithm *algorithm, const plmr_device *device,
                             const plmr_reduce_options *options)
{
    double t_cycles;
    uint64_t all = 0;
    plan->routes = plmr_take_zeroed((size_t)plan->n, sizeof *plan->routes);
    PLMR_TRY(algorithm->plan(device, plan->n, options, plan));
    for (int core = 0; core < plan->n; core++)
        all |= plan->routes[core];
    plan->routes_program = __builtin_popcountll(all);
    if (!plan->ring) {
        plmr_reduce_plan_cycles(device, plan, PLMR_TYPICAL_WAVELETS, &t_cycles, &plan->hops, &plan->stages);
        return PLMR_OK;
    }
    plan->hops = 4 * (int64_t)plan->n - 7 + (plan->n == 3);
    plan->stages = 2 * (int64_t)(plan->n - 1);
    return PLMR_OK;
}

plmr_status plmr_reduce_plan_create(const plmr_reduce_algorithm *algorithm, const plmr_device *device,
                                    enum plmr_axis axis, int n, const plmr_reduce_options *options,
                                    plmr_reduce_plan **out)
{
    plmr_reduce_plan *plan = plmr_take_zeroed(1, sizeof *plan);
    plan->axis = axis;
    plan->n = n;
    plmr_status status = fill_plan(plan, algorithm, device, options);
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
        plmr_plan_clear(plan);
    free(plan->routes);
    free(plan);
}
