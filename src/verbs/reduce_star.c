#include "verbs/reduce.h"

static plmr_status plan_star(plmr_reduce_plan *plan)
{
    plan->root = plan->options.root;
    plmr_reduce_plan_phase(plan, true);
    for (int distance = 1; distance < plan->n; distance++) {
        if (plan->root - distance >= 0)
            plmr_reduce_plan_leg(plan, plan->root - distance, plan->root, 2);
        if (plan->root + distance < plan->n)
            plmr_reduce_plan_leg(plan, plan->root + distance, plan->root, 0);
    }
    plmr_reduce_plan_phase(plan, false);
    for (int core = 1; core < plan->n; core++)
        plmr_reduce_plan_leg(plan, 0, core, 1);
    return PLMR_OK;
}

const plmr_reduce_algorithm plmr_reduce_star = {
    .name = "star",
    .summary = "all cores send straight to one, which adds them one after the other",
    .plan = plan_star,
};
