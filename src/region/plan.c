#include "region/plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

void plmr_reduce_plan_phase(plmr_reduce_plan *plan, bool adds)
{
    plan->drops = plan->options.to_root && !adds;
    if (plan->drops)
        return;
    plan->phases = plmr_take_more(plan->phases, ((size_t)plan->n_phases + 1) * sizeof *plan->phases);
    plan->phases[plan->n_phases++] = (plmr_phase){.adds = adds};
}

void plmr_reduce_plan_leg(plmr_reduce_plan *plan, int src, int dst, int route)
{
    if (plan->drops)
        return;
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

void plmr_reduce_plan_clear(plmr_reduce_plan *plan)
{
    for (int i = 0; i < plan->n_phases; i++)
        free(plan->phases[i].legs);
    free(plan->phases);
    plan->phases = NULL;
    plan->n_phases = 0;
    memset(plan->routes, 0, sizeof *plan->routes * (size_t)plan->n);
}
