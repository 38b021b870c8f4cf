#include "verbs/reduce.h"

/* The vendor's demonstration: through all cores to one end, then back to all. */
static plmr_status plan_chain(const plmr_device *device, int n, const plmr_reduce_options *options,
                              plmr_reduce_plan *plan)
{
    (void)device, (void)options;
    plmr_plan_phase(plan, true);
    for (int core = n - 1; core > 0; core--)
        plmr_plan_leg(plan, core, core - 1, core % 2);
    plmr_plan_phase(plan, false);
    for (int core = 1; core < n; core++)
        plmr_plan_leg(plan, 0, core, 2);
    return PLMR_OK;
}

const plmr_reduce_algorithm plmr_reduce_chain = {
    .name = "chain",
    .summary = "through all cores to one end, then multicast back: 2N hops, N stages",
    .plan = plan_chain,
};
