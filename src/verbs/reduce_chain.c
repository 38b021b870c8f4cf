#include "verbs/reduce.h"

/* The vendor's demonstration: through all cores to one end, then back to all. To a root from both ends. */
static plmr_status plan_chain(plmr_reduce_plan *plan)
{
    plan->root = plan->options.root;
    plmr_reduce_plan_phase(plan, true);
    for (int core = 0; core < plan->root; core++)
        plmr_reduce_plan_leg(plan, core, core + 1, 2 + core % 2);
    for (int core = plan->n - 1; core > plan->root; core--)
        plmr_reduce_plan_leg(plan, core, core - 1, core % 2);
    plmr_reduce_plan_phase(plan, false);
    for (int core = 1; core < plan->n; core++)
        plmr_reduce_plan_leg(plan, 0, core, 2);
    return PLMR_OK;
}

const plmr_reduce_algorithm plmr_reduce_chain = {
    .name = "chain",
    .summary = "through all cores to one end, then multicast back: 2N hops, N stages",
    .plan = plan_chain,
};
