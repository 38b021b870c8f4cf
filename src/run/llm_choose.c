/* Regions by what they are to be best for. */
#include "infer/choose.h"
#include "run/llm.h"

/* Without an aim, a batch has what is best for it on the region that it has anyway. */
static plmr_status choose(plmr_llm_run *run, bool decode, plmr_llm_setup *setup, plmr_candidate *choice)
{
    const plmr_phase_setup *asked = &run->options->setup.phase[decode];
    const plmr_aim *aim = setup->aim;
    *choice = (plmr_candidate){0};
    if (!setup->phase[decode].rows || setup->as_published || (!aim && (setup->n_batch == 1 || asked->layers)))
        return PLMR_OK;
    PLMR_TRY(plmr_choose_phase(run->session.ranks, &run->session.device, run->shape, aim ? aim : &plmr_aim_throughput,
                               !aim || asked->rows, decode, setup, choice));
    PLMR_CHECK(
        !aim || choice->n_wafers || setup->allow_memory || setup->streams, PLMR_ERROR_LIMIT,
        "--for %s: %s of %s does not fit %s in any region that is looked at: choose fewer tokens, more --wafers or "
        "another device",
        aim->name, decode ? "decode" : "prefill", run->shape->name, run->session.device.name);
    return PLMR_OK;
}

/* What one of the phases takes wafers for, the other one can use. */
plmr_status plmr_llm_choose(plmr_llm_run *run)
{
    plmr_llm_setup *setup = &run->setup, again = *setup;
    plmr_candidate choice[2], more;
    PLMR_CHECK(!setup->aim || (!setup->as_published && setup->plan == &plmr_llm_plan_waferllm), PLMR_ERROR_INPUT,
               "--for chooses among placements of WaferLLM's plan: leave out --as-published and --plan");
    for (int decode = 1; decode >= 0; decode--)
        PLMR_TRY(choose(run, decode, setup, &choice[decode]));
    int less = choice[0].n_wafers > choice[1].n_wafers;
    if (!setup->aim || setup->n_wafers || !choice[less].n_wafers || choice[less].n_wafers == choice[!less].n_wafers)
        return PLMR_OK;
    again.n_wafers = choice[!less].n_wafers;
    PLMR_TRY(choose(run, less, &again, &more));
    setup->phase[less] = again.phase[less];
    return PLMR_OK;
}
