#include "verbs/reduce.h"

/* Binary: at distance 1, 2, 4 ... the upper of two cores sends to the lower. */
static plmr_status plan_tree(const plmr_device *device, int n, const plmr_reduce_options *options,
                             plmr_reduce_plan *plan)
{
    (void)device, (void)options;
    int level = 0;
    plmr_plan_phase(plan, true);
    plan->phases[0].whole = true;
    for (int distance = 1; distance < n; distance *= 2, level++)
        for (int core = 0; core + distance < n; core += 2 * distance)
            plmr_plan_leg(plan, core + distance, core, level);
    plmr_plan_phase(plan, false);
    for (int core = 1; core < n; core++)
        plmr_plan_leg(plan, 0, core, level);
    return PLMR_OK;
}

const plmr_reduce_algorithm plmr_reduce_tree = {
    .name = "tree",
    .summary = "binary tree: log2 N levels, each adding whole vectors",
    .plan = plan_tree,
};
