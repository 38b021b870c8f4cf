/* Costs that prefill and decode have in common. */
#include "infer/cost.h"

#include "time/clock.h"
#include "time/trace.h"
#include "verbs/verbs.h"

const char *plmr_work_name(enum plmr_work work)
{
    static const char *const names[PLMR_N_WORKS] = {"projection", "attention", "elements", "allreduce",
                                                    "kv shift",   "relayout",  "stages"};
    return names[work];
}

plmr_status plmr_cost_note(plmr_cost_pass *pass, enum plmr_work work)
{
    double now = plmr_clock_max(pass->grid->region->clock);
    pass->work[work] += now - pass->t_cycles;
    pass->t_cycles = now;
    plmr_trace_section(pass->grid->region->trace, plmr_work_name(work));
    return PLMR_OK;
}

const plmr_llm_plan plmr_plan_waferllm = {
    .name = "waferllm",
    .summary = "MeshGEMM on interleaved rings, MeshGEMV with K-tree allreduces, a grid of its own for each phase",
};

/* Rounds of the exchange that brings every tile half the way round. */
static void rotate(const plmr_ring *ring, int64_t wavelets)
{
    plmr_flow flow = plmr_flow_exchange(ring, "relayout", NULL);
    for (int round = 0; round < plmr_ring_slots(ring) / 2; round++)
        plmr_flow_run(&flow, wavelets);
}

plmr_status plmr_cost_relayout(plmr_cost_pass *pass, int64_t n_bytes)
{
    int64_t wavelets = plmr_device_wavelets(pass->device, n_bytes);
    rotate(pass->grid->x, wavelets);
    rotate(pass->grid->y, wavelets);
    return plmr_cost_note(pass, PLMR_WORK_RELAYOUT);
}
