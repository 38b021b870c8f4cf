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
    PLMR_TRY(plmr_choose_phase(&run->session.device, run->shape, aim ? aim : &plmr_aim_throughput, !aim || asked->rows,
                               decode, setup, choice));
    PLMR_CHECK(
        !aim || choice->n_wafers || setup->allow_memory || setup->streams, PLMR_ERROR_LIMIT,
        "--for %s: %s of %s does not fit %s in any region that is looked at: choose fewer tokens, more --wafers or "
        "another device",
        aim->name, plmr_phase_name(decode), run->shape->name, run->session.device.name);
    return PLMR_OK;
}

static plmr_status choose_both(plmr_llm_run *run, plmr_llm_setup *setup, plmr_candidate choice[2])
{
    for (int decode = 1; decode >= 0; decode--)
        PLMR_TRY(choose(run, decode, setup, &choice[decode]));
    return PLMR_OK;
}

static double loss_of(const plmr_aim *aim, const plmr_candidate choice[2])
{
    return plmr_aim_add(aim, aim->loss(&choice[PLMR_PREFILL]), aim->loss(&choice[PLMR_DECODE]));
}

/* With experts on so many wafers in both phases, if that is better. */
static plmr_status try_wide(plmr_llm_run *run, plmr_llm_setup again, int wide, plmr_llm_setup *setup,
                            plmr_candidate choice[2])
{
    const plmr_aim *aim = setup->aim ? setup->aim : &plmr_aim_throughput;
    plmr_candidate other[2];
    again.phase[PLMR_PREFILL].wide = wide;
    plmr_status status = choose_both(run, &again, other);
    if (status && plmr_error_code(status) == PLMR_ERROR_LIMIT) {
        plmr_error_free(status);
        return PLMR_OK;
    }
    PLMR_TRY(status);
    if (!other[0].n_wafers || !other[1].n_wafers || loss_of(aim, other) >= loss_of(aim, choice))
        return PLMR_OK;
    *setup = again;
    choice[0] = other[0];
    choice[1] = other[1];
    return PLMR_OK;
}

/* Experts stay on their wafers, so those that share them are the same in both phases: as many as is best for both. */
static plmr_status choose_together(plmr_llm_run *run, plmr_llm_setup *setup, plmr_candidate choice[2])
{
    const plmr_llm_setup before = *setup;
    plmr_expert_setup experts = plmr_llm_experts(&before, PLMR_DECODE);
    bool is_open = plmr_expert_spread_of(&experts) == PLMR_EXPERTS_WHOLE && before.link.bytes_s > 0;
    int most = run->shape->n_experts < before.n_wafers ? run->shape->n_experts : before.n_wafers;
    PLMR_TRY(choose_both(run, setup, choice));
    if (!is_open || !choice[0].n_wafers || !choice[1].n_wafers)
        return PLMR_OK;
    for (int wide = 1, first = choice[1].wide; wide <= most; wide *= 2)
        if (wide != first)
            PLMR_TRY(try_wide(run, before, wide, setup, choice));
    return PLMR_OK;
}

/* What one of the phases takes wafers for, the other one can use. */
plmr_status plmr_llm_choose(plmr_llm_run *run)
{
    plmr_llm_setup *setup = &run->setup, again = *setup;
    plmr_candidate choice[2], more;
    PLMR_CHECK(!setup->aim || (!setup->as_published && setup->plan == &plmr_llm_plan_waferllm), PLMR_ERROR_INPUT,
               "--for chooses among placements of WaferLLM's plan: leave out --as-published and --plan");
    PLMR_TRY(choose_together(run, setup, choice));
    int less = choice[0].n_wafers > choice[1].n_wafers;
    if (!setup->aim || setup->n_wafers || !choice[less].n_wafers || choice[less].n_wafers == choice[!less].n_wafers)
        return PLMR_OK;
    again.n_wafers = choice[!less].n_wafers;
    PLMR_TRY(choose(run, less, &again, &more));
    setup->phase[less] = again.phase[less];
    return PLMR_OK;
}
