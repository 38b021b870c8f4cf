#include "verbs/reduce.h"

/* Binary: at distance 1, 2, 4 ... the upper of two cores sends to the lower. */
static plmr_status plan_tree(plmr_reduce_plan *plan)
{
    int level = 0;
    plmr_reduce_plan_phase(plan, true);
    plan->phases[0].whole = true;
    for (int distance = 1; distance < plan->n; distance *= 2, level++)
        for (int core = 0; core + distance < plan->n; core += 2 * distance)
            plmr_reduce_plan_leg(plan, core + distance, core, level);
    plmr_reduce_plan_phase(plan, false);
    for (int core = 1; core < plan->n; core++)
        plmr_reduce_plan_leg(plan, 0, core, level);
    return PLMR_OK;
}

const plmr_reduce_algorithm plmr_reduce_tree = {
    .name = "tree",
    .summary = "binary tree: log2 N levels, each adding whole vectors",
    .plan = plan_tree,
};
