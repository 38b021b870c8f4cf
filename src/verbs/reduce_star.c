#include "verbs/reduce.h"

static plmr_status plan_star(plmr_reduce_plan *plan)
{
    plmr_reduce_plan_phase(plan, true);
    for (int core = 1; core < plan->n; core++)
        plmr_reduce_plan_leg(plan, core, 0, 0);
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
