#include "region/plan.h"

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
