#include "baseline/plans.h"

static const plmr_llm_plan *const plans[] = {
    &plmr_plan_waferllm,
#define LLM_PLAN(name) &plmr_plan_##name,
#include "baseline/plan_list.h"
#undef LLM_PLAN
};

int plmr_plan_count(void)
{
    return (int)(sizeof plans / sizeof plans[0]);
}

const plmr_llm_plan *plmr_plan_at(int i)
{
    return plans[i];
}
