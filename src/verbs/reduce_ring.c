#include "verbs/reduce.h"

#include "base/hint.h"

static plmr_status plan_ring(const plmr_device *device, int n, const plmr_reduce_options *options,
                             plmr_reduce_plan *plan)
{
    (void)device, (void)options;
    PLMR_CHECK(n >= 3, PLMR_ERROR_INPUT, "a ring needs at least 3 cores, not %d: choose %s", n,
               plmr_hint("a larger --cores", "a larger region, or another algorithm"));
    plan->ring = true;
    for (int core = 0; core < n; core++)
        plan->routes[core] = core > 0 && core < n - 1 ? 7 : 3;
    return PLMR_OK;
}

const plmr_reduce_algorithm plmr_reduce_ring = {
    .name = "ring",
    .summary = "chunks stream round the interleaved ring twice: least traffic for long vectors",
    .plan = plan_ring,
};
