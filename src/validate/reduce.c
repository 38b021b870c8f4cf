/* Reductions to the end of a row. */
#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "validate/validate.h"
#include "verbs/reduce.h"

/* A chain from the last of `n` members, `apart` cores between them, to the first, core `first`. */
static void add_chain(plmr_reduce_plan *plan, int first, int n, int apart)
{
    for (int i = n - 1; i > 0; i--)
        plmr_reduce_plan_leg(plan, first + i * apart, first + (i - 1) * apart, i % 2);
}

/* Groups of `step` cores: chains to their first cores, then one chain of these to core 0; a task starts where a chain has
 * come in. */
static plmr_status run_two_phase(plmr_trial_run *run)
{
    double p = plmr_config_number(run->config, "P", NAN), step = plmr_config_number(run->config, "step", NAN),
           n = plmr_config_number(run->config, "vector_elements", NAN);
    if (!(p >= 2 && p <= 1 << 16 && step >= 1 && n >= 1 && n < 1e9))
        return PLMR_OK;
    int cores = (int)p, apart = (int)fmin(step, p);
    plmr_reduce_plan *plan = plmr_take_zeroed(1, sizeof *plan);
    *plan = (plmr_reduce_plan){.n = cores, .device = &run->device, .is_draft = true};
    plan->routes = plmr_take_zeroed((size_t)cores, sizeof *plan->routes);
    plmr_reduce_plan_phase(plan, true);
    for (int first = 0; first < cores; first += apart)
        add_chain(plan, first, first + apart < cores ? apart : cores - first, 1);
    if (apart < cores)
        plmr_reduce_plan_phase(plan, true);
    add_chain(plan, 0, (cores + apart - 1) / apart, apart);
    int64_t hops, stages;
    plmr_reduce_plan_cycles(plan, (double)plmr_device_wavelets(&run->device, 4 * (int64_t)n), &run->cycles, &hops,
                            &stages);
    run->cycles += plan->n_phases * run->device.receive_task;
    plmr_reduce_plan_destroy(plan);
    return PLMR_OK;
}

const plmr_trial plmr_trial_two_phase = {"two-phase", "a two-phase reduction to the end of a row", run_two_phase};
